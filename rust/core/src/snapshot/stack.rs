//! The layers of an open plan: which are open, which are folded into its file, and what was true when.

use std::path::Path;

use super::file::SnapshotFile;
use super::format::Fault;
use super::lineage::{Lineage, Role, Time};
use super::manifest::{Entry, Manifest};
use super::overlay::{Additions, Overlay, Statement};
use super::{NetworkRow, SnapshotError};
use crate::index::Index;
use crate::number::Number;

//----------- Layer ----------------------------------------------------------

/// One open layer.
#[derive(Debug)]
pub(super) struct Layer {
    file: SnapshotFile,
    /// What its networks' indices stand for.
    statements: Vec<Statement>,
}

/// What a layer does, for people.
#[derive(Clone, Debug)]
pub struct LayerFacts {
    /// Its file's name.
    pub file: String,
    /// The how manieth since the plan was built; the first is 1.
    pub sequence: u64,
    /// From when on it holds.
    pub time: Time,
    /// Numbers that it gives a network.
    pub set: usize,
    /// Numbers that it returns to their ranges.
    pub removed: usize,
    /// Octets of the file.
    pub octets: usize,
    /// Whether it is folded into the plan's file.
    pub folded: bool,
}

impl Layer {
    fn open(
        plan: &Path,
        entry: &Entry,
        role: Role,
        additions: &mut Additions,
    ) -> Result<Self, SnapshotError> {
        let file = entry.open(plan)?;
        let refused = |what: &str| SnapshotError {
            path: file.path().map(Path::to_owned),
            fault: Fault::Layers { what: what.to_owned() },
        };
        if file.lineage().role() != Some(role) {
            return Err(refused("this is another kind of file than the list of layers says"));
        }
        let statements = additions
            .adopt(&file.view())
            .ok_or_else(|| refused("more networks than a plan can have: fold the layers into it first"))?;
        Ok(Self { file, statements })
    }

    fn lineage(&self) -> &Lineage {
        self.file.lineage()
    }

    fn index(&self) -> Index<'_> {
        self.file.view().ported.index()
    }

    fn find(&self, number: Number) -> Option<Statement> {
        self.statements.get(self.index().find(number)? as usize).copied()
    }

    fn facts(&self, folded: bool) -> LayerFacts {
        let view = self.file.view();
        let is_removal = |network| view.network(network).is_some_and(NetworkRow::is_removal);
        let removed = self.index().iter().filter(|(_, network)| is_removal(*network)).count();
        let name = self.file.path().and_then(Path::file_name).unwrap_or_default();
        LayerFacts {
            file: name.to_string_lossy().into_owned(),
            sequence: self.lineage().sequence(),
            time: self.lineage().time(),
            set: self.index().len().saturating_sub(removed),
            removed,
            octets: self.file.size(),
            folded,
        }
    }
}

//----------- Stack ----------------------------------------------------------

/// The layers of a plan.
#[derive(Debug)]
pub(super) struct Stack {
    /// In their order; the first `folded` of them are in the plan's file already.
    layers: Vec<Layer>,
    folded: usize,
    /// What leads back over the folds that the plan's file has been through, the last fold first.
    undo: Vec<Layer>,
    /// The open layers as one.
    pub(super) overlay: Overlay,
    pub(super) additions: Additions,
}

/// The plan does not say what was true so early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooEarly {
    /// The time that was asked about.
    pub asked: Time,
    /// The earliest time that the plan can speak for.
    pub earliest: Time,
}

impl std::fmt::Display for TooEarly {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { asked, earliest } = self;
        write!(
            f,
            "the plan does not go back to {asked}: the earliest time that it can speak for is {earliest}"
        )
    }
}

impl std::error::Error for TooEarly {}

/// What was said of a ported number, and by which layer.
#[derive(Clone, Copy, Debug)]
pub struct Said<'a> {
    /// The network that it was ported to, if it was.
    pub network: Option<u32>,
    /// The layer that said so, or that removed it, and the row that it said it by.
    pub layer: Option<(&'a Lineage, u32)>,
}

impl Stack {
    /// Opens the layers that the manifest of the plan at `path` names, and checks every octet of them;
    /// `None` if it has none.
    pub(super) fn open(path: &Path, base: &SnapshotFile) -> Result<Option<Self>, SnapshotError> {
        let Some(manifest) = Manifest::of_plan(path, base.lineage().state())? else { return Ok(None) };
        let folded = folded_layers(&manifest, base.lineage()).ok_or_else(|| foreign(path))?;
        let mut additions = Additions::to(&base.view());
        let mut layers = Vec::with_capacity(manifest.layers.len());
        for entry in &manifest.layers {
            layers.push(Layer::open(path, entry, Role::Layer, &mut additions)?);
        }
        let mut undo: Vec<Layer> = Vec::new();
        for entry in manifest.undo_behind(base.lineage().state()) {
            undo.push(Layer::open(path, entry, Role::Undo, &mut additions)?);
        }
        let open: Vec<_> = layers.iter().skip(folded).rev().collect();
        let open: Vec<_> = open.iter().map(|layer| (layer.index(), &*layer.statements)).collect();
        let overlay = Overlay::fold(base.view().ported.index(), &open);
        Ok(Some(Self { layers, folded, undo, overlay, additions }))
    }

