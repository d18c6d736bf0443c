"""``numdip plan apply`` and ``compact``: changes laid over a snapshot, and folded into it."""

from __future__ import annotations

import os
from typing import Annotated, Literal

import typer

from .failures import DONE, complain, exits
from .progress import build_progress
from .rows import complain_of_rows, rows_lost

__all__ = ["apply", "compact"]


@exits
def apply(
    snapshot: Annotated[str, typer.Argument(metavar="F", help="Snapshot that is changed.")],
    inputs: Annotated[
        list[str],
        typer.Argument(
            metavar="IN…", help="CSV (also .gz, .zst) or Parquet: number, action, mcc, mnc, …"
        ),
    ],
    time: Annotated[
        str | None,
        typer.Option(metavar="T", help="From when on they hold, ISO 8601 in UTC; now by default."),
    ] = None,
    on_error: Annotated[
        Literal["fail", "skip"],
        typer.Option(help="Bad rows: write nothing, or apply the others."),
    ] = "fail",
    on_duplicate: Annotated[
        Literal["fail", "last"],
        typer.Option(help="Two rows for one number: an error, or the last counts."),
    ] = "fail",
) -> int:
    """Lay changes of ported numbers over a snapshot.

    The column action is add, change or remove; a removed number returns to its range. Applying the
    same changes again changes nothing. Exits with 1 if rows are bad and nothing was written.
    """
    from ..plan import apply as apply_changes

    with build_progress() as progress:
        applied = apply_changes(
            snapshot,
            inputs,
            time=time,
            on_error=on_error,
            on_duplicate=on_duplicate,
            note=complain,
            progress=progress,
        )
    complain_of_rows(applied)
    for count, text in (
        (applied.added_twice, "to be added were ported already, to another network: changed"),
        (applied.changed_unlisted, "to be changed were not ported yet: added"),
        (applied.removed_unlisted, "to be removed were not ported"),
    ):
        if count:
            complain(f"{snapshot}: {count:,} numbers {text}")
    layer = f"layer {applied.sequence}" if applied.file else "nothing changed, no layer"
    print(
        f"{snapshot}: {layer}: {applied.added:,} added, {applied.changed:,} changed, "
        f"{applied.removed:,} removed, {applied.unchanged:,} as they were{rows_lost(applied)}"
    )
    return DONE


@exits
def compact(
    snapshot: Annotated[str, typer.Argument(metavar="F", help="Snapshot with layers.")],
    output: Annotated[
        str | None,
        typer.Option("--output", "-o", metavar="OUT", help="Write there, leave F as it is."),
    ] = None,
    forget_history: Annotated[
        bool,
        typer.Option("--forget-history", help="Remove folded layers: no more lookup --at before."),
    ] = False,
) -> int:
    """Fold the layers of a snapshot into its file.

    Look-ups, also of earlier times, say the same before and after.
    """
    from ..plan import compact as fold

    done = fold(snapshot, output, forget_history=forget_history)
    written = output or snapshot
    print(
        f"{written}: {done.layers:,} layers folded, {done.ported:,} ported numbers, "
        f"{done.networks:,} networks, {os.path.getsize(written):,} octets"
    )
    return DONE
