"""Numbers and prefixes as the names of a zone, so that DNS wildcards mean the longest prefix.

A plan gives a number what is said of the most of its digits. A wildcard gives it what stands at
``*`` below the *closest encloser*, the longest existing ancestor of its name, and nothing else
(RFC 4592 §3.3.1): one ported number makes names of all its prefixes, and there the wildcard of the
range ends for its neighbours. So every name that exists below a prefix gets the wildcard of that
prefix anew.

Names are digit strings here, ``"44"`` for ``4.4.e164.arpa``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

__all__ = ["NOTHING", "Item", "Name", "Row", "answer_at", "answer_below", "names"]

#: In the place of an answer: it is known that there is none.
NOTHING = -1


class Row(NamedTuple):
    """What a prefix says of its numbers with so many digits."""

    shortest: int
    longest: int
    #: Which record set, or :data:`NOTHING`.
    answer: int


class Item(NamedTuple):
    """What a plan says of some digits."""

    digits: str
    #: As a prefix.
    rows: tuple[Row, ...] = ()
    #: As a number; ``None`` if it says nothing of it.
    own: int | None = None
    #: Whether the zone has the name anyhow, with records of other types or with names below it.
    exists: bool = False


class Name(NamedTuple):
    """A name of the zone and what it holds."""

    digits: str
    #: Whether ``*`` below the digits is meant.
    wildcard: bool
    #: Which record set; :data:`NOTHING`: the name has to exist, without one.
    answer: int


def answer_at(rows: tuple[Row, ...], length: int) -> int:
    """What a prefix with these rows says of numbers with *length* digits."""
    for row in rows:
        if row.shortest <= length <= row.longest:
            return row.answer
    return NOTHING


def answer_below(rows: tuple[Row, ...], length: int) -> int:
    """What a prefix with these rows says of numbers with more than *length* digits.

    A wildcard cannot tell lengths apart: of several answers it is that of the longest numbers.
    """
    for row in reversed(rows):
        if row.longest > length and row.answer != NOTHING:
            return row.answer
    return NOTHING


#: The apex of all numbers.
_ROOT = Item("")


def names(items: Iterable[Item], origin: Item = _ROOT) -> Iterator[Name]:
    """Gives the names that a zone needs, each once, in the order of their digits.

    A name that is no number of a valid length gets no records of its own, and a wildcard stands
    only where longer numbers are valid.

    Args:
        items: what is said of digits that begin with the origin's and go on; each digits once, in
            their order.
        origin: the zone's apex, and what the plan says of its digits, shorter prefixes included.
    """
    yield from _node(origin.digits, origin.own, origin.rows)
    # The prefixes that the current digits begin with, the longest last.
    covers = [(origin.digits, origin.rows)]
    before = origin.digits
    for item in items:
        while not item.digits.startswith(covers[-1][0]):
            covers.pop()
        outer = covers[-1][1]
        rows = item.rows or outer
        if item.rows:
            covers.append((item.digits, item.rows))
        common = _common(before, item.digits)
        node = list(_node(item.digits, item.own, rows))
        if not node and not item.exists:
            if answer_below(outer, common) == NOTHING:
                continue  # no wildcard would answer, so there is nothing to ward off
            node = [Name(item.digits, wildcard=False, answer=NOTHING)]
        for length in range(common + 1, len(item.digits)):
            yield from _node(item.digits[:length], None, outer)
        yield from node
        before = item.digits


def _node(digits: str, own: int | None, rows: tuple[Row, ...]) -> Iterator[Name]:
    """An existing name and the wildcard below it, as far as they hold something."""
    if not digits:
        return
    at = answer_at(rows, len(digits)) if own is None else own
    if at != NOTHING:
        yield Name(digits, wildcard=False, answer=at)
    below = answer_below(rows, len(digits))
    if below != NOTHING:
        yield Name(digits, wildcard=True, answer=below)


def _common(one: str, other: str) -> int:
    """How many digits two strings begin with in common."""
    for i, (a, b) in enumerate(zip(one, other, strict=False)):
        if a != b:
            return i
    return min(len(one), len(other))
