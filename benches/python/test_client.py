"""What a client's questions cost, against our own server on loopback.

The server has a processor of its own and so has the client. A table's operations a second are
questions (``test_one_at_a_time``), or hundreds of thousands of them (``test_many``); beside the
latter the record has how many there were for each second of the client's processor time, which
says the same on a machine that does other things too.
"""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

import numdip
from conftest import MOBILE

#: Questions of a round.
QUESTIONS = 100_000


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """A server of the bundled plan on the last processor; we keep to the first."""
    processors = sorted(os.sched_getaffinity(0))
    command = [sys.executable, "-m", "numdip", "serve", "--listen", "127.0.0.1:0"]
    pinned = ["taskset", "-c", str(processors[-1]), *command]
    with subprocess.Popen(pinned, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        ready = process.stdout.readline()
        port = re.search(r":(\d+)", ready)
        assert port, ready
        os.sched_setaffinity(0, processors[:1])
        yield f"127.0.0.1:{port[1]}"
        os.sched_setaffinity(0, processors)
        process.terminate()


def numbers(count: int) -> list[int]:
    rng = random.Random(5)
    return [int(f"{rng.choice(MOBILE)}{rng.randrange(10**8):08}") for _ in range(count)]


@pytest.mark.parametrize("in_flight", [100, 500, 1000, 4000])
def test_many(benchmark: BenchmarkFixture, server: str, in_flight: int) -> None:
    asked = numbers(QUESTIONS)
    with numdip.Client([server], hedge=False) as client:
        begin = time.process_time()
        rounds = 5
        benchmark.pedantic(  # type: ignore[no-untyped-call]
            client.lookup_many, (asked,), {"in_flight": in_flight}, rounds=rounds, iterations=1
        )
        seconds = time.process_time() - begin
        assert client.servers[0].asked < QUESTIONS * rounds * 1.01, "questions were lost"
    benchmark.extra_info["questions for a second of processor time"] = rounds * QUESTIONS / seconds


#: One that the bundled plan knows: an answer that may be kept.
KNOWN = "+13392986156"


def test_one_at_a_time(benchmark: BenchmarkFixture, server: str) -> None:
    with numdip.Client([server]) as client:
        assert benchmark(client.lookup, KNOWN).mnc == "012"


def test_kept(benchmark: BenchmarkFixture, server: str) -> None:
    with numdip.Client([server], cache=10) as client:
        assert benchmark(client.lookup, KNOWN).mnc == "012"
