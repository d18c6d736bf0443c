//! Ported numbers: exact number → network, close to the entropy bound, read in place.
//!
//! A look-up reads two places that are not in the cache: a block's line and one bucket. Where the bucket lies
//! is told by the block's line, but guessed well before that: so both are fetched side by side.
//!
//! ```text
//! number ─ length ─ Segment ─ Region ─ Page: is the block populated, the how manieth is it?
//!                                        └─ Block: 64 octets ─ bucket of 1/25 of its width
//!                                             keys: bitmap, Rice or Elias–Fano   (keys.rs)
//!                                             values: indices, with favourites   (values.rs)
//! ```
//!
//! Numbers of each length have a segment of their own, so +43150564 and +43150564164321 never meet. Blocks
//! are as wide as suits the density around them: ten thousand numbers in dense plans. A run of blocks of one
//! width without a large gap is a region. Segments, regions and pages are small and stay in the cache: one
//! bit per block, a rank per 64, and for each populated block the cache line that its data begin in.
//!
//! Damaged octets give a wrong answer or none, never a panic: each place is checked when it is read, and
//! no loop is longer than the octets it reads.

mod bits;
mod block;
mod bound;
mod build;
mod keys;
#[cfg(test)]
mod tests;
mod values;

use arrayvec::ArrayVec;
use prefetch_index::prefetch_index;
use zerocopy::byteorder::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::number::{MAX_DIGITS, Number};
use block::{BUCKETS, Block};
pub use build::{Builder, Built, IndexError, build};

/// Octets of a cache line.
const LINE: usize = 64;
/// Lines that are fetched where a bucket is guessed to begin.
const GUESSED: usize = 5;
/// Blocks that one page speaks for.
const PAGE: u64 = 64;

//----------- Records --------------------------------------------------------

/// The first 64 octets of the section; segments, blocks, regions, pages, starts (a U16 for each block: how
/// many lines behind its page's data its own begin) and data follow in this order. With
/// the segments they are three cache lines, so blocks are cache lines of the file.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct Head {
    /// How many numbers there are.
    numbers: U64,
    blocks: U64,
    regions: U64,
    pages: U64,
    /// Octets of all buckets.
    data: U64,
    /// Bits of a network's index.
    value_bits: U32,
    reserved: [u8; 12],
    /// The least bits that numbers and networks could take: a 64-bit float (IEEE 754), see [`bound`].
    bound: U64,
}

/// The numbers of one length.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct Segment {
    first_region: U32,
    /// 0: there are no numbers of this length.
    regions: U32,
}

/// A run of blocks of one width without a large gap.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct Region {
    /// The first number of its first block, as an integer.
    first: U64,
    /// Where its first page lies among the pages.
    place: U32,
    pages: U32,
    /// A block is as wide as ten to the power of this.
    log_width: U32,
    reserved: [u8; 4],
}

/// Which of 64 adjoining blocks are populated.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct Page {
    populated: U64,
    /// How many populated blocks come before.
    rank: U32,
    /// How many lines of data come before those of its blocks.
    line: U32,
}

//----------- Index ----------------------------------------------------------

/// The ported numbers of a snapshot.
#[derive(Clone, Copy, Debug, Default)]
pub struct Index<'a> {
    numbers: usize,
    value_bits: usize,
    /// See [`Head`].
    bound: U64,
    octets: usize,
    segments: &'a [Segment],
    blocks: &'a [Block],
    regions: &'a [Region],
    pages: &'a [Page],
    starts: &'a [U16],
    data: &'a [u8],
}

/// Where a number would be: which block and bucket, and the offset in a bucket of this width.
#[derive(Clone, Copy, Debug, Default)]
struct Spot {
    page: usize,
    block: usize,
    bucket: usize,
    offset: usize,
    width: usize,
}

impl<'a> Index<'a> {
    /// The index in `section`, or `None` if its counts and its length disagree. An empty section
    /// holds no numbers.
    pub fn new(section: &'a [u8]) -> Option<Self> {
        if section.is_empty() {
            return Some(Self::default());
        }
        let count = |count: U64| usize::try_from(count.get()).ok();
        let (head, rest) = Head::ref_from_prefix(section).ok()?;
        let (segments, rest) = <[Segment]>::ref_from_prefix_with_elems(rest, MAX_DIGITS + 1).ok()?;
        let (blocks, rest) = <[Block]>::ref_from_prefix_with_elems(rest, count(head.blocks)?).ok()?;
        let (regions, rest) = <[Region]>::ref_from_prefix_with_elems(rest, count(head.regions)?).ok()?;
        let (pages, rest) = <[Page]>::ref_from_prefix_with_elems(rest, count(head.pages)?).ok()?;
        let (starts, data) = <[U16]>::ref_from_prefix_with_elems(rest, blocks.len()).ok()?;
        let value_bits = head.value_bits.get() as usize;
        if value_bits > 32 || data.len() != count(head.data)? {
            return None;
        }
        let (numbers, bound, octets) = (count(head.numbers)?, head.bound, section.len());
        Some(Self { numbers, value_bits, bound, octets, segments, blocks, regions, pages, starts, data })
    }

