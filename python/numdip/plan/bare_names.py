"""Names of numbers that a zone has without NAPTR records.

In DNS no wildcard answers for a name that exists (RFC 4592 §3.3.1), whatever it holds; a plan's
prefixes answer for all numbers without NAPTR records of their own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import dns.name
import dns.rdatatype

__all__ = ["BareNames"]

#: Names with NAPTR records that are remembered: some 25 MB. Behind them, only a name's records that
#: follow one another are known to belong together, as tools write zones.
_REMEMBERED = 1 << 18


class BareNames:
    """Counts the names of numbers with records of which none is a NAPTR record."""

    def __init__(self, apexes: Iterable[str]) -> None:
        tails = [re.escape(dns.name.from_text(apex.lower()).to_wire() or b"") for apex in apexes]
        self._number = re.compile(rb"(?:\x01[0-9]){1,15}(?:" + b"|".join(tails) + b")", re.DOTALL)
        self._bare: set[bytes] = set()
        self._answered: set[bytes] = set()
        self._last = b""

    def see(self, owner: bytes, rtype: int) -> None:
        """Takes a record's owner in wire form, and its type."""
        owner = owner.lower()
        if rtype in {dns.rdatatype.NAPTR, dns.rdatatype.SOA}:  # no caller asks for a zone's apex
            self._last = owner
            self._bare.discard(owner)
            if len(self._answered) < _REMEMBERED:
                self._answered.add(owner)
        elif (
            owner != self._last
            and owner not in self._answered
            and self._number.fullmatch(owner) is not None
        ):
            self._bare.add(owner)

    def __len__(self) -> int:
        return len(self._bare)

    def note(self) -> str:
        """What is to be told of them; nothing if there are none."""
        count = len(self)
        if not count:
            return ""
        names, them = ("name of a number has", "it")
        if count > 1:
            names, them = ("names of numbers have", "them")
        return (
            f"{count:,} {names} no NAPTR record in this file: the plan's prefixes answer for {them}"
        )
