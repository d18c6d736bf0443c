//! The snapshot: a built plan in one immutable file, read in place, and the layers of changes upon it.
//!
//! - [`format`]: what lies where in a file, and the checks that it must pass to be opened
//! - [`records`]: the fixed-size rows of the networks and ranges sections
//! - [`record_sets`]: the DNS records that numbers, prefixes and names have
//! - [`lineage`]: where a file stands in the history of its plan
//! - [`writer`]: sections to octets
//! - `publish`: octets to file, whole or not at all
//! - [`append`]: one more layer, and layers folded into the file
//! - `file`, `view`: an open file, its sections as typed slices
//! - `manifest`, `stack`: which layers a plan has, and what they say of a number when
//! - `overlay`, `ported`: all open layers as one table, laid over the file's ported numbers
//!
//! This file holds the handle: an open snapshot.

pub mod append;
mod file;
pub mod format;
pub mod lineage;
mod manifest;
mod overlay;
mod ported;
mod publish;
pub mod record_sets;
pub mod records;
mod stack;
mod view;
pub mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::number::Number;
use file::{Identity, SnapshotFile};
pub use format::Fault;
use format::Section;
use lineage::{Lineage, Role, Time};
pub use ported::Ported;
use record_sets::RecordSets;
pub use records::{Kind, NetworkRow, RangeRow};
use stack::Stack;
pub use stack::{LayerFacts, Said, TooEarly};
pub use view::View;

//----------- Snapshot -------------------------------------------------------

/// An open snapshot with its layers. It is immutable: share it by reference or in an `Arc` between threads.
#[derive(Debug)]
pub struct Snapshot {
    base: Arc<SnapshotFile>,
    /// `None`: there is no list of layers.
    stack: Option<Stack>,
}

/// How a snapshot is brought into memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Memory {
    /// The file is mapped: no copy, one physical copy for all processes.
    #[default]
    Map,
    /// The file is copied into huge pages, of 2 MiB at least: slower to start, fewest TLB misses per look-up.
    Huge,
}

impl Snapshot {
    /// Opens the snapshot file at `path`, and its layers if it has any.
    ///
    /// Header, section table and every section but the ported numbers are checked against their
    /// checksums, so the cost does not grow with the count of ported numbers;
    /// [`verify`](Self::verify) checks those as well. Of layers every octet is checked.
    ///
    /// A file that is replaced by rename while mapped goes on being read as it was. One that is
    /// cut short in place by another program raises SIGBUS on a later access; numdip's own
    /// tools never write in place.
    pub fn open(path: &Path, memory: Memory) -> Result<Self, SnapshotError> {
        Self::open_with(path, || Ok(Arc::new(SnapshotFile::open(path, memory)?)))
    }

    /// Opens what lies at the snapshot's path now. If its file is still the same one, with other layers
    /// or not, the new snapshot shares the octets that this one holds.
    pub fn reopen(&self) -> Result<Self, SnapshotError> {
        let Some(path) = self.path() else {
            return Ok(Self { base: Arc::clone(&self.base), stack: None });
        };
        Self::open_with(path, || match self.base.is_still_at_its_path() {
            true => Ok(Arc::clone(&self.base)),
            false => Ok(Arc::new(SnapshotFile::open(path, self.base.memory())?)),
        })
    }

    /// Opens the plan's file by `open_base`, then its layers.
    fn open_with(
        path: &Path,
        open_base: impl Fn() -> Result<Arc<SnapshotFile>, SnapshotError>,
    ) -> Result<Self, SnapshotError> {
        let look = || [Identity::at(path), Identity::at(&manifest::beside(path, ".layers"))];
        // Plan and list are two files: another program may replace one between our looks at them.
        let mut attempts = 0..3;
        loop {
            let before = look();
            let base = open_base()?;
            base.check_role()?;
            match Stack::open(path, &base) {
                Ok(stack) => return Ok(Self { base, stack }),
                Err(_) if look() != before && attempts.next().is_some() => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Opens a snapshot from its octets; the same checks as [`open`](Self::open).
    pub fn from_octets(octets: Vec<u8>) -> Result<Self, SnapshotError> {
        let base = SnapshotFile::from_octets(octets).map_err(|fault| SnapshotError { path: None, fault })?;
        base.check_role()?;
        Ok(Self { base: Arc::new(base), stack: None })
    }

    /// The file it was opened from.
    pub fn path(&self) -> Option<&Path> {
        self.base.path()
    }

    /// Octets of the plan's file, without layers.
    pub fn size(&self) -> usize {
        self.base.size()
    }

    /// The octets of one section, as they lie in the plan's file.
    #[inline]
    pub fn section(&self, section: Section) -> &[u8] {
        self.base.section(section)
    }

    /// What the builder noted about the plan: JSON text.
    pub fn meta(&self) -> &str {
        std::str::from_utf8(self.base.section(Section::Meta)).unwrap_or("")
    }

    /// Where the plan with all its layers stands in its history.
    pub fn lineage(&self) -> &Lineage {
        self.stack.as_ref().and_then(Stack::lineage).unwrap_or(self.base.lineage())
    }

    /// Where the plan's file stands in its history.
    pub fn base_lineage(&self) -> &Lineage {
        self.base.lineage()
    }

    /// The layers that its list names, in their order; takes time in proportion to their numbers.
    pub fn layers(&self) -> Vec<LayerFacts> {
        self.stack.as_ref().map(Stack::facts).unwrap_or_default()
    }

    /// How many layers are laid over the plan's file.
    pub fn open_layers(&self) -> usize {
        self.stack.as_ref().map_or(0, Stack::open_count)
    }

    /// The sections as typed slices, for look-ups. Cheap; take one per look-up or per batch.
    #[inline]
    pub fn view(&self) -> View<'_> {
        let view = self.base.view();
        let Some(stack) = &self.stack else { return view };
        let overlay = Some(&stack.overlay).filter(|overlay| overlay.len() > 0);
        View { ported: view.ported.under(overlay), additions: Some(&stack.additions), ..view }
    }

    /// The DNS records that the plan has for numbers, prefixes and names. Cheap; take one per batch.
    #[inline]
    pub fn records(&self) -> RecordSets<'_> {
        self.base.records()
    }

    /// What the plan said of the porting of `number` at a time, or says now.
    pub fn said(&self, number: Number, at: Option<Time>) -> Result<Said<'_>, TooEarly> {
        let said = match (&self.stack, at) {
            (Some(stack), None) => stack.say(number),
            (Some(stack), Some(time)) => stack.say_at(&self.base, number, time)?,
            (None, None) => None,
            (None, Some(time)) => {
                stack::check_time(self.base.lineage(), time)?;
                None
            }
        };
        let in_file = || Said { network: self.base.view().ported.find(number), layer: None };
        Ok(said.unwrap_or_else(in_file))
    }

    /// Checks every octet: all checksums, and that each row points at something that is there.
    pub fn verify(&self) -> Result<(), SnapshotError> {
        let here = |fault| SnapshotError { path: self.path().map(Path::to_owned), fault };
        self.base.verify().map_err(here)?;
        self.stack.as_ref().map_or(Ok(()), Stack::verify)
    }
}

impl SnapshotFile {
    /// Refuses a layer where a plan is wanted.
    fn check_role(&self) -> Result<(), SnapshotError> {
        let what = match self.lineage().role() {
            Some(Role::Plan) => return Ok(()),
            _ => "is a layer and no plan: name the plan that it was written for".to_owned(),
        };
        Err(SnapshotError { path: self.path().map(Path::to_owned), fault: Fault::Misplaced { what } })
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
