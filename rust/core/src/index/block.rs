//! One block: up to a few thousand numbers in 25 buckets, reached through one cache line.
//!
//! A block covers a power of ten of numbers, at least ten thousand, and begins at a multiple of it, as
//! the blocks do that regulators hand out: then density and networks are even inside a block.

use std::ops::Range;

use zerocopy::byteorder::little_endian::{U16, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::bits::Writer;
use super::keys::Coding;
use super::values::{MAX_FAVOURITES, Values};

/// Buckets of a block, each of the same width.
pub(super) const BUCKETS: usize = 25;

//----------- Block ----------------------------------------------------------

/// A block as it lies in the file: 64 octets, a cache line.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(super) struct Block {
    /// From bit 0: offset of the first bucket in the data (36 bits), log2 of the unit that the other
    /// places count in (4), where the last bucket ends (16), the buckets' [`Coding`] (5), how many
    /// favourites there are (3).
    fields: U64,
    /// Where each bucket but the first begins, in units from the first.
    starts: [U16; BUCKETS - 1],
    /// Favourite networks, the most frequent first.
    favourites: [U16; MAX_FAVOURITES],
}

const UNIT: u32 = 36;
const END: u32 = 40;
const CODING: u32 = 56;
const FAVOURITES: u32 = 61;

impl Block {
    /// The octets of bucket `number` in the data: where they begin and end.
    #[inline]
    pub(super) fn bucket(&self, number: usize) -> (usize, usize) {
        let fields = self.fields.get();
        let offset = (fields & ((1 << UNIT) - 1)) as usize;
        let unit = (fields >> UNIT & 0xf) as u32;
        let end = (fields >> END & 0xffff) as usize;
        let place = |number: Option<usize>| match number {
            Some(number) => self.starts.get(number).map_or(end, |start| start.get().into()),
            None => 0,
        };
        (offset + (place(number.checked_sub(1)) << unit), offset + (place(Some(number)) << unit))
    }

    /// How the keys are written.
    #[inline]
    pub(super) fn coding(&self) -> Option<Coding> {
        Coding::from_number(self.fields.get() >> CODING & 0x1f)
    }

    /// The value at `offset` of `bucket`, which is `width` numbers wide and not empty; octets may follow it.
    #[inline]
    pub(super) fn find(&self, bucket: &[u8], width: usize, offset: usize, value_bits: usize) -> Option<u32> {
        let coding = self.coding()?;
        let place = coding.find(bucket, width, offset)?;
        let favourites = self.favourites.map(|favourite| favourite.get().into());
        let count = (self.fields.get() >> FAVOURITES) as usize;
        let values = Values { width: value_bits, favourites: favourites.get(..count)? };
        // Counting a bitmap is for those values alone that need it.
        let (count, at) = match (coding, values.favourites) {
            (Coding::Bitmap, []) => (0, width),
            _ => coding.extent(bucket, width),
        };
        values.read(bucket, at, count, place)
    }

    /// All offsets and values of bucket `octets`, which is `width` numbers wide, in order.
    pub(super) fn entries(&self, octets: &[u8], width: usize, value_bits: usize) -> Vec<(usize, u32)> {
        let Some(coding) = self.coding().filter(|_| !octets.is_empty()) else {
            return Vec::new();
        };
        let favourites = self.favourites.map(|favourite| favourite.get().into());
        let count = (self.fields.get() >> FAVOURITES) as usize;
        let Some(favourites) = favourites.get(..count) else {
            return Vec::new();
        };
        let offsets = coding.offsets(octets, width);
        let (count, at) = coding.extent(octets, width);
        let values = Values { width: value_bits, favourites }.read_all(octets, at, count);
        offsets.into_iter().zip(values).collect()
    }

