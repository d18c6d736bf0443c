"""How the commands put what they found."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

__all__ = ["aligned", "network_words", "share", "utc"]


def aligned(rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> list[str]:
    """Lines with the fields of *rows* in columns, two blanks apart.

    The last field of a row is as wide as it is, so short rows (a reason instead of an answer) do
    not widen the columns of others. Columns in *right* are aligned to the right.
    """
    widths: dict[int, int] = {}
    for row in rows:
        for i, field in enumerate(row[:-1]):
            widths[i] = max(widths.get(i, 0), len(field))
        if len(row) - 1 in right:
            widths[len(row) - 1] = max(widths.get(len(row) - 1, 0), len(row[-1]))
    lines = []
    for row in rows:
        fields = [
            field.rjust(widths.get(i, 0)) if i in right else field.ljust(widths.get(i, 0))
            for i, field in enumerate(row[:-1])
        ]
        last = len(row) - 1
        fields.append(row[-1].rjust(widths[last]) if last in right else row[-1])
        lines.append("  ".join(fields).rstrip())
    return lines


def network_words(mcc: str | None, mnc: str | None) -> list[str]:
    """MCC and MNC, each a field."""
    return [f"mcc {mcc or '-'}", f"mnc {mnc or '-'}"]


def utc(time: datetime | None) -> str:
    """A time in UTC, as RFC 3339 has it."""
    return "time unknown" if time is None else f"{time:%Y-%m-%dT%H:%M:%SZ}"


def share(value: float | None) -> str:
    """A share from 0 to 1 in per cent."""
    return "-" if value is None else f"{value:.1%}"
