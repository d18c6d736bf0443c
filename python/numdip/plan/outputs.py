"""Files that are written: they appear whole or not at all, and what hinders that is told first."""

from __future__ import annotations

import io
import os
import stat
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TextIO

from ..errors import PlanError, SnapshotError

__all__ = [
    "is_stdout",
    "refuse_inputs",
    "require_folder",
    "require_target",
    "require_writable",
    "whole",
]


def require_writable(output: str, example: str = "plan.snap") -> None:
    """Tells before gigabytes are read what would go wrong after.

    Raises:
        SnapshotError: *output* is a folder, or is in one that is missing or cannot be written to.
    """
    if os.path.isdir(output):
        raise SnapshotError(f"{output}: is a folder; name a file in it, such as {output}/{example}")
    require_folder(output)


def require_folder(output: str) -> None:
    """As :func:`require_writable`, of the folder that *output* is in alone."""
    folder = os.path.dirname(output) or "."
    if not os.path.isdir(folder):
        raise SnapshotError(f"{output}: the folder {folder} does not exist; make it first")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise SnapshotError(f"{output}: the folder {folder} is not writable for this user")


def refuse_inputs(output: str, inputs: Sequence[str]) -> None:
    """Refuses an output that would replace what it is made of, under whatever name.

    Raises:
        PlanError: *output* is one of *inputs*.
    """
    for path in inputs:
        if os.path.exists(output) and os.path.exists(path) and os.path.samefile(path, output):
            raise PlanError(f"{output}: is an input too; name another output")


def is_stdout(output: str) -> bool:
    """Whether *output* is standard output: ``-``, or a name of it such as ``/dev/stdout``."""
    return output == "-" or output in {"/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"}


def _is_replaced(output: str) -> bool:
    """Whether a new file takes the place of *output*; devices and pipes are written to."""
    if output.startswith("/dev/"):  # such as /dev/stderr, be it a file that has something in it
        return False
    try:
        return stat.S_ISREG(os.stat(output).st_mode)
    except OSError:
        return True


def require_target(output: str) -> None:
    """As :func:`require_writable`, for what :func:`whole` writes."""
    if not is_stdout(output) and (_is_replaced(output) or os.path.isdir(output)):
        require_writable(os.path.realpath(output), "example.zone")


@contextmanager
def whole(output: str) -> Iterator[TextIO]:
    """A stream whose text is at *output* once the block has ended well.

    A symbolic link stays one: what it leads to is replaced.
    """
    if is_stdout(output) or not _is_replaced(output):
        text = io.StringIO()
        yield text
        if is_stdout(output):
            sys.stdout.write(text.getvalue())
            return
        with open(output, "a", encoding="utf-8", newline="\n") as file:
            file.write(text.getvalue())
        return
    target = os.path.realpath(output)
    with tempfile.NamedTemporaryFile(
        "w", dir=os.path.dirname(target), encoding="utf-8", newline="\n", delete=False
    ) as stream:
        try:
            yield stream  # type: ignore[misc]  # it is a text stream in all but name
            stream.flush()
            os.fsync(stream.fileno())
            os.umask(mask := os.umask(0))
            os.chmod(stream.name, 0o666 & ~mask)
            os.replace(stream.name, target)
        except BaseException:
            os.unlink(stream.name)
            raise
