"""What is wrong with records that are read in Python, told as the extension tells of rows."""

from __future__ import annotations

import re

from .layers import MAX_FAULTS

__all__ = ["Faults", "report_of"]

#: How the extension's report of bad rows ends.
_SUMMARY = re.compile(r"([0-9]+) rows? (?:is|are) bad and nothing was written")


class Faults(list[str]):
    """The first faults, at most 100, and how many there are."""

    def __init__(self) -> None:
        super().__init__()
        self.total = 0

    def append(self, fault: str, /) -> None:
        """Counts a fault, and keeps it if it is one of the first."""
        self.total += 1
        if len(self) < MAX_FAULTS:
            super().append(fault)


def report_of(faults: Faults, others: str) -> str:
    """One report of *faults* and of those in *others*, the extension's report of its own."""
    shown, total = list(faults), faults.total
    *lines, last = others.split("\n")
    if summary := _SUMMARY.match(last):
        shown += [line for line in lines if not line.startswith("… and ")]
        total += int(summary[1])
    shown = shown[:MAX_FAULTS]
    if total > len(shown):
        shown.append(f"… and {total - len(shown)} more")
    rows = "row is" if total == 1 else "rows are"
    shown.append(
        f"{total} {rows} bad and nothing was written: mend them, or leave them out with "
        "--on-error=skip"
    )
    return "\n".join(shown)
