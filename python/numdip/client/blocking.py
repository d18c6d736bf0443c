"""The client for callers that wait."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar

from .. import Number, Table, TelUri
from .address import ServerAddress
from .answer import NetworkAnswer, Outcome, judged, outcome_of
from .options import Base
from .resolution import Discovery, Resolution
from .resolving import Asking, Mode

__all__ = ["Client", "ask"]

_T = TypeVar("_T")


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

    def resolve(
        self,
        number: str | int | Number | TelUri,
        service: str | Iterable[str] | None = None,
        *,
        follow: bool = False,
        transports: Iterable[str] = ("udp", "tcp", "tls"),
        mode: Mode = "posix",
    ) -> Resolution:
        """The URIs of *number*, in the order in which to try them (RFC 6116 §5.2).

        Records that lead on to other names are followed for five of them, and no name is asked for
        twice (RFC 6116 §5.2.1). All of it together takes the client's *deadline* at most. Names
        are asked of the client's servers alone, so these have to know them or find them out; what
        an alias leads to counts if it is in the same answer.

        With *follow* URIs are followed too. A SIP URI leads to its servers (RFC 3263 §4). A tel URI
        of another number leads to the URIs of that number, which then stand before it, once and
        no further; its service, ``voice:tel``, need not be wanted for that.

        A tel URI with ``enumdi`` is not asked for (RFC 4759), neither *number* nor one that is
        found; what says that portability was asked for, ``npdi``, makes records of the service
        ``pstn`` be left alone (RFC 4694 §5.1).

        Args:
            number: E.164 number, or a tel URI whose parameters say what was done before.
            service: the enumservice wanted, such as ``sip`` or ``voice:tel``, or several. ``None``:
                all but private ones.
            follow: also find SIP URIs' servers, and the URIs of numbers that tel URIs name.
            transports: of SIP, the one liked best first: ``udp``, ``tcp``, ``tls``, ``sctp``,
                ``tls-sctp``, ``ws``, ``wss``.
            mode: whose idea of a regular expression: POSIX, or what others would do.

        Raises:
            NumberError, DomainError, UriError: *number* is none, or too long for the apex.
            NaptrError: *service* is none.
            ConfigError: a transport is unknown.
            ClientTimeoutError, ClientRefusedError, ClientServerFailureError, ClientResponseError,
            ClientError: as for :meth:`lookup`, if there is no answer for the number. If there is
                none further on, :attr:`Resolution.failures` has it.
        """
        self._asker()
        return self._driven(self._resolving(number, service, follow, transports, mode))

    def discover(
        self, domain: str, service: str, protocols: Iterable[str] = (), *, uris: bool = False
    ) -> Discovery:
        """Where *domain* has a service, by S-NAPTR (RFC 3958), or by U-NAPTR too (RFC 4848).

        Names, aliases and the deadline are as for :meth:`resolve`.

        Args:
            domain: a domain, such as that of an address that a number resolves to.
            service: the application service, such as ``EM`` or ``LoST``.
            protocols: the application protocols that the caller speaks; none: any.
            uris: also take records that give URIs.

        Raises:
            NaptrError: *service* or *protocols* are none.
            DomainError: *domain* is none.
            ClientTimeoutError, ClientRefusedError, ClientServerFailureError, ClientResponseError,
            ClientError: as for :meth:`lookup`, if there is no answer for *domain*.
        """
        self._asker()
        return self._driven(self._discovering(domain, service, protocols, uris))

    def _driven(self, asking: Asking[_T]) -> _T:
        """Asks what is to be asked, until there is a result or the deadline has passed."""
        asker = self._asker()
        end = time.monotonic() + self._deadline
        try:
            question = next(asking)
            while True:
                left = end - time.monotonic()
                question = asking.send(asker.ask_name(*question, left) if left > 0 else None)
        except StopIteration as done:
            result: _T = done.value
            return result

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
