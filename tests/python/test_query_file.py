"""``numdip query --input``: files of numbers, retries, and runs that were interrupted."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import numdip
from client_servers import NUMBER, Loopback, answer, says, silence
from conftest import Command, Served
from numdip.client import files
from numdip.client.files import look_up_file

Start = Callable[..., Loopback]
NUMBERS = [NUMBER, "+9990000000", "nothing", "447786852522", None]


@pytest.fixture
def server(serve: Callable[..., Served], snapshot: Path) -> str:
    return f"127.0.0.1:{serve('--plan', snapshot, '--listen', '127.0.0.1:0').port}"


def write_numbers(path: Path, rows: int) -> pl.DataFrame:
    numbers = [NUMBERS[row % len(NUMBERS)] for row in range(rows)]
    ids = [f"{row:05}" for row in range(rows)]
    frame = pl.DataFrame({"id": ids, "number": numbers, "mcc": ["x"] * rows})
    (frame.write_csv if path.suffix == ".csv" else frame.write_parquet)(path)
    return frame


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_rows_keep_their_columns_and_order(
    numdip_command: Command, server: str, tmp_path: Path, ending: str
) -> None:
    source, target = tmp_path / f"in.{ending}", tmp_path / f"out.{ending}"
    asked = write_numbers(source, 1000)
    args = ["--input", source, "--output", target, "--json"]
    done = numdip_command("query", "--server", server, *args)
    assert (done.returncode, done.stderr) == (0, "")
    told = json.loads(done.stdout)
    assert told["outcomes"] == {"found": 400, "nxdomain": 200, "invalid": 400}
    found = pl.read_csv(target, infer_schema=False) if ending == "csv" else pl.read_parquet(target)
    assert found.select(asked.columns).equals(asked)
    assert found["outcome"].to_list()[:5] == ["found", "nxdomain", "invalid", "found", "invalid"]
    # A column of the file is not written over.
    assert found["answer_mcc"].to_list()[:5] == ["310", None, None, "234", None]
    assert found["mnc"].to_list()[0] == "012"
    assert sorted(path.name for path in tmp_path.iterdir() if "out" in path.name) == [target.name]


def test_a_run_goes_on_where_it_was_interrupted(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "PORTION", 100)
    source, target = tmp_path / "in.csv", tmp_path / "out.csv"
    write_numbers(source, 450)
    server = start()

    class StoppedError(Exception):
        pass

    def stop(state: files.FileProgress) -> None:
        if state.done >= 250:
            raise StoppedError

    with numdip.Client([server.address]) as client, pytest.raises(StoppedError):
        look_up_file(client, str(source), str(target), progress=stop)
    assert not target.exists()
    before = len(server.queries)
    with numdip.Client([server.address]) as client:
        state = look_up_file(client, str(source), str(target))
    assert state.resumed in (200, 300)
    assert (state.done, state.total) == (450, 450)
    assert len(server.queries) - before == (450 - state.resumed) * 3 / 5
    # It is what an undisturbed run gives.
    other = tmp_path / "other.csv"
    with numdip.Client([server.address]) as client:
        look_up_file(client, str(source), str(other))
    columns = ["id", "number", "outcome", "mnc", "output"]
    first, second = (pl.read_csv(path, infer_schema=False) for path in (target, other))
    assert first.select(columns).equals(second.select(columns))


def test_answers_of_another_run_are_not_mixed_in(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = tmp_path / "in.csv", tmp_path / "out.csv"
    write_numbers(source, 10)
    (tmp_path / "out.csv.parts").mkdir()
    (tmp_path / "out.csv.parts" / "run.json").write_text("{}")
    with (
        numdip.Client([start().address]) as client,
        pytest.raises(numdip.ClientError, match="another run; remove it"),
    ):
        look_up_file(client, str(source), str(target))


def test_portions_without_a_note_are_nobodys(start: Start, tmp_path: Path) -> None:
    source, target = tmp_path / "in.csv", tmp_path / "out.csv"
    write_numbers(source, 10)
    (tmp_path / "out.csv.parts").mkdir()
    left = tmp_path / "out.csv.parts" / "000000.parquet"
    left.write_text("of another run, whose note is gone")
    with (
        numdip.Client([start().address]) as client,
        pytest.raises(numdip.ClientError, match=r"holds 000000\.parquet and no run\.json"),
    ):
        look_up_file(client, str(source), str(target))
    assert left.exists()
    left.unlink()
    with numdip.Client([start().address]) as client:
        assert look_up_file(client, str(source), str(target)).done == 10
    assert not left.parent.exists()


def test_rows_without_an_answer_are_asked_again(start: Start, tmp_path: Path) -> None:
    source, target = tmp_path / "in.parquet", tmp_path / "out.parquet"
    write_numbers(source, 10)
    seen: list[str] = []

    def once_deaf(query: Any, send: Callable[[bytes], object]) -> None:
        name = str(query.question[0].name)
        seen.append(name)
        if seen.count(name) > 2:  # two rows have each number
            answer(query, send)

    server = start(once_deaf)
    for retries, expected in ((0, 6), (1, 0)):
        seen.clear()
        with numdip.Client([server.address], timeout=0.2, deadline=0.2, hedge=False) as client:
            state = look_up_file(client, str(source), str(target), retries=retries)
        assert state.outcomes["timeout"] == expected
    rows = pl.read_parquet(target)
    assert rows["id"].to_list() == [f"{row:05}" for row in range(10)]
    assert rows["outcome"].to_list() == ["found", "found", "invalid", "found", "invalid"] * 2


def test_rows_without_an_answer_make_exit_code_1(
    numdip_command: Command, start: Start, tmp_path: Path
) -> None:
    source, target = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_text("n\n+44\n")
    for does, word in ((silence, "timeout"), (says("REFUSED"), "refused")):
        server = str(start(does).address)
        args = ["--timeout", "0.05", "--retries", "0", "--input", source, "--output", target]
        done = numdip_command("query", "--server", server, *args)
        assert done.returncode == 1
        assert f"1 {word}" in done.stdout


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--input", "in.csv"], "with --output"),
        (["--input", "in.csv", "--output", "out.csv", "+44"], "give numbers, or a file"),
        ([], "give numbers, or a file"),
        (["--input", "none.csv", "--output", "out.csv"], "none.csv: no such file"),
        (["--input", "in.csv", "--output", "out.txt"], "out.txt: expected a name that ends in"),
        (["--input", "in.csv", "--output", "out.csv", "--column", "x"], "no column x; .* a, b"),
        (["--input", "in.csv", "--output", "out.csv"], "no column number; .* a, b"),
    ],
)
def test_what_cannot_be_is_told(
    numdip_command: Command, tmp_path: Path, args: list[str], message: str
) -> None:
    (tmp_path / "in.csv").write_text("a,b\n1,2\n")
    done = numdip_command("query", "--server", "127.0.0.1:9", *args, cwd=tmp_path)
    assert done.returncode == 2
    assert re.search(message, done.stderr)
    assert "Traceback" not in done.stderr
