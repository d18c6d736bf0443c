"""BIND zone files (master files, RFC 1035 §5) to the records of a plan.

A file is read line by line, so it may be larger than memory. Owners, TTLs and directives are read
here, with the line that each record starts on; dnspython reads the data of records, and the
extension that of NAPTR records, of which there may be millions.

A wildcard below an apex becomes a prefix, so it holds for all numbers that begin with it. In DNS it
would not hold below a name that exists (RFC 4592 §3.3.1), such as that of another number.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, cast

import dns.exception
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.ttl

from .. import Naptr
from ..errors import NaptrError, PlanError
from .bare_names import BareNames
from .octet_streams import OctetStream

__all__ = ["ZoneFile", "ZoneRecord"]

#: Line, owner in wire form, type, TTL, data in wire form.
ZoneRecord = tuple[int, bytes, int, int, bytes]

#: Records handed over at a time.
_BATCH = 20_000
#: The most octets of a line, and of a record that goes over several.
_MAX_RECORD = 1 << 20

#: What a zone signed by DNSSEC has besides its data. numdip signs nothing and serves none of them.
_DNSSEC = frozenset(
    map(
        dns.rdatatype.from_text,
        ("RRSIG", "NSEC", "NSEC3", "NSEC3PARAM", "DNSKEY", "DS", "CDS", "CDNSKEY", "ZONEMD"),
    )
)

_LABELS = r"[A-Za-z0-9_*-]{1,63}(?:\.[A-Za-z0-9_*-]{1,63})*"
#: A NAPTR record on one line, with a plain owner, quoted strings and an absolute replacement.
_PLAIN_NAPTR = re.compile(
    rf"(?:({_LABELS})(\.?))?[ \t]+(?:([0-9]+)[ \t]+)?(?:IN[ \t]+)?NAPTR[ \t]+"
    r'([0-9]+[ \t]+[0-9]+(?:[ \t]+"(?:[^"\\\n]|\\.)*"){3}[ \t]+(?:[A-Za-z0-9_.-]*\.))[ \t]*\r?',
    re.ASCII,
)
_TOKEN = re.compile(
    r'[ \t\r\n]+|"(?:[^"\\\n]|\\.)*"|[()]|;.*|(?:[^ \t\r\n"();\\]|\\.)+|.', re.ASCII
)
_DEPTH = {"(": 1, ")": -1}


class _FaultError(Exception):
    """What is wrong with a record."""


class _Record(NamedTuple):
    """A record's parts as they are written; ``None`` where it says nothing."""

    owner: str | None
    ttl: str | None
    rtype: str
    data: str


