"""CPU time and memory of a process and all its children, from /proc."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass


@dataclass(frozen=True)
class Usage:
    """What a server has used so far."""

    cpu_seconds: float
    #: Resident octets; what several processes share counts once.
    octets: int


def usage(pid: int) -> Usage:
    pids = family(pid)
    return Usage(sum(map(cpu_seconds, pids)), sum(map(octets, pids)))


def family(pid: int) -> list[int]:
    """A process and all below it."""
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit() and (fields := stat(int(name))):
            children.setdefault(int(fields[1]), []).append(int(name))
    found = [pid]
    for parent in found:
        found.extend(children.get(parent, []))
    return found


def stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the state on; none if the process is gone."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()
    except OSError:
        return []


def cpu_seconds(pid: int) -> float:
    """CPU time of a process's threads, in nanoseconds where the kernel tells them."""
    try:
        total = 0
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/schedstat") as file:
                total += int(file.read().split()[0])
    except OSError:
        fields = stat(pid)
        return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")
    return total / 1e9


def octets(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/smaps_rollup") as file:
            return sum(int(line.split()[1]) * 1024 for line in file if line.startswith("Pss:"))
    except OSError:
        return 0


class Peak:
    """The most memory that a process and its children had while this was entered."""

    def __init__(self, pid: int, every: float = 0.25) -> None:
        self._pid = pid
        self._every = every
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.octets = 0

    def __enter__(self) -> Peak:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self._look()

    def _watch(self) -> None:
        while not self._over.wait(self._every):
            self._look()

    def _look(self) -> None:
        self.octets = max(self.octets, sum(map(octets, family(self._pid))))
