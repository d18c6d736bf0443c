"""Reloads of the server, by signal and by watching: what they take up, and no query lost."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import (
    EXAMPLE_ANSWER,
    EXAMPLE_QUERY,
    PATIENCE,
    PORTED,
    RANGES,
    Served,
)
from server_questions import ACL, EXAMPLE, ask, mnc_served, query, udp_client

Serve = Callable[..., Served]


def test_hangup_takes_up_a_new_plan(
    serve: Serve,
    config: Callable[..., Path],
    snapshot: Path,
    build_snapshot: Callable[..., Path],
) -> None:
    served = serve("--config", config())
    assert mnc_served(served) == "012"
    build_snapshot(snapshot, ported=PORTED.replace("310,012", "310,260"))
    assert mnc_served(served) == "012"  # replaced while mapped: the old one stays whole
    served.send(signal.SIGHUP)
    served.log("reloaded: ")
    assert mnc_served(served) == "260"


def test_hangup_without_configuration_takes_up_the_plan_anew(
    serve: Serve, snapshot: Path, build_snapshot: Callable[..., Path]
) -> None:
    served = serve("--plan", snapshot, "--listen", "127.0.0.1:0")
    build_snapshot(snapshot, ported=PORTED.replace("310,012", "310,260"))
    served.send(signal.SIGHUP)
    served.log("reloaded: ")
    assert mnc_served(served) == "260"


@pytest.mark.parametrize("content", [b"", b"no snapshot", None])
def test_hangup_with_a_broken_plan_serves_on_and_says_why(
    serve: Serve, config: Callable[..., Path], snapshot: Path, content: bytes | None
) -> None:
    served = serve("--config", config())
    snapshot.unlink()
    if content is not None:
        snapshot.write_bytes(content)
    served.send(signal.SIGHUP)
    told = served.log("reload failed, serving on as before: ")
    assert "plan.path: " in told
    assert str(snapshot) in told
    assert mnc_served(served) == "012"


def test_hangup_takes_up_answer_and_access_list(serve: Serve, config: Callable[..., Path]) -> None:
    served = serve("--config", config())
    assert mnc_served(served) == "012"
    config(ACL + "[answer]\nttl = 77\n")
    served.send(signal.SIGHUP)
    served.log("reloaded: ")
    assert mnc_served(served) == "REFUSED"
    assert ask(served, query(EXAMPLE), source="127.0.0.2").answer[0].ttl == 77


@pytest.mark.parametrize(
    ("text", "told"), [("[answer]\nttl = -1", "answer.ttl: found -1"), ("[answer", "not TOML")]
)
def test_hangup_with_a_broken_configuration_serves_on_and_says_why(
    serve: Serve, config: Callable[..., Path], text: str, told: str
) -> None:
    served = serve("--config", config())
    config(text)
    served.send(signal.SIGHUP)
    assert told in served.log("reload failed, serving on as before: ")
    assert mnc_served(served) == "012"
    config("[answer]\nttl = 9")
    served.send(signal.SIGHUP)
    served.log("reloaded: ")
    assert ask(served, query(EXAMPLE)).answer[0].ttl == 9


def test_hangup_says_what_waits_for_the_next_start(
    serve: Serve, config: Callable[..., Path]
) -> None:
    path = config()
    served = serve("--config", path)
    path.write_text(path.read_text().replace("'[::1]:0'", "'127.0.0.2:0'") + "server.workers = 7\n")
    served.send(signal.SIGHUP)
    assert "taken up at the next start" in served.log("server.listen has changed")
    assert "taken up at the next start" in served.log("server.workers has changed")
    assert mnc_served(served) == "012"


def test_options_outlast_a_reload(
    serve: Serve, config: Callable[..., Path], tmp_path: Path, build_snapshot: Callable[..., Path]
) -> None:
    other = build_snapshot(tmp_path / "other.snap", ported=PORTED.replace("310,012", "310,260"))
    served = serve("--config", config(), "--plan", other)
    assert mnc_served(served) == "260"
    served.send(signal.SIGHUP)
    assert str(other) in served.log("reloaded: ")
    assert mnc_served(served) == "260"


def test_reloads_lose_no_query(serve: Serve, config: Callable[..., Path]) -> None:
    served = serve("--config", config())
    with udp_client(served) as client:
        for i in range(200):
            if i % 20 == 0:
                served.send(signal.SIGHUP)
            client.send(EXAMPLE_QUERY)
            assert client.recv(4096) == EXAMPLE_ANSWER
    served.log("reloaded: ")


def test_workers_go_before_the_thread_that_reloads(served: Served) -> None:
    pid = served.process.pid
    end = time.monotonic() + PATIENCE
    workers: set[int] = set()
    nice: dict[tuple[int, str], int] = {}
    # A thread takes its name when it first runs, which may be after the server said it was ready.
    while not workers and time.monotonic() < end:
        for thread in Path(f"/proc/{pid}/task").iterdir():
            name, _, rest = (thread / "stat").read_text().rpartition(")")
            nice[int(thread.name), name.partition("(")[2]] = int(rest.split()[16])
        workers = {value for (_, name), value in nice.items() if name.startswith(("udp-", "tcp-"))}
    ours = os.getpriority(os.PRIO_PROCESS, 0)
    assert workers == {ours}
    of_main = [value for (thread, name), value in nice.items() if thread == pid]
    assert set(of_main) == {min(ours + 10, 19)}


def test_watched_plan_is_taken_up_without_being_told(
    serve: Serve,
    config: Callable[..., Path],
    snapshot: Path,
    build_snapshot: Callable[..., Path],
) -> None:
    served = serve("--config", config("plan.watch = true\n"))
    assert mnc_served(served) == "012"
    build_snapshot(snapshot, ported=PORTED.replace("310,012", "310,260"))
    served.log("reloaded: ")
    assert mnc_served(served) == "260"
    snapshot.unlink()
    served.log("reload failed, serving on as before: ")
    assert mnc_served(served) == "260"
    build_snapshot(snapshot)
    served.log("reloaded: ")
    assert mnc_served(served) == "012"


def test_plan_that_is_not_watched_is_left_alone(
    serve: Serve, snapshot: Path, build_snapshot: Callable[..., Path]
) -> None:
    served = serve("--plan", snapshot, "--listen", "127.0.0.1:0")
    build_snapshot(snapshot, ranges=RANGES, ported=PORTED.replace("310,012", "310,260"))
    assert mnc_served(served) == "012"
    served.stop()
    assert len(served.rest()) == 1  # "stopped", and no reload
