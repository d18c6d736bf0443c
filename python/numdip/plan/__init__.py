"""Plans and the snapshots built from them: ``numdip plan`` on the command line.

:func:`build` reads ranges and ported numbers from CSV and Parquet files
(:mod:`numdip.plan.reading`) and from a PostgreSQL database (:mod:`numdip.plan.postgresql`) and
hands them to the extension, which checks every row and writes the snapshot; :func:`apply` lays
daily changes over it and :func:`compact` folds them in; :func:`numdip.plan.stats.statistics` says
what a snapshot knows. The bundled plan is made by ``python -m numdip.plan``.
"""

from __future__ import annotations

import json
import os
import time as clock
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any, Literal

from .. import __version__
from .._native import PlanBuilder
from ..errors import PlanError, SnapshotError
from ..times import to_seconds
from .layers import MAX_FAULTS, Applied, Compacted, apply, compact

__all__ = [
    "Applied",
    "Built",
    "Compacted",
    "Database",
    "Progress",
    "apply",
    "build",
    "compact",
]


@dataclass(frozen=True, slots=True)
class Database:
    """Queries whose results are rows of a plan."""

    #: ``postgresql://user@host:port/database``. What it leaves out, the password too, comes from
    #: where libpq has it from: ``PGPASSWORD`` and its like, ``~/.pgpass``.
    uri: str = field(repr=False)
    #: Each gives ranges if its result has a column ``prefix``, ported numbers if ``number``.
    queries: Sequence[str]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a build is."""

    #: First all input is read, then it is sorted and written.
    phase: Literal["reading", "writing"]
    #: How much is done of *total*: octets of the input files read, rows written.
    done: int
    #: ``None`` where it is not known before, as of a pipe or a database.
    total: int | None
    #: Rows read.
    rows: int


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


# ---------- build --------------------------------------------------------------------------------


def build(
    inputs: Sequence[str],
    output: str,
    *,
    time: str | date | datetime | None = None,
    database: Database | None = None,
    on_error: Literal["fail", "skip"] = "fail",
    on_duplicate: Literal["fail", "last"] = "fail",
    memory: int | None = None,
    note: Callable[[str], None] = lambda text: None,
    progress: Callable[[Progress], None] = lambda step: None,
) -> Built:
    """Build the snapshot *output* from plan files and the results of queries.

    The file appears whole or not at all; layers of a plan that was there before are its no longer.
    The same rows in the same order and the same time give the same octets.

    Args:
        inputs: CSV files (also ``.gz`` and ``.zst``) and Parquet files. A file with a column
            ``prefix`` holds ranges, one with a column ``number`` ported numbers.
        output: the snapshot's path; its folder must exist.
        time: from when on the plan holds; no earlier time can be asked about. ``None`` is now.
        database: queries whose results come before the files. They see the database as it was at
            one moment, and cannot change it.
        on_error: ``"fail"`` writes nothing if any row is bad, ``"skip"`` leaves bad rows out.
        on_duplicate: two rows for one number are an error, or the last one counts.
        memory: octets to take for rows, 2 GiB if not given; what does not fit is kept in files
            without a name in the output's folder.
        note: told what is worth knowing, such as columns that are ignored.
        progress: told how far the build is.

    Raises:
        PlanError: an input cannot be read or holds bad rows; ``report`` lists the rows.
        SnapshotError: *output* cannot be written.
        TimeError: *time* is no time.
    """
    seconds = int(clock.time()) if time is None else to_seconds(time)
    _require_writable(output)
    for path in inputs:
        if os.path.exists(output) and os.path.exists(path) and os.path.samefile(path, output):
            raise PlanError(f"{output}: is an input too; name another output")
    builder = PlanBuilder(
        on_error=on_error,
        on_duplicate=on_duplicate,
        memory=memory,
        folder=os.path.dirname(output) or ".",
    )
    meter = _Meter(progress, None if database else _size(inputs))
    skipped: list[str] = []
    sources: list[dict[str, Any]] = []
    if database:
        sources += _add_queries(builder, database, note, meter)
    skip = skipped if on_error == "skip" else None
    sources += [_add_file(builder, path, note, meter, skip) for path in inputs]
    if not any(source["rows"] for source in sources):
        names = ", ".join([*inputs, *(["the queries' results"] if database else [])])
        raise PlanError(f"{names}: no rows, so there is nothing to build")
    meta = {"built_by": f"numdip {__version__}", "sources": sources}
    meter.writing()
    try:
        text = json.dumps(meta, ensure_ascii=False)
        report = builder.write(output, meta=text, time=seconds, progress=meter.written)
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


def _add_file(
    builder: PlanBuilder,
    path: str,
    note: Callable[[str], None],
    meter: _Meter,
    skipped: list[str] | None,
) -> dict[str, Any]:
    """Adds a file's rows and says what they were."""
    # Polars takes a while to load, and whoever only reads snapshots does not need it.
    from . import reading

    rows = 0
    with reading.PlanFile(path, note=note, progress=meter.octets) as file:
        _refuse_changes(path, file.holds)
        add = builder.add_ranges if file.holds == "ranges" else builder.add_ported
        for batch in file.batches(skipped):
            rows += meter.rows(add(batch.rows, file=path, first_line=batch.first_line))
    return {"file": os.path.basename(path), "holds": file.holds, "rows": rows}


