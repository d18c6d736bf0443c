"""A network of its own for the programs of a test: loopback, its own name servers, nothing else.

Port 53 is free in it, ``/etc/resolv.conf`` says what the test says, and there is no way out. The
machine keeps its own. Processes are started into it one by one and stopped by their ids.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

#: Seconds after which a test gives up waiting.
PATIENCE = 20
#: The command under test, run from any folder.
NUMDIP = [sys.executable, "-W", "ignore", "-m", "numdip"]
#: What the tests run that is not in Python, and the Debian package that has it.
PACKAGES = {
    "dig": "bind9-dnsutils",
    "dnsdist": "dnsdist",
    "ip": "iproute2",
    "kamailio": "kamailio",
    "named": "bind9",
    "nsenter": "util-linux",
    "sipp": "sip-tester",
    "unbound": "unbound",
    "unshare": "util-linux",
}


def program(name: str) -> str:
    """Where a program is; the test fails if it is not installed."""
    path = shutil.which(name) or shutil.which(name, path="/usr/local/sbin:/usr/sbin:/sbin")
    if path is None:
        pytest.fail(f"{name} is missing: apt-get install {PACKAGES[name]}")
    return path


class Namespace:
    """Network and mounts of its own, held by a process that does nothing."""

    def __init__(self, folder: Path, nameservers: Sequence[str] = ("127.0.0.1",)) -> None:
        self.folder = folder
        self._running: list[subprocess.Popen[bytes]] = []
        resolv = folder / "resolv.conf"
        # By EDNS the C library takes more than 512 octets, and cut answers for what they are.
        lines = [*(f"nameserver {address}" for address in nameservers), "options edns0"]
        resolv.write_text("\n".join(lines) + "\n")
        # Without root, a user namespace gives the rights; not every system lets anyone have one.
        user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
        script = (
            f"{program('ip')} link set lo up "
            '&& mount --bind "$1" "$(readlink -f /etc/resolv.conf)" '
            "&& echo ready && exec cat"
        )
        self._keeper = subprocess.Popen(
            [program("unshare"), *user, "--net", "--mount", "sh", "-c", script, "sh", str(resolv)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self._keeper.stdout is not None
        if self._keeper.stdout.readline() != "ready\n":
            _, errors = self._keeper.communicate(timeout=PATIENCE)
            why = f"no network namespace can be made here, which may take root: {errors.strip()}"
            if os.environ.get("CI"):
                pytest.fail(why)
            pytest.skip(why)
        self._enter = [
            program("nsenter"),
            *([] if os.geteuid() == 0 else ["--user", "--preserve-credentials"]),
            f"--target={self._keeper.pid}",
            "--net",
            "--mount",
            "--",
        ]

    def start(self, name: str, command: Sequence[str | Path]) -> subprocess.Popen[bytes]:
        """Starts a program that runs until it is stopped; what it says goes to ``NAME.log``."""
        with self.log(name).open("ab") as log:
            process = subprocess.Popen(
                [*self._enter, *command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
            )
        self._running.append(process)
        return process

    def run(self, command: Sequence[str | Path]) -> subprocess.CompletedProcess[str]:
        """Runs a program to its end."""
        return subprocess.run(
            [*self._enter, *command],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=3 * PATIENCE,
            check=False,
        )

    def log(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def stop(self, process: subprocess.Popen[bytes], how: int = signal.SIGTERM) -> None:
        """Stops a process and waits for its end."""
        self._running.remove(process)
        process.send_signal(how)
        # One that was halted takes note of a signal only when it goes on.
        process.send_signal(signal.SIGCONT)
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(PATIENCE)
            raise

    def end(self) -> None:
        """Stops whatever still runs; with the last process the namespace goes."""
        for process in list(reversed(self._running)):
            self.stop(process)
        self._keeper.communicate(timeout=PATIENCE)

    def interfaces(self) -> set[str]:
        """The network interfaces that are there."""
        text = self._proc("net/dev")
        return {line.partition(":")[0].strip() for line in text.splitlines() if ":" in line}

    def sockets(self) -> Counter[tuple[str, int]]:
        """Bound UDP sockets of IPv4: how many octets wait at an address and port to be read."""
        waiting: Counter[tuple[str, int]] = Counter()
        for row in map(str.split, self._proc("net/udp").splitlines()[1:]):
            # A server may have several at one address.
            waiting[_address(row[1])] += int(row[4].partition(":")[2], 16)
        return waiting

    def wait_for(self, what: str, true: Callable[[], bool], log: str | None = None) -> None:
        """Waits until something is so; the log is shown if it does not come to be."""
        end = time.monotonic() + PATIENCE
        while not true():
            if time.monotonic() > end:
                said = self.log(log).read_text(errors="replace") if log else ""
                pytest.fail(f"{what}: waited for {PATIENCE} s in vain\n{said[-2_000:]}")
            time.sleep(0.02)

    def _proc(self, name: str) -> str:
        return Path(f"/proc/{self._keeper.pid}/{name}").read_text()


def _address(text: str) -> tuple[str, int]:
    """``0100007F:0035`` of ``/proc/net/udp`` is 127.0.0.1 and port 53: octets of a host's order."""
    address, _, port = text.partition(":")
    octets = int(address, 16).to_bytes(4, sys.byteorder)
    return ".".join(map(str, octets)), int(port, 16)


