"""The client for event loops."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any, Self, TypeVar

from .. import Number, Table, TelUri, _native
from ..errors import ClientError
from .answer import NetworkAnswer, Outcome, judged, outcome_of
from .blocking import _read
from .options import Base
from .resolution import Discovery, Resolution
from .resolving import Asking, Mode

__all__ = ["AsyncClient"]

_T = TypeVar("_T")


class AsyncClient(Base):
    """Asks ENUM servers for coroutines; what it does is what :class:`Client` does.

    The talking is that client's, thread and pool of sockets included; the loop is told when there
    are outcomes. A call that is cancelled takes its question back::

        async with numdip.AsyncClient(["192.0.2.1", "192.0.2.2"]) as client:
            answers = await asyncio.gather(*map(client.lookup, numbers))
    """

    _loop: asyncio.AbstractEventLoop | None = None
    _watched: int = -1

    def __init__(self, *args: Any, **options: Any) -> None:
        """See :class:`Client`."""
        super().__init__(*args, **options)
        self._waiting: dict[int, asyncio.Future[_native.Outcome | None]] = {}

    async def lookup(self, number: str | int | Number) -> NetworkAnswer | None:
        """The network that serves *number*; see :meth:`Client.lookup`."""
        read = _read(number)
        native = await self._outcome(read)
        return judged(read, native, self._servers, lenient=self.lenient)

    async def ask(self, number: str | int | Number) -> Outcome:
        """The reply as it is; see :meth:`Client.ask`."""
        native = await self._outcome(_read(number))
        return outcome_of(native, self._servers)

    async def resolve(
        self,
        number: str | int | Number | TelUri,
        service: str | Iterable[str] | None = None,
        *,
        follow: bool = False,
        transports: Iterable[str] = ("udp", "tcp", "tls"),
        mode: Mode = "posix",
    ) -> Resolution:
        """The URIs of *number*; see :meth:`Client.resolve`."""
        self._attached()
        return await self._driven(self._resolving(number, service, follow, transports, mode))

    async def discover(
        self, domain: str, service: str, protocols: Iterable[str] = (), *, uris: bool = False
    ) -> Discovery:
        """Where *domain* has a service; see :meth:`Client.discover`."""
        self._attached()
        return await self._driven(self._discovering(domain, service, protocols, uris))

    async def _driven(self, asking: Asking[_T]) -> _T:
        end = time.monotonic() + self._deadline
        try:
            name, rtype = next(asking)
            while True:
                outcome = await self._outcome_of_name(name, rtype, end - time.monotonic())
                name, rtype = asking.send(outcome)
        except StopIteration as done:
            result: _T = done.value
            return result

    async def lookup_many(
        self,
        numbers: Any,
        *,
        in_flight: int = 1000,
        progress: Callable[[int], None] | None = None,
    ) -> Table:
        """Look up many; see :meth:`Client.lookup_many`. *progress* is called in a thread."""
        is_cancelled = False

        def told(done: int) -> None:
            if is_cancelled:
                raise asyncio.CancelledError
            if progress is not None:
                progress(done)

        try:
            return await asyncio.to_thread(self._ask_many, numbers, in_flight, told)
        finally:
            is_cancelled = True

    async def _outcome(self, number: Number) -> _native.Outcome:
        asker = self._attached()
        return await self._completed(asker, asker.submit(number))

    async def _outcome_of_name(
        self, name: str, rtype: int, seconds: float
    ) -> _native.Outcome | None:
        """What came within some seconds; ``None``: nothing, and the question was given up."""
        if seconds <= 0:
            return None
        asker = self._attached()
        try:
            async with asyncio.timeout(seconds):
                return await self._completed(asker, asker.submit_name(name, rtype))
        except TimeoutError as error:
            if isinstance(error, ClientError):
                raise
            return None

    async def _completed(
        self, asker: _native.Asker, submitted: _native.Outcome | int
    ) -> _native.Outcome:
        if not isinstance(submitted, int):
            return submitted
        assert self._loop is not None  # noqa: S101 - it was attached just now
        future: asyncio.Future[_native.Outcome | None] = self._loop.create_future()
        self._waiting[submitted] = future
        try:
            outcome = await future
        finally:
            if self._waiting.pop(submitted, None) is not None:
                asker.cancel(submitted)
        if outcome is None:
            raise ClientError("the client was closed")
        return outcome

    def _attached(self) -> _native.Asker:
        """The asker, whose outcomes the running loop collects."""
        asker = self._asker()
        loop = asyncio.get_running_loop()
        if self._loop is not loop or self._watched != asker.fileno():
            if self._loop is not None and self._loop is not loop and not self._loop.is_closed():
                raise ClientError("the client belongs to another event loop: make one for each")
            self._detach()
            self._waiting.clear()
            self._loop, self._watched = loop, asker.fileno()
            loop.add_reader(self._watched, self._collect)
        return asker

    def _collect(self) -> None:
        if self._started is not None:
            self._hand_out(self._started[1])

    def _hand_out(self, asker: _native.Asker) -> None:
        for number, outcome in asker.completed():
            future = self._waiting.pop(number, None)
            if future is not None and not future.done():
                future.set_result(outcome)

    def _detach(self) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.remove_reader(self._watched)
        self._loop, self._watched = None, -1

    async def aclose(self) -> None:
        """End the client; whoever still waits gets a :class:`ClientError`."""
        asker = self._stop()
        self._detach()
        if asker is not None:
            self._hand_out(asker)
        self._waiting.clear()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()
