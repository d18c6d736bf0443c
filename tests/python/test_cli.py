"""The command ``numdip`` as people and scripts meet it: output, exit codes, and no traceback."""

from __future__ import annotations

import json
import os
import pty
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

import numdip
from conftest import PATIENCE, PORTED, RANGES, Command, Served, environment

COMMANDS = ["serve", "lookup", "query", "resolve", "check", "plan", "naptr"]
EXAMPLE = "+13392986156"


# ---------- All commands -------------------------------------------------------------------------


def test_version_is_the_packages(numdip_command: Command) -> None:
    done = numdip_command("--version")
    assert (done.returncode, done.stdout) == (0, f"numdip {numdip.__version__}\n")


@pytest.mark.parametrize("module", ["numdip", "numdip.cli"])
def test_modules_are_the_command(module: str) -> None:
    command = [sys.executable, "-m", module, "--version"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment(), check=True)
    assert done.stdout == f"numdip {numdip.__version__}\n"


def test_help_lists_the_commands(numdip_command: Command) -> None:
    done = numdip_command("--help")
    assert done.returncode == 0
    assert [name for name in COMMANDS if f"  {name} " not in done.stdout] == []


@pytest.mark.parametrize(
    "args",
    [
        *([name] for name in COMMANDS),
        *(["plan", name] for name in ("build", "verify", "stats")),
        *(["naptr", name] for name in ("check", "apply", "make")),
    ],
)
def test_every_command_has_help(numdip_command: Command, args: list[str]) -> None:
    done = numdip_command(*args, "--help")
    assert done.returncode == 0
    assert "Usage: numdip " + " ".join(args) in done.stdout


@pytest.mark.parametrize(
    "args",
    [
        ["no-such-command"],
        ["lookup"],
        ["lookup", "--no-such-option", EXAMPLE],
        ["query", EXAMPLE],
        ["query", EXAMPLE, "--server", "127.0.0.1", "--timeout", "never"],
        ["plan", "build", "x.csv"],
        ["plan", "build", "x.csv", "-o", "x.snap", "--on-error", "ignore"],
        ["check"],
        ["serve", "--listen", "nowhere"],
        ["serve", "--listen", "127.0.0.1:65536"],
        ["serve", "--workers", "-1"],
        ["serve", "--profile", "rfc"],
    ],
)
def test_wrong_usage_exits_with_2(numdip_command: Command, args: list[str]) -> None:
    done = numdip_command(*args)
    assert (done.returncode, done.stdout) == (2, "")
    assert "Traceback" not in done.stderr
    assert done.stderr


def test_wrong_option_says_what_is_expected(numdip_command: Command) -> None:
    assert "in brackets" in numdip_command("serve", "--listen", "::1:53").stderr
    assert 'use "number-lookup"' in numdip_command("serve", "--profile", "rfc").stderr


@pytest.mark.parametrize(
    "args",
    [
        ["lookup", EXAMPLE, "--plan", "none.snap"],
        ["plan", "stats", "none.snap"],
        ["plan", "verify", "none.snap"],
        ["plan", "build", "none.snap", "-o", "out.snap"],
        ["check", "none.snap"],
        ["serve", "--plan", "none.snap", "--listen", "127.0.0.1:0"],
        ["serve", "--config", "none.snap"],
    ],
)
def test_missing_file_exits_with_2_and_one_line_with_its_name(
    numdip_command: Command, tmp_path: Path, args: list[str]
) -> None:
    done = numdip_command(*args, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("numdip: ")
    assert done.stderr.count("\n") == 1
    assert "none.snap" in done.stderr


def test_output_that_nobody_reads_is_no_traceback(snapshot: Path) -> None:
    command = [sys.executable, "-m", "numdip", "lookup", "--plan", str(snapshot)]
    numbers = [str(447786000000 + i) for i in range(3000)]
    with subprocess.Popen(
        [*command, *numbers], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment()
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(PATIENCE) == 141


def test_interrupted_command_exits_with_130(tmp_path: Path) -> None:
    # A pipe that nobody writes to: the build waits in the middle of its work.
    fifo = tmp_path / "plan.csv"
    os.mkfifo(fifo)
    command = [sys.executable, "-m", "numdip", "plan", "build", str(fifo), "-o", "out.snap"]
    with (
        subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(), cwd=tmp_path
        ) as process,
        fifo.open("wb"),
    ):  # returns when the command has opened the other end
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=PATIENCE)
    assert (process.returncode, output, errors) == (130, b"", b"")


