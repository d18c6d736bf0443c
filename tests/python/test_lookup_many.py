"""Many look-ups at once: the answers of single ones, from every kind of column, without the GIL."""

from __future__ import annotations

import array
import signal
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa  # type: ignore[import-untyped]
import pytest
from hypothesis import given
from hypothesis import strategies as st

import numdip
from numdip.plan import apply, build

COLUMNS = [
    *("found", "mcc", "mnc", "operator", "country", "kind", "prefix"),
    *("ported", "portable", "source", "spid", "rn", "rn_context"),
]

RANGES = """prefix,min_length,max_length,country,kind,mcc,mnc,operator,portable,source
447786,12,12,GB,mobile,234,15,Vodafone,true,Ofcom
447,11,13,GB,mobile,,,,true,
4420,12,12,GB,fixed,234,,BT,true,Ofcom
1339,11,11,US,fixed-or-mobile,,,,true,
3934,12,12,IT,mobile,222,01,TIM,false,
3934,9,10,IT,mobile,222,10,Vodafone,false,
88810,12,12,,,901,45,,false,
"""
PORTED = """number,mcc,mnc,operator,spid,rn,rn_context
13392986156,310,012,Verizon Wireless,6006,,
447786000001,234,30,EE,,447958,+44
447786000002,,,BT,,+447958,
99900000000,234,30,EE,,,
"""
DELTA = """number,action,mcc,mnc,operator
447786000001,remove,,,
447786000003,add,234,10,O2
12120000000,add,310,410,AT&T
"""


@pytest.fixture(scope="module")
def plans(tmp_path_factory: pytest.TempPathFactory) -> dict[str, numdip.Snapshot]:
    """The bundled plan, and one with ported numbers without and with a layer."""
    folder = tmp_path_factory.mktemp("plans")
    paths = []
    for name, rows in (("ranges", RANGES), ("ported", PORTED), ("delta", DELTA)):
        paths.append(folder / f"{name}.csv")
        paths[-1].write_text(rows)
    ranges, ported, delta = map(str, paths)
    for plan in ("ported.snap", "layers.snap"):
        build([ranges, ported], str(folder / plan))
    apply(str(folder / "layers.snap"), [delta])
    opened = {path.stem: numdip.open(path) for path in folder.glob("*.snap")}
    return {"bundled": numdip.open(), **opened}


def rows(table: numdip.Table) -> list[dict[str, Any]]:
    """The rows of a table."""
    frame = pl.DataFrame(table)
    assert frame.columns == COLUMNS
    return frame.to_dicts()


def one_by_one(db: numdip.Snapshot, numbers: list[Any]) -> list[dict[str, Any]]:
    """What single look-ups say."""
    found: list[dict[str, Any]] = []
    for number in numbers:
        try:
            answer = None if number is None else db.lookup(number)
        except numdip.NumberError:
            answer = None
        row: dict[str, Any] = dict.fromkeys(COLUMNS)
        if answer is not None:
            said = answer.to_dict()
            row.update({name: said[name] for name in COLUMNS[1:]})
            # Of a number in no range it is not known whether the range is portable.
            row["portable"] = said["portable"] if answer.prefix is not None else None
            row["source"] = said["source"] or None
        row["found"] = answer is not None
        found.append(row)
    return found


# ---------- The same answers ---------------------------------------------------------------------

near = st.sampled_from(
    [
        *("13392986156", "447786000001", "447786000002", "447786000003", "12120000000"),
        *("99900000000", "447786852522", "44778685252", "442079460000", "4479111234"),
        *("393400000000", "3934000000", "39340000000", "888100000000", "44"),
    ]
)
digits = st.one_of(near, st.from_regex(r"[1-9][0-9]{0,16}", fullmatch=True))
texts = st.one_of(
    digits,
    digits.map("+{}".format),
    digits.map("tel:+{}".format),
    digits.map(lambda text: f"+{text[:2]} {text[2:5]}-{text[5:]}"),
    st.text(max_size=12),
    st.sampled_from(
        ["", "+", "0", "00447786852522", "+0", "0x1f", "+44778685252x", "٤٤٧٧٨٦٨٥٢٥٢٢"]
    ),
)
integers = st.one_of(
    digits.map(int),
    st.integers(-5, 5),
    st.integers(10**15 - 2, 10**15 + 2),
    st.integers(0, 2**64 - 1),
)
mixes = st.lists(
    st.one_of(
        st.none(),
        texts,
        integers,
        st.integers(-(2**70), 2**70),
        digits.map(lambda t: numdip.Number(f"+{t[:15]}")),
    ),
    max_size=300,
)
PLANS = ["bundled", "ported", "layers"]


