//! How the numbers of one bucket are written: as offsets below the bucket's width, in order.
//!
//! - *Bitmap*: a bit per offset. For dense buckets.
//! - *Rice*: the count n and the zeros of the unary part (an octet each), then for each number the gap
//!   before it: its high part in unary, all of them together, and its 0 to 2 low bits in planes, first
//!   all lowest bits, then all second ones. Sums of gaps are then sums of counted bits, so a look-up
//!   jumps over words and half-words of gaps at once. For densities of 10 to 35 %.
//! - *Elias–Fano*: n (one octet or two), the high parts of the offsets as a bit string in which a one is a number
//!   and a zero ends a group, then the low bits of each. A look-up goes to its group and compares the few
//!   numbers in it. For sparse buckets.

use super::bits::{self, Writer};

/// The most numbers that a count of one octet tells.
const MAX_COUNT: usize = 255;
/// The most low bits of an Elias–Fano offset.
const MAX_LOW: usize = 22;
/// With a count of two octets the low bits are multiples of this: there are few coding numbers left.
const LARGE_STEP: usize = 4;
/// Octets before a Rice bucket's unary part, in bits.
const RICE_HEAD: usize = 16;

//----------- Coding ---------------------------------------------------------

/// The way that the buckets of one block are written, with its parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    Bitmap,
    /// How many low bits a gap has.
    Rice(usize),
    /// How many low bits an offset has, and how many bits the count.
    EliasFano {
        low: usize,
        head: usize,
    },
}

impl Coding {
    /// The codings that there are, bitmap first.
    pub(super) fn all() -> impl Iterator<Item = Self> {
        (0..32).rev().filter_map(Self::from_number)
    }

    /// The coding with this number of five bits.
    pub(super) fn from_number(number: u64) -> Option<Self> {
        match number {
            31 => Some(Self::Bitmap),
            28..=30 => Some(Self::Rice(number as usize - 28)),
            23..=27 => Some(Self::EliasFano { low: (number as usize - 1 - MAX_LOW) * LARGE_STEP, head: 16 }),
            0..=22 => Some(Self::EliasFano { low: number as usize, head: 8 }),
            _ => None,
        }
    }

    /// Its number.
    pub(super) fn number(self) -> u64 {
        match self {
            Self::Bitmap => 31,
            Self::Rice(low) => 28 + low as u64,
            Self::EliasFano { low, head: 8 } => low as u64,
            Self::EliasFano { low, .. } => (1 + MAX_LOW + low / LARGE_STEP) as u64,
        }
    }

    /// How many bits a bucket takes, or `None` if it cannot be written so.
    pub(super) fn cost(self, offsets: &[u64], width: usize) -> Option<usize> {
        let count = offsets.len();
        match self {
            Self::Bitmap => Some(width),
            Self::Rice(low) => {
                let zeros: u64 = gaps(offsets).map(|gap| gap >> low).sum();
                (count <= MAX_COUNT && zeros <= 255).then(|| RICE_HEAD + zeros as usize + count * (low + 1))
            }
            Self::EliasFano { low, head } => {
                (count < 1 << head).then(|| head + count + groups(width, low) + count * low)
            }
        }
    }

    /// Writes a bucket's offsets.
    pub(super) fn write(self, offsets: &[u64], width: usize, out: &mut Writer<'_>) {
        match self {
            Self::Bitmap => {
                let mut next = 0;
                for &offset in offsets {
                    out.push_unary(offset - next);
                    next = offset + 1;
                }
                for _ in next..width as u64 {
                    out.push(0, 1);
                }
            }
            Self::Rice(low) => {
                out.push(offsets.len() as u64, 8);
                out.push(gaps(offsets).map(|gap| gap >> low).sum(), 8);
                for gap in gaps(offsets) {
                    out.push_unary(gap >> low);
                }
                for plane in 0..low {
                    for gap in gaps(offsets) {
                        out.push(gap >> plane & 1, 1);
                    }
                }
            }
            Self::EliasFano { low, head } => {
                out.push(offsets.len() as u64, head);
                let mut group = 0;
                for &offset in offsets {
                    out.push_unary((offset >> low) - group);
                    group = offset >> low;
                }
                for _ in group..groups(width, low) as u64 {
                    out.push(0, 1);
                }
                for &offset in offsets {
                    out.push(offset & ((1 << low) - 1), low);
                }
            }
        }
    }

