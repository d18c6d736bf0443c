"""Plans and the snapshots built from them: ``numdip plan`` on the command line.

:func:`build` reads ranges, ported numbers and NAPTR records from CSV and Parquet files
(:mod:`numdip.plan.reading`), DNS records from zone files (:mod:`numdip.plan.zone_files`) and
DNSControl's files (:mod:`numdip.plan.dnscontrol`), rows from a PostgreSQL database
(:mod:`numdip.plan.postgresql`), and hands them to the extension, which checks every row and writes
the snapshot; :func:`apply` lays daily changes over it and :func:`compact` folds them in;
:func:`numdip.plan.stats.statistics` says what a snapshot knows, and
:func:`numdip.plan.export.export` writes it out. The bundled plan is made by
``python -m numdip.plan``.
"""

from __future__ import annotations

import json
import os
import tempfile
import time as clock
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal

from .. import __version__
from .._native import PlanBuilder
from ..errors import PlanError, SnapshotError
from ..times import to_seconds
from .columns import Kind
from .dns_files import is_dnsconfig, is_zone_file
from .faults import Faults, report_of
from .layers import MAX_FAULTS, Applied, Compacted, apply, compact
from .outputs import refuse_inputs, require_writable
from .progress import Meter, Progress, size_of

__all__ = ["Applied", "Built", "Compacted", "Database", "Progress", "apply", "build", "compact"]


@dataclass(frozen=True, slots=True)
class Database:
    """Queries whose results are rows of a plan."""

    #: ``postgresql://user@host:port/database``. What it leaves out, the password too, comes from
    #: where libpq has it from: ``PGPASSWORD`` and its like, ``~/.pgpass``.
    uri: str = field(repr=False)
    #: Each gives ranges if its result has a column ``prefix``, ported numbers if ``number``.
    queries: Sequence[str]


@dataclass(frozen=True, slots=True)
class Built:
    """What went into a snapshot, and what was left out of it."""

    ranges: int
    ported: int
    networks: int
    #: DNS records of numbers, prefixes and names.
    records: int
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
    database: Database | None = None,
    time: str | date | datetime | None = None,
    on_error: Literal["fail", "skip"] = "fail",
    on_duplicate: Literal["fail", "last"] = "fail",
    memory: int | None = None,
    apex: Sequence[str] | None = None,
    origin: str | None = None,
    note: Callable[[str], None] = lambda text: None,
    progress: Callable[[Progress], None] = lambda step: None,
) -> Built:
    """Build the snapshot *output* from plan files and the results of queries.

    The file appears whole or not at all; layers of a plan that was there before are its no longer.
    The same rows in the same order and the same time give the same octets.

    Args:
        inputs: CSV files (also ``.gz`` and ``.zst``) and Parquet files. A file with a column
            ``prefix`` holds ranges, one with a column ``number`` ported numbers, one with columns
            ``name``, ``services`` and ``regexp`` NAPTR records. Zone files (``.zone``, ``.db``,
            ``db.…``, or what begins as one) and DNSControl's ``.js`` and ``.json`` hold DNS records
            of any type.
        output: the snapshot's path; its folder must exist.
        database: queries whose results come before the files. They see the database as it was at
            one moment, and cannot change it.
        time: from when on the plan holds; no earlier time can be asked about. ``None`` is now.
        on_error: ``"fail"`` writes nothing if any row is bad, ``"skip"`` leaves bad rows out.
        on_duplicate: two rows for one number are an error, or the last one counts.
        memory: octets to take for rows, 2 GiB if not given; what does not fit is kept in files
            without a name in the output's folder.
        apex: the domains under which owner names of records stand for numbers, ``e164.arpa`` if not
            given.
        origin: what names in zone files are relative to until a ``$ORIGIN`` says it.
        note: told what is worth knowing, such as columns that are ignored.
        progress: told how far the build is.

    Raises:
        PlanError: an input cannot be read or holds bad rows; ``report`` lists the rows.
        SnapshotError: *output* cannot be written.
        TimeError: *time* is no time.
    """
    seconds = int(clock.time()) if time is None else to_seconds(time)
    require_writable(output)
    refuse_inputs(output, inputs)
    builder = PlanBuilder(
        on_error=on_error,
        on_duplicate=on_duplicate,
        memory=memory,
        folder=os.path.dirname(output) or ".",
        apex=None if apex is None else list(apex),
    )
    meter = Meter(progress, None if database else size_of(inputs))
    faults = Faults()
    sources: list[dict[str, Any]] = []
    if database:
        sources += _add_queries(builder, database, note, meter)
    skip = faults if on_error == "skip" else None
    for path in inputs:
        if is_dnsconfig(path) or is_zone_file(path):
            sources.append(_add_dns(builder, path, note, meter, faults, origin=origin, apex=apex))
        else:
            sources.append(_add_file(builder, path, note, meter, skip))
    if skip is None and faults:
        report = report_of(faults, _faults_of(builder, output))
        raise PlanError(report, report=report)
    if not any(source["rows"] for source in sources):
        names = ", ".join([*inputs, *(["the queries' results"] if database else [])])
        raise PlanError(f"{names}: no rows, so there is nothing to build")
    meta = {"built_by": f"numdip {__version__}", "sources": sources}
    meter.writing()
    try:
        text = json.dumps(meta, ensure_ascii=False)
        done = builder.write(output, meta=text, time=seconds, progress=meter.written)
    except PlanError as error:
        raise PlanError(str(error), report=str(error)) from None
    return Built(
        ranges=done.ranges,
        ported=done.ported,
        networks=done.networks,
        records=done.records,
        replaced=done.replaced,
        left_out=done.left_out + faults.total,
        faults=[*faults, *done.faults][:MAX_FAULTS],
    )


