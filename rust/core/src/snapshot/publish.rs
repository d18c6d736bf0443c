//! Files that appear at their paths whole or not at all, and of which a kill leaves nothing behind.
//!
//! A file is written without a name. Once all of it is on the disk it gets one for an instant, to be renamed to
//! its path. A kill in that instant leaves a name that the next file for the same path takes over. Where a file
//! without a name cannot get one, it is written under a temporary name, and a kill leaves that.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::SnapshotError;
use super::format::Fault;

//----------- Staged ---------------------------------------------------------

/// A file that is on the disk and not yet at its path. Dropped, it is gone.
#[derive(Debug)]
pub(super) struct Staged {
    path: PathBuf,
    file: Temporary,
}

#[derive(Debug)]
enum Temporary {
    #[cfg(target_os = "linux")]
    Unnamed(File),
    Named(NamedTempFile),
}

impl Staged {
    /// A file for `path` with what `write` writes, and what `write` gives.
    pub(super) fn write<T>(
        path: &Path,
        write: impl FnOnce(&mut BufWriter<&File>) -> io::Result<T>,
    ) -> Result<(Self, T), SnapshotError> {
        Self::try_write(path, write).map_err(|error| at_path(path, error))
    }

    fn try_write<T>(
        path: &Path,
        write: impl FnOnce(&mut BufWriter<&File>) -> io::Result<T>,
    ) -> io::Result<(Self, T)> {
        if path.is_dir() {
            return Err(io::Error::new(io::ErrorKind::IsADirectory, "is a folder: name a file in it"));
        }
        let file = Temporary::in_folder(folder_of(path))?;
        let mut out = BufWriter::with_capacity(1 << 20, file.as_file());
        let written = write(&mut out)?;
        out.flush()?;
        drop(out);
        share_like_new_files(file.as_file())?;
        file.as_file().sync_all()?;
        Ok((Self { path: path.to_owned(), file }, written))
    }

    /// Puts it at its path. Whoever opens that finds the old file or this one, also after a crash; whoever has
    /// the old one mapped keeps it.
    pub(super) fn put(self) -> Result<(), SnapshotError> {
        let Self { path, file } = self;
        let put = match file {
            #[cfg(target_os = "linux")]
            Temporary::Unnamed(file) => linux::name(&file, &path),
            Temporary::Named(file) => file.persist(&path).map(drop).map_err(|error| error.error),
        };
        put.and_then(|()| sync_folder(folder_of(&path))).map_err(|error| at_path(&path, error))
    }
}

impl Temporary {
    fn in_folder(folder: &Path) -> io::Result<Self> {
        #[cfg(target_os = "linux")]
        if let Some(file) = linux::unnamed_in(folder) {
            return Ok(Self::Unnamed(file));
        }
        let mut named = tempfile::Builder::new();
        named.prefix(".numdip-").suffix(".snap.tmp").tempfile_in(folder).map(Self::Named)
    }

    fn as_file(&self) -> &File {
        match self {
            #[cfg(target_os = "linux")]
            Self::Unnamed(file) => file,
            Self::Named(file) => file.as_file(),
        }
    }
}

/// Publishes what `write` writes at `path`.
pub(super) fn publish_file(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<&File>) -> io::Result<()>,
) -> Result<(), SnapshotError> {
    Staged::write(path, write)?.0.put()
}

fn at_path(path: &Path, error: io::Error) -> SnapshotError {
    SnapshotError { path: Some(path.to_owned()), fault: Fault::Io(error) }
}

/// Makes what was named, renamed or removed in a folder outlast a crash.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
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

//----------- linux ----------------------------------------------------------

#[cfg(target_os = "linux")]
mod linux {
    //! Files without a name, and how they get one: open(2) on `O_TMPFILE`, link(2).

    use std::fs::{self, File};
    use std::io;
    use std::os::fd::AsRawFd;
    use std::os::unix::fs::MetadataExt;
    use std::path::{Path, PathBuf};
    use std::time::Duration;

    use rustix::fs::{AtFlags, CWD, FlockOperation, Mode, OFlags, flock, linkat, open};
    use rustix::io::Errno;
    use xxhash_rust::xxh3::xxh3_64;

    use super::folder_of;

