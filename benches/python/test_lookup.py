"""What one number costs from Python, beside a dict, phonenumbers and dnspython.

Each round takes a thousand different numbers: a table's microseconds are nanoseconds a number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import dns.e164
import dns.message
import phonenumbers
import pytest
from phonenumbers import carrier
from pytest_benchmark.fixture import BenchmarkFixture

import numdip


def each(function: Callable[[Any], object], numbers: Iterable[object]) -> None:
    for number in numbers:
        function(number)


@pytest.mark.benchmark(group="1 from number to network")
class TestLookup:
    def test_numdip_lookup_hit(
        self, benchmark: BenchmarkFixture, db: numdip.Snapshot, hits: list[str]
    ) -> None:
        benchmark(each, db.lookup, hits)

    def test_numdip_lookup_hit_of_int(
        self, benchmark: BenchmarkFixture, db: numdip.Snapshot, hits: list[str]
    ) -> None:
        benchmark(each, db.lookup, [int(number) for number in hits])

    def test_numdip_lookup_hit_and_read_mcc_mnc(
        self, benchmark: BenchmarkFixture, db: numdip.Snapshot, hits: list[str]
    ) -> None:
        def read(number: str) -> tuple[str | None, str | None] | None:
            answer = db.lookup(number)
            return answer and (answer.mcc, answer.mnc)

        benchmark(each, read, hits)

    def test_numdip_lookup_miss(
        self, benchmark: BenchmarkFixture, db: numdip.Snapshot, misses: list[str]
    ) -> None:
        benchmark(each, db.lookup, misses)

    def test_dict_get(
        self, benchmark: BenchmarkFixture, db: numdip.Snapshot, hits: list[str]
    ) -> None:
        answers = {number: db.lookup(number) for number in hits}
        benchmark(each, answers.get, hits)

    def test_phonenumbers_carrier(self, benchmark: BenchmarkFixture, hits: list[str]) -> None:
        def name(number: str) -> str:
            return carrier.name_for_number(phonenumbers.parse(number), "en")

        benchmark(each, name, hits)


@pytest.mark.benchmark(group="2 from query to response")
class TestRespond:
    def test_numdip_respond_hit(
        self, benchmark: BenchmarkFixture, db: numdip.Snapshot, hits: list[str]
    ) -> None:
        benchmark(each, numdip.Responder(db).respond, queries(hits))

    def test_numdip_respond_miss(
        self, benchmark: BenchmarkFixture, db: numdip.Snapshot, misses: list[str]
    ) -> None:
        benchmark(each, numdip.Responder(db).respond, queries(misses))

    def test_dnspython_parse_query(self, benchmark: BenchmarkFixture, hits: list[str]) -> None:
        benchmark(each, dns.message.from_wire, queries(hits))


@pytest.mark.benchmark(group="3 from number to name")
class TestName:
    def test_numdip_to_domain(self, benchmark: BenchmarkFixture, hits: list[str]) -> None:
        benchmark(each, numdip.to_domain, hits)

    def test_numdip_from_domain(self, benchmark: BenchmarkFixture, hits: list[str]) -> None:
        benchmark(each, numdip.from_domain, [numdip.to_domain(number) for number in hits])

    def test_dnspython_from_e164(self, benchmark: BenchmarkFixture, hits: list[str]) -> None:
        benchmark(each, dns.e164.from_e164, hits)


def queries(numbers: list[str]) -> list[bytes]:
    names = (numdip.to_domain(number) for number in numbers)
    return [dns.message.make_query(name, "NAPTR").to_wire() for name in names]
