"""``numdip plan export``: a plan as a zone file, a ``dnsconfig.js`` or CSV."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from .failures import DONE, complain, exits

__all__ = ["export"]


@exits
def export(
    snapshot: Annotated[str, typer.Argument(metavar="F", help="Snapshot.")],
    *,
    output: Annotated[
        str,
        typer.Option(
            "--output", "-o", metavar="F", help="File to write, for csv a folder; - is stdout."
        ),
    ],
    form: Annotated[
        Literal["zone", "dnscontrol", "csv"],
        typer.Option("--format", help="Zone file, DNSControl's dnsconfig.js, or plan files."),
    ] = "zone",
    apex: Annotated[
        str | None,
        typer.Option(
            metavar="D",
            help="Domain whose names stand for numbers; the configuration's, or e164.arpa.",
        ),
    ] = None,
    zones: Annotated[
        list[str] | None,
        typer.Option(
            "--zone",
            metavar="D",
            help="Zone to write, repeatable; those that the plan was built from, or the apex.",
        ),
    ] = None,
    config: Annotated[
        str | None,
        typer.Option(
            "--config", "-c", metavar="F", help="Configuration whose [answer] stands for networks."
        ),
    ] = None,
    nameservers: Annotated[
        list[str] | None,
        typer.Option("--ns", metavar="D", help="Name server of the zone, primary first."),
    ] = None,
    hostmaster: Annotated[
        str, typer.Option(metavar="M", help="Mailbox of the zone, such as hostmaster@example.com.")
    ] = "",
    serial: Annotated[
        int | None,
        typer.Option(
            min=0, max=2**32 - 1, help="Serial of the zone; the plan's time if not given."
        ),
    ] = None,
) -> int:
    """Write a plan as DNS records, or as the files that it can be built from anew.

    A zone answers as the server does: wherever a name exists below a prefix it has the prefix's
    wildcard again, or DNS would not find it (RFC 4592). Networks are written as the record that the
    server answers with. What DNS cannot say: wildcards do not know how long numbers are, so the
    zone answers for numbers of wrong lengths too, and where a prefix has other networks for numbers
    of another length, the network of the longest numbers stands for all.

    The output appears whole or not at all. What is left out is told on standard error.
    """
    from .. import open as open_snapshot
    from ..config import Config, load
    from ..plan.export import Authority
    from ..plan.export import export as export_plan
    from ..plan.outputs import is_stdout
    from ..server import make_responder

    settings = load(config) if config is not None else Config()
    opened = open_snapshot(snapshot)
    done = export_plan(
        opened,
        output,
        form,
        apex=apex or settings.server.apex[0],
        zones=zones or [],
        responder=make_responder(opened, settings),
        authority=Authority(tuple(nameservers or ()), hostmaster, serial),
        inputs=[] if config is None else [config],
        note=complain,
    )
    if not is_stdout(output):
        what = "rows" if form == "csv" else f"records in {', '.join(done.zones)}"
        print(f"{output}: {done.records:,} {what}")
    return DONE
