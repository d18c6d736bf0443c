"""``numdip query``: asks ENUM servers over the network."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from .failures import DONE, NO, UNREADABLE, complain, exits
from .words import aligned

if TYPE_CHECKING:
    from ..client import Client, Outcome

__all__ = ["query"]


@exits
def query(  # noqa: PLR0917 - Typer's way
    servers: Annotated[
        list[str],
        typer.Option(
            "--server",
            "-s",
            metavar="A[:P]",
            help="Server to ask; repeat it for those to fall back on.",
        ),
    ],
    numbers: Annotated[
        list[str] | None,
        typer.Argument(metavar="NUMBER…", help="With + or without, separators allowed."),
    ] = None,
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
            max=720,
            help="Seconds to wait for one server; five times that for all.",
        ),
    ] = 1.0,
    edns: Annotated[
        bool, typer.Option("--edns/--no-edns", help="Send an OPT record until it is refused.")
    ] = True,
    source: Annotated[
        str | None,
        typer.Option("--input", metavar="FILE", help="CSV or Parquet file of numbers, any size."),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(
            "--output",
            metavar="FILE",
            help="CSV or Parquet file for its rows and their answers. A run that was interrupted "
            "is gone on with by the same command.",
        ),
    ] = None,
    column: Annotated[
        str | None,
        typer.Option(
            metavar="C", help="Column of the numbers; by default number, or the only one."
        ),
    ] = None,
    rate: Annotated[
        float | None,
        typer.Option(metavar="N", min=0.001, help="Questions a second to each server at most."),
    ] = None,
    in_flight: Annotated[
        int,
        typer.Option(metavar="N", min=1, max=50_000, help="Questions without an answer at a time."),
    ] = 1000,
    retries: Annotated[
        int,
        typer.Option(metavar="N", min=0, help="How often rows without an answer are asked again."),
    ] = 1,
    balance: Annotated[
        bool, typer.Option("--balance", help="Share questions among the servers.")
    ] = False,
    lenient: Annotated[
        bool, typer.Option("--lenient", help="Read answers of files whose escapes are doubled.")
    ] = False,
) -> int:
    """Ask ENUM servers, in order, for the networks of numbers.

    Exits with 1 if a number does not exist (NXDOMAIN) or has no records, with 2 if none of the
    servers gave an answer: silence, REFUSED, SERVFAIL. For a file: with 1 if rows have no answer.
    """
    from ..client import Client

    is_file = source is not None or target is not None
    if is_file == bool(numbers) or (source is None) != (target is None):
        complain(
            "query: give numbers, or a file with --input and one for its answers with --output"
        )
        return UNREADABLE
    with Client(
        servers,
        apex=apex,
        timeout=timeout,
        deadline=5 * timeout,
        # Who waits for one answer is worth a second question; a file is not.
        hedge=not is_file,
        edns="remember" if edns else False,
        rate=rate,
        balance=balance,
        lenient=lenient,
    ) as client:
        if source is not None and target is not None:
            from .query_file import query_file

            options = {"column": column, "in_flight": in_flight, "retries": retries}
            return query_file(client, source, target, json_line=json_lines, **options)
        return _query_each(client, numbers or [], json_lines)


def _query_each(client: Client, numbers: list[str], json_lines: bool) -> int:
    from .. import Number, NumberError
    from ..errors import ClientError

    code = DONE
    rows: list[list[str]] = []
    for text in numbers:
        try:
            number = Number(text, msisdn=True)
            outcome = client.ask(number)
        except (NumberError, ClientError) as error:
            complain(f"{text}: {error}")
            if json_lines:
                rcode = "timeout" if isinstance(error, TimeoutError) else None
                _print_json({"number": text, "found": False, "rcode": rcode, "reason": str(error)})
            code = UNREADABLE
            continue
        found = outcome.rcode == "NOERROR" and bool(outcome.reply.records)
        if outcome.rcode not in ("NOERROR", "NXDOMAIN"):
            extended = [f"extended error {c} {t}".rstrip() for c, t in outcome.reply.extended]
            complain(f"{number}: {'; '.join([*outcome.failures, *extended])}")
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
        "extended": [{"code": code, "text": text} for code, text in outcome.reply.extended],
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
