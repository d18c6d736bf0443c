//! The DNS records of a plan: which numbers, prefixes and names have some, encoded as responses carry them.
//!
//! ```text
//! number ─ index ─┐
//! prefix ─ trie  ─┼─ record set: count u16, then each record behind a pointer to the question's name
//! name   ─ list  ─┘
//! ```
//!
//! Sets that are equal are there once: a rule for a thousand numbers is a thousand indices to one set.

use zerocopy::byteorder::little_endian::U64;

use super::format::{Fault, Section};
use crate::dns::{CLASS_IN, TYPE_NAPTR};
use crate::index::Index;
use crate::naptr::Naptr;
use crate::number::{Number, Prefix};
use crate::trie::Trie;

/// The most records of one set.
pub const MAX_RECORDS: usize = 64;
/// The most octets of one set's records: what is larger than a UDP response goes over TCP, and no client
/// expects a book.
pub const MAX_OCTETS: usize = 16_384;

/// What every record begins with: a pointer to the name in the question, so the letter case is the client's
/// (RFC 1035 §4.1.4).
const OWNER: [u8; 2] = [0xc0, 0x0c];
/// Octets of a record before its data: owner, type, class, TTL, length.
pub(crate) const RECORD_HEAD: usize = 12;

//----------- RecordSet ------------------------------------------------------

/// The records that answer one question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordSet<'a> {
    count: u16,
    octets: &'a [u8],
}

/// One record, its owner left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// Its type.
    pub rtype: u16,
    /// Seconds that it may be cached.
    pub ttl: u32,
    /// Its data; names in it are not compressed.
    pub rdata: &'a [u8],
}

impl<'a> RecordSet<'a> {
    /// These records, encoded as [`put_record`] does.
    pub fn of(octets: &'a [u8]) -> Self {
        let mut set = Self { count: 0, octets };
        set.count = set.records().count() as u16;
        set
    }

    /// How many records there are; a damaged file may say something else than it has.
    pub fn count(&self) -> u16 {
        self.count
    }

    /// The records as responses carry them, for the question at octet 12.
    pub fn octets(&self) -> &'a [u8] {
        self.octets
    }

    /// The records one by one; ends at what cannot be read.
    pub fn records(&self) -> impl Iterator<Item = Record<'a>> + use<'a> {
        let mut rest = self.octets;
        std::iter::from_fn(move || {
            let (&[_, _, t1, t2, _, _, l1, l2, l3, l4, d1, d2], behind) =
                rest.split_first_chunk::<RECORD_HEAD>()?;
            let (rdata, behind) = behind.split_at_checked(usize::from(u16::from_be_bytes([d1, d2])))?;
            rest = behind;
            let ttl = u32::from_be_bytes([l1, l2, l3, l4]);
            Some(Record { rtype: u16::from_be_bytes([t1, t2]), ttl, rdata })
        })
    }

    /// Its NAPTR records, as values.
    pub fn naptrs(&self) -> impl Iterator<Item = Naptr> + use<'a> {
        let naptrs = self.records().filter(|record| record.rtype == TYPE_NAPTR);
        naptrs.filter_map(|record| Naptr::from_wire(record.rdata).ok())
    }

    fn is_whole(&self) -> bool {
        let octets: usize = self.records().map(|record| RECORD_HEAD + record.rdata.len()).sum();
        octets == self.octets.len()
            && self.records().count() == usize::from(self.count)
            && (1..=MAX_RECORDS).contains(&usize::from(self.count))
            && self.octets.len() <= MAX_OCTETS
            && self
                .records()
                .all(|Record { rtype, rdata, .. }| rtype != TYPE_NAPTR || Naptr::from_wire(rdata).is_ok())
    }
}

/// Puts a record behind what is in `out`, as responses carry it; data are at most 65,535 octets.
pub fn put_record(out: &mut Vec<u8>, Record { rtype, ttl, rdata }: Record<'_>) {
    out.extend_from_slice(&OWNER);
    out.extend_from_slice(&rtype.to_be_bytes());
    out.extend_from_slice(&CLASS_IN.to_be_bytes());
    out.extend_from_slice(&ttl.to_be_bytes());
    out.extend_from_slice(&(rdata.len() as u16).to_be_bytes());
    out.extend_from_slice(rdata);
}

//----------- RecordSets -----------------------------------------------------

/// All record sets of a snapshot and what leads to them.
#[derive(Clone, Copy, Debug, Default)]
pub struct RecordSets<'a> {
    pub(super) numbers: Index<'a>,
    pub(super) rules: Trie<'a>,
    pub(super) names: &'a [u8],
    pub(super) ends: &'a [U64],
    pub(super) octets: &'a [u8],
}

/// A name that stands for no number, and the records of one type that it has.
#[derive(Clone, Copy, Debug)]
pub struct NameEntry<'a> {
    /// Wire form in lower case, root label included.
    pub name: &'a [u8],
    /// The records' type.
    pub rtype: u16,
    /// Which set they are.
    pub set: u32,
}

