"""The configuration file: TOML in, a frozen :class:`Config` out, or every fault at once.

:func:`load` reads a file and either gives a :class:`Config` or raises one
:class:`~numdip.errors.ConfigError` that lists everything wrong with the file, each fault with its
key path (``acl.client[0].networks[1]``), what was found, what is expected and how to mend it.
:func:`parse` is the same without the raise, for ``numdip check``, which has more to judge.

Judged here is what the text alone shows. Whether the plan and the answer's template are usable is
judged by :mod:`numdip.server`, which uses them.
"""

from __future__ import annotations

import ipaddress
import os
import re
import tomllib
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from . import DomainError, to_domain
from .acl import network_fault
from .errors import ConfigError
from .toml_struct import Fault, read, worded

__all__ = [
    "AclSection",
    "AnswerRecord",
    "AnswerSection",
    "Client",
    "Config",
    "Fault",
    "PlanSection",
    "ServerSection",
    "faults_error",
    "listen_fault",
    "load",
    "parse",
    "profile_fault",
]

PROFILES = ("number-lookup",)

# ---------- Checks -------------------------------------------------------------------------------
# Each says what is wrong with a value of the right type, or None.


def listen_fault(text: str) -> str | None:
    """Says why *text* is no ``address:port`` to listen on; ``None`` if it is one."""
    match = re.fullmatch(r"(?:\[(?P<v6>[^\]]*)\]|(?P<v4>[^:\[\]]*)):(?P<port>[0-9]{1,5})", text)
    if match is None:
        unbracketed = text.count(":") > 1 and not text.startswith("[")
        mend = "; write an IPv6 address in brackets" if unbracketed else ""
        return f'found "{text}", expected "127.0.0.1:5300" or "[::1]:5300" and the like{mend}'
    if int(match["port"]) > 65535:
        return (
            f'found port {match["port"]} in "{text}", expected 0 to 65535 (0 takes any free port)'
        )
    try:
        if match["v6"] is not None:
            ipaddress.IPv6Address(match["v6"])
        else:
            ipaddress.IPv4Address(match["v4"])
    except ValueError:
        return (
            f'found "{text}", expected an IP address before the port, such as "192.0.2.1:53" or '
            '"[2001:db8::1]:53"; host names are not looked up'
        )
    return None


def profile_fault(text: str) -> str | None:
    """Says why *text* is no profile of this version; ``None`` if it is one."""
    if text in PROFILES:
        return None
    if text == "rfc":
        return 'found "rfc", which this version does not have yet; use "number-lookup"'
    return f'found "{text}", expected "number-lookup", the one profile of this version'


def _apex_fault(text: str) -> str | None:
    try:
        to_domain("+1", apex=text)
    except DomainError as error:
        return f'found "{text}", expected a domain name such as "e164.arpa" ({error})'
    return None


def _no_fault(_text: str) -> str | None:
    return None


# ---------- Keys ---------------------------------------------------------------------------------

_Order = Annotated[int, Meta(ge=0, le=65535, description="a whole number from 0 to 65535")]


class ServerSection(msgspec.Struct, frozen=True):
    """``[server]``: where to listen, with how many threads, for which names and how to answer."""

    #: UDP and TCP on each.
    listen: tuple[Annotated[str, worded('a text such as "127.0.0.1:5300"', listen_fault)], ...] = (
        "127.0.0.1:5300",
    )
    #: Threads; 0 is one per CPU.
    workers: Annotated[
        int, Meta(ge=0, le=1024, description="a whole number from 0 to 1024 (0 = one per CPU)")
    ] = 0
    #: Microseconds that a busy thread lets datagrams gather before it takes them; 0 is never.
    gather: Annotated[
        int, Meta(ge=0, le=1000, description="a whole number of microseconds from 0 to 1000")
    ] = 50
    apex: tuple[Annotated[str, worded('a domain name such as "e164.arpa"', _apex_fault)], ...] = (
        "e164.arpa",
    )
    profile: Annotated[str, worded('"number-lookup"', profile_fault)] = "number-lookup"


