"""What is different in two plans: :func:`difference`."""

from __future__ import annotations

from typing import Any, NamedTuple

from .. import Snapshot
from .._native import diff

__all__ = ["Changes", "Difference", "Example", "RecordChanges", "difference"]


class Changes(NamedTuple):
    """How many numbers or prefixes of one country and network came, went and changed.

    What changed counts twice: where it was, under its old network, and where it is now.
    """

    #: ISO 3166-1 alpha-2 of the range; empty for ranges of no country and numbers of no range.
    country: str
    #: In words, such as ``234/15 Vodafone``.
    network: str
    added: int
    removed: int
    #: From another network to this one.
    changed_to: int
    #: From this network to another one.
    changed_from: int


class Example(NamedTuple):
    """One difference; ``None`` where a plan says nothing."""

    #: A ported number with its ``+``, or the digits of a prefix.
    subject: str
    before: str | None
    after: str | None


class RecordChanges(NamedTuple):
    """How many owners of DNS records, by type, came, went and have other records now."""

    added: int
    removed: int
    changed: int


class Difference(NamedTuple):
    """The differences from one plan to another."""

    ported: list[Changes]
    ranges: list[Changes]
    records: RecordChanges
    examples: list[Example]

    @property
    def is_empty(self) -> bool:
        """Whether both plans say the same."""
        return not self.ported and not self.ranges and not any(self.records)

    def to_dict(self) -> dict[str, Any]:
        """Everything by name, for JSON."""
        return {"records": self.records._asdict()} | {
            name: [row._asdict() for row in rows]
            for name, rows in (
                ("ported", self.ported),
                ("ranges", self.ranges),
                ("examples", self.examples),
            )
        }


def difference(before: Snapshot, after: Snapshot, *, examples: int = 10) -> Difference:
    """Compares two plans, layers included, by what they say of networks and by their DNS records;
    sources are not compared.

    Takes time in proportion to the ported numbers of both and little memory, but for the records.

    Args:
        before: the first plan.
        after: the second one.
        examples: keep up to so many of ported numbers, and as many of prefixes.
    """
    found = diff(before, after, examples=examples)
    was, now = _records(before), _records(after)
    return Difference(
        ported=[Changes(**row) for row in found["ported"]],
        ranges=[Changes(**row) for row in found["ranges"]],
        records=RecordChanges(
            added=len(now.keys() - was.keys()),
            removed=len(was.keys() - now.keys()),
            changed=sum(was[owner] != now[owner] for owner in was.keys() & now.keys()),
        ),
        examples=[Example(**row) for row in found["examples"]],
    )


def _records(snapshot: Snapshot) -> dict[tuple[str, int], tuple[int, list[bytes]]]:
    """The records of each owner and type, in an order of their own."""
    sets = snapshot.record_sets()
    return {(owner, rtype): (ttl, sorted(data)) for owner, rtype, ttl, data in sets}
