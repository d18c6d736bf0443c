//! Reads whatever a server may answer with: every read bounded, names decompressed, and no record refused
//! for what stands in another.
//!
//! Libraries refuse a message as a whole where one record has flags that are no letters, or data that is
//! no NAPTR record's. A client is told more by the records that can be read (RFC 6116 §5.2).

use std::ops::Range;

use super::HEADER;

/// The most octets of a name on the wire (RFC 1035 §2.3.4).
const MAX_NAME: usize = 255;

//----------- Message --------------------------------------------------------

/// A message whose header could be read.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    octets: &'a [u8],
    flags: u16,
    counts: [u16; 4],
}

impl<'a> Message<'a> {
    /// The message in `octets`, or `None` if they are shorter than a header.
    #[inline]
    pub fn read(octets: &'a [u8]) -> Option<Self> {
        let (&[_, _, f1, f2, qd1, qd2, an1, an2, ns1, ns2, ar1, ar2], _) =
            octets.split_first_chunk::<HEADER>()?;
        let pair = |high, low| u16::from_be_bytes([high, low]);
        let counts = [pair(qd1, qd2), pair(an1, an2), pair(ns1, ns2), pair(ar1, ar2)];
        Some(Self { octets, flags: pair(f1, f2), counts })
    }

    /// The number that the client chose for its query.
    pub fn id(&self) -> u16 {
        self.octets.first_chunk().map_or(0, |id| u16::from_be_bytes(*id))
    }

    /// Whether it is a response to a query of opcode 0.
    pub fn is_response(&self) -> bool {
        self.flags & 0xf800 == 0x8000
    }

    /// Whether it was cut (TC).
    pub fn is_truncated(&self) -> bool {
        self.flags & 0x0200 != 0
    }

    /// The response code's low four bits; the others travel in the OPT record.
    pub fn rcode(&self) -> u16 {
        self.flags & 0xf
    }

    /// How many questions, answers, authority and additional records it says to have.
    pub fn counts(&self) -> [u16; 4] {
        self.counts
    }

    /// The octets behind the header.
    pub fn body(&self) -> &'a [u8] {
        self.octets.get(HEADER..).unwrap_or_default()
    }

    /// The records in order, up to the first that is cut short.
    pub fn records(&self) -> Records<'a> {
        let mut at = HEADER;
        for _ in 0..self.counts[0] {
            // Each question has five octets at least, so this ends with the message.
            match skip_name(self.octets, at) {
                Some(end) => at = end + 4,
                None => at = self.octets.len(),
            }
        }
        let [_, answers, authority, additional] = self.counts;
        Records { octets: self.octets, at, left: [answers, authority, additional], is_whole: true }
    }
}

//----------- Records --------------------------------------------------------

/// Where in a message a record stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the standard's names")]
pub enum Section {
    Answer,
    Authority,
    Additional,
}

/// A resource record (RFC 1035 §4.1.3).
#[derive(Clone, Debug)]
pub struct Record<'a> {
    octets: &'a [u8],
    owner: usize,
    /// Where it stands.
    pub section: Section,
    /// TYPE.
    pub rtype: u16,
    /// CLASS; the UDP size in an OPT record.
    pub class: u16,
    /// TTL; extended response code, version and flags in an OPT record.
    pub ttl: u32,
    range: Range<usize>,
}

impl<'a> Record<'a> {
    /// The owner's name on the wire, uncompressed.
    pub fn owner(&self) -> Option<Vec<u8>> {
        name_at(self.octets, self.owner).map(|(name, _)| name)
    }

    /// Whether the owner is the name of the first question, by a pointer to it, as nearly all are.
    pub fn owner_points_at_question(&self) -> bool {
        self.octets.get(self.owner..self.owner + 2) == Some(&[0xc0, HEADER as u8])
    }

    /// The data as it stands in the message.
    pub fn data(&self) -> &'a [u8] {
        self.octets.get(self.range.clone()).unwrap_or_default()
    }

    /// The name that begins `skip` octets into the data and ends with it.
    pub fn name_in_data(&self, skip: usize) -> Option<Vec<u8>> {
        let start = self.range.start.checked_add(skip).filter(|start| *start < self.range.end)?;
        name_at(self.octets, start).and_then(|(name, end)| (end == self.range.end).then_some(name))
    }

    /// The data of one that is not compressed: for NAPTR, whose replacement old servers compress (RFC 3597 §4).
    ///
    /// `None` if the name that begins `skip` octets into the data does not end with it.
    pub fn data_with_name(&self, skip: usize) -> Option<Vec<u8>> {
        let mut data = self.data().get(..skip)?.to_vec();
        data.extend_from_slice(&self.name_in_data(skip)?);
        Some(data)
    }
}

/// The records of a message, in order.
#[derive(Clone, Debug)]
pub struct Records<'a> {
    octets: &'a [u8],
    at: usize,
    left: [u16; 3],
    is_whole: bool,
}

