"""``numdip check``: everything a start would need, judged without starting."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from .failures import DONE, NO, exits

__all__ = ["check"]


@exits
def check(
    config: Annotated[str, typer.Argument(metavar="CONFIG", help="Configuration file (TOML).")],
) -> int:
    """Validate a configuration, its plan and its answer template.

    Says every fault with file and key. Exits with 1 if there are any, with 2 if the file cannot be
    read. Addresses are not tried: the server may be running on them.
    """
    from .. import server
    from ..config import parse

    settings, faults = parse(config)
    told = {key for key, _ in faults}
    if "" not in told:  # a file that is not TOML says nothing of plan and template
        # What was told already stands at its default here, so that nothing is told twice.
        faults += [fault for fault in server.judge(settings)[1] if fault[0] not in told]
    for key, text in faults:
        print(": ".join(filter(None, (config, key, text))), file=sys.stderr)
    if faults:
        return NO
    print(f"{config}: no faults")
    return DONE
