"""The bundled plan's rows against the package whose facts they hold."""

from __future__ import annotations

import csv
import hashlib
import itertools
import os
import random
import re
import subprocess
import sys
import tomllib
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import phonenumbers
import pytest
from phonenumbers import PhoneNumber, PhoneNumberType, carrier
from phonenumbers.carrierdata import CARRIER_DATA

from numdip.plan import bundled, operator_names
from numdip.plan.bundled import RangeRow
from numdip.plan.digit_patterns import NEVER, PatternSyntaxError, compile_pattern
from numdip.plan.operator_names import Networks, NetworksError, OperatorPrefixes, normalise

SEED = 20230401
VECTORS = Path(__file__).parents[1] / "vectors" / "operators.toml"
EXAMPLE = Path(bundled.__file__).with_name("example.csv")
CALLING_CODES = sorted(map(str, phonenumbers.COUNTRY_CODE_TO_REGION_CODE))

KINDS = {
    PhoneNumberType.FIXED_LINE: "fixed",
    PhoneNumberType.MOBILE: "mobile",
    PhoneNumberType.FIXED_LINE_OR_MOBILE: "fixed-or-mobile",
    PhoneNumberType.TOLL_FREE: "toll-free",
    PhoneNumberType.PREMIUM_RATE: "premium",
    PhoneNumberType.SHARED_COST: "shared-cost",
    PhoneNumberType.VOIP: "voip",
    PhoneNumberType.PERSONAL_NUMBER: "personal",
    PhoneNumberType.PAGER: "pager",
    PhoneNumberType.UAN: "uan",
    PhoneNumberType.VOICEMAIL: "other",
}

NETWORKS = Networks.load()

#: Countries with an MNC for each licence area, where a name cannot tell it.
BY_AREA = frozenset(["IN"])


class Verdict(NamedTuple):
    country: str
    kind: str
    operator: str


class Plan:
    """The rows, looked up as a snapshot does it."""

    def __init__(self, rows: list[RangeRow]) -> None:
        self.rows = rows
        self.by_prefix: dict[str, list[RangeRow]] = defaultdict(list)
        for row in rows:
            self.by_prefix[row.prefix].append(row)

    def find(self, digits: str) -> RangeRow | None:
        for length in range(len(digits), 0, -1):
            rows = self.by_prefix.get(digits[:length])
            if rows:
                fitting = (row for row in rows if row.min_length <= len(digits) <= row.max_length)
                return next(fitting, None)
        return None

    def verdict(self, digits: str) -> Verdict | None:
        row = self.find(digits)
        return None if row is None else Verdict(row.country, row.kind, row.operator)


@pytest.fixture(scope="module")
def plan() -> Plan:
    return Plan(list(bundled.rows()))


def calling_code(digits: str) -> str | None:
    return next((digits[:n] for n in (1, 2, 3) if digits[:n] in CALLING_CODES), None)


def oracle(digits: str) -> Verdict | None:
    """What `phonenumbers` says of a number, its digits taken as they are.

    Its parser would drop or insert national prefixes, so the number is put together by hand.
    """
    code = calling_code(digits)
    if code is None or digits == code:
        return None
    national = digits[len(code) :]
    zeros = min(len(national) - len(national.lstrip("0")), len(national) - 1)
    number = PhoneNumber(
        country_code=int(code),
        national_number=int(national),
        italian_leading_zero=bool(zeros),
        number_of_leading_zeros=zeros or None,
    )
    assert phonenumbers.national_significant_number(number) == national
    if not phonenumbers.is_valid_number(number):
        return None
    region = phonenumbers.region_code_for_number(number)
    kind = KINDS[phonenumbers.number_type(number)]
    country = "" if region is None or region == "001" else region
    name = carrier.name_for_number(number, "en")
    return Verdict(country, kind, NETWORKS.brand(country, name))


def assert_agrees(plan: Plan, numbers: Iterator[str], at_least: int) -> None:
    count = 0
    for digits in numbers:
        if 0 < len(digits) <= bundled.MAX_DIGITS:
            count += 1
            assert plan.verdict(digits) == oracle(digits), digits
    assert count >= at_least


# ---- Agreement with phonenumbers -----------------------------------------------------------------


