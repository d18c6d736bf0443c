//! Ported rows in any order → sorted, in bounded memory: runs on disk, then a merge.
//!
//! A row is one integer, its key highest, so that sorting integers sorts rows: by number, then in the order
//! in which they came. A run that is full is sorted and written by a thread of its own while the next one
//! fills; the merge reads ahead on another while the index is encoded. Runs lie in files without a name:
//! nothing is left behind, however the process ends.

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::JoinHandle;

use zerocopy::IntoBytes;

use crate::number::Number;

/// Bits of a row's place among all rows.
const ORDER_BITS: u32 = 44;
/// Bits of a network's index.
const NETWORK_BITS: u32 = 20;
/// Octets of a row in memory and on disk.
const ROW_SIZE: usize = size_of::<u128>();

//----------- Row ------------------------------------------------------------

/// A ported number, the place of its row among all rows, and its network's index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Row(u128);

impl Row {
    pub(super) fn new(number: Number, order: u64, network: u32) -> Self {
        debug_assert!(order < 1 << ORDER_BITS && network < 1 << NETWORK_BITS);
        let rest = u64::from(network) | order << NETWORK_BITS;
        Self(u128::from(number.key()) << (ORDER_BITS + NETWORK_BITS) | u128::from(rest))
    }

    pub(super) fn key(self) -> u64 {
        (self.0 >> (ORDER_BITS + NETWORK_BITS)) as u64
    }

    pub(super) fn order(self) -> u64 {
        (self.0 as u64) >> NETWORK_BITS
    }

    pub(super) fn network(self) -> u32 {
        (self.0 as u32) & ((1 << NETWORK_BITS) - 1)
    }
}

/// A run on disk, and the room that it took in memory.
type Written = (File, Vec<u128>);

//----------- Sorter ---------------------------------------------------------

/// Gathers rows.
#[derive(Debug)]
pub(super) struct Sorter {
    folder: PathBuf,
    /// Rows of one run.
    room: usize,
    filling: Vec<u128>,
    runs: Vec<File>,
    /// Sorts and writes the run before; gives it back with the room that it took.
    writing: Option<JoinHandle<io::Result<Written>>>,
    rows: u64,
}

impl Sorter {
    /// A sorter that takes some `memory`, in octets, and puts runs into `folder` once that is full.
    pub(super) fn new(memory: usize, folder: &Path) -> Self {
        // One run fills while another is written, and as much again is left to those who read rows.
        let room = (memory / 4 / ROW_SIZE).max(1);
        let (filling, runs) = (Vec::new(), Vec::new());
        Self { folder: folder.to_owned(), room, filling, runs, writing: None, rows: 0 }
    }

    /// How many rows there are.
    pub(super) fn len(&self) -> u64 {
        self.rows
    }

    #[inline]
    pub(super) fn push(&mut self, row: Row) -> io::Result<()> {
        if self.filling.len() == self.room {
            self.write_run()?;
        }
        self.filling.push(row.0);
        self.rows += 1;
        Ok(())
    }

    fn write_run(&mut self) -> io::Result<()> {
        let emptied = self.await_run()?;
        let mut run = std::mem::replace(&mut self.filling, emptied);
        let folder = self.folder.clone();
        self.writing = Some(std::thread::spawn(move || {
            run.sort_unstable();
            let mut file = tempfile::tempfile_in(folder)?;
            file.write_all(run.as_bytes())?;
            file.rewind()?;
            run.clear();
            Ok((file, run))
        }));
        Ok(())
    }

    /// Waits for the run that is being written; gives its room.
    fn await_run(&mut self) -> io::Result<Vec<u128>> {
        let Some(writing) = self.writing.take() else { return Ok(Vec::new()) };
        let (file, emptied) = writing.join().map_err(|_| io::Error::other("the sorting thread died"))??;
        self.runs.push(file);
        Ok(emptied)
    }

    /// All rows, sorted.
    pub(super) fn finish(mut self) -> io::Result<Sorted> {
        if self.runs.is_empty() && self.writing.is_none() {
            self.filling.sort_unstable();
            return Ok(Sorted::InMemory(self.filling));
        }
        if !self.filling.is_empty() {
            self.write_run()?;
        }
        drop(self.await_run()?);
        let room = (self.room / 4 / self.runs.len()).clamp(1, 1 << 20);
        let merge = Merge { runs: self.runs.into_iter().map(|file| Run::new(file, room)).collect() };
        // Two batches wait while one is read and one is encoded.
        let (sender, receiver) = sync_channel(2);
        std::thread::spawn(move || {
            for batch in merge {
                if sender.send(batch).is_err() {
                    break;
                }
            }
        });
        Ok(Sorted::Merged(receiver))
    }
}

