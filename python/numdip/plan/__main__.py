"""``python -m numdip.plan`` builds the bundled snapshot; run where the package is built, not used.

Its rows are those of :mod:`numdip.plan.bundled` and of ``example.csv``, the ranges of documented
examples, whose source says that they are no facts. The same inputs give the same octets.
"""

from __future__ import annotations

import argparse
import json
import os
import sys

import phonenumbers
import polars as pl

from .._native import PlanBuilder
from ..errors import NumdipError
from .bundled import RangeRow, rows
from .reading import PlanFile

_HERE = os.path.dirname(__file__)
_BUNDLED = os.path.join(os.path.dirname(_HERE), "data", "bundled.snap")
_EXAMPLE = os.path.join(_HERE, "example.csv")


def build_bundled(output: str) -> str:
    """Writes the bundled plan's snapshot and says in a line what is in it."""
    builder = PlanBuilder()
    ranges = [[_text(value) for value in row] for row in rows()]
    schema = dict.fromkeys(RangeRow._fields, pl.String)
    builder.add_ranges(
        pl.DataFrame(ranges, schema=schema, orient="row"), file="libphonenumber", first_line=1
    )
    example_rows = 0
    with PlanFile(_EXAMPLE, note=_ignore, progress=_ignore) as example:
        for batch in example.batches(None):
            example_rows += builder.add_ranges(
                batch.rows, file=os.path.basename(_EXAMPLE), first_line=batch.first_line
            )
    meta = {
        "libphonenumber": phonenumbers.__version__,
        "example_rows": example_rows,
        "sources": [
            {"file": "libphonenumber", "holds": "ranges", "rows": len(ranges)},
            {"file": "example.csv", "holds": "example ranges", "rows": example_rows},
        ],
    }
    os.makedirs(os.path.dirname(output) or ".", exist_ok=True)
    report = builder.write(output, meta=json.dumps(meta))
    return (
        f"{output}: {report.ranges:,} ranges, {example_rows} of them examples, "
        f"{report.networks:,} networks, {os.path.getsize(output):,} octets"
    )


def _text(value: str | int | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _ignore(_: object) -> None:
    pass


def main() -> None:
    """Builds the bundled snapshot where ``-o`` says."""
    parser = argparse.ArgumentParser(
        prog="python -m numdip.plan", description="Build the bundled snapshot."
    )
    parser.add_argument("-o", "--output", default=_BUNDLED, metavar="F", help="where to write it")
    try:
        print(build_bundled(parser.parse_args().output))
    except (NumdipError, OSError) as error:
        sys.exit(f"numdip.plan: {error}")


if __name__ == "__main__":
    main()
