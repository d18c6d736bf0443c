"""The names of a zone mean what the plan means: a naive look-up by RFC 4592 is the oracle."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from numdip.plan.wildcards import NOTHING, Item, Name, Row, names

#: Two digits make prefixes meet often.
DIGITS = st.text("12", min_size=1, max_size=6)
LONGEST = 8


@st.composite
def rows(draw: st.DrawFn, digits: str) -> tuple[Row, ...]:
    """Adjoining lengths of one prefix; they have one answer or none, as a wildcard needs it."""
    answer = draw(st.integers(0, 3))
    bounds = sorted(draw(st.sets(st.integers(len(digits), LONGEST), min_size=2, max_size=4)))
    return tuple(
        Row(shortest, longest - (longest != bounds[-1]), answer)
        for shortest, longest in pairwise(bounds)
    )


@st.composite
def items(draw: st.DrawFn) -> list[Item]:
    found = []
    for digits in sorted(draw(st.sets(DIGITS, max_size=10))):
        kind = draw(st.sampled_from(["prefix", "hole", "number", "both", "name"]))
        of_prefix = draw(rows(digits)) if len(digits) < LONGEST - 1 else ()
        if kind == "hole":
            of_prefix = tuple(row._replace(answer=NOTHING) for row in of_prefix)
        own = draw(st.integers(NOTHING, 3)) if kind in {"number", "both"} else None
        found.append(
            Item(
                digits,
                of_prefix if kind in {"prefix", "hole", "both"} else (),
                own,
                kind == "name",
            )
        )
    return found


def said(plan: list[Item], number: str) -> int:
    """What the plan says of a number: itself, or else its longest prefix."""
    for item in plan:
        if item.digits == number and item.own is not None:
            return item.own
    for item in reversed(plan):
        if item.rows and number.startswith(item.digits):
            for row in item.rows:
                if row.shortest <= len(number) <= row.longest:
                    return row.answer
            return NOTHING
    return NOTHING


def looked_up(zone: list[Name], also: list[str], number: str) -> int:
    """What DNS finds for a number in a zone (RFC 4592 §3.3.1)."""
    there = {""}
    for digits in [*(name.digits for name in zone), *also]:
        there |= {digits[:i] for i in range(len(digits) + 1)}
    wildcard = number not in there
    encloser = max((digits for digits in there if number.startswith(digits)), key=len)
    found = {(name.digits, name.wildcard): name.answer for name in zone}
    return found.get((encloser, wildcard), NOTHING)


def valid(plan: list[Item], number: str) -> bool:
    """Whether the plan has numbers of this length there."""
    for item in reversed(plan):
        if item.rows and number.startswith(item.digits):
            return any(row.shortest <= len(number) <= row.longest for row in item.rows)
    return True


@given(items(), st.lists(st.text("12", min_size=1, max_size=LONGEST), min_size=1, max_size=30))
def test_a_zone_says_what_the_plan_says(plan: list[Item], asked: list[str]) -> None:
    zone = list(names(plan))
    also = [item.digits for item in plan if item.exists]
    assert len({name[:2] for name in zone}) == len(zone)
    for number in [*asked, *(item.digits for item in plan)]:
        if any(item.digits == number and item.own is not None for item in plan) or valid(
            plan, number
        ):
            assert said(plan, number) == looked_up(zone, also, number), number


@given(items(), st.text("12", min_size=1, max_size=3), st.data())
def test_a_zone_below_the_apex_says_the_same(
    plan: list[Item], origin: str, data: st.DataObject
) -> None:
    covers = [item for item in plan if origin.startswith(item.digits)]
    covering = next((item.rows for item in reversed(covers) if item.rows), ())
    own = next((item.own for item in covers if item.digits == origin), None)
    inside = [item for item in plan if item.digits.startswith(origin) and item.digits != origin]
    zone = list(names(inside, Item(origin, covering, own, exists=True)))
    assert all(name.digits.startswith(origin) for name in zone)
    also = [origin, *(item.digits for item in inside if item.exists)]
    number = origin + data.draw(st.text("12", max_size=LONGEST - len(origin)))
    if valid(plan, number):
        assert said(plan, number) == looked_up(zone, also, number)


def test_one_ported_number_repeats_the_wildcard_at_each_name_above_it() -> None:
    """The example of a block of which one number was ported."""
    of_block = (Row(11, 11, 0),)
    zone = list(names([Item("1212", of_block), Item("12125551234", own=1)]))
    wildcards = [name.digits for name in zone if name.wildcard]
    assert wildcards == ["1212", *("12125551234"[:i] for i in range(5, 11))]
    assert Name("12125551234", wildcard=False, answer=1) in zone
    assert len(zone) == len(wildcards) + 1


def test_what_has_no_answer_wards_a_wildcard_off_and_nothing_else() -> None:
    hole = (Row(12, 12, NOTHING),)
    assert list(names([Item("44", hole)])) == []
    zone = list(names([Item("44", (Row(12, 12, 0),)), Item("4420", hole)]))
    assert Name("4420", wildcard=False, answer=NOTHING) in zone
