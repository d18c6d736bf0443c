"""Compares numdip's ported numbers with other structures and stores, and writes the record.

``python benches/compare/compare.py [COUNT…] [-o benches/record] [--keep DIR]``, from the root of
the tree, with numdip installed in the same environment. For each count and for uniform and national
numbers it makes the data, builds the snapshot, and has ``numdip-compare`` (Rust, beside this file)
build and ask everything else. What it measures stands in ``src/main.rs``.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from typing import Any

from numdip.plan import build

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
SHAPES = ("uniform", "national")
HEADING = """\
# Ported numbers: numdip and others

`make bench-ported` makes this page. The same numbers and queries for all; every answer was checked.
Nine of ten queries are for ported numbers, the tenth for one between them. *Single*: each query
waits for the answer before. *Together*: as many at once as the structure takes. Medians of
interleaved rounds. Octets are counted: the heap by its allocator, numdip's section of the file,
LMDB's file, Redis's `used_memory`. *Ratio* is to the entropy bound. numdip is built from Parquet
files, with all checks; the others from rows in memory, sorting included.
"""
CRATES = ("fst", "heed", "lmdb-master-sys", "rustc-hash", "sux")


def main() -> None:
    options = argparse.ArgumentParser(description="Compares ways to hold ported numbers.")
    options.add_argument("counts", nargs="*", type=lambda text: int(float(text)), metavar="COUNT")
    options.add_argument("-o", "--output", default=os.path.join(ROOT, "benches", "record"))
    options.add_argument("--keep", metavar="DIR", help="make the data there and leave it")
    options.add_argument("--note", default="", help="a sentence for the record")
    given = options.parse_args()
    manifest = os.path.join(HERE, "Cargo.toml")
    subprocess.run(
        ["cargo", "build", "--quiet", "--release", "--locked", "--manifest-path", manifest],
        check=True,
    )
    folder = given.keep or tempfile.mkdtemp(prefix="numdip-compare-")
    try:
        results = [
            result(shape, count, os.path.join(folder, f"{shape}-{count}"))
            for count in given.counts or [10**6]
            for shape in SHAPES
        ]
    finally:
        if not given.keep:
            shutil.rmtree(folder)
    record = {**circumstances(), "note": given.note, "results": results}
    os.makedirs(given.output, exist_ok=True)
    path = os.path.join(given.output, "ported-comparison")
    with open(path + ".json", "w") as file:
        json.dump(record, file, indent=1, ensure_ascii=False)
        file.write("\n")
    with open(path + ".md", "w") as file:
        file.write(as_text(record))
    print(as_text(record))


def result(shape: str, count: int, folder: str) -> dict[str, Any]:
    """One table: the same numbers in everything."""
    print(f"{count:,} {shape} numbers", file=sys.stderr)
    generator = os.path.join(ROOT, "benches", "python", "ported_data.py")
    subprocess.run(
        [sys.executable, generator, shape, str(count), "-o", folder, "--raw"],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    with open(os.path.join(folder, "truth.json")) as file:
        truth = json.load(file)
    parts = [
        os.path.join(folder, f"part-{part:03d}", "ported.parquet") for part in range(truth["parts"])
    ]
    started = time.monotonic()
    build([os.path.join(folder, "ranges.csv"), *parts], os.path.join(folder, "plan.snap"))
    seconds = time.monotonic() - started
    program = os.path.join(HERE, "target", "release", "numdip-compare")
    output = subprocess.run([program, folder], check=True, stdout=subprocess.PIPE).stdout
    measured = json.loads(output)
    for row in measured["rows"]:
        row["ratio_to_bound"] = row["octets_each"] * 8 / truth["bound_bits_each"]
        if row["build_seconds"] is None:
            row["build_seconds"] = seconds
    return {"truth": truth, **measured}


def circumstances() -> dict[str, Any]:
    """What the numbers hold for."""
    with open("/proc/cpuinfo") as file:
        cpu = next((line.split(": ", 1)[1] for line in file if line.startswith("model name")), "")
    with open(os.path.join(HERE, "Cargo.lock"), "rb") as lock:
        packages = {
            package["name"]: package["version"] for package in tomllib.load(lock)["package"]
        }
    versions = {name: packages[name] for name in CRATES if name in packages}
    versions["rustc"] = _said("rustc", "--version").split(" ")[1]
    if shutil.which("redis-server"):
        versions["redis"] = _said("redis-server", "--version").split("v=")[1].split(" ")[0]
    return {
        "date": dt.datetime.now(dt.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "commit": _said("git", "-C", ROOT, "rev-parse", "--short=12", "HEAD"),
        "changed": bool(_said("git", "-C", ROOT, "status", "--porcelain", "--", "rust", "python")),
        "cpu": cpu.strip(),
        "cpus": os.cpu_count(),
        "kernel": platform.release(),
        "load_average": round(os.getloadavg()[0], 2),
        "versions": versions,
    }


def _said(*command: str) -> str:
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def as_text(record: dict[str, Any]) -> str:
    """The record for people."""
    versions = ", ".join(f"{name} {version}" for name, version in record["versions"].items())
    changed = ", with changes" if record["changed"] else ""
    place = f"{record['cpus']} CPUs {record['cpu']}, Linux {record['kernel']}"
    when = f"{record['date']}, commit {record['commit']}{changed}"
    lines = [HEADING, f"{when}. {place}. {versions}."]
    if record["note"]:
        lines += ["", record["note"]]
    for result in record["results"]:
        truth = result["truth"]
        lines += [
            "",
            f"## {truth['count']:,} {truth['shape']} numbers",
            "",
            f"The bound is {truth['bound_bits_each']:.3f} bits a number.",
            "",
            "| | octets a number | ratio | build s | single ns | together ns | |",
            "|---|---:|---:|---:|---:|---:|---|",
        ]
        lines += [
            f"| {row['name']} | {row['octets_each']:.3f} | {row['ratio_to_bound']:.3f} "
            f"| {row['build_seconds']:.2f} | {row['single_ns']['median']:,.0f} "
            f"| {row['together_ns']['median']:,.0f} | {row['note']} |"
            for row in result["rows"]
        ]
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    main()
