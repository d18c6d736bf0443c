"""Who may ask: the ``[acl]`` section of the configuration to the extension's access list.

The list decides by source address before anything else of a query is read. Without an ``[acl]``
section only loopback addresses may ask.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._native import Acl

if TYPE_CHECKING:
    from .config import AclSection

__all__ = ["LOOPBACK", "build", "network_fault"]

LOOPBACK = ("127.0.0.0/8", "::1/128")


def build(section: AclSection | None) -> Acl:
    """The access list of a configuration whose faults were judged; ``None`` permits loopback."""
    if section is None:
        return Acl([("loopback", LOOPBACK)])
    return Acl([(client.name, client.networks) for client in section.client], section.others)


def network_fault(text: str) -> str | None:
    """Says why *text* is no network in CIDR form; ``None`` if it is one."""
    try:
        Acl([("client", [text])])
    except ValueError as error:
        return f'found "{text}": {str(error).removeprefix("client client: ")}'
    return None
