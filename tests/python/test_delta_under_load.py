"""A day's changes applied to a plan under load: every query is answered, and the new state arrives.

How fast is no matter of tests: ``benches/python/delta_under_load.py``, which this runs, says it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import environment
from numdip import _native

SCRIPT = Path(__file__).parents[2] / "benches" / "python" / "delta_under_load.py"
#: A debug build takes a tenth of the changes, or it takes minutes.
PORTED, CHANGES = 1_000_000, 100_000 if _native.DEBUG_BUILD else 1_000_000


@pytest.mark.timeout(300)
def test_no_query_is_lost_while_a_days_changes_are_taken_up() -> None:
    done = subprocess.run(
        [sys.executable, SCRIPT, "--ported", str(PORTED), "--changes", str(CHANGES)],
        capture_output=True,
        text=True,
        env=environment(),
        timeout=280,
    )
    assert done.returncode == 0, done.stderr
    print(done.stdout)
    found = json.loads(done.stdout)
    assert found["sent"] == found["received"]
    # The server says the same.
    assert f"udp_received {found['sent']}, " in done.stderr
    assert (found["wrong"], found["backwards"]) == (0, 0), found["examples"]
    # It was asked before and after, and each number was answered as it is now.
    assert found["before"] > 0
    assert found["numbers"] == found["asked"] == 2_000
    assert found["seconds_to_first_new_answer"] < 60
