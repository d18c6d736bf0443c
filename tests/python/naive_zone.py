"""A zone, looked up by the words of RFC 4592 alone: slow, and easy to believe."""

from __future__ import annotations

import dns.name
import dns.rdatatype
import dns.zone

__all__ = ["NaiveZone"]

NAPTR = dns.rdatatype.NAPTR


class NaiveZone:
    """A zone of a master file, as dnspython reads it."""

    def __init__(self, text: str) -> None:
        self.zone = dns.zone.from_text(text, relativize=False)
        assert self.zone.origin is not None
        self.origin = self.zone.origin
        #: All names that exist, empty non-terminals too (RFC 4592 §2.2.2).
        self.there: set[dns.name.Name] = set()
        for node in self.zone.nodes:
            name = node
            while name not in self.there and name.is_subdomain(self.origin):
                self.there.add(name)
                name = name.parent()

    def naptr(self, name: str) -> tuple[int, set[str]] | None:
        """TTL and records of a name, or ``None``: NODATA and NXDOMAIN are one here."""
        asked = dns.name.from_text(name)
        owner = asked
        if asked not in self.there:
            encloser = asked
            while encloser not in self.there:
                encloser = encloser.parent()
            owner = dns.name.Name((b"*", *encloser.labels))
        found = self.zone.get_rdataset(owner, NAPTR)
        return None if found is None else (found.ttl, {rdata.to_text() for rdata in found})
