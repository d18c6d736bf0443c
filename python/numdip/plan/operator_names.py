"""Operators: whose a prefix is, and which network an operator's name stands for.

Source of the prefixes: carrier data of the `phonenumbers` package (libphonenumber, Apache-2.0), in
English. Source of the networks: `networks.toml`, which names its own.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from phonenumbers.carrierdata import CARRIER_DATA

__all__ = ["Networks", "NetworksError", "OperatorPrefixes", "PrefixState", "normalise"]

_NETWORKS_FILE = Path(__file__).with_name("networks.toml")

#: The table of networks whose calling codes belong to no country.
_NO_COUNTRY = "001"

_CODES = {"mcc": re.compile(r"[2-9][0-9]{2}"), "mnc": re.compile(r"[0-9]{2,3}")}
_EXPECTED = {"mcc": "three digits", "mnc": "two or three digits"}

# What a company is, as against what it is called; as the words are after normalisation.
_LEGAL_FORM = re.compile(
    "ab|ag|aps|as|asa|bv|cjsc|co|corp|doo|gmbh|inc|jsc|kft|limited|llc|ltd|ltda|nv|ou|oy|oyj|pjsc|"
    "plc|pte|pty|pvt|sa|sarl|sas|sasu|spa|srl|sro"
)


class NetworksError(ValueError):
    """`networks.toml` contradicts itself or holds something that is not a network code."""


def normalise(name: str) -> str:
    """An operator's name as it is compared: without case, accents, punctuation and legal forms.

    >>> normalise("Türk Telekom"), normalise("O2 (UK) Ltd."), normalise("T-Mobile Polska S.A.")
    ('turktelekom', 'o2uk', 'tmobilepolska')
    """
    letters = "".join(
        character
        for character in unicodedata.normalize("NFKD", name).casefold()
        if not unicodedata.combining(character) and character not in ".'"  # "S.A." is one word
    )
    words = re.findall(r"[^\W_]+", letters)
    while len(words) > 1 and _LEGAL_FORM.fullmatch(words[-1]):
        words.pop()
    return "".join(words)


class PrefixState:
    """A place in the tree of operator prefixes: the name so far, and where a digit leads."""

    __slots__ = ("_children", "_end", "operator")

    def __init__(
        self, operator: str, children: dict[int, PrefixState], end: PrefixState | None
    ) -> None:
        #: The operator of the longest known prefix of the digits read; '' if there is none.
        self.operator = operator
        self._children = children
        self._end = end  # where digits lead that no longer prefix is known for; None: here

    def step(self, digit: int) -> PrefixState:
        """The place after one more digit."""
        return self._children.get(digit) or self._end or self


class OperatorPrefixes:
    """The operators of all prefixes, longest prefix first."""

    def __init__(self, names: Mapping[str, str]) -> None:
        """Takes operator names by prefix."""
        # One end for each name, however many prefixes have it: equal continuations are one place.
        self._ends: dict[str, PrefixState] = {}
        tree: _Tree = _Tree()
        for prefix, name in names.items():
            place = tree
            for digit in map(int, prefix):
                place = place.children.setdefault(digit, _Tree())
            place.name = name
        #: The place before the first digit.
        self.start = self._state(tree, "")

    @classmethod
    def load(cls) -> OperatorPrefixes:
        """The prefixes that carrier data has an English name for."""
        return cls({prefix: names["en"] for prefix, names in CARRIER_DATA.items() if "en" in names})

    def _state(self, tree: _Tree, inherited: str) -> PrefixState:
        name = inherited if tree.name is None else tree.name
        if name not in self._ends:
            self._ends[name] = PrefixState(name, {}, None)
        end = self._ends[name]
        if not tree.children:
            return end
        children = {digit: self._state(child, name) for digit, child in tree.children.items()}
        return PrefixState(name, children, end)


class _Tree:
    """A digit tree in the making."""

    __slots__ = ("children", "name")

    def __init__(self) -> None:
        self.children: dict[int, _Tree] = {}
        self.name: str | None = None


class _Network(NamedTuple):
    mcc: str
    mnc: str
    brand: str


class Networks:
    """MCC, MNC and today's brand by country and operator name."""

    def __init__(self, tables: Mapping[str, Any]) -> None:
        """Takes the tables of `networks.toml`. Raises :class:`NetworksError` for faults in them."""
        self._by_name: dict[tuple[str, str], _Network] = {}
        self._main_mcc: dict[str, str] = {}
        self._disbelieved: set[tuple[str, str]] = set()
        for key, table in tables.items():
            country = "" if key == _NO_COUNTRY else key
            if "mcc" in table:
                self._main_mcc[country] = _code(table, "mcc", key)
            for name in table.get("disbelieved", ()):
                self._disbelieved.add((country, normalise(name)))
            for network in table.get("networks", ()):
                where = f"{key}, {network.get('name', 'a network without a name')}"
                brand = network.get("name", "")
                mcc = _code({**table, **network}, "mcc", where)
                found = _Network(mcc, _code(network, "mnc", where), brand)
                for name in (brand, *network.get("aka", ())):
                    compared = normalise(name)
                    if (
                        not compared
                        or self._by_name.setdefault((country, compared), found) != found
                    ):
                        raise NetworksError(f"{where}: {name!r} is no name or names two networks")

    @classmethod
    def load(cls) -> Networks:
        """The networks of `networks.toml`."""
        with _NETWORKS_FILE.open("rb") as file:
            return cls(tomllib.load(file))

    def find(self, country: str, operator: str) -> tuple[str, str]:
        """MCC and MNC of an operator.

        The MNC is empty where only the country's MCC is known, both are where not even that is.
        """
        found = self._find(country, operator)
        return (found.mcc, found.mnc) if found else (self._main_mcc.get(country, ""), "")

    def brand(self, country: str, operator: str) -> str:
        """What an operator is called today.

        Its name as it is where no network is known, and '' where `networks.toml` says that
        numbering data is not to be believed.
        """
        if (country, normalise(operator)) in self._disbelieved:
            return ""
        found = self._find(country, operator)
        return found.brand if found else operator

    def _find(self, country: str, operator: str) -> _Network | None:
        return self._by_name.get((country, normalise(operator))) if operator else None


def _code(table: Mapping[str, Any], key: str, where: str) -> str:
    value = table.get(key)
    if not isinstance(value, str) or not _CODES[key].fullmatch(value):
        raise NetworksError(f"{where}: {key} is {value!r}, expected {_EXPECTED[key]} in quotes")
    return value
