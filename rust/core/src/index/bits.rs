//! Bit strings in octets: bit 0 is the lowest bit of the first octet. Reads past the end give zeros.

/// The most bits that one [`read`] gives: what is left of a word after skipping to any bit of an octet.
pub(super) const MAX_READ: usize = 57;
/// Octets of the word that a read takes, though it may need fewer.
pub(super) const WORD: usize = 8;

/// At least [`MAX_READ`] bits that start at bit `at`.
#[inline]
pub(super) fn word(octets: &[u8], at: usize) -> u64 {
    let (from, word) = (at / 8, octets.get(at / 8..at / 8 + WORD));
    let word = match word.and_then(<[u8]>::first_chunk) {
        Some(chunk) => u64::from_le_bytes(*chunk),
        None => last_word(octets.get(from..).unwrap_or_default()),
    };
    word >> (at % 8)
}

/// The word that fewer than eight octets make.
#[cold]
fn last_word(octets: &[u8]) -> u64 {
    octets.iter().rev().fold(0, |word, &octet| word << 8 | u64::from(octet))
}

/// The `width` bits, at most [`MAX_READ`], that start at bit `at`.
#[inline]
pub(super) fn read(octets: &[u8], at: usize, width: usize) -> u64 {
    debug_assert!(width <= MAX_READ);
    word(octets, at) & ((1 << width) - 1)
}

/// How many of the `count` bits that start at bit `at` are set.
#[inline]
pub(super) fn count_ones(octets: &[u8], at: usize, count: usize) -> usize {
    let from = octets.get(at / 8..).unwrap_or_default();
    // Whatever a damaged file asks for, there is no more to count than there are octets.
    let end = (at % 8 + count).min(from.len() * 8);
    let mut words = from.chunks_exact(8);
    let (mut begin, mut passed, mut ones) = (at % 8, 0, 0);
    while passed + 64 <= end {
        let word = words.next().and_then(<[u8]>::first_chunk).map_or(0, |chunk| u64::from_le_bytes(*chunk));
        ones += (word >> begin).count_ones() as usize;
        (begin, passed) = (0, passed + 64);
    }
    let left = end - passed;
    if left > begin {
        let last = word(from, passed) & ((1 << left) - 1);
        ones += (last >> begin).count_ones() as usize;
    }
    ones
}

/// Where the set bits are among the first `count`, in order.
pub(super) fn ones(octets: &[u8], count: usize) -> Vec<usize> {
    const STEP: usize = 56;
    let mut places = Vec::new();
    for at in (0..count).step_by(STEP) {
        let mut left = read(octets, at, STEP.min(count - at));
        while left != 0 {
            places.push(at + left.trailing_zeros() as usize);
            left &= left - 1;
        }
    }
    places
}

/// Where the zero is that has `before` zeros below it; 64 or more if there is none.
#[inline]
pub(super) fn select_zero(word: u64, before: u32) -> u32 {
    let (mut zeros, mut left, mut at) = (!word, before, 0);
    for step in [32, 16, 8, 4, 2, 1] {
        let below = (zeros & ((1 << step) - 1)).count_ones();
        if below <= left {
            left -= below;
            zeros >>= step;
            at += step;
        }
    }
    at
}

//----------- Writer ---------------------------------------------------------

/// Bits written one behind another, behind the octets that are there already.
#[derive(Debug)]
pub(super) struct Writer<'a> {
    octets: &'a mut Vec<u8>,
    /// Bits that fill no octet yet.
    pending: u64,
    /// How many those are, less than 8.
    count: usize,
}

impl<'a> Writer<'a> {
    /// A writer that begins with a new octet.
    pub(super) fn new(octets: &'a mut Vec<u8>) -> Self {
        Self { octets, pending: 0, count: 0 }
    }

    /// Writes the `width` lowest bits of `value`, at most [`MAX_READ`].
    #[inline]
    pub(super) fn push(&mut self, value: u64, width: usize) {
        debug_assert!(width <= MAX_READ && value >> width == 0);
        self.pending |= value << self.count;
        self.count += width;
        if self.count >= 8 {
            let full = self.count / 8;
            self.octets.extend(self.pending.to_le_bytes().iter().take(full));
            self.pending = self.pending.checked_shr(8 * full as u32).unwrap_or(0);
            self.count %= 8;
        }
    }

    /// Writes `zeros` zeros and a one.
    #[inline]
    pub(super) fn push_unary(&mut self, mut zeros: u64) {
        while zeros >= MAX_READ as u64 {
            self.push(0, MAX_READ);
            zeros -= MAX_READ as u64;
        }
        self.push(1 << zeros, zeros as usize + 1);
    }

    /// Fills the last octet with zeros.
    pub(super) fn finish(self) {
        if self.count > 0 {
            self.octets.push(self.pending as u8);
        }
    }
}
