"""Asks an ENUM server for numbers over and over and judges every answer: ``dns_load.py PORT FILE``.

FILE has a line for each number: the number, its MNC before a change of the plan and after it;
``-`` stands for an answer without one. Several sockets keep queries under way. ``started`` is said
once each has had answers; it ends a second after every number was answered as it is after the
change. Then it prints one JSON object: how many queries were sent and answered, how many answers
were wrong, how many told the state before after that number's new state had been told, and when
the first new answer came, by the clock that all processes of a machine share.
"""

from __future__ import annotations

import argparse
import json
import selectors
import socket
import time
from dataclasses import asdict, dataclass, field
from itertools import cycle

import numdip

SOCKETS, UNDER_WAY = 8, 16
#: Seconds that a query may take before it counts as lost.
PATIENCE = 10


@dataclass
class Asked:
    """One number, and what has been told of it."""

    query: bytes
    before: str
    after: str
    is_new: bool = False


@dataclass
class Counts:
    sent: int = 0
    received: int = 0
    wrong: int = 0
    backwards: int = 0
    before: int = 0
    after: int = 0
    #: Numbers whose new state was told.
    numbers: int = 0
    first_new: float | None = None
    seconds: float = 0.0
    #: The longest that a query took.
    slowest: float = 0.0
    examples: list[str] = field(default_factory=list)


class Client:
    """A socket with queries under way, by their ids."""

    def __init__(self, port: int) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.connect(("127.0.0.1", port))
        self.socket.setblocking(False)
        #: What each is for, whether its number's new state was known, and when it was sent.
        self.under_way: dict[int, tuple[Asked, bool, float]] = {}
        self._last_id = 0

    def ask(self, asked: Asked) -> None:
        self._last_id = (self._last_id + 1) % 0x10000
        while self._last_id in self.under_way:
            self._last_id = (self._last_id + 1) % 0x10000
        self.under_way[self._last_id] = (asked, asked.is_new, time.monotonic())
        self.socket.send(self._last_id.to_bytes(2, "big") + asked.query)


def mnc_of(reply: bytes) -> str:
    """The MNC of a reply's only record, or a dash."""
    _, found, rest = reply.rpartition(b";mnc=")
    return rest.partition(b"!")[0].decode() if found else "-"


def load(port: int, numbers: list[Asked], longest: float) -> Counts:
    counts, start = Counts(), time.monotonic()
    turn = cycle(numbers)
    clients = [Client(port) for _ in range(SOCKETS)]
    with selectors.DefaultSelector() as selector:
        for client in clients:
            selector.register(client.socket, selectors.EVENT_READ, client)
            for _ in range(UNDER_WAY):
                client.ask(next(turn))
                counts.sent += 1
        told, end = False, start + longest
        while any(client.under_way for client in clients):
            ready = selector.select(PATIENCE)
            if not ready:
                break
            for key, _ in ready:
                client = key.data
                now = judge(client, counts)
                if counts.numbers == len(numbers):
                    end = min(end, now + 1)
                if now < end:
                    client.ask(next(turn))
                    counts.sent += 1
            if not told and counts.received > SOCKETS * UNDER_WAY:
                print("started", flush=True)
                told = True
    counts.seconds = time.monotonic() - start
    return counts


def judge(client: Client, counts: Counts) -> float:
    """Takes an answer and counts what it is; gives the time."""
    reply = client.socket.recv(4096)
    now = time.monotonic()
    # An answer that nobody asked for is one too many.
    counts.received += 1
    asked, was_new, sent = client.under_way.pop(int.from_bytes(reply[:2], "big"))
    counts.slowest = max(counts.slowest, now - sent)
    mnc = mnc_of(reply)
    if mnc == asked.after:
        counts.after += 1
        if not asked.is_new:
            asked.is_new = True
            counts.numbers += 1
            counts.first_new = counts.first_new or now
        return now
    counts.before += mnc == asked.before
    counts.wrong += mnc != asked.before
    counts.backwards += was_new and mnc == asked.before
    if (was_new or mnc != asked.before) and len(counts.examples) < 5:
        counts.examples.append(f"{mnc}, not {asked.before} or {asked.after}: {reply.hex()}")
    return now


def main() -> None:
    options = argparse.ArgumentParser(description="Asks an ENUM server and judges its answers.")
    options.add_argument("port", type=int)
    options.add_argument("file")
    options.add_argument("--longest", type=float, default=90, help="seconds")
    args = options.parse_args()
    numbers = []
    with open(args.file, encoding="ascii") as lines:
        for number, before, after in map(str.split, lines):
            exchange = numdip._native.Exchange(number, message_id=0, edns=False)  # noqa: SLF001
            numbers.append(Asked(exchange.query()[2:], before, after))
    print(json.dumps(asdict(load(args.port, numbers, args.longest))), flush=True)


if __name__ == "__main__":
    main()
