"""The national shape: blocks of ten thousand numbers, few of them populated, unlike in density.

Regulators hand out blocks, so ported numbers crowd in some and are missing from others, and most of
a block's numbers go to the same few networks. Blocks are made in order and each of their rows goes
to a random part, through a spool file; a part is shuffled when it is read back.
"""

from __future__ import annotations

import math
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from functools import partial
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from ported_shapes import Bound, Range, Rows, Words, generator, log2_choose, networks, parts_for

Item = TypeVar("Item")
Result = TypeVar("Result")

BLOCK = 10_000
#: Share of blocks that hold ported numbers.
POPULATED = 0.3
#: Share of a populated block's numbers that are ported, evenly spread in its logarithm.
DENSITY = (0.005, 0.6)
NETWORKS = 30
#: This share of a block's numbers is in its favourite networks, so much in each; the rest is spread
#: evenly over all networks.
FAVOURED = 0.6
FAVOURITES = (0.48, 0.24, 0.16, 0.12)

#: Country codes of the three parts of the space, which differ in the length of their numbers.
COUNTRIES = (("41", "CH"), ("43", "AT"), ("49", "DE"))

#: Ported numbers for each block, populated or not.
_PER_BLOCK = POPULATED * BLOCK * (DENSITY[1] - DENSITY[0]) / math.log(DENSITY[1] / DENSITY[0])
#: Blocks that are made at a time, populated or not.
_STRETCH = 800
#: A spooled row: the number above, the network in these bits.
_NETWORK_BITS = np.uint64(8)


class Stretch(NamedTuple):
    """Some adjoining blocks."""

    #: Rows as they are spooled, by part.
    rows: Words
    #: Rows of each part.
    sizes: npt.NDArray[np.int64]
    #: How many numbers each populated block holds.
    counts: npt.NDArray[np.int64]
    absent: Words


