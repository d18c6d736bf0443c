"""Substitution expressions: cases of ``tests/vectors``, and other engines as oracles."""

from __future__ import annotations

import ctypes
import ctypes.util
import pickle
import platform
import random
import re
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle, islice
from typing import Any, Literal

import pytest

import numdip
from vectors import cases

MODES: list[Literal["posix", "glibc", "perl"]] = ["posix", "glibc", "perl"]

Spans = list[tuple[int, int] | None]


def rule(regexp: str | bytes) -> numdip.Naptr:
    return numdip.Naptr(order=1, preference=1, flags="u", services="E2U+x", regexp=regexp)


# ---------- Cases --------------------------------------------------------------------------------


@cases("ddds", "regexp", 76)
def test_a_regexp_gives_its_output(case: dict[str, str], expected: dict[str, Any]) -> None:
    record = rule(bytes.fromhex(case["regexp_hex"]))
    code = expected.get("skip")
    if code in {"no-match", "empty-output"}:
        assert record.apply(case["aus"]) is None
        return
    if code is not None:
        with pytest.raises(numdip.RuleError) as caught:
            record.apply(case["aus"])
        assert caught.value.code == code
        return
    # The file shows octets as the characters of the same numbers.
    output = expected["output"].encode("latin-1").decode("utf-8", "surrogateescape")
    assert record.apply(case["aus"], uri=False) == output
    if expected["uri"]:
        assert record.apply(case["aus"]) == output
    else:
        with pytest.raises(numdip.RuleError) as caught:
            record.apply(case["aus"])
        assert caught.value.code == "no-uri"


@cases("ddds", "posix", 13)
@pytest.mark.parametrize("mode", MODES)
def test_groups_take_what_each_mode_says(
    case: dict[str, str], expected: dict[str, Any], mode: Literal["posix", "glibc", "perl"]
) -> None:
    spans = rule(f"~{case['ere']}~x~").groups(case["subject"], mode=mode)
    assert spans is not None
    taken = [span and case["subject"][span[0] : span[1]] for span in spans]
    assert taken == expected[mode]


@cases("ddds", "modes", 1)
@pytest.mark.parametrize("mode", MODES)
def test_a_rule_gives_what_each_mode_says(
    case: dict[str, str], expected: dict[str, str], mode: Literal["posix", "glibc", "perl"]
) -> None:
    assert rule(case["regexp"]).apply(case["aus"], mode=mode) == expected[mode]


@cases("ddds", "service", 38)
def test_services_are_read_as_their_application_does(
    case: dict[str, Any], expected: dict[str, Any]
) -> None:
    record = numdip.Naptr(order=1, preference=1, services=case["services"])
    if "error" in expected:
        with pytest.raises(numdip.NaptrError, match="services"):
            record.read_services(case["application"])
    else:
        assert record.read_services(case["application"]) == expected
    of_enum = expected.get("services", []) if case["application"] == "ENUM" else []
    assert record.enumservices == [":".join([s["type"], *s["subtypes"]]) for s in of_enum]


def test_a_string_may_be_text_octets_or_a_number() -> None:
    record = rule(r"!^\+44(.*)$!sip:\1@gw.example!")
    for aus in ("+441632960083", b"+441632960083", numdip.Number("+44 1632 960083")):
        assert record.apply(aus) == "sip:1632960083@gw.example"
    assert record.apply("+33123456789") is None
    assert record.groups("+33123456789") is None


def test_what_cannot_be_asked_for_is_told() -> None:
    with pytest.raises(ValueError, match="expected one of posix, glibc, perl"):
        rule("!a!b!").apply("+44", mode="pcre")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="expected one of ENUM, URI-RES, S-NAPTR, SIP"):
        rule("!a!b!").read_services("Asterisk")  # type: ignore[arg-type]
    with pytest.raises(numdip.RuleError, match="it is empty") as caught:
        rule("").apply("+44")
    assert caught.value.code == "empty"
    with pytest.raises(TypeError):
        rule("!a!b!").apply(44)  # type: ignore[arg-type]


