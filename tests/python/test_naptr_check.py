"""``numdip naptr check``: cases of ``tests/vectors/lint.json``, and the command on any octets."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dns.rdatatype
import dns.zone
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

import numdip
from conftest import Command, environment
from numdip.cli.app import app
from numdip.naptr_check import check
from vectors import cases, read

GOOD = r'10 100 "u" "E2U+sip" "!^\\+44(.*)$!sip:\\1@gw.example!" .'


@cases("lint", "lint", 105)
def test_a_file_has_the_faults_that_are_found(
    case: dict[str, str], expected: dict[str, Any]
) -> None:
    text = case["text"]
    checked = check(text.encode(), file="x")
    assert sorted(one.code for one in checked.findings) == sorted(expected["codes"])
    assert checked.mended.decode() == expected.get("fixed", text)
    assert (checked.mendable > 0) == ("fixed" in expected)


def test_as_many_records_are_found_as_others_find() -> None:
    text = (
        "$ORIGIN 4.4.e164.arpa.\n$TTL 3600\n"
        "@ SOA ns.example. root.example. 1 2 3 4 5\n  NS ns.example.\n"
        f"* NAPTR {GOOD}\n"
        '3.2 300 IN NAPTR ( 10 100 "u" ; a comment\n "E2U+sip" "!^.*$!sip:a;b@example.com!"\n . )\n'
        '4 NAPTR 10 100 u "E2U+web:http" "!^.*$!http://example.com/\\195\\169!" .\n'
    )
    zone = dns.zone.from_text(text, relativize=False)
    others = list(zone.iterate_rdatas(dns.rdatatype.NAPTR))
    checked = check(text.encode(), file="x")
    assert checked.records == len(others) == 3
    codes = {finding.code for finding in checked.findings}
    assert codes == {"wildcard-disabled", "not-printable", "output-no-uri"}


def test_findings_name_file_and_line(numdip_command: Command, tmp_path: Path) -> None:
    path = tmp_path / "zone"
    path.write_text(f'; first\n{GOOD}\n10 100 "U" "E2U+sip" "!^.*$!sip:gw.example!" .\n')
    done = numdip_command("naptr", "check", path)
    assert done.returncode == 1
    heads = [line for line in done.stdout.splitlines() if not line.startswith(" ")]
    assert [line.rpartition(": ")[0].split(": ")[:2] for line in heads] == [
        [f"{path}:3", "note flags-case"],
        [f"{path}:3", "warning sip-contact"],
    ]
    output = numdip_command("naptr", "check", path, "--json").stdout
    found = [json.loads(line) for line in output.splitlines()]
    assert [(row["line"], row["severity"], row["code"], row["field"]) for row in found] == [
        (3, "note", "flags-case", "flags"),
        (3, "warning", "sip-contact", "regexp"),
    ]
    assert found[0]["fixed"] == '10 100 "u" "E2U+sip" "!^.*$!sip:gw.example!" .'
    assert found[1]["fixed"] is None


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (GOOD, 0),
        ('10 100 "U" "E2U+sip" "!^.*$!sip:a@b.example!" .', 0),  # a note
        ('10 100 "u" "E2U+tel" "!^.*$!tel:+1;npdi!" .', 1),
        ("", 2),
        ("a TXT b", 2),
    ],
)
def test_the_exit_code_says_how_bad_it_is(text: str, code: int) -> None:
    command = [sys.executable, "-m", "numdip", "naptr", "check", "-"]
    done = subprocess.run(command, input=text.encode(), capture_output=True, env=environment())
    assert done.returncode == code, done.stderr


def test_what_is_safe_is_mended_in_place_and_the_rest_stays(
    numdip_command: Command, tmp_path: Path
) -> None:
    path = tmp_path / "zone"
    head, tail = b'; \xff kept\n10 100 "u" ', b" . ; kept\n5 A 192.0.2.1\n"
    path.write_bytes(head + b'"sip+E2U" "!^.*$!sip:a@b.example"' + tail)
    path.chmod(0o640)
    done = numdip_command("naptr", "check", "--fix", "-o", path, path)
    assert done.returncode == 1
    assert done.stderr == f"numdip: {path}: 1 of 1 records mended\n"
    assert path.read_bytes() == head + b'"E2U+sip" "!^.*$!sip:a@b.example!"' + tail
    assert path.stat().st_mode & 0o777 == 0o640
    assert [entry.name for entry in tmp_path.iterdir()] == ["zone"]
    assert numdip_command("naptr", "check", path).returncode == 0


@pytest.mark.parametrize(
    "args", [["none"], ["none", "--fix"], ["a", "b", "--fix"], ["a", "-o", "b"], ["."]]
)
def test_wrong_usage_and_files_that_cannot_be_read_exit_with_2(
    numdip_command: Command, tmp_path: Path, args: list[str]
) -> None:
    done = numdip_command("naptr", "check", *args, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("numdip: ")


def pieces() -> st.SearchStrategy[bytes]:
    """Octets that are nearly a zone file."""
    texts = [case["input"]["text"].encode() for case in read("lint")["cases"]]
    lines = st.sampled_from([line for text in texts for line in text.splitlines()])
    return st.lists(lines | st.binary(max_size=30), max_size=6).map(b"\n".join)


@settings(max_examples=150)
@given(pieces(), st.integers(0, 200), st.binary(max_size=3))
def test_any_octets_give_findings_and_no_traceback(text: bytes, at: int, broken: bytes) -> None:
    text = text[:at] + broken + text[at:]
    done = CliRunner().invoke(app, ["naptr", "check", "--json", "-"], input=text)
    assert done.exit_code in {0, 1, 2}, done.output
    assert done.exception is None or isinstance(done.exception, SystemExit)
    for line in rows(done.stdout):
        assert 1 <= line["line"] <= text.count(b"\n") + 1
        if line["fixed"] is not None:
            numdip.Naptr.parse(str(line["fixed"]))


def rows(output: str) -> Iterator[dict[str, int]]:
    return (json.loads(line) for line in output.split("\n") if line.startswith("{"))
