"""Country and kind of a number, decided digit by digit from libphonenumber's metadata.

libphonenumber decides in two steps: which region of the calling code a number belongs to
(``region_code_for_number``), then which type it is there (``number_type``). The order in which
regions and types are tried is part of the answer and is kept here: regions in the order of
``COUNTRY_CODE_TO_REGION_CODE``, where one with leading digits claims every number that starts with
them and one without claims what it has a type for; types in the order of :data:`_TYPE_ORDER`.

Source: metadata of the `phonenumbers` package (libphonenumber, Apache-2.0).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from phonenumbers import (
    COUNTRY_CODE_TO_REGION_CODE,
    REGION_CODE_FOR_NON_GEO_ENTITY,
    PhoneMetadata,
    PhoneNumberDesc,
    is_mobile_number_portable_region,
)

from .digit_patterns import NEVER, Pattern, compile_pattern

__all__ = ["CallingCode", "NumberState", "calling_codes", "portable_countries"]

# Metadata attribute, kind. The first that matches decides; `fixed_line` and `mobile` come after
# these and are judged together.
_TYPE_ORDER = (
    ("premium_rate", "premium"),
    ("toll_free", "toll-free"),
    ("shared_cost", "shared-cost"),
    ("voip", "voip"),
    ("personal_number", "personal"),
    ("pager", "pager"),
    ("uan", "uan"),
    ("voicemail", "other"),
)


class _Type(NamedTuple):
    """One number type of a region: its pattern, and the lengths it is held to (none: any)."""

    pattern: Pattern
    lengths: tuple[int, ...]

    def matches(self, length: int) -> bool:
        return self.pattern.accepts and (not self.lengths or length in self.lengths)

    def step(self, digit: int) -> _Type:
        return _Type(self.pattern.step(digit), self.lengths)


class _Region(NamedTuple):
    """What a region still makes of a number whose first digits have been read."""

    country: str
    #: Fixed and mobile numbers look alike here.
    one_pattern: bool
    #: The leading digits that claim a number; None: none are defined.
    leading: Pattern | None
    #: The leading digits have been read.
    claimed: bool
    #: What every number of the region matches.
    general: _Type
    fixed: _Type
    mobile: _Type
    others: tuple[tuple[str, _Type], ...]

    def step(self, digit: int) -> _Region:
        leading = self.leading
        claimed = self.claimed
        if leading is not None and not claimed:
            leading = leading.step(digit)
            claimed = leading.accepts
        others = tuple((kind, number_type.step(digit)) for kind, number_type in self.others)
        return self._replace(
            leading=NEVER if claimed else leading,  # its rest no longer matters: fewer states
            claimed=claimed,
            general=self.general.step(digit),
            fixed=self.fixed.step(digit),
            mobile=self.mobile.step(digit),
            others=tuple(other for other in others if other[1].pattern is not NEVER),
        )

    def is_out(self) -> bool:
        """Whether no number that starts with the digits read can belong to this region."""
        if self.leading is None:
            return self.general.pattern is NEVER
        return not self.claimed and self.leading is NEVER

    def kind(self, length: int) -> str:
        """The kind of the number read, of `length` national digits; '' if it is not valid."""
        if not self.general.matches(length):
            return ""
        for kind, number_type in self.others:
            if number_type.matches(length):
                return kind
        if self.fixed.matches(length):
            either = self.one_pattern or self.mobile.matches(length)
            return "fixed-or-mobile" if either else "fixed"
        if not self.one_pattern and self.mobile.matches(length):
            return "mobile"
        return ""


class NumberState:
    """What the regions of a calling code make of a number whose first digits have been read.

    Equal states are one object, so states may be keys of a memo table.
    """

    __slots__ = ("_calling_code", "_next", "_regions", "is_dead")

    def __init__(self, calling_code: CallingCode, regions: tuple[_Region, ...]) -> None:
        self._calling_code = calling_code
        self._regions = regions
        self._next: list[NumberState | None] = [None] * 10
        #: No valid number starts with the digits read.
        self.is_dead = not regions

    def step(self, digit: int) -> NumberState:
        """The state after one more national digit."""
        following = self._next[digit]
        if following is None:
            following = self._calling_code.state(region.step(digit) for region in self._regions)
            self._next[digit] = following
        return following

    def judge(self, length: int) -> tuple[str, str] | None:
        """Country and kind of the number read, of `length` national digits; None: not valid."""
        for region in self._regions:
            kind = region.kind(length)
            if kind:
                return region.country, kind
            if region.claimed:
                return None
        return None


class CallingCode:
    """The numbers of one country calling code."""

    __slots__ = ("_states", "code", "start")

    def __init__(self, code: int) -> None:
        self.code = code
        self._states: dict[tuple[_Region, ...], NumberState] = {}
        regions = COUNTRY_CODE_TO_REGION_CODE[code]
        #: The state before the first national digit.
        self.start = self.state(
            _region(code, region, alone=len(regions) == 1) for region in regions
        )

    def state(self, regions: Iterable[_Region]) -> NumberState:
        """The one state for these regions, without those that can no longer matter."""
        kept: list[_Region] = []
        for region in regions:
            if not region.is_out():
                kept.append(region)
            if region.claimed:
                break
        if kept and all(region.general.pattern is NEVER for region in kept):
            kept = []
        key = tuple(kept)
        if key not in self._states:
            self._states[key] = NumberState(self, key)
        return self._states[key]


def calling_codes() -> list[CallingCode]:
    """Every country calling code that libphonenumber knows, in ascending order of its digits."""
    return [CallingCode(code) for code in sorted(COUNTRY_CODE_TO_REGION_CODE, key=str)]


def portable_countries() -> frozenset[str]:
    """The countries in which a mobile number may be taken to another operator."""
    return frozenset(
        region
        for code in COUNTRY_CODE_TO_REGION_CODE
        for region in COUNTRY_CODE_TO_REGION_CODE[code]
        if region != REGION_CODE_FOR_NON_GEO_ENTITY and is_mobile_number_portable_region(region)
    )


def _region(code: int, region: str, *, alone: bool) -> _Region:
    metadata = PhoneMetadata.metadata_for_region_or_calling_code(code, region)
    if metadata is None:
        raise LookupError(f"phonenumbers has no metadata for region {region} of +{code}")
    # A region that has its calling code to itself gets every number, whatever it starts with.
    leading = None if alone else metadata.leading_digits
    return _Region(
        country="" if region == REGION_CODE_FOR_NON_GEO_ENTITY else region,
        one_pattern=metadata.same_mobile_and_fixed_line_pattern,
        leading=compile_pattern(leading) if leading else None,
        claimed=False,
        general=_type(metadata.general_desc),
        fixed=_type(metadata.fixed_line),
        mobile=_type(metadata.mobile),
        others=tuple((kind, _type(getattr(metadata, name))) for name, kind in _TYPE_ORDER),
    )


def _type(description: PhoneNumberDesc | None) -> _Type:
    if description is None or not description.national_number_pattern:
        return _Type(NEVER, ())
    return _Type(compile_pattern(description.national_number_pattern), description.possible_length)
