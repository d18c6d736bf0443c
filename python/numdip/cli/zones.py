"""Zone files as a name server would answer from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import dns.exception
import dns.name
import dns.node
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.tokenizer
import dns.zone
import dns.zonefile

from ..errors import PlanError

__all__ = ["Found", "Zones"]

#: The most aliases that one answer follows.
_MAX_ALIASES = 8
_NS = dns.rdatatype.NS
_SOA = dns.rdatatype.SOA


@dataclass(frozen=True)
class Found:
    """The records of a name and type, and how they were found, a phrase each."""

    records: list[dns.rdata.Rdata] = field(default_factory=list)
    how: list[str] = field(default_factory=list)


class Zones:
    """Records of zone files, whose zones may lie below each other.

    A name is found as RFC 1034 §4.3.2 and RFC 4592 have it: itself, an alias (RFC 6672 for DNAME),
    or the wildcard of its closest encloser; names that only lead to others exist, and hide
    wildcards.
    """

    def __init__(self) -> None:
        self._nodes: dict[dns.name.Name, dns.node.Node] = {}
        self._existing: set[dns.name.Name] = set()

    def read(self, path: str, origin: str) -> None:
        """Reads a file whose relative names hang from *origin* until it says otherwise.

        Raises:
            PlanError: it is no zone file; the message has the line.
            OSError: it cannot be read.
        """
        zone = dns.zone.Zone(dns.name.root, relativize=False)
        try:
            with open(path, encoding="utf-8") as file, zone.writer(replacement=True) as txn:
                tokens = dns.tokenizer.Tokenizer(file, path)
                reader = dns.zonefile.Reader(tokens, dns.rdataclass.IN, txn, default_ttl=0)
                reader.current_origin = reader.last_name = dns.name.from_text(origin)
                reader.read()
        except (dns.exception.DNSException, UnicodeDecodeError, ValueError) as fault:
            text = str(fault)
            raise PlanError(text if text.startswith(path) else f"{path}: {text}") from None
        for name, node in zone.nodes.items():
            known = self._nodes.setdefault(name, dns.node.Node())
            for rdataset in node:
                found = known.find_rdataset(
                    rdataset.rdclass, rdataset.rdtype, rdataset.covers, create=True
                )
                found.update(rdataset)
            while name not in self._existing:
                self._existing.add(name)
                if name == dns.name.root:
                    break
                name = name.parent()  # noqa: PLW2901 - the loop goes up from here

    def find(self, name: str, kind: str) -> Found:
        """The records of a name and type; none if there are none, and why."""
        asked = dns.name.from_text(name)
        rdtype = dns.rdatatype.from_text(kind)
        how: list[str] = []
        for _ in range(_MAX_ALIASES):
            ancestors = _ancestors(asked)
            if (cut := self._cut(ancestors)) is not None:
                return Found([], [*how, f"{cut} is delegated, and no file has that zone"])
            if (target := self._renamed(asked, ancestors)) is not None:
                how.append(f"renamed to {target}")
                asked = target
                continue
            owner = asked
            if asked not in self._existing:
                encloser = next((name for name in ancestors if name in self._existing), None)
                if encloser is None or _wildcard(encloser) not in self._existing:
                    return Found([], [*how, _no_such_name(encloser)])
                owner = _wildcard(encloser)
                how.append(f"from the wildcard {owner}")
            node = self._nodes.get(owner)
            if node is None:
                return Found([], [*how, "the name only leads to others"])
            records = node.get_rdataset(dns.rdataclass.IN, rdtype)
            if records is not None:
                return Found(list(records), how)
            alias = node.get_rdataset(dns.rdataclass.IN, dns.rdatatype.CNAME)
            if alias is None:
                return Found([], [*how, "the name has records of other types only"])
            asked = alias[0].target
            how.append(f"an alias of {asked}")
        return Found([], [*how, "too many aliases"])

    def _has(self, name: dns.name.Name, rdtype: dns.rdatatype.RdataType) -> bool:
        node = self._nodes.get(name)
        return node is not None and node.get_rdataset(dns.rdataclass.IN, rdtype) is not None

    def _cut(self, ancestors: Sequence[dns.name.Name]) -> dns.name.Name | None:
        """The delegation that a name lies below, if its zone is not here."""
        inside = False
        for name in reversed(ancestors):
            if self._has(name, _SOA):
                inside = True
            elif inside and self._has(name, _NS):
                return name
        return None

    def _renamed(
        self, asked: dns.name.Name, ancestors: Sequence[dns.name.Name]
    ) -> dns.name.Name | None:
        for name in reversed(ancestors[1:]):
            node = self._nodes.get(name)
            found = node and node.get_rdataset(dns.rdataclass.IN, dns.rdatatype.DNAME)
            if found:
                try:
                    return asked.relativize(name).concatenate(found[0].target)
                except dns.name.NameTooLong:
                    return None
        return None


def _ancestors(name: dns.name.Name) -> list[dns.name.Name]:
    """A name and all above it, up to the root."""
    return [name.split(depth)[1] for depth in range(len(name), 0, -1)]


def _wildcard(name: dns.name.Name) -> dns.name.Name:
    return dns.name.Name(("*", *name.labels)) if len(name.to_wire()) < 254 else name


def _no_such_name(encloser: dns.name.Name | None) -> str:
    if encloser is None or encloser == dns.name.root:
        return "there is no such name"
    return f"there is no such name: {encloser} exists and has no wildcard"
