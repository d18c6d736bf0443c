//! One block: up to a few thousand numbers in 25 buckets, reached through one cache line.
//!
//! A block covers a power of ten of numbers, at least ten thousand, and begins at a multiple of it, as
//! the blocks do that regulators hand out: then density and networks are even inside a block.

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

    /// The value at `offset` of `bucket`, which is `width` numbers wide.
    #[inline]
    pub(super) fn find(&self, bucket: &[u8], width: usize, offset: usize, value_bits: usize) -> Option<u32> {
        if bucket.is_empty() {
            return None;
        }
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

    /// Writes a block's buckets behind `data`: offsets in the block, ascending, each with its value.
    /// `None` if they do not fit where a block can point.
    pub(super) fn write(
        entries: &[(u64, u32)],
        width: usize,
        value_bits: usize,
        data: &mut Vec<u8>,
    ) -> Option<Self> {
        let mut buckets: [(Vec<u64>, Vec<u32>); BUCKETS] = Default::default();
        for (offset, value) in entries {
            let (offsets, values) = buckets.get_mut(*offset as usize / width)?;
            offsets.push(offset % width as u64);
            values.push(*value);
        }
        let filled = || buckets.iter().filter(|(offsets, _)| !offsets.is_empty());
        let cost =
            |coding: &Coding| filled().map(|(offsets, _)| coding.cost(offsets, width)).sum::<Option<usize>>();
        // A bitmap is always possible; the first of equals is kept, so that it comes before the others.
        let coding = Coding::all()
            .filter_map(|coding| Some((cost(&coding)?, coding)))
            .min_by_key(|(cost, _)| *cost)
            .map(|(_, coding)| coding)?;
        let favourites = choose_favourites(entries, value_bits);
        let values_as = Values { width: value_bits, favourites: &favourites };
        let octets: Vec<Vec<u8>> = buckets
            .iter()
            .map(|(offsets, values)| {
                let mut out = Writer::default();
                if !offsets.is_empty() {
                    coding.write(offsets, width, &mut out);
                    values_as.write(values, &mut out);
                }
                out.finish()
            })
            .collect();

        let units = |unit: u32| octets.iter().map(|bucket| bucket.len().div_ceil(1 << unit)).sum::<usize>();
        let unit = (0..16).find(|unit| units(*unit) <= usize::from(u16::MAX))?;
        let offset = data.len() as u64;
        let mut block =
            Self { fields: U64::ZERO, starts: Default::default(), favourites: Default::default() };
        let mut end = 0;
        for (number, bucket) in octets.iter().enumerate() {
            if let Some(start) = number.checked_sub(1).and_then(|number| block.starts.get_mut(number)) {
                *start = U16::new(end as u16);
            }
            data.extend_from_slice(bucket);
            end += bucket.len().div_ceil(1 << unit);
            data.resize(offset as usize + (end << unit), 0);
        }
        for (to, from) in block.favourites.iter_mut().zip(&favourites) {
            *to = U16::new(*from as u16);
        }
        block.fields = U64::new(
            offset
                | u64::from(unit) << UNIT
                | (end as u64) << END
                | coding.number() << CODING
                | (favourites.len() as u64) << FAVOURITES,
        );
        (offset < 1 << UNIT).then_some(block)
    }
}

/// The networks that are worth a favourite's place in a block with these entries.
fn choose_favourites(entries: &[(u64, u32)], value_bits: usize) -> Vec<u32> {
    let mut values: Vec<u32> = entries.iter().map(|(_, value)| *value).collect();
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
        let others = entries.len() - favourites.iter().sum::<usize>();
        Values::cost(value_bits, favourites, others)
    });
    by_count.iter().take(best.unwrap_or(0)).map(|(_, value)| *value).collect()
}
