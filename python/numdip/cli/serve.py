"""``numdip serve``: the ENUM server."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from .failures import DONE, exits

if TYPE_CHECKING:
    from ..config import Config

__all__ = ["serve"]


def _listen(values: list[str] | None) -> list[str] | None:
    from ..config import listen_fault

    for value in values or []:
        _refuse(listen_fault(value))
    return values


def _profile(value: str | None) -> str | None:
    from ..config import profile_fault

    if value is not None:
        _refuse(profile_fault(value))
    return value


def _refuse(fault: str | None) -> None:
    if fault is not None:
        raise typer.BadParameter(fault)


@exits
def serve(
    config: Annotated[
        str | None, typer.Option("--config", "-c", metavar="F", help="Configuration file (TOML).")
    ] = None,
    listen: Annotated[
        list[str] | None,
        typer.Option(
            metavar="A:P", callback=_listen, help="Address and port, UDP and TCP; may be repeated."
        ),
    ] = None,
    plan: Annotated[str | None, typer.Option(metavar="F", help="Snapshot to serve.")] = None,
    profile: Annotated[
        str | None, typer.Option(metavar="P", callback=_profile, help="How answers are put.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(metavar="N", min=0, max=1024, help="Threads; 0: one per CPU.")
    ] = None,
) -> int:
    """Serve a plan by ENUM until SIGTERM or Ctrl-C.

    Without arguments: the bundled plan on 127.0.0.1:5300, for this machine only. Options count more
    than the configuration. SIGHUP reloads configuration, access list and snapshot.
    """
    from .. import server

    options: dict[str, dict[str, object]] = {"server": {}, "plan": {}}
    if listen:
        options["server"]["listen"] = tuple(listen)
    if profile is not None:
        options["server"]["profile"] = profile
    if workers is not None:
        options["server"]["workers"] = workers
    if plan is not None:
        options["plan"]["path"] = os.path.abspath(plan)
    server.run(partial(_load, config, options), config or "")
    return DONE


def _load(path: str | None, options: dict[str, dict[str, object]]) -> Config:
    import msgspec

    from ..config import Config, load

    config = load(path) if path is not None else Config()
    return msgspec.structs.replace(
        config,
        server=msgspec.structs.replace(config.server, **options["server"]),
        plan=msgspec.structs.replace(config.plan, **options["plan"]),
    )
