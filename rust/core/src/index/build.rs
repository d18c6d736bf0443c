//! Sorted numbers → the section, in bounded memory.

use std::io::{self, Write};

use zerocopy::IntoBytes;
use zerocopy::byteorder::little_endian::{U16, U32, U64};

use super::block::{BUCKETS, Block};
use super::bound::Bound;
use super::{Head, LINE, PAGE, Page, Region, Segment};
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
/// The most numbers of one province that are gathered before a width is chosen for it: 128 MiB of them.
const MAX_GATHERED: usize = 1 << 24;

//----------- Builder --------------------------------------------------------

/// Encodes ported numbers that come sorted by key.
///
/// It holds the numbers of one *province*, a stretch as wide as the widest block, chooses the width of
/// blocks that suits them, and writes block after block: lines to one place, data to another.
#[derive(Debug)]
pub struct Builder<W> {
    value_bits: usize,
    numbers: u64,
    previous: Option<Number>,
    /// The province that is being gathered: the first of its numbers as an integer.
    province: u64,
    /// Its numbers that are yet to be written: offsets in the province, with their networks.
    gathered: Vec<(u32, u32)>,
    /// The most numbers that are gathered.
    pub(super) room: usize,
    /// The width of its blocks as a power of ten, once it is chosen.
    log: Option<u32>,
    segments: [Segment; MAX_DIGITS + 1],
    regions: Vec<Region>,
    pages: Vec<Page>,
    starts: Vec<U16>,
    blocks: u64,
    lines: W,
    data: W,
    data_length: u64,
    bound: Bound,
    /// One block's data, kept for its room.
    buckets: Vec<u8>,
}

impl<W: Write> Builder<W> {
    /// A builder for numbers of `networks` networks that writes the blocks' lines to `lines` and their
    /// buckets to `data`, both in many small pieces.
    pub fn new(networks: usize, lines: W, data: W) -> Self {
        let largest = networks.saturating_sub(1) as u64;
        Self {
            value_bits: (u64::BITS - largest.leading_zeros()) as usize,
            numbers: 0,
            previous: None,
            province: 0,
            gathered: Vec::new(),
            room: MAX_GATHERED,
            log: None,
            segments: [Segment::default(); MAX_DIGITS + 1],
            regions: Vec::new(),
            pages: Vec::new(),
            starts: Vec::new(),
            blocks: 0,
            lines,
            data,
            data_length: 0,
            bound: Bound::new(networks),
            buckets: Vec::new(),
        }
    }

    /// Adds a number, which sorts after all before it, and the index of its network.
    pub fn push(&mut self, number: Number, network: u32) -> Result<(), IndexError> {
        let integer = number.to_integer();
        if let Some(previous) = self.previous.filter(|previous| previous.key() >= number.key()) {
            return Err(IndexError::OutOfOrder { previous, got: number });
        }
        let in_province = integer.checked_sub(self.province).filter(|offset| *offset < PROVINCE);
        let length = self.previous.map(Number::len);
        let offset = match in_province {
            Some(offset) if length == Some(number.len()) => offset,
            _ => {
                self.end_province()?;
                self.province = integer / PROVINCE * PROVINCE;
                integer % PROVINCE
            }
        };
        if self.gathered.len() >= self.room {
            self.write_gathered(false)?;
        }
        self.gathered.push((offset as u32, network));
        self.previous = Some(number);
        self.numbers += 1;
        Ok(())
    }

    /// Ends the section.
    pub fn finish(mut self) -> Result<Built<W>, IndexError> {
        self.end_province()?;
        self.lines.flush()?;
        self.data.flush()?;
        let head = Head {
            numbers: U64::new(self.numbers),
            blocks: U64::new(self.blocks),
            regions: U64::new(self.regions.len() as u64),
            pages: U64::new(self.pages.len() as u64),
            data: U64::new(self.data_length),
            value_bits: U32::new(self.value_bits as u32),
            reserved: [0; 12],
            bound: U64::new(self.bound.bits().to_bits()),
        };
        Ok(Built {
            numbers: self.numbers,
            head: [head.as_bytes(), self.segments.as_bytes()].concat(),
            lines: self.lines,
            pages: [self.regions.as_bytes(), self.pages.as_bytes(), self.starts.as_bytes()].concat(),
            data: self.data,
        })
    }

    fn end_province(&mut self) -> Result<(), IndexError> {
        self.write_gathered(true)?;
        self.log = None;
        Ok(())
    }

    /// Writes the blocks of what is gathered; the last one only if it is `whole`.
    fn write_gathered(&mut self, whole: bool) -> Result<(), IndexError> {
        let Some(length) = self.previous.map(Number::len) else { return Ok(()) };
        let mut gathered = std::mem::take(&mut self.gathered);
        let log = *self.log.get_or_insert_with(|| choose_width(&gathered));
        let width = 10u32.pow(log);
        let mut written = 0;
        let mut groups = gathered.chunk_by(|a, b| a.0 / width == b.0 / width).peekable();
        let mut entries = Vec::new();
        while let Some(group) = groups.next() {
            if !whole && groups.peek().is_none() {
                break;
            }
            written += group.len();
            let first = group.first().map_or(0, |(offset, _)| offset / width * width);
            entries.clear();
            entries.extend(group.iter().map(|(offset, network)| (offset - first, *network)));
            self.write_block(length, log, self.province + u64::from(first), &entries)?;
        }
        self.bound.add(gathered.get(..written).unwrap_or_default());
        gathered.drain(..written);
        self.gathered = gathered;
        Ok(())
    }

