"""How far a build is, as bars on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import TaskID

    from ..plan import Progress

__all__ = ["build_progress"]

_PHASES = {"reading": "reading", "writing": "sorting and writing"}


@contextmanager
def build_progress() -> Iterator[Callable[[Progress], None]]:
    """Shows a bar for each phase while standard error is a terminal, elsewhere nothing.

    A bar has what is done, the time that took and the time left; that of reading also octets, rows
    and rows per second. Nothing of it stays on the terminal.
    """
    if not sys.stderr.isatty():
        yield lambda step: None
        return
    from rich.console import Console
    from rich.filesize import decimal
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[told]}"),
        TimeElapsedColumn(),
        TextColumn("{task.fields[left]}"),
        TimeRemainingColumn(),
    )
    tasks: dict[str, TaskID] = {}
    with Bars(*columns, console=Console(stderr=True), transient=True) as bars:

        def told(step: Progress, elapsed: float) -> str:
            if step.phase == "writing":
                return f"{step.done / step.total:.0%}" if step.total else ""
            of = f" of {decimal(step.total)}" if step.total else ""
            octets = f"{decimal(step.done)}{of}, " if step.done or step.total else ""
            rate = f", {step.rows / elapsed:,.0f} rows/s" if step.rows and elapsed else ""
            return f"{octets}{step.rows:,} rows{rate}"

        def show(step: Progress) -> None:
            if step.phase not in tasks:
                for done in tasks.values():
                    bars.stop_task(done)
                tasks[step.phase] = bars.add_task(_PHASES[step.phase], total=None, told="", left="")
            task = tasks[step.phase]
            elapsed = bars.tasks[bars.task_ids.index(task)].elapsed or 0.0
            bars.update(
                task,
                completed=step.done,
                total=step.total,
                told=told(step, elapsed),
                left="left" if step.total else "",
            )

        yield show
