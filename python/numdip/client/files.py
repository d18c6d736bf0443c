"""Files of numbers to files of answers, some rows at a time, and on from where a run ended.

Each portion of rows that has its answers is a file of its own in a folder beside the result. A run
that is interrupted is gone on with by the same call; at the end the portions become the result,
which appears whole or not at all.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..errors import ClientError
from .blocking import Client

if TYPE_CHECKING:
    import polars as pl

__all__ = ["FileProgress", "look_up_file"]

#: Rows of a portion: some seconds of work, which is what an interruption costs.
PORTION = 100_000

#: Outcomes after which asking again may help.
_AGAIN = ("timeout", "unreachable", "servfail")


@dataclass
class FileProgress:
    """How far a file is."""

    #: Rows of the file.
    total: int
    #: Rows with an outcome, those of earlier runs included.
    done: int = 0
    #: Rows by outcome.
    outcomes: Counter[str] = field(default_factory=Counter)
    #: Rows that an earlier run had answers for.
    resumed: int = 0


def look_up_file(
    client: Client,
    source: str,
    target: str,
    *,
    column: str | None = None,
    in_flight: int = 1000,
    retries: int = 1,
    progress: Callable[[FileProgress], None] = lambda step: None,
) -> FileProgress:
    """Look up the numbers of a CSV or Parquet file and write them with their answers to another.

    Args:
        client: whoever is to be asked; its options are part of what makes a run the same.
        source: CSV (with a header) or Parquet, by its ending.
        target: the result, by its ending; replaced if it is there.
        column: which one has the numbers; ``None``: ``number``, or the only one.
        in_flight: questions without an answer at any time.
        retries: how often rows are asked again that got no answer.
        progress: called some times a second.

    Raises:
        ClientError: a file cannot be read or written, has no such column, or the folder of portions
            is of another run.
    """
    pl = _polars()
    _ending(target)
    try:
        rows = _scan(pl, source)
        named = _column(rows.collect_schema().names(), column, source)
        state = FileProgress(rows.select(pl.len()).collect().item())
        folder = _folder(client, source, target, named)
        parts = []
        for number, frame in enumerate(_portions(pl, rows)):
            part = os.path.join(folder, f"{number:06}.parquet")
            parts.append(part)
            if os.path.exists(part):
                answered = pl.read_parquet(part, columns=["outcome"])
                state.resumed += frame.height
            else:
                asking = _Asking(pl, client, named, in_flight, retries)
                answered = _answered(asking, frame, state, progress)
                _write_whole(part, answered.write_parquet)
            state.done += frame.height
            state.outcomes.update(answered["outcome"].to_list())
            progress(state)
        _write_result(pl, parts, target)
        _remove(folder, parts)
    except pl.exceptions.PolarsError as error:
        raise ClientError(f"{source}: {str(error).splitlines()[0]}") from error
    except (FileNotFoundError, PermissionError, IsADirectoryError) as error:
        raise ClientError(f"{error.filename or source}: {error.strerror or error}") from error
    return state


def _polars() -> Any:
    try:
        import polars as pl
    except ImportError as error:
        raise ClientError('files are read with Polars: pip install "numdip[plan]"') from error
    return pl


def _ending(path: str) -> str:
    ending = os.path.splitext(path)[1].lower()
    if ending not in (".csv", ".parquet"):
        raise ClientError(f"{path}: expected a name that ends in .csv or .parquet")
    return ending


def _scan(pl: Any, source: str) -> pl.LazyFrame:
    if not os.path.isfile(source):
        raise ClientError(f"{source}: no such file")
    if _ending(source) == ".parquet":
        return pl.scan_parquet(source)  # type: ignore[no-any-return]
    # Numbers and codes stay the text that they are.
    return pl.scan_csv(source, infer_schema=False)  # type: ignore[no-any-return]


def _column(names: list[str], wanted: str | None, source: str) -> str:
    found = wanted or ("number" if "number" in names or len(names) != 1 else names[0])
    if found not in names:
        raise ClientError(
            f"{source}: no column {found}; name the one that has the numbers: {', '.join(names)}"
        )
    return found


def _folder(client: Client, source: str, target: str, column: str) -> str:
    """The folder of portions, which must be of a run like this one."""
    about = os.stat(source)
    run = {
        "source": os.path.abspath(source),
        "octets": about.st_size,
        "changed": about.st_mtime_ns,
        "column": column,
        "portion": PORTION,
        "servers": [str(state.server) for state in client.servers],
        "apex": client.apex,
        "lenient": client.lenient,
    }
    folder = f"{target}.parts"
    note = os.path.join(folder, "run.json")
    if os.path.exists(note):
        with open(note, encoding="utf-8") as file:
            if json.load(file) != run:
                raise ClientError(
                    f"{folder}: answers of another run; remove it, or name another output"
                )
        return folder
    os.makedirs(folder, exist_ok=True)
    strange = set(os.listdir(folder)) - {"run.json.unfinished"}
    if strange:
        raise ClientError(
            f"{folder}: holds {min(strange)} and no run.json, so it is not known whose answers "
            "these are; remove the folder, or name another output"
        )

    def write(path: str) -> None:
        with open(path, "w", encoding="utf-8") as file:
            json.dump(run, file, indent=1)

    _write_whole(note, write)
    return folder


def _remove(folder: str, parts: list[str]) -> None:
    """Removes what a run kept, its note last: portions without a note would be nobody's."""
    for part in parts:
        os.remove(part)
    os.remove(os.path.join(folder, "run.json"))
    # What somebody else put there is theirs.
    with contextlib.suppress(OSError):
        os.rmdir(folder)