def test_agrees_within_rows_and_at_their_edges(plan: Plan) -> None:
    """Every sixteenth row: a random number, first, last, their neighbours, other lengths."""

    def numbers() -> Iterator[str]:
        rng = random.Random(SEED)
        for row in plan.rows[rng.randrange(16) :: 16]:
            length = rng.randint(row.min_length, row.max_length)
            missing = length - len(row.prefix)
            yield row.prefix + "".join(rng.choices("0123456789", k=missing))
            first, last = row.prefix + "0" * missing, row.prefix + "9" * missing
            yield from (first, last, str(int(first) - 1), str(int(last) + 1))
            yield from (first[:-1], row.prefix + "0" * (row.max_length + 1 - len(row.prefix)))

    assert_agrees(plan, numbers(), at_least=40_000)


def test_agrees_on_random_numbers_of_every_calling_code(plan: Plan) -> None:
    def numbers() -> Iterator[str]:
        rng = random.Random(SEED + 1)
        for code in CALLING_CODES:
            for length in range(1, bundled.MAX_DIGITS - len(code) + 1):
                for _ in range(10):
                    yield code + "".join(rng.choices("0123456789", k=length))

    assert_agrees(plan, numbers(), at_least=25_000)


def test_agrees_on_the_example_of_every_region_and_type(plan: Plan) -> None:
    def numbers() -> Iterator[str]:
        for region, kind in itertools.product(sorted(phonenumbers.SUPPORTED_REGIONS), KINDS):
            number = phonenumbers.example_number_for_type(region, kind)
            if number is not None:
                yield phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)[1:]
        for code in phonenumbers.COUNTRY_CODES_FOR_NON_GEO_REGIONS:
            number = phonenumbers.example_number_for_non_geo_entity(code)
            assert number is not None
            yield phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)[1:]

    assert_agrees(plan, numbers(), at_least=1_000)


def test_agrees_on_every_operator_prefix(plan: Plan) -> None:
    """The first number of each prefix of carrier data, with the lengths that its rows have."""

    def numbers() -> Iterator[str]:
        for prefix in CARRIER_DATA:
            row = next((r for n in range(8) if (r := plan.find(prefix + "0" * n))), None)
            yield prefix.ljust(row.max_length if row else 12, "0")

    assert_agrees(plan, numbers(), at_least=len(CARRIER_DATA))


def test_portable_is_that_of_the_region(plan: Plan) -> None:
    for country, kind, portable in {(row.country, row.kind, row.portable) for row in plan.rows}:
        expected = (
            kind in ("mobile", "fixed-or-mobile")
            and country != ""
            and phonenumbers.is_mobile_number_portable_region(country)
        )
        assert portable is expected, (country, kind)


# ---- The rows themselves -------------------------------------------------------------------------


def test_rows_are_well_formed_and_sorted(plan: Plan) -> None:
    assert plan.rows == sorted(plan.rows, key=lambda row: (row.prefix, row.min_length))
    for row in plan.rows:
        assert re.fullmatch(r"[1-9][0-9]{0,14}", row.prefix), row
        assert len(row.prefix) <= row.min_length <= row.max_length <= 15, row
        assert re.fullmatch(r"([A-Z]{2})?", row.country), row
        assert row.kind in KINDS.values(), row
        assert re.fullmatch(r"([2-9][0-9]{2})?", row.mcc), row
        assert re.fullmatch(r"([0-9]{2,3})?", row.mnc), row
        assert row.mcc or not row.mnc, row
        assert row.mcc or row.country in ("", "IO"), row
        assert row.operator or not row.mnc, row
        assert row.operator == row.operator.strip(), row
        assert "Cc" not in map(unicodedata.category, row.operator), row
    assert len({row.source for row in plan.rows}) == 2


def test_lengths_under_one_prefix_are_disjoint(plan: Plan) -> None:
    for rows in plan.by_prefix.values():
        for shorter, longer in itertools.pairwise(rows):
            assert shorter.max_length < longer.min_length


def test_rows_nest_only_where_a_whole_number_is_continued(plan: Plan) -> None:
    for prefix in plan.by_prefix:
        for length in range(1, len(prefix)):
            for row in plan.by_prefix.get(prefix[:length], ()):
                assert row.min_length == row.max_length == length, (row, prefix)