//----------- Sorted ---------------------------------------------------------

/// Sorted rows, in batches.
#[derive(Debug)]
pub(super) enum Sorted {
    /// They fitted into memory.
    InMemory(Vec<u128>),
    /// They come from runs on disk.
    Merged(Receiver<io::Result<Vec<u128>>>),
}

impl Sorted {
    /// Whether the rows were too many for the memory.
    pub(super) fn is_on_disk(&self) -> bool {
        matches!(self, Self::Merged(_))
    }

    /// Hands all rows to `take`, batch by batch.
    pub(super) fn for_each<E: From<io::Error>>(
        self,
        mut take: impl FnMut(&mut dyn Iterator<Item = Row>) -> Result<(), E>,
    ) -> Result<(), E> {
        /// Rows between two chances to stop.
        const BATCH: usize = 1 << 20;
        match self {
            Self::InMemory(rows) => {
                rows.chunks(BATCH).try_for_each(|rows| take(&mut rows.iter().copied().map(Row)))
            }
            Self::Merged(batches) => {
                for batch in batches {
                    take(&mut batch?.into_iter().map(Row))?;
                }
                Ok(())
            }
        }
    }
}

/// Sorted runs, merged batch by batch.
struct Merge {
    runs: Vec<Run>,
}

/// A run with the part of it that was read.
struct Run {
    file: File,
    rows: Vec<u128>,
    /// How many of `rows` are taken.
    taken: usize,
    /// How many rows are read at a time.
    room: usize,
    ended: bool,
}

impl Run {
    fn new(file: File, room: usize) -> Self {
        Self { file, rows: Vec::new(), taken: 0, room, ended: false }
    }

    /// Reads on where all that was read is taken.
    fn fill(&mut self) -> io::Result<()> {
        if self.taken < self.rows.len() || self.ended {
            return Ok(());
        }
        self.rows.resize(self.room, 0);
        let octets = self.rows.as_mut_bytes();
        let mut filled = 0;
        while let Some(rest) = octets.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.file.read(rest) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.rows.truncate(filled / ROW_SIZE);
        self.taken = 0;
        self.ended = self.rows.len() < self.room;
        Ok(())
    }
}

impl Iterator for Merge {
    type Item = io::Result<Vec<u128>>;

    /// The rows up to the least one with which a part that was read ends: no row of a part that is yet to
    /// be read comes before it.
    fn next(&mut self) -> Option<Self::Item> {
        if let Err(error) = self.runs.iter_mut().try_for_each(Run::fill) {
            self.runs.clear();
            return Some(Err(error));
        }
        let bound =
            self.runs.iter().filter(|run| !run.ended).filter_map(|run| run.rows.last()).min().copied();
        let mut batch = Vec::new();
        for run in &mut self.runs {
            let left = run.rows.get(run.taken..).unwrap_or_default();
            let count = bound.map_or(left.len(), |bound| left.partition_point(|row| *row <= bound));
            batch.extend(left.iter().take(count));
            run.taken += count;
        }
        // This sort finds the sorted stretches and merges them.
        batch.sort();
        (!batch.is_empty()).then_some(Ok(batch))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn runs_merge_to_what_sorting_gives(
            keys in prop::collection::vec((1..60u64, 0..1u32 << 20), 0..400),
            memory in 64..4_096usize,
        ) {
            let folder = tempfile::tempdir().unwrap();
            let mut sorter = Sorter::new(memory, folder.path());
            let mut expected = Vec::new();
            for (order, (number, network)) in keys.into_iter().enumerate() {
                let row = Row::new(Number::from_integer(number).unwrap(), order as u64, network);
                prop_assert_eq!((order as u64, network), (row.order(), row.network()));
                expected.push(row);
                sorter.push(row).unwrap();
            }
            expected.sort();
            prop_assert_eq!(expected.len() as u64, sorter.len());
            let sorted = sorter.finish().unwrap();
            prop_assert_eq!(expected.len() > (memory / 64).max(1), sorted.is_on_disk());
            let mut found = Vec::new();
            sorted.for_each::<io::Error>(|rows| { found.extend(rows); Ok(()) }).unwrap();
            prop_assert_eq!(expected, found);
            prop_assert_eq!(0, folder.path().read_dir().unwrap().count());
        }
    }
}
