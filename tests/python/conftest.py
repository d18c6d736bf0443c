"""What the Python tests share: plans of a few rows, the command as a process, a server."""

from __future__ import annotations

import os
import queue
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

import hypothesis
import pytest

import numdip
from client_servers import Loopback
from numdip import PlanError
from numdip.plan import build

# A busy machine takes its time; how long one example takes proves nothing.
hypothesis.settings.register_profile("numdip", deadline=None)
hypothesis.settings.load_profile("numdip")

WriteFile = Callable[[str, "str | bytes"], Path]

#: Seconds after which a test gives up waiting for what must happen.
PATIENCE = 20

RANGE_HEADER = "prefix,min_length,max_length,country,kind,mcc,mnc,operator,portable"
PORTED_HEADER = "number,mcc,mnc,operator"

#: One row for each way that a number can be found or not.
RANGES = f"""{RANGE_HEADER}
447786,12,12,GB,mobile,234,15,Vodafone,true
4420,12,12,GB,fixed,234,,BT,true
1339,11,11,US,fixed-or-mobile,,,,true
3934,12,12,IT,mobile,222,01,TIM,false
"""
PORTED = f"""{PORTED_HEADER}
13392986156,310,012,Verizon Wireless
447786000001,234,30,EE
"""

#: The octets of the interface's example: query and answer (RFC 1035 §4, RFC 3403 §4.1).
EXAMPLE_QUERY = bytes.fromhex(
    "252801000001000000000000"
    "01360135013101360138013901320139013301330131046531363404617270610000230001"
)
EXAMPLE_ANSWER = bytes.fromhex(
    "252880000001000100000000"
    "01360135013101360138013901320139013301330131046531363404617270610000230001"
    "c00c00230001000000030034"
    "000a003201750c4532552b7073746e3a74656c"
    "1f215e282e2a29242174656c3a5c313b6d63633d3331303b6d6e633d3031322100"
)


@pytest.fixture
def ranges_csv(tmp_path: Path) -> Path:
    path = tmp_path / "ranges.csv"
    path.write_text(RANGES)
    return path


@pytest.fixture
def ported_csv(tmp_path: Path) -> Path:
    path = tmp_path / "ported.csv"
    path.write_text(PORTED)
    return path


@pytest.fixture
def snapshot(tmp_path: Path, ranges_csv: Path, ported_csv: Path) -> Path:
    """A snapshot of :data:`RANGES` and :data:`PORTED`."""
    path = tmp_path / "test.snap"
    build([str(ranges_csv), str(ported_csv)], str(path))
    return path


@pytest.fixture
def build_snapshot(tmp_path: Path) -> Callable[..., Path]:
    """Builds a snapshot of given texts; one that is there already is replaced."""

    def make(path: Path, ranges: str = RANGES, ported: str = PORTED) -> Path:
        folder = tmp_path / "sources"
        folder.mkdir(exist_ok=True)
        (folder / "ranges.csv").write_text(ranges)
        (folder / "ported.csv").write_text(ported)
        build([str(folder / "ranges.csv"), str(folder / "ported.csv")], str(path))
        return path

    return make


# ---------- The command --------------------------------------------------------------------------

Command = Callable[..., "subprocess.CompletedProcess[str]"]


def environment() -> dict[str, str]:
    """That of a user's shell: no colours forced, and no warning that a debug build would give."""
    unwanted = {"FORCE_COLOR", "NO_COLOR", "PYTHONWARNINGS"}
    kept = {name: value for name, value in os.environ.items() if name not in unwanted}
    return kept | {"PYTHONWARNINGS": "ignore:numdip._native is a debug build", "COLUMNS": "200"}


@pytest.fixture
def write(tmp_path: Path) -> WriteFile:
    def write(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@pytest.fixture
def refusal(tmp_path: Path) -> Callable[..., str]:
    """Builds from files that cannot be read, and gives the error's one line."""

    def find(*paths: Path | str) -> str:
        with pytest.raises(PlanError) as caught:
            build([str(path) for path in paths], str(tmp_path / "out.snap"))
        assert not (tmp_path / "out.snap").exists()
        assert caught.value.report == ""
        assert "\n" not in str(caught.value)
        return str(caught.value)

    return find


@pytest.fixture
def complaint(tmp_path: Path) -> Callable[..., str]:
    """Builds from files with faults of any kind, and gives the error's first line."""

    def find(*paths: Path | str) -> str:
        with pytest.raises(PlanError) as caught:
            build([str(path) for path in paths], str(tmp_path / "out.snap"))
        assert not (tmp_path / "out.snap").exists()
        return str(caught.value).partition("\n")[0]

    return find


@pytest.fixture
def report(tmp_path: Path) -> Callable[..., str]:
    """Builds from files with bad rows, and gives the report."""

    def find(*paths: Path | str) -> str:
        with pytest.raises(PlanError) as caught:
            build([str(path) for path in paths], str(tmp_path / "out.snap"))
        assert not (tmp_path / "out.snap").exists()
        return caught.value.report

    return find


def mnc(path: Path | str, number: str) -> str | None:
    answer = numdip.open(path).lookup(number)
    return None if answer is None else answer.mnc


@pytest.fixture
def numdip_command() -> Command:
    """Runs ``numdip`` with these arguments and gives exit code, standard output and error."""

    def run(*args: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "numdip", *map(str, args)],
            capture_output=True,
            text=True,
            timeout=3 * PATIENCE,
            env=environment(),
            cwd=cwd,
        )

    return run


