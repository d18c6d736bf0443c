"""Plans from a database: the same as from files, and what a person is told."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import numdip
from conftest import PATIENCE, PORTED, Command, environment
from numdip import PlanError
from numdip.plan import Database, build
from numdip.plan.postgresql_uri import Uri
from postgresql_server import PASSWORD, PASSWORD_IN_URI, PostgreSQL, running

NUMBERS = ["+447786852522", "+442079460148", "+13392986156", "+13392986157", "+447786000001"]
NUMBERS += ["+393400000000", "+4477", "+99"]

TABLES = [
    "CREATE TYPE service AS ENUM ('mobile', 'fixed', 'fixed-or-mobile')",
    "CREATE DOMAIN code AS varchar(3)",
    """CREATE TABLE ranges (prefix bigint, min_length smallint, max_length integer, country char(2),
       kind service, mcc code, mnc char(3), operator text, portable boolean)""",
    """INSERT INTO ranges VALUES
       (447786, 12, 12, 'GB', 'mobile', '234', '15', 'Vodafone', true),
       (4420, 12, 12, 'GB', 'fixed', '234', NULL, 'BT', true),
       (1339, 11, 11, 'US', 'fixed-or-mobile', NULL, NULL, NULL, true),
       (3934, 12, 12, 'IT', 'mobile', '222', '01', 'TIM', false)""",
    "CREATE TABLE ported (number numeric(15,0), mcc text, mnc text, operator varchar, since date)",
    """INSERT INTO ported VALUES (13392986156, '310', '012', 'Verizon Wireless', now()),
       (447786000001, '234', '30', 'EE', NULL)""",
]


@pytest.fixture(scope="module")
def server() -> Iterator[PostgreSQL]:
    with running() as server:
        server.execute(*TABLES)
        yield server


@pytest.fixture
def refusal(server: PostgreSQL, tmp_path: Path) -> Callable[..., str]:
    """Builds from queries that cannot be read, and gives the error's one line."""

    def find(*queries: str, uri: str = "") -> str:
        with pytest.raises(PlanError) as caught:
            build([], str(tmp_path / "o.snap"), database=Database(uri or server.uri, queries))
        assert os.listdir(tmp_path) == []
        assert caught.value.report == ""
        assert "\n" not in str(caught.value)
        assert PASSWORD not in str(caught.value)
        assert PASSWORD_IN_URI not in str(caught.value)
        return str(caught.value)

    return find


def answers(path: Path) -> list[dict[str, Any] | None]:
    """What a snapshot says of :data:`NUMBERS`, but for where it says it from."""
    found = [numdip.open(path).lookup(number) for number in NUMBERS]
    return [answer and answer.to_dict() | {"source": ""} for answer in found]


# ---------- What can be read ---------------------------------------------------------------------


def test_two_queries_give_the_answers_of_the_equivalent_files(
    server: PostgreSQL, tmp_path: Path, snapshot: Path
) -> None:
    out, notes = tmp_path / "database.snap", list[str]()
    # A comment and a semicolon at the end are as people write queries.
    queries = ["SELECT * FROM ranges ORDER BY prefix; ", "TABLE ported -- all"]
    built = build([], str(out), database=Database(server.uri, queries), note=notes.append)
    assert (built.ranges, built.ported, built.networks) == (4, 2, 6)
    assert answers(out) == answers(snapshot)
    assert notes == ["query 2: ignored columns: since"]


def test_sources_name_database_and_query_and_no_password(
    server: PostgreSQL, tmp_path: Path
) -> None:
    out = tmp_path / "out.snap"
    build([], str(out), database=Database(server.uri, ["TABLE ranges", "TABLE ported"]))
    opened = numdip.open(out)
    found = [opened.lookup(number) for number in ("+447786852522", "+447786000001")]
    assert [answer and answer.source for answer in found] == [
        "postgres (query 1)",
        "postgres (query 2)",
    ]
    for holds in ("ranges", "ported numbers"):
        assert f'"holds": "{holds}"' in opened.meta
    octets = out.read_bytes()
    assert PASSWORD.encode() not in octets
    assert PASSWORD_IN_URI.encode() not in octets


