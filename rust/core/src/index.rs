//! Ported numbers: exact number → network.
//!
//! The section is a count (u64), the sorted [keys](Number::key) (u64 each) and the network of each
//! key (u32 each), little-endian. A look-up is a binary search, allocates nothing, and on damaged
//! octets gives a wrong answer or none, never a panic.

use zerocopy::byteorder::little_endian::{U32, U64};
use zerocopy::{FromBytes, IntoBytes};

use crate::number::Number;

//----------- Index ----------------------------------------------------------

/// The ported numbers of a snapshot.
#[derive(Clone, Copy, Debug, Default)]
pub struct Index<'a> {
    keys: &'a [U64],
    networks: &'a [U32],
}

impl<'a> Index<'a> {
    /// The index in `section`, or `None` if its count and its length disagree. An empty section
    /// holds no numbers.
    pub fn new(section: &'a [u8]) -> Option<Self> {
        if section.is_empty() {
            return Some(Self::default());
        }
        let (count, rows) = U64::ref_from_prefix(section).ok()?;
        let count = usize::try_from(count.get()).ok()?;
        let (keys, rest) = <[U64]>::ref_from_prefix_with_elems(rows, count).ok()?;
        let networks = <[U32]>::ref_from_bytes_with_elems(rest, count).ok()?;
        Some(Self { keys, networks })
    }

    /// How many ported numbers there are.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The network that `number` was ported to.
    #[inline]
    pub fn find(&self, number: Number) -> Option<u32> {
        if self.keys.is_empty() {
            return None;
        }
        let key = number.key();
        let place = self.keys.binary_search_by(|probe| probe.get().cmp(&key)).ok()?;
        self.networks.get(place).map(|network| network.get())
    }

    /// All ported numbers with their networks, shorter numbers first, then in order.
    pub fn iter(&self) -> impl Iterator<Item = (Option<Number>, u32)> + 'a {
        let numbers = self.keys.iter().map(|key| Number::from_key(key.get()));
        numbers.zip(self.networks.iter().map(|network| network.get()))
    }
}

/// Encodes ported numbers as the index section; `entries` are sorted by key, each number once.
pub fn build(entries: &[(Number, u32)]) -> Result<Vec<u8>, IndexError> {
    let disorder = entries.windows(2).find_map(|pair| match pair {
        [a, b] if a.0.key() >= b.0.key() => Some((a.0, b.0)),
        _ => None,
    });
    if let Some((previous, got)) = disorder {
        return Err(IndexError::OutOfOrder { previous, got });
    }
    let keys: Vec<U64> = entries.iter().map(|(number, _)| U64::new(number.key())).collect();
    let networks: Vec<U32> = entries.iter().map(|(_, network)| U32::new(*network)).collect();
    let count = U64::new(entries.len() as u64);
    Ok([count.as_bytes(), keys.as_bytes(), networks.as_bytes()].concat())
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
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn number(digits: &str) -> Number {
        Number::from_digits(digits.as_bytes()).unwrap()
    }

    proptest! {
        #[test]
        fn agrees_with_a_map(
            ported in prop::collection::btree_map("[1-9][0-9]{0,14}|4[0-2]{1,8}", any::<u32>(), 0..60),
            random in prop::collection::vec("4[0-2]{1,8}", 0..40),
        ) {
            let mut entries: Vec<_> = ported.iter().map(|(digits, &network)| (number(digits), network)).collect();
            entries.sort_by_key(|entry| entry.0.key());
            let section = build(&entries).unwrap();
            let index = Index::new(&section).unwrap();
            prop_assert_eq!(ported.len(), index.len());
            for digits in ported.keys().chain(&random) {
                prop_assert_eq!(ported.get(digits).copied(), index.find(number(digits)));
            }
            let listed: BTreeMap<_, _> = index.iter().map(|(n, network)| (n.unwrap().digits(), network)).collect();
            prop_assert_eq!(ported, listed);
        }

        #[test]
        fn damaged_octets_never_panic(section: Vec<u8>, digits in "[1-9][0-9]{0,14}") {
            if let Some(index) = Index::new(&section) {
                let _ = index.find(number(&digits));
                let _ = index.iter().count();
            }
        }
    }

    #[test]
    fn lengths_live_together() {
        let entries = [(number("43150564"), 1), (number("43150564164321"), 2)];
        let section = build(&entries).unwrap();
        let index = Index::new(&section).unwrap();
        assert_eq!(Some(1), index.find(number("43150564")));
        assert_eq!(Some(2), index.find(number("43150564164321")));
        assert_eq!(None, index.find(number("431505641")));
    }

    #[test]
    fn disorder_is_refused_with_both_numbers() {
        let fault = build(&[(number("450"), 0), (number("44"), 0)]);
        assert_eq!(Err(IndexError::OutOfOrder { previous: number("450"), got: number("44") }), fault);
    }
}
