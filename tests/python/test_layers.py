"""Layers from Python and from the command line: apply, at, compact, what is told about them."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import polars as pl
import pytest

import numdip
from conftest import PORTED, RANGES, Command
from numdip.plan import apply, build, compact
from numdip.times import from_seconds, to_seconds

HEADER = "number,action,mcc,mnc,operator"
#: A number of a range, one that is ported, one that the plan lists not at all.
FREE, MOVED, NEW = "+447786852522", "+447786000001", "+13392986150"

Delta = Callable[..., str]


@pytest.fixture
def plan(tmp_path: Path, ranges_csv: Path, ported_csv: Path) -> str:
    """The tests' plan as of 1 January 2026."""
    path = str(tmp_path / "national.snap")
    build([str(ranges_csv), str(ported_csv)], path, time="2026-01-01")
    return path


@pytest.fixture
def delta(tmp_path: Path) -> Delta:
    """Writes a file of changes."""

    def write(rows: str, name: str = "delta.csv", header: str = HEADER) -> str:
        path = tmp_path / name
        path.write_text(f"{header}\n{rows}\n")
        return str(path)

    return write


@pytest.fixture
def changed(plan: str, delta: Delta) -> str:
    """That plan with two layers."""
    first = "447786852522,add,234,20,Three\n447786000001,change,234,10,O2\n13392986150,add,310,012,"
    apply(plan, [delta(first)], time="2026-02-01")
    apply(plan, [delta("447786852522,remove,,,\n447786000001,remove,,,")], time="2026-03-01")
    return plan


def mnc(plan: str, number: str, at: str | None = None) -> str | None:
    answer = numdip.open(plan).lookup(number, at=at)
    return answer.mnc if answer else None


# ---------- apply --------------------------------------------------------------------------------


def test_apply_reports_what_changes_and_the_newest_layer_wins(plan: str, delta: Delta) -> None:
    path = delta("447786852522,add,234,20,Three\n447786000001,change,234,10,O2")
    applied = apply(plan, [path], time="2026-02-01")
    assert applied.file == "national.snap.000001.layer"
    assert (applied.sequence, applied.added, applied.changed) == (1, 1, 1)
    answer = numdip.open(plan).lookup(FREE)
    assert answer is not None
    assert (answer.mnc, answer.operator, answer.ported, answer.source) == (
        *("20", "Three", True),
        "delta.csv",
    )
    many = pl.DataFrame(numdip.open(plan).lookup_many([MOVED, FREE]))
    assert many["mnc"].to_list() == ["10", "20"]


def test_applying_a_delta_twice_changes_nothing(changed: str, delta: Delta) -> None:
    before = Path(f"{changed}.layers").read_bytes()
    path = delta("13392986150,add,310,012,\n447786000001,remove,,,")
    applied = apply(changed, [path], time="2026-04-01")
    assert applied.file is None
    assert (applied.sequence, applied.unchanged, applied.removed_unlisted) == (2, 2, 1)
    assert Path(f"{changed}.layers").read_bytes() == before


def test_a_removed_number_returns_to_its_range(changed: str) -> None:
    db = numdip.open(changed)
    answer = db.lookup(MOVED)
    assert answer is not None
    assert (answer.mnc, answer.ported, answer.prefix) == ("15", False, "447786")
    assert len(db) == 4 + 2


def test_bad_rows_are_told_with_line_and_column_and_nothing_is_written(
    plan: str, delta: Delta
) -> None:
    path = delta("447786852522,add,234,20,\n1,drop,234,20,\n2,add,234,2,")
    with pytest.raises(numdip.PlanError) as caught:
        apply(plan, [path])
    assert f'{path}:3: column "action": found "drop"' in caught.value.report
    assert f'{path}:4: column "mnc": found "2"' in caught.value.report
    assert not Path(f"{plan}.layers").exists()
    applied = apply(plan, [path], on_error="skip")
    assert (applied.added, applied.left_out, len(applied.faults)) == (1, 2, 2)


