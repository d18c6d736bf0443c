"""The commands of ``numdip`` and what they have in common."""

from __future__ import annotations

from typing import Annotated

import typer

from .. import __version__
from .check import check
from .lookup import lookup
from .naptr import naptr
from .naptr_apply import apply as naptr_apply
from .naptr_check import check_records
from .naptr_make import make
from .plan import plan
from .plan_diff import diff
from .plan_export import export
from .plan_layers import apply, compact
from .query import query
from .resolve import resolve
from .serve import serve

__all__ = ["app"]

# Plain help and errors: they are read in logs and pipes as much as on terminals.
app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(serve)
app.command()(lookup)
app.command()(query)
app.command()(resolve)
app.command()(check)
plan.command()(apply)
plan.command()(compact)
plan.command()(diff)
plan.command()(export)
app.add_typer(plan, name="plan")
naptr.command("check")(check_records)
naptr.command("apply")(naptr_apply)
naptr.command()(make)
app.add_typer(naptr, name="naptr")


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"numdip {__version__}")
        raise typer.Exit


@app.callback()
def numdip(
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version and exit.", callback=_print_version, is_eager=True
        ),
    ] = False,
) -> None:
    """Telephone numbers to the networks that serve them: an ENUM server, client and look-up."""
