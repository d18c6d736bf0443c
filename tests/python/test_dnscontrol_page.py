"""DNSControl's uses of NAPTR records: imported, linted, served, asked, and exported again."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import numdip
from conftest import Command, Served
from numdip.naptr_check import check
from numdip.plan import build
from numdip.plan.export import Authority, export

FOLDER = Path(__file__).parent.parent / "vectors" / "dnscontrol"
EXPECTED: dict[str, dict[str, Any]] = json.loads((FOLDER / "expected.json").read_text("utf-8"))
AUTHORITY = Authority(("ns.example.net",), "hostmaster@example.net")

pytestmark = pytest.mark.parametrize("name", EXPECTED)


@pytest.fixture
def plan(name: str, tmp_path: Path) -> Path:
    built = build([str(FOLDER / name)], str(tmp_path / "a.snap"))
    assert (built.records, built.left_out) == (EXPECTED[name]["records"], 0)
    return tmp_path / "a.snap"


def zone_files(plan: Path, zones: list[str]) -> list[Path]:
    paths = []
    for zone in zones:
        paths.append(plan.with_name(f"{zone}zone"))
        export(numdip.open(plan), str(paths[-1]), "zone", zones=[zone], authority=AUTHORITY)
    return paths


def test_every_file_is_there(name: str) -> None:
    assert {path.name for path in FOLDER.glob("*.js")} == set(EXPECTED)


def test_numbers_have_their_uris(name: str, plan: Path) -> None:
    snapshot = numdip.open(plan)
    for number, uris in EXPECTED[name].get("uris", {}).items():
        assert [record.apply(number) for record in snapshot.records(number)] == uris


def test_they_are_served(
    name: str, plan: Path, serve: Callable[..., Served], dig: Callable[..., str]
) -> None:
    served = serve("--plan", plan, "--listen", "127.0.0.1:0")
    for owner, rtype, records in EXPECTED[name]["answers"]:
        printed = dig("@127.0.0.1", "-p", str(served.port), "+short", owner, rtype)
        assert printed.splitlines() == records


def test_their_faults_are_found(name: str, plan: Path) -> None:
    found = [
        f"{zone}:{finding.severity}:{finding.code}"
        for zone, path in zip(
            EXPECTED[name]["zones"], zone_files(plan, EXPECTED[name]["zones"]), strict=True
        )
        for finding in check(path.read_bytes(), file=zone).findings
    ]
    assert sorted(found) == sorted(EXPECTED[name]["lint"])


def test_they_come_back_from_zone_files(name: str, plan: Path) -> None:
    again = plan.with_name("again.snap")
    build([str(path) for path in zone_files(plan, EXPECTED[name]["zones"])], str(again))
    sets = [one for one in numdip.open(again).record_sets() if one[1] not in {2, 6}]
    assert sets == numdip.open(plan).record_sets()


def test_they_come_back_from_a_dnsconfig(name: str, plan: Path, numdip_command: Command) -> None:
    written = plan.with_name("dnsconfig.js")
    done = numdip_command("plan", "export", plan, "--format", "dnscontrol", "-o", written)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith(f"records in {', '.join(EXPECTED[name]['zones'])}\n")
    again = plan.with_name("again.snap")
    build([str(written)], str(again))
    assert numdip.open(again).record_sets() == numdip.open(plan).record_sets()