class PlanSection(msgspec.Struct, frozen=True):
    """``[plan]``: which snapshot to serve, and how it is held."""

    #: Relative to the configuration file's folder when read; ``None`` is the bundled plan.
    path: Annotated[str, worded("the path of a snapshot")] | None = None
    memory: Annotated[Literal["map", "huge"], Meta(description='"map" or "huge"')] = "map"
    #: Take up a new snapshot without being told.
    watch: Annotated[bool, Meta(description="true or false")] = False


class AnswerRecord(msgspec.Struct, frozen=True):
    """``[[answer.record]]``: one of several records of an answer (RFC 3403 §4.1)."""

    order: _Order = 10
    preference: _Order = 50
    #: Without any the record leads on to its replacement (RFC 6116 §3.4.2).
    flags: Annotated[str, worded('"u", or "" in a record that leads on', _no_fault)] = "u"
    #: ``None`` is that of :class:`AnswerSection`, or nothing in a record that leads on.
    services: Annotated[str, worded('a services field such as "E2U+sip"', _no_fault)] | None = None
    #: ``None``: as with services.
    regexp: (
        Annotated[str, worded("a substitution expression with {mcc} and {mnc}", _no_fault)] | None
    ) = None
    replacement: Annotated[str, worded('a domain name, or "."')] = "."


class AnswerSection(msgspec.Struct, frozen=True):
    """``[answer]``: the record that answers (RFC 3403 §4.1), and what partial answers get."""

    #: Seconds (RFC 2181 §8), for all records.
    ttl: Annotated[
        int,
        Meta(ge=0, le=2**31 - 1, description="a whole number of seconds from 0 to 2147483647"),
    ] = 3
    order: _Order = 10
    preference: _Order = 50
    services: Annotated[str, worded('a services field such as "E2U+pstn:tel"')] = "E2U+pstn:tel"
    regexp: Annotated[str, worded("a substitution expression with {mcc} and {mnc}")] = (
        r"!^(.*)$!tel:\1;mcc={mcc};mnc={mnc}!"
    )
    #: Several records instead of the one that the four keys above make.
    record: tuple[AnswerRecord, ...] = ()
    partial: Annotated[
        Literal["nxdomain", "answer"], Meta(description='"nxdomain" or "answer"')
    ] = "nxdomain"


class Client(msgspec.Struct, frozen=True):
    """``[[acl.client]]``: a name and the networks it asks from."""

    name: Annotated[str, worded('a name such as "acme"')]
    networks: tuple[Annotated[str, worded('a network such as "192.0.2.0/24"', network_fault)], ...]


class AclSection(msgspec.Struct, frozen=True):
    """``[acl]``: who may ask, and what strangers get (RFC 5067 §3 wants a REFUSED, not silence)."""

    others: Annotated[Literal["refuse", "drop"], Meta(description='"refuse" or "drop"')] = "refuse"
    client: tuple[Client, ...] = ()


class Config(msgspec.Struct, frozen=True):
    """All settings. ``Config()`` is what ``numdip serve`` takes without a file."""

    server: ServerSection = ServerSection()
    plan: PlanSection = PlanSection()
    answer: AnswerSection = AnswerSection()
    #: ``None``: only loopback addresses may ask.
    acl: AclSection | None = None


# ---------- Reading ------------------------------------------------------------------------------


def load(path: str | os.PathLike[str]) -> Config:
    """Read a configuration file.

    Raises:
        ConfigError: the file cannot be read, is not TOML, or has faults; it lists all of them.
    """
    config, faults = parse(path)
    if faults:
        raise faults_error(path, faults)
    return config


