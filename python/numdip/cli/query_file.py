"""``numdip query --input``: a file of numbers, with a bar on a terminal and a line at the end."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from .failures import DONE, NO, complain

if TYPE_CHECKING:
    from ..client import Client
    from ..client.files import FileProgress

__all__ = ["query_file"]

#: Outcomes that are answers; rows without a number have none to wait for.
_ANSWERS = {"found", "nodata", "nxdomain", "invalid"}


def query_file(client: Client, source: str, target: str, *, json_line: bool, **options: Any) -> int:
    """Looks up the file's numbers and says what came of them."""
    from ..client.files import look_up_file

    begin = time.monotonic()
    try:
        with _bar() as show:
            state = look_up_file(client, source, target, progress=show, **options)
    except KeyboardInterrupt:
        complain(f"interrupted; the same command goes on from {target}.parts")
        raise
    seconds = time.monotonic() - begin
    rate = (state.done - state.resumed) / seconds if seconds else 0.0
    if json_line:
        print(
            json.dumps(
                {
                    "rows": state.done,
                    "outcomes": dict(state.outcomes),
                    "resumed": state.resumed,
                    "seconds": round(seconds, 3),
                }
            )
        )
    else:
        words = ", ".join(f"{count:,} {word}" for word, count in state.outcomes.most_common())
        resumed = f", {state.resumed:,} of them from an earlier run" if state.resumed else ""
        print(f"{state.done:,} rows in {seconds:.1f} s ({rate:,.0f} a second){resumed}: {words}")
    return DONE if _ANSWERS.issuperset(state.outcomes) else NO


@contextmanager
def _bar() -> Iterator[Callable[[FileProgress], None]]:
    """A bar while standard error is a terminal, elsewhere nothing."""
    if not sys.stderr.isatty():
        yield lambda state: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("asking"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task("asking", total=None)
        yield lambda state: bars.update(task, completed=state.done, total=state.total)
