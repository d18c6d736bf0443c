//! What lies where in a snapshot file, and the checks that a file must pass.
//!
//! ```text
//! 0    magic "numdip\x1a\n"            a text-mode copy or a cut tail shows at once
//! 8    version u32, sections u32
//! 16   length of the file u64
//! 24   xxh3-64 of header and section table, this field taken as 0
//! 32   reserved, 32 octets of 0
//! 64   section table: kind u32, 0 u32, offset u64, length u64, xxh3-64 u64; by kind, ascending
//! …    sections, each at a multiple of 64, zeros between them
//! ```
//!
//! All integers are little-endian. Each [`Section`] is there exactly once; an empty one has length 0.

use xxhash_rust::xxh3::{Xxh3, xxh3_64};
use zerocopy::byteorder::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// The version of the format that this code reads and writes.
pub const VERSION: u32 = 2;
/// What a snapshot file begins with.
pub const MAGIC: [u8; 8] = *b"numdip\x1a\n";
/// Where sections may begin: multiples of this, a cache line.
pub const ALIGNMENT: u64 = 64;

//----------- Section --------------------------------------------------------

/// The sections of a snapshot, in the order of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u32)]
pub enum Section {
    /// JSON text about the plan.
    Meta = 1,
    /// One [`Lineage`](super::lineage::Lineage): where the file stands in the plan's history.
    Lineage,
    /// u32 per text: where it ends in [`Text`](Self::Text).
    TextEnds,
    /// All texts, one after another, UTF-8.
    Text,
    /// [`NetworkRow`](super::NetworkRow)s.
    Networks,
    /// [`RangeRow`](super::RangeRow)s.
    Ranges,
    /// Nodes of the [trie](crate::trie).
    TrieNodes,
    /// Values of the trie: u32 indices into the ranges.
    TrieValues,
    /// The [ported numbers](crate::index).
    Index,
    /// Numbers that have [records](super::record_sets) of their own, an [index](crate::index) to record sets.
    RecordNumbers,
    /// Nodes of the [trie](crate::trie) of prefixes with records.
    RuleNodes,
    /// Its values: record sets.
    RuleValues,
    /// Names with records that stand for no number.
    Names,
    /// u64 per record set: where it ends in [`RecordSets`](Self::RecordSets).
    RecordSetEnds,
    /// The record sets, one after another.
    RecordSets,
}

impl Section {
    /// Every section, by kind.
    pub const ALL: [Self; 15] = [
        Self::Meta,
        Self::Lineage,
        Self::TextEnds,
        Self::Text,
        Self::Networks,
        Self::Ranges,
        Self::TrieNodes,
        Self::TrieValues,
        Self::Index,
        Self::RecordNumbers,
        Self::RuleNodes,
        Self::RuleValues,
        Self::Names,
        Self::RecordSetEnds,
        Self::RecordSets,
    ];

    /// Whether its checksum is checked whenever a snapshot is opened. What grows with numbers can be
    /// gigabytes; it is checked by [`verify`](super::Snapshot::verify) alone.
    fn is_checked_on_open(self) -> bool {
        !matches!(self, Self::Index | Self::RecordNumbers | Self::RecordSetEnds | Self::RecordSets)
    }
}

impl std::fmt::Display for Section {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Meta => "meta",
            Self::Lineage => "lineage",
            Self::TextEnds => "text ends",
            Self::Text => "text",
            Self::Networks => "networks",
            Self::Ranges => "ranges",
            Self::TrieNodes => "trie nodes",
            Self::TrieValues => "trie values",
            Self::Index => "ported numbers",
            Self::RecordNumbers => "numbers with records",
            Self::RuleNodes => "rule nodes",
            Self::RuleValues => "rule values",
            Self::Names => "names",
            Self::RecordSetEnds => "record set ends",
            Self::RecordSets => "record sets",
        })
    }
}

//----------- Header ---------------------------------------------------------

/// The first 64 octets.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(super) struct Header {
    pub magic: [u8; 8],
    pub version: U32,
    pub sections: U32,
    pub length: U64,
    pub checksum: U64,
    pub reserved: [u8; 32],
}

/// One row of the section table.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(super) struct Entry {
    pub kind: U32,
    pub zero: U32,
    pub offset: U64,
    pub length: U64,
    pub checksum: U64,
}

/// The checksum that a header and its table should carry.
pub(super) fn checksum(header: &Header, table: &[Entry]) -> u64 {
    let mut hash = Xxh3::new();
    hash.update(Header { checksum: U64::ZERO, ..*header }.as_bytes());
    hash.update(table.as_bytes());
    hash.digest()
}

//----------- Layout ---------------------------------------------------------

/// Where each section of a checked file lies.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    places: [Place; Section::ALL.len()],
}

#[derive(Clone, Copy, Debug, Default)]
struct Place {
    start: usize,
    end: usize,
    checksum: u64,
}

impl Layout {
    /// Octets of header and table, which hold the checksums of all that follows.
    pub(super) const BEGINNING: usize = size_of::<Header>() + Section::ALL.len() * size_of::<Entry>();

