"""Plan files as people have them: CSV plain, compressed and broken, Parquet, and what is told."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import dns.message
import polars as pl
import pytest

import numdip
from conftest import (
    PORTED,
    PORTED_HEADER,
    RANGE_HEADER,
    RANGES,
    Command,
    WriteFile,
    environment,
    mnc,
)
from numdip.plan import Progress, build
from numdip.plan.stats import LARGEST, statistics

# ---------- What can be read ---------------------------------------------------------------------


def test_build_counts_rows_and_keeps_leading_zeros(
    tmp_path: Path, ranges_csv: Path, ported_csv: Path
) -> None:
    out = tmp_path / "out.snap"
    built = build([str(ranges_csv), str(ported_csv)], str(out))
    assert (built.ranges, built.ported, built.left_out) == (4, 2, 0)
    assert mnc(out, "+13392986156") == "012"
    assert mnc(out, "+393400000000") == "01"


def test_build_twice_gives_the_same_octets(
    tmp_path: Path, ranges_csv: Path, ported_csv: Path
) -> None:
    outs = [tmp_path / "one.snap", tmp_path / "two.snap"]
    for out in outs:
        build([str(ranges_csv), str(ported_csv)], str(out), time="2026-03-01")
    assert outs[0].read_bytes() == outs[1].read_bytes()


def zstd(content: bytes) -> bytes:
    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        from backports import zstd
    compressed: bytes = zstd.compress(content)
    return compressed


@pytest.mark.parametrize(
    ("name", "pack"),
    [
        ("ranges.csv", bytes),
        ("ranges.csv.gz", gzip.compress),
        ("ranges.csv.zst", zstd),
        ("ranges", gzip.compress),  # its first octets say what it is
        ("bom.csv", lambda content: b"\xef\xbb\xbf" + content),
        ("crlf.csv", lambda content: content.replace(b"\n", b"\r\n")),
        ("open-end.csv", lambda content: content.rstrip(b"\n")),
        ("blank-lines.csv", lambda content: content.replace(b"\n", b"\n\n\n")),
        ("quoted.csv", lambda content: content.replace(b"Vodafone", b'"Vodafone"')),
    ],
)
def test_csv_in_any_dress_gives_the_same_rows(
    tmp_path: Path, write: WriteFile, name: str, pack: Callable[[bytes], bytes]
) -> None:
    path = write(name, pack(RANGES.encode()))
    out = tmp_path / "out.snap"
    assert build([str(path)], str(out)).ranges == 4
    assert mnc(out, "+393400000000") == "01"


@pytest.mark.parametrize("pack", [bytes, gzip.compress, zstd])
def test_csv_may_come_through_a_pipe(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    fifo = tmp_path / "ranges.csv"
    os.mkfifo(fifo)
    writer = threading.Thread(target=fifo.write_bytes, args=[pack(RANGES.encode())])
    writer.start()
    assert build([str(fifo)], str(tmp_path / "out.snap")).ranges == 4
    writer.join()


def test_csv_text_with_commas_quotes_and_other_scripts_is_kept(
    tmp_path: Path, write: WriteFile
) -> None:
    path = write(
        "p.csv", f'{PORTED_HEADER}\n4477,234,15,"Smith, ""Jones"" & Søn"\n4478,234,15,電話\n'
    )
    out = tmp_path / "out.snap"
    build([str(path)], str(out))
    db = numdip.open(out)
    operators = [db.lookup(number).operator for number in ("4477", "4478")]  # type: ignore[union-attr]
    assert operators == ['Smith, "Jones" & Søn', "電話"]


def test_source_column_of_ranges_is_honoured(tmp_path: Path, write: WriteFile) -> None:
    header, row, *_ = RANGES.splitlines()
    path = write("r.csv", f"{header},source\n{row},national regulator 2026-01\n")
    out = tmp_path / "out.snap"
    build([str(path)], str(out))
    answer = numdip.open(out).lookup("+447786852522")
    assert answer is not None
    assert answer.source == "national regulator 2026-01"


def test_extra_columns_are_ignored_and_named_once(tmp_path: Path, write: WriteFile) -> None:
    rows = PORTED.replace("\n", ",x,y\n").replace("operator,x,y", "operator,colour,size")
    path = write("p.csv", rows)
    notes: list[str] = []
    build([str(path)], str(tmp_path / "out.snap"), note=notes.append)
    assert notes == [f"{path}: ignored columns: colour, size"]


def test_ignored_column_that_was_meant_to_be_another_is_asked_about(
    tmp_path: Path, write: WriteFile
) -> None:
    path = write("r.csv", RANGES.replace("min_length", "min_lenght"))
    notes: list[str] = []
    build([str(path)], str(tmp_path / "out.snap"), note=notes.append)
    assert notes == [
        f'{path}: ignored columns: min_lenght; is "min_lenght" meant to be min_length?'
    ]


def test_ranges_need_no_more_than_prefix_and_network(tmp_path: Path, write: WriteFile) -> None:
    build([str(write("r.csv", "prefix,mcc,mnc\n4477,234,15\n"))], str(tmp_path / "out.snap"))
    assert mnc(tmp_path / "out.snap", "+447700900123") == "15"


def test_optional_columns_of_ported_numbers_are_no_extra_columns(
    tmp_path: Path, write: WriteFile
) -> None:
    path = write(
        "p.csv",
        "number,mcc,mnc,operator,spid,rn,rn_context\n4477,234,15,Vodafone,1234,d2701,+44\n",
    )
    notes: list[str] = []
    build([str(path)], str(tmp_path / "out.snap"), note=notes.append)
    answer = numdip.open(tmp_path / "out.snap").lookup("4477")
    assert answer is not None
    assert (answer.spid, answer.rn, answer.rn_context, notes) == ("1234", "d2701", "+44", [])
    assert list(answer.to_dict())[-4:] == ["spid", "rn", "rn_context", "source"]


def test_local_routing_number_without_context_is_told_with_the_mend(
    write: WriteFile, report: Callable[..., str]
) -> None:
    path = write("p.csv", "number,mcc,mnc,rn\n4477,234,15,d2701\n")
    assert f'{path}:2: column "rn_context": found "", expected the context' in report(path)


@pytest.mark.parametrize(
    ("rn", "context", "parameters"),
    [
        ("d2701", "+7", ";rn=d2701;rn-context=+7"),
        ("+49D146301234", "", ";rn=+49D146301234"),
        ("", "", ""),
    ],
)
def test_routing_number_reaches_the_answer(
    tmp_path: Path, write: WriteFile, rn: str, context: str, parameters: str
) -> None:
    path = write("p.csv", f"number,mcc,mnc,rn,rn_context\n4477,234,15,{rn},{context}\n")
    build([str(path)], str(tmp_path / "out.snap"))
    template = r"!^(.*)$!tel:\1;npdi;rn={rn};rn-context={rn_context};mcc={mcc};mnc={mnc}!"
    responder = numdip.Responder(numdip.open(tmp_path / "out.snap"), regexp=template)
    query = dns.message.make_query("7.7.4.4.e164.arpa", "NAPTR").to_wire()
    response = responder.respond(query)
    assert response is not None
    record = dns.message.from_wire(response).answer[0][0]
    assert record.regexp.decode() == rf"!^(.*)$!tel:\1;npdi{parameters};mcc=234;mnc=15!"


def test_progress_adds_up_to_the_files_size(tmp_path: Path, ranges_csv: Path) -> None:
    told: list[Progress] = []
    build([str(ranges_csv)], str(tmp_path / "out.snap"), progress=told.append)
    size = ranges_csv.stat().st_size
    *reading, writing = told
    assert [step.phase for step in told] == ["reading"] * len(reading) + ["writing"]
    assert {step.total for step in reading} == {size}
    assert (reading[0].done, reading[0].rows) == (0, 0)
    assert [step.done for step in reading] == sorted(step.done for step in reading)
    assert (reading[-1].done, reading[-1].rows) == (size, 4)
    assert (writing.done, writing.total, writing.rows) == (0, None, 4)


def test_progress_through_a_pipe_has_no_total(tmp_path: Path) -> None:
    fifo = tmp_path / "ranges.csv"
    os.mkfifo(fifo)
    writer = threading.Thread(target=fifo.write_text, args=[RANGES])
    writer.start()
    told: list[Progress] = []
    build([str(fifo)], str(tmp_path / "out.snap"), progress=told.append)
    writer.join()
    assert {step.total for step in told} == {None}
    assert told[-1].rows == 4


def test_meta_names_the_sources_and_their_rows(snapshot: Path) -> None:
    meta = json.loads(numdip.open(snapshot).meta)
    assert meta["built_by"] == f"numdip {numdip.__version__}"
    assert meta["sources"] == [
        {"file": "ranges.csv", "holds": "ranges", "rows": 4},
        {"file": "ported.csv", "holds": "ported numbers", "rows": 2},
    ]


# ---------- Parquet ------------------------------------------------------------------------------


def parquet(path: Path, csv: str, **types: pl.DataType | type[pl.DataType]) -> Path:
    frame = pl.read_csv(csv.encode(), infer_schema=False)
    frame.with_columns([pl.col(name).cast(kind) for name, kind in types.items()]).write_parquet(
        path
    )
    return path


@pytest.mark.parametrize(
    "types",
    [
        {},
        {"prefix": pl.UInt64, "min_length": pl.Int8, "max_length": pl.UInt8},
        {"country": pl.Categorical, "kind": pl.Categorical},
    ],
)
def test_parquet_of_any_sound_types_gives_the_rows(
    tmp_path: Path, types: dict[str, type[pl.DataType]]
) -> None:
    path = parquet(tmp_path / "r.parquet", RANGES, **types)
    out = tmp_path / "out.snap"
    assert build([str(path)], str(out)).ranges == 4
    assert mnc(out, "+393400000000") == "01"


def test_parquet_booleans_are_portability(tmp_path: Path) -> None:
    frame = pl.read_csv(RANGES.encode(), infer_schema=False)
    path = tmp_path / "r.parquet"
    frame.with_columns(pl.col("portable") == "true").write_parquet(path)
    build([str(path)], str(tmp_path / "out.snap"))
    db = numdip.open(tmp_path / "out.snap")
    answers = [db.lookup(number) for number in ("+447786852522", "+393400000000")]
    assert [answer and answer.portable for answer in answers] == [True, False]


def test_parquet_nulls_are_unknown(tmp_path: Path) -> None:
    path = tmp_path / "p.parquet"
    pl.DataFrame(
        {"number": [4477, 4478], "mcc": ["234", "234"], "mnc": ["15", None], "since": [None, None]}
    ).write_parquet(path)
    build([str(path)], str(tmp_path / "out.snap"))
    assert [mnc(tmp_path / "out.snap", number) for number in ("4477", "4478")] == ["15", None]


@pytest.mark.parametrize("column", ["mcc", "mnc"])
def test_parquet_integer_codes_are_refused(
    tmp_path: Path, refusal: Callable[..., str], column: str
) -> None:
    path = parquet(tmp_path / "p.parquet", PORTED, **{column: pl.Int64})
    assert refusal(path) == (
        f"{path}: column {column} holds integers, and a stored 12 could have been 012; "
        f"{column} must be text"
    )


@pytest.mark.parametrize(("column", "kind"), [("number", pl.Float64), ("mcc", pl.Binary)])
def test_parquet_types_that_lose_digits_are_refused(
    tmp_path: Path, refusal: Callable[..., str], column: str, kind: type[pl.DataType]
) -> None:
    path = parquet(tmp_path / "p.parquet", PORTED, **{column: kind})
    assert f"{path}: column {column} holds {kind}" in refusal(path)


def test_parquet_faults_name_the_row(tmp_path: Path, report: Callable[..., str]) -> None:
    path = parquet(tmp_path / "p.parquet", PORTED.replace("234,30", "23,30"))
    assert f'{path}:2: column "mcc"' in report(path)


def test_parquet_by_name_only_is_refused(write: WriteFile, refusal: Callable[..., str]) -> None:
    path = write("p.parquet", PORTED)
    assert refusal(path) == f"{path}: is no Parquet file, whatever its name says"


def test_parquet_cut_short_is_refused(tmp_path: Path, refusal: Callable[..., str]) -> None:
    path = parquet(tmp_path / "p.parquet", PORTED)
    path.write_bytes(path.read_bytes()[:-20])
    assert f"{path}: is no readable Parquet file" in refusal(path)


def test_parquet_in_many_batches_keeps_row_numbers(
    tmp_path: Path, report: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("numdip.plan.reading._PARQUET_ROWS", 1000)
    numbers = [str(447786000000 + i) for i in range(5000)]
    codes = ["234"] * 4321 + ["99"] + ["234"] * 678
    path = tmp_path / "p.parquet"
    pl.DataFrame({"number": numbers, "mcc": codes, "mnc": ["15"] * 5000}).write_parquet(path)
    assert f'{path}:4322: column "mcc"' in report(path)


# ---------- Which file is what -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "told"),
    [
        ("tel,mcc,mnc", "found columns tel, mcc, mnc, neither of prefix and number"),
        ("prefix,number,mcc,mnc", "found columns prefix, number, mcc, mnc, both of prefix"),
        ("number;mcc;mnc", "found columns number;mcc;mnc, neither of prefix and number"),
        ("number;mcc;mnc", "part the fields by commas"),
        ("number,mcc", "a file of ported numbers that lacks mnc; found number, mcc"),
        ("number,MCC,mnc", 'lacks mcc; found number, MCC, mnc; is "MCC" meant to be mcc?'),
        ("prefix,operator", "a file of ranges that lacks mcc, mnc; found prefix, operator"),
        ("number,mcc,mnc,mcc", ':1: column "mcc" is there twice'),
        ('number,"mcc,mnc', ":1: the header is not CSV"),
    ],
)
def test_columns_that_do_not_say_what_the_file_is_are_refused(
    write: WriteFile, refusal: Callable[..., str], header: str, told: str
) -> None:
    path = write("plan.csv", f"{header}\n1,2,3,4\n")
    found = refusal(path)
    assert found.startswith(str(path))
    assert told in found


@pytest.mark.parametrize("content", ["", "\n", "\ufeff"])
def test_empty_file_is_refused(write: WriteFile, refusal: Callable[..., str], content: str) -> None:
    path = write("plan.csv", content)
    assert f"{path}: empty; expected a header line" in refusal(path)


def test_header_alone_is_nothing_to_build(write: WriteFile, refusal: Callable[..., str]) -> None:
    assert "no rows" in refusal(write("p.csv", PORTED_HEADER + "\n"))


def test_header_alone_beside_another_file_is_no_fault(
    tmp_path: Path, write: WriteFile, ranges_csv: Path
) -> None:
    empty = write("p.csv", PORTED_HEADER)
    assert build([str(ranges_csv), str(empty)], str(tmp_path / "out.snap")).ported == 0


def test_file_that_is_not_there_is_refused(tmp_path: Path, refusal: Callable[..., str]) -> None:
    path = tmp_path / "none.csv"
    assert refusal(path) == f"{path}: cannot be read: No such file or directory"


def test_folder_is_refused(tmp_path: Path, refusal: Callable[..., str]) -> None:
    assert refusal(tmp_path) == f"{tmp_path}: is a folder; name the files in it"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("p.csv.gz", gzip.compress(PORTED.encode())[:-12]),
        ("p.csv.gz", gzip.compress(PORTED.encode() * 99)[:40] + b"\xff" * 40),
        ("p.csv.zst", zstd(PORTED.encode() * 99)[:-9]),
        ("p.csv.zst", zstd(PORTED.encode() * 99)[:20] + b"\xff" * 40),
    ],
)
def test_damaged_compressed_file_is_refused(
    write: WriteFile, refusal: Callable[..., str], name: str, content: bytes
) -> None:
    path = write(name, content)
    assert refusal(path).startswith(f"{path}: ")


# ---------- Statistics ---------------------------------------------------------------------------


def test_statistics_count_and_weigh(snapshot: Path) -> None:
    found = statistics(numdip.open(snapshot))
    assert (found.ranges, found.ported) == (4, 2)
    assert found.octets == os.path.getsize(snapshot)
    by_country = {country.country: country for country in found.countries}
    assert {"GB", "IT", "US"} == set(by_country)
    # GB: one mobile prefix of six digits, named and known; its fixed prefix has no mobile space.
    assert by_country["GB"].mobile_space == by_country["GB"].known_space == 10**9
    assert by_country["IT"].known_share == 1.0
    assert by_country["US"].named_share == 0.0
    assert by_country["US"].known_share is None
    assert found.known_share == 1.0


def test_statistics_are_sorted_by_named_space_and_overall_over_the_largest(
    tmp_path: Path, write: WriteFile
) -> None:
    # 53 countries of equal space, all known, and one that is smaller and not known at all.
    letters = [a + b for a in "AB" for b in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"][:LARGEST]
    rows = [f"{100 + i},11,11,{name},mobile,234,15,Op,true" for i, name in enumerate(letters)]
    rows.append("9990,11,11,ZZ,mobile,,,Op,true")
    path = write("r.csv", "\n".join([RANGE_HEADER, *rows]))
    build([str(path)], str(tmp_path / "out.snap"))
    found = statistics(numdip.open(tmp_path / "out.snap"))
    assert [country.country for country in found.countries][-1] == "ZZ"
    assert found.countries[-1].known_share == 0.0
    assert found.known_share == 1.0


# ---------- Without Polars -----------------------------------------------------------------------


def test_without_polars_one_line_says_what_to_install(tmp_path: Path, ranges_csv: Path) -> None:
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    (hidden / "polars.py").write_text("raise ImportError('hidden')")
    env = environment()
    env["PYTHONPATH"] = os.pathsep.join(filter(None, [str(hidden), env.get("PYTHONPATH", "")]))
    command = [sys.executable, "-m", "numdip", "plan", "build", str(ranges_csv), "-o", "x.snap"]
    done = subprocess.run(command, capture_output=True, text=True, env=env, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr == 'numdip: plan files are read with Polars: pip install "numdip[plan]"\n'


def test_an_input_is_never_the_output(numdip_command: Command, ranges_csv: Path) -> None:
    before = ranges_csv.read_bytes()
    done = numdip_command("plan", "build", ranges_csv, "-o", ranges_csv)
    assert done.returncode == 2
    assert "is an input too" in done.stderr
    assert before == ranges_csv.read_bytes()


def test_since_is_named_as_ignored(numdip_command: Command, tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text("number,mcc,mnc,since\n447786000001,234,30,2026-01-01\n")
    done = numdip_command("plan", "build", tmp_path / "p.csv", "-o", tmp_path / "p.snap")
    assert done.returncode == 0
    assert "ignored columns: since" in done.stderr
