"""``numdip lookup``: dips in process."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from .failures import DONE, NO, UNREADABLE, complain, exits
from .words import aligned, network_words

if TYPE_CHECKING:
    from .. import Answer, Explanation

__all__ = ["lookup"]

#: Why a number with records is found, whatever is known of its network.
_RECORDS = "the plan's NAPTR records for it are what is published"


@exits
def lookup(
    numbers: Annotated[
        list[str],
        typer.Argument(metavar="NUMBER…", help="With + or without, separators allowed."),
    ],
    plan: Annotated[
        str | None, typer.Option(metavar="F", help="Snapshot; the bundled plan if not given.")
    ] = None,
    json_lines: Annotated[
        bool, typer.Option("--json", help="One JSON object a line for each number.")
    ] = False,
    at: Annotated[
        str | None,
        typer.Option(metavar="T", help="As it was then: ISO 8601 in UTC, such as 2026-03-01."),
    ] = None,
    explain: Annotated[bool, typer.Option("--explain", help="Say why, step by step.")] = False,
) -> int:
    """Look numbers up in a snapshot.

    Where the plan has NAPTR records for a number, these are shown, since servers answer with them:
    "published" says "records" then, and "network" where they answer with the network.
    Exits with 1 if a number was not found, with 2 if one is no number.
    """
    from .. import Number, NumberError
    from .. import open as open_snapshot

    snapshot = open_snapshot(plan)
    code = DONE
    rows: list[list[str]] = []
    for text in numbers:
        try:
            number = Number(text, msisdn=True)
        except NumberError as error:
            complain(f'"{text}": {error}')
            if json_lines:
                _print_json({"number": text, "found": False, "reason": str(error)})
            code = UNREADABLE
            continue
        explanation = snapshot.explain(number, at=at)
        records = [record.to_text() for record in snapshot.records(number)]
        if not explanation.found and not records:
            code = max(code, NO)
        if json_lines:
            _print_json(_as_dict(explanation, records, explain))
        elif explain:
            _print_explanation(explanation, records, snapshot.path)
        else:
            rows += [[explanation.number, text] for text in records] or [_row(explanation)]
    for line in aligned(rows):
        print(line)
    return code


def _print_json(found: dict[str, object]) -> None:
    print(json.dumps(found, ensure_ascii=False))


def _as_dict(explanation: Explanation, records: list[str], explain: bool) -> dict[str, object]:
    answer = explanation.answer
    found: dict[str, object] = {"number": explanation.number}
    reason = explanation.reason
    if explanation.found and answer is not None:
        found |= {"found": True, "published": "network", **answer.to_dict()}
    elif records:
        # That no range holds the number is no miss: servers answer with the records.
        reason = _RECORDS
        found |= {"found": True}
    else:
        found |= {"found": False, "reason": reason}
    if records:
        found |= {"published": "records", "records": records}
    if explain:
        found |= {"reason": reason, "steps": explanation.steps}
    return found


def _row(explanation: Explanation) -> list[str]:
    answer = explanation.answer
    if not explanation.found or answer is None:
        return [explanation.number, f"not found: {explanation.reason}"]
    return [
        explanation.number,
        *network_words(answer.mcc, answer.mnc),
        answer.country or "-",
        answer.kind or "-",
        _place(answer),
        answer.operator or "-",
    ]


def _place(answer: Answer) -> str:
    if answer.ported:
        return "ported"
    return f"range {answer.prefix}" + (" (portable)" if answer.portable else "")


def _print_explanation(explanation: Explanation, records: list[str], plan: str) -> None:
    if records:
        print(f"{explanation.number}  {_RECORDS}")
        for text in records:
            print(f"  published: {text}")
        print(f"  network: {'  '.join(_row(explanation)[1:])}")
    else:
        print("  ".join(_row(explanation)))
    for i, step in enumerate(explanation.steps, 1):
        print(f"  {i}. {step}")
    print(f"  plan: {plan}")
