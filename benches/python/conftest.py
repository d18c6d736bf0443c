"""Numbers for the benches: all different, as ENUM traffic is, from one seed."""

from __future__ import annotations

import random

import pytest

import numdip

#: How many numbers one round takes: with 1,000 a table's microseconds are nanoseconds a number.
BATCH = 1_000

#: What numbers of mobile subscribers in some countries start with.
MOBILE = ("4477", "49171", "8190", "55119", "3366", "2348", "9198", "6141")


@pytest.fixture(scope="session")
def db() -> numdip.Snapshot:
    """The bundled plan."""
    return numdip.open()


@pytest.fixture(scope="session")
def hits(db: numdip.Snapshot) -> list[str]:
    """Numbers that the bundled plan has a network for."""
    rng = random.Random(1)
    found: dict[str, None] = {}
    while len(found) < BATCH:
        prefix = rng.choice(MOBILE)
        length = {"4": 12, "8": 12, "5": 13, "3": 11, "2": 13, "9": 12, "6": 11}[prefix[0]]
        number = f"+{prefix}{rng.randrange(10 ** (length - len(prefix))):0{length - len(prefix)}d}"
        answer = db.lookup(number)
        if answer is not None and answer.mnc is not None:
            found[number] = None
    return list(found)


@pytest.fixture(scope="session")
def misses() -> list[str]:
    """Numbers of a country code that does not exist."""
    rng = random.Random(2)
    return [f"+999{rng.randrange(10**8):08d}" for _ in range(BATCH)]
