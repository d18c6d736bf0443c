"""numdip's server beside NSD, Knot, BIND, PowerDNS and reflectors; writes the record and its page.

``python benches/peers/peers.py [--quick] [--numbers N] [--only NAME…] [-o DIR]``, with numdip
installed in the same environment. One worker each, servers on one CPU and the load on another, in
interleaved rounds; every answer is judged. ``--quick`` takes fewer and shorter rounds and a tenth
of the numbers, for a look, and writes to target/peers.

What is missing is installed with apt-get if this runs as root; otherwise it is said and nothing
runs.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from typing import Any

import measure
import page
import plans
from measure import SCENARIOS, UDP, median, say
from numdip.plan import build
from servers import FLOORS, KINDS, LOAD_CPU, ROOT, Kind, Server, which

LOAD = os.path.join(ROOT, "benches", "load", "Cargo.toml")


@dataclass(frozen=True)
class Effort:
    """How long everything takes."""

    numbers: int
    rounds: int
    seconds: float
    latency_rounds: int
    overload: float
    #: Overload of the peers, which need no proof.
    overload_peers: float
    #: Measurements that may be made again because other programs disturbed them.
    again: int


FULL = Effort(1_000_000, 5, 1.3, 2, 60.0, 15.0, 60)
QUICK = Effort(100_000, 2, 0.4, 1, 10.0, 3.0, 10)
PREFIXES = 35_000


def main() -> None:
    options = argparse.ArgumentParser(description="Measures DNS servers beside each other.")
    options.add_argument("--quick", action="store_true", help="at most five minutes, for a look")
    options.add_argument("--numbers", type=lambda text: int(float(text)), help="1e6 or the like")
    options.add_argument("--only", nargs="+", metavar="NAME", help="servers by name, not all")
    options.add_argument("-o", "--output", metavar="DIR", help="benches/record, or target/peers")
    options.add_argument("--note", default="", help="a sentence for the record")
    given = options.parse_args()
    effort = QUICK if given.quick else FULL
    if (os.cpu_count() or 1) < 2:
        options.error("a server and its load need a CPU each; this machine has one")
    kinds = [k for k in KINDS if not given.only or k.name.lower() in map(str.lower, given.only)]
    install(kinds)
    say("building the load and the reflectors")
    subprocess.run(
        ["cargo", "build", "--quiet", "--release", "--locked", "--manifest-path", LOAD], check=True
    )
    os.sched_setaffinity(0, {LOAD_CPU})
    folder = tempfile.mkdtemp(prefix="numdip-peers-")
    try:
        results = measured(kinds, effort, given.numbers or effort.numbers, folder, given.quick)
    finally:
        shutil.rmtree(folder)
    about = circumstances(kinds)
    if results["dnsperf"]:
        about["versions"]["dnsperf"] = results["dnsperf"][0]["version"]
    record = {**about, "quick": given.quick, "note": given.note, **results}
    # A look never takes the place of the record.
    place = ("target", "peers") if given.quick else ("benches", "record")
    output = given.output or os.path.join(ROOT, *place)
    os.makedirs(output, exist_ok=True)
    with open(os.path.join(output, "peers.json"), "w") as file:
        json.dump(rounded(record), file, indent=1, ensure_ascii=False)
        file.write("\n")
    print(page.written(record, output, "peers"))
    say(f"done: {os.path.relpath(output)}/peers.md")


def measured(
    kinds: list[Kind], effort: Effort, numbers: int, folder: str, quick: bool
) -> dict[str, Any]:
    say("making the plans")
    ported = plans.numbers(os.path.join(folder, "numbers"), numbers)
    prefixes = plans.prefixes(os.path.join(folder, "prefixes"), PREFIXES)
    empty = plans.write_empty(os.path.join(folder, "empty"))
    for plan in (ported, prefixes, empty):
        build(plan.sources, plan.snapshot)

    again = iter(range(effort.again))
    starts = []
    running: list[Server] = []
    try:
        for kind in [*kinds, *FLOORS]:
            server, start = started(kind, ported, empty, folder)
            running.append(server)
            if start is not None:
                starts.append(start)
        rows = measure.throughput(running, effort.rounds, effort.seconds, again)
        servers = [server for server in running if not server.kind.floor]
        say("latency")
        latency = measure.latencies(
            servers, rows, effort.latency_rounds, effort.seconds, quick=quick
        )
        say("dnsperf")
        checked = [measure.by_dnsperf(server, max(effort.seconds, 1)) for server in servers]
        overloads: list[dict[str, Any]] = []
        reloads: list[dict[str, Any]] = []
        for server in servers:
            best = median(rows, server, UDP, "qps")
            say(f"overload and reload: {server.kind.name}")
            own = server.kind.name == "numdip"
            seconds = effort.overload if own else effort.overload_peers
            overloads.append(measure.overload(server, seconds))
            reloads.append(measure.reload(server, best, 1 + len(reloads)))
    finally:
        for server in running:
            server.stop()

    running = []
    try:
        for kind in [*kinds, *FLOORS]:
            server = Server(kind, prefixes, os.path.join(folder, f"prefixes {kind.name}"))
            running.append(server)
            server.wait()
        say("prefixes")
        wild = measure.throughput(running, effort.rounds, effort.seconds, again)
    finally:
        for server in running:
            server.stop()
    return {
        "numbers": ported.count,
        "prefixes": prefixes.count,
        "rounds": effort.rounds,
        "seconds": effort.seconds,
        "throughput": {"numbers": rows, "prefixes": wild},
        "start": starts,
        "latency": latency,
        "dnsperf": [row for row in checked if row is not None],
        "overload": overloads,
        "reload": reloads,
        "scenarios": {s.name: asdict(s) for s in SCENARIOS},
    }


def started(
    kind: Kind, plan: plans.Plan, empty: plans.Plan, folder: str
) -> tuple[Server, dict[str, Any] | None]:
    """A server that answers, and how long that took and what memory."""
    place = os.path.join(folder, kind.name)
    nothing = 0 if kind.floor else measure.empty_octets(kind, empty, f"{place} empty")
    server = Server(kind, plan, place)
    seconds = server.wait()
    if kind.floor:
        return server, None
    octets = server.usage().octets
    say(f"{kind.name} answers after {seconds:.2f} s")
    start = {
        "server": kind.name,
        "seconds": seconds,
        "octets": octets,
        "octets_empty": nothing,
        "octets_each": (octets - nothing) / plan.count,
    }
    return server, start


# ---------- Circumstances ------------------------------------------------------------------------


def install(kinds: list[Kind]) -> None:
    """Installs the packages that are missing, or says which they are and ends."""
    missing = [p for k in kinds if k.program and which(k.program) is None for p in k.packages]
    if which("dnsperf") is None:
        missing.append("dnsperf")
    if not missing:
        return
    packages = list(dict.fromkeys(missing))
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        sys.exit(f"missing: {', '.join(packages)}; as root: apt-get install {' '.join(packages)}")
    say(f"installing {', '.join(packages)}")
    # A package's daemon shall not start: Debian asks this program whether it may.
    policy, ours = "/usr/sbin/policy-rc.d", False
    if not os.path.exists(policy):
        with open(policy, "w") as file:
            file.write("#!/bin/sh\nexit 101\n")
        os.chmod(policy, 0o755)
        ours = True
    quietly = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    try:
        for command in (["update"], ["install", "-y", "--no-install-recommends", *packages]):
            subprocess.run(
                ["apt-get", "-qq", *command], check=True, env=quietly, stdout=subprocess.DEVNULL
            )
    finally:
        if ours:
            os.unlink(policy)


def circumstances(kinds: list[Kind]) -> dict[str, Any]:
    """What the numbers hold for."""
    with open("/proc/cpuinfo") as file:
        cpu = next((line.split(": ", 1)[1] for line in file if line.startswith("model name")), "")
    versions = {kind.name: version(kind.version) for kind in kinds if kind.version}
    versions["rustc"] = version(("rustc", "--version"))
    changed = said("git", "-C", ROOT, "status", "--porcelain", "--", "rust", "python")
    return {
        "date": dt.datetime.now(dt.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "commit": said("git", "-C", ROOT, "rev-parse", "--short=12", "HEAD").strip(),
        "changed": bool(changed),
        "cpu": cpu.strip(),
        "cpus": os.cpu_count(),
        "kernel": platform.release(),
        "load_average": round(os.getloadavg()[0], 2),
        "versions": versions,
    }


def version(command: tuple[str, ...]) -> str:
    """The first word with a point between digits that a program says of itself."""
    words = said(which(command[0]) or command[0], *command[1:]).replace(",", " ").split()
    return next((w.strip("()") for w in words if w[:1].isdigit() and "." in w), "unknown")


def said(*command: str) -> str:
    return subprocess.run(
        command, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ).stdout


def rounded(value: Any) -> Any:
    """Numbers with as many digits as mean something."""
    if isinstance(value, float):
        return float(f"{value:.5g}")
    if isinstance(value, dict):
        return {key: rounded(inner) for key, inner in value.items()}
    return [rounded(inner) for inner in value] if isinstance(value, list) else value


if __name__ == "__main__":
    main()
