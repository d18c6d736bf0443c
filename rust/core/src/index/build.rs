//! Sorted numbers → the section.

use zerocopy::IntoBytes;
use zerocopy::byteorder::little_endian::{U32, U64};

use super::block::{BUCKETS, Block};
use super::{Head, PAGE, Page, Region, Segment};
use crate::number::{MAX_DIGITS, Number};

/// The narrowest blocks: the ten thousands that regulators hand out.
pub(super) const MIN_LOG: u32 = 4;
/// The widest blocks, for numbers that are few and far between.
pub(super) const MAX_LOG: u32 = 9;
/// A block's line is worth its 64 octets from about so many numbers on.
const WORTHWHILE: usize = 400;
/// The most numbers of a block that is wider than the narrowest.
const MAX_SIZE: usize = 10_000;
/// A gap of more pages than this begins a new region: it costs as much as they do.
const MAX_GAP: u64 = 2;

/// Encodes ported numbers as the index section, which is empty if there are none; `entries` are sorted by
/// key, each number once.
pub fn build(entries: &[(Number, u32)]) -> Result<Vec<u8>, IndexError> {
    let disorder = entries.windows(2).find_map(|pair| match pair {
        [a, b] if a.0.key() >= b.0.key() => Some((a.0, b.0)),
        _ => None,
    });
    if let Some((previous, got)) = disorder {
        return Err(IndexError::OutOfOrder { previous, got });
    }
    if entries.is_empty() {
        return Ok(Vec::new());
    }
    let largest = entries.iter().map(|(_, network)| *network).max().unwrap_or(0);
    let mut builder = Builder { value_bits: (32 - largest.leading_zeros()) as usize, ..Builder::default() };
    let mut segments =
        [Segment { first_region: U32::ZERO, regions: U32::ZERO, log_width: U32::ZERO, reserved: [0; 4] };
            MAX_DIGITS + 1];
    for group in entries.chunk_by(|a, b| a.0.len() == b.0.len()) {
        let length = group.first().map_or(0, |(number, _)| number.len());
        if let Some(segment) = segments.get_mut(length) {
            *segment = builder.add_segment(group)?;
        }
    }
    let head = Head {
        numbers: U64::new(entries.len() as u64),
        blocks: U64::new(builder.blocks.len() as u64),
        regions: U64::new(builder.regions.len() as u64),
        pages: U64::new(builder.pages.len() as u64),
        data: U64::new(builder.data.len() as u64),
        value_bits: U32::new(builder.value_bits as u32),
        reserved: [0; 20],
    };
    Ok([
        head.as_bytes(),
        segments.as_bytes(),
        builder.blocks.as_bytes(),
        builder.regions.as_bytes(),
        builder.pages.as_bytes(),
        &builder.data,
    ]
    .concat())
}

#[derive(Default)]
struct Builder {
    value_bits: usize,
    blocks: Vec<Block>,
    regions: Vec<Region>,
    pages: Vec<Page>,
    data: Vec<u8>,
}

impl Builder {
    /// Adds the numbers of one length.
    fn add_segment(&mut self, entries: &[(Number, u32)]) -> Result<Segment, IndexError> {
        let log = choose_width(entries);
        let width = 10u64.pow(log);
        let first_region = self.regions.len();
        let block_of = |entry: &(Number, u32)| entry.0.to_integer() / width;
        for group in entries.chunk_by(|a, b| block_of(a) == block_of(b)) {
            let block = group.first().map_or(0, block_of);
            self.populate(block, first_region);
            let entries: Vec<(u64, u32)> =
                group.iter().map(|(number, network)| (number.to_integer() % width, *network)).collect();
            let block = Block::write(&entries, width as usize / BUCKETS, self.value_bits, &mut self.data);
            self.blocks.push(block.ok_or(IndexError::TooLarge)?);
        }
        Ok(Segment {
            first_region: U32::new(first_region as u32),
            regions: U32::new((self.regions.len() - first_region) as u32),
            log_width: U32::new(log),
            reserved: [0; 4],
        })
    }

    /// Marks the next block as populated; its segment's regions begin at `first_region`.
    fn populate(&mut self, block: u64, first_region: usize) {
        let page = block / PAGE;
        let end = |region: &Region| region.first.get() + u64::from(region.pages.get());
        let last = self.regions.get(first_region..).and_then(|regions| regions.last());
        if last.is_none_or(|last| page > end(last) + MAX_GAP) {
            let place = U32::new(self.pages.len() as u32);
            self.regions.push(Region { first: U64::new(page), place, pages: U32::ZERO });
        }
        if let Some(region) = self.regions.last_mut() {
            while end(region) <= page {
                region.pages += 1;
                self.pages.push(Page { populated: U64::ZERO, rank: U32::new(self.blocks.len() as u32) });
            }
        }
        if let Some(page) = self.pages.last_mut() {
            page.populated |= 1 << (block % PAGE);
        }
    }
}

/// The width of blocks, as a power of ten, that suits these numbers: wide enough for the lines to be worth
/// their octets on average, yet not so wide that a bucket of the densest block grows long to look through.
fn choose_width(entries: &[(Number, u32)]) -> u32 {
    let blocks = |log: u32| {
        let block = |entry: &(Number, u32)| entry.0.to_integer() / 10u64.pow(log);
        let sizes = entries.chunk_by(|a, b| block(a) == block(b)).map(<[_]>::len);
        sizes.fold((0, 0), |(count, largest), size| (count + 1, size.max(largest)))
    };
    let mut log = MIN_LOG;
    while log < MAX_LOG && entries.len() < WORTHWHILE * blocks(log).0 && blocks(log + 1).1 <= MAX_SIZE {
        log += 1;
    }
    log
}

//----------- IndexError -----------------------------------------------------

/// Why ported numbers could not be encoded.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IndexError {
    /// A number does not sort after the one before it.
    #[error("ported numbers must be sorted by length and digits, each once: {got} comes after {previous}")]
    OutOfOrder {
        /// The number before.
        previous: Number,
        /// The number that is out of order.
        got: Number,
    },
    /// The buckets pass 64 GiB.
    #[error("ported numbers take more than 64 GiB")]
    TooLarge,
}