    /// Checks a file's header and table, and the sections that [are checked on
    /// open](Section::is_checked_on_open).
    pub(super) fn check(octets: &[u8]) -> Result<Self, Fault> {
        let Some(magic) = octets.get(..MAGIC.len()) else {
            return Err(Fault::NotASnapshot);
        };
        if magic != MAGIC {
            return Err(Fault::NotASnapshot);
        }
        let truncated = |expected| Fault::Truncated { expected, found: octets.len() as u64 };
        let (header, rest) =
            Header::ref_from_prefix(octets).map_err(|_| truncated(size_of::<Header>() as u64))?;
        // The version comes first: other versions may have another header behind it.
        if header.version.get() != VERSION {
            return Err(Fault::Version { found: header.version.get() });
        }
        if header.length.get() != octets.len() as u64 {
            return Err(truncated(header.length.get()));
        }
        let count = header.sections.get() as usize;
        let (table, _) = <[Entry]>::ref_from_prefix_with_elems(rest, count)
            .map_err(|_| Fault::Header { what: "the section table does not fit in the file" })?;
        if checksum(header, table) != header.checksum.get() {
            return Err(Fault::Header { what: "its checksum does not match" });
        }
        let kinds = table.iter().map(|entry| entry.kind.get());
        if !kinds.eq(Section::ALL.map(|section| section as u32)) {
            return Err(Fault::Header {
                what: "the section table does not list the sections of this version",
            });
        }
        let mut layout = Self { places: Default::default() };
        let mut position = size_of::<Header>() + size_of_val(table);
        for ((section, entry), place) in Section::ALL.iter().zip(table).zip(&mut layout.places) {
            let bounds = usize::try_from(entry.offset.get()).ok().and_then(|start| {
                Some((start, start.checked_add(usize::try_from(entry.length.get()).ok()?)?))
            });
            let (start, end) = bounds.ok_or(Fault::Header { what: "a section is out of bounds" })?;
            // Sections stand in order, so the gaps are what lies between one's end and the next's start.
            let gap = octets.get(position..start).filter(|_| octets.len() >= end);
            match gap {
                Some(gap) if gap.len() < ALIGNMENT as usize && gap.iter().all(|&octet| octet == 0) => {}
                _ => return Err(Fault::Damaged { section: *section, what: "it is not where it should be" }),
            }
            *place = Place { start, end, checksum: entry.checksum.get() };
            position = end;
        }
        if octets.get(position..).is_none_or(|tail| !tail.is_empty()) {
            return Err(Fault::Header { what: "octets follow the last section" });
        }
        layout.verify_where(octets, Section::is_checked_on_open)?;
        Ok(layout)
    }

    /// Checks the checksum of every section.
    pub(super) fn verify(&self, octets: &[u8]) -> Result<(), Fault> {
        self.verify_where(octets, |_| true)
    }

    /// The octets of `section` in the file that this layout was read from.
    #[inline]
    pub(super) fn octets<'a>(&self, octets: &'a [u8], section: Section) -> &'a [u8] {
        let place = self.places.get(section as usize - 1).copied().unwrap_or_default();
        octets.get(place.start..place.end).unwrap_or_default()
    }

    fn verify_where(&self, octets: &[u8], wanted: impl Fn(Section) -> bool) -> Result<(), Fault> {
        for (section, place) in Section::ALL.into_iter().zip(&self.places) {
            if wanted(section) && xxh3_64(self.octets(octets, section)) != place.checksum {
                return Err(Fault::Damaged { section, what: "its checksum does not match" });
            }
        }
        Ok(())
    }
}

//----------- Fault ----------------------------------------------------------

/// What is wrong with a file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// It cannot be read or written.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// It does not begin as snapshots do.
    #[error("not a numdip snapshot: build one with `numdip plan build`")]
    NotASnapshot,
    /// It was written by another version.
    #[error("snapshot format {found}, this numdip reads {VERSION}: build it again with this version")]
    Version {
        /// The version found.
        found: u32,
    },
    /// It is shorter or longer than it says.
    #[error("{found} octets instead of {expected}: the file is incomplete or was changed, copy it again")]
    Truncated {
        /// The length that it states, or that its header needs.
        expected: u64,
        /// The length that it has.
        found: u64,
    },
    /// Its header is damaged.
    #[error("damaged header: {what}; copy the file again or rebuild it")]
    Header {
        /// What does not hold.
        what: &'static str,
    },
    /// It is sound, and not what is wanted here.
    #[error("{what}")]
    Misplaced {
        /// What it is, and what to do.
        what: String,
    },
    /// The layers beside it cannot be used, or a change to them cannot be made.
    #[error("{what}")]
    Layers {
        /// What does not hold, and what to do.
        what: String,
    },
    /// One of its sections is damaged.
    #[error("damaged section \"{section}\": {what}; copy the file again or rebuild it")]
    Damaged {
        /// The section.
        section: Section,
        /// What does not hold.
        what: &'static str,
    },
}
