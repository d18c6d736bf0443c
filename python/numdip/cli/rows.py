"""What became of the rows of plan files, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .failures import complain

if TYPE_CHECKING:
    from ..plan import Applied, Built

__all__ = ["complain_of_rows", "rows_lost"]


def complain_of_rows(done: Applied | Built) -> None:
    """Tells on standard error what is wrong with the rows that were left out."""
    complain("\n".join(done.faults))
    if done.left_out > len(done.faults):
        complain(f"… and {done.left_out - len(done.faults):,} more")


def rows_lost(done: Applied | Built) -> str:
    """Ends a line with what became of rows that are not there."""
    replaced = f", {done.replaced:,} rows replaced by later ones" if done.replaced else ""
    return replaced + (f", {done.left_out:,} bad rows left out" if done.left_out else "")
