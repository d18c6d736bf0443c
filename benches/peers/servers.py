"""The servers: how each is configured, started in the foreground on one CPU, reloaded and stopped.

Each gets one worker and whatever keeps it from refusing a load: no rate limits, no limit of queries
on a connection. None is ever a daemon: each is a child of this process and is stopped by its id.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO

from plans import APEX, Plan, domain, regexp
from processes import Usage, usage

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
PROGRAMS = os.path.join(ROOT, "benches", "load", "target", "release")
#: The CPUs of servers and of what loads them.
SERVER_CPU, LOAD_CPU = 0, 1
PATIENCE = 300.0


@dataclass(frozen=True)
class Kind:
    """A server that can be started."""

    name: str
    #: Writes its configuration into a folder and gives the command that runs it in the foreground.
    command: Callable[[Plan, str, int], list[str]]
    #: The program, and the Debian package that has it.
    program: str
    packages: tuple[str, ...] = ()
    version: tuple[str, ...] = ()
    floor: bool = False
    tcp: bool = True
    udp: bool = True
    #: Tells it that its data has changed, given its process and its folder; SIGHUP without.
    reload: Callable[[str], list[str]] | None = None


class Server:
    """A running server."""

    def __init__(self, kind: Kind, plan: Plan, folder: str) -> None:
        self.kind = kind
        self.plan = plan
        self.folder = folder
        os.makedirs(folder, exist_ok=True)
        self.port = free_port()
        command = kind.command(plan, folder, self.port)
        self._log: IO[bytes] = open(os.path.join(folder, "log"), "wb")  # noqa: SIM115
        self._started = time.monotonic()
        self.process = subprocess.Popen(
            ["taskset", "-c", str(SERVER_CPU), *command],
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
        )
        #: The next query to ask it, so that it is not asked for a name again soon.
        self.first = 0

    def wait(self) -> float:
        """Waits until the probe is answered rightly; seconds since the start."""
        network = None if self.kind.floor else self.plan.probe_network
        self.wait_for(network)
        return time.monotonic() - self._started

    def wait_for(self, network: tuple[str, str] | None, *, every: float = 0.002) -> float:
        """Waits until the probe's network is this (or for any answer); gives the time."""
        end = time.monotonic() + PATIENCE
        wanted = regexp(*network).encode() if network else b""
        while time.monotonic() < end:
            if self.process.poll() is not None:
                break
            reply = ask(self.port, self.plan.probe, tcp=not self.kind.udp)
            if reply is not None and wanted in reply:
                return time.monotonic()
            time.sleep(every)
        with open(os.path.join(self.folder, "log"), errors="replace") as log:
            said = log.read()[-2000:]
        self.stop()
        raise RuntimeError(f"{self.kind.name} does not answer as it should; it said:\n{said}")

    def reload(self) -> None:
        if self.kind.reload is None:
            self.process.send_signal(signal.SIGHUP)
        else:
            # It may give up waiting for a busy server; asking shows when the change is served.
            command = self.kind.reload(self.folder)
            subprocess.run(command, check=False, stdout=self._log, stderr=self._log)

    def usage(self) -> Usage:
        return usage(self.process.pid)

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self._log.close()


def ask(port: int, number: str, *, tcp: bool = False) -> bytes | None:
    """The reply to a query for a number, if one comes at once."""
    name = b"".join(bytes([len(label)]) + label.encode() for label in domain(number).split("."))
    query = struct.pack("!6H", 0x4D2, 0, 1, 0, 0, 0) + name + struct.pack("!B2H", 0, 35, 1)
    kind = socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM
    with socket.socket(socket.AF_INET, kind) as client:
        client.settimeout(0.5)
        try:
            client.connect(("127.0.0.1", port))
            client.send(struct.pack("!H", len(query)) + query if tcp else query)
            return client.recv(4096)
        except OSError:
            return None


def free_port() -> int:
    """A port that is free for both UDP and TCP."""
    while True:
        with socket.socket() as stream, socket.socket(type=socket.SOCK_DGRAM) as datagrams:
            stream.bind(("127.0.0.1", 0))
            port: int = stream.getsockname()[1]
            try:
                datagrams.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def which(program: str) -> str | None:
    """A program's path, also where an administrator's programs are."""
    return shutil.which(program) or shutil.which(program, path="/usr/sbin:/usr/local/sbin:/sbin")


def written(folder: str, name: str, text: str) -> str:
    path = os.path.join(folder, name)
    with open(path, "w") as file:
        file.write(text)
    return path


# ---------- Each server --------------------------------------------------------------------------


def numdip(plan: Plan, folder: str, port: int) -> list[str]:
    text = f"""
[server]
listen = ["127.0.0.1:{port}"]
workers = 1
[plan]
path = "{plan.snapshot}"
memory = "huge"
"""
    config = written(folder, "config.toml", text)
    return [os.path.join(os.path.dirname(sys.executable), "numdip"), "serve", "--config", config]


