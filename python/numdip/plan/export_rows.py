"""A plan as files of rows that ``numdip plan build`` makes an equal plan of.

================  ==============================================================================
``ranges.csv``    ranges
``ported.csv``    ported numbers, layers folded in
``records.csv``   NAPTR records of numbers and prefixes
``names.zone``    all other DNS records, and NAPTR records with octets that are no text
================  ==============================================================================

A file without rows is not there.
"""

from __future__ import annotations

import csv
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import dns.rdatatype

from .. import Naptr, Snapshot, to_domain
from .._native import ListPorted, list_networks, list_ranges
from ..errors import NumdipError, PlanError
from .outputs import require_folder
from .published import is_number, presentation

__all__ = ["export_rows"]

_RANGES = (
    *("prefix", "min_length", "max_length", "country", "kind", "mcc", "mnc", "operator"),
    *("portable", "source"),
)
_PORTED = ("number", "mcc", "mnc", "operator", "spid", "rn", "rn_context")
_RECORDS = ("name", "order", "preference", "flags", "services", "regexp", "replacement", "ttl")


def export_rows(snapshot: Snapshot, folder: str, *, apex: str, note: Callable[[str], None]) -> int:
    """Writes the files into *folder*, which is new or empty, and gives the count of rows.

    Raises:
        PlanError: the folder has something in it, or is standard output.
        OSError: it cannot be written.
    """
    if folder == "-":
        raise PlanError("CSV is several files: name a folder by -o")
    folder = folder.rstrip("/") or folder
    if os.path.exists(folder) and (not os.path.isdir(folder) or os.listdir(folder)):
        raise PlanError(f"{folder}: is there already; name a new or an empty folder")
    require_folder(folder)
    parent = os.path.dirname(folder) or "."
    made = tempfile.mkdtemp(dir=parent, prefix=f"{os.path.basename(folder)}.")
    try:
        rows = _write(snapshot, made, apex)
        os.umask(mask := os.umask(0))
        os.chmod(made, 0o777 & ~mask)
        os.rename(made, folder)
    except BaseException:
        shutil.rmtree(made)
        raise
    note(f"build the same plan anew with: numdip plan build {folder}/* -o plan.snap")
    return rows


def _write(snapshot: Snapshot, folder: str, apex: str) -> int:
    networks = list_networks(snapshot)
    rows = _table(folder, "ranges.csv", _RANGES, _ranges(snapshot, networks))
    rows += _table(folder, "ported.csv", _PORTED, _ported(snapshot, networks))
    others: list[str] = []
    rows += _table(folder, "records.csv", _RECORDS, _records(snapshot, apex, others))
    if others:
        with open(os.path.join(folder, "names.zone"), "w", encoding="ascii") as file:
            file.write("$ORIGIN .\n")
            file.writelines(others)
    return rows + len(others)


def _table(folder: str, name: str, header: tuple[str, ...], rows: Iterable[Iterable[Any]]) -> int:
    """Writes a CSV file if there are rows, and gives their count."""
    path, count = os.path.join(folder, name), 0
    with open(path, "w", encoding="utf-8", newline="") as file:
        # Every text is quoted: an empty field and a line break are what they were.
        writer = csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_MINIMAL)
        writer.writerow(header)
        for count, row in enumerate(rows, 1):  # noqa: B007 - the last one is what is asked for
            writer.writerow(row)
    if not count:
        os.unlink(path)
    return count


def _ranges(snapshot: Snapshot, networks: list[tuple[str, ...]]) -> Iterator[tuple[Any, ...]]:
    for prefix, shortest, longest, country, kind, portable, network in list_ranges(snapshot):
        mcc, mnc, operator, *_, source = networks[network]
        yield (
            *(prefix, shortest, longest, country, kind, mcc, mnc, operator),
            *("true" if portable else "false", source),
        )


def _ported(snapshot: Snapshot, networks: list[tuple[str, ...]]) -> Iterator[tuple[Any, ...]]:
    for portion in ListPorted(snapshot):
        for number, network in portion:
            yield (number, *networks[network][:6])


def _records(snapshot: Snapshot, apex: str, others: list[str]) -> Iterator[tuple[Any, ...]]:
    """Rows of NAPTR records; what no row can say goes to *others* as lines of a zone file."""
    for owner, rtype, ttl, data in snapshot.record_sets():
        rows = [_naptr_row(owner, ttl, one) for one in data] if is_number(owner) else [None]
        if None not in rows:
            yield from (row for row in rows if row is not None)
            continue
        name = owner
        if is_number(owner):
            digits = to_domain(owner.removesuffix("*"), apex=apex)
            name = f"{'*.' if owner.endswith('*') else ''}{digits}."
        rtype_text = dns.rdatatype.to_text(rtype)  # type: ignore[arg-type]
        others += [f"{name}\t{ttl}\tIN\t{rtype_text}\t{presentation(rtype, one)}\n" for one in data]


def _naptr_row(owner: str, ttl: int, data: bytes) -> tuple[Any, ...] | None:
    """A NAPTR record as a row, if a row can say it."""
    try:
        one = Naptr.from_wire(data)
        strings = (one.flags, one.services, one.regexp)
        again = Naptr(
            order=one.order,
            preference=one.preference,
            flags=one.flags,
            services=one.services,
            regexp=one.regexp,
            replacement=one.replacement,
        )
    except NumdipError:
        return None
    # Octets that are no UTF-8 read as others, and control characters do not survive editors.
    if again.to_wire() != data or not all(text.isprintable() for text in strings):
        return None
    return (owner, one.order, one.preference, *strings, one.replacement, ttl)
