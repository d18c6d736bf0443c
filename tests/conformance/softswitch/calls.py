"""Calls through a softswitch: Kamailio with two numdips, and SIPp for who calls and who is called.

Everything has its usual port, 53 and 5060, in a namespace; the address says who is who.
"""

from __future__ import annotations

import re
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

from namespace import PATIENCE, Namespace, Numdip, build, program

HERE = Path(__file__).parent
CALLER = "127.0.0.20"
#: Who takes every call. Nobody is at 127.0.0.10, where a record leads too.
CALLEES = {"first": "127.0.0.11", "second": "127.0.0.12", "gateway": "127.0.0.13"}
SIP = 5060
#: In what SIPp writes down: the Request-URI of an INVITE that came, the code of a response.
INVITED = re.compile(r"received.*\n\nINVITE (\S+) SIP/2\.0$", re.MULTILINE)
STATUS = re.compile(r"^SIP/2\.0 (\d+) ", re.MULTILINE)


@dataclass(frozen=True)
class Outcome:
    """What came of a call."""

    #: The final response to the caller.
    status: int
    #: Request-URIs of the INVITEs that came, by callee.
    arrived: dict[str, list[str]] = field(default_factory=dict)
    #: From the caller's start to its end.
    seconds: float = field(default=0.0, compare=False)


class Softswitch:
    """Kamailio, its two servers, and those who take calls."""

    def __init__(self, folder: Path) -> None:
        self.there = Namespace(folder, nameservers=("127.0.0.1", "127.0.0.2"))
        self._calls = 0
        try:
            self._start(folder)
        except BaseException:
            self.there.end()
            raise

    def _start(self, folder: Path) -> None:
        plan = build(folder, *(HERE / f"{name}.csv" for name in ("ranges", "ported", "records")))
        options = ["--config", str(HERE / "numdip.toml"), "--plan", str(plan)]
        self.servers = [
            Numdip(self.there, f"numdip-{n}", f"127.0.0.{n}:53", *options) for n in (1, 2)
        ]
        for name, address in CALLEES.items():
            self.there.start(name, self.sipp(name, address, "callee.xml"))
        # In the foreground; what it logs goes to standard error.
        config = str(HERE / "kamailio.cfg")
        command = [program("kamailio"), "-DD", "-E", "-f", config, "-Y", str(folder)]
        self.there.start("kamailio", command)
        for name, address in {"kamailio": "127.0.0.1", **CALLEES}.items():
            self._wait_for(name, address)

    def _wait_for(self, name: str, address: str) -> None:
        def listens() -> bool:
            return (address, SIP) in self.there.sockets()

        self.there.wait_for(f"{name} listens", listens, name)

    def call(self, number: str) -> Outcome:
        """Calls a number; a call that is taken ends at once."""
        return self.dial(number).outcome()

    def dial(self, number: str) -> Call:
        """Starts to call a number."""
        self._calls += 1
        return Call(self, f"caller-{self._calls}", number)

    def revive(self) -> None:
        """Starts servers that died, and wakes those that hang."""
        for server in self.servers:
            server.start()

    def sipp(self, name: str, address: str, scenario: str) -> list[str]:
        """The command of SIPp at an address."""
        here = ["-i", address, "-mi", address, "-p", str(SIP)]
        messages = ["-trace_msg", "-message_file", str(self._file(name))]
        return [program("sipp"), "-sf", str(HERE / scenario), *here, "-nostdin", *messages]

    def invited(self, name: str) -> list[str]:
        """The Request-URIs of all INVITEs that a callee got so far."""
        return INVITED.findall(self.messages(name))

    def messages(self, name: str) -> str:
        """What a SIPp sent and received so far, as it writes it down."""
        file = self._file(name)
        return file.read_text().replace("\r\n", "\n") if file.exists() else ""

    def _file(self, name: str) -> Path:
        return self.there.folder / f"{name}.messages"


class Call:
    """A call on its way."""

    def __init__(self, softswitch: Softswitch, name: str, number: str) -> None:
        self._softswitch = softswitch
        self._name = name
        self._before = {callee: len(softswitch.invited(callee)) for callee in CALLEES}
        self._start = time.monotonic()
        sipp = softswitch.sipp(name, CALLER, "caller.xml")
        limits = ["-m", "1", "-timeout", str(PATIENCE), "-timeout_error"]
        self._process = softswitch.there.start(
            name, [*sipp, f"127.0.0.1:{SIP}", "-s", number, *limits]
        )

    def outcome(self) -> Outcome:
        """Waits until the call is over."""
        there, messages = self._softswitch.there, self._softswitch.messages
        try:
            code = self._process.wait(2 * PATIENCE)
        except subprocess.TimeoutExpired:
            there.stop(self._process)
            raise
        seconds = time.monotonic() - self._start
        said = messages(self._name)
        assert code == 0, f"SIPp failed\n{there.log(self._name).read_text()[-2_000:]}\n{said}"
        statuses = [int(status) for status in STATUS.findall(said)]
        arrived = {name: self._softswitch.invited(name)[n:] for name, n in self._before.items()}
        return Outcome(
            next(status for status in statuses if status >= 200),
            {name: uris for name, uris in arrived.items() if uris},
            seconds,
        )
