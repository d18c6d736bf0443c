"""Measurements of running servers; every one asks with ``load``, which judges every answer."""

from __future__ import annotations

import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import plans
from numdip.plan import build
from processes import Peak, machine_seconds
from servers import LOAD_CPU, PATIENCE, PROGRAMS, Kind, Server

#: Shares of the rate that a server reaches: where latency is measured.
SHARES = (0.1, 0.25, 0.5, 0.75, 0.9)
QUICK_SHARES = (0.25, 0.5, 0.75)
HALF = 0.5
#: Queries a second while a server reloads, or half of what it can do if that is less: at half, the
#: slower ones would take minutes.
RELOADING = 20_000.0
OVERLOAD = 3
#: CPU time of other programs during a measurement, as a share of one CPU, above which it is made
#: again.
DISTURBED = 0.05


@dataclass(frozen=True)
class Scenario:
    """A way of asking."""

    name: str
    sockets: int
    window: int
    tcp: bool = False
    #: Queries leave coalesced (UDP_SEGMENT).
    coalesced: bool = False

    def options(self) -> list[str]:
        words = ["--sockets", str(self.sockets), "--window", str(self.window)]
        ways = {"--tcp": self.tcp, "--segment": self.coalesced}
        return [*words, *(word for word, taken in ways.items() if taken)]


#: Four busy sockets; many with few queries each; four connections; four sockets whose queries
#: travel together. As many under way in all: three quarters of the 256 that a socket's usual buffer
#: holds, since the kernel gives room back a quarter at a time.
SCENARIOS = [
    Scenario("udp-4", 4, 48),
    Scenario("udp-64", 64, 3),
    Scenario("tcp-4", 4, 48, tcp=True),
    Scenario("udp-4-coalesced", 4, 48, coalesced=True),
]
UDP, TCP = SCENARIOS[0], SCENARIOS[2]


def summary(values: list[float]) -> dict[str, float]:
    return {"median": statistics.median(values), "low": min(values), "high": max(values)}


def loaded(server: Server, *options: str, seconds: float) -> dict[str, Any]:
    """What ``load`` says, with the CPU time that the server took for an answer."""
    children, started = os.times(), time.monotonic()
    before, all_before = server.usage(), machine_seconds()
    with begun(server, *options, seconds=seconds) as process:
        output, _ = process.communicate()
    said = understood(server, process, output)
    spent = server.usage().cpu_seconds - before.cpu_seconds
    said["cpu_us"] = spent * 1e6 / max(said["answered"], 1)
    said["busy_share"] = spent / said["seconds"]
    now = os.times()
    ours = now.children_user + now.children_system + now.user + now.system
    ours -= children.children_user + children.children_system + children.user + children.system
    others = machine_seconds() - all_before - spent - ours
    said["others_share"] = max(others, 0) / (time.monotonic() - started)
    return said


