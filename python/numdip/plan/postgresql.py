"""Rows from PostgreSQL: queries to batches of rows, all columns text but integers in ``number``.

The driver is ADBC's, of the Apache Arrow project: it reads ``COPY … (FORMAT binary)`` into Arrow
record batches of some 16 MiB, which go to the extension as they are, so a result may be larger than
memory. PostgreSQL itself makes text of the columns. All queries of a connection see the database
as it was at one moment, and none can change it.

Each call that waits for the server is made in a thread of its own, for only then the main thread
hears a Ctrl-C.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from typing import Any, NamedTuple, Self, TypeVar

from .._native import Batches, Table
from ..errors import PlanError
from .columns import COUNTS, DIGIT_TEXT, Kind, sort_columns
from .postgresql_uri import Uri

try:
    import adbc_driver_manager
    import adbc_driver_postgresql  # type: ignore[import-untyped]
except ImportError as error:
    raise PlanError(
        'databases are read with ADBC\'s driver: pip install "numdip[postgresql]"'
    ) from error

__all__ = ["Connection", "Query"]

#: Arrow's types by the names that they have in SQL.
_SQL_TYPES = {
    "Int16": "smallint",
    "Int32": "integer",
    "Int64": "bigint",
    "Float32": "real",
    "Float64": "double precision",
    "Boolean": "boolean",
    "Utf8": "text",
    "Binary": "bytea",
    "Date32": "date",
}
_INTEGERS = ("smallint", "integer", "bigint", "numeric")

#: What stands before a query when its columns are asked for.
_DESCRIBE = "SELECT * FROM (\n"

#: Seconds that a query which is no longer wanted has for its end.
_GRACE = 1.0

_T = TypeVar("_T")


# ---------- Queries ------------------------------------------------------------------------------


class Query(NamedTuple):
    """A query whose result can be read."""

    #: How it is called in messages: "query 1".
    name: str
    #: Which rows it gives.
    holds: Kind
    #: The statement that gives them as text.
    statement: str


class Connection:
    """A connection to a database.

    Raises :class:`~numdip.errors.PlanError`, which names the query and what to do, when it is made
    and by its methods; no password is in any text.
    """

    #: The database's name.
    name: str

    def __init__(self, uri: str) -> None:
        self._uri = Uri(uri)
        self._statement: Any = None
        self._batches: Batches | None = None
        #: What the driver was last asked for.
        self._pending: Future[Any] | None = None
        self._database: Any = None
        self._connection: Any = None
        try:
            self._connection = self._call("database", self._connect)
            self.name = self._connection.get_option("adbc.connection.catalog")
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the connection, and the query that is under way."""
        if self._pending is not None and not self._pending.done():
            if self._statement is not None:
                _start(self._statement.cancel)
            if not wait([self._pending], _GRACE).done:
                return  # the server does not listen; the process's end will end this
        self._end_statement()
        for handle in (self._connection, self._database):
            if handle is not None:
                with contextlib.suppress(adbc_driver_manager.Error):
                    handle.close()

    def query(self, number: int, sql: str, note: Callable[[str], None]) -> Query:
        """Asks the database what a query gives.

        Args:
            number: which query it is, the first being 1.
            sql: its text.
            note: told of columns that are ignored.
        """
        name = f"query {number}"
        sql = sql.strip().rstrip(";")
        if not sql:
            raise PlanError(f"{name}: is empty; expected a query that gives rows, such as SELECT …")
        columns = self._execute(name, f"{_DESCRIBE}{sql}\n) AS plan LIMIT 0").columns
        self._end_statement()
        found = [column for column, *_ in columns]
        holds, used = sort_columns(name, found, note, "query")
        if holds == "changes":
            raise PlanError(
                f"{name}: gives changes, for it has a column action; "
                "numdip plan apply lays a file of changes over a plan that was built"
            )
        types = {column: _sql_type(*arrow) for column, *arrow in columns}
        for column in used:
            if found.count(column) > 1:
                raise PlanError(f'{name}: column "{column}" is there twice; leave one out')
            _check_type(name, column, types[column])
        texts = ", ".join(f'"{column}"::{_read_as(column, types[column])}' for column in used)
        # The query is the user's own, for a database that the user may ask anything.
        return Query(name, holds, f"SELECT {texts} FROM (\n{sql}\n) AS plan")  # noqa: S608

    def rows(self, query: Query) -> Iterator[Table]:
        """Gives the rows of a query in the order of its result."""
        batches = self._execute(query.name, query.statement)
        try:
            following = self._begin(lambda: next(batches, None))
            while (batch := self._result(query.name, following)) is not None:
                # The driver reads while the rows of this batch are checked.
                following = self._begin(lambda: next(batches, None))
                yield batch
        finally:
            if following.done():
                self._end_statement()

    # --- The driver

    def _connect(self) -> Any:
        self._database = adbc_driver_postgresql.connect(self._uri.text)
        connection = adbc_driver_manager.AdbcConnection(self._database)
        connection.set_autocommit(False)
        with adbc_driver_manager.AdbcStatement(connection) as statement:
            statement.set_sql_query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            statement.execute_update()
        return connection

    def _execute(self, name: str, sql: str) -> Batches:
        self._statement = adbc_driver_manager.AdbcStatement(self._connection)
        self._statement.set_sql_query(sql)

        def execute() -> Batches:
            stream, _ = self._statement.execute_query()
            return Batches(stream)

        self._batches = self._call(name, execute)
        return self._batches

    def _end_statement(self) -> None:
        if self._batches is not None:
            self._batches.close()
        if self._statement is not None:
            with contextlib.suppress(adbc_driver_manager.Error):
                self._statement.close()
        self._batches = self._statement = None

    def _begin(self, function: Callable[[], _T]) -> Future[_T]:
        self._pending = future = _start(function)
        return future

    def _call(self, name: str, function: Callable[[], _T]) -> _T:
        return self._result(name, self._begin(function))

    def _result(self, name: str, future: Future[_T]) -> _T:
        try:
            return future.result()
        except (adbc_driver_manager.Error, PlanError) as error:
            # Without its cause, whose text has not been looked through for a password.
            raise PlanError(f"{name}: {self._uri.without_password(_told(error))}") from None