impl<'a> RecordSets<'a> {
    /// Whether no number and no prefix has records.
    #[inline]
    pub fn has_no_numbers(&self) -> bool {
        self.numbers.is_empty() && self.rules.is_empty()
    }

    /// How many sets numbers and prefixes and names have.
    pub fn len(&self) -> usize {
        self.numbers.len() + self.rules.len() + self.names().count()
    }

    /// Whether there are no records at all.
    pub fn is_empty(&self) -> bool {
        self.has_no_numbers() && self.names.is_empty()
    }

    /// The records of `number` alone.
    #[inline]
    pub fn of_number(&self, number: Number) -> Option<RecordSet<'a>> {
        self.set(self.numbers.find(number)?)
    }

    /// The records of the longest prefix that `number` starts with, and that prefix.
    #[inline]
    pub fn of_prefix(&self, number: Number) -> Option<(Prefix, RecordSet<'a>)> {
        let found = self.rules.longest_match(number)?;
        Some((number.prefix(found.length), self.set(found.value)?))
    }

    /// The set with this index.
    pub fn set(&self, index: u32) -> Option<RecordSet<'a>> {
        let index = index as usize;
        let end = self.ends.get(index)?.get();
        let start = match index.checked_sub(1) {
            Some(before) => self.ends.get(before)?.get(),
            None => 0,
        };
        let set = self.octets.get(usize::try_from(start).ok()?..usize::try_from(end).ok()?)?;
        let (count, octets) = set.split_first_chunk::<2>()?;
        Some(RecordSet { count: u16::from_le_bytes(*count), octets })
    }

    /// All numbers that have records of their own, shorter ones first, then in order.
    pub fn numbers(&self) -> impl Iterator<Item = (Number, RecordSet<'a>)> + '_ {
        let sets = *self;
        self.numbers.iter().filter_map(move |(number, set)| Some((number?, sets.set(set)?)))
    }

    /// All prefixes that have records, in order.
    pub fn prefixes(&self) -> impl Iterator<Item = (Prefix, RecordSet<'a>)> + use<'a> {
        let sets = *self;
        self.rules.iter().filter_map(move |(prefix, set)| Some((prefix, sets.set(set)?)))
    }

    /// All names that stand for no number, with the types of their records; ends at what cannot be read.
    pub fn names(&self) -> impl Iterator<Item = NameEntry<'a>> + use<'a> {
        let mut rest = self.names;
        std::iter::from_fn(move || {
            let (&[t1, t2, s1, s2, s3, s4, length], behind) = rest.split_first_chunk::<7>()?;
            let (name, behind) = behind.split_at_checked(usize::from(length))?;
            rest = behind;
            let set = u32::from_le_bytes([s1, s2, s3, s4]);
            Some(NameEntry { name, rtype: u16::from_le_bytes([t1, t2]), set })
        })
    }

    /// Follows every reference once.
    pub(super) fn verify(&self) -> Result<(), Fault> {
        let damaged = |section, what| Err(Fault::Damaged { section, what });
        let sets = self.ends.len();
        if !(0..sets as u32).all(|set| self.set(set).is_some_and(|set| set.is_whole())) {
            return damaged(Section::RecordSets, "a record set is malformed");
        }
        if self.ends.last().map_or(0, |end| end.get()) != self.octets.len() as u64 {
            return damaged(Section::RecordSetEnds, "the last one does not end where the sets do");
        }
        let numbers: Vec<_> = self.numbers.iter().collect();
        let in_order =
            numbers.iter().map(|(number, _)| number.map_or(0, Number::key)).is_sorted_by(|a, b| a < b);
        if !in_order || numbers.iter().any(|(number, set)| number.is_none() || *set as usize >= sets) {
            return damaged(Section::RecordNumbers, "numbers are out of order or name no record set");
        }
        if !self.rules.is_whole() || self.rules.iter().any(|(_, set)| set as usize >= sets) {
            return damaged(Section::RuleValues, "its nodes make no tree or a prefix names no record set");
        }
        let read: usize = self.names().map(|entry| 7 + entry.name.len()).sum();
        if read != self.names.len() || self.names().any(|entry| entry.set as usize >= sets) {
            return damaged(Section::Names, "a name is cut short or names no record set");
        }
        Ok(())
    }
}

/// The entry of a name, as the section of names has it.
pub(crate) fn put_name(out: &mut Vec<u8>, NameEntry { name, rtype, set }: NameEntry<'_>) {
    out.extend_from_slice(&rtype.to_le_bytes());
    out.extend_from_slice(&set.to_le_bytes());
    out.push(name.len() as u8);
    out.extend_from_slice(name);
}

/// A record set, as the section of sets has it.
pub(crate) fn put_set(out: &mut Vec<u8>, count: usize, records: &[u8]) {
    out.extend_from_slice(&(count as u16).to_le_bytes());
    out.extend_from_slice(records);
}
