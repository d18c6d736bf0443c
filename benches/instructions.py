"""Counts the instructions of each step from a query to its response, and keeps them by commit.

``python benches/instructions.py [-o FILE]``, from the root of the tree. It builds
``benches/rust/instructions.rs`` and runs each step under callgrind: the same program takes the
same instructions whatever else the machine does, so a regression shows where times are noise.
Prints a table beside the record before and adds one to the file, in place of one of the same
commit.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
from typing import Any

ROOT = pathlib.Path(__file__).resolve().parent.parent
MEASURED = "*instructions*counted*"


def main() -> None:
    """Count, print and record."""
    options = argparse.ArgumentParser(description="Counts instructions of the hot path's steps.")
    options.add_argument(
        "-o",
        "--output",
        type=pathlib.Path,
        default=ROOT / "benches" / "record" / "instructions.json",
    )
    given = options.parse_args()
    if shutil.which("valgrind") is None:
        sys.exit("valgrind is missing, it counts the instructions: apt-get install valgrind")
    program = build()
    with tempfile.TemporaryDirectory(prefix="numdip-instructions-") as folder:
        plan = pathlib.Path(folder, "plan.snap")
        run([program, "prepare", plan])
        steps = run([program, "steps"]).stdout.split()
        counts = {step: count(program, step, plan) for step in steps}
    records = json.loads(given.output.read_text()) if given.output.exists() else []
    commit = run(["git", "rev-parse", "--short=12", "HEAD"]).stdout.strip()
    changed = run(["git", "status", "--porcelain", "--untracked-files=no", "rust"]).stdout.strip()
    records = [record for record in records if record["commit"] != commit]
    show(counts, records[-1]["instructions"] if records else {})
    record = {
        "commit": commit,
        "changed_since": bool(changed),
        "rustc": run(["rustc", "--version"]).stdout.split()[1],
        "instructions": counts,
    }
    given.output.write_text(json.dumps([*records, record], indent=1) + "\n")


def build() -> str:
    """Build the bench and give the path of its program."""
    bench = ("cargo", "bench", "--quiet", "--locked", "-p", "numdip-core", "--no-run")
    messages = run([*bench, "--bench", "instructions", "--message-format=json"]).stdout
    built = [json.loads(line) for line in messages.splitlines()]
    programs = [message["executable"] for message in built if message.get("executable")]
    return str(programs[-1])


def count(program: str, step: str, plan: pathlib.Path) -> float:
    """Instructions that a step takes once."""
    with tempfile.NamedTemporaryFile(prefix="callgrind-") as output:
        into = f"--callgrind-out-file={output.name}"
        callgrind = ("valgrind", "--tool=callgrind", f"--toggle-collect={MEASURED}", into)
        done = run([*callgrind, program, step, plan])
    found = re.search(r"Collected : (\d+)", done.stderr)
    if found is None:
        sys.exit(f"callgrind counted nothing for {step}: {done.stderr[-500:]}")
    return round(int(found[1]) / int(done.stdout), 1)


def show(counts: dict[str, float], before: dict[str, float]) -> None:
    """Print what each step takes, and how that changed."""
    print(f"{'step':20} {'instructions':>12} {'before':>9}")
    for step, now in counts.items():
        was = before.get(step)
        change = "" if was is None else f"{was:9.1f}  {(now - was) / was:+.1%}"
        print(f"{step:20} {now:12.1f} {change}")


def run(command: list[Any]) -> subprocess.CompletedProcess[str]:
    """Run a program that must not fail; its output is text."""
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{command[0]} failed: {done.stderr[-2000:]}")
    return done


if __name__ == "__main__":
    main()
