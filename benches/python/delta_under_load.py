"""A day's changes applied to a plan that is being served: how long until they are answered.

``python benches/python/delta_under_load.py [--ported N] [--changes N] [--record FILE]``

Builds a plan, serves it with ``watch``, has another process ask it without pause, and runs ``numdip
plan apply``. Prints one JSON object: the seconds from the start of that command to the first new
answer, and what the asking process counted (:mod:`dns_load`).
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import polars as pl

from numdip import _native

NUMDIP = [sys.executable, "-m", "numdip"]
LOAD = [sys.executable, str(Path(__file__).with_name("dns_load.py"))]
#: The plan's ported numbers are every other one from here on.
FIRST = 447_000_000_000
#: MNCs of ported numbers before and after the changes; that of the range is another.
BEFORE, AFTER, RANGE = ("10", "15", "30"), "20", "01"
ASKED = 2_000


def write_plan(folder: Path, ported: int, changes: int) -> None:
    """Writes ranges, ported numbers, a delta, and what is asked."""
    rng = random.Random(1)
    (folder / "ranges.csv").write_text(
        f"prefix,min_length,max_length,mcc,mnc\n44,12,12,234,{RANGE}\n"
    )
    places = list(range(ported))
    rng.shuffle(places)
    digits = pl.Series(places, dtype=pl.Int64)
    plan = pl.DataFrame({"number": FIRST + 2 * digits, "mcc": "234", "place": digits % 3})
    plan = plan.with_columns(mnc=pl.col("place").replace_strict(dict(enumerate(BEFORE))))
    plan.select("number", "mcc", "mnc").write_parquet(folder / "ported.parquet")
    # Half of the changes are to ported numbers, a quarter removes some, a quarter adds others.
    changed = plan[: changes * 3 // 4].with_row_index()
    removed = pl.col("index") % 3 == 2
    old = changed.select(
        number="number",
        action=pl.when(removed).then(pl.lit("remove")).otherwise(pl.lit("change")),
        before="mnc",
        after=pl.when(removed).then(pl.lit(RANGE)).otherwise(pl.lit(AFTER)),
    )
    new = plan[: changes - len(changed)].select(
        number=pl.col("number") + 1,
        action=pl.lit("add"),
        before=pl.lit(RANGE),
        after=pl.lit(AFTER),
    )
    delta = pl.concat([old, new])
    mnc = pl.when(pl.col("action") == "remove").then(pl.lit("")).otherwise(pl.col("after"))
    delta.select("number", "action", mcc=pl.lit("234"), mnc=mnc).write_parquet(
        folder / "delta.parquet"
    )
    asked = delta.sample(min(ASKED, len(delta)), seed=1).select("number", "before", "after")
    asked.with_columns(number="+" + pl.col("number").cast(pl.String)).write_csv(
        folder / "asked.txt", include_header=False, separator=" "
    )


@contextmanager
def running(command: list[str], folder: Path) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.terminate()


def line_of(stream: IO[str] | None, containing: str) -> str:
    assert stream is not None
    for line in stream:
        if containing in line:
            return line
    raise SystemExit(f"a process ended without {containing!r}")


def measure(folder: Path, ported: int, changes: int) -> dict[str, object]:
    write_plan(folder, ported, changes)
    build = ["plan", "build", "ranges.csv", "ported.parquet", "-o", "plan.snap"]
    # Changes cannot be older than the plan, whose time is now unless it is given.
    subprocess.run([*NUMDIP, *build, "--time", "2026-01-01"], cwd=folder, check=True, stdout=2)
    (folder / "numdip.toml").write_text(
        "plan.path = 'plan.snap'\nplan.watch = true\nserver.listen = ['127.0.0.1:0']\n"
    )
    with running([*NUMDIP, "serve", "--config", "numdip.toml"], folder) as server:
        ready = line_of(server.stdout, "numdip ready: ")
        [port] = re.findall(r"127\.0\.0\.1:(\d+)", ready.partition("(")[0])
        with running([*LOAD, port, "asked.txt"], folder) as asking:
            line_of(asking.stdout, "started")
            start = time.monotonic()
            apply = [*NUMDIP, "plan", "apply", "plan.snap", "delta.parquet"]
            subprocess.run(apply, cwd=folder, check=True, stdout=2)
            applied = time.monotonic()
            counts = json.loads(line_of(asking.stdout, "{"))
    first_new = counts.pop("first_new")
    return {
        "ported": ported,
        "changes": changes,
        "asked": min(ASKED, changes),
        "debug_build": _native.DEBUG_BUILD,
        "processors": os.cpu_count(),
        "seconds_to_apply": round(applied - start, 2),
        "seconds_to_first_new_answer": None if first_new is None else round(first_new - start, 2),
        "queries_per_second": round(counts["received"] / counts["seconds"]),
        **counts,
    }


def main() -> None:
    options = argparse.ArgumentParser(description="A day's changes under load.")
    options.add_argument("--ported", type=int, default=2_000_000)
    options.add_argument("--changes", type=int, default=1_000_000)
    options.add_argument("--record", metavar="FILE", help="write the result there too")
    args = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="numdip-load-") as folder:
        found = json.dumps(measure(Path(folder), args.ported, args.changes), indent=1)
    print(found)
    if args.record:
        Path(args.record).write_text(found + "\n")


if __name__ == "__main__":
    main()