    /// How many ported numbers there are.
    pub fn len(&self) -> usize {
        self.numbers
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.numbers == 0
    }

    /// Octets of the section.
    pub fn octets(&self) -> usize {
        self.octets
    }

    /// The least octets that numbers and networks could take, by their density and the networks' shares in
    /// each ten thousand numbers.
    pub fn bound(&self) -> f64 {
        // What a damaged file says is at least a number.
        Some(f64::from_bits(self.bound.get()) / 8.0).filter(|octets| octets.is_finite()).unwrap_or(0.0)
    }

    /// The network that `number` was ported to.
    #[inline]
    pub fn find(&self, number: Number) -> Option<u32> {
        let spot = self.spot(number)?;
        prefetch_index(self.blocks, spot.block);
        if let Some(guess) = self.guess(&spot) {
            for line in 0..GUESSED {
                prefetch_index(self.data, guess + line * LINE);
            }
        }
        let block = self.blocks.get(spot.block)?;
        let bucket = block.bucket(spot.bucket);
        // Networks lie behind numbers: their lines are fetched while numbers are looked through.
        self.prefetch(bucket);
        self.read(&spot, block, bucket)
    }

    /// The networks that `numbers` were ported to, in their order.
    ///
    /// Look-ups are under way side by side: while one is worked out, the memory fetches the lines of those
    /// behind it.
    pub fn find_many(&self, numbers: &[Number], networks: &mut [Option<u32>]) {
        /// Numbers of a group: three groups are under way.
        const GROUP: usize = 32;
        /// Where each number of a group would be, and where its bucket lies.
        type Group = (ArrayVec<Option<Spot>, GROUP>, ArrayVec<(usize, usize), GROUP>);
        let count = numbers.len().min(networks.len());
        let mut asked = numbers.iter().take(count);
        let mut answered = networks.iter_mut().take(count);
        let mut groups: [Group; 3] = Default::default();
        let [newest, middle, oldest] = &mut groups;
        let (mut newest, mut middle, mut oldest) = (newest, middle, oldest);
        // Requests to memory follow each other closely, with no look-up between them: a request whose page is
        // not known to the processor waits for it, and only near neighbours wait together.
        for step in 0..count.div_ceil(GROUP) + 2 {
            newest.0.clear();
            newest.0.extend(asked.by_ref().take(GROUP).map(|number| self.spot(*number)));
            for spot in newest.0.iter().flatten() {
                prefetch_index(self.blocks, spot.block);
            }
            middle.1.clear();
            middle.1.extend(middle.0.iter().map(|spot| {
                let block = spot.and_then(|spot| Some((self.blocks.get(spot.block)?, spot.bucket)));
                block.map_or((0, 0), |(block, number)| block.bucket(number))
            }));
            for bucket in middle.1.iter().filter(|(start, end)| start < end) {
                self.prefetch(*bucket);
            }
            if step >= 2 {
                for ((spot, bucket), network) in oldest.0.iter().zip(&oldest.1).zip(&mut answered) {
                    *network = spot.and_then(|spot| self.read(&spot, self.blocks.get(spot.block)?, *bucket));
                }
            }
            (newest, middle, oldest) = (oldest, newest, middle);
        }
    }

