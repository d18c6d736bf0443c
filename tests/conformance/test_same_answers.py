"""numdip and NSD are asked the same questions: where a range and a wildcard agree, so must they."""

from __future__ import annotations

import random

import dns.rcode

from subjects import PLAN, Subject, query


def test_thousands_of_questions_are_answered_alike(both: list[Subject]) -> None:
    rng = random.Random(1)
    found = 0
    for _ in range(2_000):
        prefix, digits, *_ = rng.choice(PLAN)
        # Four in five inside a range, the others next to it or anywhere.
        if rng.random() < 0.2:
            prefix = str(int(prefix) + rng.choice([-1, 1])) if rng.random() < 0.5 else "99"
        number = prefix + "".join(rng.choices("0123456789", k=digits - len(prefix)))
        ours, theirs = (server.ask(query(f"+{number}")) for server in both)
        assert theirs.rcode() == ours.rcode(), number
        assert theirs.answer == ours.answer, number
        assert [set_.ttl for set_ in theirs.answer] == [set_.ttl for set_ in ours.answer]
        found += ours.rcode() == dns.rcode.NOERROR
    assert found > 1_000


def test_a_wildcard_takes_any_length_and_a_range_its_own(both: list[Subject]) -> None:
    """Where they differ by design: a wildcard does not know how long numbers are."""
    ours, theirs = both
    short = query("+13392986")
    assert dns.rcode.NXDOMAIN == ours.ask(short).rcode()
    assert dns.rcode.NOERROR == theirs.ask(short).rcode()
