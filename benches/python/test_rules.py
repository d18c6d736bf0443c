"""What a NAPTR record costs from Python, beside dnspython, ``re`` and glibc's ``regexec``.

Each round takes a thousand different numbers, or a thousand records: a table's microseconds are
nanoseconds each. ``rules_record.py`` keeps the medians.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import platform
import re
from collections.abc import Callable

import dns.rdata
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

import numdip
from conftest import BATCH

#: Rules as carriers have them: the expression, the replacement, and how many groups.
RULES = {
    "literal": (r"^.*$", "sip:info@example.com"),
    "whole": (r"^(.*)$", r"tel:\1;mcc=310;mnc=012"),
    "prefix": (r"^\+44(.*)$", r"sip:\1@gw.example"),
    "split": (r"^\+44([0-9]{3})([0-9]*)$", r"sip:\2@\1.gw.example"),
}
NUMBERS = [f"+44163296{number:04d}" for number in range(BATCH)]


def record(name: str, number: int = 0) -> numdip.Naptr:
    expression, replacement = RULES[name]
    return numdip.Naptr(
        order=10,
        preference=number,
        flags="u",
        services="E2U+sip",
        regexp=f"!{expression}!{replacement}!",
    )


def each(benchmark: BenchmarkFixture, function: Callable[[str], object]) -> None:
    expected = record(benchmark.extra_info["rule"]).apply(NUMBERS[7])
    assert function(NUMBERS[7]) == expected

    def all_numbers() -> None:
        for number in NUMBERS:
            function(number)

    benchmark(all_numbers)


@pytest.mark.benchmark(group="7 from a NAPTR record as text or octets to its fields")
class TestRecord:
    TEXTS = tuple(record("whole", number).to_text() for number in range(BATCH))
    WIRES = tuple(record("whole", number).to_wire() for number in range(BATCH))

    def test_numdip_parse(self, benchmark: BenchmarkFixture) -> None:
        benchmark(lambda: [numdip.Naptr.parse(text) for text in self.TEXTS])

    def test_dnspython_from_text(self, benchmark: BenchmarkFixture) -> None:
        benchmark(lambda: [dns.rdata.from_text("IN", "NAPTR", text) for text in self.TEXTS])

    def test_numdip_from_wire(self, benchmark: BenchmarkFixture) -> None:
        benchmark(lambda: [numdip.Naptr.from_wire(wire) for wire in self.WIRES])

    def test_dnspython_from_wire(self, benchmark: BenchmarkFixture) -> None:
        def read() -> None:
            for wire in self.WIRES:
                dns.rdata.from_wire("IN", "NAPTR", wire, 0, len(wire))

        benchmark(read)

    def test_numdip_to_text(self, benchmark: BenchmarkFixture) -> None:
        records = [numdip.Naptr.from_wire(wire) for wire in self.WIRES]
        benchmark(lambda: [one.to_text() for one in records])

    def test_dnspython_to_text(self, benchmark: BenchmarkFixture) -> None:
        records = [dns.rdata.from_text("IN", "NAPTR", text) for text in self.TEXTS]
        benchmark(lambda: [one.to_text() for one in records])


@pytest.mark.benchmark(group="8 from a number to the URI of a rule")
@pytest.mark.parametrize("name", RULES)
class TestApply:
    @pytest.fixture(autouse=True)
    def rule(self, benchmark: BenchmarkFixture, name: str) -> None:
        benchmark.extra_info["rule"] = name

    @pytest.mark.parametrize("mode", ["posix", "glibc", "perl"])
    def test_numdip_apply(self, benchmark: BenchmarkFixture, name: str, mode: str) -> None:
        """The same record again and again: its rule is made ready once."""
        made = record(name)
        each(benchmark, lambda number: made.apply(number, mode=mode))  # type: ignore[arg-type]

    def test_numdip_apply_of_new_records(self, benchmark: BenchmarkFixture, name: str) -> None:
        """A record for each number, as answers have them: its rule is made ready each time."""
        wire = record(name).to_wire()
        each(benchmark, lambda number: numdip.Naptr.from_wire(wire).apply(number))

    def test_re_of_compiled_pattern(self, benchmark: BenchmarkFixture, name: str) -> None:
        expression, replacement = RULES[name]
        pattern = re.compile(expression)

        def expand(number: str) -> str | None:
            match = pattern.search(number)
            return match and match.expand(replacement)

        each(benchmark, expand)

    def test_re_of_pattern_not_compiled(self, benchmark: BenchmarkFixture, name: str) -> None:
        """As for records that come one by one: ``re`` would keep few patterns for long."""
        expression, replacement = RULES[name]

        def expand(number: str) -> str | None:
            re.purge()
            match = re.search(expression, number)
            return match and match.expand(replacement)

        each(benchmark, expand)

    @pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library is another")
    def test_regcomp_and_regexec(self, benchmark: BenchmarkFixture, name: str) -> None:
        """What Kamailio does for each record it gets, ctypes and all: it keeps no compiled form."""
        library = ctypes.CDLL(ctypes.util.find_library("c"))
        expression, replacement = RULES[name]
        text, compiled = expression.encode(), ctypes.create_string_buffer(256)
        places = (ctypes.c_int * 2 * 6)()

        def expand(number: str) -> str | None:
            extended = 1
            library.regcomp(compiled, text, extended)
            failed = library.regexec(compiled, number.encode(), len(places), places, 0)
            library.regfree(compiled)
            if failed:
                return None
            uri = replacement
            for group in range(1, 6):
                start, end = places[group]
                uri = uri.replace(f"\\{group}", number[start:end])
            return uri

        each(benchmark, expand)
