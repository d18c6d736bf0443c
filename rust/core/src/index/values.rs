//! How the networks of one bucket's numbers are written, behind the numbers.
//!
//! Either each as its index, or with up to four favourites of the block: a bit per number says whether
//! its network is a favourite; then come the indices of those that are not; then, in unary, which
//! favourite the others are: a bit per favourite number says whether it is the first, a bit for each of
//! the rest whether it is the second, and so on. Ranks in these bit strings lead from a number to its
//! network.

use super::bits::{self, Writer};

/// The most favourites of a block.
pub(super) const MAX_FAVOURITES: usize = 4;

/// How a block's values are written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Values<'a> {
    /// Bits of an index.
    pub(super) width: usize,
    /// The block's favourites, the most frequent first; empty: there are none.
    pub(super) favourites: &'a [u32],
}

impl Values<'_> {
    /// How many bits values take of which these many are each favourite and `others` are none.
    pub(super) fn cost(width: usize, favourites: &[usize], others: usize) -> usize {
        if favourites.is_empty() {
            return others * width;
        }
        let all: usize = favourites.iter().sum();
        let mut left = all;
        let mut unary = 0;
        // The last one needs no bit: it is what is left.
        for count in favourites.iter().take(favourites.len() - 1) {
            unary += left;
            left -= count;
        }
        all + others + others * width + unary
    }

    /// Writes a bucket's values.
    pub(super) fn write(&self, values: &[u32], out: &mut Writer<'_>) {
        let is_favourite = |value: &u32| self.favourites.contains(value);
        if !self.favourites.is_empty() {
            for value in values {
                out.push(is_favourite(value).into(), 1);
            }
        }
        for value in values.iter().filter(|value| !is_favourite(value)) {
            out.push((*value).into(), self.width);
        }
        let mut left: Vec<u32> = values.iter().copied().filter(is_favourite).collect();
        for favourite in self.favourites.iter().take(self.favourites.len().saturating_sub(1)) {
            for value in &left {
                out.push((value == favourite).into(), 1);
            }
            left.retain(|value| value != favourite);
        }
    }

    /// The value of number `place` of the `count` in a bucket, whose values begin at bit `at`.
    #[inline]
    pub(super) fn read(&self, bucket: &[u8], at: usize, count: usize, place: usize) -> Option<u32> {
        let index = |at: usize, place: usize| bits::read(bucket, at + place * self.width, self.width) as u32;
        let Some((last, others)) = self.favourites.split_last() else {
            return Some(index(at, place));
        };
        let favourites_before = bits::count_ones(bucket, at, place);
        if bits::read(bucket, at + place, 1) == 0 {
            return Some(index(at + count, place - favourites_before));
        }
        let mut left = bits::count_ones(bucket, at, count);
        let mut at = at + count + count.saturating_sub(left) * self.width;
        let mut place = favourites_before;
        for favourite in others {
            if bits::read(bucket, at + place, 1) == 1 {
                return Some(*favourite);
            }
            let of_this = bits::count_ones(bucket, at, left);
            place -= bits::count_ones(bucket, at, place).min(place);
            at += left;
            left = left.saturating_sub(of_this);
        }
        Some(*last)
    }

    /// The values of all `count` numbers of a bucket, in order.
    pub(super) fn read_all(&self, bucket: &[u8], at: usize, count: usize) -> Vec<u32> {
        let index = |at: usize| bits::read(bucket, at, self.width) as u32;
        let Some((last, others)) = self.favourites.split_last() else {
            return (0..count).map(|place| index(at + place * self.width)).collect();
        };
        let is_one = |at: usize| bits::read(bucket, at, 1) == 1;
        let favourites = (0..count).filter(|place| is_one(at + place)).count();
        let mut index_at = at + count;
        let mut level_at = index_at + (count - favourites) * self.width;
        // Which favourite each of them is, level by level; those that no level names are the last one.
        let mut named = vec![*last; favourites];
        let mut left: Vec<usize> = (0..favourites).collect();
        for favourite in others {
            let mut bit = level_at..;
            level_at += left.len();
            left.retain(|place| match bit.next().is_some_and(is_one) {
                true => {
                    named.get_mut(*place).into_iter().for_each(|name| *name = *favourite);
                    false
                }
                false => true,
            });
        }
        let mut named = named.into_iter();
        (0..count)
            .filter_map(|place| match is_one(at + place) {
                true => named.next(),
                false => {
                    index_at += self.width;
                    Some(index(index_at - self.width))
                }
            })
            .collect()
    }
}