    /// All ported numbers with their networks, shorter numbers first, then in order. `None` stands for a
    /// number that only a damaged file holds.
    pub fn iter(&self) -> impl Iterator<Item = (Option<Number>, u32)> + 'a {
        let index = *self;
        (1..=MAX_DIGITS).flat_map(move |length| index.numbers_of_length(length))
    }

    fn numbers_of_length(self, length: usize) -> impl Iterator<Item = (Option<Number>, u32)> + 'a {
        let regions = self.segments.get(length).and_then(|segment| self.regions_of(segment));
        let blocks = regions.unwrap_or_default().iter().flat_map(move |region| {
            let width = power_of_ten(region.log_width.get());
            self.blocks_of(region).map(move |(block, rank)| {
                (region.first.get().saturating_add(block.saturating_mul(width)), rank, width)
            })
        });
        blocks.flat_map(move |(first, rank, width)| {
            let width = width / BUCKETS as u64;
            let entries = (0..BUCKETS).flat_map(move |bucket| {
                let block = self.blocks.get(rank);
                let octets = block.and_then(|block| {
                    let (start, end) = block.bucket(bucket);
                    self.data.get(start..end)
                });
                let entries = block
                    .zip(octets)
                    .map(|(block, octets)| block.entries(octets, width as usize, self.value_bits));
                entries
                    .into_iter()
                    .flatten()
                    .map(move |(offset, network)| (bucket as u64 * width + offset as u64, network))
            });
            entries.map(move |(offset, network)| {
                let number = Number::from_integer(first.saturating_add(offset)).ok();
                (number.filter(|number| number.len() == length), network)
            })
        })
    }

    /// The populated blocks of a region: which block it is, and its place among all blocks.
    fn blocks_of(self, region: &'a Region) -> impl Iterator<Item = (u64, usize)> + 'a {
        let pages = self.pages.get(region.place.get() as usize..).unwrap_or_default();
        (0u64..).zip(pages).take(region.pages.get() as usize).flat_map(
            |(page, Page { populated, rank, .. })| {
                let populated = populated.get();
                let set = (0..PAGE).filter(move |bit| populated >> bit & 1 == 1);
                set.map(move |bit| page * PAGE + bit).zip(rank.get() as usize..)
            },
        )
    }

    fn regions_of(&self, segment: &Segment) -> Option<&'a [Region]> {
        self.regions.get(segment.first_region.get() as usize..)?.get(..segment.regions.get() as usize)
    }

    /// Where `number` would be, or `None` if its block is not populated.
    #[inline]
    fn spot(&self, number: Number) -> Option<Spot> {
        let regions = self.regions_of(self.segments.get(number.len())?)?;
        let integer = number.to_integer();
        let region = match regions {
            [region] => region,
            _ => {
                let behind = regions.partition_point(|region| region.first.get() <= integer);
                regions.get(behind.checked_sub(1)?)?
            }
        };
        let offset = integer.checked_sub(region.first.get())?;
        let (block, in_block, width) = split(offset, region.log_width.get())?;
        let page = usize::try_from(block / PAGE).ok().filter(|page| *page < region.pages.get() as usize)?;
        let place = region.place.get() as usize + page;
        let page = self.pages.get(place)?;
        let (populated, bit) = (page.populated.get(), block % PAGE);
        let before = (populated & ((1 << bit) - 1)).count_ones();
        (populated >> bit & 1 == 1).then_some(Spot {
            page: place,
            block: page.rank.get() as usize + before as usize,
            bucket: in_block / width,
            offset: in_block % width,
            width,
        })
    }

    /// About where a bucket begins in the data: where it would if all of its block took the same room.
    #[inline]
    fn guess(&self, spot: &Spot) -> Option<usize> {
        let first = self.pages.get(spot.page)?.line.get() as usize;
        let start = first + usize::from(self.starts.get(spot.block)?.get());
        let end = match self.pages.get(spot.page + 1) {
            Some(behind) if spot.block + 1 == behind.rank.get() as usize => behind.line.get() as usize,
            _ => first + usize::from(self.starts.get(spot.block + 1)?.get()),
        };
        Some(start * LINE + end.saturating_sub(start) * LINE * spot.bucket / BUCKETS)
    }

    /// Has the cache lines of a bucket fetched, up to five: few buckets have more. To ask for one
    /// twice costs less than to find out whether there is another.
    #[inline]
    fn prefetch(&self, (start, end): (usize, usize)) {
        // A bucket does not begin with a line, so it can end in one more.
        let last = end.saturating_sub(1);
        for line in 0..4 {
            prefetch_index(self.data, last.min(start + line * LINE));
        }
        prefetch_index(self.data, last);
    }

    #[inline]
    fn read(&self, spot: &Spot, block: &Block, (start, end): (usize, usize)) -> Option<u32> {
        // The octets behind a bucket let it be read in whole words; none of them is looked at.
        let behind = (end + bits::WORD).min(self.data.len());
        let bucket = self.data.get(start..behind).filter(|_| start < end)?;
        block.find(bucket, spot.width, spot.offset, self.value_bits)
    }
}

/// Ten to the power of `log`; 0 where blocks are never so wide.
fn power_of_ten(log: u32) -> u64 {
    match log {
        build::MIN_LOG..=build::MAX_LOG => 10u64.pow(log),
        _ => 0,
    }
}

/// The block of a number, its place in there, and the width of a bucket, for blocks of ten to the power
/// of `log`. Each width is a constant here, which makes divisions multiplications.
#[inline]
fn split(integer: u64, log: u32) -> Option<(u64, usize, usize)> {
    const fn parts<const WIDTH: u64>(integer: u64) -> Option<(u64, usize, usize)> {
        Some((integer / WIDTH, (integer % WIDTH) as usize, WIDTH as usize / BUCKETS))
    }
    match log {
        4 => parts::<10_000>(integer),
        5 => parts::<100_000>(integer),
        6 => parts::<1_000_000>(integer),
        7 => parts::<10_000_000>(integer),
        8 => parts::<100_000_000>(integer),
        9 => parts::<1_000_000_000>(integer),
        _ => None,
    }
}