def test_results_come_before_files(server: PostgreSQL, tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text(PORTED.replace("310,012", "310,260"))
    out = tmp_path / "out.snap"
    database = Database(server.uri, ["TABLE ported"])
    built = build([str(tmp_path / "p.csv")], str(out), database=database, on_duplicate="last")
    answer = numdip.open(out).lookup("+13392986156")
    assert built.replaced == 2
    assert answer is not None
    assert answer.mnc == "260"


def test_password_may_come_from_the_environment(
    server: PostgreSQL, tmp_path: Path, numdip_command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    uri = f"postgresql://numdip@/postgres?host={server.folder}&port={server.port}"
    done = numdip_command(
        *("plan", "build", "--from", uri, "--query", "TABLE ranges", "-o", tmp_path / "o.snap")
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert ": 4 ranges, 0 ported numbers" in done.stdout


def test_rows_are_numbered_through_all_batches(server: PostgreSQL, tmp_path: Path) -> None:
    # Of 16 MiB each, so there are two.
    query = """SELECT 447786000000 + i AS number, '234' AS mcc, repeat('x', 200) AS operator,
        CASE i WHEN 110000 THEN 'bad' ELSE '15' END AS mnc FROM generate_series(1, 120000) AS i"""
    database = Database(server.uri, [query])
    built = build([], str(tmp_path / "out.snap"), database=database, on_error="skip")
    assert (built.ported, built.left_out) == (119_999, 1)
    assert built.faults[0].startswith('query 1 (row 110000): column "mnc": found "bad", expected')


def test_queries_see_the_database_at_one_moment(server: PostgreSQL, tmp_path: Path) -> None:
    server.execute("CREATE TABLE moving (number bigint)")

    def note(text: str) -> None:  # told between the queries: one column is ignored
        server.execute("INSERT INTO moving VALUES (447786000009)")

    query = "SELECT number, '234' AS mcc, '15' AS mnc, 1 AS extra FROM moving"
    database = Database(server.uri, ["TABLE ranges", query])
    assert build([], str(tmp_path / "out.snap"), database=database, note=note).ported == 0


# ---------- What cannot --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "told"),
    [
        (" ; ", "is empty; expected a query that gives rows"),
        ("SELECT nope FROM ported", 'column "nope" does not exist at character 8'),
        ("SELEC 1", 'syntax error at or near "1" at character 7; expected a query that gives rows'),
        ("DELETE FROM ported", "expected a query that gives rows, such as SELECT"),
        ("SELECT number, mcc FROM ported", "a query of ported numbers that lacks mnc; found"),
        ("SELECT mcc FROM ported", "neither of prefix and number; expected prefix in a query of"),
        ("SELECT *, mcc FROM ported", 'column "mcc" is there twice'),
        (
            "SELECT number, mcc, mnc::integer FROM ported",
            "column mnc is integer, and a stored 12 could have been 012; mnc must be text",
        ),
        (
            "SELECT number, mcc::numeric, mnc FROM ported",
            "column mcc is numeric, and a stored 12 could have been 012; mcc must be text",
        ),
        (
            "SELECT number::float8, mcc, mnc FROM ported",
            "column number is double precision, expected text or integers",
        ),
        ("SELECT prefix, mcc, mnc, 1 AS portable FROM ranges", "expected text or boolean"),
        ("SELECT number, mcc, mnc, since AS operator FROM ported", "is date, expected text"),
        (
            """SELECT 447786000000 + 1 / (i - 110000) AS number, '234' AS mcc, '15' AS mnc,
               repeat('x', 200) AS operator FROM generate_series(1, 120000) AS i""",
            "division by zero",
        ),
    ],
)
def test_query_that_cannot_be_read_is_refused_by_its_name(
    refusal: Callable[..., str], query: str, told: str
) -> None:
    found = refusal("TABLE ranges", query)
    assert found.startswith("query 2: ")
    assert told in found


def test_query_cannot_change_the_database(server: PostgreSQL, refusal: Callable[..., str]) -> None:
    server.execute(
        "CREATE FUNCTION wipe() RETURNS bigint LANGUAGE sql AS 'DELETE FROM ported RETURNING 1'"
    )
    found = refusal("SELECT wipe() AS number, '234' AS mcc, '15' AS mnc")
    assert "read-only transaction" in found


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ((PASSWORD_IN_URI, "wr0ng"), "password authentication failed for user"),
        ((f":{PASSWORD_IN_URI}", ""), "no password supplied; give the right one in PGPASSWORD"),
        (("/postgres", "/nope"), 'database "nope" does not exist'),
        (("/postgres", f"/{PASSWORD_IN_URI}"), 'database "***" does not exist'),
        (("127.0.0.1", "host.invalid"), "is the host right?"),
    ],
)
def test_server_that_does_not_let_us_in_is_told(
    server: PostgreSQL, refusal: Callable[..., str], change: tuple[str, str], told: str
) -> None:
    found = refusal("TABLE ranges", uri=server.uri.replace(*change))
    assert found.startswith("database: ")
    assert told in found
    assert "wr0ng" not in found


def test_server_that_is_not_there_is_told(refusal: Callable[..., str]) -> None:
    uri = f"postgresql://numdip:{PASSWORD_IN_URI}@127.0.0.1:1/postgres"
    assert "is PostgreSQL running there" in refusal("TABLE ranges", uri=uri)


# ---------- Bad rows -----------------------------------------------------------------------------

BAD = "SELECT * FROM (VALUES ('4477', '234', '15'), ('4478', '23', '15')) AS t (number, mcc, mnc)"


def test_bad_rows_are_reported_by_query_and_row(
    server: PostgreSQL, tmp_path: Path, numdip_command: Command
) -> None:
    arguments = ["plan", "build", "--from", server.uri, "--query", BAD, "-o", tmp_path / "o.snap"]
    done = numdip_command(*arguments)
    assert done.returncode == 1
    assert 'query 1 (row 2): column "mcc": found "23", expected three digits' in done.stderr
    assert os.listdir(tmp_path) == []
    done = numdip_command(*arguments, "--on-error", "skip")
    assert done.returncode == 0
    assert "1 bad rows left out" in done.stdout


