"""The octets of plan files, decompressed by what their start says."""

from __future__ import annotations

import gzip
import io
import sys
import zlib
from collections.abc import Callable
from typing import IO, Any, cast

from ..errors import PlanError

__all__ = ["OctetStream"]


class OctetStream:
    """A file's octets; gzip and Zstandard are decompressed. It may be a pipe.

    Raises :class:`~numdip.errors.PlanError` for what cannot be read.
    """

    def __init__(self, path: str, file: io.BufferedReader, progress: Callable[[int], None]) -> None:
        """Reads *file*, which was opened at *path* and stays whose it was."""
        self._path = path
        self._raw = file
        self._progress = progress
        self._told = 0
        start = file.peek(4)
        self._file: IO[bytes] = file
        if start.startswith(b"\x1f\x8b"):
            self._file = cast("IO[bytes]", gzip.GzipFile(fileobj=file))
        elif start.startswith(b"\x28\xb5\x2f\xfd"):
            self._file = _zstd(path).ZstdFile(file)

    def read_line(self, limit: int) -> bytes:
        """The next line with its end, cut where it is longer than *limit*."""
        return self._guarded(lambda: self._file.readline(limit))

    def read(self, count: int) -> bytes:
        """At most *count* octets; none at the end."""
        return self._guarded(lambda: self._file.read(count))

    def _guarded(self, read: Callable[[], bytes]) -> bytes:
        try:
            octets = read()
        except OSError as error:
            raise PlanError(f"{self._path}: cannot be read: {error.strerror or error}") from error
        except (EOFError, zlib.error) as error:
            raise PlanError(f"{self._path}: damaged compressed file: {error}") from error
        except Exception as error:
            if type(error).__name__ != "ZstdError":  # its module may not even be there
                raise
            raise PlanError(f"{self._path}: damaged compressed file: {error}") from error
        if self._raw.seekable():
            position = self._raw.tell()
            self._progress(position - self._told)
            self._told = position
        return octets


def _zstd(path: str) -> Any:
    try:
        if sys.version_info >= (3, 14):
            from compression import zstd
        else:
            from backports import zstd
    except ImportError as error:
        raise PlanError(
            f'{path}: Zstandard files need one more package: pip install "numdip[plan]"'
        ) from error
    return zstd
