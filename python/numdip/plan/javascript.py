"""JavaScript from others, evaluated where it can reach nothing and for a bounded time.

The engine is QuickJS, as the package ``quickjs-ng`` has it. It runs in a process of its own
(:mod:`numdip.plan.javascript_child`), so that whatever a program does ends with that process.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

from ..errors import PlanError

__all__ = ["MEMORY", "SECONDS", "ScriptError", "evaluate"]

#: Seconds of CPU that a program may take.
SECONDS = 10
#: Octets of memory that it may hold.
MEMORY = 256 << 20

_CHILD = Path(__file__).with_name("javascript_child.py")
#: Lines from here on are those of the functions, not of the program; as the child has it.
_FIRST_LINE = 1_000_000
_FRAME = re.compile(r":([0-9]+)(?::[0-9]+)?\)?\s*$")


class ScriptError(Exception):
    """A program that failed; ``line`` is where, or 0 if that is not known."""

    def __init__(self, what: str, line: int = 0) -> None:
        super().__init__(what)
        self.line = line


def evaluate(
    functions: str, program: str, result: str, *, seconds: int = SECONDS, memory: int = MEMORY
) -> str:
    """Runs *program* with the names that *functions* define, and gives what ``result()`` is.

    Args:
        functions: JavaScript that is run first; it is trusted.
        program: JavaScript of anybody.
        result: the name of a function of *functions* that gives a string at the end.
        seconds: how much CPU the program may take; it is stopped soon after.
        memory: how many octets it may hold.

    Raises:
        ScriptError: the program failed, or passed a limit.
        PlanError: QuickJS is not installed.
    """
    if "\0" in program:
        line = program.count("\n", 0, program.index("\0")) + 1
        raise ScriptError("a NUL octet, which no program has; remove it", line)
    # -I: neither the current folder nor the environment says what is imported.
    command = [sys.executable, "-I", str(_CHILD), str(seconds), str(memory)]
    try:
        done = subprocess.run(  # noqa: S603 - our own file
            command,
            input=json.dumps([functions, program, result]).encode(),
            capture_output=True,
            check=False,
            timeout=4 * seconds + 10,
        )
    except subprocess.TimeoutExpired:
        raise ScriptError(_too_long(seconds)) from None
    try:
        answer = json.loads(done.stdout)
    except ValueError:
        # A limit of the operating system ended it.
        if done.returncode < 0:
            raise ScriptError(_too_long(seconds)) from None
        told = done.stderr.decode(errors="replace").strip()
        if "MemoryError" not in told and "memory" not in told.rpartition("\n")[2]:
            raise ScriptError(f"cannot be run: {told[-500:].rpartition(chr(10))[2]}") from None
        raise ScriptError(_too_large(memory)) from None
    if "error" not in answer:
        if not isinstance(answer["result"], str):
            raise ScriptError("ends without what it was to give")
        return answer["result"]
    error = str(answer["error"])
    if error == "no quickjs":
        raise PlanError('JavaScript is read with QuickJS: pip install "numdip[dnscontrol]"')
    raise _read_error(error, seconds, memory)


def _read_error(text: str, seconds: int, memory: int) -> ScriptError:
    """The engine's message, without its frames, and the line of the program."""
    what, *frames = text.splitlines() or [""]
    lines = (int(match[1]) for frame in frames if (match := _FRAME.search(frame)))
    line = next((line for line in lines if line < _FIRST_LINE), 0)
    what = what.strip()[:500]
    if "out of memory" in what:
        return ScriptError(_too_large(memory), line)
    if what == "null":
        # The engine throws it too, where no memory is left for an error.
        return ScriptError(f"throws null, or {_too_large(memory)}", line)
    if "interrupted" in what:
        return ScriptError(_too_long(seconds), line)
    return ScriptError(what, line)


def _too_long(seconds: int) -> str:
    return f"runs for more than {seconds} seconds; is there a loop without an end?"


def _too_large(memory: int) -> str:
    return f"takes more than {memory >> 20} MiB of memory"
