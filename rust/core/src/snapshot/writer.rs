//! Sections to file: whole or not at all.

use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Seek, Write};
use std::path::Path;

use xxhash_rust::xxh3::Xxh3;
use zerocopy::IntoBytes;
use zerocopy::byteorder::little_endian::{U32, U64};

use super::SnapshotError;
use super::format::{ALIGNMENT, Entry, Fault, Header, MAGIC, Section, VERSION, checksum};
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

/// Writes a snapshot with these sections to `out`. The same sections give the same octets.
pub fn write(sections: &Sections, out: &mut impl Write) -> io::Result<()> {
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
    for (entry, content) in table.iter().zip(sections) {
        let gap = entry.offset.get() - written;
        out.write_all([0; ALIGNMENT as usize].get(..gap as usize).unwrap_or_default())?;
        content.read(|octets| out.write_all(octets))?;
        written = entry.offset.get() + entry.length.get();
    }
    Ok(())
}

/// Publishes a snapshot at `path`: under a temporary name in the same folder, synced, then renamed.
///
/// Whoever opens `path` finds the old file or the new one, also after a crash; whoever has the old
/// one mapped keeps it.
pub fn publish(sections: &Sections, path: &Path) -> Result<(), SnapshotError> {
    let at_path = |error: io::Error| SnapshotError { path: Some(path.to_owned()), fault: Fault::Io(error) };
    if path.is_dir() {
        return Err(at_path(io::Error::new(io::ErrorKind::IsADirectory, "is a folder: name a file in it")));
    }
    let folder = folder_of(path);
    let mut temporary = tempfile::Builder::new()
        .prefix(".numdip-")
        .suffix(".snap.tmp")
        .tempfile_in(folder)
        .map_err(at_path)?;
    {
        let mut out = BufWriter::with_capacity(1 << 20, temporary.as_file_mut());
        write(sections, &mut out).map_err(at_path)?;
        out.flush().map_err(at_path)?;
    }
    share_like_new_files(temporary.as_file()).map_err(at_path)?;
    temporary.as_file().sync_all().map_err(at_path)?;
    temporary.persist(path).map_err(|error| at_path(error.error))?;
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(at_path)
}

/// The folder that a file at `path` lies in.
pub fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Temporary files are private to their owner; a published snapshot is for every process that may
/// read files of this folder.
#[cfg(unix)]
fn share_like_new_files(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn share_like_new_files(_file: &File) -> io::Result<()> {
    Ok(())
}
