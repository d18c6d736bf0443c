"""What tests of a running server ask it."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import dns.message
import dns.query
import dns.rcode

import numdip
from conftest import PATIENCE, Served

__all__ = ["ACL", "EXAMPLE", "ask", "mnc_served", "query", "rcode_of", "udp_client"]

EXAMPLE = "+13392986156"
#: A second client beside loopback's first address.
ACL = """
[[acl.client]]
name = "second"
networks = ["127.0.0.2/32"]
"""


def query(number_or_name: str, rdtype: str = "NAPTR", **options: object) -> dns.message.Message:
    name = number_or_name
    if name.startswith("+"):
        name = numdip.to_domain(name)
    return dns.message.make_query(name, rdtype, use_edns=False, **options)  # type: ignore[arg-type]


def ask(
    served: Served,
    message: dns.message.Message,
    *,
    host: str = "127.0.0.1",
    tcp: bool = False,
    source: str | None = None,
) -> dns.message.Message:
    port = dict(served.addresses)[host]
    exchange = dns.query.tcp if tcp else dns.query.udp
    return exchange(message, host, timeout=PATIENCE, port=port, source=source)


def rcode_of(response: dns.message.Message) -> str:
    return dns.rcode.to_text(response.rcode())


def mnc_served(served: Served, number: str = EXAMPLE) -> str:
    """What the server answers for a number: its MNC, or the response code."""
    response = ask(served, query(number))
    if not response.answer:
        return rcode_of(response)
    [record] = response.answer[0]
    return bytes(record.regexp).rpartition(b";mnc=")[2].rstrip(b"!").decode()


@contextmanager
def udp_client(served: Served, source: str | None = None) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        if source is not None:
            client.bind((source, 0))
        client.settimeout(PATIENCE)
        client.connect(("127.0.0.1", served.port))
        yield client
