"""What a snapshot knows: counts, and how much of the mobile number space it can name.

*Space* is prefix space: how many numbers of 15 digits start with a prefix, less what longer
prefixes take out of it, so that spaces add up whatever the lengths of real numbers. Of a country's
mobile space some has an operator's *name*, and of that some has a *known* network: MCC and MNC.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, NamedTuple

from .. import Snapshot

__all__ = ["LARGEST", "CountryCoverage", "Statistics", "statistics"]

#: The overall share is taken over so many countries: beyond them carrier data is thin everywhere.
LARGEST = 52


class CountryCoverage(NamedTuple):
    """One country's ranges, and how much of its mobile space they can name."""

    #: ISO 3166-1 alpha-2; empty for calling codes of no country.
    country: str
    ranges: int
    mobile_space: int
    named_space: int
    known_space: int
    #: Numbers can move to other networks, so that the range holder need not be the network.
    portable: bool

    @property
    def named_share(self) -> float | None:
        """Of the mobile space, what has an operator name: 0 to 1; ``None`` without mobile space."""
        return self.named_space / self.mobile_space if self.mobile_space else None

    @property
    def known_share(self) -> float | None:
        """Of the named space, what has a known network: 0 to 1; ``None`` without named space."""
        return self.known_space / self.named_space if self.named_space else None


class Statistics(NamedTuple):
    """Counts of a snapshot and the coverage of its countries, largest named space first."""

    path: str
    #: Of the plan's file; layers have their own.
    octets: int
    ranges: int
    ported: int
    #: Of those, how many lie in the plan's file; layers have the changes.
    ported_in_file: int
    #: Octets that they take there.
    ported_octets: int
    #: The least octets that they could take, by their density and by the networks' shares in each
    #: ten thousand numbers.
    ported_bound_octets: float
    networks: int
    #: Numbers, prefixes and names that have DNS records, by type.
    records: int
    #: How many layers are folded into the plan's file.
    base_sequence: int
    #: From when on the file holds, in UTC; ``None`` if nobody noted it.
    base_time: datetime | None
    #: Layers, as ``Snapshot.layers`` gives them.
    layers: list[dict[str, Any]]
    sources: list[str]
    #: What the builder wrote about the plan.
    meta: dict[str, Any]
    countries: list[CountryCoverage]

    @property
    def largest(self) -> list[CountryCoverage]:
        """The :data:`LARGEST` countries by named space."""
        return [country for country in self.countries if country.country][:LARGEST]

    @property
    def without_networks(self) -> list[str]:
        """Those of the largest countries whose operators have names but nowhere a network."""
        return [one.country for one in self.largest if one.named_space and not one.known_space]

    @property
    def known_share(self) -> float | None:
        """Share of the named space with a known network, over the largest countries: 0 to 1."""
        return _known_share(self.largest)

    @property
    def known_share_of_others(self) -> float | None:
        """The same, :attr:`without_networks` left out."""
        return _known_share([one for one in self.largest if one.known_space])

    def to_dict(self) -> dict[str, Any]:
        """Everything by name, for JSON."""
        countries = [
            country._asdict()
            | {"named_share": country.named_share, "known_share": country.known_share}
            for country in self.countries
        ]
        layers = [layer | {"time": _iso(layer["time"])} for layer in self.layers]
        return self._asdict() | {
            "base_time": _iso(self.base_time),
            "layers": layers,
            "known_share": self.known_share,
            "without_networks": self.without_networks,
            "known_share_of_others": self.known_share_of_others,
            "countries": countries,
        }


def _iso(time: datetime | None) -> str | None:
    return None if time is None else f"{time:%Y-%m-%dT%H:%M:%SZ}"


def _known_share(countries: list[CountryCoverage]) -> float | None:
    named = sum(country.named_space for country in countries)
    return sum(country.known_space for country in countries) / named if named else None


def statistics(snapshot: Snapshot) -> Statistics:
    """Counts what *snapshot* holds; takes time in proportion to its ranges."""
    found = snapshot.stats()
    countries = [CountryCoverage(**country) for country in found["countries"]]
    return Statistics(
        path=snapshot.path,
        octets=found["octets"],
        ranges=found["ranges"],
        ported=found["ported"],
        ported_in_file=found["ported_in_file"],
        ported_octets=found["ported_octets"],
        ported_bound_octets=found["ported_bound_octets"],
        networks=found["networks"],
        records=found["records"],
        base_sequence=found["base_sequence"],
        base_time=found["base_time"],
        layers=snapshot.layers,
        sources=list(found["sources"]),
        meta=json.loads(snapshot.meta),
        countries=sorted(countries, key=lambda one: (-one.named_space, one.country)),
    )
