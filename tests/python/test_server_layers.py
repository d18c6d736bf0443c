"""The server takes layers up while it serves, and goes on serving when one is unfit."""

from __future__ import annotations

import signal
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

import numdip
from conftest import Served
from numdip._native import Server
from numdip.plan import apply, compact
from server_questions import mnc_served

Serve = Callable[..., Served]
#: In the tests' plan: ported, and held by a range.
MOVED, HELD = "+447786000001", "+447786852522"


@pytest.fixture
def change(tmp_path: Path, snapshot: Path) -> Callable[..., None]:
    """Lays a layer of these rows over the tests' plan."""

    def lay(*rows: str) -> None:
        path = tmp_path / "delta.csv"
        path.write_text("\n".join(["number,action,mcc,mnc", *rows]))
        apply(str(snapshot), [str(path)])

    return lay


@pytest.fixture(params=["map", "huge"])
def served(request: pytest.FixtureRequest, serve: Serve, tmp_path: Path, snapshot: Path) -> Served:
    """A server that watches the tests' plan."""
    config = tmp_path / "numdip.toml"
    config.write_text(
        f"plan.path = '{snapshot.name}'\nplan.watch = true\nplan.memory = '{request.param}'\n"
        "server.listen = ['127.0.0.1:0']\n"
    )
    return serve("--config", config)


def test_a_layer_is_taken_up_at_sighup(
    serve: Serve, snapshot: Path, change: Callable[..., None]
) -> None:
    served = serve("--plan", snapshot, "--listen", "127.0.0.1:0")
    change("447786000001,remove,,", "447786852522,add,234,20")
    assert [mnc_served(served, number) for number in (MOVED, HELD)] == ["30", "15"]
    served.send(signal.SIGHUP)
    assert "layer 1" in served.log("reloaded: ")
    assert [mnc_served(served, number) for number in (MOVED, HELD)] == ["15", "20"]


def test_a_watched_plan_takes_layers_up_and_a_fold(
    served: Served, snapshot: Path, change: Callable[..., None]
) -> None:
    assert mnc_served(served, HELD) == "15"
    for mnc in ("20", "012"):
        change(f"447786852522,change,234,{mnc}")
        served.log("reloaded: ")
        assert mnc_served(served, HELD) == mnc
    compact(str(snapshot))
    served.log("reloaded: ")
    change("447786852522,remove,,")
    served.log("layer 3")
    assert mnc_served(served, HELD) == "15"


@pytest.mark.parametrize("harm", ["damaged", "missing"])
def test_an_unfit_layer_leaves_the_old_state_serving_until_it_is_mended(
    served: Served, snapshot: Path, change: Callable[..., None], harm: str
) -> None:
    change("447786852522,add,234,20")
    served.log("reloaded: ")
    # As a copy from elsewhere may come: the list first, a layer that is not whole yet.
    layer = snapshot.with_name(f"{snapshot.name}.000002.layer")
    change("447786852522,change,234,30")
    served.log("reloaded: ")
    whole = layer.read_bytes()
    layer.unlink()
    if harm == "damaged":
        layer.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    listed = snapshot.with_name(f"{snapshot.name}.layers")
    listed.write_bytes(listed.read_bytes() + b"\n")
    told = served.log("reload failed, serving on as before: ")
    assert str(layer) in told or layer.name in "".join([told, served.log("layer")])
    assert mnc_served(served, HELD) == "30"
    layer.unlink(missing_ok=True)
    layer.write_bytes(whole)
    served.log("reloaded: ")
    assert mnc_served(served, HELD) == "30"


def test_counters_tell_which_state_is_in_force(snapshot: Path, change: Callable[..., None]) -> None:
    db = numdip.open(snapshot)
    server = Server.start(numdip.Responder(db), listen=["127.0.0.1:0"], workers=1)
    try:
        first = server.counters()
        assert db.time is not None
        assert (first["plan_sequence"], first["plan_layers"]) == (0, 0)
        assert datetime.fromtimestamp(first["plan_time"], UTC) == db.time
        change("447786852522,add,234,20")
        server.reload(numdip.Responder(db.reopen()))
        second = server.counters()
        assert (second["plan_sequence"], second["plan_layers"]) == (1, 1)
        assert second["plan_time"] >= first["plan_time"]
        compact(str(snapshot))
        server.reload(numdip.Responder(db.reopen()))
        third = server.counters()
        assert (third["plan_sequence"], third["plan_layers"]) == (1, 0)
    finally:
        server.stop()
