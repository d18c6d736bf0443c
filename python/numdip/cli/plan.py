"""``numdip plan``: snapshots from plan files, and what is in them."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from .failures import DONE, NO, complain, exits
from .octets import DEFAULT_MEMORY, memory_octets
from .progress import build_progress
from .rows import complain_of_rows, rows_lost
from .words import aligned, share, utc

if TYPE_CHECKING:
    from ..plan.stats import Statistics

__all__ = ["plan"]

plan = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Build snapshots from plan files, verify them, and say what they hold.",
)


def _memory(text: str) -> int:
    try:
        return memory_octets(text)
    except ValueError as fault:
        raise typer.BadParameter(str(fault)) from None


# ---------- build --------------------------------------------------------------------------------


@plan.command()
@exits
def build(
    *,
    output: Annotated[str, typer.Option("--output", "-o", metavar="F", help="Snapshot to write.")],
    inputs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="IN…",
            help="CSV (also .gz, .zst) or Parquet: ranges, ported numbers, NAPTR records; zone "
            "files; DNSControl's .js and .json.",
        ),
    ] = None,
    uri: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="URI",
            help="Database: postgresql://user@host/name; a password is best in PGPASSWORD "
            "or ~/.pgpass.",
        ),
    ] = None,
    queries: Annotated[
        list[str] | None,
        typer.Option("--query", metavar="SQL", help="Query whose result holds rows; repeatable."),
    ] = None,
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
    apex: Annotated[
        list[str] | None,
        typer.Option(
            metavar="D",
            help="Domain whose names stand for numbers, e164.arpa if not given; repeatable.",
        ),
    ] = None,
    origin: Annotated[
        str | None,
        typer.Option(
            metavar="D", help="What names in zone files are relative to until a $ORIGIN says it."
        ),
    ] = None,
    memory: Annotated[
        int,
        typer.Option(
            metavar="OCTETS", parser=_memory, help="Memory for rows, such as 4GiB; at least 64MiB."
        ),
    ] = DEFAULT_MEMORY,  # type: ignore[assignment]  # the parser reads it
) -> int:
    """Build a snapshot from plan files and a database.

    A file or a query's result with a column prefix holds ranges, one with a column number ported
    numbers, one with columns name, services and regexp NAPTR records; results come before files.
    Zone files are told by .zone, .db or db. in their names, or by how they begin; wildcards below
    an apex are prefixes. The snapshot appears whole or not at all. Exits with 1 if rows are bad and
    nothing was written.
    """
    from ..plan import Database
    from ..plan import build as build_snapshot

    if bool(uri) != bool(queries):
        raise typer.BadParameter("--from names the database that each --query is for: give both")
    if not uri and not inputs:
        raise typer.BadParameter("name plan files, or --from and --query")
    with build_progress() as progress:
        built = build_snapshot(
            inputs or [],
            output,
            time=time,
            database=Database(uri, queries) if uri and queries else None,
            on_error=on_error,
            on_duplicate=on_duplicate,
            memory=memory,
            apex=apex,
            origin=origin,
            note=complain,
            progress=progress,
        )
    complain_of_rows(built)
    print(
        f"{output}: {built.ranges:,} ranges, {built.ported:,} ported numbers, "
        + (f"{built.records:,} DNS records, " if built.records else "")
        + f"{built.networks:,} networks, {os.path.getsize(output):,} octets{rows_lost(built)}"
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
    if found.records:
        print(f"{found.records:,} numbers, prefixes and names with DNS records")
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
