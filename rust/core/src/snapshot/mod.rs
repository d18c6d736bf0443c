//! The snapshot: a built plan in one immutable file, read in place.
//!
//! - [`format`]: what lies where in the file, and the checks that a file must pass to be opened
//! - [`records`]: the fixed-size rows of the networks and ranges sections
//! - [`writer`]: sections to file, whole or not at all
//!
//! This file holds the handle: an open snapshot and the [`View`] that look-ups go through.

pub mod format;
pub mod records;
pub mod writer;

use std::fs::File;
use std::path::{Path, PathBuf};

use memmap2::{Advice, Mmap, MmapMut};
use zerocopy::FromBytes;
use zerocopy::byteorder::little_endian::U32;

use crate::index::Index;
use crate::trie::Trie;
pub use format::Fault;
use format::{Layout, Section};
pub use records::{Kind, NetworkRow, RangeRow};

//----------- Snapshot -------------------------------------------------------

/// An open snapshot. It is immutable: share it by reference or in an `Arc` between threads.
#[derive(Debug)]
pub struct Snapshot {
    octets: Octets,
    layout: Layout,
    path: Option<PathBuf>,
}

/// Where an open snapshot's octets lie.
#[derive(Debug)]
enum Octets {
    /// The file itself, shared with every process that maps it.
    Mapped(Mmap),
    /// A copy in anonymous memory that the kernel was asked to back with huge pages.
    Huge(MmapMut),
    /// A copy on the heap.
    Heap(Vec<u8>),
}

/// How a snapshot is brought into memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Memory {
    /// The file is mapped: no copy, one physical copy for all processes.
    #[default]
    Map,
    /// The file is copied into huge pages: slower to start, fewest TLB misses per look-up.
    Huge,
}

impl Snapshot {
    /// Opens the snapshot file at `path`.
    ///
    /// Header, section table and every section but the ported numbers are checked against their
    /// checksums, so the cost does not grow with the count of ported numbers;
    /// [`verify`](Self::verify) checks those as well.
    ///
    /// A file that is replaced by rename while mapped goes on being read as it was. One that is
    /// cut short in place by another program raises SIGBUS on a later access; numdip's own
    /// tools never write in place.
    pub fn open(path: &Path, memory: Memory) -> Result<Self, SnapshotError> {
        let at_path = |fault| SnapshotError { path: Some(path.to_owned()), fault };
        if path.is_dir() {
            let folder =
                std::io::Error::new(std::io::ErrorKind::IsADirectory, "is a folder: name a snapshot in it");
            return Err(at_path(Fault::Io(folder)));
        }
        let file = File::open(path).map_err(|error| at_path(Fault::Io(error)))?;
        let octets = map(&file, memory).map_err(|error| at_path(Fault::Io(error)))?;
        let layout = Layout::check(octets.as_slice()).map_err(at_path)?;
        let snapshot = Self { octets, layout, path: Some(path.to_owned()) };
        snapshot.check_rows().map_err(at_path)?;
        Ok(snapshot)
    }

    /// Opens a snapshot from its octets; the same checks as [`open`](Self::open).
    pub fn from_octets(octets: Vec<u8>) -> Result<Self, SnapshotError> {
        let nowhere = |fault| SnapshotError { path: None, fault };
        let layout = Layout::check(&octets).map_err(nowhere)?;
        let snapshot = Self { octets: Octets::Heap(octets), layout, path: None };
        snapshot.check_rows().map_err(nowhere)?;
        Ok(snapshot)
    }

    /// The file it was opened from.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Octets of the file.
    pub fn size(&self) -> usize {
        self.octets.as_slice().len()
    }

    /// What the builder noted about the plan: JSON text.
    pub fn meta(&self) -> &str {
        std::str::from_utf8(self.section(Section::Meta)).unwrap_or("")
    }

    /// The sections as typed slices, for look-ups. Cheap; take one per look-up or per batch.
    #[inline]
    pub fn view(&self) -> View<'_> {
        // Sections of an open snapshot have been found to hold whole rows.
        View {
            trie: Trie::new(self.section(Section::TrieNodes), self.section(Section::TrieValues))
                .unwrap_or_default(),
            index: Index::new(self.section(Section::Index)).unwrap_or_default(),
            ranges: <[RangeRow]>::ref_from_bytes(self.section(Section::Ranges)).unwrap_or_default(),
            networks: <[NetworkRow]>::ref_from_bytes(self.section(Section::Networks)).unwrap_or_default(),
            text_ends: <[U32]>::ref_from_bytes(self.section(Section::TextEnds)).unwrap_or_default(),
            text: self.section(Section::Text),
        }
    }

    /// Checks every octet: all checksums, and that each row points at something that is there.
    pub fn verify(&self) -> Result<(), SnapshotError> {
        let here = |fault| SnapshotError { path: self.path.clone(), fault };
        self.layout.verify(self.octets.as_slice()).map_err(here)?;
        self.view().verify().map_err(here)
    }

    /// The octets of one section, as they lie in the file.
    #[inline]
    pub fn section(&self, section: Section) -> &[u8] {
        self.layout.octets(self.octets.as_slice(), section)
    }

    /// Finds sections that hold no whole count of rows; [`view`](Self::view) relies on it.
    fn check_rows(&self) -> Result<(), Fault> {
        let damaged = |section| Fault::Damaged { section, what: "its length is not a whole count of rows" };
        Trie::new(self.section(Section::TrieNodes), self.section(Section::TrieValues))
            .ok_or_else(|| damaged(Section::TrieNodes))?;
        Index::new(self.section(Section::Index)).ok_or_else(|| damaged(Section::Index))?;
        <[RangeRow]>::ref_from_bytes(self.section(Section::Ranges)).map_err(|_| damaged(Section::Ranges))?;
        <[NetworkRow]>::ref_from_bytes(self.section(Section::Networks))
            .map_err(|_| damaged(Section::Networks))?;
        <[U32]>::ref_from_bytes(self.section(Section::TextEnds)).map_err(|_| damaged(Section::TextEnds))?;
        std::str::from_utf8(self.section(Section::Meta))
            .map_err(|_| Fault::Damaged { section: Section::Meta, what: "it is not UTF-8" })?;
        Ok(())
    }
}