def test_ten_equal_siblings_are_one_row(plan: Plan) -> None:
    def content(prefix: str) -> list[tuple[object, ...]]:
        return [row[1:] for row in plan.by_prefix.get(prefix, [])]

    for parent in {prefix[:-1] for prefix in plan.by_prefix if prefix.endswith("9")}:
        siblings = [content(f"{parent}{digit}") for digit in range(10)]
        assert not siblings[0] or any(other != siblings[0] for other in siblings[1:]), parent


def test_every_calling_code_has_rows(plan: Plan) -> None:
    assert {calling_code(row.prefix) for row in plan.rows} == set(CALLING_CODES)
    stateless = {calling_code(row.prefix) for row in plan.rows if not row.country}
    assert stateless == {"800", "808", "870", "878", "881", "882", "883", "888", "979"}


@pytest.mark.parametrize(
    ("digits", "country", "kind"),
    [
        ("870301234567", "", "mobile"),  # 9 national digits
        ("870774412345678", "", "mobile"),  # 12 national digits, under the same code
        ("4930123456", "DE", "fixed"),
        ("49301234567890", "DE", "fixed"),
        ("390669812345", "VA", "fixed"),  # one region inside another's calling code
        ("447624123456", "IM", "mobile"),
        ("77710009998", "KZ", "mobile"),
        ("79123456789", "RU", "mobile"),
        ("18002345678", "US", "toll-free"),  # of all +1 countries, the first claims it
    ],
)
def test_known_numbers(plan: Plan, digits: str, country: str, kind: str) -> None:
    row = plan.find(digits)
    assert row is not None
    assert (row.country, row.kind) == (country, kind)


def test_no_shorter_prefix_is_tried(plan: Plan) -> None:
    assert plan.find("4477868525") is None  # too short
    assert plan.find("44778685252200") is None  # too long
    assert plan.find("999123456789") is None  # no such country code


def test_the_same_octets_in_another_process(plan: Plan, tmp_path: Path) -> None:
    here, there = tmp_path / "here.csv", tmp_path / "there.csv"
    with open(here, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(RangeRow._fields)
        writer.writerows((*row[:8], str(row.portable).lower(), row.source) for row in plan.rows)
    code = "import sys; from numdip.plan.bundled import write_csv; print(write_csv(sys.argv[1]))"
    environment = {**os.environ, "PYTHONHASHSEED": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", code, str(there)]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert int(result.stdout) == len(plan.rows)
    digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in (here, there)]
    assert digests[0] == digests[1]


# ---- Operators and networks ----------------------------------------------------------------------


def test_every_region_has_a_table_and_all_but_one_an_mcc() -> None:
    tables = tomllib.loads(operator_names._NETWORKS_FILE.read_text("utf-8"))
    assert set(tables) == {*phonenumbers.SUPPORTED_REGIONS, "001"}
    assert list(tables) == sorted(tables)
    assert {key for key, table in tables.items() if "mcc" not in table} == {"001", "IO"}
    for key, table in tables.items():
        assert table["source"], key
        assert set(table) <= {"disbelieved", "mcc", "source", "networks"}, key
        for network in table.get("networks", []):
            assert set(network) <= {"mnc", "name", "aka", "mcc"}, (key, network)


def test_a_name_that_is_not_known_gives_the_country() -> None:
    networks = Networks.load()
    assert networks.find("GB", "Vodafone") == ("234", "15")
    assert networks.find("GB", "VODAFONE Ltd.") == ("234", "15")
    assert networks.find("GB", "No Such Operator") == ("234", "")
    assert networks.find("GB", "") == ("234", "")
    assert networks.find("IN", "Airtel") == ("404", "")
    assert networks.find("IO", "Sure Ltd") == ("", "")
    assert networks.find("", "iridium satellite") == ("901", "03")
    assert networks.find("", "") == ("", "")
    assert networks.find("??", "Vodafone") == ("", "")


def test_an_operator_is_named_by_its_brand_of_today() -> None:
    assert NETWORKS.brand("DE", "T-Mobile") == "Telekom"
    assert NETWORKS.brand("GB", "Vodafone") == "Vodafone"
    assert NETWORKS.brand("GB", "No Such Operator") == "No Such Operator"
    assert NETWORKS.brand("AR", "Personal") == ""  # see networks.toml
    assert NETWORKS.brand("PY", "Personal") != ""
    assert NETWORKS.brand("GB", "") == ""


@pytest.mark.parametrize(
    ("name", "compared"),
    [
        ("T-Mobile", "tmobile"),
        ("Türk Telekom", "turktelekom"),
        ("O2 (UK)", "o2uk"),
        ("Vodafone Libertel B.V.", "vodafonelibertel"),
        ("Polkomtel S.A.", "polkomtel"),
        ("Telia Eesti AS", "teliaeesti"),
        ("Lebara Limited", "lebara"),
        ("Vodacom Lesotho (Pty) Ltd", "vodacomlesotho"),
        ("T-2 d.o.o.", "t2"),
        ("life:)", "life"),
        ("LG U+", "lgu"),
        ("1&1", "11"),
        ("S.A.", "sa"),  # a name that is nothing but a legal form stays
        ("AS", "as"),
        ("BITĖ", "bite"),
        ("Билайн", "билаин"),  # й is и with a breve
        ("", ""),
    ],
)
def test_names_are_compared_without_what_does_not_matter(name: str, compared: str) -> None:
    assert normalise(name) == compared


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"mcc": "23"}, "mcc is '23', expected three digits"),
        ({"mcc": 234}, "mcc is 234, expected three digits"),
        ({"mcc": "234", "networks": [{"name": "A", "mnc": "1"}]}, "mnc is '1', expected two"),
        ({"mcc": "234", "networks": [{"name": "A"}]}, "mnc is None"),
        ({"networks": [{"name": "A", "mnc": "10"}]}, "mcc is None"),
        ({"mcc": "234", "networks": [{"mnc": "10"}]}, "a network without a name"),
        (
            {
                "mcc": "234",
                "networks": [
                    {"name": "A", "mnc": "10"},
                    {"name": "B", "mnc": "15", "aka": ["a Ltd"]},
                ],
            },
            "'a Ltd' is no name or names two networks",
        ),
    ],
)
def test_faults_in_the_networks_are_told(table: dict[str, object], said: str) -> None:
    with pytest.raises(NetworksError, match=re.escape(said)) as caught:
        Networks({"GB": table})
    assert "GB" in str(caught.value)