    /// A file without a name that can get one; `None` where there is no such thing, or no folder.
    pub(super) fn unnamed_in(folder: &Path) -> Option<File> {
        let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
        let file = File::from(open(folder, flags, Mode::RUSR | Mode::WUSR).ok()?);
        // Without /proc it would stay without a name.
        descriptor(&file).exists().then_some(file)
    }

    /// Gives `file` its path, in place of what lies there.
    pub(super) fn name(file: &File, path: &Path) -> io::Result<()> {
        let brief = brief_name(path);
        // Held while the brief name is this file's: so a name without a process is told from one with.
        flock(file, FlockOperation::NonBlockingLockExclusive)?;
        loop {
            match linkat(CWD, descriptor(file), CWD, &brief, AtFlags::SYMLINK_FOLLOW) {
                Ok(()) => break,
                Err(Errno::EXIST) => make_room(&brief)?,
                Err(error) => return Err(error.into()),
            }
        }
        fs::rename(&brief, path).inspect_err(|_| drop(fs::remove_file(&brief)))
    }

    /// The name between none and `path`: always the same, and never too long.
    pub(super) fn brief_name(path: &Path) -> PathBuf {
        let name = path.file_name().unwrap_or_default().as_encoded_bytes();
        folder_of(path).join(format!(".numdip-{:016x}.tmp", xxh3_64(name)))
    }

    /// Waits for the process whose file has the brief name, and removes the file if that process died.
    fn make_room(brief: &Path) -> io::Result<()> {
        let gone = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound => Ok(()),
            _ => Err(error),
        };
        let other = match File::open(brief) {
            Ok(other) => other,
            Err(error) => return gone(error),
        };
        match flock(&other, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => {
                std::thread::sleep(Duration::from_millis(1));
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        }
        // None but the holder of the lock renames or removes this file.
        let (there, other) = (fs::symlink_metadata(brief), other.metadata()?);
        match there {
            Ok(there) if (there.dev(), there.ino()) != (other.dev(), other.ino()) => Ok(()),
            Ok(_) => fs::remove_file(brief).or_else(gone),
            Err(error) => gone(error),
        }
    }

    fn descriptor(file: &File) -> PathBuf {
        format!("/proc/self/fd/{}", file.as_raw_fd()).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn publish(path: &Path, text: &str) {
        publish_file(path, |out| out.write_all(text.as_bytes())).unwrap();
        assert_eq!(text, fs::read_to_string(path).unwrap());
    }

    #[test]
    fn a_file_has_no_name_until_all_of_it_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let (staged, ()) = Staged::write(&path, |out| {
            out.write_all(&[1; 1 << 21])?;
            assert!(names(folder.path()).is_empty());
            Ok(())
        })
        .unwrap();
        assert!(names(folder.path()).is_empty());
        staged.put().unwrap();
        assert_eq!(vec!["a"], names(folder.path()));
    }

    #[test]
    fn named_temporaries_serve_where_files_need_names() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let named = || Temporary::Named(NamedTempFile::new_in(folder.path()).unwrap());
        named().as_file().write_all(b"dropped").unwrap();
        assert!(names(folder.path()).is_empty());
        let file = named();
        file.as_file().write_all(b"new").unwrap();
        Staged { path: path.clone(), file }.put().unwrap();
        assert_eq!("new", fs::read_to_string(&path).unwrap());
        assert_eq!(vec!["a"], names(folder.path()));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_name_that_a_kill_left_is_taken_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x".repeat(255));
        fs::write(linux::brief_name(&path), "left behind").unwrap();
        publish(&path, "new");
        assert_eq!(1, names(folder.path()).len());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn many_publish_at_one_path_and_each_succeeds() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        std::thread::scope(|scope| {
            for writer in 0..4 {
                let path = &path;
                scope.spawn(move || {
                    for turn in 0..50 {
                        let text = format!("{writer} {turn}\n").repeat(100);
                        publish_file(path, |out| out.write_all(text.as_bytes())).unwrap();
                        let found = fs::read_to_string(path).unwrap();
                        let first = found.lines().next().unwrap();
                        assert_eq!(format!("{first}\n").repeat(100), found);
                    }
                });
            }
        });
        assert_eq!(vec!["a"], names(folder.path()));
    }
}