    /// Where the plan with all its layers stands; `None` if no layer is open.
    pub(super) fn lineage(&self) -> Option<&Lineage> {
        self.open_layers().last().map(Layer::lineage)
    }

    pub(super) fn facts(&self) -> Vec<LayerFacts> {
        let folded = |place| place < self.folded;
        self.layers.iter().enumerate().map(|(place, layer)| layer.facts(folded(place))).collect()
    }

    /// How many layers are open.
    pub(super) fn open_count(&self) -> usize {
        self.open_layers().len()
    }

    /// Every number that layers and undos name, for a walk through the past.
    pub(super) fn verify(&self) -> Result<(), SnapshotError> {
        for layer in self.layers.iter().chain(&self.undo) {
            let path = || layer.file.path().map(Path::to_owned);
            layer.file.verify().map_err(|fault| SnapshotError { path: path(), fault })?;
        }
        Ok(())
    }

    /// What is said of `number` now, by the newest open layer that names it.
    pub(super) fn say(&self, number: Number) -> Option<Said<'_>> {
        newest(self.open_layers(), number, Time::LAST)
    }

    /// What was said of `number` at `time`; `None`: see the plan's own file.
    pub(super) fn say_at(
        &self,
        base: &SnapshotFile,
        number: Number,
        time: Time,
    ) -> Result<Option<Said<'_>>, TooEarly> {
        if let Some(said) = newest(self.open_layers(), number, time) {
            return Ok(Some(said));
        }
        // From the state of the plan's file back, fold by fold.
        let mut state = base.lineage();
        let mut before = self.layers.get(..self.folded).unwrap_or_default();
        let mut said = None;
        for undo in &self.undo {
            if state.time() <= time {
                break;
            }
            let first =
                before.partition_point(|layer| layer.lineage().sequence() <= undo.lineage().sequence());
            let (earlier, layers) = before.split_at_checked(first).unwrap_or_default();
            if let Some(said) = newest(layers, number, time) {
                return Ok(Some(said));
            }
            if let Some(statement) = undo.find(number) {
                said = Some(Said { network: statement.network(), layer: None });
            }
            (before, state) = (earlier, undo.lineage());
        }
        check_time(state, time)?;
        Ok(said)
    }

    fn open_layers(&self) -> &[Layer] {
        self.layers.get(self.folded..).unwrap_or_default()
    }
}

impl Manifest {
    /// The undos that lead back from `state`, the last fold first. One of a fold that was not finished
    /// leads nowhere.
    pub(super) fn undo_behind(&self, mut state: u64) -> Vec<&Entry> {
        let mut behind = Vec::new();
        for undo in self.undo.iter().rev() {
            if undo.parent == state {
                state = undo.state;
                behind.push(undo);
            }
        }
        behind
    }
}

/// How many layers of the manifest `base` holds already; `None`: they are of another plan.
pub(super) fn folded_layers(manifest: &Manifest, base: &Lineage) -> Option<usize> {
    let layers = &manifest.layers;
    if manifest.base == base.state() {
        let first = layers.first();
        let follows = first.is_none_or(|first| {
            base.sequence().checked_add(1) == Some(first.sequence) && base.time() <= first.time
        });
        return follows.then_some(0);
    }
    let place = layers.iter().position(|layer| {
        (layer.state, layer.sequence, layer.time) == (base.state(), base.sequence(), base.time())
    })?;
    Some(place + 1)
}

/// That the plan has not been known for long enough, if so.
pub(super) fn check_time(state: &Lineage, asked: Time) -> Result<(), TooEarly> {
    let earliest = state.time();
    match earliest.is_known() && asked < earliest {
        true => Err(TooEarly { asked, earliest }),
        false => Ok(()),
    }
}

fn newest(layers: &[Layer], number: Number, time: Time) -> Option<Said<'_>> {
    layers.iter().rev().filter(|layer| layer.lineage().time() <= time).find_map(|layer| {
        let statement = layer.find(number)?;
        Some(Said { network: statement.network(), layer: Some((layer.lineage(), statement.row())) })
    })
}

fn foreign(plan: &Path) -> SnapshotError {
    let what = format!(
        "the layers in {}.layers belong to another plan: copy plan, list and layers from one place, or build \
         the plan anew, which removes the list",
        plan.display()
    );
    SnapshotError { path: Some(plan.to_owned()), fault: Fault::Layers { what } }
}
