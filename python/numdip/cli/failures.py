"""What a command's end means for the shell: one clear line on standard error and an exit code."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable
from typing import ParamSpec

import typer

from ..errors import NumdipError, PlanError

__all__ = ["DONE", "NO", "UNREADABLE", "complain", "exits"]

DONE = 0
#: The answer is no: a number not found, faults found.
NO = 1
#: Usage, or input that cannot be read.
UNREADABLE = 2

_P = ParamSpec("_P")


def complain(text: str) -> None:
    """Writes an error, a line or several, to standard error."""
    _flush()  # what was found before the error stands before it on a terminal
    if sys.stderr is not None:
        for line in text.splitlines():
            print(f"numdip: {line}", file=sys.stderr)


def _flush() -> None:
    if sys.stdout is not None:  # as it is where the shell was told >&-
        sys.stdout.flush()


def _run_and_tell(command: Callable[_P, int], *args: _P.args, **kwargs: _P.kwargs) -> int:
    try:
        return command(*args, **kwargs)
    except BrokenPipeError:
        raise
    except PlanError as error:
        complain(str(error))
        # Rows that are bad are faults found; a file that cannot be read is another matter.
        if error.report:
            return NO
    except NumdipError as error:
        complain(str(error))
    except OSError as error:
        complain(f"{error.filename}: {error.strerror}" if error.filename else str(error))
    return UNREADABLE


def exits(command: Callable[_P, int]) -> Callable[_P, None]:
    """Makes a function that returns an exit code a command; a user's error is never a traceback."""

    @functools.wraps(command)
    def run(*args: _P.args, **kwargs: _P.kwargs) -> None:
        try:
            code = _run_and_tell(command, *args, **kwargs)
            _flush()
        except KeyboardInterrupt:
            code = 130
        except BrokenPipeError:
            # Who read our output has gone, as "head" does. Nothing is left to be flushed at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            code = 141
        raise typer.Exit(code)

    return run
