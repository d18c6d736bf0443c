"""What an answer costs as the plan grows: ``numdip serve`` over several snapshots, in turn.

``python benches/peers/growth.py [-o DIR] [--rounds N] NAME=FOLDER…``, each folder as
``benches/python/ported_data.py`` writes it, with ``plan.snap`` built from it. All are served at
once from huge pages, one worker each on one CPU; the load asks one after the other by UDP from
four sockets and judges every answer. Then the first plan again with one worker for each CPU and
fewer, on all CPUs, the load's own among them: what an answer costs must stay, or workers hinder
each other. Writes ``growth.json`` and prints two tables.
"""

from __future__ import annotations

import argparse
import array
import dataclasses
import json
import os
import platform
import subprocess
import tempfile
from typing import Any

import numdip
import plans
from measure import SCENARIOS, UDP, loaded, summary
from servers import KINDS, ROOT, Server

QUESTIONS = 1_000_000
#: Many sockets, which the kernel spreads over the workers.
MANY = SCENARIOS[1]


def main() -> None:
    options = argparse.ArgumentParser(description="Measures numdip serve over growing plans.")
    options.add_argument("folders", nargs="+", metavar="NAME=FOLDER")
    options.add_argument("-o", "--output", default=os.path.join(ROOT, "benches", "record"))
    options.add_argument("--rounds", type=int, default=6)
    given = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="numdip-growth-") as work:
        named = [named.partition("=")[::2] for named in given.folders]
        prepared = [prepare(name, folder, os.path.join(work, name)) for name, folder in named]
        (numdip_kind,) = (kind for kind in KINDS if kind.name == "numdip")
        servers = [Server(numdip_kind, plan, plan.folder) for plan in prepared]
        try:
            starts = [server.wait() for server in servers]
            runs: list[list[dict[str, Any]]] = [[] for _ in servers]
            for _ in range(given.rounds):
                for server, said in zip(servers, runs, strict=True):
                    said.append(loaded(server, *UDP.options(), seconds=1.0))
        finally:
            for server in servers:
                server.stop()
        workers = [by_workers(prepared[0], count, given.rounds, work) for count in worker_counts()]
    rows = [
        {
            "plan": plan.name,
            "ported": plan.count,
            "start_s": start,
            "cpu_us": summary([run["cpu_us"] for run in said]),
            "qps": summary([run["qps"] for run in said]),
            "lost": sum(run["lost"] for run in said),
        }
        for plan, start, said in zip(prepared, starts, runs, strict=True)
    ]
    record = {
        "commit": output("git", "rev-parse", "--short=12", "HEAD"),
        "kernel": platform.release(),
        "rows": rows,
        "workers": workers,
    }
    with open(os.path.join(given.output, "growth.json"), "w") as file:
        json.dump(record, file, indent=1)
        file.write("\n")
    for row in rows:
        cpu: dict[str, float] = row["cpu_us"]
        micros = f"{cpu['median']:.2f} µs ({cpu['low']:.2f} to {cpu['high']:.2f})"
        print(f"{row['plan']:20} {row['ported']:>13,} {micros}")


def worker_counts() -> list[int]:
    return list(range(1, (os.cpu_count() or 1) + 1))


def by_workers(plan: plans.Plan, count: int, rounds: int, work: str) -> dict[str, Any]:
    """Throughput and CPU time for an answer with so many workers on all CPUs."""
    (kind,) = (kind for kind in KINDS if kind.name == "numdip")

    def command(plan: plans.Plan, folder: str, port: int) -> list[str]:
        words = kind.command(plan, folder, port)
        with open(words[-1]) as file:
            text = file.read()
        with open(words[-1], "w") as file:
            file.write(text.replace("workers = 1", f"workers = {count}"))
        return words

    folder = os.path.join(work, f"workers-{count}")
    server = Server(dataclasses.replace(kind, command=command), plan, folder)
    try:
        server.wait()
        for thread in os.listdir(f"/proc/{server.process.pid}/task"):
            os.sched_setaffinity(int(thread), range(os.cpu_count() or 1))
        runs = [loaded(server, *MANY.options(), seconds=1.0) for _ in range(rounds)]
    finally:
        server.stop()
    row: dict[str, Any] = {
        "workers": count,
        "cpu_us": summary([run["cpu_us"] for run in runs]),
        "qps": summary([run["qps"] for run in runs]),
        "server_busy": summary([run["busy_share"] for run in runs]),
    }
    print(
        f"{count} workers: {row['qps']['median']:,.0f} queries/s, {row['cpu_us']['median']:.2f} µs"
    )
    return row


def prepare(name: str, source: str, folder: str) -> plans.Plan:
    """Questions for a snapshot, with what it says itself by a look-up as what is to be answered."""
    os.makedirs(folder)
    snapshot = os.path.join(os.path.abspath(source), "plan.snap")
    os.symlink(snapshot, os.path.join(folder, "plan.snap"))
    db = numdip.open(snapshot)
    with open(os.path.join(source, "sample.bin"), "rb") as file:
        numbers = array.array("Q", file.read(8 * QUESTIONS))
    # A small plan has fewer numbers than are asked: they come again.
    numbers = (numbers * -(-QUESTIONS // len(numbers)))[:QUESTIONS]
    networks: dict[tuple[str, str], int] = {}
    names = []
    expected = []
    for number in numbers:
        answer = db.lookup(number)
        known = (answer.mcc, answer.mnc) if answer and answer.mcc and answer.mnc else None
        names.append(plans.domain(str(number)))
        expected.append("-" if known is None else str(networks.setdefault(known, len(networks))))
    answers = [plans.answer(place, *network) for network, place in networks.items()]
    plans.write(folder, "queries", [*answers, *plans.joined(names, expected)])
    probe = next(number for number, place in zip(numbers, expected, strict=True) if place != "-")
    found = db.lookup(probe)
    assert found is not None
    assert found.mcc is not None
    assert found.mnc is not None
    count = db.stats()["ported"]
    return plans.Plan(name, folder, count, str(probe), (found.mcc, found.mnc), "", "")


def output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


if __name__ == "__main__":
    main()
