"""A PostgreSQL server of the tests' own: in a folder of its own, on a port of its own."""

from __future__ import annotations

import glob
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import adbc_driver_manager
import adbc_driver_postgresql  # type: ignore[import-untyped]
import pytest

from conftest import PATIENCE

#: With characters that a URI has to write otherwise.
PASSWORD = "s3/cr@t:%"
PASSWORD_IN_URI = "s3%2Fcr%40t%3A%25"


@dataclass(frozen=True)
class PostgreSQL:
    """A running server."""

    port: int
    #: The folder of its socket.
    folder: str

    @property
    def uri(self) -> str:
        return f"postgresql://numdip:{PASSWORD_IN_URI}@127.0.0.1:{self.port}/postgres"

    def execute(self, *statements: str) -> None:
        """Runs statements, each in a transaction of its own."""
        with (
            adbc_driver_postgresql.connect(self.uri) as database,
            adbc_driver_manager.AdbcConnection(database) as connection,
        ):
            for sql in statements:
                with adbc_driver_manager.AdbcStatement(connection) as statement:
                    statement.set_sql_query(sql)
                    statement.execute_update()

    def wait_for_queries(self, condition: str) -> None:
        """Waits until the other sessions' queries are such; gives up by a failing test."""
        others = "FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND state = 'active'"
        self.execute(
            f"DO $$ BEGIN FOR turn IN 1..{PATIENCE * 100} LOOP PERFORM pg_stat_clear_snapshot(); "
            f"IF {condition.format(others=others)} THEN RETURN; END IF; "
            "PERFORM pg_sleep(0.01); END LOOP; RAISE EXCEPTION 'waited in vain'; END $$"
        )


def _programs() -> str | None:
    """The folder of the newest PostgreSQL's programs."""
    if found := shutil.which("initdb"):
        return os.path.dirname(os.path.realpath(found))
    folders = [
        *glob.glob("/usr/lib/postgresql/*/bin"),
        *glob.glob("/usr/local/*/bin"),
        "/usr/local/bin",
    ]
    folders = [folder for folder in folders if os.path.exists(os.path.join(folder, "initdb"))]
    return max(folders, key=lambda folder: (len(folder), folder), default=None)


def _as_user(folder: str) -> list[str]:
    """What to put before a command, for PostgreSQL refuses root; the folder becomes that user's."""
    if os.geteuid() != 0:
        return []
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        pytest.fail("setpriv is missing: install util-linux, or run the tests as another user")
    names = {entry.pw_name for entry in pwd.getpwall()}
    user = pwd.getpwnam("postgres" if "postgres" in names else "nobody")
    os.chown(folder, user.pw_uid, user.pw_gid)
    return [setpriv, f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def running() -> Iterator[PostgreSQL]:
    """Starts a server and stops it; without PostgreSQL the test is skipped, under CI it fails."""
    programs = _programs()
    if programs is None:
        why = "PostgreSQL is missing: apt-get install postgresql"
        if os.environ.get("CI"):
            pytest.fail(why)
        pytest.skip(why)
    folder = tempfile.mkdtemp(prefix="numdip-pg-")
    try:
        prefix = _as_user(folder)
        data, password = os.path.join(folder, "data"), os.path.join(folder, "password")
        with open(password, "w") as file:
            file.write(PASSWORD)
        os.chmod(password, 0o644)
        options = ["--no-sync", "--encoding=UTF8", "--locale=C", "--auth=scram-sha-256"]
        options += ["-U", "numdip", f"--pwfile={password}"]
        subprocess.run(
            [*prefix, f"{programs}/initdb", "-D", data, *options],
            check=True,
            capture_output=True,
            timeout=3 * PATIENCE,
            cwd=folder,
        )
        port = _free_port()
        settings = {"listen_addresses": "127.0.0.1", "port": port, "fsync": "off"}
        settings |= {"unix_socket_directories": folder, "max_connections": 20}
        process = subprocess.Popen(
            [*prefix, f"{programs}/postgres", "-D", data]
            + [f"-c{name}={value}" for name, value in settings.items()],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            cwd=folder,
        )
        try:
            _wait_ready(process, PostgreSQL(port, folder))
            yield PostgreSQL(port, folder)
        finally:
            process.send_signal(signal.SIGINT)  # sessions end at once
            process.communicate(timeout=PATIENCE)
    finally:
        shutil.rmtree(folder)


def _wait_ready(process: subprocess.Popen[str], server: PostgreSQL) -> None:
    end = time.monotonic() + PATIENCE
    while True:
        try:
            return server.execute("SELECT 1")
        except adbc_driver_manager.Error:
            if process.poll() is not None or time.monotonic() > end:
                raise
            time.sleep(0.05)
