"""``import numdip`` is quick and loads nothing that a look-up does not need."""

from __future__ import annotations

import subprocess
import sys

import pytest

from conftest import environment
from numdip import _native

HEAVY = [
    *("typer", "click", "rich", "msgspec", "pydantic", "polars", "pyarrow", "numpy", "pandas"),
    *("dns", "asyncio", "socket", "importlib.metadata", "pathlib", "phonenumbers", "typing"),
    *("inspect", "dataclasses", "enum", "re", "json", "tomllib", "argparse", "subprocess"),
]


def python(*args: str) -> subprocess.CompletedProcess[str]:
    # Without site packages' start-up hooks, which may load anything.
    return subprocess.run(
        [sys.executable, *args], capture_output=True, text=True, check=True, env=environment()
    )


def test_import_loads_nothing_heavy() -> None:
    code = (
        "import sys; before = set(sys.modules); import numdip; "
        "print(*sorted(set(sys.modules) - before), sep='\\n')"
    )
    loaded = python("-c", code).stdout.split()
    assert "numdip" in loaded
    assert [name for name in loaded if name in HEAVY] == []


@pytest.mark.skipif(_native.DEBUG_BUILD, reason="a debug build is larger and slower to load")
def test_import_takes_less_than_20_ms() -> None:
    code = (
        "import time; start = time.perf_counter(); import numdip; "
        "print(time.perf_counter() - start)"
    )
    # The best of a few: a busy machine can only make it slower.
    seconds = min(float(python("-c", code).stdout) for _ in range(7))
    assert seconds < 0.020


@pytest.mark.skipif(not _native.DEBUG_BUILD, reason="this is a release build")
def test_debug_build_warns() -> None:
    code = "import warnings; warnings.simplefilter('always'); import numdip"
    assert "RuntimeWarning: numdip._native is a debug build" in python("-c", code).stderr


def test_command_line_does_not_load_for_the_library() -> None:
    code = "import sys, numdip; db = numdip.open(); db.lookup('+1'); print('typer' in sys.modules)"
    assert python("-c", code).stdout.strip() == "False"