# ---------- lookup -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", [EXAMPLE, "13392986156", "+1 (339) 298-6156", "1.339.298.6156", "tel:+13392986156"]
)
def test_lookup_takes_numbers_as_people_write_them(
    numdip_command: Command, snapshot: Path, text: str
) -> None:
    done = numdip_command("lookup", text, "--plan", snapshot)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split()[:5] == [EXAMPLE, "mcc", "310", "mnc", "012"]


def test_lookup_aligns_its_columns(numdip_command: Command, snapshot: Path) -> None:
    done = numdip_command("lookup", EXAMPLE, "+447786852522", "+393400000000", "--plan", snapshot)
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert len(lines) == 3
    assert len({line.index("mcc ") for line in lines}) == 1
    assert len({line.index("mnc ") for line in lines}) == 1
    assert "Vodafone" in lines[1]


def test_lookup_of_an_unknown_number_exits_with_1(numdip_command: Command, snapshot: Path) -> None:
    done = numdip_command("lookup", EXAMPLE, "+9990000000", "--plan", snapshot)
    assert done.returncode == 1
    assert [line.split()[0] for line in done.stdout.splitlines()] == [EXAMPLE, "+9990000000"]
    assert "not found: " in done.stdout.splitlines()[1]


def test_lookup_of_no_number_exits_with_2_and_does_the_others(
    numdip_command: Command, snapshot: Path
) -> None:
    done = numdip_command("lookup", "abc", EXAMPLE, "--plan", snapshot)
    assert done.returncode == 2
    assert done.stdout.startswith(EXAMPLE)
    assert done.stderr.startswith('numdip: "abc": ')


def test_lookup_json_is_one_object_a_line(numdip_command: Command, snapshot: Path) -> None:
    numbers = [EXAMPLE, "+447786852522", "+9990000000", "abc"]
    done = numdip_command("lookup", *numbers, "--json", "--plan", snapshot)
    assert done.returncode == 2
    found = [json.loads(line) for line in done.stdout.splitlines()]
    answer = numdip.open(snapshot).lookup("+447786852522")
    assert answer is not None
    assert found[1] == {"found": True, "published": "network", **answer.to_dict()}
    assert [one["found"] for one in found] == [True, True, False, False]
    assert [one["number"] for one in found] == numbers
    assert (found[0]["mcc"], found[0]["mnc"], found[0]["ported"]) == ("310", "012", True)
    assert set(found[2]) == {"number", "found", "reason"}


def test_lookup_explain_says_why_and_warns_of_porting(
    numdip_command: Command, snapshot: Path
) -> None:
    done = numdip_command("lookup", "+447786852522", "--explain", "--plan", snapshot)
    assert done.returncode == 0
    assert "  1. " in done.stdout
    assert "source: ranges.csv" in done.stdout
    assert "the range holder may not be the serving network" in done.stdout


def test_lookup_explain_does_not_warn_of_a_ported_number(
    numdip_command: Command, snapshot: Path
) -> None:
    done = numdip_command("lookup", EXAMPLE, "--explain", "--plan", snapshot)
    assert "source: ported.csv" in done.stdout
    assert "range holder may not" not in done.stdout


def test_lookup_explain_json_has_the_steps(numdip_command: Command, snapshot: Path) -> None:
    done = numdip_command("lookup", EXAMPLE, "--explain", "--json", "--plan", snapshot)
    found = json.loads(done.stdout)
    assert found["steps"]
    assert found["reason"]


def test_lookup_without_plan_is_the_bundled_one(numdip_command: Command) -> None:
    done = numdip_command("lookup", EXAMPLE)
    assert done.returncode == 0
    assert "mcc 310  mnc 012" in done.stdout


# ---------- query --------------------------------------------------------------------------------


