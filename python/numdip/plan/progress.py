"""How far a build is: what was read is added up and told."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

__all__ = ["Meter", "Progress", "size_of"]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a build is."""

    #: First all input is read, then it is sorted and written.
    phase: Literal["reading", "writing"]
    #: How much is done of *total*: octets of the input files read, rows written.
    done: int
    #: ``None`` where it is not known before, as of a pipe or a database.
    total: int | None
    #: Rows read.
    rows: int


class Meter:
    """Adds up what was read, and tells it."""

    def __init__(self, told: Callable[[Progress], None], total: int | None) -> None:
        self._told = told
        self._progress = Progress("reading", 0, total, 0)
        told(self._progress)  # a query may take long to give its first row

    def octets(self, count: int) -> None:
        """So many octets more of the input files were read."""
        self._tell(done=self._progress.done + count)

    def rows(self, count: int) -> int:
        """So many rows more were read; gives their count."""
        self._tell(rows=self._progress.rows + count)
        return count

    def writing(self) -> None:
        """All is read."""
        self._tell(phase="writing", done=0, total=None)

    def written(self, done: int, total: int) -> None:
        """So many rows of all were written."""
        self._tell(done=done, total=total)

    def _tell(self, **changes: Any) -> None:
        self._progress = replace(self._progress, **changes)
        self._told(self._progress)


def size_of(inputs: Sequence[str]) -> int | None:
    """The octets of all inputs, if all are files that have a size."""
    if not all(os.path.isfile(path) for path in inputs):
        return None
    return sum(os.path.getsize(path) for path in inputs)
