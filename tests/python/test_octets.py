"""Amounts of memory on the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from conftest import Command
from numdip.cli.octets import DEFAULT_MEMORY, MIN_MEMORY, memory_octets


@pytest.mark.parametrize(
    ("text", "octets"),
    [
        ("67108864", 64 << 20),
        ("65536KiB", 64 << 20),
        ("64MiB", 64 << 20),
        ("512 MiB", 512 << 20),
        ("4GiB", 4 << 30),
        (DEFAULT_MEMORY, 2 << 30),
    ],
)
def test_amounts_are_in_powers_of_two(text: str, octets: int) -> None:
    assert memory_octets(text) == octets


@pytest.mark.parametrize(
    "text", ["", "GiB", "4GB", "4gib", "4G", "-4GiB", "1.5GiB", "4GiB ", "٤GiB", "4" * 16]
)
def test_what_is_no_amount_is_told_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="expected an amount such as 4GiB, 512MiB or 67108864"):
        memory_octets(text)


@pytest.mark.parametrize("text", ["0", "63MiB", str(MIN_MEMORY - 1)])
def test_too_little_is_told_with_the_least(text: str) -> None:
    with pytest.raises(ValueError, match="expected at least 64MiB"):
        memory_octets(text)


def test_build_takes_an_amount(numdip_command: Command, tmp_path: Path, ranges_csv: Path) -> None:
    arguments = ("plan", "build", ranges_csv, "-o", tmp_path / "out.snap", "--memory")
    refused = numdip_command(*arguments, "lots")
    assert refused.returncode == 2
    assert "found 'lots', expected an amount such as 4GiB" in refused.stderr
    assert not (tmp_path / "out.snap").exists()
    assert numdip_command(*arguments, "64MiB").returncode == 0
