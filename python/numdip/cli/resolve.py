"""``numdip resolve``: a number to URIs, step by step."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .failures import DONE, NO, UNREADABLE, complain, exits
from .rule_words import Mode, rule_lines
from .words import aligned

if TYPE_CHECKING:
    from .._native import Walk
    from ..client import Client
    from .zones import Found

__all__ = ["resolve"]


@exits
def resolve(
    *,
    number: Annotated[
        str, typer.Argument(metavar="NUMBER", help="With + or without, separators allowed.")
    ],
    files: Annotated[
        list[str] | None,
        typer.Option(
            "--zone",
            metavar="[ORIGIN=]FILE",
            help="Zone file to answer from, repeatable. Without ORIGIN names hang from the apex.",
        ),
    ] = None,
    servers: Annotated[
        list[str] | None,
        typer.Option(
            "--server",
            "-s",
            metavar="A[:P]",
            help="Server to ask instead; repeat it for those to fall back on.",
        ),
    ] = None,
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
    follow: Annotated[
        bool,
        typer.Option(
            "--follow",
            help="With --server: also find servers of SIP URIs, and URIs of numbers in tel URIs.",
        ),
    ] = False,
    timeout: Annotated[
        float,
        typer.Option(
            metavar="S",
            min=0.01,
            max=720,
            help="With --server: seconds to wait for one; five times that for all together.",
        ),
    ] = 1.0,
    mode: Annotated[
        Mode, typer.Option(help="Whose idea of a match: POSIX, or what others would do.")
    ] = "posix",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on one line.")] = False,
) -> int:
    """Resolve a number to URIs, from zone files or over the network, and say why.

    Names in zone files are answered as a name server would: by themselves, by aliases and by
    wildcards. With --server NUMBER may be a tel URI with parameters: enumdi and npdi are honoured.
    Exits with 1 if there is no URI, with 2 if something cannot be read or no server answers.
    """
    from .. import Number, to_domain

    if bool(files) == bool(servers) or (files and follow):
        complain("resolve: give zone files with --zone, or servers with --server (and --follow)")
        return UNREADABLE
    if servers:
        from ..client import Client

        with Client(servers, apex=apex, timeout=timeout, deadline=5 * timeout) as client:
            return _over_network(
                client, number, services, follow=follow, mode=mode, as_json=as_json
            )
    from .zones import Zones

    aus = str(Number(number, msisdn=True))
    domain = to_domain(aus, apex=apex)
    walk = _walk(aus, domain, services, mode)
    zones = Zones()
    for file in files or []:
        origin, path = _origin_and_path(file)
        zones.read(path, origin or apex)
    uris, steps = _follow(walk, zones.find)
    if as_json:
        found = {"number": aus, "domain": domain, "uris": uris, "steps": steps}
        print(json.dumps(found, ensure_ascii=False))
    else:
        _print(aus, uris, steps)
    return DONE if uris else NO


def _over_network(
    client: Client,
    number: str,
    services: list[str] | None,
    *,
    follow: bool,
    mode: Mode,
    as_json: bool,
) -> int:
    from .. import NaptrError, to_domain

    try:
        found = client.resolve(number, services, follow=follow, mode=mode)
    except NaptrError as fault:
        raise typer.BadParameter(str(fault), param_hint="--service") from None
    uris = []
    for one in found:
        told = asdict(one)
        # As with zone files: the record in words.
        uris.append(told | {"record": str(one.record)})
        if not follow:
            del uris[-1]["servers"]
    for failure in found.failures:
        complain(failure)
    if as_json:
        domain = to_domain(found.number, apex=client.apex)
        names = {"number": found.number, "domain": domain, "tel": found.tel, "uris": uris}
        rest = {"failures": found.failures, "steps": found.steps}
        print(json.dumps(names | rest, ensure_ascii=False))
    else:
        _print(found.number, uris, list(found.steps))
    return DONE if uris else UNREADABLE if found.failures else NO


def _walk(aus: str, domain: str, services: list[str] | None, mode: Mode) -> Walk:
    from .. import NaptrError
    from .._native import Walk

    # Written as in a record it is meant all the same.
    wanted = services and [re.sub("^E2U[+]", "", name, flags=re.IGNORECASE) for name in services]
    try:
        return Walk.of_number(aus, domain, services=wanted, mode=mode)
    except NaptrError as fault:
        raise typer.BadParameter(str(fault), param_hint="--service") from None


def _origin_and_path(file: str) -> tuple[str, str]:
    """Takes ``ORIGIN=FILE`` apart; what has a ``/`` before the first ``=`` is a path alone."""
    origin, equals, path = file.partition("=")
    return (origin, path) if equals and "/" not in origin else ("", file)


def _follow(
    walk: Walk, find: Callable[[str, str], Found]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Takes a walk to its end; the URIs, and the steps with how the records were found."""
    from .. import Naptr

    how: list[list[str]] = []
    uris: list[dict[str, Any]] = []
    while (move := walk.step()) is not None:
        if "ask" in move:
            found = find(move["ask"], move["type"])
            how.append(found.how)
            walk.answer([Naptr.from_wire(record.to_wire() or b"") for record in found.records])
        else:
            uris.append(move)
    steps = walk.steps
    for step in steps:
        if step["step"] == "asked":
            step["how"] = how.pop(0)
    return uris, steps


# ---------- In words -----------------------------------------------------------------------------


def _print(aus: str, uris: list[dict[str, Any]], steps: list[dict[str, Any]]) -> None:
    print(aus)
    about = aus
    for i, step in enumerate(steps, 1):
        if step.get("about", aus) != about:
            about = step["about"]
            print(f"     {about}")
        head, rows = _told(step)
        print(f"{i:3}. {head}")
        for line in aligned(rows):
            print(f"       {line}")
    if not uris:
        print("no URI")
    found_rows: list[list[str]] = []
    for found in uris:
        found_rows.append([found["uri"], " ".join(found["services"])])
        found_rows += [[f"  {_server_in_words(server)}", ""] for server in found.get("servers", ())]
    for line in aligned(found_rows):
        print(line)


def _server_in_words(server: dict[str, Any]) -> str:
    return f"{' '.join(server['protocols'])} {server['address']} port {server['port']}"


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
        case "again":
            return f"{step['name']} {step['type']}: known from before", []
        case "host" | "no-service":
            target = [] if step["step"] == "host" else [["passed over", "there is no such service"]]
            return f"SRV {step['record']}", target
        case "reached":
            return f"{step['host']}: {_server_in_words(step)}", []
        case _:
            return step.get("why", step["step"]), []
