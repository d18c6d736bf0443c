//! Reads a query of the common shape: one question, no other record but at most one OPT at the end.

use super::{HEADER, TYPE_OPT};

/// The most octets of a name on the wire (RFC 1035 §2.3.4).
const MAX_NAME: usize = 255;

//----------- Head -----------------------------------------------------------

/// A message's header (RFC 1035 §4.1.1), as far as it decides what to do with the message.
#[derive(Clone, Copy, Debug)]
pub struct Head {
    /// Chosen by the client and returned to it.
    pub id: [u8; 2],
    /// What is asked: 0 is a query.
    pub opcode: u8,
    /// How many questions, answers, authority and additional records follow.
    pub counts: [u16; 4],
}

impl Head {
    /// The header of `message`, or `None` if nothing may answer it: it is shorter than a header, or a
    /// response itself, and two servers answering each other's responses never end.
    #[inline]
    pub fn of_request(message: &[u8]) -> Option<Self> {
        let (header, _) = message.split_first_chunk::<HEADER>()?;
        let [a, b, flags, _, qd1, qd2, an1, an2, ns1, ns2, ar1, ar2] = *header;
        if flags & 0x80 != 0 {
            return None;
        }
        let count = |a, b| u16::from_be_bytes([a, b]);
        Some(Self {
            id: [a, b],
            opcode: flags >> 3 & 0xf,
            counts: [count(qd1, qd2), count(an1, an2), count(ns1, ns2), count(ar1, ar2)],
        })
    }
}

//----------- Question -------------------------------------------------------

/// The question (RFC 1035 §4.1.2).
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// The whole question as it came, to be returned octet for octet.
    pub octets: &'a [u8],
    /// The name on the wire, root label included, letter case as it came.
    pub name: &'a [u8],
    /// QTYPE.
    pub rtype: u16,
    /// QCLASS.
    pub class: u16,
}

impl<'a> Question<'a> {
    /// Reads the question behind the header, and gives what follows it.
    ///
    /// `None` if it is cut short, too long, or has a label that is not plain: there is no earlier
    /// name that a compression pointer could point at (RFC 1035 §4.1.4).
    #[inline]
    pub fn read(message: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let body = message.get(HEADER..)?;
        let mut end = 0;
        // Four labels of one octet at a time: that is what nearly all of the name is.
        while let Some(Some(labels)) = body.get(end..end + 8).map(<[u8]>::first_chunk) {
            let lengths = u64::from_le_bytes(*labels) & 0x00ff_00ff_00ff_00ff;
            if lengths != 0x0001_0001_0001_0001 || end + 8 >= MAX_NAME {
                break;
            }
            end += 8;
        }
        loop {
            let length = usize::from(*body.get(end)?);
            end += 1 + length;
            match length {
                0 => break,
                1..=63 if end < MAX_NAME => {}
                _ => return None,
            }
        }
        let (name, fixed) = body.split_at_checked(end)?;
        let (&[t1, t2, c1, c2], rest) = fixed.split_first_chunk::<4>()?;
        let octets = body.get(..end + 4)?;
        Some((
            Self { octets, name, rtype: u16::from_be_bytes([t1, t2]), class: u16::from_be_bytes([c1, c2]) },
            rest,
        ))
    }
}

//----------- Edns -----------------------------------------------------------

/// What a query's OPT record says (RFC 6891 §6.1.2), as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edns {
    /// The UDP size that the client takes.
    pub udp_size: u16,
    /// The version that the client speaks.
    pub version: u8,
}

impl Edns {
    /// Reads `octets` as exactly one OPT record whose options fill its data. Options are not needed by
    /// any profile that the hot path serves, and unknown ones are to be ignored (RFC 6891 §6.1.2).
    #[inline]
    fn read(octets: &[u8]) -> Option<Self> {
        let (&[root, t1, t2, s1, s2, _rcode, version, _z1, _z2, l1, l2], mut options) =
            octets.split_first_chunk::<11>()?;
        let is_opt = root == 0 && u16::from_be_bytes([t1, t2]) == TYPE_OPT;
        if !is_opt || options.len() != usize::from(u16::from_be_bytes([l1, l2])) {
            return None;
        }
        while let Some((&[_, _, l1, l2], data)) = options.split_first_chunk::<4>() {
            options = data.get(usize::from(u16::from_be_bytes([l1, l2]))..)?;
        }
        options.is_empty().then_some(Self { udp_size: u16::from_be_bytes([s1, s2]), version })
    }
}

//----------- Query ----------------------------------------------------------

/// A query of the common shape.
#[derive(Clone, Copy, Debug)]
pub struct Query<'a> {
    /// Chosen by the client and returned to it.
    pub id: [u8; 2],
    /// The question.
    pub question: Question<'a>,
    /// What its OPT record says, if it has one.
    pub edns: Option<Edns>,
}

impl<'a> Query<'a> {
    /// Reads `message`, whose header is `head`, if it has the common shape.
    #[inline]
    pub fn read(head: &Head, message: &'a [u8]) -> Option<Self> {
        let [1, 0, 0, additional @ (0 | 1)] = head.counts else { return None };
        if head.opcode != 0 {
            return None;
        }
        let (question, rest) = Question::read(message)?;
        let edns = match additional {
            0 if rest.is_empty() => None,
            0 => return None,
            _ => Some(Edns::read(rest)?),
        };
        Some(Self { id: head.id, question, edns })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_octets_are_read_without_panic(message: Vec<u8>) {
            if let Some(head) = Head::of_request(&message) {
                let _ = Query::read(&head, &message);
            }
        }
    }

    #[test]
    fn a_name_of_255_octets_is_read_and_one_of_256_is_not() {
        for (octets, readable) in [(255, true), (256, false)] {
            let mut message = vec![0; HEADER];
            let mut left = octets - 1;
            while left > 0 {
                let label = (left - 1).min(63).min(if left == 65 { 62 } else { 63 });
                message.push(label as u8);
                message.extend(std::iter::repeat_n(b'a', label));
                left -= label + 1;
            }
            message.extend([0, 0, 35, 0, 1]);
            assert_eq!(readable, Question::read(&message).is_some(), "{octets}");
        }
    }
}
