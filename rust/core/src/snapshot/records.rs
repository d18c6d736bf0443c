//! The fixed-size rows of the networks and ranges sections, as they lie in the file.

use zerocopy::byteorder::little_endian::U32;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::lineage::Role;
use crate::number::MAX_DIGITS;

//----------- NetworkRow -----------------------------------------------------

/// What an answer names, 28 octets. Texts are ids for [`View::text`](super::View::text), 0 if unknown.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct NetworkRow {
    /// E.212 mobile country code: three ASCII digits, or zeros if unknown.
    pub mcc: [u8; 3],
    /// E.212 mobile network code: two or three ASCII digits, then zeros; all zeros if unknown.
    pub mnc: [u8; 3],
    /// [`REMOVED`](Self::REMOVED) or 0.
    pub flags: u8,
    /// Zero.
    pub reserved: u8,
    /// Operator name.
    pub operator: U32,
    /// Service provider identifier.
    pub spid: U32,
    /// Routing number (RFC 4694 §4 `rn`).
    pub rn: U32,
    /// Its context (RFC 4694 §4 `rn-context`).
    pub rn_context: U32,
    /// Where the statement that names this network was read.
    pub source: U32,
}

impl NetworkRow {
    /// Flag, in layers alone: no network, but the statement that a number is ported no longer.
    pub const REMOVED: u8 = 1;

    /// Whether this stands for numbers that are ported no longer.
    pub fn is_removal(&self) -> bool {
        self.flags & Self::REMOVED != 0
    }

    /// The MCC as text.
    pub fn mcc(&self) -> Option<&str> {
        code(&self.mcc)
    }

    /// The MNC as text: two or three digits, leading zeros kept.
    pub fn mnc(&self) -> Option<&str> {
        code(&self.mnc)
    }

    /// All text ids.
    pub fn texts(&self) -> [U32; 5] {
        [self.operator, self.spid, self.rn, self.rn_context, self.source]
    }

    /// The same row with each text's id replaced by the one that `anew` gives for it, if it gives all.
    pub fn with_texts(&self, mut anew: impl FnMut(U32) -> Option<U32>) -> Option<Self> {
        Some(Self {
            operator: anew(self.operator)?,
            spid: anew(self.spid)?,
            rn: anew(self.rn)?,
            rn_context: anew(self.rn_context)?,
            source: anew(self.source)?,
            ..*self
        })
    }

    pub(super) fn is_well_formed(&self, role: Role) -> bool {
        let flags = if role == Role::Plan { 0 } else { Self::REMOVED };
        let digits = |code: &[u8; 3], lengths: &[usize]| {
            let used = code.iter().take_while(|octet| octet.is_ascii_digit()).count();
            lengths.contains(&used) && code.iter().skip(used).all(|&octet| octet == 0)
        };
        digits(&self.mcc, &[0, 3])
            && digits(&self.mnc, &[0, 2, 3])
            && self.flags & !flags == 0
            && self.reserved == 0
    }
}

/// The text of a code padded with zeros; `None` if it is empty.
fn code(octets: &[u8; 3]) -> Option<&str> {
    let used = octets.split(|&octet| octet == 0).next()?;
    std::str::from_utf8(used).ok().filter(|text| !text.is_empty())
}

//----------- RangeRow -------------------------------------------------------

/// One range: all numbers of some lengths that start with its prefix; 12 octets.
///
/// The prefix is not here: the trie leads from it to its first row, and prefixes whose rows are equal
/// share them.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct RangeRow {
    /// Index of the network that holds the range.
    pub network: U32,
    /// ISO 3166-1 alpha-2 in ASCII, or zeros for ranges of no country.
    pub country: [u8; 2],
    /// The fewest digits of its numbers, country code included.
    pub min_length: u8,
    /// The most digits of its numbers, country code included.
    pub max_length: u8,
    /// A [`Kind`] as its number, 0 if unknown.
    pub kind: u8,
    /// [`PORTABLE`](Self::PORTABLE), [`HAS_NEXT`](Self::HAS_NEXT).
    pub flags: u8,
    /// Zeros.
    pub reserved: [u8; 2],
}

impl RangeRow {
    /// Flag: numbers of the range can move to other networks.
    pub const PORTABLE: u8 = 1;
    /// Flag: the next row belongs to the same prefix, with longer numbers.
    pub const HAS_NEXT: u8 = 2;

    /// Whether numbers with this count of digits belong to the range.
    pub fn takes_length(&self, digits: usize) -> bool {
        (usize::from(self.min_length)..=usize::from(self.max_length)).contains(&digits)
    }

    /// The country.
    pub fn country(&self) -> Option<&str> {
        std::str::from_utf8(&self.country)
            .ok()
            .filter(|text| text.bytes().all(|octet| octet.is_ascii_uppercase()))
    }

    /// What the numbers are for.
    pub fn kind(&self) -> Option<Kind> {
        Kind::ALL.get(usize::from(self.kind).checked_sub(1)?).copied()
    }

    /// Whether numbers of the range can move to other networks.
    pub fn is_portable(&self) -> bool {
        self.flags & Self::PORTABLE != 0
    }

    /// Whether the next row belongs to the same prefix.
    pub fn has_next(&self) -> bool {
        self.flags & Self::HAS_NEXT != 0
    }

    pub(super) fn is_well_formed(&self) -> bool {
        1 <= self.min_length
            && self.min_length <= self.max_length
            && usize::from(self.max_length) <= MAX_DIGITS
            && usize::from(self.kind) <= Kind::ALL.len()
            && self.flags & !(Self::PORTABLE | Self::HAS_NEXT) == 0
            && (self.country == [0; 2] || self.country().is_some())
            && self.reserved == [0; 2]
    }
}

//----------- Kind -----------------------------------------------------------

/// What the numbers of a range are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Kind {
    Mobile = 1,
    Fixed,
    FixedOrMobile,
    Voip,
    TollFree,
    Premium,
    SharedCost,
    Pager,
    Uan,
    Personal,
    Other,
}

impl Kind {
    /// Every kind, in the order of their numbers.
    pub const ALL: [Self; 11] = [
        Self::Mobile,
        Self::Fixed,
        Self::FixedOrMobile,
        Self::Voip,
        Self::TollFree,
        Self::Premium,
        Self::SharedCost,
        Self::Pager,
        Self::Uan,
        Self::Personal,
        Self::Other,
    ];

    /// The name used in plan files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mobile => "mobile",
            Self::Fixed => "fixed",
            Self::FixedOrMobile => "fixed-or-mobile",
            Self::Voip => "voip",
            Self::TollFree => "toll-free",
            Self::Premium => "premium",
            Self::SharedCost => "shared-cost",
            Self::Pager => "pager",
            Self::Uan => "uan",
            Self::Personal => "personal",
            Self::Other => "other",
        }
    }

    /// The kind with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Whether numbers of this kind can be mobile ones.
    pub fn may_be_mobile(self) -> bool {
        matches!(self, Self::Mobile | Self::FixedOrMobile)
    }
}