def test_the_longest_operator_prefix_wins() -> None:
    prefixes = OperatorPrefixes({"44": "short", "4477": "long", "44778": "longer"})

    def operator(digits: str) -> str:
        place = prefixes.start
        for digit in digits:
            place = place.step(int(digit))
        return place.operator

    assert [operator(digits) for digits in ("4", "44", "447", "4477", "447789", "4479")] == [
        "",
        "short",
        "short",
        "long",
        "longer",
        "short",
    ]


class Share(NamedTuple):
    """How much of a country's mobile number space has an operator name, and an MNC."""

    country: str
    named: int
    joined: int


def shares(plan: Plan) -> list[Share]:
    """Countries by the size of their named mobile space, largest first.

    Only numbers of the length of the country's example number are counted: where lengths vary, the
    longest would otherwise outweigh all else.
    """
    lengths: dict[str, int] = {}
    for region in phonenumbers.SUPPORTED_REGIONS:
        for kind in (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE):
            number = phonenumbers.example_number_for_type(region, kind)
            if number is not None:
                national = phonenumbers.national_significant_number(number)
                lengths.setdefault(region, len(f"{number.country_code}{national}"))
    named: dict[str, int] = defaultdict(int)
    joined: dict[str, int] = defaultdict(int)
    for row in plan.rows:
        length = lengths.get(row.country, 0)
        if (
            row.operator
            and row.kind in ("mobile", "fixed-or-mobile")
            and row.min_length <= length <= row.max_length
        ):
            size = 10 ** (length - len(row.prefix))
            named[row.country] += size
            joined[row.country] += size if row.mnc else 0
    table = [Share(country, size, joined[country]) for country, size in named.items()]
    return sorted(table, key=lambda share: (-share.named, share.country))


def coverage(table: list[Share]) -> float:
    return sum(share.joined for share in table) / sum(share.named for share in table)


def test_names_join_to_networks_in_the_largest_countries(plan: Plan) -> None:
    largest = shares(plan)[:52]
    print()
    for share in largest:
        millions = share.named / 1e6
        print(f"{share.country}  {millions:10.2f} M named  {coverage([share]):7.1%} with an MNC")
    one_code = [share for share in largest if share.country not in BY_AREA]
    without = ", ".join(BY_AREA)
    print(f"all of them {coverage(largest):.1%}, without {without} {coverage(one_code):.1%}")
    assert len(largest) == 52
    assert coverage(one_code) >= 0.93
    assert coverage(largest) >= 0.83


