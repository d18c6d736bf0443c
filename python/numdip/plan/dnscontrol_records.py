"""Records as DNSControl writes them: names, targets and values to wire form."""

from __future__ import annotations

import ipaddress
import json
from typing import Any, NamedTuple, cast

import dns.exception
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.reversename

from .. import Naptr
from ..errors import NaptrError
from .zone_files import ZoneRecord

__all__ = ["TYPES", "FaultError", "Row", "read_record"]

#: The types that are read.
TYPES = ("A", "AAAA", "CNAME", "MX", "NAPTR", "NS", "PTR", "SOA", "SRV", "TXT")
#: How many values a row has: the name, and what the record's function takes behind it.
_VALUES = {"MX": 3, "NAPTR": 7, "SOA": 7, "SRV": 5}
_MAX_TTL = (1 << 31) - 1


class Row(NamedTuple):
    """A record as it is written."""

    rtype: str
    line: int
    ttl: Any
    #: Of ``D_EXTEND``: what names and targets are relative to, below the domain.
    subdomain: str
    #: The name, and what the record's function takes behind it.
    values: list[Any]


class FaultError(Exception):
    """What is wrong with a record."""


def read_record(row: Row, domain: str) -> ZoneRecord:
    """A row as the record that it means."""
    origin = f"{row.subdomain}.{domain}" if row.subdomain else domain
    if isinstance(row.ttl, bool) or not isinstance(row.ttl, int) or not 0 <= row.ttl <= _MAX_TTL:
        raise FaultError(f"found TTL {json.dumps(row.ttl)}, expected 0 to {_MAX_TTL} seconds")
    if row.rtype not in TYPES:
        raise FaultError(f"not a type that is read here; those are {', '.join(TYPES)}")
    expected = _VALUES.get(row.rtype, 2)
    if len(row.values) != expected:
        raise FaultError(f"found {len(row.values)} values, expected {expected}, the name first")
    label, *values = row.values
    owner = _owner(label, row.rtype, origin)
    data = _data(row.rtype, values, origin)
    # A program can make rows itself, and say any line.
    line = row.line if 0 <= row.line < 1 << 31 else 0
    return line, owner, dns.rdatatype.from_text(row.rtype), row.ttl, data


def _owner(label: Any, rtype: str, origin: str) -> bytes:
    if not isinstance(label, str) or not label:
        raise FaultError('the name is a text; "@" is the domain itself')
    if label.endswith("."):
        raise FaultError(f'the name "{label}" is relative to {origin}: take the final dot off')
    if rtype == "PTR":
        try:
            return _wire(dns.reversename.from_address(str(ipaddress.ip_address(label))))
        except ValueError:
            pass
    return _wire(_name(origin if label == "@" else f"{label}.{origin}", "name"))


def _target(value: Any, origin: str) -> str:
    """A target as an absolute name."""
    if not isinstance(value, str) or not value:
        raise FaultError("the target is a name; one without is written as a dot")
    if value == "@":
        return f"{origin}."
    if value.endswith("."):
        return value
    if "." in value:
        raise FaultError(f'the target "{value}" needs a final dot, or is one label')
    return f"{value}.{origin}."


def _data(rtype: str, values: list[Any], origin: str) -> bytes:
    """A record's data in wire form."""
    if rtype == "NAPTR":
        return _naptr(values, origin)
    if rtype == "TXT":
        (text,) = values
        return _strings(text if isinstance(text, list) else [text])
    text = _text(rtype, values, origin)
    try:
        return cast("bytes", dns.rdata.from_text(dns.rdataclass.IN, rtype, text).to_wire())
    except Exception as error:  # noqa: BLE001 - as dnspython does, each type has its own
        raise FaultError(str(error) or "cut short") from None


def _text(rtype: str, values: list[Any], origin: str) -> str:
    """A record's data as master files have it."""
    if rtype in {"A", "AAAA"}:
        (address,) = values
        if isinstance(address, int) and 0 <= address < 1 << 32:
            return str(ipaddress.IPv4Address(address))
        return str(address)
    if rtype == "SOA":
        primary, mailbox, *numbers = values
        mailbox = _target(str(mailbox).replace("@", ".", 1).rstrip(".") + ".", origin)
        # Its serial is made where the zone is published.
        times = " ".join(str(_number(number, 32)) for number in numbers)
        return f"{_target(primary, origin)} {mailbox} 1 {times}"
    *numbers, target = values
    return " ".join([*(str(_number(number)) for number in numbers), _target(target, origin)])


def _naptr(values: list[Any], origin: str) -> bytes:
    order, preference, *strings, replacement = values
    for name, string in zip(("flags", "services", "regexp"), strings, strict=True):
        if not isinstance(string, str):
            raise FaultError(f"{name} is a text, found {json.dumps(string)}")
    flags, services, regexp = strings
    try:
        return Naptr(
            order=_number(order),
            preference=_number(preference),
            flags=flags,
            services=services,
            regexp=regexp,
            replacement=_target(replacement or ".", origin),
        ).to_wire()
    except (NaptrError, UnicodeEncodeError) as error:
        raise FaultError(str(error)) from None


def _number(value: Any, bits: int = 16) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 1 << bits:
        most = (1 << bits) - 1
        raise FaultError(f"found {json.dumps(value)}, expected a number from 0 to {most}")
    return value


def _strings(texts: list[Any]) -> bytes:
    """Character strings, each of at most 255 octets (RFC 1035 §3.3)."""
    out = b""
    for text in texts:
        if not isinstance(text, str):
            raise FaultError(f"found {json.dumps(text)}, expected a text")
        octets = _encoded(text)
        for at in range(0, max(1, len(octets)), 255):
            part = octets[at : at + 255]
            out += bytes((len(part),)) + part
    if len(out) > 65_535 or not out:
        raise FaultError("found no text, or more than a record can hold")
    return out


def _encoded(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair
        raise FaultError("the text is not Unicode") from None


def _name(text: str, what: str) -> dns.name.Name:
    try:
        return dns.name.from_text(text)
    except (dns.exception.DNSException, ValueError) as error:
        raise FaultError(f'the {what} "{text}" cannot be: {error}') from None


def _wire(name: dns.name.Name) -> bytes:
    return cast("bytes", name.to_wire())
