"""``numdip naptr``: what is done with NAPTR records by themselves."""

from __future__ import annotations

import typer

__all__ = ["naptr"]

naptr = typer.Typer(no_args_is_help=True, help="NAPTR records: what is wrong with them.")
