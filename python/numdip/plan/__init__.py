"""Plans and the snapshots built from them: ``numdip plan`` on the command line.

:func:`build` reads ranges and ported numbers from CSV and Parquet files
(:mod:`numdip.plan.reading`) and hands them to the extension, which checks every row and writes the
snapshot; :func:`apply` lays daily changes over it and :func:`compact` folds them in;
:func:`numdip.plan.stats.statistics` says what a snapshot knows. The bundled plan is made
by ``python -m numdip.plan``.
"""

from __future__ import annotations

import json
import os
import time as clock
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from .. import __version__
from .._native import PlanBuilder
from ..errors import PlanError, SnapshotError
from ..times import to_seconds
from .layers import MAX_FAULTS, Applied, Compacted, apply, compact

__all__ = ["Applied", "Built", "Compacted", "apply", "build", "compact"]


@dataclass(frozen=True, slots=True)
class Built:
    """What went into a snapshot, and what was left out of it."""

    ranges: int
    ported: int
    networks: int
    #: Rows that a later one replaced.
    replaced: int
    #: Bad rows.
    left_out: int
    #: What is wrong with them, at most 100: ``file:line: column "mcc": found …, expected …``.
    faults: list[str]


def build(
    inputs: Sequence[str],
    output: str,
    *,
    time: str | date | datetime | None = None,
    on_error: Literal["fail", "skip"] = "fail",
    on_duplicate: Literal["fail", "last"] = "fail",
    note: Callable[[str], None] = lambda text: None,
    progress: Callable[[int], None] = lambda octets: None,
) -> Built:
    """Build the snapshot *output* from plan files.

    The file appears whole or not at all; layers of a plan that was there before are its no longer.
    The same files in the same order and the same time give the same octets.

    Args:
        inputs: CSV files (also ``.gz`` and ``.zst``) and Parquet files. A file with a column
            ``prefix`` holds ranges, one with a column ``number`` ported numbers.
        output: the snapshot's path; its folder must exist.
        time: from when on the plan holds; no earlier time can be asked about. ``None`` is now.
        on_error: ``"fail"`` writes nothing if any row is bad, ``"skip"`` leaves bad rows out.
        on_duplicate: two rows for one number are an error, or the last one counts.
        note: told what is worth knowing, such as columns that are ignored.
        progress: told how many octets of input have been read since it was last told.

    Raises:
        PlanError: a file cannot be read or holds bad rows; ``report`` lists the rows.
        SnapshotError: *output* cannot be written.
        TimeError: *time* is no time.
    """
    # Polars takes a while to load, and whoever only reads snapshots does not need it.
    from . import reading

    seconds = int(clock.time()) if time is None else to_seconds(time)
    _require_writable(output)
    for path in inputs:
        if os.path.exists(output) and os.path.exists(path) and os.path.samefile(path, output):
            raise PlanError(f"{output}: is an input too; name another output")
    builder = PlanBuilder(
        on_error=on_error, on_duplicate=on_duplicate, folder=os.path.dirname(output) or "."
    )
    skipped: list[str] = []
    sources = []
    for path in inputs:
        rows = 0
        with reading.PlanFile(path, note=note, progress=progress) as file:
            if file.holds == "changes":
                raise PlanError(
                    f"{path}: a file of changes, for it has a column action; "
                    "numdip plan apply lays it over a plan that was built"
                )
            add = builder.add_ranges if file.holds == "ranges" else builder.add_ported
            for batch in file.batches(skipped if on_error == "skip" else None):
                rows += add(batch.rows, file=path, first_line=batch.first_line)
        sources.append({"file": os.path.basename(path), "holds": file.holds, "rows": rows})
    if not any(source["rows"] for source in sources):
        raise PlanError(f"{', '.join(inputs)}: no rows, so there is nothing to build")
    meta = {"built_by": f"numdip {__version__}", "sources": sources}
    try:
        report = builder.write(output, meta=json.dumps(meta, ensure_ascii=False), time=seconds)
    except PlanError as error:
        raise PlanError(str(error), report=str(error)) from None
    return Built(
        ranges=report.ranges,
        ported=report.ported,
        networks=report.networks,
        replaced=report.replaced,
        left_out=report.left_out + len(skipped),
        faults=[*skipped, *report.faults][:MAX_FAULTS],
    )


def _require_writable(output: str) -> None:
    """Tells before gigabytes are read what would go wrong after."""
    folder = os.path.dirname(output) or "."
    if os.path.isdir(output):
        raise SnapshotError(f"{output}: is a folder; name a file in it, such as {output}/plan.snap")
    if not os.path.isdir(folder):
        raise SnapshotError(f"{output}: the folder {folder} does not exist; make it first")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise SnapshotError(f"{output}: the folder {folder} is not writable for this user")