    /// How many numbers a bucket holds, and at which bit its values begin.
    #[inline]
    pub(super) fn extent(self, bucket: &[u8], width: usize) -> (usize, usize) {
        let octet = |at: usize| bucket.get(at).copied().map_or(0, usize::from);
        let count = octet(0);
        match self {
            Self::Bitmap => (bits::count_ones(bucket, 0, width), width),
            Self::Rice(low) => (count, RICE_HEAD + octet(1) + count * (low + 1)),
            Self::EliasFano { low, head } => {
                let count = bits::read(bucket, 0, head) as usize;
                (count, head + groups(width, low) + count * (low + 1))
            }
        }
    }

    /// All offsets of a bucket, in order.
    pub(super) fn offsets(self, bucket: &[u8], width: usize) -> Vec<usize> {
        let bits_in_bucket = bucket.len() * 8;
        let (count, end) = self.extent(bucket, width.min(bits_in_bucket));
        let is_one = |at: usize| bits::read(bucket, at, 1) == 1;
        match self {
            Self::Bitmap => bits::ones(bucket, width.min(bits_in_bucket)),
            Self::Rice(low) => {
                let (planes, mut next) = (end.saturating_sub(count * low), 0);
                let mut offsets = Vec::new();
                for at in RICE_HEAD..planes.min(bits_in_bucket) {
                    if is_one(at) && offsets.len() < count {
                        let lows =
                            (0..low).map(|n| usize::from(is_one(planes + n * count + offsets.len())) << n);
                        next += lows.sum::<usize>();
                        offsets.push(next);
                        next += 1;
                    } else {
                        next += 1 << low;
                    }
                }
                offsets
            }
            Self::EliasFano { low, head } => {
                let lows = head + count + groups(width, low);
                let (mut group, mut offsets) = (0, Vec::new());
                for at in head..lows.min(bits_in_bucket) {
                    if is_one(at) && offsets.len() < count {
                        offsets.push(
                            group << low | bits::read(bucket, lows + offsets.len() * low, low) as usize,
                        );
                    } else {
                        group += 1;
                    }
                }
                offsets
            }
        }
    }

    /// Which of a bucket's numbers has this offset.
    #[inline]
    pub(super) fn find(self, bucket: &[u8], width: usize, offset: usize) -> Option<usize> {
        match self {
            Self::Bitmap => {
                let is_set = bits::read(bucket, offset, 1) == 1;
                is_set.then(|| bits::count_ones(bucket, 0, offset))
            }
            Self::Rice(0) => find_rice::<0>(bucket, offset),
            Self::Rice(1) => find_rice::<1>(bucket, offset),
            Self::Rice(_) => find_rice::<2>(bucket, offset),
            Self::EliasFano { low, head } => find_elias_fano(bucket, [low, head], width, offset),
        }
    }
}

/// How many numbers are missing before each.
fn gaps(offsets: &[u64]) -> impl Iterator<Item = u64> {
    let before = std::iter::once(0).chain(offsets.iter().map(|offset| offset + 1));
    offsets.iter().zip(before).map(|(offset, next)| offset - next)
}

/// How many groups an Elias–Fano bucket has.
#[inline]
fn groups(width: usize, low: usize) -> usize {
    (width.saturating_sub(1) >> low) + 1
}

//----------- Look-ups -------------------------------------------------------