def test_two_rows_for_one_number_are_an_error_unless_the_last_counts(
    plan: str, delta: Delta
) -> None:
    paths = [delta("1,add,310,01,", "a.csv"), delta("1,add,310,02,", "b.csv")]
    with pytest.raises(numdip.PlanError, match=r"b.csv:2: number 1 is in .*a.csv:2 already"):
        apply(plan, paths)
    applied = apply(plan, paths, on_duplicate="last")
    assert (applied.added, applied.replaced) == (1, 1)
    assert mnc(plan, "1") == "02"


def test_files_of_another_kind_are_refused_with_what_takes_them(
    plan: str, delta: Delta, ported_csv: Path, tmp_path: Path
) -> None:
    with pytest.raises(numdip.PlanError, match="no column action; numdip plan build takes it"):
        apply(plan, [str(ported_csv)])
    with pytest.raises(numdip.PlanError, match="numdip plan apply lays it over a plan"):
        build([delta("1,add,310,01,")], str(tmp_path / "other.snap"))
    with pytest.raises(numdip.PlanError, match="a file of changes that lacks mcc, mnc"):
        apply(plan, [delta("1,remove", header="number,action")])


def test_a_layer_cannot_be_older_than_the_plan(plan: str, delta: Delta) -> None:
    with pytest.raises(numdip.TimeError, match="holds from 2026-01-01T00:00:00Z on already"):
        apply(plan, [delta("1,add,310,01,")], time="2025-12-31")
    with pytest.raises(numdip.TimeError, match="found 'yesterday', expected a date"):
        apply(plan, [delta("1,add,310,01,")], time="yesterday")


def test_a_plan_that_is_not_there_takes_no_layer(tmp_path: Path, delta: Delta) -> None:
    with pytest.raises(numdip.SnapshotError, match=r"none\.snap: No such file"):
        apply(str(tmp_path / "none.snap"), [delta("1,add,310,01,")])


# ---------- at -----------------------------------------------------------------------------------


@pytest.mark.parametrize("folded", [False, True])
@pytest.mark.parametrize(
    ("at", "free", "moved", "new"),
    [
        ("2026-01-01", "15", "30", None),
        ("2026-01-31T23:59:59", "15", "30", None),
        ("2026-02-01", "20", "10", "012"),
        ("2026-02-28T23:59:59Z", "20", "10", "012"),
        ("2026-03-01T00:00:00+01:00", "20", "10", "012"),
        ("2026-03-01T00:00:00", "15", "15", "012"),
        (None, "15", "15", "012"),
    ],
)
def test_at_says_what_was_true_then(
    changed: str, at: str | None, free: str, moved: str, new: str | None, folded: bool
) -> None:
    if folded:
        compact(changed)
    assert [mnc(changed, number, at) for number in (FREE, MOVED, NEW)] == [free, moved, new]


def test_at_takes_dates_and_datetimes(changed: str) -> None:
    db = numdip.open(changed)
    west = timezone(timedelta(hours=-5))
    for at in (
        date(2026, 2, 1),
        datetime(2026, 2, 1),  # noqa: DTZ001 - without a zone it is UTC
        datetime(2026, 2, 1, tzinfo=UTC),
        datetime(2026, 1, 31, 19, tzinfo=west),
    ):
        answer = db.lookup(FREE, at=at)
        assert answer is not None
        assert answer.mnc == "20"
    before = db.lookup(FREE, at=datetime(2026, 1, 31, 18, 59, tzinfo=west))
    assert before is not None
    assert before.mnc == "15"
    with pytest.raises(numdip.TimeError, match="expected a date"):
        db.lookup(FREE, at="01.02.2026")
    with pytest.raises(TypeError, match="not int"):
        db.lookup(FREE, at=20260201)  # type: ignore[arg-type]


def test_a_time_before_the_plan_is_refused_with_the_earliest(changed: str) -> None:
    with pytest.raises(numdip.TimeError, match="can speak for is 2026-01-01T00:00:00Z"):
        numdip.open(changed).lookup(FREE, at="2025-12-31")
    # Nobody noted the bundled plan's time, so it is taken to have always held.
    assert numdip.open().lookup(FREE, at="1999-01-01") is not None
    assert numdip.open().time is None


def test_seconds_and_times_agree() -> None:
    assert to_seconds("1970-01-02") == 86_400
    assert to_seconds("1969-12-31T23:59:59.5Z") == -1
    assert from_seconds(86_400) == datetime(1970, 1, 2, tzinfo=UTC)
    assert from_seconds(0) is None


