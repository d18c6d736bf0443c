"""``numdip resolve``: a number to URIs, step by step."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from .failures import DONE, NO, exits
from .rule_words import Mode, rule_lines
from .words import aligned

__all__ = ["resolve"]


@exits
def resolve(
    *,
    number: Annotated[
        str, typer.Argument(metavar="NUMBER", help="With + or without, separators allowed.")
    ],
    files: Annotated[
        list[str],
        typer.Option(
            "--zone",
            metavar="[ORIGIN=]FILE",
            help="Zone file to answer from, repeatable. Without ORIGIN names hang from the apex.",
        ),
    ],
    services: Annotated[
        list[str] | None,
        typer.Option(
            "--service",
            metavar="S",
            help="Enumservice wanted, such as sip or voice:tel; repeatable.",
        ),
    ] = None,
    apex: Annotated[
        str, typer.Option(metavar="D", help="Domain that the digits hang from.")
    ] = "e164.arpa",
    mode: Annotated[
        Mode, typer.Option(help="Whose idea of a match: POSIX, or what others would do.")
    ] = "posix",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on one line.")] = False,
) -> int:
    """Resolve a number to URIs from zone files, and say why.

    Names are answered as a name server would: by themselves, by aliases and by wildcards. Exits
    with 1 if there is no URI, with 2 if something cannot be read.
    """
    from .. import Number, to_domain
    from .._native import Walk
    from .zones import Zones

    aus = str(Number(number, msisdn=True))
    domain = to_domain(aus, apex=apex)
    zones = Zones()
    for file in files:
        origin, _, path = file.rpartition("=")
        zones.read(path, origin or apex)
    walk = _walk(Walk, aus, domain, services, mode)
    how: list[list[str]] = []
    uris: list[dict[str, Any]] = []
    while (move := walk.step()) is not None:
        if "ask" in move:
            found = zones.find(move["ask"], move["type"])
            how.append(found.how)
            walk.answer(_records(found.records))
        else:
            uris.append(move)
    steps = walk.steps
    for step in steps:
        if step["step"] == "asked":
            step["how"] = how.pop(0)
    if as_json:
        print(json.dumps({"number": aus, "domain": domain, "uris": uris, "steps": steps}))
    else:
        _print(aus, uris, steps)
    return DONE if uris else NO


def _walk(kind: Any, aus: str, domain: str, services: list[str] | None, mode: Mode) -> Any:
    try:
        return kind.of_number(aus, domain, services=services, mode=mode)
    except ValueError as fault:
        raise typer.BadParameter(str(fault), param_hint="--service") from None


def _records(records: list[Any]) -> list[Any]:
    from .. import Naptr

    return [Naptr.from_wire(record.to_wire()) for record in records]


def _print(aus: str, uris: list[dict[str, Any]], steps: list[dict[str, Any]]) -> None:
    print(aus)
    for i, step in enumerate(steps, 1):
        head, rows = _told(step)
        print(f"{i:3}. {head}")
        for line in aligned(rows):
            print(f"       {line}")
    if not uris:
        print("no URI")
    for line in aligned([[f"{found['uri']}", " ".join(found["services"])] for found in uris]):
        print(line)


def _told(step: dict[str, Any]) -> tuple[str, list[list[str]]]:
    """A step in words: what it is about, and rows of what there is to say."""
    rule = rule_lines(step["rule"]) if step.get("rule") else []
    match step["step"]:
        case "asked":
            count = step["records"]
            words = "1 record" if count == 1 else f"{count or 'no'} records"
            head = ", ".join([f"{step['name']} {step['type']}: {words}", *step["how"]])
            return head, [["left out", str(step["left_out"])]] if step["left_out"] else []
        case "led-on":
            return step["record"], [["leads on to", step["name"]]]
        case "passed-over":
            return step["record"], [*rule, ["passed over", step["reason"]]]
        case "gave":
            return step["record"], rule
        case _:
            return step.get("why", step["step"]), []