@cases("hostile", "hostile", 68)
@pytest.mark.parametrize("mode", MODES)
def test_a_hostile_rule_ends_as_the_vectors_say(
    case: dict[str, str], expected: dict[str, Any], mode: Literal["posix", "glibc", "perl"]
) -> None:
    record = rule(case["regexp"])
    for place, octets in enumerate([1, 9, 16, 2048]):
        string = case["head"][:octets]
        string += "".join(islice(cycle(case["fill"]), octets - len(string)))
        try:
            outcome = "no-match" if record.apply(string, mode=mode, uri=False) is None else "match"
        except numdip.RuleError as error:
            outcome = error.code
        # No rule at all is one word.
        wanted = expected[mode] if isinstance(expected[mode], str) else expected[mode][place]
        assert outcome == wanted, octets


# ---------- A rule is made ready once ------------------------------------------------------------


def test_what_was_applied_before_stays_the_same_record() -> None:
    fresh, used = (rule(r"!^(\+1|\+1212)(.*)$!sip:\2@gw.example!") for _ in range(2))
    for _ in range(2):
        assert used.apply("+12125551234") == "sip:5551234@gw.example"
        for mode in ("glibc", "perl"):
            assert used.apply("+12125551234", mode=mode) == "sip:2125551234@gw.example"
        assert used.groups("+1212") == [(0, 5), (0, 5), (5, 5)]
    assert used == fresh
    assert hash(used) == hash(fresh)
    assert repr(used) == repr(fresh)
    copied = pickle.loads(pickle.dumps(used))
    assert copied == used
    assert copied.apply("+12125551234") == "sip:5551234@gw.example"


def test_no_rule_is_told_each_time_and_for_each_mode() -> None:
    record = rule("!a**!b!")
    for _ in range(2):
        assert record.apply("a", uri=False) == "b"
        with pytest.raises(numdip.RuleError):
            record.apply("a", mode="perl", uri=False)


def test_threads_share_a_record() -> None:
    numbers = [f"+44{number:09d}" for number in range(500)]
    with ThreadPoolExecutor(8) as pool:
        for _ in range(20):
            record = rule(r"!^\+44(.*)$!tel:\1!")
            found = list(pool.map(record.apply, numbers))
            assert found == [f"tel:{number[3:]}" for number in numbers]


# ---------- Oracles ------------------------------------------------------------------------------


def expression(rng: random.Random, depth: int, repeats: list[str], *, empty: bool = True) -> str:
    """An expression with a little of everything over the letters a, b and c."""

    def inner() -> str:
        return expression(rng, depth - 1, repeats, empty=empty)

    kind = rng.random()
    if depth == 0 or kind < 0.25:
        others = [".", "[ab]", "[^a]", *(["()"] if empty else [])]
        return rng.choice(others) if rng.random() < 0.3 else rng.choice("abc")
    if kind < 0.5:
        return "".join(inner() for _ in range(rng.randint(2, 3)))
    if kind < 0.7:
        return "(" + "|".join(inner() for _ in range(rng.randint(2, 3))) + ")"
    return f"({inner()})" + (rng.choice(repeats) if kind < 0.95 else "")


def subject(rng: random.Random) -> str:
    return "".join(rng.choice("abc") for _ in range(rng.randint(0, 7)))


REPEATS = ["*", "+", "?", "{2}", "{1,2}", "{0,3}", "{2,}", "{0}"]


class Match(ctypes.Structure):
    """``regmatch_t``."""

    _fields_ = (("start", ctypes.c_int), ("end", ctypes.c_int))


