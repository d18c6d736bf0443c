"""What a rule does with a number, in words."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

__all__ = ["Mode", "rule_lines"]

#: Whose idea of a match to follow.
Mode: TypeAlias = Literal["posix", "glibc", "perl"]


def rule_lines(rule: dict[str, Any]) -> list[list[str]]:
    """What ``Naptr.explain`` tells, a line for each part: its name, and what it is."""
    case = "  (letter case ignored)" if rule["ignore_case"] else ""
    lines = [["expression", rule["expression"] + case]]
    groups = rule["groups"]
    if groups is not None:
        lines.append(["takes", _quoted(groups[0])])
        lines += [[f"\\{i}", _quoted(taken)] for i, taken in enumerate(groups[1:], 1)]
    lines.append(["replacement", rule["replacement"]])
    if rule["output"] is not None:
        lines.append(["gives", rule["output"]])
    return lines


def _quoted(taken: str | None) -> str:
    return "nothing: it has no part in the match" if taken is None else f'"{taken}"'
