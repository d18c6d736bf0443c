"""What a plan publishes, zone by zone: which names there are and the records that they have."""

from __future__ import annotations

import heapq
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain, groupby, takewhile
from operator import attrgetter
from typing import NamedTuple

import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype

from .. import Naptr, Responder, Snapshot
from .._native import ListPorted, list_ranges
from .wildcards import NOTHING, Item, Row, names

__all__ = ["Contents", "RecordSet", "Zone", "is_number", "presentation"]

#: The most digits of a number.
_MAX_DIGITS = 15
_NAPTR = dns.rdatatype.NAPTR
#: At a name that has to exist and holds nothing, so that no wildcard answers for it.
_NO_ANSWER = b"\x09no answer"
_NO_ANSWER_TTL = 60
_NUMBER = re.compile(r"\+[0-9]+\*?", re.ASCII)


def is_number(owner: str) -> bool:
    """Whether records' owner is a number or prefix, and not a name such as ``+44.example.com.``."""
    return _NUMBER.fullmatch(owner) is not None


class RecordSet(NamedTuple):
    """The records of one owner and type."""

    #: Relative to the zone; ``@`` is its apex.
    owner: str
    ttl: int
    rtype: int
    #: In wire form.
    data: tuple[bytes, ...]


# ---------- Contents -----------------------------------------------------------------------------


class Contents:
    """What a plan publishes: sets of records, and the numbers, prefixes and names with them."""

    def __init__(
        self,
        responder: Responder,
        snapshot: Snapshot,
        apex: dns.name.Name,
        note: Callable[[str], None],
    ) -> None:
        self.snapshot = snapshot
        self.apex = apex
        #: By the places that rows and items name; networks first.
        self.sets: list[tuple[int, tuple[bytes, ...]] | None] = [
            None if found is None else (found[0], tuple(found[1]))
            for found in responder.network_answers()
        ]
        self._numbers: dict[str, int] = {}
        self._prefixes: dict[str, tuple[Row, ...]] = {}
        #: Names that stand for no number, with type, TTL and data.
        self.named: list[tuple[dns.name.Name, int, int, tuple[bytes, ...]]] = []
        self._read_ranges(note)
        self._read_records()

    def _network(self, index: int) -> int:
        return NOTHING if self.sets[index] is None else index

    def _read_ranges(self, note: Callable[[str], None]) -> None:
        mixed = []
        for prefix, group in groupby(list_ranges(self.snapshot), key=lambda row: row[0]):
            rows = tuple(Row(row[1], row[2], self._network(row[6])) for row in group)
            self._prefixes[prefix] = rows
            if len({row.answer for row in rows if row.longest > len(prefix)}) > 1:
                mixed.append(prefix)
        if mixed:
            more = f" and {len(mixed) - 3:,} more" if len(mixed) > 3 else ""
            note(
                f"prefixes whose numbers have other networks by their length: "
                f"{', '.join(mixed[:3])}{more}; a wildcard does not know lengths, "
                "so the network of the longest numbers stands for all"
            )

    def _read_records(self) -> None:
        for owner, rtype, ttl, data in self.snapshot.record_sets():
            if not is_number(owner):
                name = dns.name.from_text(owner)
                self.named.append((name, rtype, ttl, tuple(data)))
                continue
            place = len(self.sets)
            self.sets.append((ttl, tuple(data)))
            if not owner.endswith("*"):
                self._numbers[owner[1:]] = place
                continue
            digits = owner[1:-1]
            # Records of a prefix count before its networks, for the lengths that the range has.
            ranges = self._prefixes.get(digits, (Row(len(digits), _MAX_DIGITS, NOTHING),))
            self._prefixes[digits] = tuple(row._replace(answer=place) for row in ranges)

    # --- Numbers

    def _ported(self) -> Iterator[Item]:
        for portion in ListPorted(self.snapshot):
            for digits, network in portion:
                yield Item(digits, own=self._network(network))

    def items(self, existing: Iterable[str]) -> Iterator[Item]:
        """What the plan says of digits, in their order; *existing* ones have names anyhow."""
        by_digits = attrgetter("digits")
        merged = heapq.merge(
            sorted((Item(digits, rows) for digits, rows in self._prefixes.items()), key=by_digits),
            sorted((Item(digits, own=own) for digits, own in self._numbers.items()), key=by_digits),
            self._ported(),
            (Item(digits, exists=True) for digits in sorted(set(existing))),
            key=by_digits,
        )
        for digits, group in groupby(merged, key=by_digits):
            said = list(group)
            yield Item(
                digits,
                next((item.rows for item in said if item.rows), ()),
                # A number's own records count before what it was ported to; they come first.
                next((item.own for item in said if item.own is not None), None),
                any(item.exists for item in said),
            )

    def digits_of(self, name: dns.name.Name) -> str | None:
        """The digits that a name spells from the apex on; ``None`` if it is not below it."""
        if not name.is_subdomain(self.apex):
            return None
        digits = ""
        for label in reversed(name.labels[: len(name) - len(self.apex)]):
            if len(label) != 1 or not label.isdigit() or len(digits) == _MAX_DIGITS:
                break
            digits += label.decode()
        return digits

    # --- What a choice of zones leaves out

    def _origins(self, zones: Iterable[dns.name.Name]) -> tuple[str, ...]:
        return tuple(found for zone in zones if (found := self.origin(zone)) is not None)

    def origin(self, zone: dns.name.Name) -> str | None:
        """The digits of a zone's apex, ``""`` if it holds the whole tree, ``None`` if nothing."""
        if self.apex.is_subdomain(zone):
            return ""
        digits = self.digits_of(zone)
        return digits if digits and len(digits) == len(zone) - len(self.apex) else None

    def has_numbers_outside(self, zones: Iterable[dns.name.Name]) -> bool:
        """Whether some number or prefix is in none of the zones."""
        origins = self._origins(zones)
        return "" not in origins and any(
            not item.digits.startswith(origins) for item in self.items(())
        )

    def numbers_outside(self, zones: Iterable[dns.name.Name]) -> int:
        """How many numbers and prefixes are in none of the zones."""
        origins = self._origins(zones)
        if "" in origins:
            return 0
        return sum(not item.digits.startswith(origins) for item in self.items(()))