def parse(path: str | os.PathLike[str]) -> tuple[Config, list[Fault]]:
    """Read a configuration file as far as it goes: a faulty value is left at its default.

    Raises:
        ConfigError: there is no such file, or it cannot be read. ``faults`` is empty then.
    """
    path = os.fspath(path)
    faults: list[Fault] = []
    try:
        with open(path, "rb") as file:
            octets = file.read()
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    try:
        tables = tomllib.loads(octets.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = octets.count(b"\n", 0, error.start) + 1
        faults.append(("", f"line {line}: not UTF-8 at octet {error.start}; TOML is always UTF-8"))
        return Config(), faults
    except tomllib.TOMLDecodeError as error:
        faults.append(("", _syntax_fault(str(error))))
        return Config(), faults
    config = read(Config, tables, faults)
    _judge_together(tables, faults)
    plan_path = config.plan.path
    if plan_path is not None:
        plan_path = os.path.normpath(os.path.join(os.path.dirname(path), plan_path))
        plan = msgspec.structs.replace(config.plan, path=plan_path)
        config = msgspec.structs.replace(config, plan=plan)
    return config, faults


def faults_error(path: str | os.PathLike[str], faults: list[Fault]) -> ConfigError:
    """The one error that tells all *faults*, each on a line with the file's path."""
    lines = (": ".join(filter(None, (os.fspath(path), key, text))) for key, text in faults)
    return ConfigError("\n".join(lines), faults)


def _syntax_fault(message: str) -> str:
    # tomllib writes "Invalid value (at line 3, column 5)"; editors and people want the line first.
    match = re.fullmatch(r"(.*) \(at (line \d+, column \d+|end of document)\)", message, re.DOTALL)
    return f"{match[2]}: not TOML: {match[1]}" if match else f"not TOML: {message}"


def _judge_together(tables: dict[str, Any], faults: list[Fault]) -> None:
    """Adds the faults that no single value has; values of a wrong type are told already."""
    for name in ("listen", "apex"):
        values = _get(tables, "server", dict, {}).get(name, [""])
        if values == []:
            faults.append((f"server.{name}", "found none, expected at least one"))
        for i, value in enumerate(values if isinstance(values, list) else []):
            # Port 0 is another free port each time.
            earlier = [_listened(other) for other in values[:i]]
            if _listened(value) in earlier and not str(value).endswith(":0"):
                faults.append((f"server.{name}[{i}]", f'found "{value}" again; leave one out'))
    if isinstance(tables.get("answer"), dict) and "record" in tables["answer"]:
        _judge_records(tables["answer"], faults)
    if isinstance(tables.get("acl"), dict):
        _judge_clients(_get(tables["acl"], "client", list, []), faults)


def _listened(value: object) -> object:
    """A listen address as it is bound, however it is written; other values as they are."""
    host, colon, port = str(value).rpartition(":")
    try:
        return ipaddress.ip_address(host.strip("[]")), int(port)
    except ValueError:
        return f"{host}{colon}{port}".casefold()


def _judge_records(answer: dict[str, Any], faults: list[Fault]) -> None:
    if answer["record"] == []:
        text = "found none, expected at least one, or the record's keys in [answer] itself"
        faults.append(("answer.record", text))
    faults.extend(
        (f"answer.{name}", "found beside [[answer.record]]; write it into the records it is for")
        for name in ("order", "preference", "services", "regexp")
        if name in answer
    )


def _judge_clients(clients: list[Any], faults: list[Fault]) -> None:
    if not clients:
        text = (
            "found no [[acl.client]], so that nobody could ask; add one, or leave [acl] out to "
            "permit loopback addresses only"
        )
        faults.append(("acl", text))
    names: set[str] = set()
    # Who has a network, and under which key.
    owners: dict[str, tuple[str, str]] = {}
    for i, client in enumerate(clients):
        if not isinstance(client, dict):
            continue
        key = f"acl.client[{i}]"
        name = _get(client, "name", str, f"client {i}")
        if name in names:
            text = f'found "{name}" again; give each client one name and all its networks'
            faults.append((f"{key}.name", text))
        names.add(name)
        networks = _get(client, "networks", list, [""])
        if not networks:
            faults.append((f"{key}.networks", "found none, expected at least one"))
        for j, network in enumerate(networks):
            here = f"{key}.networks[{j}]"
            owner, first = owners.setdefault(_canonical(network), (name, here))
            if first != here:
                text = f'found "{network}", which "{owner}" has in {first}; leave one out'
                faults.append((here, text))


def _get(table: dict[str, Any], key: str, kind: type, default: Any) -> Any:
    value = table.get(key, default)
    return value if isinstance(value, kind) else default


def _canonical(network: object) -> str:
    try:
        return str(ipaddress.ip_network(str(network)))
    except ValueError:
        return f"{object()}"  # told already; equal to no other
