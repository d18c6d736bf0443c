"""The snapshot that the wheel ships: fresh, sourced, and right about well-known operators."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import phonenumbers
import pytest

import numdip
from numdip.plan.__main__ import build_bundled
from numdip.plan.stats import statistics

SHIPPED = Path(numdip.__file__).parent / "data" / "bundled.snap"
VECTORS = Path(__file__).parents[1] / "vectors" / "operators.toml"
OPERATORS = [row for row in tomllib.loads(VECTORS.read_text("utf-8"))["range"] if row["operator"]]


@pytest.fixture(scope="module")
def db() -> numdip.Snapshot:
    return numdip.open()


def test_building_it_again_gives_the_same_octets(tmp_path: Path) -> None:
    build_bundled(str(tmp_path / "again.snap"))
    assert SHIPPED.read_bytes() == (tmp_path / "again.snap").read_bytes(), "run make plan"


def test_every_octet_is_as_it_was_written(db: numdip.Snapshot) -> None:
    db.verify()


@pytest.mark.parametrize("operator", OPERATORS, ids=lambda row: row["number"])
def test_well_known_operators(db: numdip.Snapshot, operator: dict[str, str]) -> None:
    answer = db.lookup(operator["number"])
    assert answer is not None
    assert (operator["country"], operator["mcc"]) == (answer.country, answer.mcc)
    assert (operator["mnc"] or None) == answer.mnc
    assert answer.source


def test_every_country_code_has_an_answer(db: numdip.Snapshot) -> None:
    for code in phonenumbers.COUNTRY_CODE_TO_REGION_CODE:
        region = phonenumbers.region_code_for_country_code(code)
        if region == "001":
            number = phonenumbers.example_number_for_non_geo_entity(code)
        else:
            number = phonenumbers.example_number(region)
        assert number is not None
        text = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
        assert db.lookup(text) is not None, text


def test_the_example_says_that_it_is_one(db: numdip.Snapshot) -> None:
    answer = db.lookup("+13392986156")
    assert answer is not None
    assert ("310", "012") == (answer.mcc, answer.mnc)
    assert answer.source.startswith("example")
    assert json.loads(db.meta)["example_rows"] == 1


def test_a_range_holder_in_a_portable_country_comes_with_a_caution(db: numdip.Snapshot) -> None:
    answer = db.lookup("+447786852522")
    assert answer is not None
    assert answer.portable
    assert "range holder may not be the serving network" in str(db.explain("+447786852522"))
    assert "range holder" not in str(db.explain("+5352123456"))  # Cuba: not portable


def test_networks_are_known_for_the_named_space_of_the_largest_countries(
    db: numdip.Snapshot,
) -> None:
    found = statistics(db)
    assert len(found.largest) == 52
    # India gives an MNC per licence area, which a prefix does not tell: see networks.toml.
    assert found.without_networks == ["IN"]
    assert found.known_share is not None
    assert found.known_share_of_others is not None
    assert found.known_share >= 0.90
    assert found.known_share_of_others >= 0.94