def vectors() -> list[dict[str, str]]:
    ranges: list[dict[str, str]] = tomllib.loads(VECTORS.read_text("utf-8"))["range"]
    return ranges


@pytest.mark.parametrize("vector", vectors(), ids=lambda vector: vector["number"])
def test_well_known_operators(plan: Plan, vector: dict[str, str]) -> None:
    digits = vector["number"].removeprefix("+")
    assert digits.startswith(vector["prefix"])
    row = plan.find(digits)
    assert row is not None
    assert (row.country, row.mcc, row.mnc) == (vector["country"], vector["mcc"], vector["mnc"])
    # Carrier data may have a former name: both have to be the same network.
    assert bool(row.operator) == bool(vector["operator"])
    assert Networks.load().find(row.country, vector["operator"]) == (row.mcc, row.mnc)


def test_every_continent_has_ten_operators() -> None:
    count: dict[str, int] = defaultdict(int)
    for vector in vectors():
        count[vector["continent"]] += bool(vector["operator"])
    assert len(count) == 6
    assert min(count.values()) >= 10


def test_the_example_row_is_inside_the_united_states(plan: Plan) -> None:
    with open(EXAMPLE, encoding="utf-8", newline="") as file:
        (example,) = csv.DictReader(file)
    assert list(example) == list(RangeRow._fields)
    assert example["prefix"] not in plan.by_prefix
    assert not any(prefix.startswith(example["prefix"]) for prefix in plan.by_prefix)
    around = plan.find("13392986156")
    assert around is not None
    assert (around.country, around.mnc) == ("US", "")


# ---- Patterns ------------------------------------------------------------------------------------


def matches(expression: str, digits: str) -> bool:
    pattern = compile_pattern(expression)
    for digit in digits:
        pattern = pattern.step(int(digit))
    return pattern.accepts


def random_expression(rng: random.Random, depth: int) -> str:
    def digit() -> str:
        return rng.choice("0123")

    def digit_set() -> str:
        return rng.choice(["[01]", "[0-2]", "[13]", r"[\d]", "[0-13]"])

    def group() -> str:
        opening = rng.choice(["(?:", "("])
        return f"{opening}{random_expression(rng, depth - 1)})"

    makers: list[Callable[[], str]] = [digit, digit, digit_set, lambda: r"\d"]
    if depth:
        makers += [group, group]
    options: list[str] = []
    for _ in range(rng.choice([1, 1, 2, 3])):
        items = [
            rng.choice(makers)() + rng.choice(["", "", "", "?", "{2}", "{0,2}", "{1,3}"])
            for _ in range(rng.randrange(4))
        ]
        options.append("".join(items))
    return "|".join(options)


def test_patterns_match_what_regular_expressions_match() -> None:
    rng = random.Random(SEED)
    strings = ["".join(s) for n in range(6) for s in itertools.product("0123", repeat=n)]
    for _ in range(400):
        expression = random_expression(rng, depth=2)
        expected = re.compile(expression)
        for digits in rng.sample(strings, 60):
            assert matches(expression, digits) == bool(expected.fullmatch(digits)), (
                expression,
                digits,
            )


def test_equal_patterns_are_one_object() -> None:
    a, b = compile_pattern(r"1(?:2|3)\d{2}"), compile_pattern(r"1(?:3|2)\d\d")
    assert a.step(1) is b.step(1)
    assert a.step(1).step(3) is compile_pattern(r"\d{2}")
    assert a.step(2) is NEVER
    assert NEVER.step(0) is NEVER


@pytest.mark.parametrize(
    "expression",
    [
        r"1*",
        r"1+",
        r"^1",
        r"1$",
        r"[^1]",
        r"[]",
        r"[3-1]",
        r"[1",
        r"(1",
        r"1)",
        r"1{",
        r"1{2",
        r"1{,2}",
        r"1{3,2}",
        r"1{2,}",
        r"\w",
        r".",
        r"(?=1)",
        r"a",
        r"?",
        r"١",
    ],
)
def test_other_syntax_is_refused(expression: str) -> None:
    with pytest.raises(PatternSyntaxError, match="of the pattern"):
        compile_pattern(expression)
