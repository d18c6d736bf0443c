"""The server's life: start, reload, watch, stop.

Python opens the snapshot, builds the responder and starts the extension's worker threads; from then
on it only waits for signals, and never sees a packet.

========  ======================================================================================
SIGHUP    configuration, access list, snapshot and its layers are read anew. If any of them has a
          fault the old state goes on serving and the fault is told. ``listen``, ``workers``
          and ``gather`` stay as they are until the next start.
SIGTERM   what was received is answered, then the server ends. SIGINT (Ctrl-C) does the same.
========  ======================================================================================
"""

from __future__ import annotations

import glob
import os
import select
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial

import msgspec

from . import Responder, Snapshot, acl
from . import open as open_snapshot
from ._native import Acl, Server
from .config import AnswerRecord, Config, Fault, ServerSection, faults_error
from .errors import ConfigError, SnapshotError

__all__ = ["judge", "make_responder", "run"]

#: Of each file that is watched: its name and what tells it from one that replaces it.
_Look = list[tuple[str, int, int, int]] | None

#: Seconds between two looks at a watched snapshot.
WATCH_INTERVAL = 0.5

#: How much the workers go before a reload: at equal demand they have nine tenths of a CPU.
_RELOAD_NICE = 10
_STOP = (signal.SIGTERM, signal.SIGINT)
_TAKEN = (signal.SIGHUP, *_STOP)


# ---------- From a configuration to what the workers need ----------------------------------------


def judge(
    config: Config, before: tuple[Config, Snapshot] | None = None
) -> tuple[tuple[Snapshot, Responder] | None, list[Fault]]:
    """Builds what *config* asks for: snapshot and responder, or the faults that prevent them.

    A snapshot that was opened *before* by the same keys shares its file with the new one if it is
    still the same file, so that a layer is taken up without copying gigabytes again.
    """
    faults: list[Fault] = []
    snapshot: Snapshot | None = None
    access: Acl | None = None
    responder: Responder | None = None
    try:
        snapshot = _open(config, before)
    except SnapshotError as error:
        faults.append(("plan.path", str(error)))
    try:
        access = acl.build(config.acl)
    except ConfigError as error:
        faults.append(("acl", str(error)))
    try:
        # The answer is judged all the same, with the bundled plan if there is one.
        plan = open_snapshot() if snapshot is None else snapshot
        responder = make_responder(plan, config, access)
    except SnapshotError:
        pass
    except ConfigError as error:
        faults += error.faults or [_fault(error)]
    if faults or snapshot is None or responder is None:
        return None, faults
    return (snapshot, responder), []


def _open(config: Config, before: tuple[Config, Snapshot] | None) -> Snapshot:
    if before is not None and before[0].plan == config.plan:
        return before[1].reopen()
    return open_snapshot(config.plan.path, memory=config.plan.memory)


def make_responder(snapshot: Snapshot, config: Config, access: Acl | None = None) -> Responder:
    """Answers from *snapshot* as *config* says.

    Raises:
        ConfigError: ``[answer]`` has faults.
    """
    return Responder(
        snapshot,
        profile=config.server.profile,
        acl=access,
        apex=config.server.apex,
        ttl=config.answer.ttl,
        order=config.answer.order,
        preference=config.answer.preference,
        services=config.answer.services,
        regexp=config.answer.regexp,
        record=[_given(record) for record in config.answer.record],
        partial=config.answer.partial,
    )


def _given(record: AnswerRecord) -> dict[str, str | int]:
    """The keys of a record; those that are not given have defaults by its flags."""
    fields = msgspec.structs.asdict(record)
    return {name: value for name, value in fields.items() if value is not None}


def _fault(error: ConfigError) -> Fault:
    key, _, text = str(error).partition(": ")
    return key, text


# ---------- Running ------------------------------------------------------------------------------


def run(load: Callable[[], Config], name: str) -> None:
    """Serve until SIGTERM or SIGINT.

    Prints one ``numdip ready: …`` line on standard output once queries are answered; all else goes
    to standard error. Takes the process's signals for itself, and leaves SIGINT ignored at the end,
    so that a second Ctrl-C does not spoil an orderly stop.

    Args:
        load: gives the configuration, at the start and at each SIGHUP.
        name: what faults of the configuration are told to be in: the file's path.

    Raises:
        ConfigError: the first configuration has faults.
        ServerError: the addresses cannot be listened on.
    """
    with _signals() as wait:
        config = load()
        look = _identity(config)
        snapshot, responder = _prepare(config, name, None)
        server = _start(responder, config)
        _say_ready(server, config, snapshot)
        started = config.server
        failed = False
        while True:
            signals = wait(WATCH_INTERVAL if config.plan.watch else None)
            if not signals.isdisjoint(_STOP):
                break
            if signal.SIGHUP in signals:
                if done := _reload(server, load, name, (config, snapshot)):
                    config, snapshot, look = done
                    failed = False
                _say_unchanged(started, config.server)
            elif config.plan.watch and _identity(config, failed=failed) != look:
                # Files that fail are not tried again until one of them changes again.
                seen = _identity(config, failed=True)
                done = _reload(server, partial(_same, config), name, (config, snapshot))
                failed = done is None
                _, snapshot, look = done or (config, snapshot, seen)
        for stop in _STOP:
            signal.signal(stop, signal.SIG_IGN)
        server.stop()
        counters = server.counters().items()
        counted = [f"{name} {n}" for name, n in counters if n and not name.startswith("plan_")]
        _say(f"stopped; {', '.join(counted) or 'nothing was received'}")


