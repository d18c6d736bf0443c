"""What came of a question: the reply as it is, and the network that it names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from .. import Naptr, Number, _native
from .._native import Reply
from ..errors import (
    ClientError,
    ClientRecordError,
    ClientRefusedError,
    ClientResponseError,
    ClientServerFailureError,
    ClientTimeoutError,
)
from .address import ServerAddress

__all__ = ["NetworkAnswer", "Outcome", "judged", "network", "outcome_of", "refusal"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a question: the first usable reply, or else the last that was a refusal."""

    #: ``NOERROR``, ``NXDOMAIN``, ``REFUSED``, ``SERVFAIL``, …
    rcode: str
    reply: Reply
    server: ServerAddress
    transport: Literal["udp", "tcp"]
    #: Milliseconds from this server's first octet asked to its last octet read; 0 if the answer
    #: was kept.
    milliseconds: float
    #: What servers did that gave no answer, in order, a phrase each.
    failures: tuple[str, ...] = ()
    #: For how many seconds the answer has been kept; ``None`` if a server was asked.
    cached: float | None = None


@dataclass(frozen=True, slots=True)
class NetworkAnswer:
    """The network that serves a number, as an ENUM server says it.

    Values are text as they came: MNC ``012`` is not ``12``. What the answer does not say is
    ``None``.
    """

    #: The number, with its ``+``.
    number: str
    mcc: str | None
    mnc: str | None
    #: Routing number (RFC 4694 §4), and the domain or prefix that a local one holds in.
    rn: str | None
    rn_context: str | None
    #: Whether the portability database was asked already: if so, it is not to be asked again
    #: (RFC 4694 §5.1).
    npdi: bool
    spid: str | None
    #: All parameters, names as they came; one without a value has an empty one.
    parameters: dict[str, str]
    #: The URI that the record's rule gives; ``None`` where a server sends pairs without a scheme.
    uri: str | None
    #: What the rule gives, whatever it is.
    output: str
    #: Seconds for which it may be kept from now on.
    ttl: int
    server: ServerAddress
    transport: Literal["udp", "tcp"]
    milliseconds: float
    record: Naptr
    #: Whether it was read leniently: the server doubles escapes, or writes ``<`` and ``>``.
    lenient: bool = False
    cached: float | None = None
    failures: tuple[str, ...] = field(default=(), repr=False)


def outcome_of(native: _native.Outcome, servers: Sequence[ServerAddress]) -> Outcome:
    """The outcome of a question, if there was a reply.

    Raises:
        ClientTimeoutError: no server replied in time.
        ClientError: none can be reached, or the client was closed.
    """
    failures = tuple(f"{servers[place]}: {what}" for place, what in native.failures)
    end = native.end_name
    if end == "closed":
        raise ClientError("the client was closed")
    reply, place, transport = native.reply, native.server, native.transport
    if reply is None or place is None or transport is None:
        text = "; ".join(dict.fromkeys(failures))
        if end == "timeout":
            raise ClientTimeoutError(text or "no server answered before the deadline")
        raise ClientError(text or "no server can be reached")
    cached = native.cached
    milliseconds = (native.milliseconds or 0.0) if cached is None else 0.0
    return Outcome(reply.rcode, reply, servers[place], transport, milliseconds, failures, cached)


def network(
    number: Number, native: _native.Outcome, outcome: Outcome, *, lenient: bool
) -> NetworkAnswer | str | None:
    """What the records say, whatever the response code; text says why they cannot be read."""
    told = native.network(number, lenient=lenient)
    if told is None or isinstance(told, str):
        return told
    output, is_uri, pairs, ttl, place, was_lenient = told
    parameters: dict[str, str] = {}
    for name, value in pairs:
        parameters.setdefault(name, value or "")
    by_lower_name = {name.lower(): value for name, value in reversed(parameters.items())}

    def value_of(name: str) -> str | None:
        return by_lower_name.get(name) or None

    return NetworkAnswer(
        number=str(number),
        mcc=value_of("mcc"),
        mnc=value_of("mnc"),
        rn=value_of("rn"),
        rn_context=value_of("rn-context"),
        npdi="npdi" in by_lower_name,
        spid=value_of("spid"),
        parameters=parameters,
        uri=output if is_uri else None,
        output=output,
        ttl=max(0, ttl - int(outcome.cached or 0)),
        server=outcome.server,
        transport=outcome.transport,
        milliseconds=outcome.milliseconds,
        record=outcome.reply.records[place][1],
        lenient=was_lenient,
        cached=outcome.cached,
        failures=outcome.failures,
    )


_OF_RCODE = {"REFUSED": ClientRefusedError, "SERVFAIL": ClientServerFailureError}


def refusal(
    about: str, outcome: Outcome, answer: NetworkAnswer | None = None
) -> ClientResponseError:
    """The error for a response code that is no answer, and what came with it."""
    extended = tuple(outcome.reply.extended)
    told = [f"{about}: {'; '.join(dict.fromkeys(outcome.failures)) or outcome.rcode}"]
    told += [f"extended error {code} {text}".rstrip() for code, text in extended]
    if answer is not None:
        told.append(f"with {answer.output}")
    return _OF_RCODE.get(outcome.rcode, ClientResponseError)(
        ", ".join(told),
        rcode=outcome.rcode,
        extended=extended,
        answer=answer,
        records=tuple(outcome.reply.records),
        server=str(outcome.server),
    )


def judged(
    number: Number, native: _native.Outcome, servers: Sequence[ServerAddress], *, lenient: bool
) -> NetworkAnswer | None:
    """The network, ``None`` for a number that does not exist or has no records, or an error."""
    outcome = outcome_of(native, servers)
    found = network(number, native, outcome, lenient=lenient)
    if outcome.rcode == "NXDOMAIN":
        return None
    if outcome.rcode != "NOERROR":
        raise refusal(str(number), outcome, found if isinstance(found, NetworkAnswer) else None)
    if isinstance(found, str):
        raise ClientRecordError(f"{number}: {outcome.server}: {found}")
    return found
