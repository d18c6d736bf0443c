"""``numdip plan``: snapshots from plan files, and what is in them."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from .failures import DONE, NO, complain, exits
from .words import aligned, share, utc

if TYPE_CHECKING:
    from ..plan import Applied, Built
    from ..plan.stats import Statistics

__all__ = ["plan"]

plan = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Build snapshots from plan files, verify them, and say what they hold.",
)


# ---------- build --------------------------------------------------------------------------------


@plan.command()
@exits
def build(
    inputs: Annotated[
        list[str],
        typer.Argument(
            metavar="IN…", help="CSV (also .gz, .zst) or Parquet: ranges and ported numbers."
        ),
    ],
    output: Annotated[str, typer.Option("--output", "-o", metavar="F", help="Snapshot to write.")],
    on_error: Annotated[
        Literal["fail", "skip"],
        typer.Option(help="Bad rows: write nothing, or build without them."),
    ] = "fail",
    on_duplicate: Annotated[
        Literal["fail", "last"],
        typer.Option(help="Two rows for one number: an error, or the last counts."),
    ] = "fail",
    time: Annotated[
        str | None,
        typer.Option(metavar="T", help="From when on it holds, ISO 8601 in UTC; now if not given."),
    ] = None,
) -> int:
    """Build a snapshot from plan files.

    A file with a column prefix holds ranges, one with a column number ported numbers. The snapshot
    appears whole or not at all. Exits with 1 if rows are bad and nothing was written.
    """
    from ..errors import PlanError
    from ..plan import build as build_snapshot

    try:
        with _progress(inputs) as progress:
            built = build_snapshot(
                inputs,
                output,
                time=time,
                on_error=on_error,
                on_duplicate=on_duplicate,
                note=complain,
                progress=progress,
            )
    except PlanError as error:
        if not error.report:
            raise
        complain(error.report)
        return NO
    _complain_of_rows(built)
    print(
        f"{output}: {built.ranges:,} ranges, {built.ported:,} ported numbers, "
        f"{built.networks:,} networks, {os.path.getsize(output):,} octets{_rows_lost(built)}"
    )
    return DONE


def _complain_of_rows(done: Applied | Built) -> None:
    complain("\n".join(done.faults))
    if done.left_out > len(done.faults):
        complain(f"… and {done.left_out - len(done.faults):,} more")


def _rows_lost(done: Applied | Built) -> str:
    replaced = f", {done.replaced:,} rows replaced by later ones" if done.replaced else ""
    return replaced + (f", {done.left_out:,} bad rows left out" if done.left_out else "")


@contextmanager
def _progress(inputs: list[str]) -> Iterator[Callable[[int], None]]:
    """Shows on a terminal how much of the input is read; elsewhere nothing."""
    if not sys.stderr.isatty():
        yield lambda octets: None
        return
    from rich.console import Console
    from rich.progress import Progress

    total = sum(os.path.getsize(path) for path in inputs if os.path.isfile(path))
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("reading", total=total)
        yield lambda octets: bar.advance(task, octets)


# ---------- apply, compact -----------------------------------------------------------------------


@plan.command()
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
    from ..errors import PlanError
    from ..plan import apply as apply_changes

    try:
        with _progress(inputs) as progress:
            applied = apply_changes(
                snapshot,
                inputs,
                time=time,
                on_error=on_error,
                on_duplicate=on_duplicate,
                note=complain,
                progress=progress,
            )
    except PlanError as error:
        if not error.report:
            raise
        complain(error.report)
        return NO
    _complain_of_rows(applied)
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
        f"{applied.removed:,} removed, {applied.unchanged:,} as they were{_rows_lost(applied)}"
    )
    return DONE


@plan.command()
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


# ---------- verify -------------------------------------------------------------------------------


@plan.command()
@exits
def verify(
    snapshot: Annotated[str, typer.Argument(metavar="F", help="Snapshot.")],
) -> int:
    """Read a whole snapshot with its layers and check every section of it.

    Exits with 1 if it is damaged, with 2 if there is no such file.
    """
    from .. import SnapshotError
    from .. import open as open_snapshot

    with open(snapshot, "rb"):  # a file that is not there is not a damaged one
        pass
    try:
        opened = open_snapshot(snapshot)
        opened.verify()
    except SnapshotError as error:
        complain(str(error))
        return NO
    layers = f", {len(opened.layers):,} layers" if opened.layers else ""
    print(f"{snapshot}: sound, {len(opened):,} prefixes and ported numbers{layers}")
    return DONE


# ---------- stats --------------------------------------------------------------------------------


@plan.command()
@exits
def stats(
    snapshot: Annotated[
        str | None, typer.Argument(metavar="F", help="Snapshot; the bundled plan if not given.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on one line.")] = False,
) -> int:
    """Say what a snapshot holds, and how much of each country's mobile numbers it can name."""
    from .. import open as open_snapshot
    from ..plan.stats import statistics

    found = statistics(open_snapshot(snapshot))
    if as_json:
        print(json.dumps(found.to_dict(), ensure_ascii=False))
        return DONE
    print(
        f"{found.path}: {found.ranges:,} ranges, {found.ported:,} ported numbers, "
        f"{found.networks:,} networks, {found.octets:,} octets"
    )
    print(f"file: sequence {found.base_sequence:,}, {utc(found.base_time)}")
    if found.ported_in_file:
        each = found.ported_octets / found.ported_in_file
        least = found.ported_bound_octets / found.ported_in_file
        print(
            f"ported numbers in the file: {found.ported_in_file:,} in {found.ported_octets:,} "
            f"octets, {each:.3f} each; entropy bound {least:.3f} each, ratio "
            + (f"{each / least:.3f}" if least else "-")
        )
    for layer in found.layers:
        print(
            f"layer {layer['sequence']:,}: {utc(layer['time'])}, {layer['set']:,} set, "
            f"{layer['removed']:,} removed, {layer['octets']:,} octets"
            + (", folded" if layer["folded"] else "")
        )
    for source in found.sources:
        print(f"source: {source}")
    _print_countries(found)
    print(
        f"network known for {share(found.known_share)} of the named mobile prefix space "
        f"in the {len(found.largest)} largest countries"
    )
    if found.without_networks:
        print(
            f"{share(found.known_share_of_others)} without {', '.join(found.without_networks)}, "
            "where the operator has a name and the network is not known"
        )
    return DONE


def _print_countries(found: Statistics) -> None:
    header = ["country", "ranges", "named space", "of mobile", "network known", "portable"]
    rows = [
        [
            country.country or "-",
            f"{country.ranges:,}",
            f"{country.named_space:.2e}",
            share(country.named_share),
            share(country.known_share),
            "yes" if country.portable else "no",
        ]
        for country in found.countries
    ]
    if not sys.stdout.isatty():
        for line in aligned([header, *rows], right=range(1, 5)):
            print(line)
        return
    from rich.console import Console
    from rich.table import Table

    table = Table()
    for i, name in enumerate(header):
        table.add_column(name, justify="right" if 1 <= i <= 4 else "left")
    for row in rows:
        table.add_row(*row)
    Console().print(table)
