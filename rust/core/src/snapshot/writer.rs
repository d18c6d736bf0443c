//! Sections to octets.

use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, Write};
use std::path::Path;

use xxhash_rust::xxh3::{Xxh3, xxh3_64};
use zerocopy::byteorder::little_endian::{U32, U64};
use zerocopy::{FromBytes, IntoBytes};

use super::SnapshotError;
use super::format::{ALIGNMENT, Entry, Header, MAGIC, Section, VERSION, checksum};
use super::lineage::Lineage;
use super::publish::Staged;
pub use super::publish::folder_of;
use crate::index::Built;

/// What each section holds, in the order of [`Section::ALL`].
pub type Sections = [Content; Section::ALL.len()];

//----------- Content --------------------------------------------------------

/// The octets of one section.
#[derive(Debug)]
pub enum Content {
    /// As they are.
    Octets(Vec<u8>),
    /// Ported numbers as the index's builder gave them.
    Ported(Built<Spool>),
}

impl Default for Content {
    fn default() -> Self {
        Self::Octets(Vec::new())
    }
}

impl From<Vec<u8>> for Content {
    fn from(octets: Vec<u8>) -> Self {
        Self::Octets(octets)
    }
}

impl Content {
    /// Hands the octets to `take`, piece by piece.
    fn read(&self, mut take: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
        match self {
            Self::Octets(octets) => take(octets),
            Self::Ported(Built { numbers: 0, .. }) => Ok(()),
            Self::Ported(built) => {
                take(&built.head)?;
                built.lines.read(&mut take)?;
                take(&built.pages)?;
                built.data.read(&mut take)
            }
        }
    }
}

//----------- Spool ----------------------------------------------------------

/// Octets that are written before it is known what stands before them.
#[derive(Debug)]
pub enum Spool {
    /// Few enough for memory.
    Memory(Vec<u8>),
    /// In a file without a name, of which nothing is left behind.
    File(BufWriter<File>),
}

impl Default for Spool {
    fn default() -> Self {
        Self::Memory(Vec::new())
    }
}

impl Spool {
    /// An empty one on the disk that `folder` is on.
    pub fn in_folder(folder: &Path) -> io::Result<Self> {
        Ok(Self::File(BufWriter::with_capacity(1 << 20, tempfile::tempfile_in(folder)?)))
    }

    /// Hands the octets to `take`, piece by piece; those of a file must have been flushed.
    fn read(&self, take: &mut impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
        match self {
            Self::Memory(octets) => take(octets),
            Self::File(file) => read_file(file.get_ref(), take),
        }
    }
}

impl Write for Spool {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        match self {
            Self::Memory(memory) => memory.write(octets),
            Self::File(file) => file.write(octets),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Memory(_) => Ok(()),
            Self::File(file) => file.flush(),
        }
    }
}

fn read_file(mut file: &File, take: &mut impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
    file.rewind()?;
    let mut piece = vec![0; 1 << 20];
    loop {
        match file.read(&mut piece) {
            Ok(0) => return Ok(()),
            Ok(count) => take(piece.get(..count).unwrap_or_default())?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

//----------- Writing --------------------------------------------------------

/// Writes a snapshot with these sections to `out` and gives its state. The same sections give the same octets.
pub fn write(sections: &Sections, out: &mut impl Write) -> io::Result<u64> {
    let mut table = Vec::with_capacity(sections.len());
    let mut position = (size_of::<Header>() + sections.len() * size_of::<Entry>()) as u64;
    for (kind, content) in Section::ALL.into_iter().zip(sections) {
        let offset = position.next_multiple_of(ALIGNMENT);
        let (mut length, mut hash) = (0, Xxh3::new());
        content.read(|octets| {
            length += octets.len() as u64;
            hash.update(octets);
            Ok(())
        })?;
        position = offset + length;
        table.push(Entry {
            kind: U32::new(kind as u32),
            zero: U32::ZERO,
            offset: U64::new(offset),
            length: U64::new(length),
            checksum: U64::new(hash.digest()),
        });
    }
    // The state that the lineage tells follows from the other sections.
    let lineage = settled(sections, &table);
    if let Some((lineage, entry)) = lineage.as_ref().zip(table.get_mut(Section::Lineage as usize - 1)) {
        entry.checksum = U64::new(xxh3_64(lineage.as_bytes()));
    }
    let mut header = Header {
        magic: MAGIC,
        version: U32::new(VERSION),
        sections: U32::new(table.len() as u32),
        length: U64::new(position),
        checksum: U64::ZERO,
        reserved: [0; 32],
    };
    header.checksum = U64::new(checksum(&header, &table));
    out.write_all(header.as_bytes())?;
    out.write_all(table.as_bytes())?;
    let mut written = (size_of::<Header>() + size_of_val(table.as_slice())) as u64;
    for ((entry, content), kind) in table.iter().zip(sections).zip(Section::ALL) {
        let gap = entry.offset.get() - written;
        out.write_all([0; ALIGNMENT as usize].get(..gap as usize).unwrap_or_default())?;
        match (kind, &lineage) {
            (Section::Lineage, Some(lineage)) => out.write_all(lineage.as_bytes())?,
            _ => content.read(|octets| out.write_all(octets))?,
        }
        written = entry.offset.get() + entry.length.get();
    }
    Ok(lineage.map_or(0, |lineage| lineage.state()))
}

/// The lineage of these sections with its state filled in.
fn settled(sections: &Sections, table: &[Entry]) -> Option<Lineage> {
    let Content::Octets(octets) = sections.get(Section::Lineage as usize - 1)? else { return None };
    let others = table.iter().filter(|entry| entry.kind.get() != Section::Lineage as u32);
    Some(Lineage::read_from_bytes(octets).ok()?.settled(others.map(|entry| entry.checksum.get())))
}

/// Publishes a snapshot at `path`: whoever opens that finds the old file or the new one, also after a crash.
pub fn publish(sections: &Sections, path: &Path) -> Result<(), SnapshotError> {
    Staged::write(path, |out| write(sections, out))?.0.put()
}
