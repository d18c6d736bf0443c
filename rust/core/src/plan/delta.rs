//! Changes to ported numbers: rows → checked → what differs from the plan → a layer.

use std::collections::HashMap;
use std::sync::Arc;

use zerocopy::IntoBytes;
use zerocopy::byteorder::little_endian::U32;

use super::fields::{self, CheckedNetwork};
use super::{Interned, MAX_NETWORKS, Place, PlanError, Policy, PortedFields, Report};
use crate::index;
use crate::number::Number;
use crate::snapshot::format::Section;
use crate::snapshot::lineage::{Lineage, Time};
use crate::snapshot::writer::{Content, Sections};
use crate::snapshot::{NetworkRow, Snapshot, View};

//----------- DeltaFields ----------------------------------------------------

/// A row of a delta file, as text.
#[derive(Clone, Copy, Debug, Default)]
pub struct DeltaFields<'a> {
    /// `add`, `change` or `remove`.
    pub action: &'a str,
    /// The number and, unless it is removed, its network.
    pub ported: PortedFields<'a>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Add,
    Change,
    Remove,
}

//----------- DeltaReport ----------------------------------------------------

/// What a delta changes.
///
/// To add and to change are one thing here, to give a number its network, so that a delta can be applied
/// twice. Rows whose word does not fit the plan are counted besides: they may say that a delta is missing.
#[derive(Debug, Default)]
pub struct DeltaReport {
    /// Numbers that were not ported and are now.
    pub added: u64,
    /// Ported numbers with another network, or other texts of it, than before.
    pub changed: u64,
    /// Numbers that were ported and are no longer.
    pub removed: u64,
    /// Rows that say what the plan says already.
    pub unchanged: u64,
    /// Of the changed ones those that were to be added.
    pub added_twice: u64,
    /// Of the added ones those that were to be changed.
    pub changed_unlisted: u64,
    /// Of the unchanged ones those that were to be removed and are not listed.
    pub removed_unlisted: u64,
    /// Bad rows and replaced ones.
    pub rows: Report,
}

//----------- DeltaBuilder ---------------------------------------------------

/// Gathers changes to the ported numbers of a plan. Rows may come in any order.
#[derive(Debug)]
pub struct DeltaBuilder {
    snapshot: Arc<Snapshot>,
    policy: Policy,
    report: DeltaReport,
    networks: Interned<NetworkRow>,
    texts: Interned<String>,
    rows: Vec<Row>,
}

#[derive(Clone, Copy, Debug)]
struct Row {
    number: Number,
    action: Action,
    network: u32,
    place: Place,
}

impl DeltaBuilder {
    /// A builder of a layer upon `snapshot`.
    pub fn new(snapshot: Arc<Snapshot>, policy: Policy) -> Self {
        Self {
            snapshot,
            policy,
            report: DeltaReport::default(),
            networks: Interned::default(),
            texts: Interned::default(),
            rows: Vec::new(),
        }
    }

    /// The plan that the changes are for.
    pub fn snapshot(&self) -> &Arc<Snapshot> {
        &self.snapshot
    }

    /// Announces the file that the next rows come from; its name is their source.
    pub fn begin_file(&mut self, name: &str) {
        self.report.rows.begin_file(name);
    }

    /// Adds a row read at `line` of the current file.
    pub fn add_change(&mut self, line: u64, row: &DeltaFields<'_>) {
        let place = self.report.rows.place(line);
        let action = match row.action {
            "add" => Action::Add,
            "change" => Action::Change,
            "remove" => Action::Remove,
            other => {
                let fault = fields::fault("action", other, "add, change or remove");
                return self.report.rows.bad_field(place, fault);
            }
        };
        let checked = fields::check_number(&row.ported)
            .and_then(|number| Ok((number, fields::check_network(&row.ported)?)));
        match checked {
            Ok((number, network)) => match self.network(action, &network) {
                Some(network) => self.rows.push(Row { number, action, network, place }),
                None => self.report.rows.too_many_networks(place),
            },
            Err(fault) => self.report.rows.bad_field(place, fault),
        }
    }

