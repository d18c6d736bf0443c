"""Plan files to batches of rows: which kind a file is, its columns, and its rows as text.

Polars reads the values; here is what a person must be told about a file that cannot be read, and
on which line each row stands. A :class:`PlanFile` is opened, says what it :attr:`~PlanFile.holds`
and gives :class:`Batch` after batch, so that a file may be larger than memory.

CSV files are read by :mod:`numdip.plan.csv_chunks`.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple, Self

from ..errors import PlanError

try:
    import polars as pl
except ImportError as error:
    raise PlanError('plan files are read with Polars: pip install "numdip[plan]"') from error

from .columns import COUNTS, DIGIT_TEXT, Kind, sort_columns
from .csv_chunks import CsvChunks

if TYPE_CHECKING:
    from polars import DataFrame, DataType

# Polars has system calls go on after a Ctrl-C; a pipe that stays silent would hold us for ever.
signal.siginterrupt(signal.SIGINT, True)

__all__ = ["Batch", "PlanFile"]

#: Rows handed over at a time: enough to keep two cores busy, few enough for any memory.
_PARQUET_ROWS = 500_000


class Batch(NamedTuple):
    """Some rows of one file, all columns text; ported numbers may be integers."""

    rows: DataFrame
    #: Line of the first row, the header being line 1; in a Parquet file the row's number from 1.
    first_line: int


class PlanFile:
    """One file of ranges, of ported numbers or of changes to these.

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
            # Once: a pipe cannot be opened again. close() ends it.
            self._file = open(path, "rb")  # noqa: SIM115
        except OSError as error:
            raise PlanError(f"{path}: cannot be read: {error.strerror}") from error
        self._path = path
        self._progress = progress
        try:
            columns = self._read_columns()
            self.holds, used = sort_columns(path, list(columns), note)
            self._columns = [_as_text(path, name, columns[name]) for name in used]
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the file; batches that were given stay."""
        self._file.close()

    def _read_columns(self) -> Mapping[str, DataType]:
        self._csv: CsvChunks | None = None
        if self._file.peek(4).startswith(b"PAR1"):
            return self._parquet_columns()
        if self._path.lower().endswith(".parquet"):
            raise PlanError(f"{self._path}: is no Parquet file, whatever its name says")
        self._csv = CsvChunks(self._path, self._file, self._progress)
        return dict.fromkeys(self._csv.columns, pl.String())

    def batches(self, skipped: list[str] | None) -> Iterator[Batch]:
        """Gives the rows in the file's order.

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


def _as_text(path: str, name: str, dtype: DataType) -> pl.Expr:
    """The column as text, or a refusal where text would not be what was meant."""
    column = pl.col(name)
    if dtype.is_signed_integer() and name == "number":
        return column.cast(pl.Int64)  # the extension reads them faster than text
    if dtype.is_integer() and name in DIGIT_TEXT:
        raise PlanError(
            f"{path}: column {name} holds integers, and a stored 12 could have been 012; "
            f"{name} must be text"
        )
    if (
        isinstance(dtype, pl.Null | pl.String | pl.Categorical | pl.Enum)
        or (dtype.is_integer() and name in COUNTS)
        or (dtype == pl.Boolean and name == "portable")
        or (dtype.is_temporal() and name == "since")
    ):
        return column.cast(pl.String)
    expected = {"portable": "true and false or text", "since": "dates or text"}.get(name, "text")
    if name in COUNTS:
        expected = "text or integers"
    raise PlanError(f"{path}: column {name} holds {dtype}, expected {expected}")
