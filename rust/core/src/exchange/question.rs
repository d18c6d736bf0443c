//! One question as octets: a query in whatever shape a server takes it.

use std::fmt;

use crate::apex::Apex;
use crate::dns::name::{self, NameError};
use crate::dns::{CLASS_IN, MAX_UDP_LIMIT, TYPE_NAPTR, TYPE_OPT};
use crate::number::Number;

/// EDNS option COOKIE (RFC 7873 §4).
pub(super) const OPTION_COOKIE: u16 = 10;

//----------- Question -------------------------------------------------------

/// A name and the type of its records that are wanted.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Question {
    /// Name, type and class as they stand in a message.
    octets: Box<[u8]>,
    /// What the letters of the name must be: exactly those sent, or whatever case.
    exact_case: bool,
}

impl Question {
    /// For the records of `rtype` at `name`, in text.
    pub fn new(name: &str, rtype: u16) -> Result<Self, NameError> {
        Ok(Self::of_wire(name::to_wire(name)?, rtype))
    }

    /// For the NAPTR records of `number` under `apex` (RFC 6116 §3.2).
    pub fn of_number(number: Number, apex: &Apex) -> Result<Self, NameError> {
        let digits = number.ascii();
        let digits = digits.get(..number.len()).unwrap_or_default();
        if digits.len() * 2 + apex.wire().len() > 255 {
            return Err(NameError::TooLong);
        }
        let mut octets = Vec::with_capacity(digits.len() * 2 + apex.wire().len() + 4);
        octets.extend(digits.iter().rev().flat_map(|digit| [1, *digit]));
        octets.extend_from_slice(apex.wire());
        Ok(Self::of_wire(octets, TYPE_NAPTR))
    }

    fn of_wire(mut octets: Vec<u8>, rtype: u16) -> Self {
        octets.extend_from_slice(&rtype.to_be_bytes());
        octets.extend_from_slice(&CLASS_IN.to_be_bytes());
        Self { octets: octets.into(), exact_case: false }
    }

    /// The same question with each letter's case drawn from `bits`, which an answer has to repeat: one bit more
    /// for each letter that a forger must guess.
    pub fn in_mixed_case(&self, mut bits: u64) -> Self {
        let mut octets = self.octets.clone();
        let name = octets.len() - 4;
        for octet in octets.iter_mut().take(name).filter(|octet| octet.is_ascii_alphabetic()) {
            if bits & 1 == 1 {
                *octet ^= 0x20;
            }
            // Names with more letters than bits repeat the pattern.
            bits = bits.rotate_right(1);
        }
        Self { octets, exact_case: true }
    }

    /// Name, type and class as they stand in a message.
    pub fn octets(&self) -> &[u8] {
        &self.octets
    }

    /// The name on the wire.
    pub fn name(&self) -> &[u8] {
        self.octets.split_at_checked(self.octets.len() - 4).unwrap_or_default().0
    }

    /// The type that is asked for.
    pub fn rtype(&self) -> u16 {
        match self.octets.get(self.octets.len() - 4..) {
            Some(&[high, low, _, _]) => u16::from_be_bytes([high, low]),
            _ => 0,
        }
    }

    /// Whether a message's body begins with this question.
    pub(super) fn is_of(&self, body: &[u8]) -> bool {
        let Some(theirs) = body.get(..self.octets.len()) else { return false };
        if theirs == &*self.octets {
            return true;
        }
        let name = self.name();
        !self.exact_case
            && theirs.get(name.len()..) == self.octets.get(name.len()..)
            && theirs.get(..name.len()).is_some_and(|theirs| theirs.eq_ignore_ascii_case(name))
    }

    /// Puts a query in `out`, in place of what it holds.
    ///
    /// Without `edns` it has no additional record, which some servers insist on.
    pub fn write(&self, message_id: u16, edns: Option<&Options<'_>>, out: &mut Vec<u8>) {
        let [id1, id2] = message_id.to_be_bytes();
        out.clear();
        // Recursion is desired: between us and the server that knows there may be a resolver.
        out.extend_from_slice(&[id1, id2, 0x01, 0, 0, 1, 0, 0, 0, 0, 0, u8::from(edns.is_some())]);
        out.extend_from_slice(&self.octets);
        let Some(options) = edns else { return };
        let cookie = options.cookie.unwrap_or_default();
        let length = if cookie.is_empty() { 0 } else { 4 + cookie.len() as u16 };
        out.push(0);
        for field in [TYPE_OPT, MAX_UDP_LIMIT as u16, 0, 0, length] {
            out.extend_from_slice(&field.to_be_bytes());
        }
        if !cookie.is_empty() {
            out.extend_from_slice(&OPTION_COOKIE.to_be_bytes());
            out.extend_from_slice(&(cookie.len() as u16).to_be_bytes());
            out.extend_from_slice(cookie);
        }
    }
}

impl fmt::Debug for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Question({} {})", name::to_text(self.name()), self.rtype())
    }
}

/// What an OPT record says beside its size (RFC 6891 §6.1.2).
#[derive(Clone, Copy, Debug, Default)]
pub struct Options<'a> {
    /// Client cookie, and the server's behind it if it is known (RFC 7873 §4); at most 40 octets.
    pub cookie: Option<&'a [u8]>,
}