def _start(function: Callable[[], _T]) -> Future[_T]:
    future: Future[_T] = Future()

    def run() -> None:
        try:
            future.set_result(function())
        except BaseException as error:  # noqa: BLE001  it is raised again where it is awaited
            future.set_exception(error)

    threading.Thread(target=run, daemon=True, name="numdip-postgresql").start()
    return future


# ---------- Types --------------------------------------------------------------------------------


def _sql_type(arrow: str, extension: str, metadata: str) -> str:
    """The name of a column's type in SQL; "text" for all that is written as text."""
    if extension == "arrow.opaque":  # Arrow has no such type: numeric, enumerations, citext
        name = json.loads(metadata)["type_name"]
        return name if name == "numeric" else "text"
    if extension:
        return extension.removeprefix("arrow.")
    return _SQL_TYPES.get(arrow, arrow)


def _check_type(name: str, column: str, found: str) -> None:
    """Refuses a column whose text would not be what was meant."""
    if found in _INTEGERS and column in DIGIT_TEXT:
        raise PlanError(
            f"{name}: column {column} is {found}, and a stored 12 could have been 012; "
            f"{column} must be text"
        )
    sound = {"portable": ("boolean",)}.get(column, _INTEGERS if column in COUNTS else ())
    if found == "text" or found in sound:
        return
    also = {"boolean": " or boolean", "smallint": " or integers"}.get(next(iter(sound), ""), "")
    raise PlanError(f"{name}: column {column} is {found}, expected text{also}")


def _read_as(column: str, found: str) -> str:
    """The type of a column in SQL when it is read: the extension reads bigint faster than text."""
    return "bigint" if column == "number" and found in _INTEGERS[:3] else "text"


# ---------- What went wrong ----------------------------------------------------------------------

#: What to do, by a part of what libpq says of a connection.
_MENDS = {
    "password": "give the right one in PGPASSWORD, in ~/.pgpass or in the URI",
    "translate host name": "is the host right?",
    "failed: Connection refused": "is PostgreSQL running there, and are host and port right?",
    "failed: No such file": "is PostgreSQL running there? ?host=FOLDER names its socket's folder",
    "timed out": "is PostgreSQL running there, and are host and port right?",
}


def _told(error: Exception) -> str:
    """What the driver says, in one line, and what to do."""
    details = {_text(key): _text(value) for key, value in getattr(error, "details", None) or []}
    if message := details.get("PG_DIAG_MESSAGE_PRIMARY"):
        if position := details.get("PG_DIAG_STATEMENT_POSITION"):
            message += f" at character {max(1, int(position) - len(_DESCRIBE))}"
        hint = details.get("PG_DIAG_MESSAGE_HINT", "")
        if details.get("PG_DIAG_SQLSTATE") == "42601":
            hint = "expected a query that gives rows, such as SELECT …"
        return _one_line(f"{message}; {hint}" if hint else message)
    text = str(error)
    for before in ("Failed to connect: ", "ERROR: ", "FATAL: "):
        text = text.partition(before)[2] or text
    first = next(iter(text.strip().splitlines()), "the driver does not say what is wrong")
    mend = next((mend for part, mend in _MENDS.items() if part in first), "")
    return _one_line(f"{first}; {mend}" if mend else first)


def _text(value: str | bytes) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else value


def _one_line(text: str) -> str:
    return " ".join(text.split())
