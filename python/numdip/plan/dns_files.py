"""Which plan files hold DNS records, by their names or by how they begin.

What reads them (:mod:`numdip.plan.zone_files`, :mod:`numdip.plan.dnscontrol`) takes longer to load.
"""

from __future__ import annotations

import os
import re

from ..errors import PlanError
from .octet_streams import OctetStream

__all__ = ["is_dnsconfig", "is_zone_file"]

#: The first line of a zone file that says something.
_FIRST = re.compile(
    r"[ \t]*(?:;|\$(?:ORIGIN|TTL|INCLUDE|GENERATE)\b)"
    r"|[^ \t,]*[ \t]+(?:[0-9][0-9smhdw]*[ \t]+)?(?:IN[ \t]|(?:SOA|NS|NAPTR|A|AAAA|SRV|TXT)[ \t])",
    re.ASCII | re.IGNORECASE,
)


def is_dnsconfig(path: str) -> bool:
    """Whether a file is DNSControl's, by its name."""
    return path.lower().endswith((".js", ".json"))


def is_zone_file(path: str) -> bool:
    """Whether a file is a zone's, by its name (``.zone``, ``.db``, ``db.…``) or how it begins."""
    name = os.path.basename(path).lower()
    name = name.removesuffix(".gz").removesuffix(".zst")
    if name.endswith((".zone", ".db")) or name.startswith("db."):
        return True
    if name.endswith((".csv", ".parquet", ".json", ".js")) or not os.path.isfile(path):
        return False
    try:
        with open(path, "rb") as file:
            start = OctetStream(path, file, lambda octets: None).read(4096)
    except (OSError, PlanError):
        return False  # whoever opens it next says why it cannot be read
    lines = start.decode("latin-1").removeprefix("\xef\xbb\xbf").splitlines()
    line = next((line for line in lines if line.strip()), "")
    return _FIRST.match(line) is not None
