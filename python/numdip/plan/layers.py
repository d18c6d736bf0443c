"""Daily changes: a delta file becomes a layer upon a plan, layers are folded into it.

A layer lies beside its plan (``national.snap.000001.layer``); ``national.snap.layers`` lists them.
Whoever opens the plan opens its layers with it, and of two that name one number the newer counts.
"""

from __future__ import annotations

import fcntl
import json
import os
import time as clock
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from .. import __version__, _native
from ..errors import PlanError, SnapshotError
from ..times import to_seconds
from .progress import Meter, Progress, size_of

__all__ = ["Applied", "Compacted", "apply", "compact"]

#: So many faults are told in full; the others are counted.
MAX_FAULTS = 100


@dataclass(frozen=True, slots=True)
class Applied:
    """What deltas changed in a plan."""

    #: The layer's file beside the plan; ``None``: nothing changed, so none was written.
    file: str | None
    #: How many layers have been applied to the plan since it was built.
    sequence: int
    #: Numbers that were not ported and are now.
    added: int
    #: Ported numbers with another network, or other texts of it, than before.
    changed: int
    #: Numbers that are back in their ranges.
    removed: int
    #: Rows that say what the plan says already.
    unchanged: int
    #: Of the changed numbers those that were to be added.
    added_twice: int
    #: Of the added numbers those that were to be changed.
    changed_unlisted: int
    #: Of the unchanged rows those that were to remove a number that is not ported.
    removed_unlisted: int
    #: Rows that a later one replaced.
    replaced: int
    #: Bad rows.
    left_out: int
    #: What is wrong with them, at most 100: ``file:line: column "mcc": found …, expected …``.
    faults: list[str]


@dataclass(frozen=True, slots=True)
class Compacted:
    """What a plan holds after its layers were folded."""

    #: Layers that were folded.
    layers: int
    #: Ported numbers.
    ported: int
    networks: int


def apply(
    snapshot: str,
    inputs: Sequence[str],
    *,
    time: str | date | datetime | None = None,
    on_error: Literal["fail", "skip"] = "fail",
    on_duplicate: Literal["fail", "last"] = "fail",
    note: Callable[[str], None] = lambda text: None,
    progress: Callable[[Progress], None] = lambda step: None,
) -> Applied:
    """Write what deltas change in the plan *snapshot* as one layer.

    ``add`` and ``change`` both give a number its network and ``remove`` returns it to its range, so
    a delta that is applied again changes nothing. Servers with ``watch = true`` take the layer up
    within a second, others at SIGHUP.

    Args:
        snapshot: the plan's path; the layer is written beside it.
        inputs: CSV or Parquet files with the columns ``number``, ``action`` (``add``, ``change`` or
            ``remove``), ``mcc``, ``mnc`` and any of ``operator``, ``spid``, ``rn``, ``rn_context``.
        time: from when on the changes hold; not before the newest layer. ``None`` is now.
        on_error: ``"fail"`` writes nothing if any row is bad, ``"skip"`` leaves bad rows out.
        on_duplicate: two rows for one number are an error, or the last one counts.
        note: told what is worth knowing, such as columns that are ignored.
        progress: told how far the applying is.

    Raises:
        PlanError: a file cannot be read or holds bad rows; ``report`` lists them.
        SnapshotError: the plan or its layers cannot be opened, or the layer cannot be written.
        TimeError: *time* is no time, or before that of the plan and its layers.
    """
    # Polars takes a while to load, and whoever only reads snapshots does not need it.
    from . import reading

    seconds = int(clock.time()) if time is None else to_seconds(time)
    meter = Meter(progress, size_of(inputs))
    skipped: list[str] = []
    sources = []
    with _alone(snapshot):
        builder = _native.LayerBuilder(snapshot, on_error=on_error, on_duplicate=on_duplicate)
        for path in inputs:
            rows = 0
            with reading.PlanFile(path, note=note, progress=meter.octets) as file:
                if file.holds != "changes":
                    raise PlanError(
                        f"{path}: a file of {file.holds}, which has no column action; "
                        "numdip plan build takes it"
                    )
                for batch in file.batches(skipped if on_error == "skip" else None):
                    first = batch.first_line
                    rows += meter.rows(builder.add_changes(batch.rows, file=path, first_line=first))
            sources.append({"file": os.path.basename(path), "holds": file.holds, "rows": rows})
        meta = {"built_by": f"numdip {__version__}", "sources": sources}
        meter.writing()
        try:
            report = builder.write(time=seconds, meta=json.dumps(meta, ensure_ascii=False))
        except PlanError as error:
            raise PlanError(str(error), report=str(error)) from None
    return Applied(
        file=report.file,
        sequence=report.sequence,
        added=report.added,
        changed=report.changed,
        removed=report.removed,
        unchanged=report.unchanged,
        added_twice=report.added_twice,
        changed_unlisted=report.changed_unlisted,
        removed_unlisted=report.removed_unlisted,
        replaced=report.replaced,
        left_out=report.left_out + len(skipped),
        faults=[*skipped, *report.faults][:MAX_FAULTS],
    )


def compact(snapshot: str, output: str | None = None, *, forget_history: bool = False) -> Compacted:
    """Fold the layers of the plan *snapshot* into its file.

    The plan says the same before and after, also to ``at=…``: the folded layers stay beside it,
    with one more file that holds what they replaced.

    Args:
        snapshot: the plan's path. Its file is replaced whole; who has it open keeps the old one.
        output: write the folded plan there and leave *snapshot* as it is. It has no history.
        forget_history: remove the folded layers, so that ``at=…`` before the newest is refused.

    Raises:
        SnapshotError: the plan or its layers are damaged, or a file cannot be written.
    """
    with _alone(snapshot):
        layers, ported, networks = _native.compact(snapshot, output, forget_history=forget_history)
    return Compacted(layers, ported, networks)


@contextmanager
def _alone(plan: str) -> Iterator[None]:
    """Waits until no other program changes the layers of *plan*, and keeps them away meanwhile."""
    while True:
        try:
            file = open(plan, "rb")  # noqa: SIM115
        except OSError as error:
            raise SnapshotError(f"{plan}: {error.strerror}; name the plan to change") from error
        with file:
            fcntl.flock(file, fcntl.LOCK_EX)
            # Whoever had the lock may have put another file in its place.
            if os.path.exists(plan) and os.path.samestat(os.fstat(file.fileno()), os.stat(plan)):
                yield
                return
