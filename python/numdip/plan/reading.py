"""Plan files to batches of rows: which kind a file is, its columns, and its rows as text.

Polars reads the values; here is what a person must be told about a file that cannot be read, and
on which line each row stands. A :class:`PlanFile` is opened, says what it :attr:`~PlanFile.holds`
and gives :class:`Batch` after batch, so that a file may be larger than memory.

CSV files are read by :mod:`numdip.plan.csv_chunks`.
"""

from __future__ import annotations

import difflib
import os
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

from ..errors import PlanError

try:
    import polars as pl
except ImportError as error:
    raise PlanError('plan files are read with Polars: pip install "numdip[plan]"') from error
# Polars has system calls go on after a Ctrl-C; a pipe that stays silent would hold us for ever.
signal.siginterrupt(signal.SIGINT, True)

from .csv_chunks import CsvChunks

if TYPE_CHECKING:
    from polars import DataFrame, DataType

__all__ = ["Batch", "PlanFile"]

Kind = Literal["ranges", "ported numbers"]

#: The columns that a file must have, and those that it may have besides.
_COLUMNS: dict[Kind, tuple[list[str], list[str]]] = {
    "ranges": (
        [
            *("prefix", "min_length", "max_length", "country", "kind"),
            *("mcc", "mnc", "operator", "portable"),
        ],
        ["source"],
    ),
    "ported numbers": (
        ["number", "mcc", "mnc"],
        ["operator", "spid", "rn", "rn_context", "since"],
    ),
}

#: An integer cannot say 012; these columns hold digits that may start with 0.
_DIGIT_TEXT = ("mcc", "mnc", "spid", "rn")
_COUNTS = ("prefix", "number", "min_length", "max_length")

#: Rows handed over at a time: enough to keep two cores busy, few enough for any memory.
_PARQUET_ROWS = 500_000


class Batch(NamedTuple):
    """Some rows of one file, all columns text."""

    rows: DataFrame
    #: Line of the first row, the header being line 1; in a Parquet file the row's number from 1.
    first_line: int


class PlanFile:
    """
    One file of ranges or of ported numbers.

    Raises :class:`~numdip.errors.PlanError`, which names the file and where possible the line, when
    it is made and while :meth:`batches` is read.
    """

    #: Which rows the file holds.
    holds: Kind

    def __init__(
        self, path: str, *, note: Callable[[str], None], progress: Callable[[int], None]
    ) -> None:
        if os.path.isdir(path):
            raise PlanError(f"{path}: is a folder; name the files in it")
        try:
            with open(path, "rb") as file:
                start = file.read(4)
        except OSError as error:
            raise PlanError(f"{path}: cannot be read: {error.strerror}") from error
        self._path = path
        self._progress = progress
        self._csv: CsvChunks | None = None
        columns: Mapping[str, DataType]
        if start == b"PAR1":
            columns = self._parquet_columns()
        elif path.lower().endswith(".parquet"):
            raise PlanError(f"{path}: is no Parquet file, whatever its name says")
        else:
            self._csv = CsvChunks(path, progress)
            columns = dict.fromkeys(self._csv.columns, pl.String())
        try:
            self.holds, used, ignored = _sort_columns(path, list(columns))
            self._columns = [_as_text(path, name, columns[name]) for name in used]
        except PlanError:
            self.close()
            raise
        if ignored:
            note(f"{path}: ignored columns: {', '.join(ignored)}")

    def __enter__(self) -> PlanFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the file; batches that were given stay."""
        if self._csv is not None:
            self._csv.close()

    def batches(self, skipped: list[str] | None) -> Iterator[Batch]:
        """
        Gives the rows in the file's order.

        Args:
            skipped: rows with too few or too many fields are left out and told here; with ``None``
                the first of them raises.
        """
        if self._csv is None:
            yield from self._parquet_batches()
            return
        for rows, first_line in self._csv.batches(skipped):
            yield Batch(rows.select(self._columns), first_line)

    def _parquet_columns(self) -> dict[str, DataType]:
        try:
            return dict(pl.scan_parquet(self._path, glob=False).collect_schema())
        except (pl.exceptions.PolarsError, OSError) as error:
            raise PlanError(f"{self._path}: is no readable Parquet file: {error}") from error

    def _parquet_batches(self) -> Iterator[Batch]:
        size, row = os.path.getsize(self._path), 0
        scan = pl.scan_parquet(self._path, glob=False)
        try:
            total = max(1, scan.select(pl.len()).collect().item())
            for rows in scan.select(self._columns).collect_batches(chunk_size=_PARQUET_ROWS):
                if rows.height:
                    yield Batch(rows, row + 1)
                self._progress(size * (row + rows.height) // total - size * row // total)
                row += rows.height
        except pl.exceptions.PolarsError as error:
            raise PlanError(f"{self._path}: damaged after row {row}: {error}") from error


# ---------- Columns ------------------------------------------------------------------------------


def _sort_columns(path: str, found: Sequence[str]) -> tuple[Kind, list[str], list[str]]:
    """Says what a file with these columns holds, which of them count, and which do not."""
    shown = ", ".join(found)
    if ("prefix" in found) == ("number" in found):
        both = "both" if "prefix" in found else "neither"
        mend = "; part the fields by commas" if len(found) == 1 else ""
        raise PlanError(
            f"{path}: found columns {shown}, {both} of prefix and number; expected prefix in a "
            f"file of ranges, number in a file of ported numbers{mend}"
        )
    kind: Kind = "ranges" if "prefix" in found else "ported numbers"
    required, extras = _COLUMNS[kind]
    missing = [name for name in required if name not in found]
    if missing:
        strangers = {column.lower(): column for column in found if column not in required}
        hints = ""
        for name in missing:
            for near in difflib.get_close_matches(name, list(strangers), n=1):
                hints += f'; is "{strangers[near]}" meant to be {name}?'
        raise PlanError(
            f"{path}: a file of {kind} that lacks {', '.join(missing)}; found {shown}{hints}"
        )
    used = [name for name in (*required, *extras) if name in found]
    return kind, used, [name for name in found if name not in used]


def _as_text(path: str, name: str, dtype: DataType) -> pl.Expr:
    """The column as text, or a refusal where text would not be what was meant."""
    column = pl.col(name)
    if dtype.is_integer() and name in _DIGIT_TEXT:
        raise PlanError(
            f"{path}: column {name} holds integers, and a stored 12 could have been 012; "
            f"{name} must be text"
        )
    if (
        isinstance(dtype, pl.Null | pl.String | pl.Categorical | pl.Enum)
        or (dtype.is_integer() and name in _COUNTS)
        or (dtype == pl.Boolean and name == "portable")
        or (dtype.is_temporal() and name == "since")
    ):
        return column.cast(pl.String)
    expected = {"portable": "true and false or text", "since": "dates or text"}.get(name, "text")
    if name in _COUNTS:
        expected = "text or integers"
    raise PlanError(f"{path}: column {name} holds {dtype}, expected {expected}")
