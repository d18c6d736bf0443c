"""The client for callers that wait."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from types import TracebackType
from typing import Any, Self

from .. import Number, Table
from .address import ServerAddress
from .answer import NetworkAnswer, Outcome, judged, outcome_of
from .options import Base

__all__ = ["Client", "ask"]


class Client(Base):
    """Asks ENUM servers, for any number of threads at once.

    One thread of its own and one pool of sockets do all the talking. It may be kept for as long as
    a program runs, and knows by then which servers are quick, dead, or take no EDNS::

        with numdip.Client(["192.0.2.1", "192.0.2.2"]) as client:
            answer = client.lookup("+13392986156")
    """

    def lookup(self, number: str | int | Number) -> NetworkAnswer | None:
        """The network that serves *number*; ``None`` if it does not exist or has no records.

        Args:
            number: E.164 number; digits without a ``+`` are taken as international.

        Raises:
            NumberError, DomainError: *number* is none, or too long for the apex.
            ClientTimeoutError: no server answered in time.
            ClientRefusedError, ClientServerFailureError: they answered REFUSED or SERVFAIL.
            ClientResponseError: they answered with another response code that is no answer.
            ClientRecordError: records came that cannot be read.
            ClientError: no server can be reached, or the client was closed.
        """
        read = _read(number)
        return judged(read, self._asker().ask(read), self._servers, lenient=self.lenient)

    def ask(self, number: str | int | Number) -> Outcome:
        """The reply as it is, whatever its response code, with all its records.

        NOERROR and NXDOMAIN are answers and end the search. Other response codes, silence and
        unreachable servers lead to the next; silent ones are asked again, in turn, until the
        deadline. If no server answers but one refused or failed, its reply is the outcome.

        Raises:
            NumberError, DomainError: *number* is none, or too long for the apex.
            ClientTimeoutError: no server replied in time.
            ClientError: no server can be reached, or the client was closed.
        """
        read = _read(number)
        return outcome_of(self._asker().ask(read), self._servers)

    def lookup_many(
        self,
        numbers: Any,
        *,
        in_flight: int = 1000,
        progress: Callable[[int], None] | None = None,
    ) -> Table:
        """Look up many numbers, thousands at a time; a row for each, in their order.

        No row is an error: column ``outcome`` says ``found``, ``nodata``, ``nxdomain``,
        ``refused``, ``servfail``, ``failed`` (another response code), ``unreadable``, ``timeout``,
        ``unreachable`` or ``invalid`` (no number). The others are ``rcode``, ``mcc``, ``mnc``,
        ``spid``, ``rn``, ``rn_context``, ``npdi``, ``output`` (URI or pairs), ``ttl``, ``server``,
        ``milliseconds``, ``lenient`` and ``detail``.

        Args:
            numbers: an Arrow column or any iterable, as :meth:`Snapshot.lookup_many` takes them.
            in_flight: questions without an answer at any time.
            progress: called some times a second with how many rows have an outcome.

        Raises:
            ClientError: the client was closed.
            TypeError: *numbers* cannot be a column of numbers.
        """
        return self._ask_many(numbers, in_flight, progress)

    def close(self) -> None:
        """End the client; whoever still waits gets a :class:`ClientError`."""
        self._stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def _read(number: str | int | Number) -> Number:
    return number if isinstance(number, Number) else Number(number, msisdn=True)


def ask(
    number: str | int | Number,
    servers: Sequence[ServerAddress] | Iterable[str | ServerAddress],
    *,
    apex: str = "e164.arpa",
    timeout: float = 1.0,
    deadline: float = 5.0,
    edns: bool = True,
) -> Outcome:
    """Ask *servers* in order for the records of *number*, once; see :meth:`Client.ask`.

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
    with Client(
        servers,
        apex=apex,
        timeout=timeout,
        deadline=deadline,
        hedge=False,
        edns="remember" if edns else False,
    ) as client:
        return client.ask(number)
