"""CPU time and memory of a process and all its children, from /proc."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass
from typing import Self


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
    """CPU time of all threads that a process has had, in nanoseconds; 0 if it is gone."""
    # The clock that clock_getcpuclockid(3) names for a process: Linux encodes the id as this.
    try:
        return time.clock_gettime((~pid << 3) | 2)
    except OSError:
        return 0.0


def octets(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/smaps_rollup") as file:
            return sum(int(line.split()[1]) * 1024 for line in file if line.startswith("Pss:"))
    except OSError:
        return 0


def machine_seconds() -> float:
    """CPU time that everything on this machine has used."""
    with open("/proc/stat") as file:
        user, nice, system, _idle, _iowait, irq, softirq, steal, *_ = map(
            int, file.readline().split()[1:]
        )
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


class Peak:
    """The most memory that a process and its children had while this was entered."""

    def __init__(self, pid: int, every: float = 0.25) -> None:
        self._pid = pid
        self._every = every
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.octets = 0

    def __enter__(self) -> Self:
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
