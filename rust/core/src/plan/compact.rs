//! Layers folded into their plan: one file again, and what it takes to go back.

use std::path::Path;

use zerocopy::IntoBytes;
use zerocopy::byteorder::little_endian::U32;

use super::PlanError;
use super::delta::Networks;
use crate::index::{self, Builder};
use crate::number::Number;
use crate::snapshot::format::Section;
use crate::snapshot::lineage::Lineage;
use crate::snapshot::writer::{Content, Sections, Spool, folder_of};
use crate::snapshot::{Snapshot, SnapshotError, View, append};

/// What becomes of the plan as it was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum History {
    /// Questions about earlier times go on being answered.
    #[default]
    Keep,
    /// Layers and what they replaced are removed.
    Forget,
}

/// What was folded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Compacted {
    /// How many layers.
    pub layers: usize,
    /// Ported numbers of the plan.
    pub ported: usize,
    /// Its networks.
    pub networks: usize,
}

/// Folds the layers of a plan into its file, or into the plan at `output`, which has no history.
pub fn compact(
    snapshot: &Snapshot,
    output: Option<&Path>,
    history: History,
) -> Result<Compacted, CompactError> {
    // What is damaged must not get checksums that hold.
    snapshot.verify()?;
    let folder = folder_of(output.or(snapshot.path()).unwrap_or(Path::new("")));
    let (folded, done) = fold(snapshot, folder).map_err(|error| error.in_folder(folder))?;
    match output {
        Some(path) => append::replace_plan(&folded, path)?,
        None if history == History::Forget => append::replace_and_forget(snapshot, &folded)?,
        None if done.layers == 0 => {}
        None => append::replace_by_folded(snapshot, &folded, &undo(snapshot)?)?,
    }
    Ok(done)
}

/// The sections of the plan with its layers in it. Networks that nothing names any more are left out.
///
/// The ported numbers are gone through twice, so that they need not be in memory: for their networks, whose
/// count says how long an index is, and to be written, to files without a name in `folder`.
fn fold(snapshot: &Snapshot, folder: &Path) -> Result<(Sections, Compacted), PlanError> {
    let view = snapshot.view();
    let places = vec![None; view.all_networks().count()];
    let mut kept = Kept { view, networks: Networks::default(), places };
    // Those of ported numbers come first, so that their indices are short.
    view.ported.iter().for_each(|(_, network)| {
        kept.place_of(network);
    });
    let of_ported = kept.networks.len();
    let mut ranges = view.ranges.to_vec();
    for row in &mut ranges {
        row.network = U32::new(kept.place_of(row.network.get()));
    }
    let mut builder = Builder::new(of_ported, Spool::in_folder(folder)?, Spool::in_folder(folder)?);
    for (number, network) in view.ported.iter() {
        if let Some(number) = number {
            builder.push(number, kept.place_of(network))?;
        }
    }
    let networks = kept.networks;
    let now = snapshot.lineage();
    let lineage = Lineage::folded(now.sequence(), now.time(), now.state());
    let ported = Content::Ported(builder.finish()?);
    let mut sections = networks.lay_out(&lineage, snapshot.meta(), ported)?;
    for (kind, content) in Section::ALL.into_iter().zip(&mut sections) {
        match kind {
            Section::Ranges => *content = ranges.as_bytes().to_vec().into(),
            Section::TrieNodes
            | Section::TrieValues
            | Section::RecordNumbers
            | Section::RuleNodes
            | Section::RuleValues
            | Section::Names
            | Section::RecordSetEnds
            | Section::RecordSets => *content = snapshot.section(kind).to_vec().into(),
            Section::Meta
            | Section::Lineage
            | Section::TextEnds
            | Section::Text
            | Section::Networks
            | Section::Index => {}
        }
    }
    let (layers, ported) = (snapshot.open_layers(), view.ported.len());
    Ok((sections, Compacted { layers, ported, networks: networks.len() }))
}

/// The networks that something names, numbered anew in the order in which they are asked for.
struct Kept<'a> {
    view: View<'a>,
    networks: Networks,
    places: Vec<Option<u32>>,
}

impl Kept<'_> {
    fn place_of(&mut self, index: u32) -> u32 {
        let Self { view, networks, places } = self;
        let place = places.get_mut(index as usize);
        place.map_or(0, |place| *place.get_or_insert_with(|| networks.take_of_plan(view, Some(index))))
    }
}

/// The sections of a layer that leads from the plan with its layers back to its file.
fn undo(snapshot: &Snapshot) -> Result<Sections, PlanError> {
    let view = snapshot.view();
    let index = view.ported.index();
    let mut networks = Networks::default();
    let before: Vec<(Number, u32)> = view
        .ported
        .touched()
        .into_iter()
        .map(|number| (number, networks.take_of_plan(&view, index.find(number))))
        .collect();
    let lineage = Lineage::undo(snapshot.base_lineage(), snapshot.lineage().state());
    networks.lay_out(&lineage, "{}", index::build(&before)?.into())
}

//----------- CompactError ---------------------------------------------------

/// Why layers were not folded.
#[derive(Debug, thiserror::Error)]
pub enum CompactError {
    /// The plan cannot be encoded.
    #[error("{0}")]
    Plan(#[from] PlanError),
    /// A file cannot be read or written.
    #[error("{0}")]
    Snapshot(#[from] SnapshotError),
}
