"""``numdip plan diff`` and the size of ported numbers in ``plan stats``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import numdip
from conftest import Command
from numdip.plan import apply, build
from numdip.plan.diff import difference
from numdip.plan.stats import statistics

RANGES = "prefix,min_length,max_length,country,kind,mcc,mnc,operator\n"


@pytest.fixture
def plan(tmp_path: Path) -> str:
    (tmp_path / "ranges.csv").write_text(RANGES + "44,10,12,GB,mobile,234,15,Alpha\n")
    rows = "".join(f"4477{5 * n:08},234,10\n" for n in range(2_000))
    (tmp_path / "ported.csv").write_text("number,mcc,mnc\n" + rows)
    path = str(tmp_path / "plan.snap")
    build([str(tmp_path / "ranges.csv"), str(tmp_path / "ported.csv")], path, time="2026-01-01")
    return path


def changed(plan: str, tmp_path: Path) -> str:
    """The same plan with a layer over it, at another path."""
    other = str(tmp_path / "other.snap")
    Path(other).write_bytes(Path(plan).read_bytes())
    delta = tmp_path / "delta.csv"
    delta.write_text(
        "number,action,mcc,mnc\n"
        "447700000000,remove,,\n447700000005,change,234,30\n447799999999,add,234,20\n"
    )
    apply(other, [str(delta)])
    return other


def test_equal_plans_have_no_difference(plan: str, numdip_command: Command) -> None:
    opened = numdip.open(plan)
    assert difference(opened, opened).is_empty
    done = numdip_command("plan", "diff", plan, plan)
    assert (done.returncode, done.stdout) == (0, f"{plan} and {plan} say the same\n")


def test_differences_are_counted_by_network_and_shown(
    plan: str, tmp_path: Path, numdip_command: Command
) -> None:
    other = changed(plan, tmp_path)
    done = numdip_command("plan", "diff", plan, other, "--json")
    assert done.returncode == 1
    found = json.loads(done.stdout)
    counts = {row["network"]: list(row.values())[2:] for row in found["ported"]}
    assert counts == {"234/10": [0, 1, 0, 1], "234/20": [1, 0, 0, 0], "234/30": [0, 0, 1, 0]}
    assert {row["country"] for row in found["ported"]} == {"GB"}
    assert found["ranges"] == []
    assert found["examples"] == [
        {"subject": "+447700000000", "before": "234/10", "after": None},
        {"subject": "+447700000005", "before": "234/10", "after": "234/30"},
        {"subject": "+447799999999", "before": None, "after": "234/20"},
    ]
    shown = numdip_command("plan", "diff", plan, other, "--examples", "1")
    assert "ported numbers: 1 added, 1 removed, 1 changed" in shown.stdout
    assert "+447700000000  234/10  ->  -" in shown.stdout
    assert "+447700000005" not in shown.stdout


def test_ranges_are_compared_too(plan: str, tmp_path: Path) -> None:
    (tmp_path / "more.csv").write_text(
        RANGES + "44,10,12,GB,mobile,234,15,Beta\n4475,12,12,GB,mobile,234,20,Gamma\n"
    )
    other = str(tmp_path / "ranges.snap")
    build([str(tmp_path / "more.csv"), str(tmp_path / "ported.csv")], other)
    found = difference(numdip.open(plan), numdip.open(other))
    assert found.ported == []
    assert [(one.subject, one.before, one.after) for one in found.examples] == [
        ("44", "234/15 Alpha", "234/15 Beta"),
        ("4475", None, "234/20 Gamma"),
    ]


def test_a_plan_that_is_not_there_is_told(plan: str, numdip_command: Command) -> None:
    done = numdip_command("plan", "diff", plan, "/nonexistent.snap")
    assert done.returncode == 2
    assert "/nonexistent.snap" in done.stderr


def test_stats_tell_size_and_bound(plan: str, numdip_command: Command) -> None:
    found = statistics(numdip.open(plan))
    # 2,000 numbers of ten thousand, all of one network: log2 C(10,000, 2,000) is near 7,213 bits.
    assert found.ported_in_file == 2_000
    assert found.ported_bound_octets == pytest.approx(7_213 / 8, rel=0.01)
    assert found.ported_octets > found.ported_bound_octets
    done = numdip_command("plan", "stats", plan)
    assert "ported numbers in the file: 2,000 in " in done.stdout
    assert "entropy bound 0.451 each" in done.stdout