impl Records<'_> {
    /// Whether no record so far was cut short.
    pub fn is_whole(&self) -> bool {
        self.is_whole
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Record<'a>;

    #[inline]
    fn next(&mut self) -> Option<Record<'a>> {
        let sections = [Section::Answer, Section::Authority, Section::Additional];
        let (left, section) = self.left.iter_mut().zip(sections).find(|(left, _)| **left > 0)?;
        *left -= 1;
        let owner = self.at;
        let read = skip_name(self.octets, owner).and_then(|fixed| {
            let (&[t1, t2, c1, c2, l1, l2, l3, l4, d1, d2], rest) =
                self.octets.get(fixed..)?.split_first_chunk::<10>()?;
            let length = usize::from(u16::from_be_bytes([d1, d2]));
            rest.get(..length)?;
            let start = fixed + 10;
            Some(Record {
                octets: self.octets,
                owner,
                section,
                rtype: u16::from_be_bytes([t1, t2]),
                class: u16::from_be_bytes([c1, c2]),
                ttl: u32::from_be_bytes([l1, l2, l3, l4]),
                range: start..start + length,
            })
        });
        match &read {
            Some(record) => self.at = record.range.end,
            None => (self.left, self.is_whole) = ([0; 3], false),
        }
        read
    }
}

//----------- Names ----------------------------------------------------------

/// Where the octets of the name at `at` end, a pointer not followed.
#[inline]
fn skip_name(octets: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match *octets.get(at)? {
            0 => return Some(at + 1),
            length @ 1..=63 => at += 1 + usize::from(length),
            0xc0.. => return octets.get(at + 1).map(|_| at + 2),
            // Label types that nobody uses (RFC 6891 §5).
            _ => return None,
        }
    }
}

/// The name at `at`, uncompressed, and where its octets end there.
///
/// A pointer leads to an earlier octet than the name or the pointer before it began at, so there is no loop
/// (RFC 1035 §4.1.4: to a prior occurrence).
pub fn name_at(octets: &[u8], at: usize) -> Option<(Vec<u8>, usize)> {
    let end = skip_name(octets, at)?;
    let mut name = Vec::new();
    let (mut at, mut begin, mut pointers) = (at, at, 0);
    loop {
        match *octets.get(at)? {
            0 => {
                name.push(0);
                return Some((name, end));
            }
            length @ 1..=63 => {
                let label = octets.get(at..at + 1 + usize::from(length))?;
                if name.len() + label.len() >= MAX_NAME {
                    return None;
                }
                name.extend_from_slice(label);
                at += label.len();
            }
            high @ 0xc0.. => {
                let to = usize::from(high & 0x3f) << 8 | usize::from(*octets.get(at + 1)?);
                // No name has more labels than that, so none needs more pointers.
                pointers += 1;
                if to >= begin || pointers > MAX_NAME / 2 {
                    return None;
                }
                (at, begin) = (to, to);
            }
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_octets_are_read_without_panic(octets in prop::collection::vec(prop_oneof![any::<u8>(), Just(0xc0), Just(0), Just(1)], 0..200)) {
            if let Some(message) = Message::read(&octets) {
                let mut records = message.records();
                for record in records.by_ref() {
                    prop_assert!(record.owner().is_none_or(|name| name.len() <= MAX_NAME));
                    let _ = (record.data_with_name(7), record.name_in_data(0));
                }
                let _ = records.is_whole();
            }
        }
    }

    #[test]
    fn pointers_lead_back_or_nowhere() {
        // www.a, with the last label by a pointer; then pointers to itself, forward, and in a circle.
        let octets = [1, b'a', 0, 3, b'w', b'w', b'w', 0xc0, 0, 0xc0, 9, 0xc0, 13, 0xc0, 11];
        assert_eq!(Some((vec![3, b'w', b'w', b'w', 1, b'a', 0], 9)), name_at(&octets, 3));
        for at in [9, 11, 13] {
            assert_eq!(None, name_at(&octets, at), "{at}");
        }
        assert_eq!(None, name_at(&[0x41, 0], 0), "a reserved label type");
        assert_eq!(None, name_at(&[0xc0], 0), "half a pointer");
    }

    #[test]
    fn a_name_made_of_pointers_has_255_octets_at_most() {
        // Labels of 50 octets, each followed by a pointer to the one before it.
        let mut octets = vec![0];
        let mut before = 0_u16;
        let mut found = Vec::new();
        for _ in 0..6 {
            let start = octets.len() as u16;
            octets.push(50);
            octets.extend([b'a'; 50]);
            octets.extend((0xc000 | before).to_be_bytes());
            found.push(name_at(&octets, start.into()).map(|(name, _)| name.len()));
            before = start;
        }
        assert_eq!(vec![Some(52), Some(103), Some(154), Some(205), None, None], found);
    }

    #[test]
    fn records_end_where_one_is_cut_short() {
        let mut octets = vec![0, 1, 0x80, 0, 0, 0, 0, 2, 0, 0, 0, 0];
        for _ in 0..2 {
            octets.extend([0, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 192, 0, 2, 1]);
        }
        let read = |octets: &[u8]| {
            let mut records = Message::read(octets).unwrap().records();
            (records.by_ref().map(|record| record.data().len()).collect::<Vec<_>>(), records.is_whole())
        };
        assert_eq!((vec![4, 4], true), read(&octets));
        assert_eq!((vec![4], false), read(&octets[..octets.len() - 1]));
    }
}