# ---------- compact ------------------------------------------------------------------------------


def test_compact_keeps_what_the_plan_says_and_its_place_in_time(changed: str) -> None:
    before = numdip.open(changed)
    done = compact(changed)
    after = numdip.open(changed)
    assert (done.layers, done.ported) == (2, 2)
    assert (after.sequence, after.time) == (before.sequence, before.time)
    assert [layer["folded"] for layer in after.layers] == [True, True]
    for number in (FREE, MOVED, NEW, "+13392986156", "+4420794601"):
        assert before.lookup(number) == after.lookup(number)
    assert compact(changed).layers == 0


def test_forgotten_history_is_refused_and_its_files_are_gone(changed: str) -> None:
    compact(changed, forget_history=True)
    assert list(Path(changed).parent.glob("*.layer*")) == []
    with pytest.raises(numdip.TimeError, match="can speak for is 2026-03-01T00:00:00Z"):
        mnc(changed, FREE, "2026-02-28")
    assert mnc(changed, NEW) == "012"


def test_compact_into_another_file_leaves_the_plan_alone(changed: str, tmp_path: Path) -> None:
    output = str(tmp_path / "folded.snap")
    compact(changed, output)
    assert [layer["folded"] for layer in numdip.open(changed).layers] == [False, False]
    assert numdip.open(output).layers == []
    assert mnc(output, NEW) == "012"


def test_building_a_plan_anew_ends_its_layers(changed: str, ranges_csv: Path) -> None:
    build([str(ranges_csv)], changed)
    db = numdip.open(changed)
    assert (db.sequence, db.layers) == (0, [])
    assert mnc(changed, NEW) is None


# ---------- Snapshot -----------------------------------------------------------------------------


def test_a_snapshot_lists_its_layers(changed: str) -> None:
    db = numdip.open(changed)
    assert (db.sequence, db.time) == (2, datetime(2026, 3, 1, tzinfo=UTC))
    first, second = db.layers
    assert first["octets"] == Path(changed).with_name(first["file"]).stat().st_size
    assert first | {"octets": 0} == {
        "file": "national.snap.000001.layer",
        "sequence": 1,
        "time": datetime(2026, 2, 1, tzinfo=UTC),
        "set": 3,
        "removed": 0,
        "octets": 0,
        "folded": False,
    }
    assert (second["set"], second["removed"]) == (0, 2)
    db.verify()
    assert pickle.loads(pickle.dumps(db)).layers == db.layers


def test_reopen_takes_up_a_layer_and_leaves_the_old_snapshot_as_it_was(
    plan: str, delta: Delta
) -> None:
    old = numdip.open(plan, memory="huge")
    apply(plan, [delta("447786852522,add,234,20,")])
    new = old.reopen()
    assert [db.sequence for db in (old, new)] == [0, 1]
    assert [getattr(db.lookup(FREE), "mnc", None) for db in (old, new)] == ["15", "20"]


@pytest.mark.parametrize("harm", ["missing", "damaged", "cut", "list"])
def test_a_layer_that_is_unfit_is_refused_by_name(changed: str, harm: str) -> None:
    layer = Path(f"{changed}.000001.layer")
    octets = bytearray(layer.read_bytes())
    if harm == "missing":
        layer.unlink()
    elif harm == "damaged":
        octets[-1] ^= 1
        layer.write_bytes(octets)
    elif harm == "cut":
        layer.write_bytes(octets[:-1])
    else:
        layer = Path(f"{changed}.layers")
        layer.write_text("{}")
    with pytest.raises(numdip.SnapshotError, match="copy") as caught:
        numdip.open(changed)
    assert str(caught.value).startswith(str(layer))


def test_explain_names_the_layer(changed: str) -> None:
    db = numdip.open(changed)
    assert "is ported no longer; by layer 2 of 2026-03-01T00:00:00Z, source: delta.csv" in str(
        db.explain(MOVED)
    )
    then = db.explain(MOVED, at="2026-02-01")
    assert "was listed as ported at 2026-02-01T00:00:00Z" in then.steps[0]
    assert then.steps[0].endswith("; by layer 1 of 2026-02-01T00:00:00Z")
    assert then.answer is not None
    assert then.answer.mnc == "10"


