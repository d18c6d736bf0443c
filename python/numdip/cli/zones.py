"""Zone files as a name server would answer from them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import dns.exception
import dns.name
import dns.node
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.tokenizer
import dns.zonefile

from ..errors import PlanError

__all__ = ["Found", "Zones"]

#: The most aliases that one answer follows.
_MAX_ALIASES = 8
#: The most records that ``$GENERATE`` may make in a file: a short line could ask for any number.
_MAX_GENERATED = 100_000
_IN = dns.rdataclass.IN
_DIRECTIVES = ("$ORIGIN", "$TTL", "$GENERATE")

#: The records of a name by their type and, of signatures, the type that they cover; none twice.
_Node: TypeAlias = dict[
    tuple[dns.rdatatype.RdataType, dns.rdatatype.RdataType], dict[dns.rdata.Rdata, None]
]


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
        self._nodes: dict[dns.name.Name, _Node] = {}
        self._existing: set[dns.name.Name] = set()

    def read(self, path: str, origin: str) -> None:
        """Reads a file (RFC 1035 §5.1) whose relative names hang from *origin* until it says more.

        Raises:
            PlanError: it is no zone file; the message has the line.
            OSError: it cannot be read.
        """
        try:
            start = dns.name.from_text(origin)
        except (dns.exception.DNSException, UnicodeError) as fault:
            raise PlanError(f"{path}: {origin} is no domain name to hang from: {fault}") from None
        # Octets that are not UTF-8 do no harm in comments; elsewhere they are told.
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            tokens = _Tokens(file, path)
            target = _Records(tokens, self._nodes)
            # A record's TTL does not matter here.
            reader = dns.zonefile.Reader(
                tokens, _IN, target, allow_directives=_DIRECTIVES, default_ttl=0
            )
            reader.current_origin = reader.last_name = start
            try:
                reader.read()
            except (dns.exception.DNSException, ValueError) as fault:
                raise PlanError(_told(fault, path, tokens)) from None
        if not target.owners:
            raise PlanError(f"{path}: there is no record in it")
        for owner in target.owners:
            name = owner
            while name not in self._existing:
                self._existing.add(name)
                if name == dns.name.root:
                    break
                name = name.parent()

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
            if records := _of_type(node, rdtype):
                return Found(records, how)
            alias = _of_type(node, dns.rdatatype.CNAME)
            if not alias:
                return Found([], [*how, "the name has records of other types only"])
            asked = alias[0].target
            how.append(f"an alias of {asked}")
        return Found([], [*how, "too many aliases"])

    def _has(self, name: dns.name.Name, rdtype: dns.rdatatype.RdataType) -> bool:
        return bool(_of_type(self._nodes.get(name, {}), rdtype))

    def _cut(self, ancestors: Sequence[dns.name.Name]) -> dns.name.Name | None:
        """The delegation that a name lies below, if its zone is not here."""
        inside = False
        for name in reversed(ancestors):
            if self._has(name, dns.rdatatype.SOA):
                inside = True
            elif inside and self._has(name, dns.rdatatype.NS):
                return name
        return None

    def _renamed(
        self, asked: dns.name.Name, ancestors: Sequence[dns.name.Name]
    ) -> dns.name.Name | None:
        for name in reversed(ancestors[1:]):
            if found := _of_type(self._nodes.get(name, {}), dns.rdatatype.DNAME):
                try:
                    return asked.relativize(name).concatenate(found[0].target)
                except dns.name.NameTooLong:
                    return None
        return None


class _Tokens(dns.tokenizer.Tokenizer):
    """Knows on which line an entry begins: some faults are found behind its end."""

    entry = 1

    def get(self, want_leading: bool = False, want_comment: bool = False) -> dns.tokenizer.Token:
        """The next token; a reader wants blanks and comments where an entry begins."""
        if want_leading and want_comment:
            self.entry = self.line_number
        return super().get(want_leading, want_comment)


class _Records(dns.zonefile.RRsetsReaderTransaction):
    """Takes the records that a reader finds; a zone of dnspython takes but one SOA record."""

    def __init__(self, tokens: _Tokens, nodes: dict[dns.name.Name, _Node]) -> None:
        manager = dns.zonefile.RRSetsReaderManager(dns.name.root, rdclass=_IN)
        super().__init__(manager, True, False)  # type: ignore[no-untyped-call]
        self.owners: set[dns.name.Name] = set()
        self._tokens = tokens
        self._nodes = nodes
        self._entry = 0
        self._generated = 0

    def add(self, *args: Any) -> None:
        """Takes a name, a TTL and a record.

        Raises:
            ValueError: it must not stand where it does.
        """
        name, _, rdata = args
        if self._tokens.entry == self._entry:
            self._generated += 1
            if self._generated > _MAX_GENERATED:
                raise ValueError(
                    f"$GENERATE makes more than {_MAX_GENERATED:,} records: make the range smaller"
                )
        self._entry = self._tokens.entry
        node = self._nodes.setdefault(name, {})
        node.setdefault((rdata.rdtype, rdata.covers()), {})[rdata] = None
        kinds = {dns.node.NodeKind.classify(*key) for key in node}
        if {dns.node.NodeKind.CNAME, dns.node.NodeKind.REGULAR} <= kinds:
            # RFC 2181 §10.1.
            raise ValueError(f"{name} has a CNAME and other records: leave one out")
        self.owners.add(name)


def _told(fault: Exception, path: str, tokens: _Tokens) -> str:
    """A fault with the line on which its entry begins, and the mend where there is one."""
    what = re.sub(rf"^{re.escape(path)}:[0-9]+: ?", "", str(fault))
    if "'$INCLUDE'" in what:
        what = "$INCLUDE is not followed: give that file too, as ORIGIN=FILE"
    elif "'$" in what:
        what += "; only $ORIGIN, $TTL and $GENERATE are"
    elif what in {"", dns.exception.SyntaxError.__doc__}:
        what = "this is no record; of NAPTR records numdip naptr check says more"
    return f"{path}:{tokens.entry}: {what}"


def _of_type(node: _Node, rdtype: dns.rdatatype.RdataType) -> list[Any]:
    return list(node.get((rdtype, dns.rdatatype.NONE), ()))


def _ancestors(name: dns.name.Name) -> list[dns.name.Name]:
    """A name and all above it, up to the root."""
    return [name.split(depth)[1] for depth in range(len(name), 0, -1)]


def _wildcard(name: dns.name.Name) -> dns.name.Name:
    try:
        return dns.name.Name(("*", *name.labels))
    except dns.name.NameTooLong:
        return name


def _no_such_name(encloser: dns.name.Name | None) -> str:
    if encloser is None or encloser == dns.name.root:
        return "there is no such name"
    return f"there is no such name: {encloser} exists and has no wildcard"
