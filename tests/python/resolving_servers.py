"""Servers on loopback that answer from record sets, and the two ways to resolve with them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import dns.message
import dns.rdatatype
import dns.rrset

import numdip
from client_servers import Does, Loopback, response
from numdip import Resolution

NUMBER = "+441632960083"
DOMAIN = numdip.to_domain(NUMBER)

#: Resolves in one of the two ways; or, by ``method``, discovers.
Resolves = Callable[..., Resolution]


def blocking(
    *args: Any,
    servers: list[Any],
    of: dict[str, Any] | None = None,
    method: str = "resolve",
    **how: Any,
) -> Any:
    with numdip.Client(servers, **(of or {})) as client:
        return getattr(client, method)(*args, **how)


def awaited(
    *args: Any,
    servers: list[Any],
    of: dict[str, Any] | None = None,
    method: str = "resolve",
    **how: Any,
) -> Any:
    async def run() -> Any:
        async with numdip.AsyncClient(servers, **(of or {})) as client:
            return await getattr(client, method)(*args, **how)

    return asyncio.run(run())


# ---------- Servers ------------------------------------------------------------------------------

Zone = dict[str, list[str]]


def knows(records: Zone, ttl: int = 60) -> Does:
    """Answers from ``{"name TYPE": [data]}``; a name that has nothing does not exist."""
    names = {key.split()[0].lower() for key in records}

    def does(query: dns.message.Message, send: Callable[[bytes], object]) -> None:
        asked = query.question[0]
        name = asked.name.to_text(omit_final_dot=True).lower()
        made = response(query, "NOERROR" if name in names else "NXDOMAIN")
        kind = dns.rdatatype.to_text(asked.rdtype)
        if found := records.get(f"{name} {kind}"):
            made.answer.append(dns.rrset.from_text(asked.name, ttl, "IN", kind, *found))
        send(made.to_wire())

    return does


@contextmanager
def loopback(*does: Does) -> Iterator[list[Loopback]]:
    with ExitStack() as stack:
        servers = [Loopback(one) for one in does]
        for server in servers:
            stack.callback(server.close)
        yield servers


def addresses(servers: list[Loopback]) -> list[Any]:
    return [server.address for server in servers]


def asked(server: Loopback) -> list[str]:
    """The questions that a server got, in order."""
    questions = [query.question[0] for query in server.queries]
    kinds = [dns.rdatatype.to_text(question.rdtype) for question in questions]
    names = [question.name.to_text(omit_final_dot=True).lower() for question in questions]
    return [f"{name} {kind}" for name, kind in zip(names, kinds, strict=True)]


def leads_to(name: str, order: int = 1) -> str:
    return f'{order} 1 "" "" "" {name}.'


def gives(uri: str, service: str = "sip", order: int = 1) -> str:
    return f'{order} 1 "u" "E2U+{service}" "!^.*$!{uri}!" .'


def uris(found: Resolution) -> list[str]:
    return [one.uri for one in found]
