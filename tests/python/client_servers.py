"""Servers on loopback that behave as told, and the two ways of asking them."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import dns.message
import dns.rcode
import dns.rrset

import numdip
from numdip.client import ServerAddress

NUMBER = "+13392986156"
RECORD = r'10 50 "u" "E2U+pstn:tel" "!^(.*)$!tel:\\1;mcc=310;mnc=012!" .'

Message = dns.message.Message
#: What a server does with a query: it is handed the query and a function that sends octets back.
Does = Callable[[Message, Callable[[bytes], object]], object]


def response(query: Message, rcode: str = "NOERROR", *records: str, flags: int = 0) -> Message:
    made = dns.message.make_response(query)
    made.set_rcode(dns.rcode.from_text(rcode))
    made.flags |= flags
    if records:
        owner = query.question[0].name
        made.answer.append(dns.rrset.from_text(owner, 3, "IN", "NAPTR", *records))
    return made


def answer(query: Message, send: Callable[[bytes], object]) -> None:
    send(response(query, "NOERROR", RECORD).to_wire())


def silence(query: Message, send: Callable[[bytes], object]) -> None:
    pass


def says(rcode: str, *records: str) -> Does:
    return lambda query, send: send(response(query, rcode, *records).to_wire())


class Loopback:
    """A UDP and TCP server on one port; ``tcp`` gets the connection itself."""

    def __init__(
        self,
        udp: Does = answer,
        tcp: Callable[[Message, socket.socket], object] | None = None,
        port: int = 0,
    ) -> None:
        self._tcp = socket.create_server(("127.0.0.1", port))
        self.port = self._tcp.getsockname()[1]
        self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self._udp.bind(("127.0.0.1", self.port))
        self.udp, self.tcp = udp, tcp
        self.queries: list[Message] = []
        self.octets: list[bytes] = []
        self.sources: set[tuple[str, int]] = set()
        self._connections: list[socket.socket] = []
        self._threads = [
            threading.Thread(target=serve) for serve in (self._datagrams, self._streams)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def address(self) -> ServerAddress:
        return ServerAddress("127.0.0.1", self.port)

    def _datagrams(self) -> None:
        while True:
            octets, source = self._udp.recvfrom(65535)
            if not octets:
                return
            query = dns.message.from_wire(octets)
            self.octets.append(octets)
            self.queries.append(query)
            self.sources.add(source)
            self.udp(query, lambda made, source=source: self._udp.sendto(made, source))  # type: ignore[misc]

    def send_from_elsewhere(self, octets: bytes) -> None:
        """Sends to whoever asked last, from another port."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            for source in self.sources:
                other.sendto(octets, source)

    def _streams(self) -> None:
        while True:
            connection, _ = self._tcp.accept()
            self._connections.append(connection)
            with suppress(OSError, struct.error):
                head = connection.recv(2)
                if not head:
                    return
                query = dns.message.from_wire(connection.recv(*struct.unpack("!H", head)))
                self.queries.append(query)
                if self.tcp is None:
                    connection.close()
                else:
                    self.tcp(query, connection)

    def close(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
            end.sendto(b"", ("127.0.0.1", self.port))
        socket.create_connection(("127.0.0.1", self.port)).close()
        for thread in self._threads:
            thread.join()
        for connection in [*self._connections, self._udp, self._tcp]:
            connection.close()


# ---------- One call, made either way ------------------------------------------------------------

Call = Callable[..., Any]


def blocking(method: str, *args: Any, servers: list[Any], **options: Any) -> Any:
    with numdip.Client(servers, **options) as client:
        return getattr(client, method)(*args)


def awaited(method: str, *args: Any, servers: list[Any], **options: Any) -> Any:
    async def run() -> Any:
        async with numdip.AsyncClient(servers, **options) as client:
            call: Awaitable[Any] = getattr(client, method)(*args)
            return await call

    return asyncio.run(run())