def _portions(pl: Any, rows: pl.LazyFrame) -> Iterator[pl.DataFrame]:
    """The rows in portions of one size, whatever pieces they are read in."""
    waiting: list[pl.DataFrame] = []
    count = 0
    for piece in rows.collect_batches(chunk_size=PORTION, maintain_order=True):
        waiting.append(piece)
        count += piece.height
        while count >= PORTION:
            joined = pl.concat(waiting)
            yield joined.head(PORTION)
            waiting, count = [joined.slice(PORTION)], count - PORTION
    if count:
        yield pl.concat(waiting)


@dataclass(frozen=True)
class _Asking:
    """How rows are asked for."""

    pl: Any
    client: Client
    column: str
    in_flight: int
    retries: int

    def look_up(self, numbers: pl.Series, told: Callable[[int], None]) -> pl.DataFrame:
        table = self.client.lookup_many(numbers, in_flight=self.in_flight, progress=told)
        pl = self.pl
        words = pl.col(pl.Categorical).cast(pl.String)
        return pl.DataFrame(table).with_columns(words)


def _answered(
    asking: _Asking,
    frame: pl.DataFrame,
    state: FileProgress,
    progress: Callable[[FileProgress], None],
) -> pl.DataFrame:
    """The rows with their answers beside them."""
    pl, before = asking.pl, state.done

    def told(done: int) -> None:
        state.done = before + done
        progress(state)

    numbers = frame[asking.column]
    answers = asking.look_up(numbers, told)
    for _ in range(asking.retries):
        places = answers["outcome"].is_in(_AGAIN).arg_true()
        if places.is_empty():
            break
        again = asking.look_up(numbers.gather(places), lambda done: None)
        numbered = pl.int_range(answers.height, eager=True, dtype=pl.UInt32).alias("row")
        kept = answers.with_columns(numbered).filter(~numbered.is_in(places.implode()))
        again = again.with_columns(places.cast(pl.UInt32).alias("row"))
        answers = pl.concat([kept, again]).sort("row").drop("row")
    state.done = before
    taken = set(frame.columns)
    names = {
        name: f"answer_{name}" for name in answers.columns if name in taken and name != "outcome"
    }
    if "outcome" in taken:
        frame = frame.rename({"outcome": "outcome_before"})
    return frame.hstack(answers.rename(names))


def _write_result(pl: Any, parts: list[str], target: str) -> None:
    if not parts:
        raise ClientError("no rows: the file holds no numbers")
    rows = pl.scan_parquet(parts)
    is_csv = _ending(target) == ".csv"
    _write_whole(target, rows.sink_csv if is_csv else rows.sink_parquet)


def _write_whole(path: str, write: Callable[[str], object]) -> None:
    """Writes a file that appears whole or not at all."""
    unfinished = f"{path}.unfinished"
    write(unfinished)
    with open(unfinished, "rb+") as file:
        os.fsync(file.fileno())
    os.replace(unfinished, path)
