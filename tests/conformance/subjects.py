"""The servers under test: numdip, and NSD serving the same plan as a zone with wildcards.

Prefixes of the plan are disjoint and their numbers have one length, which is where a wildcard and a
range mean the same. A suite that a second, well-known server passes too has proved itself.
"""

from __future__ import annotations

import queue
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import dns.e164
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype

#: Seconds after which a test gives up waiting.
PATIENCE = 20

#: Prefix, count of digits, MCC, MNC.
PLAN = [
    ("447786", 12, "234", "15"),
    ("447860", 12, "234", "10"),
    ("4915112", 13, "262", "01"),
    ("819012", 12, "440", "50"),
    ("1339298", 11, "310", "012"),
    ("33612", 11, "208", "01"),
]

RECORD = '10 50 "u" "E2U+pstn:tel" "!^(.*)$!tel:\\\\1;mcc={mcc};mnc={mnc}!" .'


class Subject:
    """A running server."""

    #: What it is called in test ids.
    name: str
    process: subprocess.Popen[str]
    port: int

    def ask(self, query: dns.message.Message, *, tcp: bool = False) -> dns.message.Message:
        """The response to a query, over UDP or TCP."""
        send = dns.query.tcp if tcp else dns.query.udp
        return send(query, "127.0.0.1", timeout=PATIENCE, port=self.port)

    def exchange(self, octets: bytes) -> bytes:
        """The octets that come back for octets sent over UDP."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(PATIENCE)
            client.connect(("127.0.0.1", self.port))
            client.send(octets)
            return client.recv(65_535)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(PATIENCE)
        if self.process.stdout is not None:
            self.process.stdout.close()


NUMDIP = [sys.executable, "-W", "ignore", "-m", "numdip"]


def numdip(*arguments: str | Path) -> str:
    """Runs a command of numdip to its good end and gives what it prints."""
    command = [*NUMDIP, *map(str, arguments)]
    return subprocess.run(command, check=True, timeout=60, stdout=subprocess.PIPE, text=True).stdout


class Numdip(Subject):
    name = "numdip"

    def __init__(self, folder: Path, snapshot: Path | None = None) -> None:
        """Serves a snapshot, or that of :data:`PLAN`."""
        if snapshot is None:
            ranges = folder / "ranges.csv"
            rows = (f"{prefix},{n},{n},{mcc},{mnc}" for prefix, n, mcc, mnc in PLAN)
            ranges.write_text("\n".join(["prefix,min_length,max_length,mcc,mnc", *rows]) + "\n")
            snapshot = folder / "plan.snap"
            numdip("plan", "build", ranges, "-o", snapshot)
        self.process = subprocess.Popen(
            [*NUMDIP, "serve", "--listen", "127.0.0.1:0", "--plan", str(snapshot)],
            stdout=subprocess.PIPE,
            text=True,
        )
        ready = first_line(self.process)
        self.port = int(ready.partition("127.0.0.1:")[2].split()[0].rstrip(";,"))


class Nsd(Subject):
    name = "nsd"

    def __init__(self, folder: Path, zone: str | None = None) -> None:
        """Serves the zone ``e164.arpa`` of this text, or that of :data:`PLAN`."""
        nsd = shutil.which("nsd") or shutil.which("nsd", path="/usr/sbin")
        assert nsd is not None, "nsd is missing: apt-get install nsd"
        self.port = free_port()
        (folder / "zone").write_text(zone or _zone_of_plan())
        (folder / "nsd.conf").write_text(
            f"""
server:
  ip-address: 127.0.0.1@{self.port}
  username: ""
  chroot: ""
  zonesdir: "{folder}"
  database: ""
  pidfile: "{folder}/nsd.pid"
  xfrdfile: "{folder}/xfrd.state"
  zonelistfile: "{folder}/zone.list"
  xfrdir: "{folder}"
  cookie-secret-file: "{folder}/cookies"
remote-control:
  control-enable: no
zone:
  name: e164.arpa
  zonefile: zone
"""
        )
        self.process = subprocess.Popen([nsd, "-d", "-c", str(folder / "nsd.conf")], text=True)
        _wait(self)


class Knot(Subject):
    name = "knot"

    def __init__(self, folder: Path, zone: str) -> None:
        """Serves the zone ``e164.arpa`` of this text."""
        knotd = shutil.which("knotd") or shutil.which("knotd", path="/usr/sbin")
        assert knotd is not None, "knotd is missing: apt-get install knot"
        self.port = free_port()
        (folder / "e164.arpa.zone").write_text(zone)
        (folder / "knot.conf").write_text(
            f"""
server:
  rundir: "{folder}"
  listen: 127.0.0.1@{self.port}
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
database:
  storage: "{folder}"
zone:
  - domain: e164.arpa
    storage: "{folder}"
    file: e164.arpa.zone
    semantic-checks: off
"""
        )
        self.process = subprocess.Popen(
            [knotd, "-c", str(folder / "knot.conf")],
            text=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        _wait(self)


def _wait(server: Subject) -> None:
    """Until the server answers for the zone."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        try:
            answer = server.ask(dns.message.make_query("e164.arpa", "SOA"), tcp=True)
        except OSError:
            time.sleep(0.05)
        else:
            if answer.rcode() == dns.rcode.NOERROR:
                return
            time.sleep(0.05)
    message = f"{server.name} does not answer"
    raise TimeoutError(message)


def _zone_of_plan() -> str:
    zone = [
        "$ORIGIN e164.arpa.",
        "$TTL 3",
        "@ SOA ns hostmaster 1 3600 600 86400 60",
        "@ NS ns",
        "ns A 127.0.0.1",
    ]
    for prefix, _, mcc, mnc in PLAN:
        record = RECORD.format(mcc=mcc, mnc=mnc)
        zone.append(f"*.{'.'.join(reversed(prefix))} NAPTR {record}")
    return "\n".join(zone) + "\n"


SUBJECTS: dict[str, Callable[[Path], Subject]] = {"numdip": Numdip, "nsd": Nsd}


def query(number: str, **options: object) -> dns.message.Message:
    """The ENUM query for a number, without EDNS unless asked for."""
    return dns.message.make_query(
        dns.e164.from_e164(number),
        dns.rdatatype.NAPTR,
        **options,  # type: ignore[arg-type]
    )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def first_line(process: subprocess.Popen[str]) -> str:
    """The first line of a process's output, if it comes in time."""
    lines: queue.Queue[str] = queue.Queue()
    assert process.stdout is not None
    threading.Thread(target=lambda: lines.put(process.stdout.readline()), daemon=True).start()  # type: ignore[union-attr]
    return lines.get(timeout=PATIENCE)