    /// Lays out the layer, which holds from `time` on; `None` if nothing changes. `meta` is JSON text.
    pub fn finish(mut self, time: Time, meta: &str) -> Result<(Option<Sections>, DeltaReport), PlanError> {
        let before = *self.snapshot.lineage();
        if time < before.time() || !time.is_known() {
            return Err(PlanError::TimeRunsBack { time, before: before.time() });
        }
        let rows = self.settle();
        let snapshot = Arc::clone(&self.snapshot);
        let view = snapshot.view();
        let mut changes: Vec<(Number, u32)> = Vec::new();
        let mut same = SameNetworks::default();
        for row in rows {
            let now = view.ported.find(row.number);
            let report = &mut self.report;
            match (row.action, now) {
                (Action::Remove, None) => report.removed_unlisted += 1,
                (Action::Remove, Some(_)) => report.removed += 1,
                (_, Some(now)) if same.is_same(&view, now, row.network, &self.networks, &self.texts) => {}
                (action, Some(_)) => {
                    report.changed += 1;
                    report.added_twice += u64::from(action == Action::Add);
                }
                (action, None) => {
                    report.added += 1;
                    report.changed_unlisted += u64::from(action == Action::Change);
                }
            }
            let changed = report.added + report.changed + report.removed;
            match changed > changes.len() as u64 {
                true => changes.push((row.number, row.network)),
                false => report.unchanged += 1,
            }
        }
        if !self.policy.skip_bad_rows && self.report.rows.fault_count() > 0 {
            return Err(PlanError::BadRows(Box::new(self.report.rows)));
        }
        if changes.is_empty() {
            return Ok((None, self.report));
        }
        let lineage = Lineage::layer(before.sequence() + 1, time, before.state());
        let mut networks = Networks::default();
        for (_, network) in &mut changes {
            *network = networks.take(*network, &self.networks, &self.texts);
        }
        Ok((Some(networks.lay_out(&lineage, meta, index::build(&changes)?.into())?), self.report))
    }

    /// Sorts the rows and settles those that speak for one number.
    fn settle(&mut self) -> Vec<Row> {
        let mut rows = std::mem::take(&mut self.rows);
        // Stable, so rows of one number stay in the order they came in.
        rows.sort_by_key(|row| row.number.key());
        let mut settled = Vec::with_capacity(rows.len());
        for group in rows.chunk_by(|a, b| a.number == b.number) {
            let [first, others @ ..] = group else { continue };
            settled.push(match others.last() {
                Some(last) if self.policy.last_duplicate_wins => {
                    self.report.rows.replaced += others.len() as u64;
                    *last
                }
                _ => {
                    for other in others {
                        self.report.rows.duplicate(other.number, first.place, other.place);
                    }
                    *first
                }
            });
        }
        settled
    }

    /// The index of what a row says, or `None` if there would be too many networks.
    fn network(&mut self, action: Action, network: &CheckedNetwork<'_>) -> Option<u32> {
        let source = self.report.rows.current_source().to_owned();
        let mut text = |text: &str| self.texts.id(text);
        let row = match action {
            Action::Remove => NetworkRow { flags: NetworkRow::REMOVED, source: text(&source), ..UNKNOWN },
            Action::Add | Action::Change => NetworkRow {
                mcc: network.mcc,
                mnc: network.mnc,
                operator: text(network.operator),
                spid: text(network.spid),
                rn: text(network.rn),
                rn_context: text(network.rn_context),
                source: text(&source),
                ..UNKNOWN
            },
        };
        let index = self.networks.intern(row);
        ((index as usize) < MAX_NETWORKS).then_some(index)
    }
}