#[inline]
fn find_rice<const LOW: usize>(bucket: &[u8], offset: usize) -> Option<usize> {
    const STEP: usize = 56;
    let count = usize::from(*bucket.first()?);
    let unary = RICE_HEAD;
    let unary_end = unary + count + usize::from(*bucket.get(1)?);
    let plane = |number: usize, from: usize| bits::read(bucket, unary_end + number * count + from, STEP);
    // The unary part before `at` stands for `passed` numbers and has led to `next`, the least offset that
    // the next number could have.
    let (mut at, mut passed, mut next) = (unary, 0, 0);
    let mut gaps;
    let mut lows = [0; LOW];
    loop {
        gaps = bits::read(bucket, at, STEP.min(unary_end - at));
        let ones = gaps.count_ones() as usize;
        let mut ahead = next + ((STEP - ones) << LOW) + ones;
        for (number, lows) in lows.iter_mut().enumerate() {
            *lows = plane(number, passed);
            ahead += (first_bits(*lows, ones).count_ones() as usize) << number;
        }
        if ahead > offset || at + STEP >= unary_end {
            break;
        }
        (at, passed, next) = (at + STEP, passed + ones, ahead);
    }
    // The same in halves of what is left, all in registers: behind the end of the unary part are zeros,
    // which lead past every offset and to no number.
    for step in [28, 14, 7] {
        let ones = first_bits(gaps, step).count_ones() as usize;
        let mut ahead = next + ((step - ones) << LOW) + ones;
        for (number, lows) in lows.iter().enumerate() {
            ahead += (first_bits(*lows, ones).count_ones() as usize) << number;
        }
        // No branch: which way it goes is as good as random.
        let taken = usize::from(ahead <= offset);
        gaps >>= step * taken;
        lows = lows.map(|lows| lows >> (ones * taken));
        passed += ones * taken;
        next += (ahead - next) * taken;
    }
    // The rest is a few numbers, one by one.
    while gaps != 0 {
        let zeros = gaps.trailing_zeros() as usize;
        next += zeros << LOW;
        for (number, lows) in lows.iter().enumerate() {
            next += (*lows as usize & 1) << number;
        }
        if next >= offset {
            return (next == offset).then_some(passed);
        }
        gaps = gaps >> zeros >> 1;
        lows = lows.map(|lows| lows >> 1);
        (passed, next) = (passed + 1, next + 1);
    }
    None
}

/// The lowest `count` bits of a word, fewer than 64.
#[inline]
fn first_bits(word: u64, count: usize) -> u64 {
    word & ((1 << count) - 1)
}

#[inline]
fn find_elias_fano(bucket: &[u8], [low, head]: [usize; 2], width: usize, offset: usize) -> Option<usize> {
    const STEP: usize = 56;
    let count = bits::read(bucket, 0, head) as usize;
    let end = (head + count + groups(width, low)).min(bucket.len() * 8);
    // Past as many zeros as there are groups before the offset's.
    let (mut at, mut passed, mut before) = (head, 0, offset >> low);
    loop {
        let word = bits::read(bucket, at, STEP);
        let zeros = STEP - word.count_ones() as usize;
        if zeros >= before {
            if before > 0 {
                let zero = bits::select_zero(word, before as u32 - 1) as usize;
                passed += zero + 1 - before;
                at += zero + 1;
            }
            break;
        }
        (at, passed, before) = (at + STEP, passed + STEP - zeros, before - zeros);
        if at >= end {
            return None;
        }
    }
    // The numbers of the group, in order.
    let lows = head + count + groups(width, low);
    let wanted = (offset & ((1 << low) - 1)) as u64;
    while at < end {
        let in_word = (bits::word(bucket, at).trailing_ones() as usize).min(STEP);
        for place in passed..count.min(passed + in_word) {
            let found = bits::read(bucket, lows + place * low, low);
            if found >= wanted {
                return (found == wanted).then_some(place);
            }
        }
        if in_word < STEP {
            break;
        }
        (at, passed) = (at + STEP, passed + STEP);
    }
    None
}