class National:
    """Numbers in blocks of ten thousand, of three lengths."""

    def __init__(self, count: int, seed: int, folder: str, pool: Executor) -> None:
        self.count = count
        self.networks = networks(NETWORKS)
        self.parts = parts_for(count)
        self._seed = seed
        self._spool = [os.path.join(folder, f"part-{part:03d}.spool") for part in range(self.parts)]
        blocks = math.ceil(1.1 * count / len(COUNTRIES) / _PER_BLOCK) + 50
        digits = len(str(blocks * BLOCK - 1))
        self.ranges = [
            Range(prefix, len(prefix) + digits + place, country)
            for place, (prefix, country) in enumerate(COUNTRIES)
        ]
        self._blocks = 10**digits // BLOCK
        self._stretch = max(4, min(_STRETCH, blocks // 8))
        # Of each stretch so many numbers between others are kept, for a sample of two million.
        self._absent_of = 1 + math.ceil(
            1.2 * min(200_000, count // 10) / count * _PER_BLOCK * _STRETCH
        )
        self._absent: list[Words] = []
        #: How many blocks hold so many numbers.
        self._sizes = np.zeros(BLOCK + 1, np.int64)
        self._make(pool)

    def part(self, number: int) -> Rows:
        rows = np.fromfile(self._spool[number], np.uint64)
        os.unlink(self._spool[number])
        generator(self._seed, 2, number).shuffle(rows)
        codes = (rows & ((np.uint64(1) << _NETWORK_BITS) - np.uint64(1))).astype(np.uint32)
        rows >>= _NETWORK_BITS
        return Rows(rows, codes)

    def absent(self, count: int) -> Words:
        candidates = np.unique(np.concatenate(self._absent))
        return generator(self._seed, 3).permutation(candidates)[:count]

    def bound(self) -> Bound:
        keys = math.fsum(
            int(blocks) * log2_choose(BLOCK, size)
            for size, blocks in enumerate(self._sizes)
            if blocks
        )
        shares = [FAVOURED * share for share in FAVOURITES] + [0.0] * (NETWORKS - len(FAVOURITES))
        entropy = -math.fsum(
            share * math.log2(share) for share in (s + (1 - FAVOURED) / NETWORKS for s in shares)
        )
        return Bound(keys, self.count * entropy)

    def _make(self, pool: Executor) -> None:
        """Spools all rows."""
        files = [open(path, "wb") for path in self._spool]  # noqa: SIM115
        try:
            for place in range(len(COUNTRIES)):
                wanted = self.count * (place + 1) // len(COUNTRIES)
                wanted -= self.count * place // len(COUNTRIES)
                stretches = range(-(-self._blocks // self._stretch))
                made = ahead(pool, partial(self._stretch_at, place), stretches)
                for number, stretch in enumerate(made):
                    if stretch.rows.size > wanted:
                        stretch = self._stretch_at(place, number, wanted)  # noqa: PLW2901
                    starts = np.cumsum(stretch.sizes) - stretch.sizes
                    for file, start, size in zip(files, starts, stretch.sizes, strict=True):
                        stretch.rows[start : start + size].tofile(file)
                    self._sizes += np.bincount(stretch.counts, minlength=BLOCK + 1)
                    self._absent.append(stretch.absent)
                    wanted -= stretch.rows.size
                    if not wanted:
                        break
                else:
                    raise RuntimeError("the blocks came out sparser than ever: take another seed")
        finally:
            for file in files:
                file.close()

    def _stretch_at(self, place: int, number: int, limit: int | None = None) -> Stretch:
        """The rows of one stretch of a country's blocks, at most *limit* of them."""
        random = generator(self._seed, 1, place, number)
        populated = np.flatnonzero(random.random(self._stretch) < POPULATED)
        low, high = np.log(DENSITY)
        thresholds = np.exp(random.uniform(low, high, populated.size)) * 65_536
        draws = random.integers(0, 2**64, populated.size * BLOCK // 4, dtype=np.uint64)
        is_ported = draws.view(np.uint16).reshape(-1, BLOCK) < thresholds.astype(np.uint16)[:, None]
        slots = np.flatnonzero(is_ported)[:limit]
        counts = np.diff(np.searchsorted(slots, np.arange(populated.size + 1) * BLOCK))

        # Where slot 0 of each block would be, were blocks adjoining that are not.
        range_ = self.ranges[place]
        first = int(range_.prefix) * 10 ** (range_.length - len(range_.prefix))
        blocks = number * self._stretch + populated
        starts = first + (blocks - np.arange(populated.size)) * BLOCK
        numbers = (slots + np.repeat(starts, counts)).astype(np.uint64)

        # A random slot of the gap behind a random number.
        chosen = random.integers(
            0, max(1, numbers.size - 1), 2 * self._absent_of if numbers.size > 1 else 0
        )
        gaps = numbers[chosen + 1] - numbers[chosen] if chosen.size else np.empty(0, np.uint64)
        is_gap = (gaps > 1) & (gaps < BLOCK)
        chosen, gaps = chosen[is_gap], gaps[is_gap]
        absent = numbers[chosen] + random.integers(1, gaps, dtype=np.uint64)

        favourites = random.random((populated.size, NETWORKS)).argsort(axis=1)[:, : len(FAVOURITES)]
        everyone = np.broadcast_to(np.arange(NETWORKS), (populated.size, NETWORKS))
        of_block = np.concatenate([favourites, everyone], axis=1).astype(np.uint8)
        choice = _CHOICES[random.integers(0, 2**16, slots.size, dtype=np.uint16)]
        choice += np.repeat(np.arange(populated.size) * of_block.shape[1], counts)
        rows = numbers << _NETWORK_BITS | of_block.ravel()[choice]

        parts = random.integers(0, self.parts, slots.size, dtype=np.uint16)
        if self.parts > 1:
            rows = rows[np.argsort(parts, kind="stable")]
        sizes = np.bincount(parts, minlength=self.parts)
        return Stretch(rows, sizes, counts[counts > 0], absent[: self._absent_of])


def _choices() -> npt.NDArray[np.int64]:
    """For each of 65,536 draws: first the favourites by their shares, then each network."""
    edges = np.cumsum(
        [FAVOURED * share for share in FAVOURITES] + [(1 - FAVOURED) / NETWORKS] * NETWORKS
    )
    return np.searchsorted(edges[:-1], (np.arange(65_536) + 0.5) / 65_536)


_CHOICES = _choices()


def ahead(
    pool: Executor, make: Callable[[Item], Result], items: Iterable[Item]
) -> Iterator[Result]:
    """``map`` in a pool, in order, with only a few results waiting to be taken."""
    waiting: deque[Future[Result]] = deque()
    for item in items:
        waiting.append(pool.submit(make, item))
        if len(waiting) > 4:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()