@pytest.fixture(scope="session")
def without_privileges() -> list[str]:
    """What to put before a command so that it may not what root may: ports, others' files."""
    if os.geteuid() != 0:
        return []
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        pytest.fail("setpriv is missing: install util-linux, or run the tests as another user")
    return [setpriv, "--bounding-set=-all", "--inh-caps=-all"]


@pytest.fixture(scope="session")
def dig() -> Callable[..., str]:
    """Runs ``dig`` once, without retries, and gives what it prints."""
    path = shutil.which("dig")
    if path is None:
        pytest.fail("dig is missing: install it (Debian: bind9-dnsutils; it is part of BIND 9)")

    def run(*args: str) -> str:
        command = [path, "+tries=1", "+time=5", *args]
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


# ---------- The server ---------------------------------------------------------------------------


class Served:
    """A ``numdip serve``; it answers once :meth:`wait_ready` has returned."""

    def __init__(self, args: list[str], prefix: list[str] | None = None) -> None:
        self.process = subprocess.Popen(
            [*(prefix or []), sys.executable, "-m", "numdip", "serve", *args],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(),
        )
        self._output = _lines(self.process.stdout)
        self._errors = _lines(self.process.stderr)
        #: Host and port of each address, without brackets.
        self.addresses: list[tuple[str, int]] = []

    def wait_ready(self) -> None:
        self.ready = self._wait(self._output, "numdip ready: ")
        found = re.findall(r"(\S+):(\d+)", self.ready.partition("(")[0])
        self.addresses = [(host.strip("[]"), int(port)) for host, port in found]

    @property
    def port(self) -> int:
        return self.addresses[0][1]

    def log(self, containing: str) -> str:
        """Waits for a line on standard error."""
        return self._wait(self._errors, containing)

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Ends the server and gives its exit code."""
        self.send(number)
        return self.process.wait(PATIENCE)

    def rest(self) -> list[str]:
        """What was not yet read of the standard error of a server that has ended."""
        return _rest(self._errors)

    def kill(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(PATIENCE)

    def _wait(self, lines: queue.Queue[str | None], containing: str) -> str:
        end = time.monotonic() + PATIENCE
        seen = []
        while (left := end - time.monotonic()) > 0:
            try:
                line = lines.get(timeout=left)
            except queue.Empty:
                break
            if line is None:
                if lines is self._output:  # it ended: why stands on standard error
                    errors = "\n".join(_rest(self._errors))
                    raise ServerEndedError(self.process.wait(PATIENCE), errors)
                break
            if containing in line:
                return line
            seen.append(line)
        raise AssertionError(f"no line with {containing!r}; there were {seen}")


class ServerEndedError(Exception):
    """The server ended before it was ready; with its exit code and standard error."""

    def __init__(self, code: int, errors: str) -> None:
        super().__init__(f"exit code {code}: {errors}")
        self.code = code
        self.errors = errors


def _lines(stream: IO[str] | None) -> queue.Queue[str | None]:
    assert stream is not None
    lines: queue.Queue[str | None] = queue.Queue()

    def read() -> None:
        with stream:
            for line in stream:
                lines.put(line.rstrip("\n"))
        lines.put(None)

    threading.Thread(target=read, daemon=True).start()
    return lines


def _rest(lines: queue.Queue[str | None]) -> list[str]:
    return list(iter(lambda: lines.get(timeout=PATIENCE), None))


@pytest.fixture
def serve() -> Iterator[Callable[..., Served]]:
    """Starts servers, which end with the test."""
    running = []

    def start(*args: str | Path, prefix: list[str] | None = None) -> Served:
        served = Served([str(arg) for arg in args], prefix)
        running.append(served)
        served.wait_ready()
        return served

    yield start
    for served in running:
        served.kill()


@pytest.fixture
def served(serve: Callable[..., Served], snapshot: Path) -> Served:
    """A server with the tests' plan on IPv4 and IPv6."""
    return serve("--plan", snapshot, "--listen", "127.0.0.1:0", "--listen", "[::1]:0")


@pytest.fixture
def config(tmp_path: Path, snapshot: Path) -> Callable[[str], Path]:
    """Writes a configuration that serves the tests' plan on a free port."""

    def write(text: str = "") -> Path:
        path = tmp_path / "numdip.toml"
        beginning = f"plan.path = '{snapshot.name}'\nserver.listen = ['127.0.0.1:0', '[::1]:0']\n"
        path.write_text(beginning + text)
        return path

    return write


@pytest.fixture
def start() -> Iterator[Callable[..., Loopback]]:
    """Starts servers that do as they are told, for clients to ask."""
    running: list[Loopback] = []

    def begin(*args: Any) -> Loopback:
        running.append(Loopback(*args))
        return running[-1]

    yield begin
    for server in running:
        server.close()
