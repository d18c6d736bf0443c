"""``numdip plan diff``: what is different in two plans."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from .failures import DONE, NO, exits
from .words import aligned

if TYPE_CHECKING:
    from ..plan.diff import Changes

__all__ = ["diff"]


@exits
def diff(
    before: Annotated[str, typer.Argument(metavar="A", help="Snapshot.")],
    after: Annotated[str, typer.Argument(metavar="B", help="Snapshot to compare with it.")],
    examples: Annotated[
        int, typer.Option(min=0, help="Show so many numbers, and so many prefixes.")
    ] = 10,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on one line.")] = False,
) -> int:
    """Say what is different in two snapshots, by country and network.

    Exits with 0 if they say the same of all numbers, with 1 if they do not.
    """
    from .. import open as open_snapshot
    from ..plan.diff import difference

    found = difference(open_snapshot(before), open_snapshot(after), examples=examples)
    if as_json:
        print(json.dumps(found.to_dict(), ensure_ascii=False))
        return DONE if found.is_empty else NO
    if found.is_empty:
        print(f"{before} and {after} say the same")
        return DONE
    for what, changes in (("ported numbers", found.ported), ("prefixes", found.ranges)):
        _print_changes(what, changes)
    if any(found.records):
        added, removed, changed = found.records
        print(f"DNS records: {added:,} owners added, {removed:,} removed, {changed:,} changed")
    for line in aligned(
        [[one.subject, one.before or "-", "->", one.after or "-"] for one in found.examples]
    ):
        print(line)
    return NO


def _print_changes(what: str, changes: Sequence[Changes]) -> None:
    added, removed, changed = (
        sum(getattr(one, field) for one in changes) for field in ("added", "removed", "changed_to")
    )
    print(f"{what}: {added:,} added, {removed:,} removed, {changed:,} changed")
    if not changes:
        return
    header = ["country", "network", "added", "removed", "changed to", "changed from"]
    rows = [
        [
            one.country or "-",
            one.network,
            f"{one.added:,}",
            f"{one.removed:,}",
            f"{one.changed_to:,}",
            f"{one.changed_from:,}",
        ]
        for one in changes
    ]
    for line in aligned([header, *rows], right=range(2, 6)):
        print(line)
