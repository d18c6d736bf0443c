"""A plan as DNSControl's ``dnsconfig.js``, in the language level that it takes (ECMAScript 5)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TextIO

import dns.rdata
import dns.rdataclass
import dns.rdatatype

from .. import Naptr, __version__
from .export_zone import Authority, tell_servers_unused
from .published import RecordSet, Zone

__all__ = ["write_dnsconfig"]


def write_dnsconfig(
    stream: TextIO, zones: Sequence[Zone], authority: Authority, note: Callable[[str], None]
) -> int:
    """Writes a ``dnsconfig.js`` with a ``D()`` for each zone and gives the count of records.

    Registrar and provider are placeholders. What DNSControl makes itself (SOA) or has no function
    for is left out and told.
    """
    stream.write(
        f"// Written by numdip {__version__}. Registrar and provider are placeholders.\n"
        'var REGISTRAR_PLACEHOLDER = NewRegistrar("none");\n'
        'var PROVIDER_PLACEHOLDER = NewDnsProvider("bind");\n'
    )
    count = 0
    if authority.hostmaster or authority.serial is not None:
        note("--hostmaster and --serial are not used: DNSControl's providers make SOA records")
    for zone in zones:
        has_servers = bool(zone.data(dns.rdatatype.NS))
        if has_servers and authority.nameservers:
            tell_servers_unused(zone, note)
        name = _quoted(zone.name.to_text(omit_final_dot=True))
        stream.write(f"\nD({name}, REGISTRAR_PLACEHOLDER, DnsProvider(PROVIDER_PLACEHOLDER)")
        stream.writelines(
            f",\n  NAMESERVER({_quoted(server.rstrip('.') + '.')})"
            for server in (() if has_servers else authority.nameservers)
        )
        for found in zone.record_sets(note):
            for call in _calls(zone, found, note):
                stream.write(f",\n  {call}")
                count += 1
        stream.write("\n);\n")
    return count


def _calls(zone: Zone, found: RecordSet, note: Callable[[str], None]) -> Iterator[str]:
    """The function calls that stand for a record set."""
    kind = dns.rdatatype.RdataType.make(found.rtype)
    where = f"{found.owner} {dns.rdatatype.to_text(kind)} in {zone.name}"
    if kind == dns.rdatatype.SOA:
        note(f"left out: {where}, which DNSControl's providers make")
        return
    if kind == dns.rdatatype.NS and found.owner == "@":
        for data in found.data:
            yield f"NAMESERVER({_quoted(_rdata(kind, data).target.to_text())})"
        return
    for data in found.data:
        fields = _fields(kind, data)
        if fields is None:
            note(f"left out: {where}, which a dnsconfig.js cannot say")
            continue
        values = ", ".join(map(_quoted, [found.owner, *fields]))
        yield f"{dns.rdatatype.to_text(kind)}({values}, TTL({found.ttl}))"


def _fields(kind: dns.rdatatype.RdataType, data: bytes) -> list[Any] | None:
    """The arguments of a record's function behind its name; ``None`` if there is none."""
    if kind == dns.rdatatype.NAPTR:
        one = Naptr.from_wire(data)
        strings = [one.flags, one.services, one.regexp]
        # Strings of JavaScript are text; octets that are none would come back as others.
        if (
            Naptr(
                order=one.order,
                preference=one.preference,
                flags=one.flags,
                services=one.services,
                regexp=one.regexp,
                replacement=one.replacement,
            ).to_wire()
            != data
        ):
            return None
        return [one.order, one.preference, *strings, one.replacement]
    rdata = _rdata(kind, data)
    match dns.rdatatype.to_text(kind):
        case "A" | "AAAA":
            return [rdata.address]
        case "CNAME" | "NS" | "PTR":
            return [rdata.target.to_text()]
        case "MX":
            return [rdata.preference, rdata.exchange.to_text()]
        case "SRV":
            return [rdata.priority, rdata.weight, rdata.port, rdata.target.to_text()]
        case "TXT":
            try:
                strings = [text.decode() for text in rdata.strings]
            except UnicodeDecodeError:
                return None
            return strings if len(strings) == 1 else [strings]
        case _:
            return None


def _rdata(kind: dns.rdatatype.RdataType, data: bytes) -> Any:
    return dns.rdata.from_wire(dns.rdataclass.IN, kind, data, 0, len(data))


def _quoted(value: object) -> str:
    # JSON's strings are JavaScript's; ASCII alone, since U+2028 ends a line in older ones.
    return json.dumps(value, ensure_ascii=True)