def begun(server: Server, *options: str, seconds: float) -> subprocess.Popen[str]:
    queries = server.plan.reflected if server.kind.floor else server.plan.queries
    address = ["--server", f"127.0.0.1:{server.port}", "--queries", queries]
    place = ["--first", str(server.first), "--cpu", str(LOAD_CPU), "--seconds", str(seconds)]
    return subprocess.Popen(
        [os.path.join(PROGRAMS, "load"), *address, *place, *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def understood(server: Server, process: subprocess.Popen[str], output: str) -> dict[str, Any]:
    """The load's object; wrong answers end the whole run, since its figures would mean nothing."""
    if process.returncode == 2:
        raise RuntimeError(f"{server.kind.name}: the load failed")
    said: dict[str, Any] = json.loads(output)
    server.first = (server.first + said["sent"]) % plans.QUERIES
    if said["wrong"]:
        raise RuntimeError(f"{server.kind.name}: {said['wrong']} wrong answers: {said['examples']}")
    return said


# ---------- Throughput ---------------------------------------------------------------------------


def throughput(
    servers: list[Server], rounds: int, seconds: float, again: Iterator[int]
) -> list[dict[str, Any]]:
    """Every server in every scenario, in turn, over and over; once more for each of *again*."""
    said: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for number in range(rounds):
        # Another one begins each round, so that none always follows the same.
        turn = number % len(servers)
        for server in servers[turn:] + servers[:turn]:
            for scenario in SCENARIOS:
                if server.kind.tcp if scenario.tcp else server.kind.udp:
                    one = loaded(server, *scenario.options(), seconds=seconds)
                    if one["others_share"] > DISTURBED and next(again, None) is not None:
                        other = loaded(server, *scenario.options(), seconds=seconds)
                        one = min(one, other, key=lambda run: run["others_share"])
                    said.setdefault((server.kind.name, scenario.name), []).append(one)
        say(f"round {number + 1} of {rounds}")
    for (name, way), runs in said.items():
        say(f"{name}, {way}: {statistics.median(run['cpu_us'] for run in runs):.2f} µs")
    return [
        {
            "server": name,
            "floor": name.startswith("reflector"),
            "scenario": scenario,
            "qps": summary([run["qps"] for run in runs]),
            "cpu_us": summary([run["cpu_us"] for run in runs]),
            "server_busy": summary([run["busy_share"] for run in runs]),
            "others": summary([run["others_share"] for run in runs]),
            "load_idle": summary([run["idle_share"] for run in runs]),
            "answered": sum(run["answered"] for run in runs),
            "lost": sum(run["lost"] for run in runs),
        }
        for (name, scenario), runs in said.items()
    ]


def median(rows: list[dict[str, Any]], server: Server, scenario: Scenario, key: str) -> float:
    found = (r for r in rows if (r["server"], r["scenario"]) == (server.kind.name, scenario.name))
    return float(next(found)[key]["median"])


# ---------- Latency ------------------------------------------------------------------------------


def latencies(
    servers: list[Server], rows: list[dict[str, Any]], rounds: int, seconds: float, *, quick: bool
) -> list[dict[str, Any]]:
    """Latency at shares of the rate that each server reaches, from when each query was due."""
    said: dict[tuple[str, str, float], list[dict[str, Any]]] = {}
    for _ in range(rounds):
        for server in servers:
            for scenario in (UDP, TCP):
                best = median(rows, server, scenario, "qps")
                shares = QUICK_SHARES if quick else SHARES
                for share in (HALF,) if scenario.tcp else shares:
                    rate = ["--rate", f"{best * share:.0f}"]
                    one = loaded(server, *scenario.options(), *rate, seconds=seconds)
                    said.setdefault((server.kind.name, scenario.name, share), []).append(one)
    return [
        {
            "server": name,
            "scenario": scenario,
            "share": share,
            "qps": summary([run["qps"] for run in runs]),
            "lost": sum(run["lost"] for run in runs),
            "latency_us": {
                at: summary([run["latency_us"][at] for run in runs])
                for at in ("p10", "p50", "p90", "p99", "p99.9")
            },
        }
        for (name, scenario, share), runs in said.items()
    ]


# ---------- Overload -----------------------------------------------------------------------------


def overload(server: Server, seconds: float) -> dict[str, Any]:
    """Three times what the server has just done, with no regard to what comes back."""
    # The machine's speed drifts: what it could do minutes ago is no measure.
    best = loaded(server, *UDP.options(), seconds=2)["qps"]
    before = server.usage().octets
    rate = ["--rate", f"{OVERLOAD * best:.0f}", "--segment", "--patience", "1"]
    with Peak(server.process.pid) as peak:
        said = loaded(server, *UDP.options(), *rate, seconds=seconds)
    return {
        "server": server.kind.name,
        "seconds": seconds,
        "offered_qps": said["offered_qps"],
        "offered": said["offered_qps"] / best,
        "qps": said["qps"],
        "share_of_peak": said["qps"] / best,
        "octets_before": before,
        "octets_peak": peak.octets,
        "octets_after": server.usage().octets,
    }


# ---------- Reload -------------------------------------------------------------------------------


def reload(server: Server, best: float, change: int) -> dict[str, Any]:
    """One number's network is changed while the server is asked for others."""
    network = (str(980 + change), plans.MOVED[1])
    started = time.monotonic()
    if server.kind.name == "numdip":
        plans.write_change(server.plan, network)
        build(server.plan.sources, server.plan.snapshot)
    else:
        plans.write_change(server.plan, network, serial=1 + change)
    built = time.monotonic() - started
    before = server.usage().octets
    asked_for = min(best * HALF, RELOADING)
    rate = ["--rate", f"{asked_for:.0f}", "--until-eof"]
    process = begun(server, *UDP.options(), *rate, seconds=PATIENCE)
    with Peak(server.process.pid) as peak:
        time.sleep(1.5)
        asked = time.monotonic()
        server.reload()
        seconds = server.wait_for(network, every=0.005) - asked
        time.sleep(1.0)
    output, _ = process.communicate()
    said = understood(server, process, output)
    return {
        "server": server.kind.name,
        "prepared_seconds": built,
        "seconds": seconds,
        "rate": asked_for,
        "longest_gap_ms": said["longest_gap_ms"],
        "sent": said["sent"],
        "lost": said["lost"],
        "octets_before": before,
        "octets_peak": peak.octets,
        "octets_after": server.usage().octets,
    }


# ---------- Memory -------------------------------------------------------------------------------


def empty_octets(kind: Kind, plan: plans.Plan, folder: str) -> int:
    """What a server takes with nothing to serve."""
    server = Server(kind, plan, folder)
    server.wait()
    time.sleep(0.2)
    octets = server.usage().octets
    server.stop()
    return octets


# ---------- Cross-check --------------------------------------------------------------------------


def by_dnsperf(server: Server, seconds: float) -> dict[str, Any] | None:
    """The same by dnsperf: one thread on the load's CPU, as many sockets and queries under way."""
    program = shutil.which("dnsperf")
    if program is None:
        return None
    before = server.usage().cpu_seconds
    address = ["-s", "127.0.0.1", "-p", str(server.port), "-d", server.plan.names]
    how = ["-c", str(UDP.sockets), "-q", str(UDP.sockets * UDP.window), "-T", "1"]
    said = subprocess.run(
        ["taskset", "-c", str(LOAD_CPU), program, *address, *how, "-l", str(round(seconds) or 1)],
        check=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ).stdout
    spent = server.usage().cpu_seconds - before
    figures = dict(re.findall(r"^ *(Queries [\w ]+): +([0-9.]+)", said, re.MULTILINE))
    answered = float(figures["Queries completed"])
    own = loaded(server, *UDP.options(), seconds=seconds)
    return {
        "server": server.kind.name,
        "version": "".join(re.findall(r"^Version (\S+)", said, re.MULTILINE)),
        "dnsperf_qps": float(figures["Queries per second"]),
        "dnsperf_cpu_us": spent * 1e6 / answered,
        "qps": own["qps"],
        "cpu_us": own["cpu_us"],
    }


def say(text: str) -> None:
    print(f"[{time.monotonic() - STARTED:5.0f} s] {text}", file=sys.stderr, flush=True)


STARTED = time.monotonic()
