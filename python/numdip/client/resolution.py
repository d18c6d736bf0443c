"""What a number resolves to: URIs, the best first, and the servers that they lead to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, overload

from .. import Naptr

__all__ = ["Discovery", "Resolution", "ResolvedServer", "ResolvedUri"]


@dataclass(frozen=True, slots=True)
class ResolvedServer:
    """Where a request may be sent: for a SIP URI (RFC 3263 §4), or to a service (RFC 3958)."""

    #: The host that has the address, with its final dot; the address itself if the URI has one.
    host: str
    address: str
    #: ``None``: the one that is usual for the service.
    port: int | None
    #: The transports that it takes, of SIP ``UDP``, ``TCP``, ``TCP/TLS``, …, or a service's
    #: protocols.
    protocols: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Discovery:
    """Where a domain has a service: servers, or URIs where these were asked for."""

    domain: str
    #: The best first.
    servers: tuple[ResolvedServer, ...]
    #: The best first.
    uris: tuple[str, ...]
    #: As in :attr:`Resolution.failures`.
    failures: tuple[str, ...] = ()
    #: As in :attr:`Resolution.steps`.
    steps: tuple[dict[str, Any], ...] = field(default=(), compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class ResolvedUri:
    """A URI that a number resolves to."""

    #: The URI to use. A tel URI of a number that ENUM was asked for carries ``enumdi``, so that
    #: nobody behind us asks once more (RFC 4759).
    uri: str
    #: The enumservices of it that were wanted, such as ``sip`` or ``voice:tel``.
    services: tuple[str, ...]
    #: Seconds for which it may be kept: the least TTL of all that was read on the way to it.
    ttl: int
    #: The number that it was found for, with its ``+``: the one asked for, or one that a tel URI of
    #: that one named.
    number: str
    record: Naptr
    #: What the record's rule gives, as it is.
    output: str
    #: Where to send requests, the best first, if that was asked for and it is a SIP URI.
    servers: tuple[ResolvedServer, ...] = ()


@dataclass(frozen=True, slots=True)
class Resolution(Sequence[ResolvedUri]):
    """The URIs of a number, in the order in which to try them; a sequence, which may be empty."""

    #: The number, with its ``+``.
    number: str
    uris: tuple[ResolvedUri, ...]
    #: The number as a tel URI, to pass a call on with if none of *uris* is of use. It carries
    #: ``enumdi`` if it came with it, or if the number does not exist in ENUM (RFC 4759 §4.2.2), and
    #: not if there were merely no records of use: others may be able to use them.
    tel: str
    #: Questions on the way that no server answered, with why. What they would have led to is
    #: missing, so that another try may find more.
    failures: tuple[str, ...] = ()
    #: What was asked and why each record was used or passed over, a dict each, as ``numdip
    #: resolve`` prints them.
    steps: tuple[dict[str, Any], ...] = field(default=(), compare=False, repr=False)

    @overload
    def __getitem__(self, place: int) -> ResolvedUri: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[ResolvedUri, ...]: ...
    def __getitem__(self, place: int | slice) -> ResolvedUri | tuple[ResolvedUri, ...]:
        return self.uris[place]

    def __len__(self) -> int:
        return len(self.uris)
