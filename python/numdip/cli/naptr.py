"""``numdip naptr``: NAPTR records by themselves, checked, applied and made."""

from __future__ import annotations

import typer

__all__ = ["naptr"]

naptr = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="NAPTR records: what is wrong with them, what they do, and new ones.",
)