def nsd(plan: Plan, folder: str, port: int) -> list[str]:
    text = f"""
server:
  ip-address: 127.0.0.1@{port}
  server-count: 1
  username: ""
  chroot: ""
  zonesdir: "{plan.folder}"
  database: ""
  pidfile: "{folder}/nsd.pid"
  xfrdfile: "{folder}/xfrd.state"
  zonelistfile: "{folder}/zone.list"
  xfrdir: "{folder}"
  cookie-secret-file: "{folder}/cookies"
  minimal-responses: yes
  rrl-ratelimit: 0
  rrl-whitelist-ratelimit: 0
  tcp-count: 1000
  tcp-query-count: 0
remote-control:
  control-enable: no
zone:
  name: {APEX}
  zonefile: "{plan.zone}"
"""
    return [which("nsd") or "nsd", "-d", "-c", written(folder, "nsd.conf", text)]


def knot(plan: Plan, folder: str, port: int) -> list[str]:
    text = f"""
server:
  rundir: "{folder}"
  listen: 127.0.0.1@{port}
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
  tcp-max-clients: 1000
log:
  - target: stderr
    any: warning
database:
  storage: "{folder}"
zone:
  - domain: {APEX}
    file: "{plan.zone}"
    zonefile-sync: -1
    zonefile-load: whole
    journal-content: none
    semantic-checks: off
"""
    return [which("knotd") or "knotd", "-c", written(folder, "knot.conf", text)]


def bind(plan: Plan, folder: str, port: int) -> list[str]:
    text = f"""
options {{
  directory "{folder}";
  pid-file "{folder}/named.pid";
  session-keyfile "{folder}/session.key";
  listen-on port {port} {{ 127.0.0.1; }};
  listen-on-v6 {{ none; }};
  recursion no;
  dnssec-validation no;
  minimal-responses yes;
  notify no;
  tcp-clients 1000;
}};
controls {{ }};
logging {{ category default {{ default_stderr; }}; category lame-servers {{ null; }}; }};
zone "{APEX}" {{ type primary; file "{plan.zone}"; check-integrity no; }};
"""
    command = [which("named") or "named", "-g", "-4", "-n", "1"]
    return [*command, "-c", written(folder, "named.conf", text)]


def powerdns(*, caches: bool) -> Callable[[Plan, str, int], list[str]]:
    def command(plan: Plan, folder: str, port: int) -> list[str]:
        zones = f'zone "{APEX}" {{ type master; file "{plan.zone}"; }};\n'
        off = "" if caches else "cache-ttl=0\nquery-cache-ttl=0\nnegquery-cache-ttl=0\n"
        text = f"""
launch=bind
bind-config={written(folder, "zones.conf", zones)}
local-address=127.0.0.1
local-port={port}
socket-dir={folder}
receiver-threads=1
distributor-threads=1
max-tcp-connections=1000
max-tcp-connections-per-client=0
max-tcp-transactions-per-conn=0
security-poll-suffix=
loglevel=3
{off}"""
        written(folder, "pdns.conf", text)
        command = [which("pdns_server") or "pdns_server", f"--config-dir={folder}"]
        return [*command, "--daemon=no", "--guardian=no", "--disable-syslog"]

    return command


def powerdns_reload(folder: str) -> list[str]:
    control = shutil.which("pdns_control") or "pdns_control"
    return [control, f"--config-dir={folder}", "bind-reload-now", APEX]


def reflector(mode: str) -> Callable[[Plan, str, int], list[str]]:
    return lambda _plan, _folder, port: [
        os.path.join(PROGRAMS, "reflect"),
        mode,
        "--listen",
        f"127.0.0.1:{port}",
    ]


def floor(mode: str) -> Kind:
    tcp = mode == "tcp"
    return Kind(f"reflector {mode}", reflector(mode), "", floor=True, tcp=tcp, udp=not tcp)


KINDS = [
    Kind("numdip", numdip, ""),
    Kind("Knot", knot, "knotd", ("knot",), ("knotd", "-V")),
    Kind("NSD", nsd, "nsd", ("nsd",), ("nsd", "-v")),
    Kind("BIND", bind, "named", ("bind9",), ("named", "-v")),
    Kind(
        "PowerDNS",
        powerdns(caches=True),
        "pdns_server",
        ("pdns-server", "pdns-backend-bind"),
        ("pdns_server", "--version"),
        reload=powerdns_reload,
    ),
    Kind(
        "PowerDNS, caches off",
        powerdns(caches=False),
        "pdns_server",
        ("pdns-server", "pdns-backend-bind"),
        reload=powerdns_reload,
    ),
]
FLOORS = [floor(mode) for mode in ("single", "batch", "segment", "gro", "gather", "uring", "tcp")]
