"""The command ``numdip``: one file per command, put together in :mod:`numdip.cli.app`.

Exit codes: 0 done; 1 the answer is no (a number not found, faults found); 2 usage, or input that
cannot be read; 130 and 141 where Ctrl-C or a closed pipe ended it, as for every Unix command.
"""

from __future__ import annotations

import sys
from typing import NoReturn

__all__ = ["main"]


def main() -> NoReturn:
    """Runs the command line and exits."""
    try:
        # Takes 50 ms and more; a Ctrl-C may come meanwhile.
        from .app import app
    except KeyboardInterrupt:
        sys.exit(130)
    app(prog_name="numdip")
    sys.exit(0)