class ZoneFile:
    """One zone file: its records by :meth:`batches`.

    Raises :class:`~numdip.errors.PlanError`, with file, line and mend.
    """

    def __init__(
        self,
        path: str,
        *,
        origin: str | None = None,
        apex: Sequence[str] | None = None,
        note: Callable[[str], None],
        progress: Callable[[int], None],
    ) -> None:
        """Opens the file. Names are relative to *origin* until it has a ``$ORIGIN``.

        Names stand for numbers under *apex*, ``e164.arpa`` if not given.
        """
        self._path = path
        self._note = note
        self._origin: dns.name.Name | None = None
        self._first_origin = ""
        if origin is not None:
            try:
                self._set_origin(dns.name.from_text(origin))
            except dns.exception.DNSException as error:
                raise PlanError(f'origin "{origin}" is no domain name: {error}') from None
        self._owner: bytes | None = None
        self._default_ttl: int | None = None
        self._last_ttl: int | None = None
        self._left_out: dict[str, int] = {}
        self._bare = BareNames(["e164.arpa"] if apex is None else apex)
        #: The zones that the file holds: the owners of its SOA records, or else its first origin,
        #: but for the root, to which names are relative that are written whole.
        self.zones: list[str] = []
        if os.path.isdir(path):
            raise PlanError(f"{path}: is a folder; name the files in it")
        try:
            # Once: a pipe cannot be opened again. batches() ends it.
            self._file = open(path, "rb")  # noqa: SIM115
        except OSError as error:
            raise PlanError(f"{path}: cannot be read: {error.strerror}") from error
        self._octets = OctetStream(path, self._file, progress)

    def batches(self, skipped: list[str] | None) -> Iterator[list[ZoneRecord]]:
        """Gives the records in the file's order.

        Args:
            skipped: records that cannot be read are left out and told here; with ``None`` the
                first of them raises.
        """
        batch: list[ZoneRecord] = []
        with self._file:
            for line, text, plain in self._records():
                try:
                    record = plain and self._plain_naptr(line, plain)
                    record = record or self._any(line, text)
                except _FaultError as fault:
                    what = f"{self._path}:{line}: {fault}"
                    if skipped is None:
                        raise PlanError(what) from None
                    skipped.append(what)
                    continue
                if record is not None:
                    batch.append(record)
                    self._bare.see(record[1], record[2])
                if len(batch) == _BATCH:
                    yield batch
                    batch = []
        if batch:
            yield batch
        if not self.zones and self._first_origin not in {"", "."}:
            self.zones.append(self._first_origin)
        if told := self._bare.note():
            self._note(f"{self._path}: {told}")
        if self._left_out:
            counts = ", ".join(f"{count:,} {name}" for name, count in self._left_out.items())
            self._note(f"{self._path}: left out records of DNSSEC, which are not served: {counts}")

    # --- Lines to records

    def _records(self) -> Iterator[tuple[int, str, re.Match[str] | None]]:
        """Each record with the line that it starts on, and whether it is plain; brackets join."""
        start, text, depth = 0, "", 0
        for line, octets in enumerate(self._lines(), 1):
            if len(octets) + (len(text) if depth else 0) > _MAX_RECORD:
                raise PlanError(f"{self._path}:{start if depth else line}: a record of over 1 MiB")
            try:
                more = octets.decode()
            except UnicodeDecodeError as error:
                raise PlanError(
                    f"{self._path}:{line}: not UTF-8 at octet {error.start + 1} of the line; write "
                    r"such octets as \DDD"
                ) from None
            if line == 1:
                more = more.removeprefix("\ufeff")
            if depth == 0:
                start, text = line, ""
                if plain := _PLAIN_NAPTR.fullmatch(more):
                    yield line, more, plain
                    continue
            depth = self._depth(line, more, depth)
            text += more + "\n"
            if depth == 0:
                yield start, text, None
        if depth:
            raise PlanError(f'{self._path}:{start}: "(" is not closed; put ")" at its end')

    def _depth(self, line: int, text: str, depth: int) -> int:
        """How many brackets are open behind a line, *depth* being so before it."""
        for token in _TOKEN.findall(text):
            depth += _DEPTH.get(token, 0)
            if depth < 0:
                raise PlanError(f'{self._path}:{line}: ")" closes nothing; remove it')
        return depth

    def _lines(self) -> Iterator[bytes]:
        """The file's lines; one that is too long may come in parts that are."""
        rest = b""
        while octets := self._octets.read(_MAX_RECORD):
            *lines, rest = (rest + octets).split(b"\n")
            yield from lines
            if len(rest) > _MAX_RECORD:
                yield rest
        if rest:
            yield rest

    def _plain_naptr(self, line: int, plain: re.Match[str]) -> ZoneRecord | None:
        """A record in the form in which zones have millions; ``None`` if its name is too long."""
        labels, dot, ttl, data = plain.groups()
        if labels is None:
            owner = self._last_owner()
        else:
            tail = b"\0" if dot else self._origin_wire()
            octets = labels.encode()
            parts = [bytes((len(label),)) + label for label in octets.split(b".")]
            owner = b"".join(parts) + tail
            if len(owner) > 255:
                return None  # dnspython says why
            self._owner = owner
        try:
            wire = Naptr.parse(data).to_wire()
        except NaptrError as error:
            raise _FaultError(str(error)) from None
        return line, owner, dns.rdatatype.NAPTR, self._ttl(ttl), wire

    def _any(self, line: int, text: str) -> ZoneRecord | None:
        """A record or directive of any form; ``None`` if there is nothing to serve in it."""
        tokens = [token for token in _TOKEN.findall(text) if not token.startswith(";")]
        if '"' in tokens:
            raise _FaultError("a quote is not closed on its line; close it")
        if "\\" in tokens:
            raise _FaultError("a backslash at the line's end, which joins no lines; use brackets")
        words = [token for token in tokens if token.strip() and token not in {"(", ")"}]
        if not words:
            return None
        if words[0].startswith("$"):
            self._directive(words)
            return None
        record = self._parts(words, has_owner=not text.startswith((" ", "\t")))
        owner = self._owner_of(record.owner)
        try:
            rtype = dns.rdatatype.from_text(record.rtype)
        except (dns.exception.DNSException, ValueError):
            raise _FaultError(f'"{record.rtype}" is no record type') from None
        data = self._data(rtype, record.data)
        if rtype == dns.rdatatype.SOA:
            self.zones.append(dns.name.from_wire(owner, 0)[0].to_text())
            if self._default_ttl is None and self._last_ttl is None and record.ttl is None:
                # As before RFC 2308: the last field is the zone's default.
                self._last_ttl = int.from_bytes(data[-4:])
        ttl = self._ttl(record.ttl)
        if rtype in _DNSSEC:
            name = dns.rdatatype.to_text(rtype)
            self._left_out[name] = self._left_out.get(name, 0) + 1
            return None
        return line, owner, rtype, ttl, data

    # --- Parts of records

    def _directive(self, words: list[str]) -> None:
        name, *values = words
        match name.upper(), values:
            case "$ORIGIN", [value]:
                self._set_origin(self._absolute(value))
            case "$TTL", [value]:
                try:
                    self._default_ttl = dns.ttl.from_text(value)
                except dns.ttl.BadTTL:
                    raise _FaultError(f'$TTL: "{value}" is no count of seconds') from None
            case "$ORIGIN" | "$TTL", _:
                raise _FaultError(f"{name} takes one value, found {len(values)}")
            case "$INCLUDE" | "$GENERATE", _:
                raise _FaultError(
                    f"{name} is not followed; write the file out with "
                    f"named-compilezone -o whole.zone ORIGIN {os.path.basename(self._path)}"
                )
            case _:
                raise _FaultError(f"{name} is no directive of zone files")

    def _parts(self, words: list[str], *, has_owner: bool) -> _Record:
        """Takes owner, TTL, class and type apart; TTL and class stand in either order."""
        rest = list(words)
        owner = rest.pop(0) if has_owner else None
        ttl = None
        for _ in range(2):
            if rest and ttl is None and rest[0][:1].isdigit():
                ttl = rest.pop(0)
            elif rest and rest[0].upper() in {"IN", "CH", "HS", "CS"}:
                if rest[0].upper() != "IN":
                    raise _FaultError(f"class {rest[0]}; a plan has records of class IN alone")
                rest.pop(0)
        if not rest:
            raise _FaultError("no record type: expected NAME TTL IN TYPE DATA")
        return _Record(owner, ttl, rest[0], " ".join(rest[1:]))

    def _owner_of(self, text: str | None) -> bytes:
        if text is None:
            return self._last_owner()
        self._owner = cast("bytes", self._absolute(text).to_wire())
        return self._owner

    def _last_owner(self) -> bytes:
        if self._owner is None:
            raise _FaultError("a record without a name, and none before it has one; name it")
        return self._owner

    def _ttl(self, text: str | None) -> int:
        if text is not None:
            try:
                self._last_ttl = dns.ttl.from_text(text)
            except dns.ttl.BadTTL:
                raise _FaultError(f'"{text}" is no TTL') from None
            return self._last_ttl
        for known in (self._default_ttl, self._last_ttl):
            if known is not None:
                return known
        raise _FaultError("no TTL: put one before the type, or $TTL 3600 at the file's beginning")

    def _data(self, rtype: dns.rdatatype.RdataType, text: str) -> bytes:
        if rtype == dns.rdatatype.NAPTR and text.endswith(".") and not text.endswith("\\."):
            try:
                return Naptr.parse(text).to_wire()
            except NaptrError as error:
                raise _FaultError(str(error)) from None
        origin = _NO_ORIGIN if self._origin is None else self._origin
        try:
            rdata = dns.rdata.from_text(
                dns.rdataclass.IN, rtype, text, origin=origin, relativize=False
            )
            data = cast("bytes", rdata.to_wire())
        except Exception as error:  # noqa: BLE001 - as dnspython does, each type has its own
            name = dns.rdatatype.to_text(rtype)
            form = _NAPTR_FORM if rtype == dns.rdatatype.NAPTR else ""
            raise _FaultError(
                f"not the data of a {name} record: {error or 'cut short'}{form}"
            ) from None
        if self._origin is None and _NO_ORIGIN_LABEL in data:
            raise _FaultError(_relative(text.rsplit(maxsplit=1)[-1]))
        return data

    # --- Names

    def _absolute(self, text: str) -> dns.name.Name:
        try:
            name = self._origin if text == "@" else dns.name.from_text(text, self._origin)
        except (dns.exception.DNSException, ValueError) as error:
            raise _FaultError(f'"{text}" is no name: {error}') from None
        if name is None or not name.is_absolute():
            raise _FaultError(_relative(text))
        return name

    def _origin_wire(self) -> bytes:
        if self._origin is None:
            raise _FaultError(_relative("its name"))
        return self._origin_octets

    def _set_origin(self, origin: dns.name.Name) -> None:
        self._origin = origin
        self._origin_octets = cast("bytes", origin.to_wire())
        self._first_origin = self._first_origin or origin.to_text()


_NAPTR_FORM = '; expected ORDER PREFERENCE "FLAGS" "SERVICES" "REGEXP" REPLACEMENT'
#: Stands for an origin that is not known, so that a name that needs it can be told from others.
_NO_ORIGIN_LABEL = b"\x00no origin\x00"
_NO_ORIGIN = dns.name.Name((_NO_ORIGIN_LABEL, b""))


def _relative(name: str) -> str:
    return (
        f"{name} is relative, and to what is not known: end it with a dot, put $ORIGIN before it, "
        "or give --origin"
    )