def _add_queries(
    builder: PlanBuilder, database: Database, note: Callable[[str], None], meter: _Meter
) -> list[dict[str, Any]]:
    """Adds the rows that queries give and says what they were."""
    from . import postgresql

    with postgresql.Connection(database.uri) as connection:
        # A fault in the last of them is told before the first has run for an hour.
        queries = [
            connection.query(number, sql, note) for number, sql in enumerate(database.queries, 1)
        ]
        sources = []
        for query in queries:
            rows = 0
            _refuse_changes(query.name, query.holds)
            add = builder.add_ranges if query.holds == "ranges" else builder.add_ported
            for batch in connection.rows(query):
                first, name = rows + 1, connection.name
                added = add(batch, file=query.name, first_line=first, database=name)
                rows += meter.rows(added)
            sources.append(
                {
                    "database": connection.name,
                    "query": query.name,
                    "holds": query.holds,
                    "rows": rows,
                }
            )
    return sources


def _refuse_changes(name: str, holds: str) -> None:
    if holds == "changes":
        raise PlanError(
            f"{name}: a file of changes, for it has a column action; "
            "numdip plan apply lays it over a plan that was built"
        )


def _size(inputs: Sequence[str]) -> int | None:
    """The octets of all inputs, if all are files that have a size."""
    return (
        sum(os.path.getsize(path) for path in inputs)
        if all(os.path.isfile(path) for path in inputs)
        else None
    )


class _Meter:
    """Adds up what was read, and tells it."""

    def __init__(self, told: Callable[[Progress], None], total: int | None) -> None:
        self._told = told
        self._progress = Progress("reading", 0, total, 0)
        told(self._progress)  # a query may take long to give its first row

    def octets(self, count: int) -> None:
        self._tell(done=self._progress.done + count)

    def rows(self, count: int) -> int:
        self._tell(rows=self._progress.rows + count)
        return count

    def writing(self) -> None:
        self._tell(phase="writing", done=0, total=None)

    def written(self, done: int, total: int) -> None:
        self._tell(done=done, total=total)

    def _tell(self, **changes: Any) -> None:
        self._progress = replace(self._progress, **changes)
        self._told(self._progress)


def _require_writable(output: str) -> None:
    """Tells before gigabytes are read what would go wrong after."""
    folder = os.path.dirname(output) or "."
    if os.path.isdir(output):
        raise SnapshotError(f"{output}: is a folder; name a file in it, such as {output}/plan.snap")
    if not os.path.isdir(folder):
        raise SnapshotError(f"{output}: the folder {folder} does not exist; make it first")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise SnapshotError(f"{output}: the folder {folder} is not writable for this user")