class Glibc:
    """``regcomp`` and ``regexec`` of the C library that Python runs on."""

    def __init__(self) -> None:
        self.library = ctypes.CDLL(ctypes.util.find_library("c"))

    def groups(self, text: str, string: str) -> Spans | None:
        # regex_t has 64 octets.
        compiled = ctypes.create_string_buffer(256)
        extended = 1
        assert self.library.regcomp(compiled, text.encode(), extended) == 0, text
        matches = (Match * (text.count("(") + 1))()
        failed = self.library.regexec(compiled, string.encode(), len(matches), matches, 0)
        self.library.regfree(compiled)
        return None if failed else [(m.start, m.end) if m.start >= 0 else None for m in matches]


def glibc_groups(text: str, string: str) -> Spans | str | None:
    """What the mode gives; where glibc goes around in circles for ever, it runs out of steps."""
    try:
        return rule(f"!{text}!x!").groups(string, mode="glibc")
    except numdip.RuleError as error:
        return error.code


glibc_only = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc is the oracle")


@glibc_only
@pytest.mark.parametrize("seed", range(4))
def test_glibc_mode_does_what_glibc_does(seed: int) -> None:
    rng, glibc, compared = random.Random(seed), Glibc(), 0
    for _ in range(3000):
        text, string = expression(rng, rng.randint(1, 4), REPEATS), subject(rng)
        if rng.random() < 0.2:
            text = f"^{text}$"
        if len(text) > 200:
            continue
        found = glibc_groups(text, string)
        if found != "too-costly":
            assert found == glibc.groups(text, string), (text, string)
            compared += 1
    assert compared > 2500


@glibc_only
def test_posix_and_glibc_agree_on_where_a_match_is() -> None:
    rng, glibc = random.Random(1), Glibc()
    for _ in range(3000):
        text, string = expression(rng, rng.randint(1, 3), REPEATS, empty=False), subject(rng)
        if len(text) > 200:
            continue
        if glibc_groups(text, string) == "too-costly":
            continue
        ours, theirs = rule(f"!{text}!x!").groups(string), glibc.groups(text, string)
        assert (ours and ours[0]) == (theirs and theirs[0]), (text, string)


@glibc_only
def test_posix_and_glibc_agree_without_alternatives_and_repeated_groups() -> None:
    """What nearly all deployed rules are: groups in a row, repeats of single characters."""
    rng, glibc, matched = random.Random(1), Glibc(), 0
    atoms = ["a", "b", ".", "[ab]", "[^a]", "[[:alpha:]]"]
    for _ in range(4000):
        parts = []
        for _ in range(rng.randint(1, 5)):
            part = rng.choice(atoms) + rng.choice(
                ["", "*", "+", "?", "{2}", "{1,3}", "{0,2}", "{1,}"]
            )
            parts.append(f"({part})" if rng.random() < 0.6 else part)
        text = rng.choice(["", "^"]) + "".join(parts) + rng.choice(["", "$"])
        string = subject(rng)
        ours = rule(f"!{text}!x!").groups(string)
        assert ours == glibc.groups(text, string), (text, string)
        matched += ours is not None
    assert matched > 1000


@pytest.mark.parametrize("seed", range(4))
def test_perl_mode_does_what_python_does(seed: int) -> None:
    rng = random.Random(seed)
    # Which empty iterations of {1,2} are the last is told differently by Perl, PCRE and Python.
    repeats = ["*", "+", "?", "*?", "+?", "??", "{2}", "{3}"]
    for _ in range(2000):
        text = expression(rng, rng.randint(1, 4), repeats, empty=False)
        string = subject(rng)
        if rng.random() < 0.2:
            text = f"^{text}$"
        if len(text) > 200:
            continue
        theirs = re.search(text, string)
        expected: Spans | None = None
        if theirs:
            spans = [theirs.span(group) for group in range(theirs.re.groups + 1)]
            expected = [None if span == (-1, -1) else span for span in spans]
        assert rule(f"!{text}!x!").groups(string, mode="perl") == expected, (text, string)
