"""NAPTR records as text and on the wire, with dnspython as the oracle."""

from __future__ import annotations

from typing import NamedTuple

import dns.exception
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
from dns.rdtypes.IN.NAPTR import NAPTR
from hypothesis import given
from hypothesis import strategies as st

import numdip


class Fields(NamedTuple):
    """What a record is made of; strings and labels of any octets."""

    order: int
    preference: int
    strings: tuple[bytes, bytes, bytes]
    labels: list[bytes]

    def theirs(self) -> NAPTR:
        name = dns.name.Name([*self.labels, b""])
        return NAPTR(  # type: ignore[no-untyped-call]
            dns.rdataclass.IN,
            dns.rdatatype.NAPTR,
            self.order,
            self.preference,
            *self.strings,
            name,
        )


#: Octets that text has to escape, and others.
OCTETS = st.lists(st.sampled_from(b'"\\;()!^ \t.$@u+\x00\x7f\xff\n') | st.integers(0, 255)).map(
    bytes
)
FIELDS = st.builds(
    Fields,
    st.integers(0, 65535),
    st.integers(0, 65535),
    st.tuples(*[OCTETS.filter(lambda octets: len(octets) <= 255)] * 3),
    st.lists(OCTETS.filter(lambda octets: 1 <= len(octets) <= 60), max_size=4),
)


def octets(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


@given(FIELDS)
def test_the_wire_is_that_of_dnspython(fields: Fields) -> None:
    wire = fields.theirs().to_wire()
    assert wire is not None
    record = numdip.Naptr.from_wire(wire)
    assert record.to_wire() == wire
    assert (record.order, record.preference) == (fields.order, fields.preference)
    assert tuple(map(octets, (record.flags, record.services, record.regexp))) == fields.strings
    assert dns.name.from_text(record.replacement).labels == (*fields.labels, b"")
    flags, services, regexp = fields.strings
    made = numdip.Naptr(
        order=fields.order,
        preference=fields.preference,
        flags=flags,
        services=services,
        regexp=regexp,
        replacement=record.replacement,
    )
    assert made == record


@given(FIELDS)
def test_each_reads_the_text_of_the_other(fields: Fields) -> None:
    theirs = fields.theirs()
    ours = numdip.Naptr.from_wire(theirs.to_wire() or b"")
    assert dns.rdata.from_text("IN", "NAPTR", ours.to_text()) == theirs
    assert numdip.Naptr.parse(theirs.to_text()) == ours


@given(FIELDS, st.randoms(use_true_random=False))
def test_escapes_that_are_not_needed_mean_the_same(fields: Fields, choice: object) -> None:
    """Text has more than one form for the same octets (RFC 1035 §5.1)."""

    def written(octet: int) -> str:
        forms = [f"\\{octet:03d}"]
        if 0x20 <= octet < 0x7F:
            if chr(octet) not in '"\\':
                forms.append(chr(octet))
            if not chr(octet).isdigit():
                forms.append(f"\\{chr(octet)}")
        return str(choice.choice(forms))  # type: ignore[attr-defined]

    strings = " ".join('"' + "".join(map(written, string)) + '"' for string in fields.strings)
    text = f"{fields.order} {fields.preference} {strings} ."
    theirs = dns.rdata.from_text("IN", "NAPTR", text)
    assert numdip.Naptr.parse(text).to_wire() == theirs.to_wire()


@given(FIELDS, st.data())
def test_damaged_octets_that_are_read_are_read_alike(fields: Fields, data: st.DataObject) -> None:
    wire = bytearray(fields.theirs().to_wire() or b"")
    place = data.draw(st.integers(0, len(wire) - 1))
    wire[place] = data.draw(st.integers(0, 255))
    wire = wire[: data.draw(st.integers(place, len(wire)))]
    try:
        record = numdip.Naptr.from_wire(bytes(wire))
    except numdip.NaptrError:
        record = None
    try:
        theirs = dns.rdata.from_wire("IN", "NAPTR", bytes(wire), 0, len(wire))
    except dns.exception.DNSException:
        theirs = None
    # dnspython follows a pointer back into the record; numdip refuses any (RFC 3597 §4).
    if record is not None:
        assert theirs is not None
        assert record.to_wire() == theirs.to_wire() == bytes(wire)
    elif theirs is not None:
        assert theirs.to_wire() != bytes(wire)