class Numdip:
    """A ``numdip serve`` in a namespace, that can die and come back."""

    def __init__(self, there: Namespace, name: str, address: str, *options: str) -> None:
        self.name = name
        self.address, _, port = address.partition(":")
        self.port = int(port)
        self._there = there
        self._command = [*NUMDIP, "serve", "--listen", address, *options]
        self.process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        """Starts it unless it runs, and waits until it answers."""
        if self.process is not None:
            self.process.send_signal(signal.SIGCONT)
            return
        log = self._there.log(self.name)
        log.unlink(missing_ok=True)
        self.process = self._there.start(self.name, self._command)
        self._there.wait_for(
            f"{self.name} serves",
            lambda: "ready" in log.read_text(errors="replace"),
            self.name,
        )

    def die(self) -> None:
        """Ends it at once: nothing that it has received is answered."""
        assert self.process is not None
        self._there.stop(self.process, signal.SIGKILL)
        self.process = None

    def hang(self) -> None:
        """Halts it: it takes questions and does not answer."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def waiting(self) -> bool:
        """Whether a question has come that it has not read."""
        return self._there.sockets()[self.address, self.port] > 0


@dataclass(frozen=True)
class Answer:
    """What ``dig`` got."""

    #: The response code, or ``no answer``.
    status: str
    #: The regular expressions of the NAPTR records, as ``dig`` writes them.
    regexps: tuple[str, ...] = ()
    ttl: int | None = None


def ask(there: Namespace, number: str, server: str, *options: str) -> Answer:
    """Asks a server of a namespace, at port 53 unless an option says otherwise."""
    return ask_all(there, [number], server, *options)[0]


def ask_all(there: Namespace, numbers: Sequence[str], server: str, *options: str) -> list[Answer]:
    """The answers for several numbers, asked one after another."""
    names = [".".join(reversed(number.lstrip("+"))) + ".e164.arpa" for number in numbers]
    questions = [word for name in names for word in (name, "NAPTR")]
    command = [program("dig"), f"@{server}", "+tries=1", "+time=15", *options, *questions]
    answers = {}
    for text in there.run(command).stdout.split("->>HEADER<<-")[1:]:
        question = re.search(r"^;(\S+)\.\s+IN\s+NAPTR$", text, re.MULTILINE)
        assert question is not None, text
        answers[question[1]] = _answer(text)
    return [answers.get(name, Answer("no answer")) for name in names]


def _answer(text: str) -> Answer:
    status = re.search(r"status: (\w+)", text)
    assert status is not None, text
    record = r'^\S+\s+(\d+)\s+IN\s+NAPTR\s+\d+ \d+ "\w*" "\S*" "(\S*)" \.$'
    rows = re.findall(record, text, re.MULTILINE)
    ttl = int(rows[0][0]) if rows else None
    return Answer(status[1], tuple(regexp for _, regexp in rows), ttl)


def build(folder: Path, *sources: Path) -> Path:
    """A snapshot of some files."""
    folder.mkdir(exist_ok=True)
    snapshot = folder / "plan.snap"
    subprocess.run([*NUMDIP, "plan", "build", *sources, "-o", snapshot], check=True, timeout=60)
    return snapshot
