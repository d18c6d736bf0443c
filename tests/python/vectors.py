"""The cases of ``tests/vectors/``, which the Rust tests run as well."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

__all__ = ["cases", "read"]

FOLDER = Path(__file__).parent.parent / "vectors"


def read(file: str) -> dict[str, Any]:
    """All of a file: ``cases`` and what they have in common."""
    found: dict[str, Any] = json.loads((FOLDER / f"{file}.json").read_text("utf-8"))
    return found


def cases(file: str, category: str, least: int) -> pytest.MarkDecorator:
    """Gives a test the input and the expectation of each case of a category.

    There are at least *least* of them, or the cases are not where they were.
    """
    found = [case for case in read(file)["cases"] if case["category"] == category]
    assert len(found) >= least, f"{len(found)} cases of {category}, there were {least}"
    return pytest.mark.parametrize(
        ("case", "expected"),
        [pytest.param(case["input"], case["expect"], id=case["id"]) for case in found],
    )
