"""Asks ENUM servers over the network, in order, with fail-over.

:func:`ask` sends one question by UDP, turns to TCP where an answer was too long, and to the next
server where one is silent, unreachable or refuses. The octets are the extension's
(:class:`~numdip._native.Exchange`); here are only sockets and clocks.
"""

from __future__ import annotations

import re
import secrets
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from . import Number
from ._native import Exchange, Reply
from .errors import ClientError, ClientTimeoutError

__all__ = ["Outcome", "ServerAddress", "ask"]

#: Octets; more than any UDP response that was asked for with EDNS (RFC 6891 §6.2.5).
_LARGEST_DATAGRAM = 65535


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """Where an ENUM server listens."""

    host: str
    port: int = 53

    @classmethod
    def parse(cls, text: str) -> ServerAddress:
        """Read ``192.0.2.1``, ``192.0.2.1:5300``, ``2001:db8::1``, ``[2001:db8::1]:53`` or a name.

        Raises:
            ClientError: *text* is none of these.
        """
        if text.count(":") > 1 and not text.startswith("["):
            return cls(text)
        match = re.fullmatch(r"(?:\[([^\]]+)\]|([^:\[\]\s]+))(?::([0-9]{1,5}))?", text)
        port = int(match[3] or 53) if match else 0
        if match is None or not 1 <= port <= 65535:
            raise ClientError(
                f'"{text}": expected a server such as 192.0.2.1, 192.0.2.1:5300 or [2001:db8::1]:53'
            )
        return cls(match[1] or match[2], port)

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a question: the first usable reply, or else the last that was a refusal."""

    #: ``NOERROR``, ``NXDOMAIN``, ``REFUSED``, ``SERVFAIL``, …
    rcode: str
    reply: Reply
    server: ServerAddress
    transport: Literal["udp", "tcp"]
    #: Milliseconds from this server's first octet asked to its last octet read.
    milliseconds: float
    #: What servers did that gave no answer, in order, a phrase each.
    failures: tuple[str, ...] = ()


def ask(  # noqa: C901 - one loop over servers and what each may do
    number: str | int | Number,
    servers: Sequence[ServerAddress],
    *,
    apex: str = "e164.arpa",
    timeout: float = 1.0,
    deadline: float = 5.0,
    edns: bool = True,
) -> Outcome:
    """Ask *servers* in order for the records of *number*.

    NOERROR and NXDOMAIN are answers and end the search. Other response codes, silence and
    unreachable servers lead to the next; silent ones are asked again, in turn, until the deadline.
    If no server answers but one refused or failed, its reply is the outcome: see ``rcode``.

    Args:
        number: E.164 number.
        servers: at least one; the first is asked first.
        apex: the domain that the digits hang from.
        timeout: seconds to wait for one server.
        deadline: seconds for the whole question.
        edns: send an OPT record (RFC 6891). A server that answers FORMERR or NOTIMP to it is asked
            once more without.

    Raises:
        ClientTimeoutError: no server replied before the deadline.
        ClientError: no server was named, or none can be reached.
        NumberError, DomainError: *number* or *apex* are none.
    """
    if not servers:
        raise ClientError("no server to ask; name at least one")
    # Errors in number and apex are told before anything is sent.
    Exchange(number, apex=apex, message_id=0, edns=edns)
    end = time.monotonic() + deadline
    refused: Outcome | None = None
    failures: list[str] = []
    silent = list(servers)
    timed_out = False
    while silent and time.monotonic() < end:
        still_silent = []
        for server in silent:
            if time.monotonic() >= end:
                break
            attempt = _Attempt(server, min(end, time.monotonic() + timeout))
            try:
                outcome = attempt.ask(number, apex, edns)
                if edns and outcome.rcode in ("FORMERR", "NOTIMP"):
                    outcome = attempt.ask(number, apex, edns=False)
            except TimeoutError:
                timed_out = True
                failures.append(f"{server}: no answer within {timeout:g} s")
                still_silent.append(server)
            except OSError as error:
                failures.append(f"{server}: {error.strerror or error}")
            else:
                if outcome.rcode in ("NOERROR", "NXDOMAIN"):
                    return replace(outcome, failures=tuple(failures))
                failures.append(f"{server}: {outcome.rcode}")
                refused = outcome
        silent = still_silent
    if refused is not None:
        return replace(refused, failures=tuple(failures))
    kind = ClientTimeoutError if timed_out else ClientError
    raise kind("; ".join(dict.fromkeys(failures)))


class _Attempt:
    """One server, until one point in time."""

    def __init__(self, server: ServerAddress, end: float) -> None:
        self._server = server
        self._end = end
        self._start = time.monotonic()

    def ask(self, number: str | int | Number, apex: str, edns: bool) -> Outcome:
        """One question; raises TimeoutError or another OSError where no reply comes."""
        family, address = self._address()
        # RFC 5452 §9.2: an answer cannot be forged by who cannot guess id and source port.
        exchange = Exchange(number, apex=apex, message_id=secrets.randbelow(65536), edns=edns)
        reply = self._by_udp(exchange, family, address)
        transport: Literal["udp", "tcp"] = "udp"
        if reply.truncated:  # whatever it holds already: RFC 2181 §9
            reply = self._by_tcp(exchange, family, address)
            transport = "tcp"
        passed = (time.monotonic() - self._start) * 1000
        return Outcome(reply.rcode, reply, self._server, transport, passed)

    def _address(self) -> tuple[socket.AddressFamily, tuple[str, int]]:
        found = socket.getaddrinfo(
            self._server.host, self._server.port, type=socket.SOCK_DGRAM, proto=socket.IPPROTO_UDP
        )
        family, _, _, _, address = found[0]
        return family, address  # type: ignore[return-value]

    def _by_udp(
        self, exchange: Exchange, family: socket.AddressFamily, address: tuple[str, int]
    ) -> Reply:
        with socket.socket(family, socket.SOCK_DGRAM) as udp:
            _bind_to_random_port(udp)
            udp.connect(address)  # the kernel drops what comes from elsewhere
            udp.send(exchange.query())
            while True:
                udp.settimeout(self._left())
                reply = exchange.read(udp.recv(_LARGEST_DATAGRAM))
                if reply is not None:
                    return reply

    def _by_tcp(
        self, exchange: Exchange, family: socket.AddressFamily, address: tuple[str, int]
    ) -> Reply:
        query = exchange.query()
        with socket.socket(family, socket.SOCK_STREAM) as tcp:
            tcp.settimeout(self._left())
            tcp.connect(address)
            tcp.sendall(len(query).to_bytes(2, "big") + query)  # RFC 7766 §8: length and message
            length = int.from_bytes(self._read(tcp, 2), "big")
            reply = exchange.read(self._read(tcp, length))
        if reply is None:
            raise ConnectionError("an answer by TCP to another question")
        return reply

    def _read(self, tcp: socket.socket, count: int) -> bytes:
        octets = b""
        while len(octets) < count:
            tcp.settimeout(self._left())
            more = tcp.recv(count - len(octets))
            if not more:
                raise ConnectionError(
                    "the server closed the connection before its answer was whole"
                )
            octets += more
        return octets

    def _left(self) -> float:
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left


def _bind_to_random_port(udp: socket.socket) -> None:
    wildcard = "::" if udp.family == socket.AF_INET6 else "0.0.0.0"  # noqa: S104 - a client's own end
    for _ in range(8):
        try:
            udp.bind((wildcard, 1024 + secrets.randbelow(65536 - 1024)))
        except OSError:  # in use
            continue
        return
    udp.bind((wildcard, 0))
