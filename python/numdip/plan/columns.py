"""The columns of ranges, ported numbers and NAPTR records, whatever they are read from."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from typing import Literal

from ..errors import PlanError

__all__ = ["COUNTS", "DIGIT_TEXT", "Kind", "sort_columns"]

Kind = Literal["ranges", "ported numbers", "changes", "NAPTR records"]

#: The columns that rows must have, and those that they may have besides.
_COLUMNS: dict[Kind, tuple[list[str], list[str]]] = {
    "ranges": (
        ["prefix", "mcc", "mnc"],
        ["min_length", "max_length", "country", "kind", "operator", "portable", "source"],
    ),
    "ported numbers": (
        ["number", "mcc", "mnc"],
        ["operator", "spid", "rn", "rn_context"],
    ),
    "changes": (
        ["number", "action", "mcc", "mnc"],
        ["operator", "spid", "rn", "rn_context"],
    ),
    "NAPTR records": (
        ["name", "services", "regexp"],
        ["order", "preference", "flags", "replacement", "ttl"],
    ),
}

#: An integer cannot say 012; these columns hold digits that may start with 0.
DIGIT_TEXT = ("mcc", "mnc", "spid", "rn")
COUNTS = ("prefix", "number", "min_length", "max_length", "order", "preference", "ttl")


def sort_columns(
    name: str,
    found: Sequence[str],
    note: Callable[[str], None],
    what: Literal["file", "query"] = "file",
) -> tuple[Kind, list[str]]:
    """Says what a file or a query with these columns holds, and which of them count.

    Args:
        name: how the file or query is called in messages.
        found: its columns.
        note: told of columns that are ignored.
        what: which of the two it is.

    Raises:
        PlanError: it is not clear what the rows are, or a column that they need is missing.
    """
    shown = ", ".join(found)
    of_records = {"name", "services", "regexp"}.issubset(found)
    if not of_records and ("prefix" in found) == ("number" in found):
        both = "both" if "prefix" in found else "neither"
        mend = "; part the fields by commas" if what == "file" and len(found) == 1 else ""
        raise PlanError(
            f"{name}: found columns {shown}, {both} of prefix and number; expected prefix in a "
            f"{what} of ranges, number in a {what} of ported numbers, name, services and regexp in "
            f"a {what} of NAPTR records{mend}"
        )
    kind: Kind = "ranges" if "prefix" in found else "ported numbers"
    if of_records:
        kind = "NAPTR records"
    elif kind == "ported numbers" and "action" in found:
        kind = "changes"
    required, extras = _COLUMNS[kind]
    missing = [column for column in required if column not in found]
    if missing:
        raise PlanError(
            f"{name}: a {what} of {kind} that lacks {', '.join(missing)}; found {shown}"
            + _hints(missing, found)
        )
    used = [column for column in (*required, *extras) if column in found]
    ignored = [column for column in found if column not in used]
    if ignored:
        unused = [column for column in extras if column not in found]
        note(f"{name}: ignored columns: {', '.join(ignored)}{_hints(unused, ignored)}")
    return kind, used


def _hints(missing: Sequence[str], found: Sequence[str]) -> str:
    lower = {column.lower(): column for column in found}
    return "".join(
        f'; is "{lower[near]}" meant to be {column}?'
        for column in missing
        for near in difflib.get_close_matches(column, list(lower), n=1, cutoff=0.8)
    )
