"""The way from a number to URIs and servers, without waiting: questions out, outcomes in.

:func:`resolving` is what both clients drive; they differ in how they wait for an outcome. Which
record leads where is decided by :class:`~numdip._native.Walk`; here walks are strung together, and
bounded: names and records by each walk, questions by :data:`MAX_QUESTIONS`, numbers by
:data:`MAX_NUMBERS`, time by who drives.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias, TypeVar

from .. import Naptr, Number, TelUri, _native, to_domain
from .._native import Walk
from ..errors import ClientError, ClientTimeoutError, ConfigError, NumberError, UriError
from .address import ServerAddress
from .answer import outcome_of, refusal
from .resolution import Discovery, Resolution, ResolvedServer, ResolvedUri

__all__ = [
    "MAX_NUMBERS",
    "MAX_QUESTIONS",
    "TRANSPORTS",
    "Asking",
    "Mode",
    "Question",
    "Way",
    "discovering",
    "resolving",
]

#: The most questions that one number may take, with all that is followed.
MAX_QUESTIONS = 256
#: The most numbers that are asked for: the first, and those that its tel URIs name.
MAX_NUMBERS = 5

#: The transports of SIP, and the services of NAPTR records that stand for them (RFC 3263 §4.1).
TRANSPORTS = {
    "udp": "SIP+D2U",
    "tcp": "SIP+D2T",
    "tls": "SIPS+D2T",
    "sctp": "SIP+D2S",
    "tls-sctp": "SIPS+D2S",
    "ws": "SIP+D2W",
    "wss": "SIPS+D2W",
}
_TYPES = {"A": 1, "AAAA": 28, "SRV": 33, "NAPTR": 35}
#: Response codes that are answers; after others, nothing is known.
_ANSWERS = ("NOERROR", "NXDOMAIN")
#: Services whose tel URI stands for whom the number reaches (RFC 4415; RFC 2916 had it bare).
_TEL_SERVICES = ("voice:tel", "tel")

_T = TypeVar("_T")

Mode: TypeAlias = Literal["posix", "glibc", "perl"]
#: A name and the number of a type.
Question: TypeAlias = tuple[str, int]
#: Gives questions, and is handed the outcome of each: ``None`` if there was no more time.
Asking: TypeAlias = Generator[Question, "_native.Outcome | None", _T]


@dataclass(slots=True)
class _Found:
    """The records of a name and type as a walk takes them, their least TTL, and whence they are."""

    records: list[Any] = field(default_factory=list)
    ttl: int | None = None
    how: tuple[str, ...] = ()
    rcode: str | None = None


def resolving(
    number: str | int | Number | TelUri,
    service: str | Iterable[str] | None,
    *,
    way: Way,
    apex: str,
    mode: Mode,
) -> Asking[Resolution]:
    """Resolve *number*; see :meth:`numdip.Client.resolve`."""
    tel = _read(number)
    read = Number(tel.number)
    wanted = _services(service)
    if "enumdi" in tel.parameters:
        why = "the tel URI carries enumdi: ENUM was asked for its number already"
        return way.resolution(tel, [], why)
    if "npdi" in tel.parameters and wanted and all(map(_is_of_pstn, wanted)):
        why = "the tel URI carries npdi: its portability was asked for already"
        return way.resolution(tel, [], why)
    uris = yield from way.of_number(read, wanted, tel, apex=apex, mode=mode)
    return way.resolution(tel, uris)


def discovering(
    domain: str, service: str, protocols: Iterable[str], *, way: Way, uris: bool
) -> Asking[Discovery]:
    """Find a service of *domain*; see :meth:`numdip.Client.discover`."""
    seed = secrets.randbits(64)
    walk = Walk.of_service(domain, service, list(protocols), uris=uris, seed=seed)
    return (yield from way.of_service(domain, walk))


class Way:
    """What is known on the way: answers that came, numbers that were asked for, and every step."""

    def __init__(
        self, servers: Sequence[ServerAddress], *, follow: bool, transports: Iterable[str]
    ) -> None:
        """Takes whether URIs are followed, and the transports of SIP, the one liked best first.

        Raises:
            ConfigError: a transport is unknown, or there is none.
        """
        self._servers = servers
        self._follow = follow
        named = [name.lower() for name in transports]
        if not named or not TRANSPORTS.keys() >= set(named):
            expected = f"some of {', '.join(TRANSPORTS)}"
            message = f"transports: found {', '.join(named) or 'none'}, expected {expected}"
            raise ConfigError(message, [("transports", expected)])
        self._transports = [TRANSPORTS[name] for name in named]
        self._known: dict[tuple[str, str], _Found] = {}
        self._asked: set[str] = set()
        #: Numbers that ENUM gave an answer for, and those of them that do not exist there.
        self._answered: set[str] = set()
        self._absent: set[str] = set()
        self._steps: list[dict[str, Any]] = []
        self._failures: list[str] = []

    def resolution(
        self, tel: TelUri, uris: list[ResolvedUri], why: str | None = None
    ) -> Resolution:
        """What it all came to; *why* nothing was asked."""
        if why is not None:
            self._steps.append({"step": "stopped", "why": why, "about": tel.number})
        passed_on = _with_enumdi(tel) if tel.number in self._absent else str(tel)
        steps = tuple(self._steps)
        return Resolution(tel.number, tuple(uris), passed_on, tuple(self._failures), steps)

    def of_number(
        self, number: Number, wanted: list[str] | None, tel: TelUri, *, apex: str, mode: Mode
    ) -> Asking[list[ResolvedUri]]:
        """The URIs of a number; those of a number that a tel URI names stand before that URI."""
        is_first = not self._asked
        self._asked.add(str(number))
        domain = to_domain(number, apex)
        follows = self._follow and is_first
        services = [*wanted, *_TEL_SERVICES] if wanted is not None and follows else wanted
        # Made first: services that are none are told before anybody is asked.
        walk = Walk.of_number(str(number), domain, services=services, mode=mode)
        # Whoever asks is to know that there was no answer; further on, there is a way around.
        moves = yield from self._walked(walk, str(number), str(number) if is_first else None)
        found = self._known.get((domain.rstrip(".").lower(), "NAPTR"), _Found())
        if found.rcode is not None:
            self._answered.add(str(number))
        if found.rcode == "NXDOMAIN":
            self._absent.add(str(number))
        uris: list[ResolvedUri] = []
        for move, ttl in moves:
            given = [name for name in move["services"] if _is_wanted(name, wanted)]
            # RFC 4694 §5.1: what portability says was found out before.
            rest = [name for name in given if not _is_of_pstn(name)]
            if "npdi" in tel.parameters and given and not rest:
                reason = "it tells of portability, which was asked for before (npdi)"
                passed_over = {"step": "passed-over", "record": move["record"], "code": "npdi"}
                self._steps.append({**passed_over, "reason": reason, "about": str(number)})
                continue
            given = rest if "npdi" in tel.parameters else given
            output = move["uri"]
            leads_to = _tel(output)
            if follows and leads_to is not None and (other := self._other_number(leads_to)):
                uris += yield from self.of_number(other, wanted, leads_to, apex=apex, mode=mode)
            if not given:
                continue
            uri = output
            servers: tuple[ResolvedServer, ...] = ()
            if leads_to is not None and leads_to.number in self._answered:
                uri = _with_enumdi(leads_to)
            elif self._follow and re.match("sips?:", output, re.IGNORECASE):
                servers = yield from self._servers_of(output)
            record = Naptr.parse(move["record"])
            uris.append(ResolvedUri(uri, tuple(given), ttl, str(number), record, output, servers))
        return uris

    def of_service(self, domain: str, walk: Walk) -> Asking[Discovery]:
        """The servers and URIs that a walk from a domain's service finds."""
        moves = [move for move, _ in (yield from self._walked(walk, domain, domain))]
        return Discovery(
            domain,
            _servers(move for move in moves if "address" in move),
            tuple(move["uri"] for move in moves if "uri" in move),
            tuple(self._failures),
            tuple(self._steps),
        )

    def _other_number(self, tel: TelUri) -> Number | None:
        """The number of a tel URI that is to be asked for too: not twice, and not without end."""
        if "enumdi" in tel.parameters or not (tel.is_global and tel.is_usable):
            return None
        if tel.number in self._asked or len(self._asked) >= MAX_NUMBERS:
            return None
        try:
            return Number(tel.number)
        except NumberError:
            return None

    def _servers_of(self, uri: str) -> Asking[tuple[ResolvedServer, ...]]:
        if self._is_full:
            return ()
        try:
            walk = Walk.of_sip(uri, self._transports, seed=secrets.randbits(64))
        except UriError as fault:
            self._steps.append({"step": "stopped", "why": str(fault), "about": uri})
            return ()
        found = yield from self._walked(walk, uri)
        return _servers(one for one, _ in found)

    def _walked(
        self, walk: Walk, about: str, must: str | None = None
    ) -> Asking[list[tuple[dict[str, Any], int]]]:
        """Takes a walk to its end; what it found, each with the least TTL that was met by then.

        If *must* is given, no answer to the walk's first question is an error.
        """
        moves: list[tuple[dict[str, Any], int]] = []
        how: list[tuple[str, ...]] = []
        ttls: list[int] = []
        while (move := walk.step()) is not None:
            if "ask" not in move:
                moves.append((move, min(ttls, default=0)))
                continue
            found = yield from self._find(move["ask"], move["type"], None if how else must)
            how.append(found.how)
            if found.ttl is not None:
                ttls = [min([*ttls, found.ttl])]
            walk.answer(found.records)
        told = iter(how)
        for step in walk.steps:
            if step["step"] == "asked":
                step["how"] = [*next(told)]
            self._steps.append({**step, "about": about})
        return moves

    def _find(self, name: str, kind: str, must: str | None = None) -> Asking[_Found]:
        """The records of a name and type; none if no server says, which is an error for *must*."""
        key = (name.rstrip(".").lower(), kind)
        if key in self._known:
            return replace(self._known[key], how=("known from before",))
        if self._is_full:
            return _Found(how=(f"not asked: {MAX_QUESTIONS} questions were asked already",))
        native = yield name, _TYPES[kind]
        if native is not None and (must is not None or native.end_name == "closed"):
            outcome = outcome_of(native, self._servers)
            if must is not None and outcome.rcode not in _ANSWERS:
                raise refusal(must, outcome)
        elif native is None and must is not None:
            raise ClientTimeoutError(f"{must}: no server answered before the deadline")
        found = self._known[key] = self._taken(name, kind, native)
        if self._is_full:
            self._failures.append(f"nothing was asked after {MAX_QUESTIONS} questions")
        return found

    @property
    def _is_full(self) -> bool:
        return len(self._known) >= MAX_QUESTIONS

    def _taken(self, name: str, kind: str, native: _native.Outcome | None) -> _Found:
        if native is None:
            return self._failed(name, kind, "there was no time left")
        try:
            outcome = outcome_of(native, self._servers)
        except ClientError as error:
            return self._failed(name, kind, str(error))
        reply = outcome.reply
        if outcome.rcode not in _ANSWERS:
            extended = [f"extended error {code} {text}".rstrip() for code, text in reply.extended]
            failures = outcome.failures or (f"{outcome.server}: {outcome.rcode}",)
            return self._failed(name, kind, "; ".join([*dict.fromkeys(failures), *extended]))
        rows: list[tuple[int, Any]]
        match kind:
            case "NAPTR":
                rows = [*reply.records]
            case "SRV":
                rows = [(ttl, tuple(row)) for ttl, *row in reply.servers]
            case _:
                rows = [*reply.addresses]
        age = int(outcome.cached or 0)
        least = min((ttl for ttl, _ in rows), default=None)
        how = [] if outcome.rcode == "NOERROR" else [outcome.rcode]
        how.append(f"{outcome.server} {outcome.transport}")
        if outcome.cached is not None:
            how.append(f"kept for {age} s")
        return _Found(
            [record for _, record in rows],
            None if least is None else max(0, least - age),
            (*how, *outcome.failures),
            outcome.rcode,
        )

    def _failed(self, name: str, kind: str, why: str) -> _Found:
        self._failures.append(f"{name} {kind}: {why}")
        return _Found(how=(why,))


