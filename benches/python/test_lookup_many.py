"""How many numbers a second a whole column takes, by what it comes in, and with two threads.

Each round takes a million different numbers over the bundled plan: a table's milliseconds are
nanoseconds a number, and its operations a second are millions of numbers a second. Numbers are
spread over mobile prefixes of some countries (``some``), as one operator's traffic is, or over all
prefixes of all countries (``all``), the worst there is.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa  # type: ignore[import-untyped]
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

import numdip
from conftest import MOBILE

#: Numbers of a round.
COLUMN = 1_000_000
ROUNDS = 12


@cache
def numbers(spread: str) -> list[int]:
    """Numbers in no order, one in ten unknown."""
    rng = random.Random(3)
    starts = prefixes() if spread == "all" else list(MOBILE)
    made = []
    for _ in range(COLUMN):
        start = "999" if rng.random() < 0.1 else rng.choice(starts)
        length = min(15, max(11 if start[0] == "1" else 12, len(start)))
        more = length - len(start)
        made.append(int(f"{start}{rng.randrange(10**more):0{more}d}" if more else start))
    return made


def prefixes() -> list[str]:
    """The prefixes of the bundled plan that a first sweep over it meets."""
    db = numdip.open()
    swept = np.arange(10**6, 10**7, dtype=np.int64)
    met: set[str] = set()
    for more in (10**4, 10**5):
        met.update(pl.DataFrame(db.lookup_many(swept * more))["prefix"].cast(str).drop_nulls())
    return sorted(met)


def texts(spread: str) -> list[str]:
    """The same numbers as text."""
    return [f"+{number}" for number in numbers(spread)]


KINDS: dict[str, Callable[[str], Any]] = {
    "numpy uint64": lambda spread: np.array(numbers(spread), dtype=np.uint64),
    "arrow int64": lambda spread: pa.array(numbers(spread)),
    "arrow utf8": lambda spread: pa.array(texts(spread)),
    "polars text": lambda spread: pl.Series(texts(spread)),
}


@pytest.mark.benchmark(group="6 from a million numbers to a table")
class TestLookupMany:
    @pytest.mark.parametrize("spread", ["some", "all"])
    @pytest.mark.parametrize("kind", KINDS)
    def test_numdip_lookup_many(
        self, benchmark: BenchmarkFixture, db: numdip.Snapshot, kind: str, spread: str
    ) -> None:
        column = KINDS[kind](spread)
        measure(benchmark, lambda: db.lookup_many(column))

    @pytest.mark.parametrize("convert", [int, str])
    def test_numdip_lookup_many_of_list(
        self, benchmark: BenchmarkFixture, db: numdip.Snapshot, convert: Callable[[int], object]
    ) -> None:
        column: Any = [convert(number) for number in numbers("some")]
        measure(benchmark, lambda: db.lookup_many(column))

    @pytest.mark.parametrize("threads", [1, 2])
    @pytest.mark.parametrize("kind", ["numpy uint64", "arrow utf8"])
    def test_numdip_lookup_many_in_threads(
        self, benchmark: BenchmarkFixture, db: numdip.Snapshot, kind: str, threads: int
    ) -> None:
        """Each thread has its part of the column."""
        column = KINDS[kind]("some")
        parts = [column[part * COLUMN // threads :][: COLUMN // threads] for part in range(threads)]
        with ThreadPoolExecutor(threads) as pool:
            measure(benchmark, lambda: list(pool.map(db.lookup_many, parts)))


def measure(benchmark: BenchmarkFixture, work: Callable[[], object]) -> None:
    benchmark.pedantic(work, rounds=ROUNDS, warmup_rounds=2)  # type: ignore[no-untyped-call]