@pytest.mark.parametrize("plan", PLANS)
@given(numbers=mixes)
def test_any_mix_of_objects(
    plans: dict[str, numdip.Snapshot], plan: str, numbers: list[Any]
) -> None:
    db = plans[plan]
    assert rows(db.lookup_many(numbers)) == one_by_one(db, numbers)
    assert rows(db.lookup_many(iter(numbers))) == one_by_one(db, numbers)


@pytest.mark.parametrize("plan", PLANS)
@given(numbers=st.lists(st.one_of(st.none(), texts), max_size=300), cut=st.integers(0, 300))
def test_columns_of_text(
    plans: dict[str, numdip.Snapshot], plan: str, numbers: list[str | None], cut: int
) -> None:
    db = plans[plan]
    expected = one_by_one(db, numbers)
    small = pa.array(numbers, pa.string())
    for column in (
        small,
        small.cast(pa.large_string()),
        small.cast(pa.string_view()),
        small.dictionary_encode(),
        pa.chunked_array([small[:cut], small[cut:]], pa.string()),
        pa.table({"number": small}),
        pa.record_batch({"number": small}),
        pl.Series(numbers, dtype=pl.String),
        pl.DataFrame({"number": pl.Series(numbers, dtype=pl.String)}),
    ):
        assert rows(db.lookup_many(column)) == expected
    assert rows(db.lookup_many(small[cut:])) == expected[cut:]
    assert rows(db.lookup_many(small.dictionary_encode()[cut:])) == expected[cut:]


@pytest.mark.parametrize("plan", PLANS)
@given(numbers=st.lists(integers, max_size=300), cut=st.integers(0, 300))
def test_columns_of_integers(
    plans: dict[str, numdip.Snapshot], plan: str, numbers: list[int], cut: int
) -> None:
    db = plans[plan]
    for dtype in (np.uint64, np.int64, np.uint32, np.int32, np.uint16, np.int16, np.uint8, np.int8):
        fitting = [
            number for number in numbers if np.iinfo(dtype).min <= number <= np.iinfo(dtype).max
        ]
        expected = one_by_one(db, fitting)
        values = np.array(fitting, dtype=dtype)
        for column in (
            values,
            pa.array(values),
            pa.array(values).dictionary_encode(),
            pl.Series(fitting, dtype=pl.Series(values).dtype),
        ):
            assert rows(db.lookup_many(column)) == expected
        assert rows(db.lookup_many(values[::2])) == expected[::2]
        assert rows(db.lookup_many(pa.array(values)[cut:])) == expected[cut:]
    unsigned = [number for number in numbers if number >= 0]
    assert rows(db.lookup_many(array.array("Q", unsigned))) == one_by_one(db, unsigned)


def test_integers_with_nulls_and_arrays_of_other_sorts(plans: dict[str, numdip.Snapshot]) -> None:
    db = plans["ported"]
    numbers = [13392986156, None, 447786000001]
    expected = one_by_one(db, numbers)
    assert rows(db.lookup_many(pa.array(numbers))) == expected
    assert rows(db.lookup_many(pl.Series(numbers))) == expected
    within = pa.StructArray.from_arrays([pa.array([1, 2, 447786000001])], ["number"])
    masked = pa.StructArray.from_arrays(
        [pa.array([13392986156, 447786000001])], ["number"], mask=pa.array([False, True])
    )
    assert rows(db.lookup_many(within))[2] == expected[2]
    assert rows(db.lookup_many(masked)) == expected[:2]
    whole = [13392986156, 447786000001]
    for column in (
        np.array(whole, dtype=">u8"),
        np.array([str(number) for number in whole]),
        np.array(whole, dtype=object),
        tuple(whole),
        dict.fromkeys(whole),
    ):
        assert rows(db.lookup_many(column)) == one_by_one(db, whole)


@pytest.mark.parametrize(
    "empty", [[], pa.array([]), pl.Series([]), np.array([], np.uint64), iter(())]
)
def test_no_numbers_make_an_empty_table(empty: Any) -> None:
    table = numdip.open().lookup_many(empty)
    assert (len(table), table.column_names) == (0, COLUMNS)
    assert rows(table) == []
    assert rows(numdip.open().lookup_many([None]))[0] == {**dict.fromkeys(COLUMNS), "found": False}
    for nulls in (pa.nulls(2), pl.Series([None, None]), pa.array([None, None], pa.string())):
        assert rows(numdip.open().lookup_many(nulls)) == rows(numdip.open().lookup_many([None] * 2))


def test_an_object_that_only_gives_a_numpy_array() -> None:
    class Series:
        def __init__(self, values: Any) -> None:
            self.values = values

        def to_numpy(self) -> Any:
            return np.array(self.values)

        def __iter__(self) -> Iterator[Any]:
            return iter(self.values)

    db = numdip.open()
    for values in ([13392986156, 1], ["+13392986156", "+1"]):
        assert rows(db.lookup_many(Series(values))) == one_by_one(db, values)


