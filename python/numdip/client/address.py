"""Where servers listen, and which ones the system asks."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ..errors import ClientError

__all__ = ["ServerAddress", "read_servers", "resolved"]

_RESOLV_CONF = "/etc/resolv.conf"


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


def read_servers(
    servers: str | ServerAddress | Iterable[str | ServerAddress] | None,
) -> tuple[ServerAddress, ...]:
    """The servers that a caller names; ``None`` are the resolvers of the system.

    Raises:
        ClientError: none is named, or one is no address.
    """
    if servers is None:
        found = _system_servers()
    elif isinstance(servers, str | ServerAddress):
        found = [servers]
    else:
        found = list(servers)
    read = tuple(
        server if isinstance(server, ServerAddress) else ServerAddress.parse(server)
        for server in found
    )
    if not read:
        raise ClientError("no server to ask; name at least one")
    return read


def _system_servers() -> list[str | ServerAddress]:
    try:
        with open(_RESOLV_CONF, encoding="utf-8", errors="replace") as file:
            lines = [line.split() for line in file]
    except OSError as error:
        raise ClientError(
            f"{_RESOLV_CONF}: {error.strerror}; name the servers to ask instead"
        ) from error
    return [ServerAddress(words[1]) for words in lines if words[:1] == ["nameserver"] and words[1:]]


def resolved(servers: Sequence[ServerAddress]) -> tuple[list[tuple[ServerAddress, str]], list[str]]:
    """For each server its socket address as text, and why some have none."""
    found: list[tuple[ServerAddress, str]] = []
    failures: list[str] = []
    for server in servers:
        try:
            options = socket.getaddrinfo(
                server.host, server.port, type=socket.SOCK_DGRAM, proto=socket.IPPROTO_UDP
            )
        except OSError as error:
            failures.append(f"{server}: {error.strerror or error}")
            continue
        family, _, _, _, address = options[0]
        host, port = str(address[0]), int(address[1])
        if family == socket.AF_INET6:
            host = host.split("%", 1)[0]
            scope = f"%{address[3]}" if len(address) > 3 and address[3] else ""
            found.append((server, f"[{host}{scope}]:{port}"))
        else:
            found.append((server, f"{host}:{port}"))
    return found, failures
