r"""DNSControl's ``dnsconfig.js`` and its JSON (``dnscontrol print-ir``) to the records of a plan.

A ``dnsconfig.js`` is a program. It runs in a sandbox (:mod:`numdip.plan.javascript`) with the
functions of ``dnscontrol_functions.js``, which make plain rows of its calls. Its strings are what
the records hold: ``"!^(.*)$!tel:\\1!"`` in JavaScript is one backslash on the wire.

Names are read as DNSControl reads them: ``@`` is the domain, other names are relative to it. A
target is relative if it is one label, and absolute if it ends with a dot.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dns.exception
import dns.name
import msgspec

from ..errors import PlanError
from .dnscontrol_records import FaultError, Row, read_record
from .javascript import ScriptError, evaluate
from .zone_files import ZoneRecord

__all__ = ["Dnsconfig"]

#: The most octets of a file.
_MAX_FILE = 64 << 20
#: DNSControl's TTL where nothing says another.
_DEFAULT_TTL = 300
_FUNCTIONS = Path(__file__).with_name("dnscontrol_functions.js")
#: Fields of DNSControl's JSON, in the order in which the functions take them.
_FIELDS: dict[str, tuple[str, ...]] = {
    "MX": ("mxpreference", "target"),
    "NAPTR": (
        *("naptrorder", "naptrpreference", "naptrflags", "naptrservice", "naptrregexp"),
        "target",
    ),
    "SOA": ("target", "soambox", "soarefresh", "soaretry", "soaexpire", "soaminttl"),
    "SRV": ("srvpriority", "srvweight", "srvport", "target"),
}


class _Domain(msgspec.Struct):
    """What the functions make of a ``D()``."""

    name: str
    records: list[Row]


class _ViewsError(Exception):
    """Two views of one domain."""


class Dnsconfig:
    """One file of DNSControl: its records by :meth:`batches`."""

    def __init__(self, path: str, *, progress: Callable[[int], None]) -> None:
        """Reads and evaluates the file.

        Raises:
            PlanError: it cannot be read, fails, or passes the limits of time and memory.
        """
        self._path = path
        try:
            with open(path, "rb") as file:
                octets = file.read(_MAX_FILE + 1)
        except OSError as error:
            raise PlanError(f"{path}: cannot be read: {error.strerror}") from error
        if len(octets) > _MAX_FILE:
            raise PlanError(f"{path}: more than {_MAX_FILE >> 20} MiB; split it")
        try:
            text = octets.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = octets.count(b"\n", 0, error.start) + 1
            raise PlanError(f"{path}:{line}: not UTF-8 at octet {error.start}") from None
        is_json = path.lower().endswith(".json")
        self._domains = list(self._of_json(text) if is_json else self._of_program(text))
        progress(len(octets))
        #: The domains of the file, with their final dot.
        self.zones = [zone for name, _ in self._domains if (zone := _zone(name))]

    def batches(self, skipped: list[str] | None) -> Iterator[list[ZoneRecord]]:
        """Gives the records of one domain after another.

        Args:
            skipped: records that make no sense are left out and told here; with ``None`` the first
                of them raises.
        """
        for name, rows in self._domains:
            batch = []
            for row in rows:
                try:
                    batch.append(read_record(row, name))
                except FaultError as fault:
                    called = ", ".join(json.dumps(value) for value in row.values)[:80]
                    what = f"{self._place(row.line)}: {row.rtype}({called}): {fault}"
                    if skipped is None:
                        raise PlanError(what) from None
                    skipped.append(what)
            yield batch

    def _place(self, line: int) -> str:
        return f"{self._path}:{line}" if line else self._path

    # --- The two forms of files

    def _of_program(self, text: str) -> Iterator[tuple[str, list[Row]]]:
        functions = _FUNCTIONS.read_text("utf-8")
        try:
            found = evaluate(functions, text, "__numdip_rows")
            domains = msgspec.json.decode(found, type=list[_Domain])
        except ScriptError as error:
            place = self._place(error.line)
            raise PlanError(f"{place}: {_mend(str(error), functions)}") from None
        except (msgspec.MsgspecError, RecursionError) as error:
            # It changed what the functions stand on, such as Array.prototype.
            raise PlanError(f"{self._path}: makes records that cannot be read: {error}") from None
        for domain in domains:
            yield (
                domain.name,
                [
                    row._replace(rtype="NS") if row.rtype == "NAMESERVER" else row
                    for row in domain.records
                ],
            )

    def _of_json(self, text: str) -> Iterator[tuple[str, list[Row]]]:
        try:
            domains = json.loads(text)["domains"]
            tags: dict[str, str] = {}
            for domain in domains:
                # A tag, behind "!" or on its own, tells views of one domain apart.
                name, _, tag = domain["name"].partition("!")
                name = name.rstrip(".").lower()
                tag = tag or str(domain.get("tag") or "")
                _refuse_views(name, tags.setdefault(name, tag), tag)
                rows = [self._json_row(record) for record in domain.get("records") or []]
                ttl = int((domain.get("meta") or {}).get("ns_ttl", _DEFAULT_TTL))
                for server in domain.get("nameservers") or []:
                    target = server["name"].rstrip(".") + "."
                    rows.append(Row("NS", 0, ttl, "", ["@", target]))
                yield name, rows
        except _ViewsError as error:
            raise PlanError(f"{self._path}: {error}") from None
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise PlanError(
                f"{self._path}: not what dnscontrol print-ir writes ({type(error).__name__}: "
                f"{error}); expected an object with domains, each with name and records"
            ) from None

    def _json_row(self, record: dict[str, Any]) -> Row:
        rtype = record["type"]
        found = re.search(r"line:([0-9]+)", str(record.get("filepos", "")))
        target = record.get("target", "")
        values = [target]
        if rtype in _FIELDS:
            values = [record.get(field, "" if field in _TEXTS else 0) for field in _FIELDS[rtype]]
        elif rtype == "TXT":
            values = [record.get("txtstrings") or target]
        subdomain = record.get("subdomain") or ""
        name = record["name"]
        if subdomain and (name == subdomain or name.endswith(f".{subdomain}")):
            # The name has it already; it is taken off so that it is put on once.
            name = name[: -len(subdomain)].rstrip(".") or "@"
        ttl = record.get("ttl") or _DEFAULT_TTL
        return Row(rtype, int(found[1]) if found else 0, ttl, subdomain, [name, *values])


_TEXTS = frozenset(["target", "naptrflags", "naptrservice", "naptrregexp", "soambox"])


def _zone(name: str) -> str | None:
    """A domain's name with its final dot; ``None`` if it cannot be one."""
    try:
        return dns.name.from_text(name).to_text()
    except (dns.exception.DNSException, ValueError):
        return None


def _refuse_views(name: str, first: str, tag: str) -> None:
    if tag != first:
        raise _ViewsError(
            f'has views of {name}, "{first}" and "{tag}", and a plan holds one: '
            "leave all but one out"
        )


def _mend(what: str, functions: str) -> str:
    """An error of the program, and what to do where that is known."""
    unknown = re.fullmatch(r"ReferenceError: '?([^' ]+)'? is not defined", what)
    if unknown is None:
        return what.removeprefix("Error: ")
    known = sorted(set(re.findall(r"^    ([A-Z]+): \[", functions, re.MULTILINE)))
    return (
        f"{unknown[1]} is not known; records are made by {', '.join(known)}. Take what a provider "
        "has of its own out, or give numdip the output of dnscontrol print-ir"
    )
