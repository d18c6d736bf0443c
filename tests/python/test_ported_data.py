"""The generator of the benches with ported numbers: what it says of its numbers is so."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl
import pytest

import numdip
from numdip.plan import build

GENERATOR = Path(__file__).parents[2] / "benches" / "python" / "ported_data.py"
COUNT = 60_000


class Made(NamedTuple):
    """A generated set: its folder, all rows in their order, and what it says of itself."""

    folder: Path
    rows: pl.DataFrame
    truth: dict[str, Any]


def make(folder: Path, shape: str, seed: int) -> Made:
    command = [
        sys.executable,
        str(GENERATOR),
        shape,
        str(COUNT),
        "--seed",
        str(seed),
        "-o",
        str(folder),
    ]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    rows = pl.concat(pl.read_parquet(path) for path in sorted(folder.glob("part-*/*.parquet")))
    return Made(folder, rows, json.loads((folder / "truth.json").read_text()))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Made]:
    sets: dict[str, Made] = {}

    def once(shape: str) -> Made:
        if shape not in sets:
            sets[shape] = make(tmp_path_factory.mktemp(shape), shape, seed=1)
        return sets[shape]

    return once


@pytest.mark.parametrize("shape", ["uniform", "national", "routing"])
def test_a_plan_of_its_numbers_answers_as_its_sample_says(
    tmp_path: Path, made: Callable[[str], Made], shape: str
) -> None:
    folder, rows, truth = made(shape)
    assert rows.height == rows["number"].n_unique() == COUNT
    parts = [str(path) for path in sorted(folder.glob("part-*/ported.parquet"))]
    built = build([str(folder / "ranges.csv"), *parts], str(tmp_path / "plan.snap"))
    # The ranges' network is one more.
    assert (built.ported, built.networks) == (COUNT, rows.drop("number").n_unique() + 1)
    assert built.networks <= truth["networks"] + 1

    sample = pl.read_parquet(folder / "sample.parquet")
    assert sample.height == sample["number"].n_unique() == truth["sample"] == COUNT
    db = numdip.open(tmp_path / "plan.snap")
    names = [name for name in sample.columns if name != "number"]
    found = []
    for number in sample["number"]:
        answer = db.lookup(number)
        assert answer is not None
        found.append(tuple(getattr(answer, name) if answer.ported else None for name in names))
    expected = sample.select(names).rows()
    assert expected == found
    assert sum(row[0] is None for row in expected) == truth["sample_absent"] == COUNT // 10
    members = sample.filter(pl.col("mcc").is_not_null())
    assert members.join(rows, on=rows.columns).height == members.height


@pytest.mark.parametrize("shape", ["uniform", "national"])
def test_a_seed_gives_the_same_rows_and_another_seed_others(
    tmp_path: Path, made: Callable[[str], Made], shape: str
) -> None:
    again, other = (make(tmp_path / str(seed), shape, seed) for seed in (1, 2))
    assert made(shape).rows.equals(again.rows)
    assert not made(shape).rows.equals(other.rows)


@pytest.mark.parametrize("shape", ["uniform", "national"])
def test_rows_come_in_no_order(made: Callable[[str], Made], shape: str) -> None:
    places = made(shape).rows["number"].rank("ordinal").cast(pl.Int64)
    # Neighbours differ as any two do: by a third of all on average.
    assert places.diff().abs().mean() == pytest.approx(COUNT / 3, rel=0.05)


def test_national_numbers_have_the_shape_that_the_bound_speaks_of(
    made: Callable[[str], Made],
) -> None:
    _, rows, truth = made("national")
    lengths = rows["number"].cast(pl.String).str.len_bytes()
    assert sorted(lengths.unique()) == truth["lengths"]
    assert len(truth["lengths"]) == 3
    counts = rows.group_by(pl.col("number") // 10_000).len()["len"].to_list()
    keys = math.fsum(math.log2(math.comb(10_000, count)) for count in counts)
    assert truth["bound_key_bits_each"] * COUNT == pytest.approx(keys)
    # From 0.5 to 60 % of a block; a block that the count cut short may hold fewer.
    assert sorted(counts)[len(truth["lengths"])] > 20
    assert max(counts) < 6_300