# ---------- What is read -------------------------------------------------------------------------


def _read(number: str | int | Number | TelUri) -> TelUri:
    """A number as a tel URI; one that is given as such keeps its parameters.

    Raises:
        NumberError: it is no E.164 number.
        UriError: its parameters cannot be read.
    """
    if isinstance(number, str) and re.match("tel:.*;", number, re.IGNORECASE):
        number = TelUri(number)
    if isinstance(number, TelUri):
        Number(number.number)
        return number
    read = number if isinstance(number, Number) else Number(number, msisdn=True)
    return TelUri(f"tel:{read}")


def _services(service: str | Iterable[str] | None) -> list[str] | None:
    """The services that are wanted; written as in a record they are meant all the same."""
    if service is None:
        return None
    named = [service] if isinstance(service, str) else list(service)
    return [re.sub("^E2U[+]", "", name, flags=re.IGNORECASE).lower() for name in named] or None


def _is_wanted(service: str, wanted: list[str] | None) -> bool:
    """Whether a service is one of those: one that is wanted without subtypes is so with any."""
    if wanted is None:
        return True
    kind, *subtypes = service.lower().split(":")
    return any(
        kind == name and set(needed) <= set(subtypes)
        for name, *needed in (one.split(":") for one in wanted)
    )


def _is_of_pstn(service: str) -> bool:
    return service.lower().partition(":")[0] == "pstn"


def _servers(moves: Iterable[dict[str, Any]]) -> tuple[ResolvedServer, ...]:
    return tuple(
        ResolvedServer(one["host"], one["address"], one["port"], tuple(one["protocols"]))
        for one in moves
    )


def _tel(uri: str) -> TelUri | None:
    try:
        return TelUri(uri)
    except UriError:
        return None


def _with_enumdi(tel: TelUri) -> str:
    return str(tel) if "enumdi" in tel.parameters else str(TelUri(f"{tel};enumdi"))