@pytest.fixture
def server(serve: Callable[..., Served], snapshot: Path) -> str:
    return f"127.0.0.1:{serve('--plan', snapshot, '--listen', '127.0.0.1:0').port}"


def test_query_finds_the_network(numdip_command: Command, server: str) -> None:
    done = numdip_command("query", EXAMPLE, "--server", server)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split()[:2] == [EXAMPLE, "NOERROR"]
    assert "mcc=310 mnc=012" in done.stdout


def test_query_json_has_rcode_parameters_and_records(numdip_command: Command, server: str) -> None:
    done = numdip_command("query", EXAMPLE, "+9990000000", "--json", "--server", server)
    assert done.returncode == 1
    found, missing = [json.loads(line) for line in done.stdout.splitlines()]
    assert (found["rcode"], found["mcc"], found["mnc"]) == ("NOERROR", "310", "012")
    assert found["records"] == [
        {
            "ttl": 3,
            "order": 10,
            "preference": 50,
            "flags": "u",
            "services": "E2U+pstn:tel",
            "regexp": r"!^(.*)$!tel:\1;mcc=310;mnc=012!",
            "replacement": ".",
        }
    ]
    assert (missing["found"], missing["rcode"], missing["records"]) == (False, "NXDOMAIN", [])


def test_query_falls_back_to_the_next_server(numdip_command: Command, server: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:  # by TCP alone: UDP is refused
        nobody = f"127.0.0.1:{holder.getsockname()[1]}"
        done = numdip_command("query", EXAMPLE, "--server", nobody, "--server", server)
    assert done.returncode == 0
    assert "mnc=012" in done.stdout


def test_query_outside_the_apex_is_a_servfail_and_exits_with_2(
    numdip_command: Command, server: str
) -> None:
    done = numdip_command("query", EXAMPLE, "--apex", "enum.example", "--server", server)
    assert done.returncode == 2
    assert "SERVFAIL" in done.stdout
    assert f"{server}: SERVFAIL" in done.stderr


def test_query_without_answer_exits_with_2(numdip_command: Command) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        args = ["query", EXAMPLE, "--json", "--timeout", "0.05", "--server", address]
        done = numdip_command(*args)
    assert done.returncode == 2
    assert json.loads(done.stdout)["rcode"] == "timeout"
    assert done.stderr == f"numdip: {EXAMPLE}: {address}: no answer within 0.05 s\n"


def test_query_of_no_server_exits_with_2(numdip_command: Command) -> None:
    done = numdip_command("query", EXAMPLE, "--server", "[::1")
    assert done.returncode == 2
    assert "expected a server such as" in done.stderr


# ---------- check --------------------------------------------------------------------------------


@pytest.fixture
def config(tmp_path: Path, snapshot: Path) -> Callable[[str], Path]:
    def write(text: str) -> Path:
        path = tmp_path / "numdip.toml"
        path.write_text(text.replace("PLAN", snapshot.name))
        return path

    return write


def test_check_of_a_sound_configuration_exits_with_0(
    numdip_command: Command, config: Callable[[str], Path]
) -> None:
    path = config("plan.path = 'PLAN'\nanswer.ttl = 60")
    done = numdip_command("check", path)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{path}: no faults\n", "")


def test_check_says_every_fault_with_file_and_key(
    numdip_command: Command, config: Callable[[str], Path]
) -> None:
    path = config(
        """
        [server]
        workers = -1
        [plan]
        path = "none.snap"
        [answer]
        ttl = "long"
        services = "E2U+sip and more"
        regexp = "!^.*$!tel:no end"
        [[acl.client]]
        name = "acme"
        networks = ["192.0.2.1/24"]
        """
    )
    done = numdip_command("check", path)
    assert (done.returncode, done.stdout) == (1, "")
    lines = done.stderr.splitlines()
    keys = ["server.workers", "answer.ttl", "acl.client[0].networks[0]", "plan.path"]
    keys += ["answer.services", "answer.regexp"]
    assert [line.partition(": ")[2].partition(": ")[0] for line in lines] == keys
    assert all(line.startswith(f"{path}: ") for line in lines)


def test_check_says_every_fault_of_every_record(
    numdip_command: Command, config: Callable[[str], Path]
) -> None:
    path = config(
        """
        plan.path = "PLAN"
        [[answer.record]]
        services = "E2U+sip"
        regexp = "!^.*$!sip:{number}@x.example!"
        [[answer.record]]
        order = "first"
        services = "sip"
        regexp = "!^{number}$!sip:x@x.example!"
        [[answer.record]]
        replacement = "x.example"
        """
    )
    done = numdip_command("check", path)
    assert (done.returncode, done.stdout) == (1, "")
    keys = ["order", "services", "regexp"]
    assert [line.partition(": ")[2].partition(": ")[0] for line in done.stderr.splitlines()] == [
        *(f"answer.record[1].{key}" for key in keys),
        "answer.record[2].replacement",
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("plan.path = 'numdip.toml'", "plan.path: "),
        ("plan.path = 'PLAN'\nanswer.regexp = '!^(.*)$!tel:no end'", "answer.regexp: "),
        ("plan.path = 'PLAN'\nanswer.regexp = '!^(.*$!tel:{mcc}!'", "answer.regexp: "),
        ("plan.path = 'PLAN'\nanswer.regexp = '!^.*$!{operater}!'", "answer.regexp: "),
        ("plan.path = 'PLAN'\n[answer\nttl = 1", "line 2"),
    ],
)
def test_check_judges_plan_and_template(
    numdip_command: Command, config: Callable[[str], Path], text: str, told: str
) -> None:
    done = numdip_command("check", config(text))
    assert done.returncode == 1
    assert told in done.stderr
    assert done.stderr.count("\n") == 1