def _faults_of(builder: PlanBuilder, output: str) -> str:
    """The report of the rows that were added, of which no snapshot is to stay."""
    with tempfile.TemporaryDirectory(dir=os.path.dirname(output) or ".") as folder:
        try:
            builder.write(os.path.join(folder, "plan.snap"))
        except (PlanError, SnapshotError) as error:
            return str(error)
    return ""


def _add_file(
    builder: PlanBuilder,
    path: str,
    note: Callable[[str], None],
    meter: Meter,
    skipped: list[str] | None,
) -> dict[str, Any]:
    """Adds a file's rows and says what they were."""
    # Polars takes a while to load, and whoever only reads snapshots does not need it.
    from . import reading

    rows = 0
    with reading.PlanFile(path, note=note, progress=meter.octets) as file:
        if file.holds == "changes":
            raise PlanError(
                f"{path}: a file of changes, for it has a column action; "
                "numdip plan apply lays it over a plan that was built"
            )
        add = _adder(builder, file.holds)
        for batch in file.batches(skipped):
            rows += meter.rows(add(batch.rows, file=path, first_line=batch.first_line))
    return {"file": os.path.basename(path), "holds": file.holds, "rows": rows}


def _add_dns(
    builder: PlanBuilder,
    path: str,
    note: Callable[[str], None],
    meter: Meter,
    faults: Faults,
    *,
    origin: str | None,
    apex: Sequence[str] | None,
) -> dict[str, Any]:
    """Adds the records of a zone file or a file of DNSControl and says what they were."""
    from . import dnscontrol, zone_files

    file: dnscontrol.Dnsconfig | zone_files.ZoneFile
    if is_dnsconfig(path):
        file = dnscontrol.Dnsconfig(path, progress=meter.octets)
    else:
        file = zone_files.ZoneFile(path, origin=origin, apex=apex, note=note, progress=meter.octets)
    rows = sum(
        meter.rows(builder.add_zone_records(batch, file=path)) for batch in file.batches(faults)
    )
    name = os.path.basename(path)
    return {"file": name, "holds": "DNS records", "rows": rows, "zones": file.zones}


def _adder(builder: PlanBuilder, holds: Kind) -> Callable[..., int]:
    if holds == "NAPTR records":
        return builder.add_records
    return builder.add_ranges if holds == "ranges" else builder.add_ported


def _add_queries(
    builder: PlanBuilder, database: Database, note: Callable[[str], None], meter: Meter
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
            add = _adder(builder, query.holds)
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
