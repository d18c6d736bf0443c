"""What both clients share: how they ask, and the thread that does it."""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal

from .. import Number, Table, TelUri
from .._native import Asker
from ..errors import ClientError, ConfigError
from .address import ServerAddress, read_servers, resolved
from .resolution import Discovery, Resolution
from .resolving import TRANSPORTS, Asking, Mode, Way, discovering, resolving

__all__ = ["Base", "ServerState"]


@dataclass(frozen=True, slots=True)
class ServerState:
    """What a client knows of a server."""

    server: ServerAddress
    #: Whether it is asked; a server that is not alive is only probed, until it answers.
    alive: bool
    #: 95 of the last 100 answers came within this; ``None`` while there are too few.
    p95_milliseconds: float | None
    #: Whether it takes EDNS; ``None``: not known.
    edns: bool | None
    #: Whether it gave a cookie.
    cookie: bool
    #: Questions sent to it, and answers that came.
    asked: int
    answered: int


class Base:
    """Options, and the native asker, which is started by the first question."""

    def __init__(
        self,
        servers: str | ServerAddress | Iterable[str | ServerAddress] | None = None,
        *,
        apex: str = "e164.arpa",
        timeout: float = 0.5,
        deadline: float = 2.0,
        balance: bool = False,
        hedge: bool = True,
        edns: bool | Literal["remember"] = "remember",
        cookies: bool = True,
        mixed_case: bool = False,
        lenient: bool = False,
        rate: float | None = None,
        cache: int = 0,
    ) -> None:
        """Takes the options; nothing is sent and no name is looked up before the first question.

        Args:
            servers: addresses such as ``192.0.2.1`` or ``[2001:db8::1]:5300``, the primary first.
                ``None``: the resolvers of the system, for trees that are public.
            apex: the domain that the digits hang from.
            timeout: seconds to wait for one server.
            deadline: seconds for a whole question, all servers and tries.
            balance: begin each question with another server, instead of the first that answers.
            hedge: ask the next server too once one has taken longer than 95 of 100 answers do.
            edns: whether queries have an OPT record; ``"remember"``: unless the server was found
                not to take it (some suppliers refuse every additional record).
            cookies: send DNS cookies (RFC 7873), against forged answers; they need EDNS.
            mixed_case: send letters in random case, which answers must repeat, for the same reason.
            lenient: read answers whose escapes are doubled; see :attr:`NetworkAnswer.lenient`.
            rate: questions a second that each server is asked at most.
            cache: how many answers are kept for their TTL; 0: none.

        Raises:
            ClientError: no server is named, or one is no address.
            ConfigError: a number is out of its range.
        """
        self._named = read_servers(servers)
        for name, value in (("timeout", timeout), ("deadline", deadline)):
            _check(name, value, 0.001 <= value <= 3600, "seconds from 0.001 to 3600")
        _check("rate", rate, rate is None or (rate > 0 and math.isfinite(rate)), "more than 0")
        _check("cache", cache, 0 <= cache <= 100_000_000, "from 0 to 100,000,000")
        #: The domain that the digits hang from.
        self.apex = apex
        #: Whether answers with doubled escapes are read.
        self.lenient = lenient
        self._options: dict[str, Any] = {
            "apex": apex,
            "timeout": timeout,
            "deadline": deadline,
            "hedge": hedge,
            "balanced": balance,
            "edns": None if edns == "remember" else edns,
            "cookies": cookies,
            "mixed_case": mixed_case,
            "rate": rate,
            "cache": cache,
        }
        self._deadline = deadline
        self._lock = threading.Lock()
        self._started: tuple[int, Asker] | None = None
        self._servers: list[ServerAddress] = []
        self._closed = False
        #: What was known at the end.
        self._last: list[ServerState] = []

    @property
    def servers(self) -> list[ServerState]:
        """What is known of each server; the last that was, once the client is closed."""
        started = self._started
        # A thread does not live on in a child, and may have held a lock when the child began.
        if started is None or started[0] != os.getpid():
            unknown = [ServerState(s, True, None, None, False, 0, 0) for s in self._named]
            return self._last or unknown
        return [
            ServerState(
                server,
                state["alive"],
                None if state["p95"] is None else state["p95"] * 1000,
                state["edns"],
                state["cookie"],
                state["asked"],
                state["answered"],
            )
            for server, state in zip(self._servers, started[1].states(), strict=True)
        ]

    def _asker(self) -> Asker:
        """The native asker of this process: threads do not live on in a child."""
        started = self._started
        if started is not None and started[0] == os.getpid() and not self._closed:
            return started[1]
        with self._lock:
            if self._closed:
                raise ClientError("the client was closed")
            if self._started is None or self._started[0] != os.getpid():
                found, failures = resolved(self._named)
                if not found:
                    raise ClientError("; ".join(failures))
                self._servers = [server for server, _ in found]
                try:
                    asker = Asker([address for _, address in found], **self._options)
                except OSError as error:
                    raise ClientError(f"cannot start: {error.strerror or error}") from error
                self._started = (os.getpid(), asker)
            return self._started[1]

    def _resolving(
        self,
        number: str | int | Number | TelUri,
        service: str | Iterable[str] | None,
        follow: bool,
        transports: Iterable[str],
        mode: Mode,
    ) -> Asking[Resolution]:
        way = Way(self._servers, follow=follow, transports=transports)
        return resolving(number, service, way=way, apex=self.apex, mode=mode)

    def _discovering(
        self,
        domain: str,
        service: str,
        protocols: Iterable[str],
        uris: bool,
    ) -> Asking[Discovery]:
        way = Way(self._servers, follow=False, transports=TRANSPORTS)
        return discovering(domain, service, protocols, way=way, uris=uris)

    def _stop(self) -> Asker | None:
        """Ends the thread; the asker, which may have outcomes, keeps descriptors until it goes."""
        with self._lock:
            self._closed = True
            started = self._started
            self._last = self.servers
            self._started = None
        if started is None or started[0] != os.getpid():
            return None
        started[1].close()
        return started[1]

    def _ask_many(
        self, numbers: Any, in_flight: int, progress: Callable[[int], None] | None
    ) -> Table:
        _check("in_flight", in_flight, 1 <= in_flight <= 50_000, "from 1 to 50,000")
        asker = self._asker()
        table = asker.ask_many(
            numbers,
            window=in_flight,
            lenient=self.lenient,
            servers=[str(server) for server in self._servers],
            progress=progress,
        )
        if table is None:
            raise ClientError("the client was closed")
        return table


def _check(name: str, value: object, is_right: bool, expected: str) -> None:
    if not is_right:
        raise ConfigError(f"{name}: found {value}, expected {expected}", [(name, expected)])