# ---------- What other libraries make of it ------------------------------------------------------


def test_texts_are_dictionaries_without_doubles(plans: dict[str, numdip.Snapshot]) -> None:
    numbers = [13392986156, None, 447786000001, 447786852522, 447786852523, 393400000000]
    table = pa.table(plans["ported"].lookup_many(numbers))
    table.validate(full=True)
    for name in COLUMNS:
        column = table[name]
        if name in {"found", "ported", "portable"}:
            assert column.type == pa.bool_()
            continue
        assert column.type == pa.dictionary(pa.int32(), pa.string())
        texts = column.chunk(0).dictionary.to_pylist()
        assert len(texts) == len(set(texts))
    assert table["mcc"].null_count == 1
    assert pa.compute.value_counts(table["operator"].cast(pa.string())).to_pylist() == [
        {"values": "Verizon Wireless", "counts": 1},
        {"values": None, "counts": 1},
        {"values": "EE", "counts": 1},
        {"values": "Vodafone", "counts": 2},
        {"values": "TIM", "counts": 1},
    ]
    joined = pa.concat_tables([table, pa.table(plans["layers"].lookup_many(numbers))])
    assert joined["mnc"].to_pylist()[:3] == ["012", None, "30"]
    assert joined.combine_chunks()["mnc"].to_pylist()[6:9] == ["012", None, "15"]
    frame = pl.DataFrame(plans["ported"].lookup_many(numbers))
    assert frame.filter(pl.col("mnc") == "15").height == 2
    assert frame.group_by("operator").len().height == 5


# ---------- What is refused ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        ("447786852522", "in a list"),
        (b"447786852522", "in a list"),
        ([1.5], "not float"),
        ([True], "not bool"),
        (5, "not iterable"),
        (np.array([4.5]), "not floats: convert"),
        (np.array([4.5], np.float16), "not float16"),
        (np.array([True]), "not"),
        (np.array([[1, 2]]), r"2 dimensions: pass one as numbers\[:, 0\]"),
        (pl.Series([4.5]), "not Float64: convert"),
        (pl.Series([True]), "not Boolean: convert"),
        (pa.array([b"44"]), "not Binary: convert"),
        (pl.Series([[1]]), "numbers are text or integers, not"),
        (
            pl.DataFrame({"msisdn": [1], "other": [2]}),
            r'a table of 2: pass one, as table\["msisdn"\]',
        ),
        (pl.DataFrame({"msisdn": [1.5]}), "not Float64"),
        (pl.DataFrame(), "has none"),
    ],
)
def test_what_holds_no_numbers_is_refused_with_the_mend(numbers: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        numdip.open().lookup_many(numbers)


def test_an_error_in_the_midst_of_a_stream_is_told() -> None:
    def batches() -> Iterator[pa.RecordBatch]:
        yield pa.record_batch({"number": pa.array([1, 2])})
        message = "the disk is on fire"
        raise OSError(message)

    stream = pa.RecordBatchReader.from_batches(pa.schema({"number": pa.int64()}), batches())
    with pytest.raises(numdip.PlanError, match=r"the column of numbers: .*the disk is on fire"):
        numdip.open().lookup_many(stream)


# ---------- Threads and signals ------------------------------------------------------------------


def test_other_threads_run_meanwhile() -> None:
    db, stop = numdip.open(), threading.Event()
    column = pa.array(np.arange(491700000000, 491700000000 + 1_000_000))
    answered = []

    def look_up() -> None:
        answered.append(len(db.lookup_many(column)))
        stop.set()

    ticks, thread = 0, threading.Thread(target=look_up)
    thread.start()
    # Nobody but the holder of the GIL could count.
    while not stop.wait(0.001):
        ticks += 1
    thread.join()
    assert answered == [1_000_000]
    assert ticks >= 2


@pytest.mark.parametrize(
    "make",
    [
        lambda numbers: pa.chunked_array([numbers] * 200),
        lambda numbers: np.tile(numbers, 200),
    ],
)
def test_an_interrupt_ends_it(make: Callable[[Any], Any]) -> None:
    db, column = numdip.open(), make(np.arange(491700000000, 491700000000 + 100_000))

    def interrupt() -> None:
        time.sleep(0.1)
        signal.raise_signal(signal.SIGINT)

    def look_up_for_long() -> None:
        # More numbers than any machine looks up until then.
        for _ in range(1_000):
            db.lookup_many(column)

    # A program that was started in the background has it ignored.
    inherited = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        before = time.monotonic()
        threading.Thread(target=interrupt).start()
        with pytest.raises(KeyboardInterrupt):
            look_up_for_long()
        assert time.monotonic() - before < 20
    finally:
        signal.signal(signal.SIGINT, inherited)
