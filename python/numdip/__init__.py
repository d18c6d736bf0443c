"""Telephone numbers to the networks that serve them, by ENUM, from one memory-mapped file.

    >>> import numdip
    >>> db = numdip.open()                    # the bundled plan; or numdip.open("national.snap")
    >>> db.lookup("+13392986156").mnc         # MCC and MNC are text: "012" is not "12"
    '012'
    >>> numdip.to_domain("+13392986156")
    '6.5.1.6.8.9.2.9.3.3.1.e164.arpa'

:func:`open` gives a :class:`Snapshot`, which answers look-ups from any number of threads;
:class:`Responder` is the ENUM server's brain without a socket; :class:`Client` and
:class:`AsyncClient` ask ENUM servers of others. Everything public is named in
``__all__``; what goes wrong is a :class:`NumdipError` (see :mod:`numdip.errors`).
"""

# Programs that only look numbers up pay for this import: it stays below 20 ms, and whatever is slow
# to load (command line, configuration, plan files, client) is a module of its own.
from __future__ import annotations

import os as _os

from . import _native, errors
from ._native import (
    Answer,
    Explanation,
    Naptr,
    Number,
    Responder,
    Snapshot,
    Table,
    TelUri,
    __version__,
    from_domain,
    to_domain,
)
from .errors import (
    ClientError,
    ClientRecordError,
    ClientRefusedError,
    ClientResponseError,
    ClientServerFailureError,
    ClientTimeoutError,
    ConfigError,
    DomainError,
    NaptrError,
    NumberError,
    NumdipError,
    PlanError,
    RuleError,
    ServerError,
    SnapshotError,
    TimeError,
    UriError,
)

TYPE_CHECKING = False  # importing typing would take a third of the time
if TYPE_CHECKING:
    from typing import Literal

    from .client import (
        AsyncClient,
        Client,
        Discovery,
        NetworkAnswer,
        Resolution,
        ResolvedServer,
        ResolvedUri,
    )

__all__ = [
    "Answer",
    "AsyncClient",
    "Client",
    "ClientError",
    "ClientRecordError",
    "ClientRefusedError",
    "ClientResponseError",
    "ClientServerFailureError",
    "ClientTimeoutError",
    "ConfigError",
    "Discovery",
    "DomainError",
    "Explanation",
    "Naptr",
    "NaptrError",
    "NetworkAnswer",
    "Number",
    "NumberError",
    "NumdipError",
    "PlanError",
    "Resolution",
    "ResolvedServer",
    "ResolvedUri",
    "Responder",
    "RuleError",
    "ServerError",
    "Snapshot",
    "SnapshotError",
    "Table",
    "TelUri",
    "TimeError",
    "UriError",
    "__version__",
    "errors",
    "from_domain",
    "open",
    "to_domain",
]

_BUNDLED = _os.path.join(_os.path.dirname(__file__), "data", "bundled.snap")


#: What is imported when it is first used.
_LATER = (
    "AsyncClient",
    "Client",
    "Discovery",
    "NetworkAnswer",
    "Resolution",
    "ResolvedServer",
    "ResolvedUri",
)


def __getattr__(name: str) -> object:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from . import client as _client

    for later in _LATER:
        globals()[later] = getattr(_client, later)
    return globals()[name]


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATER})


def open(
    path: str | _os.PathLike[str] | None = None, *, memory: Literal["map", "huge"] = "map"
) -> Snapshot:
    """Open a snapshot, or the bundled plan.

    Opening takes the same time at any size: the file is mapped, not read. Processes that open one
    file share its memory. A snapshot that is replaced on disk stays whole for those who have it
    open; they open it anew to see the new one.

    Args:
        path: a file that ``numdip plan build`` wrote. ``None`` is the bundled plan, made of public
            data: it knows who *holds* a range, which in countries with number portability need not
            be the network that serves a number today (``Answer.portable`` says where).
        memory: ``"map"`` maps the file; ``"huge"`` copies it into huge pages first, which takes
            time and memory once and makes the fastest look-ups.

    Raises:
        SnapshotError: no such file, no snapshot, damaged, or of a version that is not known.
    """
    if path is None:
        if not _os.path.exists(_BUNDLED):
            raise SnapshotError(
                f"{_BUNDLED}: the bundled plan was not built; "
                "build it with: python -m numdip.plan, or name a snapshot of your own"
            )
        path = _BUNDLED
    return Snapshot.open(_os.fspath(path), memory)


if _native.DEBUG_BUILD:
    import warnings as _warnings

    _warnings.warn(
        "numdip._native is a debug build, many times slower than a release build",
        RuntimeWarning,
        stacklevel=2,
    )
