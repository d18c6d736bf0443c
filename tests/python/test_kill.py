"""SIGKILL at any moment: a plan is as it was or as it will be, and nothing is left lying about."""

from __future__ import annotations

import ctypes
import os
import random
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest

import numdip
from conftest import RANGE_HEADER, environment
from numdip.plan import apply, build

#: Ported numbers of the plan, changes of a delta, and how many numbers are asked about.
NUMBERS, CHANGES, ASKED = 100_000, 30_000, 300
_START = """\
import polars, numdip.plan as plan, numdip.plan.reading
from numdip.cli import main
builder = plan.PlanBuilder
plan.PlanBuilder = lambda **options: builder(**(options | {"memory": 1 << 20}))
print("begun", flush=True)
main()
"""
#: The command itself, with memory for so few rows that a build puts some runs of them on disk.
#: Python has started when it says so: what comes then is the command's own.
COMMAND = [
    sys.executable,
    "-c",
    _START,
    "plan",
]
#: The name that a file has for an instant; the next run takes it away.
BRIEF = re.compile(r"\.numdip-[0-9a-f]{16}\.tmp")
MNCS = ("10", "15", "20", "30", "033")

#: What a plan says of the numbers asked about now and earlier, and where it stands.
State = tuple[object, ...]


class Watch:
    """Counts names that come, go and change in a folder: inotify(7)."""

    #: Created, moved from and to, deleted, attributes changed, closed after writing.
    _MASK = 0x100 | 0x40 | 0x80 | 0x200 | 0x4 | 0x8
    _HEAD = struct.Struct("iIII")

    def __init__(self, folder: Path) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        self._file = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        assert libc.inotify_add_watch(self._file, os.fsencode(folder), self._MASK) >= 0

    def wait(self, seconds: float) -> int:
        """How many events there are, after waiting for one for so long."""
        if not select.select([self._file], [], [], seconds)[0]:
            return 0
        octets, place, count = os.read(self._file, 1 << 16), 0, 0
        while place < len(octets):
            *_, length = self._HEAD.unpack_from(octets, place)
            place += self._HEAD.size + length
            count += 1
        return count

    def close(self) -> None:
        os.close(self._file)


