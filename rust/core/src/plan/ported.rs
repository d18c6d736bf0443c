//! Ported rows: gathered in any order, settled in order, encoded.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};

use super::Policy;
use super::fields::PortedFields;
use super::report::{Place, PlanError, Report};
use super::sort::{Row, Sorter};
use crate::index::Builder;
use crate::number::Number;
use crate::snapshot::writer::{Content, Spool};

/// How much memory a build takes for rows, and where it puts what does not fit.
#[derive(Clone, Debug)]
pub struct Resources {
    /// Octets; half of them for rows that are being sorted, the rest is left to those who read them.
    pub memory: usize,
    /// A folder with room for 16 octets a ported number and for the snapshot. What is put there has no
    /// name, so that nothing is left behind.
    pub folder: PathBuf,
}

impl Default for Resources {
    /// 2 GiB, and the system's folder for temporary files.
    fn default() -> Self {
        Self { memory: 2 << 30, folder: std::env::temp_dir() }
    }
}

/// Told how many of how many rows are written; says whether to go on.
pub type Watch<'a> = &'a mut dyn FnMut(u64, u64) -> bool;

//----------- PortedRows -----------------------------------------------------

/// The ported numbers of a plan that is being built.
#[derive(Debug)]
pub(super) struct PortedRows {
    sorter: Sorter,
    folder: PathBuf,
    /// Where rows stand: for the first of each run of rows on consecutive lines its order and its place.
    places: Vec<(u64, Place)>,
    /// Fields of rows that were checked, as octets, with the network that they name.
    known: HashMap<Vec<u8>, u32>,
    /// Their networks, in the order in which they came.
    networks: Vec<u32>,
    /// Room for the fields of one row.
    fields: Vec<u8>,
}

impl PortedRows {
    pub(super) fn new(resources: &Resources) -> Self {
        Self {
            sorter: Sorter::new(resources.memory, &resources.folder),
            folder: resources.folder.clone(),
            places: Vec::new(),
            known: HashMap::new(),
            networks: Vec::new(),
            fields: Vec::new(),
        }
    }

    /// The network that `row` names, if a row before it had the same fields: few rows differ, and each is
    /// checked once.
    pub(super) fn known_network(&mut self, row: &PortedFields<'_>) -> Option<u32> {
        self.fields.clear();
        for field in [row.mcc, row.mnc, row.operator, row.spid, row.rn, row.rn_context] {
            // Lengths keep apart what would run together.
            self.fields.extend_from_slice(&(field.len() as u32).to_le_bytes());
            self.fields.extend_from_slice(field.as_bytes());
        }
        self.known.get(&self.fields).copied()
    }

    /// Remembers the network of the row that was last asked for.
    pub(super) fn remember(&mut self, network: u32) {
        self.known.insert(self.fields.clone(), network);
        self.networks.push(network);
    }

    /// The networks of all rows, in the order in which they came; one can be there twice.
    pub(super) fn networks(&self) -> &[u32] {
        &self.networks
    }

    /// Where rows are put that do not fit into memory.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) fn push(&mut self, number: Number, network: u32, place: Place) -> Result<(), PlanError> {
        let order = self.sorter.len();
        let goes_on = |&(first, start): &(u64, Place)| start.after(order - first) == place;
        if !self.places.last().is_some_and(goes_on) {
            self.places.push((order, place));
        }
        let pushed = self.sorter.push(Row::new(number, order, network));
        pushed.map_err(|error| PlanError::Io(error).in_folder(&self.folder))
    }

    /// Sorts the rows, settles numbers that are listed twice and encodes the others.
    ///
    /// `renumbered` has the final index of each network; those of ported numbers are the first `networks`.
    /// Says which of them are named by a row that stands. While faults have been found that forbid a plan,
    /// nothing is encoded, only looked for more.
    pub(super) fn encode(
        self,
        report: &mut Report,
        policy: Policy,
        (renumbered, networks): (&[u32], usize),
        watch: Watch<'_>,
    ) -> Result<(Content, Vec<bool>), PlanError> {
        let Self { sorter, folder, places, .. } = self;
        let rows = sorter.len();
        let sorted = sorter.finish()?;
        // What was too much for the memory as rows may be so as an index.
        let spool = || match sorted.is_on_disk() {
            true => Spool::in_folder(&folder),
            false => Ok(Spool::default()),
        };
        let mut builder = Builder::new(networks, spool()?, spool()?);
        let mut settle = Settle {
            report: &mut *report,
            last_wins: policy.last_duplicate_wins,
            places: &places,
            pending: None,
        };
        let mut used = vec![false; networks];
        let mut write = |row: Row, report: &Report| -> Result<(), PlanError> {
            if policy.skip_bad_rows || report.fault_count() == 0 {
                let network = renumbered.get(row.network() as usize).copied().unwrap_or(0);
                let number = Number::from_key(row.key()).ok_or_else(cut_short)?;
                builder.push(number, network)?;
                used.get_mut(network as usize).into_iter().for_each(|used| *used = true);
            }
            Ok(())
        };
        let mut done = 0;
        sorted.for_each(|batch| {
            for row in batch {
                done += 1;
                if let Some(settled) = settle.next(row) {
                    write(settled, settle.report)?;
                }
            }
            match watch(done, rows) {
                true => Ok(()),
                false => Err(PlanError::Interrupted),
            }
        })?;
        if done != rows {
            return Err(cut_short().into());
        }
        if let Some(settled) = settle.pending.take() {
            write(settled.winner, settle.report)?;
        }
        let built = builder.finish()?;
        report.ported = built.numbers as usize;
        Ok((Content::Ported(built), used))
    }
}

fn cut_short() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "a temporary file was cut short")
}

//----------- Settle ---------------------------------------------------------

/// Sorted rows → one for each number.
struct Settle<'a> {
    report: &'a mut Report,
    last_wins: bool,
    places: &'a [(u64, Place)],
    pending: Option<Pending>,
}

/// A number whose rows are not all seen yet.
#[derive(Clone, Copy)]
struct Pending {
    first: Row,
    winner: Row,
}

impl Settle<'_> {
    /// Takes the next row; gives the one that stands for the number before it, if that is complete.
    #[inline]
    fn next(&mut self, row: Row) -> Option<Row> {
        match &mut self.pending {
            Some(pending) if pending.first.key() == row.key() => {
                if self.last_wins {
                    pending.winner = row;
                    self.report.replaced += 1;
                } else {
                    let (first, key) = (pending.first, row.key());
                    self.tell_duplicate(key, first, row);
                }
                None
            }
            pending => pending.replace(Pending { first: row, winner: row }).map(|before| before.winner),
        }
    }

    #[cold]
    fn tell_duplicate(&mut self, key: u64, first: Row, row: Row) {
        if let (Some(number), Some(first), Some(second)) =
            (Number::from_key(key), self.place(first), self.place(row))
        {
            self.report.duplicate(number, first, second);
        }
    }

    fn place(&self, row: Row) -> Option<Place> {
        let behind = self.places.partition_point(|(order, _)| *order <= row.order());
        let (order, place) = self.places.get(behind.checked_sub(1)?)?;
        Some(place.after(row.order() - order))
    }
}