def test_duplicate_names_query_and_file(server: PostgreSQL, tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text(PORTED)
    database = Database(server.uri, ["TABLE ported"])
    with pytest.raises(PlanError) as caught:
        build([str(tmp_path / "p.csv")], str(tmp_path / "out.snap"), database=database)
    assert "p.csv:2: number 13392986156 is in query 1 (row 1) already" in caught.value.report


# ---------- The command --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--from", "postgresql://localhost/x"],
        ["--query", "TABLE ranges"],
        ["--query", "TABLE ranges", "ranges.csv"],
    ],
)
def test_from_and_query_need_each_other(numdip_command: Command, arguments: list[str]) -> None:
    done = numdip_command("plan", "build", "-o", "o.snap", *arguments)
    assert done.returncode == 2
    assert "--query" in done.stderr


def test_refusal_is_one_line_and_exit_code_2(numdip_command: Command, tmp_path: Path) -> None:
    uri = "postgresql://numdip:s3cr3t@127.0.0.1:1/x"
    done = numdip_command(
        *("plan", "build", "--from", uri, "--query", "TABLE ranges", "-o", tmp_path / "o.snap")
    )
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert done.stderr.startswith("numdip: database: connection to server at")
    assert "s3cr3t" not in done.stderr


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, -signal.SIGTERM)]
)
@pytest.mark.parametrize(
    "query",
    [
        "SELECT pg_sleep(600)::text AS number, '234' AS mcc, '15' AS mnc",
        "SELECT i AS number, '234' AS mcc, '15' AS mnc FROM generate_series(1, 999999999999) AS i",
    ],
)
def test_interrupted_build_leaves_nothing(
    server: PostgreSQL, tmp_path: Path, query: str, number: signal.Signals, code: int
) -> None:
    command = ["numdip", "plan", "build", "--from", server.uri, "--query", query, "-o", "o.snap"]
    with subprocess.Popen(
        [sys.executable, "-m", *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
        cwd=tmp_path,
    ) as process:
        server.wait_for_queries("EXISTS (SELECT 1 {others} AND query LIKE 'COPY%')")
        process.send_signal(number)
        output, errors = process.communicate(timeout=PATIENCE)
    assert (process.returncode, output, errors) == (code, b"", b"")
    assert os.listdir(tmp_path) == []
    if number == signal.SIGINT:  # the server does not go on for nobody
        server.wait_for_queries("NOT EXISTS (SELECT 1 {others} AND query LIKE 'COPY%')")
    else:
        server.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'COPY%'"
        )


def test_without_the_driver_one_line_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "adbc_driver_manager.py").write_text("raise ImportError('hidden')")
    env = environment()
    env["PYTHONPATH"] = os.pathsep.join(filter(None, [str(tmp_path), env.get("PYTHONPATH", "")]))
    command = ["numdip", "plan", "build", "--from", "postgresql://x", "--query", "TABLE y"]
    done = subprocess.run(
        [sys.executable, "-m", *command, "-o", "o.snap"],
        capture_output=True,
        text=True,
        env=env,
        cwd=tmp_path,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        'numdip: databases are read with ADBC\'s driver: pip install "numdip[postgresql]"\n'
    )


# ---------- The URI ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://user:s3cr3t/x@host/db",
        "postgresql://user:s3cr3t@x@host/db",
        "postgresql://user:s3cr3t?x@host/db",
        "postgresql://user:s3cr3t#x@host/db",
        "postgresql://user:s3cr3t:x@host/db",
        "postgresql://user:s3cr3t%@host/db",
        "postgresql://user:s3cr3t",
        "postgresql://host:s3cr3t/db",
        "postgresql://user:s3cr3t@host/db/x@y",
        "postgresql://user:s3cr3t@[::1/db",
        "mysql://user:s3cr3t@host/db",
        "user:s3cr3t@host/db",
        "host=localhost password=s3cr3t",
        "s3cr3t",
        "",
    ],
)
def test_uri_that_would_be_misread_is_refused_and_not_shown(text: str) -> None:
    with pytest.raises(PlanError, match="expected postgresql://user@host:port/database") as caught:
        Uri(text)
    assert "s3cr3t" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://",
        "postgres://host",
        "postgresql://user@host:5432/db",
        "postgresql://user@[::1]:5432/db",
        "postgresql://user@one:1,two:2,three/db?target_session_attrs=any",
        "postgresql:///db?host=/var/run/postgresql",
        "postgresql://%2Fvar%2Frun%2Fpostgresql/db",
    ],
)
def test_uri_of_any_documented_shape_is_taken(text: str) -> None:
    assert Uri(text).text == text


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://user:s3%2Fcr@host/db",
        "postgresql:///db?user=u&password=s3/cr&connect_timeout=3",
        "postgresql:///db?sslpassword=s3%2fcr",
    ],
)
def test_password_is_taken_out_of_any_text(text: str) -> None:
    uri = Uri(text)
    assert uri.without_password("is s3/cr, no") == "is ***, no"
    assert text not in repr(uri)
    assert "s3" not in repr(Database(text, []))