@dataclass
class Case:
    """A command, and the folder with the plan that it changes, before and meanwhile."""

    before: Path
    folder: Path
    args: Sequence[str]
    asked: list[str]

    def reset(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.copytree(self.before, self.folder)

    def run(self, after: float | None = None, event: int | None = None) -> tuple[float, int] | None:
        """Runs the command, at most for so many seconds or until so many events in its folder.

        Gives how many seconds it took and how many events there were, if it came to its end.
        """
        happened, watch = 0, Watch(self.folder)
        process = subprocess.Popen(
            [*COMMAND, *self.args],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(),
            cwd=self.folder,
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n", process.communicate()[1]
        start = time.monotonic()
        end = start + (60 if after is None else after)
        while process.poll() is None and time.monotonic() < end:
            happened += watch.wait(min(0.005, max(end - time.monotonic(), 0)))
            if event is not None and happened >= event:
                break
        seconds = time.monotonic() - start
        process.kill()
        _, errors = process.communicate()
        happened += watch.wait(0)
        watch.close()
        if process.returncode == -signal.SIGKILL:
            return None
        assert process.returncode == 0, errors
        return seconds, happened

    def state(self) -> State:
        """All that the plan says; it opens and is whole."""
        db = numdip.open(str(self.folder / "plan.snap"))
        db.verify()
        now = pl.DataFrame(db.lookup_many(self.asked))["mnc"].to_list()
        return (now, self._then(db), [layer["folded"] for layer in db.layers], db.sequence, len(db))

    def _then(self, db: numdip.Snapshot) -> object:
        try:
            answers = [db.lookup(number, at="2026-01-15") for number in self.asked[:50]]
        except numdip.TimeError as error:
            return str(error)
        return [answer and answer.mnc for answer in answers]

    def names(self) -> list[str]:
        return sorted(os.listdir(self.folder))


def ported_rows(seed: int, count: int) -> pl.DataFrame:
    rng = random.Random(seed)
    numbers = rng.sample(range(441_000_000_000, 441_000_000_000 + 4 * NUMBERS), count)
    networks = rng.choices(MNCS, k=count)
    return pl.DataFrame({"number": map(str, numbers), "mcc": "234", "mnc": networks})


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two lists of ported numbers, three deltas, and ranges."""
    folder = tmp_path_factory.mktemp("sources")
    (folder / "ranges.csv").write_text(f"{RANGE_HEADER}\n44,12,12,GB,mobile,234,01,,true\n")
    for seed, name in enumerate(("old", "new")):
        ported_rows(seed, NUMBERS).write_parquet(folder / f"{name}.parquet")
    for seed, name in enumerate(("first", "second", "third"), 10):
        rows = ported_rows(seed, CHANGES).with_columns(
            action=pl.when(pl.int_range(pl.len()) % 3 == 0)
            .then(pl.lit("remove"))
            .otherwise(pl.lit("add"))
        )
        rows.write_parquet(folder / f"{name}.parquet")
    return folder


@pytest.fixture(scope="module")
def make_case(sources: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Case]:
    """A plan with two layers, of 1 and 20 January and 1 February, that a command is to change."""
    before = tmp_path_factory.mktemp("before")
    plan = str(before / "plan.snap")
    build([str(sources / "ranges.csv"), str(sources / "old.parquet")], plan, time="2026-01-01")
    for name, day in (("first", "2026-01-20"), ("second", "2026-02-01")):
        apply(plan, [str(sources / f"{name}.parquet")], time=day)
    given = {
        "RANGES": str(sources / "ranges.csv"),
        "NEW": str(sources / "new.parquet"),
        "DELTA": str(sources / "third.parquet"),
    }
    asked = [f"+{digits}" for digits in ported_rows(0, NUMBERS)["number"][: ASKED // 2]]
    asked += [f"+{digits}" for digits in ported_rows(12, CHANGES)["number"][: ASKED // 2]]

    def make(words: str) -> Case:
        args = [given.get(word, word) for word in words.split()]
        return Case(before, tmp_path_factory.mktemp("case") / "plan", args, asked)

    return make


#: What is killed, and how often: fifty times in all.
KILLS = [
    ("build RANGES NEW -o plan.snap --time 2026-03-01", 20),
    ("apply plan.snap DELTA --time 2026-03-01", 14),
    ("compact plan.snap", 8),
    ("compact plan.snap --forget-history", 8),
]


@pytest.mark.parametrize(("words", "moments"), KILLS, ids=[words for words, _ in KILLS])
def test_a_kill_leaves_the_old_plan_or_the_new_one(
    make_case: Callable[..., Case], words: str, moments: int
) -> None:
    case = make_case(words)
    case.reset()
    old, old_names = case.state(), case.names()
    runs = []
    for _ in range(2):
        case.reset()
        run = case.run()
        assert run is not None
        runs.append(run)
    seconds, events = min(runs)
    new, new_names = case.state(), case.names()
    assert old != new
    rng = random.Random(words)
    found: Counter[str] = Counter()
    for moment in range(moments):
        case.reset()
        # By the clock, over the whole time; and right after something happened to a file.
        if moment % 2:
            ended = case.run(event=rng.randint(1, events))
        else:
            ended = case.run(after=1.1 * seconds * (moment + rng.random()) / moments)
        state, names = case.state(), case.names()
        assert state in (old, new), f"a third state after kill {moment}"
        found["ended" if ended is not None else "old" if state == old else "new"] += 1
        strays = [name for name in names if name not in old_names + new_names]
        assert len(strays) <= 1
        for stray in strays:
            is_next_layer = "third" in " ".join(case.args) and stray == "plan.snap.000003.layer"
            assert is_next_layer or BRIEF.fullmatch(stray), stray
        if names not in (old_names, new_names) or moment == moments - 1:
            assert case.run() is not None
            assert case.state() == new
            assert case.names() == new_names
    print(f"{words}: {dict(found)}; each of {seconds:.2f} s, {events} events")
    assert found["old"] > 0