def test_check_does_not_mind_a_running_server(
    numdip_command: Command, config: Callable[[str], Path]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        path = config(f"plan.path = 'PLAN'\nserver.listen = ['127.0.0.1:{port}']")
        assert numdip_command("check", path).returncode == 0


# ---------- plan ---------------------------------------------------------------------------------


def test_plan_build_says_what_it_built(
    numdip_command: Command, tmp_path: Path, ranges_csv: Path, ported_csv: Path
) -> None:
    out = tmp_path / "out.snap"
    done = numdip_command("plan", "build", ranges_csv, ported_csv, "-o", out)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{out}: 4 ranges, 2 ported numbers, ")


def test_plan_build_of_bad_rows_exits_with_1_and_writes_nothing(
    numdip_command: Command, tmp_path: Path
) -> None:
    path = tmp_path / "p.csv"
    path.write_text(PORTED + "4477,23,15,\n")
    done = numdip_command("plan", "build", path, "-o", tmp_path / "out.snap")
    assert (done.returncode, done.stdout) == (1, "")
    assert f'{path}:4: column "mcc": found "23", expected three digits' in done.stderr
    assert not (tmp_path / "out.snap").exists()


def test_plan_build_skip_says_what_was_left_out(numdip_command: Command, tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    path.write_text(PORTED + "4477,23,15,\n" * 150)
    args = ["plan", "build", path, "-o", tmp_path / "out.snap", "--on-error", "skip"]
    done = numdip_command(*args)
    assert done.returncode == 0
    assert "150 bad rows left out" in done.stdout
    assert f"{path}:4: " in done.stderr
    assert done.stderr.splitlines()[-1] == "numdip: … and 50 more"


def test_plan_build_names_ignored_columns_on_standard_error(
    numdip_command: Command, tmp_path: Path
) -> None:
    path = tmp_path / "p.csv"
    path.write_text(PORTED.replace("operator", "carrier"))
    done = numdip_command("plan", "build", path, "-o", tmp_path / "out.snap")
    assert (done.returncode, done.stderr) == (0, f"numdip: {path}: ignored columns: carrier\n")


def test_plan_build_on_duplicate_last(numdip_command: Command, tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    path.write_text(PORTED + "13392986156,310,120,Sprint\n")
    args = ["plan", "build", path, "-o", tmp_path / "out.snap"]
    assert numdip_command(*args).returncode == 1
    assert numdip_command(*args, "--on-duplicate", "last").returncode == 0


def test_plan_verify_of_a_sound_snapshot(numdip_command: Command, snapshot: Path) -> None:
    done = numdip_command("plan", "verify", snapshot)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{snapshot}: sound, 6 prefixes and ported numbers")


def test_plan_verify_of_a_damaged_snapshot_exits_with_1(
    numdip_command: Command, snapshot: Path
) -> None:
    octets = bytearray(snapshot.read_bytes())
    octets[-1] ^= 0xFF
    snapshot.write_bytes(octets)
    done = numdip_command("plan", "verify", snapshot)
    assert (done.returncode, done.stdout) == (1, "")
    assert str(snapshot) in done.stderr


def test_plan_verify_of_something_else_exits_with_1(
    numdip_command: Command, ranges_csv: Path
) -> None:
    done = numdip_command("plan", "verify", ranges_csv)
    assert done.returncode == 1
    assert str(ranges_csv) in done.stderr


def test_plan_stats_is_plain_text_in_a_pipe(numdip_command: Command, snapshot: Path) -> None:
    done = numdip_command("plan", "stats", snapshot)
    assert (done.returncode, done.stderr) == (0, "")
    first, *lines = done.stdout.splitlines()
    assert first.startswith(f"{snapshot}: 4 ranges, 2 ported numbers, ")
    assert done.stdout.isascii()
    assert "\x1b" not in done.stdout
    assert any(line.split()[:2] == ["GB", "2"] for line in lines)
    assert lines[-1].startswith("network known for 100.0% of the named mobile prefix space")


def test_plan_stats_json_is_one_object(numdip_command: Command, snapshot: Path) -> None:
    done = numdip_command("plan", "stats", snapshot, "--json")
    found = json.loads(done.stdout)
    assert (found["ranges"], found["ported"], found["known_share"]) == (4, 2, 1.0)
    assert {one["country"] for one in found["countries"]} == {"GB", "IT", "US"}
    assert done.stdout.count("\n") == 1


# ---------- Terminals ----------------------------------------------------------------------------


def on_terminal(*args: str | Path) -> str:
    """Runs ``numdip`` with a terminal for standard output and error, and gives what it shows."""
    mine, theirs = pty.openpty()
    env = environment() | {"TERM": "xterm-256color"}
    shown: list[bytes] = []

    def read() -> None:
        while True:
            try:
                octets = os.read(mine, 65536)
            except OSError:  # Linux: the other end is closed
                return
            if not octets:
                return
            shown.append(octets)

    reader = threading.Thread(target=read)
    reader.start()
    command = [sys.executable, "-m", "numdip", *map(str, args)]
    done = subprocess.run(command, stdout=theirs, stderr=theirs, env=env, timeout=PATIENCE)
    os.close(theirs)
    reader.join(PATIENCE)
    os.close(mine)
    text = b"".join(shown).decode()
    assert done.returncode == 0, text
    return text


def test_plan_stats_is_a_table_on_a_terminal(snapshot: Path) -> None:
    shown = on_terminal("plan", "stats", snapshot)
    assert "country" in shown
    assert "┼" in shown or "╇" in shown


def test_plan_build_shows_progress_on_a_terminal_only(tmp_path: Path, ranges_csv: Path) -> None:
    arguments = ("plan", "build", ranges_csv, "-o", tmp_path / "out.snap")
    shown = on_terminal(*arguments)
    for part in ("reading", f"of {ranges_csv.stat().st_size} bytes", "4 rows", "rows/s", "left"):
        assert part in shown
    assert "sorting and writing" in shown
    command = [sys.executable, "-m", "numdip", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, env=environment(), timeout=PATIENCE)
    assert (done.returncode, done.stderr) == (0, b"")


def test_json_on_a_terminal_has_no_colour(snapshot: Path) -> None:
    shown = on_terminal("lookup", EXAMPLE, "--json", "--plan", snapshot)
    assert json.loads(shown)["mnc"] == "012"


def test_ranges_of_the_fixture_are_those_of_the_tests(snapshot: Path) -> None:
    assert len(numdip.open(snapshot)) == RANGES.count("\n") + PORTED.count("\n") - 2