# ---------- Zone ---------------------------------------------------------------------------------


@dataclass
class Zone:
    """One zone of a plan."""

    contents: Contents
    name: dns.name.Name
    #: Other zones that are written too; a name is in the closest.
    others: list[dns.name.Name] = field(default_factory=list)

    def __post_init__(self) -> None:
        below = [zone for zone in self.others if zone.is_subdomain(self.name)]
        self.named = [
            found
            for found in self.contents.named
            if found[0].is_subdomain(self.name)
            and not any(found[0].is_subdomain(zone) for zone in below)
        ]
        self.origin = self.contents.origin(self.name)
        self._below = tuple(digits for zone in below if (digits := self.contents.origin(zone)))

    def data(self, rtype: int) -> tuple[bytes, ...]:
        """The plan's records of a type of the zone's apex, in wire form; none if it has none."""
        return next(
            (data for name, found, _, data in self.named if name == self.name and found == rtype),
            (),
        )

    def record_sets(self, note: Callable[[str], None]) -> Iterator[RecordSet]:
        """The records that the zone holds: those of its apex, of names, of numbers."""
        apexes = {name for name, rtype, *_ in self.named if rtype == dns.rdatatype.SOA}
        order = sorted(self.named, key=lambda found: (found[0] != self.name, found[0], found[1]))
        for name, rtype, ttl, data in order:
            what = f"{name} {dns.rdatatype.to_text(rtype)}"  # type: ignore[arg-type]
            if (
                name != self.name
                and name in apexes
                and rtype in {dns.rdatatype.SOA, dns.rdatatype.NS}
            ):
                note(f"left out: {what}, the apex of another zone, since its names are served here")
            elif rtype == dns.rdatatype.CNAME and self.contents.digits_of(name):
                note(f"left out: {what}, since a number's name cannot stand for another name")
            else:
                yield RecordSet(self.owner_of(name), ttl, rtype, data)
        if self.origin is not None:
            yield from self._numbers(self.origin)

    def owner_of(self, name: dns.name.Name) -> str:
        """A name as the zone's file has it."""
        return name.relativize(self.name).to_text()

    def _numbers(self, origin: str) -> Iterator[RecordSet]:
        contents = self.contents
        digits = (contents.digits_of(name) for name, *_ in self.named)
        items = contents.items(found for found in digits if found)
        apex, inside = _split(items, origin, self._below)
        tail = "" if contents.apex == self.name or origin else f".{self.owner_of(contents.apex)}"
        for digits_, wildcard, answer in names(inside, apex):
            owner = ".".join(reversed(digits_[len(origin) :])) + tail
            if wildcard:
                owner = f"*.{owner}" if owner else "*"
            if answer == NOTHING:
                yield RecordSet(owner, _NO_ANSWER_TTL, dns.rdatatype.TXT, (_NO_ANSWER,))
            elif found := contents.sets[answer]:
                yield RecordSet(owner or "@", found[0], _NAPTR, found[1])


def _split(
    items: Iterator[Item], origin: str, below: tuple[str, ...]
) -> tuple[Item, Iterator[Item]]:
    """What is said of a zone's apex, and the items in the zone, without zones below it."""
    rows: tuple[Row, ...] = ()
    own = None
    first = []
    for item in items:
        if item.digits > origin:
            first.append(item)
            break
        if origin.startswith(item.digits):
            rows = item.rows or rows
            own = item.own if item.digits == origin else None
    inside: Iterator[Item] = takewhile(
        lambda item: item.digits.startswith(origin), chain(first, items)
    )
    if below:
        inside = (item for item in inside if not item.digits.startswith(below))
    return Item(origin, rows, own, exists=True), inside


# ---------- Text ---------------------------------------------------------------------------------


@lru_cache(maxsize=100_000)
def presentation(rtype: int, data: bytes) -> str:
    """A record's data as master files have it; names in it are absolute."""
    if rtype == _NAPTR:
        return Naptr.from_wire(data).to_text()
    rdtype = dns.rdatatype.RdataType.make(rtype)
    return dns.rdata.from_wire(dns.rdataclass.IN, rdtype, data, 0, len(data)).to_text()
