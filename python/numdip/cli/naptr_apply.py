"""``numdip naptr apply``: one record and one number."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .failures import DONE, NO, UNREADABLE, complain, exits
from .rule_words import Mode, rule_lines
from .words import aligned

if TYPE_CHECKING:
    from .. import Naptr

__all__ = ["apply"]

#: What may stand before the fields in a zone file: owner, TTL and class in either order, type.
#: A TTL may have units, as 1h30m.
_OWNER = re.compile(
    r"\s*(?:\S+\s+)??(?:(?:[0-9]+(?:[smhdw][0-9]*)*|IN)\s+){0,2}NAPTR\s+",
    re.ASCII | re.IGNORECASE,
)


@exits
def apply(
    record: Annotated[
        str,
        typer.Argument(
            metavar="RECORD", help="The six fields as a zone file has them, or its whole line."
        ),
    ],
    number: Annotated[
        str, typer.Argument(metavar="NUMBER", help="With + or without, separators allowed.")
    ],
    mode: Annotated[
        Mode, typer.Option(help="Whose idea of a match: POSIX, or what others would do.")
    ] = "posix",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on one line.")] = False,
) -> int:
    """Apply a NAPTR record to a number, part by part.

    Exits with 1 if the record gives no URI for the number: a client would pass it over. With 2 if
    RECORD is none, or NUMBER is none.
    """
    from .. import Naptr, NaptrError, Number

    owner = _OWNER.match(record)
    try:
        parsed = Naptr.parse(record[owner.end() :] if owner else record)
    except NaptrError as fault:
        complain("\n".join([f"RECORD: {fault}", *_mend(record)]))
        return UNREADABLE
    found = _outcome(parsed, str(Number(number, msisdn=True)), mode)
    if as_json:
        print(json.dumps(found, ensure_ascii=False))
    else:
        _print(found)
    if found["reason"] is not None:
        complain("\n".join(_mend(record)))
    return NO if found["uri"] is None else DONE


def _mend(record: str) -> list[str]:
    """What to write instead, if a backslash was lost on the way: nobody sees that by the octets."""
    from ..naptr_check import check

    lines = []
    for finding in check(record.encode(errors="surrogateescape"), file="RECORD").findings:
        if finding.code in {"backslash-once", "backslash-lost"}:
            lines += [finding.what, finding.mend, *([finding.fixed] if finding.fixed else [])]
    return lines


def _outcome(record: Naptr, aus: str, mode: Mode) -> dict[str, Any]:
    from .. import to_domain
    from .._native import Walk

    # The record alone, as a client of ENUM would judge it that wants whatever services there are.
    services = record.enumservices or None
    walk = Walk.of_number(aus, to_domain(aus), services=services, mode=mode)
    walk.step()
    walk.answer([record])
    walk.step()
    told = walk.steps[1]
    return {
        "number": aus,
        "record": record.to_text(),
        "mode": mode,
        "rule": told.get("rule") or _rule_anyway(record, aus, mode),
        "uri": told.get("uri"),
        "next": told.get("name"),
        "code": told.get("code"),
        "reason": told.get("reason"),
    }


def _rule_anyway(record: Naptr, aus: str, mode: Mode) -> dict[str, Any] | None:
    """What the rule would do, in a record that is passed over for something else."""
    from .. import RuleError

    if not record.regexp:
        return None
    try:
        return record.explain(aus, mode=mode)
    except RuleError:
        return None


def _print(found: dict[str, Any]) -> None:
    rows = [["record", found["record"]], ["number", found["number"]]]
    if found["rule"] is not None:
        rows += rule_lines(found["rule"])
    if found["next"] is not None:
        rows.append(["leads on to", f"{found['next']} (without a flag it gives no URI itself)"])
    if found["reason"] is not None:
        rows.append(["passed over", found["reason"]])
    for line in aligned(rows):
        print(line)
