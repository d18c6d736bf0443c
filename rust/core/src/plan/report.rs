//! What was wrong with the rows of a plan: file, line, column, what was found and expected.

use std::fmt;
use std::io;
use std::path::Path;

use super::dns_records::MAX_NAMES;
use super::fields::FieldFault;
use super::{MAX_NETWORKS, trie};
use crate::index::IndexError;
use crate::number::{Number, Prefix};
use crate::snapshot::lineage::Time;

/// How many faults are kept in full; further ones are counted.
pub const MAX_FAULTS: usize = 100;

//----------- Place ----------------------------------------------------------

/// What rows are read from.
#[derive(Debug)]
struct Input {
    name: String,
    /// What the rows name as their source.
    source: String,
    is_query: bool,
}

/// Where a row was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Index into the report's inputs.
    file: u32,
    /// Line of a text file, row of a Parquet file or of a query's result; the first is 1.
    line: u64,
}

impl Place {
    /// The place of the row that is `rows` rows further on, if rows stand on consecutive lines.
    pub(super) fn after(self, rows: u64) -> Self {
        Self { line: self.line + rows, ..self }
    }
}

//----------- Report ---------------------------------------------------------

/// What building a plan found.
#[derive(Debug, Default)]
pub struct Report {
    /// Range rows in the plan.
    pub ranges: usize,
    /// Ported numbers in the plan.
    pub ported: usize,
    /// Distinct networks in the plan.
    pub networks: usize,
    /// DNS records of numbers, prefixes and names in the plan.
    pub records: usize,
    /// Rows that a later one replaced.
    pub replaced: u64,
    inputs: Vec<Input>,
    faults: Vec<String>,
    fault_count: u64,
}

impl Report {
    /// The first [`MAX_FAULTS`] faults, a line each.
    pub fn faults(&self) -> &[String] {
        &self.faults
    }

    /// How many rows were bad. Each is left out of the plan, if one is built.
    pub fn fault_count(&self) -> u64 {
        self.fault_count
    }

    /// Says whether it is another input than the one before.
    pub(super) fn begin_file(&mut self, name: &str) -> bool {
        // Its name without the folder.
        let source = name.rsplit('/').next().unwrap_or(name);
        self.begin(Input { name: name.to_owned(), source: source.to_owned(), is_query: false })
    }

    /// The same.
    pub(super) fn begin_query(&mut self, name: &str, database: &str) -> bool {
        self.begin(Input { name: name.to_owned(), source: format!("{database} ({name})"), is_query: true })
    }

    fn begin(&mut self, input: Input) -> bool {
        let is_new = self
            .inputs
            .last()
            .is_none_or(|last| (&last.name, last.is_query) != (&input.name, input.is_query));
        if is_new {
            self.inputs.push(input);
        }
        is_new
    }

    pub(super) fn place(&self, line: u64) -> Place {
        Place { file: self.inputs.len().saturating_sub(1) as u32, line }
    }

    /// What rows of the current input name as their source, if they name none themselves.
    pub(super) fn current_source(&self) -> &str {
        self.inputs.last().map_or("", |input| &input.source)
    }

    pub(super) fn bad_field(&mut self, place: Place, fault: FieldFault) {
        let FieldFault { column, found, expected } = fault;
        self.add(place, format_args!("column \"{column}\": found {found:?}, expected {expected}"));
    }

    pub(super) fn too_many_networks(&mut self, place: Place) {
        self.add(place, format_args!("one network more than the {MAX_NETWORKS} that a plan may name"));
    }

    pub(super) fn overlap(&mut self, prefix: Prefix, first: Place, second: Place) {
        let first = self.describe(first);
        self.add(second, format_args!("prefix {} has these lengths in {first} already", prefix.digits()));
    }

    pub(super) fn duplicate(&mut self, number: Number, first: Place, second: Place) {
        let first = self.describe(first);
        self.add(second, format_args!("number {} is in {first} already", number.digits()));
    }

    pub(super) fn bad_record(&mut self, place: Place, what: &dyn fmt::Display) {
        self.add(place, format_args!("{what}"));
    }

    pub(super) fn describe(&self, place: Place) -> String {
        match self.inputs.get(place.file as usize) {
            Some(Input { name, is_query: true, .. }) => format!("{name} (row {})", place.line),
            Some(Input { name, .. }) => format!("{name}:{}", place.line),
            None => format!(":{}", place.line),
        }
    }

    fn add(&mut self, place: Place, what: fmt::Arguments<'_>) {
        self.fault_count += 1;
        if self.faults.len() < MAX_FAULTS {
            self.faults.push(format!("{}: {what}", self.describe(place)));
        }
    }
}

//----------- PlanError ------------------------------------------------------

/// Why no snapshot was made.
#[derive(Debug)]
#[non_exhaustive]
pub enum PlanError {
    /// There are bad rows, and they were not to be left out.
    BadRows(Box<Report>),
    /// There is no row at all.
    NoRows,
    /// The changes would hold from before the plan that they are for.
    TimeRunsBack {
        /// The time given.
        time: Time,
        /// That of the plan.
        before: Time,
    },
    /// The texts together pass 4 GiB.
    TooMuchText,
    /// Records have more names than are served beside numbers.
    TooManyNames {
        /// How many.
        found: usize,
    },
    /// The ranges cannot be encoded.
    Ranges(trie::TrieError),
    /// The ported numbers cannot be encoded.
    Ported(IndexError),
    /// A temporary file cannot be written or read.
    Io(io::Error),
    /// Whoever watches the building wanted it to end.
    Interrupted,
}

impl PlanError {
    /// The same, with the folder of the temporary files that it is about.
    pub(super) fn in_folder(self, folder: &Path) -> Self {
        let Self::Io(error) = self else { return self };
        let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
        Self::Io(io::Error::new(error.kind(), format!("{}: {error}", folder.display())))
    }
}

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadRows(report) => {
                for fault in report.faults() {
                    writeln!(f, "{fault}")?;
                }
                let more = report.fault_count() - report.faults().len() as u64;
                if more > 0 {
                    writeln!(f, "… and {more} more")?;
                }
                let (count, rows) = match report.fault_count() {
                    1 => (1, "row is"),
                    count => (count, "rows are"),
                };
                write!(
                    f,
                    "{count} {rows} bad and nothing was written: mend them, or leave them out with --on-error=skip"
                )
            }
            Self::NoRows => f.write_str("there is no good row to build from: nothing was written"),
            Self::TimeRunsBack { time, before } => write!(
                f,
                "time: found {time}, but the plan holds from {before} on already: changes cannot be older; \
                 nothing was written"
            ),
            Self::TooMuchText => {
                f.write_str("operator names and other texts pass 4 GiB: nothing was written")
            }
            Self::TooManyNames { found } => write!(
                f,
                "records of {found} names that stand for no number, at most {MAX_NAMES} are served beside numbers: \
                 nothing was written"
            ),
            Self::Ranges(error) => error.fmt(f),
            Self::Ported(error) => error.fmt(f),
            Self::Io(error) => {
                write!(f, "temporary files cannot be kept beside the output: {error}; nothing was written")
            }
            Self::Interrupted => f.write_str("interrupted: nothing was written"),
        }
    }
}

impl std::error::Error for PlanError {}

impl From<trie::TrieError> for PlanError {
    fn from(error: trie::TrieError) -> Self {
        Self::Ranges(error)
    }
}

impl From<IndexError> for PlanError {
    fn from(error: IndexError) -> Self {
        match error {
            IndexError::Io(error) => Self::Io(error),
            error => Self::Ported(error),
        }
    }
}

impl From<io::Error> for PlanError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}
