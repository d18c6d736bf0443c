"""Makes plans with ported numbers: Parquet files, a ranges file, and what is true of them.

``python benches/python/ported_data.py SHAPE COUNT -o DIR [--seed N] [--raw]``

Shapes: ``uniform`` is any number out of a hundred times as many with any of 500 networks,
``national`` is blocks of ten thousand with favourite networks and three lengths of numbers,
``routing`` is as uniform, with 100,000 routing numbers for networks. DIR gets

=======================  ===========================================================================
``ranges.csv``           ranges that hold all the numbers
``part-000/`` …          ``ported.parquet``: ported numbers in random order over all files
                         (of one name: a row's source is its file's name, and equal networks
                         of two sources are two). With ``--raw`` also ``numbers.bin`` and
                         ``networks.bin``, as the sample's
``truth.json``           seed, counts, and how many bits any encoding takes at least on average
``sample.parquet``       queries: nine tenths ported, with what is to be found, one tenth between
``sample.bin``           the same numbers, as little-endian u64
``sample-networks.bin``  their networks as u32, places in networks.csv; 2^32 - 1: not ported
``networks.csv``         place, MCC, MNC and routing number of each network
=======================  ===========================================================================

``numdip plan build DIR/ranges.csv DIR/part-*/ported.parquet -o plan.snap`` makes a snapshot.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import polars as pl

from ported_national import National, ahead
from ported_shapes import Rows, Shape, Sparse, generator, networks

#: Queries in the sample at most, and one in so many is for a number that is not ported.
SAMPLE, ABSENT_ONE_IN = 2_000_000, 10
ABSENT = np.uint32(2**32 - 1)
ROW_GROUP = 1_000_000
WORKERS = 2


def main() -> None:
    options = argparse.ArgumentParser(description="Makes plans with ported numbers.")
    options.add_argument("shape", choices=["uniform", "national", "routing"])
    options.add_argument("count", type=lambda text: int(float(text)), help="10000000 or 1e7")
    options.add_argument("-o", "--output", required=True, metavar="DIR")
    options.add_argument("--seed", type=int, default=6116)
    options.add_argument("--raw", action="store_true", help="all rows in plain binary files too")
    given = options.parse_args()
    if not 1_000 <= given.count <= 10**9:
        options.error("COUNT is from 1,000 to 1,000,000,000")
    started = time.monotonic()
    make(given.shape, given.count, given.output, seed=given.seed, raw=given.raw)
    seconds = time.monotonic() - started
    print(f"{given.output}: {given.count:,} {given.shape} numbers in {seconds:.1f} s")


def make(shape: str, count: int, folder: str, *, seed: int = 6116, raw: bool = False) -> None:
    """Writes everything into *folder*."""
    os.makedirs(folder, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(dir=folder, prefix="spool-") as spool,
        ThreadPoolExecutor(WORKERS) as pool,
    ):
        numbers: Shape
        match shape:
            case "national":
                numbers = National(count, seed, spool, pool)
            case "routing":
                numbers = Sparse(count, seed, networks(100_000, rn=True))
            case _:
                numbers = Sparse(count, seed, networks(500))
        files = Files(folder, numbers, seed, raw=raw)
        for _ in ahead(pool, files.write_part, range(numbers.parts)):
            pass
        files.write_about(shape)


class Files:
    """The files of one set of numbers."""

    def __init__(self, folder: str, shape: Shape, seed: int, *, raw: bool) -> None:
        self._folder = folder
        self._shape = shape
        self._seed = seed
        self._raw = raw
        self._sampled = min(SAMPLE, shape.count)
        # The texts of each network as a column, from which rows take theirs by place.
        self._texts = {
            name: pl.Series(name, texts, pl.Enum(sorted(set(texts))))
            for name in ("mcc", "mnc", "rn")
            if any(texts := [getattr(network, name) for network in shape.networks])
        }

    def write_part(self, number: int) -> None:
        """Makes one part and writes its files, and after the first part the sample."""
        rows = self._shape.part(number)
        folder = self._path(f"part-{number:03d}")
        os.makedirs(folder, exist_ok=True)
        self._frame(rows).write_parquet(
            os.path.join(folder, "ported.parquet"),
            compression="zstd",
            compression_level=1,
            row_group_size=ROW_GROUP,
            statistics=False,
        )
        if self._raw:
            rows.numbers.tofile(os.path.join(folder, "numbers.bin"))
            rows.networks.tofile(os.path.join(folder, "networks.bin"))
        if number == 0:
            self._write_sample(rows)

    def write_about(self, shape: str) -> None:
        """Writes what is small: ranges, networks, and the truth about the numbers."""
        bound = self._shape.bound()
        count = self._shape.count
        truth = {
            "shape": shape,
            "seed": self._seed,
            "count": count,
            "networks": len(self._shape.networks),
            "parts": self._shape.parts,
            "lengths": [row.length for row in self._shape.ranges],
            "sample": self._sampled,
            "sample_absent": self._sampled // ABSENT_ONE_IN,
            "bound_bits": bound.keys + bound.values,
            "bound_bits_each": (bound.keys + bound.values) / count,
            "bound_key_bits_each": bound.keys / count,
            "bound_value_bits_each": bound.values / count,
        }
        with open(self._path("truth.json"), "w") as file:
            json.dump(truth, file, indent=2)
            file.write("\n")
        # One network for all ranges, so that it adds one to those of the ported numbers.
        ranges = [
            f"{prefix},{length},{length},{country},mobile,299,99,Home,true"
            for prefix, length, country in self._shape.ranges
        ]
        header = "prefix,min_length,max_length,country,kind,mcc,mnc,operator,portable"
        self._write_lines("ranges.csv", [header, *ranges])
        places = [",".join([str(p), *texts]) for p, texts in enumerate(self._shape.networks)]
        self._write_lines("networks.csv", ["network,mcc,mnc,rn", *places])

    def _write_lines(self, name: str, lines: list[str]) -> None:
        with open(self._path(name), "w") as file:
            file.write("\n".join([*lines, ""]))

    def _write_sample(self, shuffled: Rows) -> None:
        """Writes the queries; *shuffled* begins with enough rows in random order."""
        absent = self._shape.absent(self._sampled // ABSENT_ONE_IN)
        members = self._sampled - absent.size
        nowhere = np.full(absent.size, ABSENT, np.uint32)
        order = generator(self._seed, 4).permutation(self._sampled)
        numbers = np.concatenate([shuffled.numbers[:members], absent])[order]
        codes = np.concatenate([shuffled.networks[:members], nowhere])[order]
        if numbers.size != self._sampled:
            raise RuntimeError("fewer numbers than the sample is to have: take a larger COUNT")
        numbers.tofile(self._path("sample.bin"))
        codes.tofile(self._path("sample-networks.bin"))
        self._frame(Rows(numbers, codes)).write_parquet(self._path("sample.parquet"))

    def _frame(self, rows: Rows) -> pl.DataFrame:
        """Rows as they are written; no network gives null."""
        places = pl.Series(rows.networks)
        if rows.networks.size and rows.networks.max() == ABSENT:
            places = places.set(places == int(ABSENT), None)
        columns = {"number": pl.Series(rows.numbers.view(np.int64))}
        return pl.DataFrame(
            columns | {name: texts.gather(places) for name, texts in self._texts.items()}
        )

    def _path(self, name: str) -> str:
        return os.path.join(self._folder, name)


if __name__ == "__main__":
    main()
