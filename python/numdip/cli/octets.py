"""Amounts of memory as people write them."""

from __future__ import annotations

import re

__all__ = ["DEFAULT_MEMORY", "MIN_MEMORY", "memory_octets"]

#: What a build may use where nothing else is said.
DEFAULT_MEMORY = "2GiB"
#: Less would make a build slow and save nothing.
MIN_MEMORY = 64 << 20

_UNITS = {"": 0, "KiB": 10, "MiB": 20, "GiB": 30}
_SHAPE = re.compile(r"([0-9]{1,15}) ?(|KiB|MiB|GiB)", re.ASCII)


def memory_octets(text: str) -> int:
    """The octets that ``4GiB``, ``512MiB``, ``65536KiB`` or ``67108864`` are.

    Raises:
        ValueError: it is no such amount, or less than :data:`MIN_MEMORY`; the message says so.
    """
    shape = _SHAPE.fullmatch(text)
    if shape is None:
        raise ValueError(f"found {text!r}, expected an amount such as 4GiB, 512MiB or 67108864")
    octets = int(shape[1]) << _UNITS[shape[2]]
    if octets < MIN_MEMORY:
        raise ValueError(f"found {text!r}, expected at least {MIN_MEMORY >> 20}MiB")
    return octets
