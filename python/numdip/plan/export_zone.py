"""A plan as a master file (RFC 1035 §5)."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TextIO

import dns.exception
import dns.name
import dns.rdatatype

from .. import __version__
from ..errors import PlanError
from .published import Zone, presentation

__all__ = ["Authority", "tell_servers_unused", "write_zone"]

#: What stands in the place of names that the operator did not give. ``invalid`` is no domain's
#: (RFC 2606 §2).
_PLACEHOLDER = "placeholder.invalid."


@dataclass(frozen=True, slots=True)
class Authority:
    """What a zone says of itself where the plan does not (RFC 1035 §3.3.13, §3.3.11)."""

    nameservers: tuple[str, ...] = ()
    #: As a mailbox (``hostmaster@example.com``) or as a name.
    hostmaster: str = ""
    #: ``None``: the plan's time in seconds since 1970.
    serial: int | None = None


def write_zone(
    stream: TextIO, zone: Zone, authority: Authority, note: Callable[[str], None]
) -> int:
    """Writes a master file and gives the count of the plan's records in it."""
    plan = os.path.basename(zone.contents.snapshot.path)
    stream.write(f"; {plan}, written by numdip {__version__}\n$ORIGIN {zone.name}\n$TTL 3600\n")
    stream.writelines(_authority(zone, authority, note))
    count = 0
    for owner, ttl, rtype, data in zone.record_sets(note):
        count += len(data)
        shown = data
        if owner == "@" and rtype == dns.rdatatype.SOA:
            shown = tuple(_with_serial(one, authority.serial) for one in data)
        head = f"{owner}\t{ttl}\tIN\t{dns.rdatatype.to_text(rtype)}\t"  # type: ignore[arg-type]
        stream.writelines(f"{head}{presentation(rtype, one)}\n" for one in shown)
    return count


def _authority(zone: Zone, authority: Authority, note: Callable[[str], None]) -> Iterator[str]:
    """Lines with the SOA and NS records that the plan has not; told is what is not used."""
    servers = [_name(name, "name server") for name in authority.nameservers]
    missing = []
    if soa := zone.data(dns.rdatatype.SOA):
        if authority.hostmaster:
            note(f"--hostmaster is not used: the plan has the SOA record of {zone.name}")
        if authority.serial is None:
            old = int.from_bytes(soa[0][-20:-16])
            note(
                f"{zone.name} keeps the serial {old} of the plan's SOA record, and secondaries "
                "take no zone whose serial has not grown: give --serial"
            )
    else:
        primary = servers[0] if servers else f"ns.{_PLACEHOLDER}"
        hostmaster = _mailbox(authority.hostmaster or f"hostmaster@{_PLACEHOLDER}")
        missing += [] if servers else ["--ns"]
        missing += [] if authority.hostmaster else ["--hostmaster"]
        serial = authority.serial
        if serial is None:
            time = zone.contents.snapshot.time
            serial = 1 if time is None else int(time.timestamp())
        # A negative answer may be kept for a minute (RFC 2308 §4).
        yield f"@\t3600\tIN\tSOA\t{primary} {hostmaster} {serial} 3600 600 1209600 60\n"
    if zone.data(dns.rdatatype.NS):
        if servers:
            tell_servers_unused(zone, note)
    else:
        missing += [] if servers else ["--ns"]
        for server in servers or [dns.name.from_text(f"ns.{_PLACEHOLDER}")]:
            yield f"@\t3600\tIN\tNS\t{server}\n"
    if missing:
        note(
            f"{zone.name} has placeholders in SOA and NS records, names in {_PLACEHOLDER}: "
            f"give {' and '.join(dict.fromkeys(missing))}"
        )


def tell_servers_unused(zone: Zone, note: Callable[[str], None]) -> None:
    """Says that the plan's name servers count."""
    note(f"--ns is not used for NS records: the plan has those of {zone.name}")


def _with_serial(data: bytes, serial: int | None) -> bytes:
    """An SOA record's data with another serial, the first of five numbers (RFC 1035 §3.3.13)."""
    return data if serial is None else data[:-20] + serial.to_bytes(4) + data[-16:]


def _mailbox(text: str) -> dns.name.Name:
    """A mailbox as a name: what stands before the @ is one label, dots and all (RFC 1035 §8)."""
    local, at, domain = text.rpartition("@")
    name = _name(domain, "hostmaster")
    try:
        return dns.name.Name((local.encode(), *name.labels)) if at else name
    except dns.exception.DNSException as error:
        raise PlanError(f'hostmaster "{text}" is no mailbox: {error}') from None


def _name(text: str, what: str) -> dns.name.Name:
    try:
        return dns.name.from_text(text)
    except (dns.exception.DNSException, ValueError) as error:
        raise PlanError(f'{what} "{text}" is no domain name: {error}') from None
