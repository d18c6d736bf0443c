"""The selection cases of ``tests/vectors/ddds.json`` as one zone, for servers to answer from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from numdip import Naptr, Number
from vectors import read

__all__ = ["APEX", "selections", "zone"]

#: The zone's name: names of cases that lie elsewhere are moved below it.
APEX = "e164.arpa."
_FIELDS = ("order", "preference", "flags", "services", "regexp", "replacement")


def selections() -> Iterator[tuple[str, str, dict[str, Any], dict[str, Any]]]:
    """Of each case its id, the apex that its number hangs from, its input and its expectation."""
    cases = [case for case in read("ddds")["cases"] if case["category"] == "selection"]
    for place, case in enumerate(cases):
        # A label of its own keeps the cases apart, which have their numbers in common.
        yield case["id"], f"case{place}.{APEX}", case["input"], case["expect"]


def zone() -> str:
    """The zone's text, with the record sets of all cases."""
    lines = [
        f"$ORIGIN {APEX}",
        "$TTL 60",
        "@ SOA ns hostmaster 1 3600 600 86400 60",
        "@ NS ns",
        "ns A 127.0.0.1",
    ]
    for _, apex, case, _ in selections():
        assert str(Number(case["aus"])) == case["aus"]
        for owner, rows in case["rrsets"].items():
            for row in rows:
                fields = dict(zip(_FIELDS, row, strict=True))
                # Of records that lead nowhere else the replacement is the root.
                if fields["replacement"] != ".":
                    fields["replacement"] = _moved(fields["replacement"], apex)
                lines.append(f"{_moved(owner, apex)} NAPTR {Naptr(**fields)}")
    return "\n".join(lines) + "\n"


def _moved(name: str, apex: str) -> str:
    return name.removesuffix(APEX) + apex if name.endswith(APEX) else name + apex
