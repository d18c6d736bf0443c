//! One snapshot file, open: a whole plan or a layer.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use memmap2::{Advice, Mmap, MmapMut};
use xxhash_rust::xxh3::xxh3_64;
use zerocopy::FromBytes;
use zerocopy::byteorder::little_endian::{U32, U64};

use super::format::{Fault, Layout, Section};
use super::lineage::{Lineage, Role};
use super::ported::Ported;
use super::record_sets::RecordSets;
use super::records::{NetworkRow, RangeRow};
use super::view::View;
use super::{Memory, SnapshotError};
use crate::index::Index;
use crate::trie::Trie;

//----------- SnapshotFile ---------------------------------------------------

/// An open file whose header, table and sections were found to hold.
#[derive(Debug)]
pub(super) struct SnapshotFile {
    octets: Octets,
    layout: Layout,
    lineage: Lineage,
    path: Option<PathBuf>,
    /// Which file it was when it was opened.
    identity: Option<Identity>,
}

/// Where an open snapshot's octets lie.
#[derive(Debug)]
enum Octets {
    /// The file itself, shared with every process that maps it.
    Mapped(Mmap),
    /// A copy in anonymous memory that the kernel was asked to back with huge pages.
    /// The file is its first octets, as many as the number says.
    Huge(MmapMut, usize),
    /// A copy on the heap.
    Heap(Vec<u8>),
}

impl SnapshotFile {
    /// Opens the file at `path`; see [`Snapshot::open`](super::Snapshot::open).
    pub(super) fn open(path: &Path, memory: Memory) -> Result<Self, SnapshotError> {
        let at_path = |fault| SnapshotError { path: Some(path.to_owned()), fault };
        if path.is_dir() {
            let folder =
                std::io::Error::new(std::io::ErrorKind::IsADirectory, "is a folder: name a snapshot in it");
            return Err(at_path(Fault::Io(folder)));
        }
        let file = File::open(path).map_err(|error| at_path(Fault::Io(error)))?;
        let identity = Identity::of(&file);
        let octets = map(&file, memory).map_err(|error| at_path(Fault::Io(error)))?;
        Self::check(octets, Some(path.to_owned()), identity).map_err(at_path)
    }

    /// Opens a file from its octets.
    pub(super) fn from_octets(octets: Vec<u8>) -> Result<Self, Fault> {
        Self::check(Octets::Heap(octets), None, None)
    }

    fn check(octets: Octets, path: Option<PathBuf>, identity: Option<Identity>) -> Result<Self, Fault> {
        let layout = Layout::check(octets.as_slice())?;
        let damaged = |what| Fault::Damaged { section: Section::Lineage, what };
        let lineage = *Lineage::ref_from_bytes(layout.octets(octets.as_slice(), Section::Lineage))
            .map_err(|_| damaged("its length is not that of one record"))?;
        if let Some(what) = lineage.fault() {
            return Err(damaged(what));
        }
        let file = Self { octets, layout, lineage, path, identity };
        file.check_rows()?;
        Ok(file)
    }

    pub(super) fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    pub(super) fn size(&self) -> usize {
        self.octets.as_slice().len()
    }

    pub(super) fn lineage(&self) -> &Lineage {
        &self.lineage
    }

    pub(super) fn memory(&self) -> Memory {
        match self.octets {
            Octets::Huge(..) => Memory::Huge,
            Octets::Mapped(_) | Octets::Heap(_) => Memory::Map,
        }
    }

    /// The checksum of the whole file.
    pub(super) fn checksum(&self) -> u64 {
        xxh3_64(self.octets.as_slice())
    }

    /// Whether what lies at its path now is this very file, so that opening it again would give the
    /// same octets. Their checksums are compared as well: numbers of files are used again.
    pub(super) fn is_still_at_its_path(&self) -> bool {
        let Some((path, identity)) = self.path.as_ref().zip(self.identity) else { return false };
        let Ok(mut file) = File::open(path) else { return false };
        let beginning = self.octets.as_slice().get(..Layout::BEGINNING).unwrap_or_default();
        let mut found = [0; Layout::BEGINNING];
        Identity::of(&file) == Some(identity) && file.read_exact(&mut found).is_ok() && found == beginning
    }