def _same(config: Config) -> Config:
    return config


def _prepare(
    config: Config, name: str, before: tuple[Config, Snapshot] | None
) -> tuple[Snapshot, Responder]:
    prepared, faults = judge(config, before)
    if prepared is None:
        raise faults_error(name, faults)
    return prepared


def _start(responder: Responder, config: Config) -> Server:
    # Worker threads inherit this mask: signals come to this thread and interrupt no system call
    # of theirs.
    signal.pthread_sigmask(signal.SIG_BLOCK, _TAKEN)
    try:
        set_once = config.server
        server = Server.start(
            responder, listen=set_once.listen, workers=set_once.workers, gather=set_once.gather
        )
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _TAKEN)
    # This thread only waits and reloads from now on. Where it shares a CPU with a worker, answers
    # come first. On Linux the priority is the thread's own.
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, os.getpriority(os.PRIO_PROCESS, 0) + _RELOAD_NICE)
    return server


def _reload(
    server: Server, load: Callable[[], Config], name: str, before: tuple[Config, Snapshot]
) -> tuple[Config, Snapshot, _Look] | None:
    """Hands *server* a new responder, and gives what it was made of; ``None`` if that failed."""
    try:
        config = load()
        look = _identity(config)  # before it is opened: a file replaced meanwhile is seen as new
        snapshot, responder = _prepare(config, name, before)
        server.reload(responder)
    except Exception as error:  # noqa: BLE001 - whatever it is, the old state can serve on
        _say(f"reload failed, serving on as before: {error or type(error).__name__}")
        return None
    _say(f"reloaded: {_described(config, snapshot)}")
    return config, snapshot, look


def _identity(config: Config, *, failed: bool = False) -> _Look:
    """What tells the plan's files from those that replace them; ``None``: nothing to watch.

    Those are the snapshot and the list of its layers, which is written last. After a reload that
    *failed* the layers count too: it may be one of them that is mended.
    """
    path = config.plan.path
    if path is None:
        return None
    paths = [path, f"{path}.layers"]
    if failed:
        paths += sorted(glob.glob(f"{glob.escape(path)}.*[0-9].*"))
    looks = []
    for path in paths:
        with suppress(OSError):
            found = os.stat(path)
            looks.append((path, found.st_ino, found.st_mtime_ns, found.st_size))
    return looks


# ---------- Signals ------------------------------------------------------------------------------


@contextmanager
def _signals() -> Iterator[Callable[[float | None], set[int]]]:
    """Gives a function that waits for signals, at most so many seconds, and says which came."""
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    with reader, writer:
        before = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
        for number in _TAKEN:
            signal.signal(number, lambda *_: None)  # the octet in the socket is all we want

        def wait(seconds: float | None) -> set[int]:
            ready, _, _ = select.select([reader], [], [], seconds)
            return set(reader.recv(64)) if ready else set()

        try:
            yield wait
        finally:
            signal.set_wakeup_fd(before)


# ---------- Words --------------------------------------------------------------------------------


def _say_ready(server: Server, config: Config, snapshot: Snapshot) -> None:
    addresses = " ".join(server.addresses)
    with suppress(OSError, ValueError):  # who started us need not listen
        print(
            f"numdip ready: {addresses} (UDP and TCP); {_described(config, snapshot)}", flush=True
        )
    loopback = all(address.startswith(("127.", "[::1]")) for address in server.addresses)
    if config.acl is None and not loopback:
        _say("there is no [acl]: only loopback addresses may ask, all others are refused")


def _say_unchanged(started: ServerSection, now: ServerSection) -> None:
    for key in ("listen", "workers", "gather"):
        if getattr(started, key) != getattr(now, key):
            _say(f"server.{key} has changed in the configuration; it is taken up at the next start")


def _described(config: Config, snapshot: Snapshot) -> str:
    plan = config.plan.path or "bundled"
    held = f"{len(snapshot):,} prefixes and ported numbers"
    layer = f", layer {snapshot.sequence:,}" if snapshot.sequence else ""
    return f"profile {config.server.profile}; plan {plan} with {held}{layer}"


def _say(text: str) -> None:
    # A log that cannot be written must not end a server.
    with suppress(OSError, ValueError):
        for line in text.splitlines() if sys.stderr is not None else ():
            print(f"numdip: {line}", file=sys.stderr, flush=True)
