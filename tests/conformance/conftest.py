"""Each subject is started once for all tests."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
# The cases that all tests share are read there.
sys.path.append(str(Path(__file__).parent.parent / "python"))

from subjects import SUBJECTS, Subject


@pytest.fixture(scope="session", params=SUBJECTS)
def subject(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Subject]:
    """Each of the servers in turn."""
    running = SUBJECTS[request.param](tmp_path_factory.mktemp(request.param))
    yield running
    running.stop()


@pytest.fixture(scope="session")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Subject]]:
    """All of the servers at once."""
    running = [start(tmp_path_factory.mktemp(name)) for name, start in SUBJECTS.items()]
    yield running
    for server in running:
        server.stop()
