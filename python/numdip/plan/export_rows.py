"""A plan as files of rows that ``numdip plan build`` makes an equal plan of.

================  ==============================================================================
``ranges.csv``    ranges
``ported.csv``    ported numbers, layers folded in
``records.csv``   NAPTR records of numbers and prefixes
``names.zone``    all other DNS records, and NAPTR records with octets that are no text
================  ==============================================================================

A file without rows is not there. For each zone that the plan was built from there is a file such as
``example.com.zone`` with what ``names.zone`` would hold of it, be it nothing: the plan that is
built knows its zones again.
"""

from __future__ import annotations

import csv
import os
import re
import shlex
import shutil
import tempfile
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from typing import Any

import dns.name
import dns.rdatatype

from .. import Naptr, Snapshot, to_domain
from .._native import ListPorted, list_networks, list_ranges
from ..errors import NumdipError, PlanError
from .outputs import require_folder
from .published import is_number, presentation

__all__ = ["export_rows"]

#: What a zone is called if its file can be; not as the files that there are anyhow.
_FILE_NAME = re.compile(r"(?!names$)[a-z0-9_][a-z0-9._-]{0,200}", re.ASCII)
_RANGES = (
    *("prefix", "min_length", "max_length", "country", "kind", "mcc", "mnc", "operator"),
    *("portable", "source"),
)
_PORTED = ("number", "mcc", "mnc", "operator", "spid", "rn", "rn_context")
_RECORDS = ("name", "order", "preference", "flags", "services", "regexp", "replacement", "ttl")


def export_rows(
    snapshot: Snapshot,
    folder: str,
    *,
    apex: str,
    zones: Sequence[dns.name.Name],
    note: Callable[[str], None],
) -> int:
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
        rows = _write(snapshot, made, apex, zones)
        os.umask(mask := os.umask(0))
        os.chmod(made, 0o777 & ~mask)
        os.rename(made, folder)
    except BaseException:
        shutil.rmtree(made)
        raise
    option = "" if apex.rstrip(".").lower() == "e164.arpa" else f" --apex {shlex.quote(apex)}"
    files = f"{shlex.quote(folder)}/*"
    note(f"build the same plan anew with: numdip plan build {files}{option} -o plan.snap")
    return rows


def _write(snapshot: Snapshot, folder: str, apex: str, zones: Sequence[dns.name.Name]) -> int:
    networks = list_networks(snapshot)
    rows = _table(folder, "ranges.csv", _RANGES, _ranges(snapshot, networks))
    rows += _table(folder, "ported.csv", _PORTED, _ported(snapshot, networks))
    others: dict[dns.name.Name, list[str]] = {dns.name.root: [], **{zone: [] for zone in zones}}
    rows += _table(folder, "records.csv", _RECORDS, _records(snapshot, apex, others))
    for at, (zone, lines) in enumerate(others.items()):
        if not lines and zone not in zones:
            continue
        name = zone.to_text(omit_final_dot=True)
        if not _FILE_NAME.fullmatch(name):
            name = f"Zone{at}" if at else "names"
        with open(os.path.join(folder, f"{name}.zone"), "w", encoding="ascii") as file:
            file.write(f"$ORIGIN {zone}\n")
            file.writelines(lines)
    return rows + sum(map(len, others.values()))


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


def _records(
    snapshot: Snapshot, apex: str, others: dict[dns.name.Name, list[str]]
) -> Iterator[tuple[Any, ...]]:
    """Rows of NAPTR records; what no row can say goes to *others* as lines of the zones' files."""
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
        within = _closest(name, others)
        others[within] += [
            f"{name}\t{ttl}\tIN\t{rtype_text}\t{presentation(rtype, one)}\n" for one in data
        ]


def _closest(name: str, zones: Container[dns.name.Name]) -> dns.name.Name:
    """The zone that a name is in; the root if it is in no other."""
    zone = dns.name.from_text(name)
    while zone != dns.name.root and zone not in zones:
        zone = zone.parent()
    return zone


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
