"""A disk that fills: one line says so, the plan is as it was, and nothing is left lying about."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

import numdip
from conftest import PATIENCE, environment
from numdip.plan import apply, build
from test_kill import COMMAND, NUMBERS, ported_rows, sources

__all__ = ["sources"]

#: Octets of the disk: room for the plan, and for all that a build keeps beside it.
DISK = 16 << 20
FULL = "No space left on device"
#: The command with as much memory as it likes.
UNBOUNDED = [sys.executable, "-m", "numdip", "plan"]


class Disk:
    """A small disk that only processes in one mount namespace see, and the tests by way of one."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.inside = folder
        # It says that the disk is there, and lives until it is told to end.
        script = f'mount -t tmpfs -o size={DISK} none "$1" && echo ready && exec cat'
        self._keeper = subprocess.Popen(
            ["unshare", "--mount", "sh", "-c", script, "sh", str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self._keeper.stdout is not None
        if self._keeper.stdout.readline() != "ready\n":
            _, errors = self._keeper.communicate(timeout=PATIENCE)
            why = f"no disk can be mounted here, which takes root: {errors.strip()}"
            if os.environ.get("CI"):
                pytest.fail(why)
            pytest.skip(why)
        self.folder = Path(f"/proc/{self._keeper.pid}/root{folder}")

    def end(self) -> None:
        self._keeper.communicate(timeout=PATIENCE)

    def run(self, *args: str, command: list[str] = COMMAND) -> subprocess.CompletedProcess[str]:
        enter = ["nsenter", f"--mount=/proc/{self._keeper.pid}/ns/mnt"]
        there = ["sh", "-c", 'cd "$1" && shift && exec "$@"', "sh", str(self.inside)]
        return subprocess.run(
            [*enter, *there, *command, *args],
            capture_output=True,
            text=True,
            env=environment(),
            timeout=3 * PATIENCE,
        )

    def leave_free(self, octets: int) -> None:
        """Fills the disk but for so many octets."""
        ballast = self.folder / "ballast"
        ballast.unlink(missing_ok=True)
        there = os.statvfs(self.folder)
        room = there.f_bavail * there.f_frsize - octets
        assert room >= 0
        with ballast.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, max(room, 1))

    def names(self) -> list[str]:
        return sorted(name for name in os.listdir(self.folder) if name != "ballast")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    disk = Disk(tmp_path / "disk")
    yield disk
    disk.end()


@pytest.fixture(scope="module")
def plan(sources: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a plan with a layer."""
    folder = tmp_path_factory.mktemp("plan")
    path = str(folder / "plan.snap")
    build([str(sources / "ranges.csv"), str(sources / "old.parquet")], path, time="2026-01-01")
    apply(path, [str(sources / "first.parquet")], time="2026-02-01")
    return folder


@pytest.mark.parametrize(
    ("words", "command", "told"),
    [
        ("build RANGES NEW -o plan.snap", COMMAND, {"temporary files"}),
        ("build RANGES NEW -o plan.snap", UNBOUNDED, {"plan.snap: "}),
        ("apply plan.snap DELTA", COMMAND, {"plan.snap.000002.layer: "}),
        ("compact plan.snap", COMMAND, {"temporary files"}),
    ],
    ids=["build-in-runs", "build", "apply", "compact"],
)
def test_a_full_disk_is_told_in_one_line_and_changes_nothing(
    disk: Disk,
    plan: Path,
    sources: Path,
    words: str,
    command: list[str],
    told: set[str],
) -> None:
    for name in os.listdir(plan):
        shutil.copy(plan / name, disk.folder)
    given = {
        "RANGES": str(sources / "ranges.csv"),
        "NEW": str(sources / "new.parquet"),
        "DELTA": str(sources / "second.parquet"),
    }
    args = [given.get(word, word) for word in words.split()]
    asked = [f"+{digits}" for digits in ported_rows(0, NUMBERS)["number"][:300]]

    def state() -> list[str]:
        db = numdip.open(str(disk.folder / "plan.snap"))
        db.verify()
        return pl.DataFrame(db.lookup_many(asked))["mnc"].to_list()

    old, names = state(), disk.names()
    lines = []
    for free in (0, *(4096 << doubling for doubling in range(20))):
        disk.leave_free(free)
        done = disk.run(*args, command=command)
        if done.returncode == 0:
            break
        assert done.returncode == 2, done.stderr
        [line] = done.stderr.splitlines()
        # The file, or the folder where one without a name found no room.
        assert line.startswith(
            ("numdip: plan.snap", "numdip: ./plan.snap", "numdip: temporary files")
        )
        assert FULL in line
        assert "plan.snap" in line or str(disk.inside) in line
        assert (state(), disk.names()) == (old, names)
        lines.append(line)
    assert done.returncode == 0, lines[-1]
    print(*lines, sep="\n")
    assert len(lines) >= 3
    for part in told:
        assert any(part in line for line in lines), f"{part!r} was never told: {lines}"
    state()
    assert not [name for name in disk.names() if name.startswith(".")]


def test_what_is_written_without_a_name_needs_no_proc(disk: Disk, sources: Path) -> None:
    """Where /proc is missing, no file without a name can get one: a temporary name serves."""
    hidden = ["sh", "-c", 'mount -t tmpfs none /proc && exec "$@"', "sh"]
    inputs = [str(sources / name) for name in ("ranges.csv", "old.parquet")]
    done = disk.run(
        *("build", *inputs, "-o", "plan.snap"), command=["unshare", "--mount", *hidden, *COMMAND]
    )
    assert done.returncode == 0, done.stderr
    assert disk.names() == ["plan.snap"]
    numdip.open(str(disk.folder / "plan.snap")).verify()