/// A network of which nothing is known.
const UNKNOWN: NetworkRow = NetworkRow {
    mcc: [0; 3],
    mnc: [0; 3],
    flags: 0,
    reserved: 0,
    operator: U32::ZERO,
    spid: U32::ZERO,
    rn: U32::ZERO,
    rn_context: U32::ZERO,
    source: U32::ZERO,
};

//----------- SameNetworks ---------------------------------------------------

/// Which networks of a delta say the same as which of the plan, their sources aside; each pair is compared
/// once.
#[derive(Default)]
struct SameNetworks(HashMap<(u32, u32), bool>);

impl SameNetworks {
    fn is_same(
        &mut self,
        view: &View<'_>,
        now: u32,
        then: u32,
        networks: &Interned<NetworkRow>,
        texts: &Interned<String>,
    ) -> bool {
        *self.0.entry((now, then)).or_insert_with(|| {
            let Some((now, then)) = view.network(now).zip(networks.items.get(then as usize)) else {
                return false;
            };
            let old = [now.operator, now.spid, now.rn, now.rn_context].map(|id| view.text(id));
            let new = [then.operator, then.spid, then.rn, then.rn_context].map(|id| text_of(texts, id));
            (now.mcc, now.mnc, old) == (then.mcc, then.mnc, new)
        })
    }
}

fn text_of(texts: &Interned<String>, id: U32) -> Option<&str> {
    texts.items.get((id.get() as usize).checked_sub(1)?).map(String::as_str)
}

//----------- Networks -------------------------------------------------------

/// The networks and texts that a file names, numbered in the order they are taken.
#[derive(Debug, Default)]
pub(super) struct Networks {
    rows: Interned<NetworkRow>,
    texts: Interned<String>,
}

impl Networks {
    /// Takes over a network of a delta and gives its index here.
    fn take(&mut self, index: u32, networks: &Interned<NetworkRow>, texts: &Interned<String>) -> u32 {
        let row = networks.items.get(index as usize).copied().unwrap_or(UNKNOWN);
        self.intern(&row, |id| text_of(texts, id))
    }

    /// Takes over a network of a plan; `None`: the statement that a number was not ported.
    pub(super) fn take_of_plan(&mut self, view: &View<'_>, network: Option<u32>) -> u32 {
        let removal = NetworkRow { flags: NetworkRow::REMOVED, ..UNKNOWN };
        let row = network.map_or(Some(&removal), |index| view.network(index)).unwrap_or(&UNKNOWN);
        self.intern(row, |id| view.text(id))
    }

    fn intern<'a>(&mut self, row: &NetworkRow, text_of: impl Fn(U32) -> Option<&'a str>) -> u32 {
        let anew = row.with_texts(|id| Some(self.texts.id(text_of(id).unwrap_or_default())));
        self.rows.intern(anew.unwrap_or(UNKNOWN))
    }

    /// How many networks there are.
    pub(super) fn len(&self) -> usize {
        self.rows.items.len()
    }

    /// The sections of a file with these networks and ported numbers; no ranges.
    pub(super) fn lay_out(
        &self,
        lineage: &Lineage,
        meta: &str,
        mut ported: Content,
    ) -> Result<Sections, PlanError> {
        let [mut ends, mut text] = self.texts.sections()?;
        let mut sections = Sections::default();
        for (kind, octets) in Section::ALL.into_iter().zip(&mut sections) {
            *octets = match kind {
                Section::Meta => meta.as_bytes().to_vec().into(),
                Section::Lineage => lineage.as_bytes().to_vec().into(),
                Section::TextEnds => std::mem::take(&mut ends).into(),
                Section::Text => std::mem::take(&mut text).into(),
                Section::Networks => self.rows.items.as_bytes().to_vec().into(),
                Section::Index => std::mem::take(&mut ported),
                // Layers change ported numbers alone.
                _ => Content::default(),
            };
        }
        Ok(sections)
    }
}