impl Octets {
    #[inline]
    fn as_slice(&self) -> &[u8] {
        match self {
            Self::Mapped(map) => map,
            Self::Huge(map) => map,
            Self::Heap(octets) => octets,
        }
    }
}

fn map(file: &File, memory: Memory) -> std::io::Result<Octets> {
    let length = file.metadata()?.len();
    if length == 0 {
        // An empty file cannot be mapped; the header check says what is wrong with it.
        return Ok(Octets::Heap(Vec::new()));
    }
    #[allow(unsafe_code, reason = "the one place that maps a file")]
    // SAFETY: the map is private to this handle, read-only, and handed out as `&[u8]` only, so what
    // could break is another process changing the octets under such a reference. numdip publishes
    // snapshots by rename and never writes into one that is published (`writer::publish`), so the
    // mapped inode stays as it is for as long as it is mapped. Against a third party that writes in
    // place no process can defend itself: every read here is bounds-checked against the length taken
    // now and values are never trusted as indices, so changed octets give wrong answers; a file
    // cut short raises SIGBUS, which `Snapshot::open` documents.
    let map = unsafe { Mmap::map(file)? };
    if memory == Memory::Map {
        return Ok(Octets::Mapped(map));
    }
    let mut copy = MmapMut::map_anon(map.len())?;
    // Advice only: on a kernel without transparent huge pages the copy still serves.
    let _ = copy.advise(Advice::HugePage);
    copy.copy_from_slice(&map);
    Ok(Octets::Huge(copy))
}

//----------- View -----------------------------------------------------------

/// A snapshot's sections as typed slices.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// Prefix of a range → the first of its rows in [`ranges`](Self::ranges).
    pub trie: Trie<'a>,
    /// Ported number → network.
    pub index: Index<'a>,
    /// The distinct rows of ranges; rows of one prefix are adjacent, shorter numbers first.
    pub ranges: &'a [RangeRow],
    /// All networks that ranges and ported numbers name.
    pub networks: &'a [NetworkRow],
    text_ends: &'a [U32],
    text: &'a [u8],
}

impl<'a> View<'a> {
    /// The network with this index.
    pub fn network(&self, index: u32) -> Option<&'a NetworkRow> {
        self.networks.get(index as usize)
    }

    /// The rows of the prefix whose first row has this index.
    #[inline]
    pub fn ranges_from(&self, first: u32) -> &'a [RangeRow] {
        let rows = self.ranges.get(first as usize..).unwrap_or_default();
        let more = rows.iter().take_while(|row| row.has_next()).count();
        rows.get(..=more).unwrap_or_default()
    }

    /// The text with this id; id 0 and texts that cannot be read are `None`.
    pub fn text(&self, id: U32) -> Option<&'a str> {
        let id = (id.get() as usize).checked_sub(1)?;
        let end = self.text_ends.get(id)?.get() as usize;
        let start = match id.checked_sub(1) {
            Some(before) => self.text_ends.get(before)?.get() as usize,
            None => 0,
        };
        std::str::from_utf8(self.text.get(start..end)?).ok()
    }

    /// Follows every reference once.
    fn verify(&self) -> Result<(), Fault> {
        let damaged = |section, what| Err(Fault::Damaged { section, what });
        let texts = self.text_ends.len();
        for id in 1..=texts as u32 {
            if self.text(U32::new(id)).is_none() {
                return damaged(Section::Text, "a text is out of bounds or not UTF-8");
            }
        }
        for network in self.networks {
            if !network.is_well_formed() || network.texts().iter().any(|id| id.get() as usize > texts) {
                return damaged(Section::Networks, "a row is malformed");
            }
        }
        for range in self.ranges {
            if !range.is_well_formed() || range.network.get() as usize >= self.networks.len() {
                return damaged(Section::Ranges, "a row is malformed or names no network");
            }
        }
        if self.ranges.last().is_some_and(RangeRow::has_next) {
            return damaged(Section::Ranges, "the last row announces another");
        }
        if !self.trie.is_whole() {
            return damaged(Section::TrieNodes, "its nodes and values do not make one tree");
        }
        if self.trie.iter().any(|(_, first)| first as usize >= self.ranges.len()) {
            return damaged(Section::TrieValues, "a prefix names no range");
        }
        let (mut previous, mut listed) = (0, 0);
        for (number, network) in self.index.iter() {
            match number {
                Some(number) if number.key() > previous && (network as usize) < self.networks.len() => {
                    previous = number.key();
                    listed += 1;
                }
                _ => return damaged(Section::Index, "numbers are out of order or name no network"),
            }
        }
        match listed == self.index.len() {
            true => Ok(()),
            false => damaged(Section::Index, "it holds more or fewer numbers than it says"),
        }
    }
}

//----------- SnapshotError --------------------------------------------------

/// Why a snapshot cannot be used, and which one.
#[derive(Debug)]
pub struct SnapshotError {
    /// The file, if it came from one.
    pub path: Option<PathBuf>,
    /// What is wrong.
    pub fault: Fault,
}

impl std::fmt::Display for SnapshotError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.path {
            Some(path) => write!(f, "{}: {}", path.display(), self.fault),
            None => write!(f, "snapshot: {}", self.fault),
        }
    }
}

impl std::error::Error for SnapshotError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.fault)
    }
}
