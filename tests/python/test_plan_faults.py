"""What is told of plan files with faults, line by line, and what becomes of the output."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import numdip
from conftest import (
    PORTED,
    PORTED_HEADER,
    WriteFile,
    environment,
    mnc,
)
from numdip import PlanError, SnapshotError
from numdip.plan import build, csv_chunks
from numdip.plan.csv_chunks import CsvChunks

# ---------- Which line is at fault ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("4477,234", "found 2 fields, expected 4 (number, mcc, mnc, operator)"),
        ("4477,234,15,Vodafone,,", "found 6 fields, expected 4"),
        ('4477,234,15,"Vodafone', "bad quoting"),
        ('4477,234,15,"Vodafone" Ltd', "bad quoting"),
    ],
)
def test_row_that_is_not_csv_names_its_line(
    write: WriteFile, refusal: Callable[..., str], row: str, told: str
) -> None:
    path = write("p.csv", f"{PORTED}{row}\n447799999999,234,15,O2\n")
    found = refusal(path)
    assert found.startswith(f"{path}:4: ")
    assert told in found


def test_text_that_is_not_utf8_names_line_octet_and_mend(
    write: WriteFile, refusal: Callable[..., str]
) -> None:
    content = f"{PORTED}4477,234,15,T\xe9l\xe9com\n".encode("latin-1")
    path = write("p.csv", content)
    assert refusal(path) == (
        f"{path}:4: not UTF-8 at octet {content.index(0xE9)}; "
        "convert it, such as by iconv -f LATIN1 -t UTF-8"
    )


def test_utf16_is_told_how_to_convert(write: WriteFile, refusal: Callable[..., str]) -> None:
    assert "iconv -f UTF-16 -t UTF-8" in refusal(write("p.csv", PORTED.encode("utf-16")))


def test_field_fault_names_file_line_column_found_and_expected(
    write: WriteFile, report: Callable[..., str]
) -> None:
    path = write("p.csv", PORTED.replace("234,30", "2345,30"))
    assert f'{path}:3: column "mcc": found "2345", expected three digits' in report(path)


def test_lines_are_right_after_quoted_line_breaks_and_blank_lines(
    write: WriteFile, report: Callable[..., str]
) -> None:
    path = write(
        "p.csv",
        "number,mcc,mnc,operator,remark\n"  # 1
        '4471,234,15,Vodafone,"one\ntwo\n\nfour"\n'  # 2 to 5
        "4472,23,15,Vodafone,\n"  # 6
        "\n\n"  # 7, 8
        '4473,234,15,Vodafone,"a ""quoted"" word"\n'  # 9
        "4474,2,15,Vodafone,\n",  # 10
    )
    found = report(path)
    assert f"{path}:6: " in found
    assert f"{path}:10: " in found
    assert f"{path}:9: " not in found


def test_lines_are_right_in_every_chunk(
    write: WriteFile, report: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_chunks, "CHUNK", 1000)
    rows = [f"{447786000000 + i},234,15,Vodafone" for i in range(2000)]
    rows[0] = '447786000000,234,15,"Voda\nfone"'  # line 2 and 3: all others are one line later
    rows[1234] = rows[1234].replace(",234,", ",99,")
    path = write("p.csv", "\n".join([PORTED_HEADER, *rows]))
    found = report(path)
    assert f"{path}:1237: " in found


def test_quote_that_never_closes_names_the_line_where_it_opens(
    write: WriteFile, refusal: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_chunks, "CHUNK", 1000)
    monkeypatch.setattr(csv_chunks, "MAX_FIELD", 2000)
    rows = [f"{447786000000 + i},234,15,Vodafone" for i in range(2000)]
    rows[500] += '"'
    path = write("p.csv", "\n".join([PORTED_HEADER, *rows]))
    assert f"{path}:502: a quoted field starts in this record" in refusal(path)


# ---------- Bad rows -----------------------------------------------------------------------------

BAD = PORTED + "4477,23,15,\n4478,234,x,\n4479,234,15,Good\nabc,234,15,\n"


def test_on_error_fail_writes_nothing_and_names_every_row(
    write: WriteFile, report: Callable[..., str]
) -> None:
    path = write("p.csv", BAD)
    found = report(path)
    assert [f"{path}:{line}: column" in found for line in (4, 5, 6, 7)] == [True, True, False, True]


def test_on_error_skip_builds_the_rest_and_says_how_many_were_left_out(
    tmp_path: Path, write: WriteFile
) -> None:
    path = write("p.csv", BAD + "4480,234\n4481,234,15,Good\n")
    built = build([str(path)], str(tmp_path / "out.snap"), on_error="skip")
    assert (built.ported, built.left_out, len(built.faults)) == (4, 4, 4)
    assert any(fault.startswith(f"{path}:8: found 2 fields") for fault in built.faults)
    assert mnc(tmp_path / "out.snap", "4481") == "15"


def test_faults_beyond_a_hundred_are_counted(tmp_path: Path, write: WriteFile) -> None:
    rows = "".join(f"{447787000000 + i},2,15,\n" for i in range(250))
    path = write("p.csv", PORTED + rows)
    built = build([str(path)], str(tmp_path / "out.snap"), on_error="skip")
    assert (len(built.faults), built.left_out) == (100, 250)


def test_duplicate_names_both_lines(write: WriteFile, report: Callable[..., str]) -> None:
    path = write("p.csv", PORTED + "13392986156,310,120,Sprint\n")
    found = report(path)
    assert f"{path}:4: " in found
    assert f"{path}:2" in found


def test_duplicate_over_two_files_names_both(write: WriteFile, report: Callable[..., str]) -> None:
    one, two = write("one.csv", PORTED), write("two.csv", PORTED)
    found = report(one, two)
    assert f"{two}:2: " in found
    assert f"{one}:2" in found


def test_on_duplicate_last_takes_the_last(tmp_path: Path, write: WriteFile) -> None:
    path = write("p.csv", PORTED + "13392986156,310,120,Sprint\n")
    built = build([str(path)], str(tmp_path / "out.snap"), on_duplicate="last")
    assert (built.ported, built.replaced, built.left_out) == (2, 1, 0)
    assert mnc(tmp_path / "out.snap", "+13392986156") == "120"


# ---------- The output ---------------------------------------------------------------------------


def test_output_in_a_folder_that_does_not_exist_is_refused(
    tmp_path: Path, ranges_csv: Path
) -> None:
    with pytest.raises(SnapshotError, match="none does not exist; make it first"):
        build([str(ranges_csv)], str(tmp_path / "none" / "out.snap"))


def test_output_that_is_a_folder_is_refused(tmp_path: Path, ranges_csv: Path) -> None:
    with pytest.raises(SnapshotError, match="is a folder"):
        build([str(ranges_csv)], str(tmp_path))


def test_output_in_a_folder_that_is_not_writable_is_refused(
    tmp_path: Path, ranges_csv: Path, without_privileges: list[str]
) -> None:
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o555)
    command = [sys.executable, "-m", "numdip", "plan", "build", str(ranges_csv)]
    done = subprocess.run(
        [*without_privileges, *command, "-o", str(folder / "out.snap")],
        capture_output=True,
        text=True,
        env=environment(),
    )
    assert done.returncode == 2
    assert "is not writable for this user" in done.stderr


def test_failed_build_leaves_the_old_snapshot(
    tmp_path: Path, ranges_csv: Path, write: WriteFile
) -> None:
    out = tmp_path / "out.snap"
    build([str(ranges_csv)], str(out))
    before = out.read_bytes()
    with pytest.raises(PlanError):
        build([str(write("p.csv", BAD))], str(out))
    assert out.read_bytes() == before
    assert [path.name for path in tmp_path.glob("*out.snap*")] == ["out.snap"]


def test_replaced_snapshot_stays_whole_for_who_has_it_open(
    snapshot: Path, build_snapshot: Callable[..., Path]
) -> None:
    held = numdip.open(snapshot)
    build_snapshot(snapshot, ported=PORTED.replace("310,012", "310,260"))
    assert [mnc(snapshot, "+13392986156")] == ["260"]
    answer = held.lookup("+13392986156")
    assert answer is not None
    assert answer.mnc == "012"


# ---------- Chunks -------------------------------------------------------------------------------

_FIELDS = st.text(
    st.characters(codec="utf-8", exclude_characters="\r\0", exclude_categories=["Cs"]), max_size=8
)


@given(
    rows=st.lists(st.tuples(_FIELDS, _FIELDS, _FIELDS).filter(lambda row: row != ("", "", ""))),
    chunk=st.integers(1, 64),
)
def test_chunks_give_every_row_with_its_line(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str, str]], chunk: int
) -> None:
    quoted = [",".join('"' + field.replace('"', '""') + '"' for field in row) for row in rows]
    path = tmp_path_factory.getbasetemp() / "chunks.csv"
    path.write_bytes("\n".join(["a,b,c", *quoted]).encode())
    expected, line = [], 2
    for row, text in zip(rows, quoted, strict=True):
        expected.append((line, row))
        line += text.count("\n") + 1
    found = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_chunks, "CHUNK", chunk)
        with path.open("rb") as file:
            chunks = CsvChunks(str(path), file, lambda octets: None)
            for frame, first_line in chunks.batches(None):
                rows_found = frame.fill_null("").rows()
                found += [(first_line + i, row) for i, row in enumerate(rows_found)]
    assert found == expected
