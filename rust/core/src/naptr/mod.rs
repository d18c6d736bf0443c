//! NAPTR record data: the six fields, wire and presentation form (RFC 3403 §4.1).
//!
//! [`text`] holds the presentation form, [`services`] the grammars of the SERVICES field, [`registry`] which
//! enumservices there are, [`zone`] finds records in zone files.

pub mod registry;
pub mod services;
pub mod text;
pub mod zone;

use crate::dns::name;

/// The most octets of flags, services or regexp (RFC 1035 §3.3 `<character-string>`).
pub const MAX_STRING: usize = 255;

//----------- Naptr ----------------------------------------------------------

/// The data of one NAPTR record. Strings are octets: nothing says that they are text.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Naptr {
    order: u16,
    preference: u16,
    flags: Box<[u8]>,
    services: Box<[u8]>,
    regexp: Box<[u8]>,
    /// Wire form, root label included.
    replacement: Box<[u8]>,
}

impl Naptr {
    /// A record of these fields; `replacement` is a name in text, `.` if unused.
    pub fn new(
        order: u16,
        preference: u16,
        [flags, services, regexp]: [&[u8]; 3],
        replacement: &str,
    ) -> Result<Self, NaptrError> {
        let strings = [("flags", flags), ("services", services), ("regexp", regexp)];
        if let Some((field, string)) = strings.into_iter().find(|(_, string)| string.len() > MAX_STRING) {
            return Err(NaptrError::StringTooLong { field, octets: string.len() });
        }
        let replacement = name::to_wire(replacement).map_err(|error| NaptrError::Replacement { error })?;
        Ok(Self {
            order,
            preference,
            flags: flags.into(),
            services: services.into(),
            regexp: regexp.into(),
            replacement: replacement.into(),
        })
    }

    /// The value of the numeric field of this name.
    pub fn number(field: &'static str, value: i64) -> Result<u16, NaptrError> {
        u16::try_from(value).map_err(|_| NaptrError::NotANumber { field, found: value.to_string() })
    }

    /// Reads record data whose replacement is not compressed; nothing may follow it.
    ///
    /// Inside a message, where old servers compress it (RFC 3597 §4), hickory-proto reads records.
    pub fn from_wire(rdata: &[u8]) -> Result<Self, NaptrError> {
        let cut = NaptrError::CutShort { octets: rdata.len() };
        let (&[o1, o2, p1, p2], rest) = rdata.split_first_chunk::<4>().ok_or(cut.clone())?;
        let string = |rest: &mut &[u8]| -> Option<Box<[u8]>> {
            let (length, after) = rest.split_first()?;
            let (string, after) = after.split_at_checked(usize::from(*length))?;
            *rest = after;
            Some(string.into())
        };
        let mut rest = rest;
        let (flags, services, regexp) = (string(&mut rest), string(&mut rest), string(&mut rest));
        let (Some(flags), Some(services), Some(regexp)) = (flags, services, regexp) else { return Err(cut) };
        let mut labels = rest;
        loop {
            match labels {
                [0] if rest.len() <= 255 => break,
                [length @ 1..=63, after @ ..] => {
                    labels = after.get(usize::from(*length)..).ok_or(cut.clone())?;
                }
                [] => return Err(cut),
                _ => return Err(NaptrError::ReplacementOctets),
            }
        }
        Ok(Self {
            order: u16::from_be_bytes([o1, o2]),
            preference: u16::from_be_bytes([p1, p2]),
            flags,
            services,
            regexp,
            replacement: rest.into(),
        })
    }

    /// The record data on the wire; the replacement is never compressed (RFC 3403 §4.1).
    pub fn to_wire(&self) -> Vec<u8> {
        let mut rdata =
            Vec::with_capacity(7 + self.regexp.len() + self.services.len() + self.replacement.len());
        rdata.extend_from_slice(&self.order.to_be_bytes());
        rdata.extend_from_slice(&self.preference.to_be_bytes());
        for string in [&self.flags, &self.services, &self.regexp] {
            rdata.push(string.len() as u8);
            rdata.extend_from_slice(string);
        }
        rdata.extend_from_slice(&self.replacement);
        rdata
    }

    /// ORDER: records are processed from low to high, and this says before preference.
    pub fn order(&self) -> u16 {
        self.order
    }

    /// PREFERENCE among records of equal order, low before high.
    pub fn preference(&self) -> u16 {
        self.preference
    }

    /// FLAGS: `u` if the regexp gives a URI (RFC 6116 §3.4.2).
    pub fn flags(&self) -> &[u8] {
        &self.flags
    }

    /// SERVICES (RFC 6116 §3.4.3).
    pub fn services(&self) -> &[u8] {
        &self.services
    }

    /// REGEXP: a substitution expression, or nothing.
    pub fn regexp(&self) -> &[u8] {
        &self.regexp
    }

    /// REPLACEMENT in text, `.` if it is unused.
    pub fn replacement(&self) -> String {
        name::to_text(&self.replacement)
    }
}

//----------- NaptrError -----------------------------------------------------

/// Why something is no NAPTR record data.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NaptrError {
    /// A string does not fit in its length octet.
    #[error("{field}: {octets} octets, at most {MAX_STRING} fit in a character-string")]
    StringTooLong {
        /// The field.
        field: &'static str,
        /// How long it is.
        octets: usize,
    },
    /// The replacement is no domain name.
    #[error("replacement: {error}")]
    Replacement {
        /// Why not.
        error: name::NameError,
    },
    /// The wire form's replacement is compressed, has a reserved label type, or is followed by more.
    #[error("replacement: not exactly one whole, uncompressed name")]
    ReplacementOctets,
    /// The wire form ends too early.
    #[error("record data of {octets} octets is cut short")]
    CutShort {
        /// How many octets there are.
        octets: usize,
    },
    /// Text is not six fields.
    #[error(
        "{found} fields, expected six: order preference \"flags\" \"services\" \"regexp\" replacement{hint}"
    )]
    FieldCount {
        /// How many were found.
        found: usize,
        /// What may be missing.
        hint: &'static str,
    },
    /// A number in text is none.
    #[error("{field}: found {found:?}, expected a number from 0 to 65535")]
    NotANumber {
        /// The field.
        field: &'static str,
        /// What was found.
        found: String,
    },
    /// Text cannot be split into fields.
    #[error("character {at}: {what}")]
    Syntax {
        /// Which character, counted from 1.
        at: usize,
        /// What is wrong there.
        what: &'static str,
    },
}