    /// Its sections as typed slices.
    #[inline]
    pub(super) fn view(&self) -> View<'_> {
        // Sections of an open snapshot have been found to hold whole rows.
        View {
            trie: Trie::new(self.section(Section::TrieNodes), self.section(Section::TrieValues))
                .unwrap_or_default(),
            ported: Ported::new(Index::new(self.section(Section::Index)).unwrap_or_default()),
            ranges: <[RangeRow]>::ref_from_bytes(self.section(Section::Ranges)).unwrap_or_default(),
            networks: <[NetworkRow]>::ref_from_bytes(self.section(Section::Networks)).unwrap_or_default(),
            text_ends: <[U32]>::ref_from_bytes(self.section(Section::TextEnds)).unwrap_or_default(),
            text: self.section(Section::Text),
            additions: None,
        }
    }

    /// Its DNS records.
    #[inline]
    pub(super) fn records(&self) -> RecordSets<'_> {
        RecordSets {
            numbers: Index::new(self.section(Section::RecordNumbers)).unwrap_or_default(),
            rules: Trie::new(self.section(Section::RuleNodes), self.section(Section::RuleValues))
                .unwrap_or_default(),
            names: self.section(Section::Names),
            ends: <[U64]>::ref_from_bytes(self.section(Section::RecordSetEnds)).unwrap_or_default(),
            octets: self.section(Section::RecordSets),
        }
    }

    /// Checks every octet: all checksums, and that each row points at something that is there.
    pub(super) fn verify(&self) -> Result<(), Fault> {
        self.layout.verify(self.octets.as_slice())?;
        self.view().verify(self.lineage.role().unwrap_or(Role::Plan))?;
        self.records().verify()
    }

    /// The octets of a section.
    #[inline]
    pub(super) fn section(&self, section: Section) -> &[u8] {
        self.layout.octets(self.octets.as_slice(), section)
    }

    /// Finds sections that hold no whole count of rows; [`view`](Self::view) relies on it.
    fn check_rows(&self) -> Result<(), Fault> {
        let damaged = |section| Fault::Damaged { section, what: "its length is not a whole count of rows" };
        Trie::new(self.section(Section::TrieNodes), self.section(Section::TrieValues))
            .ok_or_else(|| damaged(Section::TrieNodes))?;
        Index::new(self.section(Section::Index)).ok_or_else(|| damaged(Section::Index))?;
        Index::new(self.section(Section::RecordNumbers)).ok_or_else(|| damaged(Section::RecordNumbers))?;
        Trie::new(self.section(Section::RuleNodes), self.section(Section::RuleValues))
            .ok_or_else(|| damaged(Section::RuleNodes))?;
        <[U64]>::ref_from_bytes(self.section(Section::RecordSetEnds))
            .map_err(|_| damaged(Section::RecordSetEnds))?;
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
            Self::Huge(map, length) => map.get(..*length).unwrap_or_default(),
            Self::Heap(octets) => octets,
        }
    }
}

/// The usual size of a huge page. Where it is another, fewer octets than could lie in them do.
const HUGE_PAGE: usize = 2 << 20;

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
    // Whole huge pages: of what is smaller, and of an end that does not fill one, the kernel makes none.
    let mut copy = MmapMut::map_anon(map.len().next_multiple_of(HUGE_PAGE))?;
    // Advice only: on a kernel without transparent huge pages the copy still serves.
    let _ = copy.advise(Advice::HugePage);
    if let Some(place) = copy.get_mut(..map.len()) {
        place.copy_from_slice(&map);
    }
    Ok(Octets::Huge(copy, map.len()))
}

//----------- Identity -------------------------------------------------------

/// What tells a file from the one that replaces it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    device: u64,
    number: u64,
    length: u64,
    modified: (i64, i64),
}

impl Identity {
    /// That of the file at `path`, if there is one.
    pub(super) fn at(path: &Path) -> Option<Self> {
        std::fs::metadata(path).ok().as_ref().and_then(Self::read)
    }

    fn of(file: &File) -> Option<Self> {
        file.metadata().ok().as_ref().and_then(Self::read)
    }

    #[cfg(unix)]
    fn read(found: &std::fs::Metadata) -> Option<Self> {
        use std::os::unix::fs::MetadataExt;
        let modified = (found.mtime(), found.mtime_nsec());
        Some(Self { device: found.dev(), number: found.ino(), length: found.len(), modified })
    }

    #[cfg(not(unix))]
    fn read(_found: &std::fs::Metadata) -> Option<Self> {
        None
    }
}
