"""What a look-up among ported numbers costs from Python.

Over the snapshot that the environment variable ``NUMDIP_BENCH_PORTED`` names, with the queries of
``sample.parquet`` beside it, or over a national plan of a million numbers made for the purpose.
Each round takes a thousand numbers that no round before has taken, so that nothing is in a cache
for having been asked: a table's microseconds are nanoseconds a number.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from itertools import cycle
from typing import Any

import polars as pl
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

import numdip
import ported_data
from conftest import BATCH
from numdip.plan import build

ROUNDS = 800
#: Numbers of a round where they are handed over as a column.
COLUMN = 100_000


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The snapshot's path."""
    named = os.environ.get("NUMDIP_BENCH_PORTED")
    if named:
        return named
    folder = str(tmp_path_factory.mktemp("ported"))
    ported_data.make("national", 10**6, folder)
    snapshot = os.path.join(folder, "plan.snap")
    parts = [os.path.join(folder, "part-000", "ported.parquet")]
    build([os.path.join(folder, "ranges.csv"), *parts], snapshot)
    return snapshot


@pytest.fixture(scope="module")
def snapshot(path: str) -> numdip.Snapshot:
    return numdip.open(path)


@pytest.fixture(scope="module")
def sample(path: str) -> pl.DataFrame:
    """Numbers and the networks that are to be found."""
    return pl.read_parquet(os.path.join(os.path.dirname(path), "sample.parquet"))


@pytest.mark.benchmark(group="4 among ported numbers")
class TestPorted:
    def test_lookup(
        self, benchmark: BenchmarkFixture, snapshot: numdip.Snapshot, sample: pl.DataFrame
    ) -> None:
        def look_up(numbers: list[int]) -> None:
            for number in numbers:
                snapshot.lookup(number)

        fresh(benchmark, look_up, slices(sample["number"], BATCH, list), ROUNDS)

    def test_lookup_and_read_mcc_mnc(
        self, benchmark: BenchmarkFixture, snapshot: numdip.Snapshot, sample: pl.DataFrame
    ) -> None:
        def read(numbers: list[int]) -> None:
            for number in numbers:
                answer = snapshot.lookup(number)
                if answer is not None:
                    _ = (answer.mcc, answer.mnc)

        fresh(benchmark, read, slices(sample["number"], BATCH, list), ROUNDS)

    def test_lookup_many_of_list(
        self, benchmark: BenchmarkFixture, snapshot: numdip.Snapshot, sample: pl.DataFrame
    ) -> None:
        fresh(benchmark, snapshot.lookup_many, slices(sample["number"], BATCH, list), ROUNDS)


@pytest.mark.benchmark(group="5 among ported numbers, a hundred thousand at a time")
class TestPortedColumn:
    def test_lookup_many_of_arrow(
        self, benchmark: BenchmarkFixture, snapshot: numdip.Snapshot, sample: pl.DataFrame
    ) -> None:
        columns = slices(sample["number"], COLUMN, pl.Series.to_arrow)
        table = fresh(benchmark, snapshot.lookup_many, columns, ROUNDS // 20)
        assert len(pl.DataFrame(table)) == COLUMN


def slices(numbers: pl.Series, size: int, convert: Callable[[pl.Series], Any]) -> Iterator[Any]:
    """One slice after the other, from the beginning again when there are no more."""
    return (
        convert(numbers.slice(start, size))
        for start in cycle(range(0, len(numbers) - size + 1, size))
    )


def fresh(
    benchmark: BenchmarkFixture, work: Callable[[Any], Any], batches: Iterator[Any], rounds: int
) -> Any:
    """Measures *work* on another batch in each round; making the batch is not measured."""
    return benchmark.pedantic(  # type: ignore[no-untyped-call]
        work, setup=lambda: ((next(batches),), {}), rounds=rounds, warmup_rounds=10
    )