# ---------- The command --------------------------------------------------------------------------


def test_commands_apply_ask_list_and_fold(plan: str, delta: Delta, numdip_command: Command) -> None:
    path = delta("447786852522,add,234,20,Three\n447786000001,add,234,10,O2\n1,remove,,,")
    done = numdip_command("plan", "apply", plan, path, "--time", "2026-02-01T06:00")
    assert done.returncode == 0
    assert done.stdout == f"{plan}: layer 1: 1 added, 1 changed, 0 removed, 1 as they were\n"
    assert f"{plan}: 1 numbers to be added were ported already" in done.stderr
    assert f"{plan}: 1 numbers to be removed were not ported" in done.stderr
    again = numdip_command("plan", "apply", plan, path)
    assert "nothing changed, no layer: 0 added" in again.stdout
    found = numdip_command("lookup", FREE, "--plan", plan, "--at", "2026-02-01", "--json")
    assert json.loads(found.stdout)["mnc"] == "15"
    found = numdip_command("lookup", FREE, "--plan", plan, "--explain")
    assert "by layer 1 of 2026-02-01T06:00:00Z" in found.stdout
    early = numdip_command("lookup", FREE, "--plan", plan, "--at", "2025-01-01")
    assert (early.returncode, early.stdout) == (2, "")
    assert "earliest time that it can speak for is 2026-01-01T00:00:00Z" in early.stderr
    verified = numdip_command("plan", "verify", plan)
    assert verified.stdout == f"{plan}: sound, 7 prefixes and ported numbers, 1 layers\n"
    stats = numdip_command("plan", "stats", plan)
    assert "file: sequence 0, 2026-01-01T00:00:00Z\n" in stats.stdout
    assert "layer 1: 2026-02-01T06:00:00Z, 2 set, 0 removed, " in stats.stdout
    shown = json.loads(numdip_command("plan", "stats", plan, "--json").stdout)
    assert (shown["base_sequence"], shown["base_time"]) == (0, "2026-01-01T00:00:00Z")
    assert shown["layers"][0]["time"] == "2026-02-01T06:00:00Z"
    folded = numdip_command("plan", "compact", plan)
    assert folded.stdout.startswith(f"{plan}: 1 layers folded, 3 ported numbers, ")
    assert numdip_command("plan", "verify", plan).returncode == 0


def test_bad_changes_end_with_1_and_damage_is_found_by_verify(
    changed: str, delta: Delta, numdip_command: Command
) -> None:
    bad = numdip_command("plan", "apply", changed, delta("1,add,31,01,"))
    assert bad.returncode == 1
    assert 'column "mcc": found "31"' in bad.stderr
    Path(f"{changed}.000002.layer").unlink()
    verified = numdip_command("plan", "verify", changed)
    assert verified.returncode == 1
    assert "000002.layer: this layer of" in verified.stderr
    assert "is missing: copy it again" in verified.stderr


@pytest.mark.parametrize("name", ["", ".000001.layer", ".000002.layer", ".layers"])
def test_a_bit_that_flipped_in_any_file_is_found_by_verify(
    changed: str, numdip_command: Command, name: str
) -> None:
    assert numdip_command("plan", "verify", changed).returncode == 0
    path = Path(f"{changed}{name}")
    octets = bytearray(path.read_bytes())
    # The last octet but the list's end: of a plan it is a ported number's, which opening passes by.
    octets[-1 if name != ".layers" else -3] ^= 1
    path.write_bytes(octets)
    verified = numdip_command("plan", "verify", changed)
    assert (verified.returncode, verified.stdout) == (1, "")
    assert verified.stderr.startswith(f"numdip: {path}: ")


def test_a_plan_without_any_tells_of_none(
    tmp_path: Path, build_snapshot: Callable[..., Path], numdip_command: Command
) -> None:
    path = build_snapshot(tmp_path / "x.snap", RANGES, PORTED)
    assert "\nlayer" not in numdip_command("plan", "stats", path).stdout
    assert "by layer" not in numdip_command("lookup", MOVED, "--plan", path, "--explain").stdout