    fn write_block(
        &mut self,
        length: usize,
        log: u32,
        first: u64,
        entries: &[(u32, u32)],
    ) -> Result<(), IndexError> {
        self.populate(length, log, first);
        self.buckets.clear();
        let width = 10usize.pow(log) / BUCKETS;
        let block = Block::write(entries, width, self.value_bits, self.data_length, &mut self.buckets)
            .ok_or(IndexError::TooLarge)?;
        self.lines.write_all(block.as_bytes())?;
        self.data.write_all(&self.buckets)?;
        self.blocks += 1;
        self.data_length += self.buckets.len() as u64;
        Ok(())
    }

    /// Marks the next block, whose first number is `first`, as populated.
    fn populate(&mut self, length: usize, log: u32, first: u64) {
        let width = 10u64.pow(log);
        // Blocks do not point further than 2^36 octets.
        let line = (self.data_length / LINE as u64) as u32;
        let page_of = |region: &Region| (first - region.first.get()) / width / PAGE;
        let begun = self.segments.get(length).is_some_and(|segment| segment.regions.get() > 0);
        let last = self.regions.last().filter(|_| begun);
        let goes_on = |last: &Region| {
            last.log_width.get() == log && page_of(last) <= u64::from(last.pages.get()) + MAX_GAP
        };
        if !last.is_some_and(goes_on) {
            if let Some(segment) = self.segments.get_mut(length) {
                if !begun {
                    segment.first_region = U32::new(self.regions.len() as u32);
                }
                segment.regions += 1;
            }
            self.regions.push(Region {
                first: U64::new(first),
                place: U32::new(self.pages.len() as u32),
                pages: U32::ZERO,
                log_width: U32::new(log),
                reserved: [0; 4],
            });
        }
        if let Some(region) = self.regions.last_mut() {
            let page = page_of(region);
            while u64::from(region.pages.get()) <= page {
                region.pages += 1;
                self.pages.push(Page {
                    populated: U64::ZERO,
                    rank: U32::new(self.blocks as u32),
                    line: U32::new(line),
                });
            }
            if let Some(last) = self.pages.last_mut() {
                last.populated |= 1 << ((first - region.first.get()) / width % PAGE);
                // A guess for look-ups to begin with: if it does not fit, they wait longer.
                self.starts.push(U16::new((line - last.line.get()).try_into().unwrap_or(u16::MAX)));
            }
        }
    }
}

/// Numbers in a province: as many as in the widest block.
const PROVINCE: u64 = 10u64.pow(MAX_LOG);

/// The width of blocks, as a power of ten, that suits these numbers: wide enough for the lines to be worth
/// their octets on average, yet not so wide that a bucket of the densest block grows long to look through.
fn choose_width(entries: &[(u32, u32)]) -> u32 {
    let blocks = |log: u32| {
        let block = |entry: &(u32, u32)| entry.0 / 10u32.pow(log);
        let sizes = entries.chunk_by(|a, b| block(a) == block(b)).map(<[_]>::len);
        sizes.fold((0, 0), |(count, largest), size| (count + 1, size.max(largest)))
    };
    let mut log = MIN_LOG;
    while log < MAX_LOG && entries.len() < WORTHWHILE * blocks(log).0 && blocks(log + 1).1 <= MAX_SIZE {
        log += 1;
    }
    log
}

//----------- Built ----------------------------------------------------------

/// An encoded section: four parts that follow each other in this order.
#[derive(Debug)]
pub struct Built<W> {
    /// How many numbers it holds.
    pub numbers: u64,
    /// Counts and segments.
    pub head: Vec<u8>,
    /// The blocks' lines, as they were written.
    pub lines: W,
    /// Regions, pages and starts.
    pub pages: Vec<u8>,
    /// The buckets, as they were written.
    pub data: W,
}

impl Built<Vec<u8>> {
    /// The section in one piece; empty if it holds no number.
    pub fn into_octets(self) -> Vec<u8> {
        match self.numbers {
            0 => Vec::new(),
            _ => [self.head, self.lines, self.pages, self.data].concat(),
        }
    }
}

/// Encodes ported numbers in memory; `entries` are sorted by key, each number once. No numbers make an
/// empty section.
pub fn build(entries: &[(Number, u32)]) -> Result<Vec<u8>, IndexError> {
    let networks = entries.iter().map(|(_, network)| *network as usize + 1).max().unwrap_or(0);
    let mut builder = Builder::new(networks, Vec::new(), Vec::new());
    for (number, network) in entries {
        builder.push(*number, *network)?;
    }
    Ok(builder.finish()?.into_octets())
}

//----------- IndexError -----------------------------------------------------

/// Why ported numbers could not be encoded.
#[derive(Debug, thiserror::Error)]
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
    /// Lines or data could not be written.
    #[error("{0}")]
    Io(#[from] io::Error),
}
