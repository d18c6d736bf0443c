"""Sets of ported numbers that are random but for a seed, as large as one likes, in shuffled order.

A shape is made of *parts*, one for each file; part after part gives the rows of the whole set in an
order that is uniformly random. A part is made from the seed and its own number alone, so parts are
made side by side and the same seed gives the same rows on any machine.

:class:`Sparse` is any number out of a hundred times as many, :class:`National` (in
``ported_national.py``) fills blocks of ten thousand.
"""

from __future__ import annotations

import math
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

Words = npt.NDArray[np.uint64]
Codes = npt.NDArray[np.uint32]

#: Rows of a part at most: two parts in the making and being written stay far below 2 GiB.
PART_ROWS = 16_000_000
#: From so many numbers on there are two parts at least, one for each core.
TWO_PARTS = 4_000_000
#: Possible numbers for each ported one, in sparse shapes.
SPARSENESS = 100


class Rows(NamedTuple):
    """Ported numbers and the places of their networks in :attr:`Shape.networks`."""

    numbers: Words
    networks: Codes


class Network(NamedTuple):
    mcc: str
    mnc: str
    #: Routing number; empty: none.
    rn: str = ""


class Range(NamedTuple):
    """A row of the ranges file: all numbers of one length behind a prefix."""

    prefix: str
    length: int
    country: str


class Bound(NamedTuple):
    """Bits below which no encoding of the set can be, on average."""

    keys: float
    values: float


class Shape(Protocol):
    """What the generator asks of a set of numbers."""

    count: int
    networks: list[Network]
    ranges: list[Range]
    parts: int

    def part(self, number: int) -> Rows:
        """The rows of one part, shuffled."""

    def absent(self, count: int) -> Words:
        """Numbers that are not in the set but lie between those that are."""

    def bound(self) -> Bound:
        """How many bits the set takes at least."""


def parts_for(count: int) -> int:
    """How many parts a set of *count* numbers is made of."""
    return max(-(-count // PART_ROWS), 2 if count >= TWO_PARTS else 1)


def generator(seed: int, *place: int) -> np.random.Generator:
    """The random stream of one place in the set."""
    return np.random.Generator(np.random.SFC64([seed, *place]))


def networks(count: int, *, rn: bool = False) -> list[Network]:
    """Networks that differ in MCC and MNC, from 1,000 on only in their routing numbers."""
    return [
        Network(str(200 + i // 100 % 10), f"{i % 100:02d}", f"+49199{i:06d}" if rn else "")
        for i in range(count)
    ]


def log2_choose(n: int, k: int) -> float:
    """The binary logarithm of the number of ways to choose *k* of *n*."""
    return (math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)) / math.log(2)


class Permutation:
    """A random order of the integers below a size, computed and never stored.

    A Feistel network over a rectangle of about that many fields; what falls outside walks on until
    it is inside (cycle walking). Six rounds leave nothing that an index could make use of.
    """

    _ROUNDS = 6
    _MIX = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9)
    _HALF = np.uint64(32)

    def __init__(self, size: int, seed: int) -> None:
        self._size = np.uint64(size)
        width = math.isqrt(size - 1) + 1
        self._sides = np.uint64(width), np.uint64(-(-size // width))
        self._keys = generator(seed, 0xFE15).integers(0, 2**64, self._ROUNDS, dtype=np.uint64)

    def __call__(self, places: Words) -> Words:
        """Where these places come to lie."""
        out = self._once(places)
        while (outside := np.flatnonzero(out >= self._size)).size:
            out[outside] = self._once(out[outside])
        return out

    def _once(self, places: Words) -> Words:
        width, height = self._sides
        high = places // width
        low = places - high * width
        for place, key in enumerate(self._keys):
            side, moved, fixed = (width, low, high) if place % 2 else (height, high, low)
            moved += self._below(fixed, key, side)
            moved -= side * (moved >= side)
        return high * width + low

    def _below(self, values: Words, key: np.uint64, bound: np.uint64) -> Words:
        """A hash of each value, below *bound*."""
        hashed = (values ^ key) * self._MIX[0]
        hashed ^= hashed >> self._HALF
        hashed *= self._MIX[1]
        hashed >>= self._HALF
        hashed *= bound
        hashed >>= self._HALF
        return hashed


class Sparse:
    """Random numbers of one length, each with any of the networks, all equally likely."""

    _PREFIX = "49"
    #: Numbers worked on at a time, few enough for the cache.
    _STEP = 1 << 16

    def __init__(self, count: int, seed: int, networks: list[Network]) -> None:
        self.count = count
        self.networks = networks
        self.parts = parts_for(count)
        self._seed = seed
        self._universe = SPARSENESS * count
        digits = max(len(str(self._universe - 1)), 4)
        self.ranges = [Range(self._PREFIX, len(self._PREFIX) + digits, "DE")]
        self._first = np.uint64(int(self._PREFIX) * 10**digits)
        self._order = Permutation(self._universe, seed)

    def part(self, number: int) -> Rows:
        start = self.count * number // self.parts
        end = self.count * (number + 1) // self.parts
        random = generator(self._seed, 1, number)
        codes = random.integers(0, len(self.networks), end - start, dtype=np.uint32)
        return Rows(self._at(start, end), codes)

    def absent(self, count: int) -> Words:
        # The order goes on behind the members; its first places beyond them are any other numbers.
        return self._at(self.count, self.count + count)

    def bound(self) -> Bound:
        values = self.count * math.log2(len(self.networks))
        return Bound(log2_choose(self._universe, self.count), values)

    def _at(self, start: int, end: int) -> Words:
        """The numbers at these places of the random order."""
        out = np.empty(end - start, np.uint64)
        for step in range(start, end, self._STEP):
            places = np.arange(step, min(step + self._STEP, end), dtype=np.uint64)
            out[step - start : step - start + places.size] = self._first + self._order(places)
        return out
