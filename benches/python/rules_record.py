"""Keeps what NAPTR records cost from Python: ``benches/record/rules.json`` and a page of it.

``python benches/python/rules_record.py [--note TEXT]`` runs ``test_rules.py`` with the extension
that is built, which has to be the release build, and writes the medians.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import platform
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

from numdip import _native

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
RECORD = ROOT / "benches" / "record"

HEADING = """\
# NAPTR records and their rules from Python

`python benches/python/rules_record.py` makes this page, from `benches/python/test_rules.py`.
Medians of rounds of a thousand records or numbers, in nanoseconds each, and the least round in
brackets: what lies between is what else the machine did. *New records*: each number comes with a
record read from the wire, whose rule is made ready for it alone. *re, not compiled* purges its
cache each time, which is part of what it costs.
"""

KAMAILIO = """\
## Limits of another client

Kamailio's `enum` module is what many softswitches apply rules with. It was not measured: it runs
inside a SIP server, one query at a time for each worker. Its documents and source give what a rule
may be there; numdip's limits stand beside.

| | Kamailio `enum` | numdip |
| --- | --- | --- |
| digits of a number | 2 to 20 | 1 to 15 (E.164) |
| delimiter | `!` only, and none may be escaped | any of RFC 3402 §3.2 |
| flag `i` | ignored | taken |
| groups | 6, of which 5 can be referred to | as many as fit, of which 9 can be referred to |
| group without part in the match | the record fails | gives nothing (RFC 3402 §3.2) |
| URI | below 1024 octets | 2048 octets |
| the match | that of the C library | POSIX; the C library's and Perl's on demand |
| compiled form | made for each record each time | kept with the record |
| cost of an expression | no bound | 1,000,000 steps, 10,000 parts |

Sources: the module's README (<https://www.kamailio.org/docs/modules/stable/modules/enum.html>:
digits, flags, form of the regexp); `src/modules/enum/enum.c`, `src/core/strutils.c` and
`src/core/config.h` of its source (delimiter, groups, buffers).
"""


def main() -> None:
    """Measures and writes."""
    options = argparse.ArgumentParser(description="Measures NAPTR records from Python.")
    options.add_argument("--note", default="", help="a sentence for the record")
    given = options.parse_args()
    if _native.DEBUG_BUILD:
        sys.exit("the extension is a debug build: make .venv/release.stamp")
    record = {**circumstances(), "note": given.note, "nanoseconds": measured()}
    (RECORD / "rules.json").write_text(json.dumps(record, indent=1) + "\n")
    page = as_text(record)
    (RECORD / "rules.md").write_text(page)
    print(page)


def measured() -> dict[str, dict[str, dict[str, float]]]:
    """Median and least round by what is measured, and by rule where there are some."""
    with tempfile.TemporaryDirectory(prefix="numdip-rules-") as folder:
        output = os.path.join(folder, "rules.json")
        bench = [sys.executable, "-m", "pytest", "-q", str(HERE / "test_rules.py")]
        options = ["--benchmark-only", f"--benchmark-json={output}"]
        subprocess.run([*bench, *options], cwd=ROOT, check=True)
        results = json.loads(Path(output).read_text())["benchmarks"]
    rows: dict[str, dict[str, dict[str, float]]] = {}
    for result in results:
        name = result["name"].partition("[")[0].removeprefix("test_").replace("_", " ")
        mode = (result["params"] or {}).get("mode")
        row = rows.setdefault(f"{name}, {mode}" if mode else name, {})
        # A round is a thousand: its microseconds are nanoseconds each.
        row[result["extra_info"].get("rule", "")] = {
            "median": round(result["stats"]["median"] * 1e6, 1),
            "least": round(result["stats"]["min"] * 1e6, 1),
        }
    return rows


def circumstances() -> dict[str, Any]:
    """What the numbers hold for."""
    with open("/proc/cpuinfo") as file:
        cpu = next((line.split(": ", 1)[1] for line in file if line.startswith("model name")), "")
    return {
        "date": dt.datetime.now(dt.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "commit": said("git", "rev-parse", "--short=12", "HEAD"),
        "changed": bool(said("git", "status", "--porcelain", "--", "rust", "python")),
        "cpu": cpu.strip(),
        "cpus": os.cpu_count(),
        "kernel": platform.release(),
        "load_average": round(os.getloadavg()[0], 2),
        "versions": {
            "Python": platform.python_version(),
            "dnspython": version("dnspython"),
            "glibc": platform.libc_ver()[1],
            "rustc": said("rustc", "--version").split()[1],
        },
    }


def said(*command: str) -> str:
    return subprocess.run(
        command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True
    ).stdout.strip()


def as_text(record: dict[str, Any]) -> str:
    """The record for people."""
    versions = ", ".join(f"{name} {of}" for name, of in record["versions"].items())
    changed = ", with changes" if record["changed"] else ""
    place = f"{record['cpus']} CPUs {record['cpu']}, Linux {record['kernel']}"
    load = f"load {record['load_average']}"
    lines = [
        HEADING,
        f"{record['date']}, commit {record['commit']}{changed}. {place}, {load}. {versions}.",
    ]
    if record["note"]:
        lines += ["", record["note"]]
    records = {name: row for name, row in record["nanoseconds"].items() if "" in row}
    lines += ["", "## Records", "", "| | ns |", "| --- | ---: |"]
    lines += [f"| {name} | {shown(row[''])} |" for name, row in records.items()]
    rules = {name: row for name, row in record["nanoseconds"].items() if "" not in row}
    heads = list(dict.fromkeys(head for row in rules.values() for head in row))
    lines += ["", "## Rules", "", f"| | {' | '.join(heads)} |"]
    lines += [f"| --- |{' ---: |' * len(heads)}"]
    lines += [
        f"| {name} | {' | '.join(shown(row[head]) for head in heads)} |"
        for name, row in rules.items()
    ]
    return "\n".join([*lines, "", KAMAILIO])


def shown(times: dict[str, float]) -> str:
    return f"{times['median']:,.0f} ({times['least']:,.0f})"


if __name__ == "__main__":
    main()