    /// Encodes a block whose data begin at `offset` and puts its buckets behind `data`: offsets in the
    /// block, ascending, each with its value. `None` if they do not fit where a block can point.
    pub(super) fn write(
        entries: &[(u32, u32)],
        width: usize,
        value_bits: usize,
        offset: u64,
        data: &mut Vec<u8>,
    ) -> Option<Self> {
        let in_bucket: Vec<u64> =
            entries.iter().map(|(offset, _)| (*offset as usize % width) as u64).collect();
        let values: Vec<u32> = entries.iter().map(|(_, value)| *value).collect();
        let mut buckets: [Range<usize>; BUCKETS] = Default::default();
        for (place, (offset, _)) in entries.iter().enumerate() {
            let bucket = buckets.get_mut(*offset as usize / width)?;
            if bucket.end == 0 {
                bucket.start = place;
            }
            bucket.end = place + 1;
        }
        let filled = || {
            buckets
                .iter()
                .filter_map(|bucket| in_bucket.get(bucket.clone()))
                .filter(|bucket| !bucket.is_empty())
        };
        let cost =
            |coding: &Coding| filled().map(|offsets| coding.cost(offsets, width)).sum::<Option<usize>>();
        // A bitmap is always possible; the first of equals is kept, so that it comes before the others.
        let coding = Coding::all()
            .filter_map(|coding| Some((cost(&coding)?, coding)))
            .min_by_key(|(cost, _)| *cost)
            .map(|(_, coding)| coding)?;
        let favourites = choose_favourites(&values, value_bits);
        let values_as = Values { width: value_bits, favourites: &favourites };

        let first = data.len();
        let mut ends = [0; BUCKETS];
        for (bucket, end) in buckets.iter().zip(&mut ends) {
            if !bucket.is_empty() {
                let mut out = Writer::new(data);
                coding.write(in_bucket.get(bucket.clone())?, width, &mut out);
                values_as.write(values.get(bucket.clone())?, &mut out);
                out.finish();
            }
            *end = data.len() - first;
        }
        let unit = align_buckets(data, first, &mut ends)?;
        let mut block =
            Self { fields: U64::ZERO, starts: Default::default(), favourites: Default::default() };
        for (start, end) in block.starts.iter_mut().zip(ends) {
            *start = U16::new((end >> unit) as u16);
        }
        for (to, from) in block.favourites.iter_mut().zip(&favourites) {
            *to = U16::new(*from as u16);
        }
        block.fields = U64::new(
            offset
                | u64::from(unit) << UNIT
                | ((ends.last()? >> unit) as u64) << END
                | coding.number() << CODING
                | (favourites.len() as u64) << FAVOURITES,
        );
        (offset < 1 << UNIT).then_some(block)
    }
}

/// Moves the buckets that begin at `first` and end at `ends` apart until all ends are multiples of a unit
/// that counts them in 16 bits; gives log2 of that unit. Most blocks need no more than octets.
fn align_buckets(data: &mut Vec<u8>, first: usize, ends: &mut [usize; BUCKETS]) -> Option<u32> {
    let starts = std::iter::once(0).chain(*ends);
    let lengths: Vec<usize> = ends.iter().zip(starts).map(|(end, start)| end - start).collect();
    let units = |unit: u32| lengths.iter().map(|length| length.div_ceil(1 << unit)).sum::<usize>();
    let unit = (0..16).find(|unit| units(*unit) <= usize::from(u16::MAX))?;
    if unit > 0 {
        let packed = data.split_off(first);
        let mut rest = packed.as_slice();
        for (length, end) in lengths.iter().zip(ends) {
            let (bucket, behind) = rest.split_at_checked(*length)?;
            data.extend_from_slice(bucket);
            data.resize(first + (data.len() - first).next_multiple_of(1 << unit), 0);
            *end = data.len() - first;
            rest = behind;
        }
    }
    Some(unit)
}

/// The networks that are worth a favourite's place in a block with these values.
fn choose_favourites(values: &[u32], value_bits: usize) -> Vec<u32> {
    let mut values = values.to_vec();
    values.sort_unstable();
    let mut by_count: Vec<(usize, u32)> = values
        .chunk_by(|a, b| a == b)
        .filter_map(|same| same.first().map(|value| (same.len(), *value)))
        // A place holds 16 bits.
        .filter(|(_, value)| *value <= u16::MAX.into())
        .collect();
    by_count.sort_unstable_by_key(|(count, value)| (std::cmp::Reverse(*count), *value));
    let counts: Vec<usize> = by_count.iter().map(|(count, _)| *count).collect();
    let best = (0..=MAX_FAVOURITES.min(counts.len())).min_by_key(|chosen| {
        let favourites = counts.get(..*chosen).unwrap_or_default();
        let others = values.len() - favourites.iter().sum::<usize>();
        Values::cost(value_bits, favourites, others)
    });
    by_count.iter().take(best.unwrap_or(0)).map(|(_, value)| *value).collect()
}
