"""The bundled plan: who holds which numbers, as far as public data says.

:func:`rows` makes it out of libphonenumber's facts (which numbers exist, in which country, of which
kind, and whose a mobile prefix is) and of `networks.toml` (the MCC and MNC of an operator).
The rows are to be read like this: the longest prefix that has any row decides; of its rows the one
whose lengths include the number's; without one the number is not valid. No shorter prefix is tried.

Sources: the `phonenumbers` package (libphonenumber, Apache-2.0) and `networks.toml`.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import phonenumbers

from .number_types import CallingCode, NumberState, calling_codes, portable_countries
from .operator_names import Networks, OperatorPrefixes, PrefixState

__all__ = ["RangeRow", "rows", "write_csv"]

#: E.164 allows no more digits than these; libphonenumber knows some German numbers that are longer.
MAX_DIGITS = 15

#: The kinds whose prefixes are handed out to operators, which is what carrier data describes.
_KINDS_WITH_OPERATOR = frozenset(["mobile", "fixed-or-mobile", "pager"])
_KINDS_PORTABLE = frozenset(["mobile", "fixed-or-mobile"])


class RangeRow(NamedTuple):
    """One range of numbers. An empty string means unknown."""

    #: Digits, country code included.
    prefix: str
    #: Fewest digits of a number in the range, country code included.
    min_length: int
    #: Most digits of a number in the range, country code included.
    max_length: int
    #: ISO 3166-1 alpha-2, and libphonenumber's AC, TA and XK; '' for calling codes of no country.
    country: str
    kind: str
    mcc: str
    mnc: str
    #: Holder of the range, by its brand of today; its numbers may have been ported since.
    operator: str
    #: Whether numbers of this kind may be ported in the country.
    portable: bool
    source: str


class _Class(NamedTuple):
    """What is said of a number; numbers of one class may share a row."""

    country: str
    kind: str
    operator: str


class _Node:
    """All numbers that continue a prefix, told apart no further than their classes differ.

    Nodes are shared: two prefixes with equal continuations have one node, so that identity
    is equality.
    """

    __slots__ = ("by_length", "children", "own")

    def __init__(self, own: _Class | None, children: tuple[_Node, ...]) -> None:
        #: The class of the prefix as a whole number.
        self.own = own
        #: The continuations by next digit.
        self.children = children
        #: Classes by count of further digits, where nothing but that count matters; else None.
        self.by_length: tuple[_Class | None, ...] | None = None
        if not children:
            self.by_length = ()
        elif all(child is children[0] for child in children):
            longer = children[0].by_length
            self.by_length = None if longer is None else (own, *longer)


#: No number at all.
_NOTHING = _Node(None, ())


class _Classifier:
    """The classes of all numbers of one country calling code, as a tree of equal parts."""

    def __init__(
        self, calling_code: CallingCode, operators: OperatorPrefixes, networks: Networks
    ) -> None:
        self._networks = networks
        self._code_length = len(str(calling_code.code))
        self._known: dict[tuple[NumberState, PrefixState, int], _Node] = {}
        self._nodes: dict[tuple[_Class | None, tuple[_Node, ...]], _Node] = {}
        prefix = operators.start
        for digit in str(calling_code.code):
            prefix = prefix.step(int(digit))
        #: All numbers that start with the country code.
        self.root = self._node(calling_code.start, prefix, self._code_length)

    def _node(self, state: NumberState, prefix: PrefixState, length: int) -> _Node:
        if state.is_dead:
            return _NOTHING
        key = (state, prefix, length)
        node = self._known.get(key)
        if node is None:
            own = self._class(state, prefix, length)
            children: tuple[_Node, ...] = (_NOTHING,) * 10
            if length < MAX_DIGITS:
                children = tuple(
                    self._node(state.step(digit), prefix.step(digit), length + 1)
                    for digit in range(10)
                )
            node = self._known[key] = self._shared(own, children)
        return node

    def _shared(self, own: _Class | None, children: tuple[_Node, ...]) -> _Node:
        if own is None and all(child is _NOTHING for child in children):
            return _NOTHING
        key = (own, children)
        if key not in self._nodes:
            self._nodes[key] = _Node(own, children)
        return self._nodes[key]

    def _class(self, state: NumberState, prefix: PrefixState, length: int) -> _Class | None:
        judged = state.judge(length - self._code_length)
        if judged is None:
            return None
        country, kind = judged
        named = prefix.operator and kind in _KINDS_WITH_OPERATOR
        return _Class(
            country, kind, self._networks.brand(country, prefix.operator) if named else ""
        )


def rows() -> Iterator[RangeRow]:
    """The ranges of the bundled plan, sorted by prefix and least length.

    The same versions of `phonenumbers` and `networks.toml` give the same rows everywhere. Rows of
    one prefix never share a length. A prefix lies below another row's only where a number ends that
    longer ones of several kinds continue; its row then holds that one length.

    Raises :class:`~numdip.plan.digit_patterns.PatternSyntaxError` where the metadata uses syntax
    that is not known here, and :class:`~numdip.plan.operator_names.NetworksError` for faults in
    `networks.toml`.
    """
    version = phonenumbers.__version__
    named = f"libphonenumber {version} carrier prefixes + numdip networks.toml"
    unnamed = f"libphonenumber {version} number types"
    networks = Networks.load()
    portable = portable_countries()
    operators = OperatorPrefixes.load()
    for calling_code in calling_codes():
        root = _Classifier(calling_code, operators, networks).root
        for prefix, least, most, found in _ranges(root, str(calling_code.code)):
            country, kind, operator = found
            mcc, mnc = networks.find(country, operator)
            yield RangeRow(
                prefix=prefix,
                min_length=least,
                max_length=most,
                country=country,
                kind=kind,
                mcc=mcc,
                mnc=mnc,
                operator=operator,
                portable=kind in _KINDS_PORTABLE and country in portable,
                source=named if operator else unnamed,
            )


def write_csv(path: str | Path) -> int:
    """Writes :func:`rows` as a plan file and returns how many there were.

    Raises `OSError` where the file cannot be written, and what :func:`rows` raises.
    """
    count = 0
    with Path(path).open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, RangeRow._fields, lineterminator="\n")
        writer.writeheader()
        for row in rows():
            writer.writerow({**row._asdict(), "portable": "true" if row.portable else "false"})
            count += 1
    return count


def _ranges(node: _Node, prefix: str) -> Iterator[tuple[str, int, int, _Class]]:
    if node.by_length is not None:
        yield from _intervals(node.by_length, prefix)
        return
    if node.own is not None:
        yield prefix, len(prefix), len(prefix), node.own
    for digit, child in enumerate(node.children):
        yield from _ranges(child, f"{prefix}{digit}")


def _intervals(
    by_length: tuple[_Class | None, ...], prefix: str
) -> Iterator[tuple[str, int, int, _Class]]:
    start = 0
    while start < len(by_length):
        end = start + 1
        while end < len(by_length) and by_length[end] == by_length[start]:
            end += 1
        found = by_length[start]
        if found is not None:
            yield prefix, len(prefix) + start, len(prefix) + end - 1, found
        start = end
