"""``numdip query``: asks ENUM servers over the network."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from .failures import DONE, NO, UNREADABLE, complain, exits
from .words import aligned

if TYPE_CHECKING:
    from ..client import Outcome

__all__ = ["query"]


@exits
def query(
    numbers: Annotated[
        list[str],
        typer.Argument(metavar="NUMBER…", help="With + or without, separators allowed."),
    ],
    servers: Annotated[
        list[str],
        typer.Option(
            "--server",
            "-s",
            metavar="A[:P]",
            help="Server to ask; repeat it for those to fall back on.",
        ),
    ],
    apex: Annotated[
        str, typer.Option(metavar="D", help="Domain that the digits hang from.")
    ] = "e164.arpa",
    json_lines: Annotated[
        bool, typer.Option("--json", help="One JSON object a line for each number.")
    ] = False,
    timeout: Annotated[
        float,
        typer.Option(
            metavar="S",
            min=0.01,
            max=3600,
            help="Seconds to wait for one server; five times that for all.",
        ),
    ] = 1.0,
) -> int:
    """Ask ENUM servers, in order, for the networks of numbers.

    Exits with 1 if a number does not exist (NXDOMAIN) or has no records, with 2 if none of the
    servers gave an answer: silence, REFUSED, SERVFAIL.
    """
    from .. import Number, NumberError
    from ..client import ServerAddress, ask
    from ..errors import ClientError

    addresses = [ServerAddress.parse(text) for text in servers]
    code = DONE
    rows: list[list[str]] = []
    for text in numbers:
        try:
            number = Number(text, msisdn=True)
            outcome = ask(number, addresses, apex=apex, timeout=timeout, deadline=5 * timeout)
        except (NumberError, ClientError) as error:
            complain(f"{text}: {error}")
            if json_lines:
                rcode = "timeout" if isinstance(error, TimeoutError) else None
                _print_json({"number": text, "found": False, "rcode": rcode, "reason": str(error)})
            code = UNREADABLE
            continue
        found = outcome.rcode == "NOERROR" and bool(outcome.reply.records)
        if outcome.rcode not in ("NOERROR", "NXDOMAIN"):
            complain(f"{number}: {'; '.join(outcome.failures)}")
            code = UNREADABLE
        elif not found:
            code = max(code, NO)
        if json_lines:
            _print_json(_as_dict(str(number), found, outcome))
        else:
            rows.append(_row(str(number), outcome))
    for line in aligned(rows):
        print(line)
    return code


def _print_json(found: dict[str, object]) -> None:
    print(json.dumps(found, ensure_ascii=False))


def _as_dict(number: str, found: bool, outcome: Outcome) -> dict[str, object]:
    names = ("order", "preference", "flags", "services", "regexp", "replacement")
    records = [
        {"ttl": ttl, **{name: getattr(record, name) for name in names}}
        for ttl, record in outcome.reply.records
    ]
    parameters = outcome.reply.parameters
    return {
        "number": number,
        "found": found,
        "rcode": outcome.rcode,
        "mcc": parameters.get("mcc"),
        "mnc": parameters.get("mnc"),
        "parameters": parameters,
        "records": records,
        "server": str(outcome.server),
        "transport": outcome.transport,
        "milliseconds": round(outcome.milliseconds, 3),
    }


def _row(number: str, outcome: Outcome) -> list[str]:
    words = " ".join(f"{name}={value}" for name, value in outcome.reply.parameters.items())
    # Records without parameters (SIP, mail, …) are shown as they are.
    words = words or " | ".join(str(record) for _, record in outcome.reply.records)
    asked = f"{outcome.server} {outcome.transport} {outcome.milliseconds:.1f} ms"
    return [number, outcome.rcode, asked, words]
