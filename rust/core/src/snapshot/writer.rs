//! Sections to file: whole or not at all.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use xxhash_rust::xxh3::xxh3_64;
use zerocopy::IntoBytes;
use zerocopy::byteorder::little_endian::{U32, U64};

use super::SnapshotError;
use super::format::{ALIGNMENT, Entry, Fault, Header, MAGIC, Section, VERSION, checksum};

/// The octets of each section, in the order of [`Section::ALL`].
pub type Sections = [Vec<u8>; Section::ALL.len()];

/// Writes a snapshot with these sections to `out`. The same sections give the same octets.
pub fn write(sections: &Sections, out: &mut impl Write) -> io::Result<()> {
    let mut table = Vec::with_capacity(sections.len());
    let mut position = (size_of::<Header>() + sections.len() * size_of::<Entry>()) as u64;
    for (kind, octets) in Section::ALL.into_iter().zip(sections) {
        let offset = position.next_multiple_of(ALIGNMENT);
        position = offset + octets.len() as u64;
        table.push(Entry {
            kind: U32::new(kind as u32),
            zero: U32::ZERO,
            offset: U64::new(offset),
            length: U64::new(octets.len() as u64),
            checksum: U64::new(xxh3_64(octets)),
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
    for (entry, octets) in table.iter().zip(sections) {
        let gap = entry.offset.get() - written;
        out.write_all([0; ALIGNMENT as usize].get(..gap as usize).unwrap_or_default())?;
        out.write_all(octets)?;
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
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    if path.is_dir() {
        return Err(at_path(io::Error::new(io::ErrorKind::IsADirectory, "is a folder: name a file in it")));
    }
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
