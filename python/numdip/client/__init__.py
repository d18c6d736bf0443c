"""Asks ENUM servers over the network, with fail-over.

:class:`Client` waits, :class:`AsyncClient` is awaited; both stand on one engine in the extension
(:class:`~numdip._native.Asker`), which has the thread, the sockets and all decisions: which server
is asked when, and what counts as its answer. Here are options, results and errors; and
:mod:`~numdip.client.resolving`, which strings the questions of one number together.
"""

from __future__ import annotations

from .address import ServerAddress
from .answer import NetworkAnswer, Outcome
from .awaitable import AsyncClient
from .blocking import Client, ask
from .options import ServerState
from .resolution import Discovery, Resolution, ResolvedServer, ResolvedUri

__all__ = [
    "AsyncClient",
    "Client",
    "Discovery",
    "NetworkAnswer",
    "Outcome",
    "Resolution",
    "ResolvedServer",
    "ResolvedUri",
    "ServerAddress",
    "ServerState",
    "ask",
]

# Users meet these as numdip.Client, in tracebacks and in pickles too.
for _public in (
    AsyncClient,
    Client,
    Discovery,
    NetworkAnswer,
    Resolution,
    ResolvedServer,
    ResolvedUri,
):
    _public.__module__ = "numdip"
del _public
