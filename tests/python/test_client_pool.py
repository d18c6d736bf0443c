"""Many calls at once, dead servers, rates, kept answers: what a client does over time."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

import numdip
from client_servers import NUMBER, Loopback, answer, response, says, silence
from conftest import Served, environment

Start = Callable[..., Loopback]
BuildSnapshot = Callable[..., Any]


@pytest.fixture
def served(serve: Callable[..., Served], snapshot: Any) -> Callable[[], Served]:
    return lambda: serve("--plan", snapshot, "--listen", "127.0.0.1:0")


def address(server: Served) -> str:
    return f"127.0.0.1:{server.port}"


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def threads() -> set[str]:
    names = set()
    for task in os.listdir("/proc/self/task"):
        with open(f"/proc/self/task/{task}/comm", encoding="ascii") as file:
            names.add(file.read().strip())
    return names


# ---------- One pool -----------------------------------------------------------------------------


def test_a_thousand_lookups_at_once_use_one_pool_of_sockets(served: Callable[[], Served]) -> None:
    server = served()

    async def run() -> tuple[list[Any], int]:
        async with numdip.AsyncClient([address(server)]) as client:
            before = descriptors()
            calls = asyncio.gather(*(client.lookup(NUMBER) for _ in range(1000)))
            most = 0
            while not calls.done():
                most = max(most, descriptors() - before)
                await asyncio.sleep(0.001)
            return await calls, most

    found, most = asyncio.run(run())
    assert [answer.mnc for answer in found] == ["012"] * 1000
    assert most <= 20, "sixteen sockets, and what wakes the thread"


def test_threads_share_one_client(served: Callable[[], Served]) -> None:
    server = served()
    with numdip.Client([address(server)]) as client, ThreadPoolExecutor(50) as pool:
        found = list(pool.map(client.lookup, [NUMBER, "+447786852522", "+9990000000"] * 200))
        [state] = client.servers
    assert [answer and answer.mnc for answer in found] == ["012", "15", None] * 200
    assert (state.alive, state.answered) == (True, 600)
    assert state.p95_milliseconds is not None


def test_closing_ends_the_thread_and_its_sockets(start: Start) -> None:
    server = start()
    before = descriptors()
    clients = [numdip.Client([server.address]) for _ in range(5)]
    for client in clients:
        client.lookup(NUMBER)
    assert "numdip-client" in threads()
    for client in clients:
        client.close()
    assert "numdip-client" not in threads()
    assert descriptors() == before
    with pytest.raises(numdip.ClientError, match="closed"):
        clients[0].lookup(NUMBER)
    clients[0].close()
    # Who forgets to close leaves nothing behind either.
    forgotten = numdip.Client([server.address])
    forgotten.lookup(NUMBER)
    del forgotten
    gc.collect()
    assert "numdip-client" not in threads()


def test_closing_tells_who_waits(start: Start) -> None:
    client = numdip.Client([start(silence).address], timeout=30, deadline=60)
    with ThreadPoolExecutor(2) as pool:
        calls: list[Future[Any]] = [
            pool.submit(client.lookup, NUMBER),
            pool.submit(client.lookup_many, [NUMBER]),
        ]
        time.sleep(0.2)
        client.close()
        for call in calls:
            with pytest.raises(numdip.ClientError, match="closed"):
                call.result(10)


def test_a_cancelled_call_leaves_nothing_behind(start: Start) -> None:
    silent, alive = start(silence), start()

    async def run() -> None:
        async with numdip.AsyncClient([silent.address], timeout=30, deadline=60) as client:
            calls = [asyncio.create_task(client.lookup(NUMBER)) for _ in range(100)]
            await asyncio.sleep(0.1)
            asker = client._asker()
            assert asker.open == 100
            for call in calls:
                call.cancel()
            assert len(await asyncio.gather(*calls, return_exceptions=True)) == 100
            # The thread takes them back by itself; the test's time-out is the end.
            while asker.open:  # noqa: ASYNC110
                await asyncio.sleep(0.001)
            assert client._waiting == {}
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(client.lookup_many([NUMBER]), 0.2)
        async with numdip.AsyncClient([alive.address]) as client:
            assert await client.lookup(NUMBER)
        assert "numdip-client" not in threads()

    asyncio.run(run())


def test_a_client_serves_one_event_loop_after_the_other(start: Start) -> None:
    client = numdip.AsyncClient([start().address])
    for _ in range(2):
        found = asyncio.run(client.lookup(NUMBER))
        assert found is not None
    asyncio.run(client.aclose())


def test_a_child_process_has_a_client_of_its_own(start: Start) -> None:
    with numdip.Client([start().address], timeout=5, deadline=20) as client:
        client.lookup(NUMBER)
        child = os.fork()
        if child == 0:
            code = 1
            try:
                # The thread of the parent's client is not here, and must not be waited for.
                found = client.lookup(NUMBER)
                client.close()
                code = 0 if found is not None and found.mnc == "012" else 1
            finally:
                os._exit(code)
        assert os.waitpid(child, 0)[1] == 0
        assert client.lookup(NUMBER)


@pytest.mark.parametrize("call", ["lookup('+1')", "lookup_many(['+1'])"])
def test_an_interrupt_ends_a_call(start: Start, call: str) -> None:
    address = str(start(silence).address)
    code = (
        "import numdip, signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
        f"print(1, flush=True); numdip.Client(['{address}'], timeout=60, deadline=90).{call}"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20)
    assert "KeyboardInterrupt" in errors


# ---------- Dead servers -------------------------------------------------------------------------


def times(client: numdip.Client, count: int) -> list[float]:
    taken = []
    for _ in range(count):
        begin = time.perf_counter()
        assert client.lookup(NUMBER)
        taken.append(1000 * (time.perf_counter() - begin))
    return taken


def test_a_dead_primary_costs_little_once_known_and_is_probed_until_it_answers(
    start: Start,
) -> None:
    primary, backup = start(silence), start()
    with numdip.Client([backup.address]) as client:
        alone = statistics.median(times(client, 100))
    with numdip.Client([primary.address, backup.address], timeout=0.2) as client:
        assert client.lookup(NUMBER)  # now it is known
        assert statistics.median(times(client, 100)) < alone + 20
        assert not client.servers[0].alive
        asked = len(primary.queries)
        assert asked < 10, "it is probed, not asked"
        primary.udp = answer
        end = time.monotonic() + 20
        while not client.servers[0].alive and time.monotonic() < end:
            assert client.lookup(NUMBER)
        found = client.lookup(NUMBER)
        assert found is not None
        assert found.server == primary.address


def test_a_slow_answer_is_hedged(start: Start) -> None:
    primary, backup = start(), start()
    with numdip.Client([primary.address, backup.address], timeout=5, deadline=20) as client:
        times(client, 50)
        primary.udp = silence
        begin = time.monotonic()
        found = client.lookup(NUMBER)
        assert time.monotonic() - begin < 2, "not the time that one server is waited for"
        assert found is not None
        assert found.server == backup.address
        assert found.failures[0].startswith(f"{primary.address}: no answer within")


def test_questions_are_spread_if_that_is_wanted(start: Start) -> None:
    servers = [start() for _ in range(3)]
    with numdip.Client([server.address for server in servers], balance=True) as client:
        times(client, 30)
    assert all(8 <= len(server.queries) <= 14 for server in servers)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "silenced"])
@pytest.mark.parametrize(("balance", "killed"), [(True, 0), (True, 1), (False, 0)])
def test_killing_a_server_under_load_loses_no_question(
    served: Callable[[], Served], balance: bool, killed: int, how: signal.Signals
) -> None:
    servers = [served(), served()]
    with numdip.Client(
        [address(server) for server in servers], rate=10_000, balance=balance
    ) as client:
        killer = threading.Timer(0.5, servers[killed].send, [how])
        killer.start()
        table = client.lookup_many([NUMBER, "+447786852522"] * 10_000)
        killer.join()
        states = client.servers
    assert outcomes(table) == {"found": 20_000}
    assert not states[killed].alive
    assert states[1 - killed].alive


def outcomes(table: Any) -> dict[str, int]:
    pa = pytest.importorskip("pyarrow")
    counted: dict[str, int] = {}
    for word in pa.table(table)["outcome"].to_pylist():
        counted[word] = counted.get(word, 0) + 1
    return counted


# ---------- Rates and kept answers ---------------------------------------------------------------


def test_a_rate_is_kept(start: Start) -> None:
    server = start()
    with numdip.Client([server.address], rate=200) as client:
        begin = time.monotonic()
        client.lookup_many([NUMBER] * 100)
        assert 0.4 < time.monotonic() - begin < 10
        begin = time.monotonic()
        times(client, 20)
        assert time.monotonic() - begin > 0.08
    assert len(server.queries) == 120


def test_answers_are_kept_for_their_ttl(start: Start) -> None:
    server = start()
    with numdip.Client([server.address], cache=2) as client:
        first, second = client.lookup(NUMBER), client.lookup(NUMBER)
        assert first is not None
        assert second is not None
        assert first.cached is None
        assert second.cached is not None
        assert (second.mnc, second.milliseconds) == ("012", 0)
        assert second.ttl <= first.ttl
        assert len(server.queries) == 1
        client.lookup_many([NUMBER] * 10)
        assert len(server.queries) == 1
        for number in ("+1", "+2", NUMBER):  # the oldest has gone
            client.lookup(number)
        assert len(server.queries) == 4


def test_what_may_not_be_kept_is_asked_again(start: Start) -> None:
    for does in (says("NXDOMAIN"), says("REFUSED")):
        server = start(does)
        with numdip.Client([server.address], cache=10) as client:
            for _ in range(2):
                client.ask(NUMBER)
        assert len(server.queries) == 2


def test_absence_is_kept_as_its_soa_says(start: Start) -> None:
    dns_rrset = pytest.importorskip("dns.rrset")

    def absent(query: Any, send: Callable[[bytes], object]) -> None:
        made = response(query, "NXDOMAIN")
        soa = "ns.example. host.example. 1 2 3 4 60"
        made.authority.append(dns_rrset.from_text("e164.arpa.", 3600, "IN", "SOA", soa))
        send(made.to_wire())

    server = start(absent)
    with numdip.Client([server.address], cache=10) as client:
        assert [client.lookup(NUMBER) for _ in range(3)] == [None] * 3
    assert len(server.queries) == 1


# ---------- Many numbers -------------------------------------------------------------------------


def test_rows_come_in_the_order_of_their_numbers(served: Callable[[], Served]) -> None:
    pa = pytest.importorskip("pyarrow")
    server = served()
    numbers = [NUMBER, None, "+9990000000", "no number", "447786852522", "+393400000000"] * 500
    told: list[int] = []
    with numdip.Client([address(server)]) as client:
        table = pa.table(client.lookup_many(pa.array(numbers), progress=told.append))
        by_list = pa.table(client.lookup_many(numbers))
        single = [
            client.lookup(number) if number and number != "no number" else None
            for number in numbers[:6]
        ]
    for column in ("outcome", "mcc", "mnc", "output", "ttl"):
        assert table[column].to_pylist() == by_list[column].to_pylist()
    rows = table.to_pylist()
    expected = ["found", "invalid", "nxdomain", "invalid", "found", "found"]
    assert [row["outcome"] for row in rows] == expected * 500
    for row, found in zip(rows, single, strict=False):
        assert (row["mcc"], row["mnc"]) == ((found.mcc, found.mnc) if found else (None, None))
        assert row["output"] == (found.output if found else None)
    assert {row["server"] for row in rows} == {address(server), None}
    assert told[-1] == 3000
    assert told == sorted(told)


def test_outcomes_are_told_apart_in_tables(start: Start) -> None:
    pa = pytest.importorskip("pyarrow")
    kinds = {
        "nodata": says("NOERROR"),
        "nxdomain": says("NXDOMAIN"),
        "refused": says("REFUSED", r'0 0 "u" "E2U+SIP" "!^(.*)$!sip:\\1@h.example;err=1!" .'),
        "servfail": says("SERVFAIL"),
        "failed": says("NOTAUTH"),
        "unreadable": says("NOERROR", r'0 0 "u" "E2U+SIP" "!^.*$!nothing!" .'),
        "timeout": silence,
    }
    for word, does in kinds.items():
        with numdip.Client([start(does).address], timeout=0.1, deadline=0.2) as client:
            [row] = pa.table(client.lookup_many([NUMBER])).to_pylist()
        assert row["outcome"] == word
        if word == "refused":
            assert row["output"].endswith(";err=1")
        if word in ("unreadable", "timeout"):
            assert row["detail"]


def test_every_number_of_the_plan_is_found_over_the_network(
    served: Callable[[], Served], snapshot: Any
) -> None:
    """What the server's own look-up says is what arrives."""
    pa = pytest.importorskip("pyarrow")
    server = served()
    numbers = [f"+4477868525{n:02}" for n in range(100)] + ["+13392986156", "+1339298615", "+7"]
    db = numdip.open(snapshot)
    with numdip.Client([address(server)], mixed_case=True) as client:
        rows = pa.table(client.lookup_many(numbers)).to_pylist()
    for number, row in zip(numbers, rows, strict=True):
        dip = db.lookup(number)
        is_known = dip is not None and dip.mnc is not None
        assert (row["outcome"] == "found") is is_known
        if dip is not None and is_known:
            assert (row["mcc"], row["mnc"]) == (dip.mcc, dip.mnc)
