"""CSV text in chunks of whole records, each parsed by Polars, with the line of every row.

A file, compressed or not, is read some 16 MiB at a time and cut at an end of line that lies outside
quotes. Where a chunk is plain (one line per record, as many commas as the header asks for) Polars
parses it and line numbers are a matter of counting. Where it is not (quoted line breaks, blank
lines, too many or too few fields, stray quotes) the standard library's ``csv`` goes through that
chunk alone, for it can say on which line each record starts and what is wrong with it.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import polars as pl

from ..errors import PlanError
from .octet_streams import OctetStream

if TYPE_CHECKING:
    from polars import DataFrame

__all__ = ["CsvChunks"]

CHUNK = 16 << 20
#: A quoted field that goes on for longer than this has lost its closing quote.
MAX_FIELD = 1 << 20


class CsvChunks:
    """One CSV file: its :attr:`columns` at once, its rows by :meth:`batches`.

    Raises :class:`~numdip.errors.PlanError` for everything that is not CSV in UTF-8.
    """

    #: The names in the header.
    columns: list[str]

    def __init__(self, path: str, file: io.BufferedReader, progress: Callable[[int], None]) -> None:
        """Reads the header of *file*, which was opened at *path* and stays whose it was."""
        self._path = path
        self._octets = OctetStream(path, file, progress)
        self._read_header()

    def _read_header(self) -> None:
        header = self._octets.read_line(MAX_FIELD)
        self._first_offset = len(header)
        text = self._decode(header, 1, 0).removeprefix("\ufeff")
        if not text.strip():
            raise PlanError(f"{self._path}: empty; expected a header line with the columns' names")
        try:
            fields = next(csv.reader([text], strict=True))
        except csv.Error as error:
            raise PlanError(f"{self._path}:1: the header is not CSV: {error}") from error
        # Spreadsheets leave columns without a name behind; each gets one that no column has.
        self.columns = [name.strip() or f"(column {i})" for i, name in enumerate(fields, 1)]
        for i, name in enumerate(self.columns):
            if name in self.columns[:i]:
                raise PlanError(f'{self._path}:1: column "{name}" is there twice; leave one out')

    def batches(self, skipped: list[str] | None) -> Iterator[tuple[DataFrame, int]]:
        """Gives rows and the line of the first; rows of a batch stand on consecutive lines."""
        line, offset = 2, self._first_offset
        for chunk in self._chunks():
            text = self._decode(chunk, line, offset)
            yield from self._plain(chunk, line) or self._careful(text, line, skipped)
            line += chunk.count(b"\n")
            offset += len(chunk)

    # --- Cutting

    def _chunks(self) -> Iterator[bytes]:
        rest = b""
        line = 2
        while True:
            more = self._octets.read(CHUNK)
            rest += more
            end = len(rest) if not more else _last_record_end(rest)
            if end == 0 and len(rest) > MAX_FIELD + CHUNK:
                raise PlanError(
                    f"{self._path}:{line}: a quoted field starts in this record and does not end "
                    f"within {MAX_FIELD >> 20} MiB; close or remove the quote"
                )
            if end:
                yield rest[:end]
                line += rest.count(b"\n", 0, end)
                rest = rest[end:]
            if not more:
                return

    def _decode(self, octets: bytes, line: int, offset: int) -> str:
        try:
            return octets.decode()
        except UnicodeDecodeError as error:
            line += octets.count(b"\n", 0, error.start)
            is_utf16 = octets.startswith((b"\xff\xfe", b"\xfe\xff"))
            raise PlanError(
                f"{self._path}:{line}: not UTF-8 at octet {offset + error.start}; convert it, "
                f"such as by iconv -f {'UTF-16' if is_utf16 else 'LATIN1'} -t UTF-8"
            ) from error

    # --- Parsing

    def _plain(self, chunk: bytes, line: int) -> list[tuple[DataFrame, int]]:
        """The chunk's rows if each is one line of all fields, else nothing."""
        try:
            schema = dict.fromkeys(self.columns, pl.String)
            rows = pl.read_csv(chunk, has_header=False, schema=schema)
        except pl.exceptions.PolarsError:
            return []
        lines = chunk.count(b"\n") + (not chunk.endswith(b"\n"))
        # Polars fills missing fields up in silence; the commas tell.
        commas = chunk.count(b",")
        if b'"' in chunk:
            quoted = rows.select(
                pl.sum_horizontal(pl.all().str.count_matches(",", literal=True).sum())
            )
            commas -= int(quoted.item())
        if rows.height != lines or commas != lines * (len(self.columns) - 1):
            return []
        return [(rows, line)]

    def _careful(
        self, text: str, line: int, skipped: list[str] | None
    ) -> Iterator[tuple[DataFrame, int]]:
        """The chunk's rows in runs of consecutive lines."""
        reader = csv.reader(io.StringIO(text, newline="\n"), strict=True)
        run: list[list[str]] = []
        run_line = at = line
        expected = len(self.columns)
        while True:
            at = line + reader.line_num
            try:
                record = next(reader)
            except StopIteration:
                break
            except csv.Error as error:
                raise PlanError(f"{self._path}:{at}: bad quoting: {error}") from error
            if run and at != run_line + len(run):
                yield self._frame(run), run_line
                run = []
            if not record:  # a blank line
                continue
            if len(record) != expected:
                fault = f"{self._path}:{at}: found {len(record)} fields, expected {expected}"
                if skipped is None:
                    raise PlanError(f"{fault} ({', '.join(self.columns)})")
                skipped.append(fault)
                continue
            if not run:
                run_line = at
            run.append(record)
        if run:
            yield self._frame(run), run_line

    def _frame(self, records: list[list[str]]) -> DataFrame:
        return pl.DataFrame(records, schema=dict.fromkeys(self.columns, pl.String), orient="row")


def _last_record_end(octets: bytes) -> int:
    """Where the last whole record ends: an end of line with an even number of quotes before it."""
    end = octets.rfind(b"\n") + 1
    quotes = octets.count(b'"', 0, end)
    while end and quotes % 2:
        before = octets.rfind(b"\n", 0, end - 1) + 1
        quotes -= octets.count(b'"', before, end)
        end = before
    return end
