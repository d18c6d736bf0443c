//! Rows → checked → sorted → snapshot: all policy on bad rows, overlaps and duplicates.
//!
//! - [`delta`], [`compact`]: changes to a plan that was built, and folding them into it
//! - [`dns_records`]: NAPTR records of numbers and prefixes, and what they lead to
//! - [`fields`]: one row's text fields, checked one by one
//! - [`report`]: what was wrong, with file, line and column
//! - [`ported`]: ported numbers, of which there can be more than fit into memory
//! - [`sort`]: their rows in order
//! - [`stats`]: what a built plan holds, country by country
//!
//! This file gathers the rows and lays out the sections.

pub mod compact;
pub mod delta;
pub mod diff;
pub mod dns_records;
pub mod fields;
mod ported;
pub mod report;
mod sort;
pub mod stats;

use std::collections::HashMap;

use zerocopy::byteorder::little_endian::U32;
use zerocopy::{FromZeros, IntoBytes};

use crate::apex::Apex;
use crate::number::Prefix;
use crate::snapshot::format::Section;
use crate::snapshot::lineage::{Lineage, Time};
use crate::snapshot::writer::Sections;
use crate::snapshot::{NetworkRow, RangeRow};
use crate::trie;
pub use dns_records::{RecordFields, ZoneRecord};
use dns_records::{RecordRows, RecordSections};
use fields::{CheckedNetwork, CheckedRange, FieldFault};
pub use fields::{PortedFields, RangeFields};
use ported::PortedRows;
pub use ported::{Resources, Watch};
pub use report::{Place, PlanError, Report};

/// The most distinct networks a plan may name.
pub const MAX_NETWORKS: usize = 1 << 20;

//----------- PlanBuilder ----------------------------------------------------

/// Gathers the rows of a plan. Rows may come in any order.
#[derive(Debug)]
pub struct PlanBuilder {
    policy: Policy,
    report: Report,
    time: Time,
    networks: Interned<NetworkRow>,
    texts: Interned<String>,
    ranges: Vec<(Prefix, RangeRow, Place)>,
    ported: PortedRows,
    records: RecordRows,
    /// The domains whose names stand for numbers.
    apexes: Vec<Apex>,
    /// The files that ported numbers come from, without their folders.
    ported_files: Vec<String>,
    /// Whether the current file is the last of those.
    holds_ported: bool,
}

/// Stands for the source of ported numbers until all their files are known.
const PORTED_SOURCE: &str = "\0ported";

/// What to do with rows that are bad and with rows that say something twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// Build without the bad rows, rather than not at all.
    pub skip_bad_rows: bool,
    /// Of rows that speak for the same numbers take the last, rather than call them bad.
    pub last_duplicate_wins: bool,
}

impl PlanBuilder {
    /// A builder without rows that takes the memory of [`Resources::default`].
    pub fn new(policy: Policy) -> Self {
        Self::with_resources(policy, &Resources::default())
    }

    /// A builder without rows.
    pub fn with_resources(policy: Policy, resources: &Resources) -> Self {
        Self {
            policy,
            report: Report::default(),
            time: Time::UNKNOWN,
            networks: Interned::default(),
            texts: Interned::default(),
            ranges: Vec::new(),
            ported: PortedRows::new(resources),
            records: RecordRows::default(),
            apexes: Apex::new("e164.arpa").into_iter().collect(),
            ported_files: Vec::new(),
            holds_ported: false,
        }
    }

    /// Notes from when on the plan holds.
    pub fn set_time(&mut self, time: Time) {
        self.time = time;
    }

    /// Says under which domains the owner names of records stand for numbers; `e164.arpa` unless set.
    pub fn set_apexes(&mut self, apexes: Vec<Apex>) {
        self.apexes = apexes;
    }

    /// Announces the file that the next rows come from; its name is their source.
    pub fn begin_file(&mut self, name: &str) {
        self.holds_ported &= !self.report.begin_file(name);
    }

    /// Announces the query, of the database with this name, whose result the next rows are. Their line is
    /// their number in the result, their source is database and query.
    pub fn begin_query(&mut self, name: &str, database: &str) {
        self.holds_ported &= !self.report.begin_query(name, database);
    }

    /// Adds a row of a ranges file, read at `line` of the current file.
    pub fn add_range(&mut self, line: u64, row: &RangeFields<'_>) {
        let place = self.report.place(line);
        match fields::check_range(row) {
            Ok(checked) => {
                let CheckedRange { prefix, network, mut row } = checked;
                match self.network(&network) {
                    Some(index) => row.network = U32::new(index),
                    None => return self.report.too_many_networks(place),
                }
                self.ranges.push((prefix, row, place));
            }
            Err(fault) => self.report.bad_field(place, fault),
        }
    }

    /// Adds a row of a ported-numbers file, read at `line` of the current file. Fails when a temporary file
    /// cannot be written.
    pub fn add_ported(&mut self, line: u64, row: &PortedFields<'_>) -> Result<(), PlanError> {
        if !std::mem::replace(&mut self.holds_ported, true) {
            let file = self.report.current_source().to_owned();
            if !self.ported_files.contains(&file) {
                self.ported_files.push(file);
            }
        }
        let place = self.report.place(line);
        let checked = fields::check_number(row).and_then(|number| Ok((number, self.ported_network(row)?)));
        match checked {
            Ok((number, Some(network))) => self.ported.push(number, network, place)?,
            Ok((_, None)) => self.report.too_many_networks(place),
            Err(fault) => self.report.bad_field(place, fault),
        }
        Ok(())
    }

    /// Adds a row of a file of NAPTR records, read at `line` of the current file.
    pub fn add_record(&mut self, line: u64, row: &RecordFields<'_>) {
        let place = self.report.place(line);
        if let Err(what) = self.records.push_fields(row, &self.apexes, place) {
            self.report.bad_record(place, &what);
        }
    }

    /// Adds a record of a zone, read at `line` of the current file.
    pub fn add_zone_record(&mut self, line: u64, record: &ZoneRecord<'_>) {
        let place = self.report.place(line);
        if let Err(what) = self.records.push_zone_record(record, &self.apexes, place) {
            self.report.bad_record(place, &what);
        }
    }

    /// Lays out the snapshot. `meta` is JSON text about the plan, kept as it is.
    ///
    /// The same rows in the same order give the same octets, however much memory there is.
    pub fn finish(self, meta: &str) -> Result<(Sections, Report), PlanError> {
        self.finish_watched(meta, &mut |_, _| true)
    }

    /// The same, watched: building can take minutes.
    pub fn finish_watched(mut self, meta: &str, watch: Watch<'_>) -> Result<(Sections, Report), PlanError> {
        let mut ranges = self.settle_ranges();
        let records = std::mem::take(&mut self.records).encode(&mut self.report, self.policy)?;
        let (renumbered, networks) = self.forget_unused(&mut ranges);
        self.report.ranges = ranges.len();
        let folder = self.ported.folder().to_owned();
        let encoded = self.ported.encode(&mut self.report, self.policy, (&renumbered, networks), watch);
        let (mut ported, used) = encoded.map_err(|error| error.in_folder(&folder))?;
        // A network that only replaced rows named keeps its index and says nothing.
        for (network, _) in self.networks.items.iter_mut().zip(used).filter(|(_, used)| !used) {
            *network = NetworkRow::new_zeroed();
        }
        self.report.networks =
            self.networks.items.iter().filter(|row| **row != NetworkRow::new_zeroed()).count();
        if !self.policy.skip_bad_rows && self.report.fault_count() > 0 {
            return Err(PlanError::BadRows(Box::new(self.report)));
        }
        if ranges.is_empty() && self.report.ported == 0 && self.report.records == 0 {
            return Err(PlanError::NoRows);
        }
        // Many prefixes say the same of their numbers: they share their rows, so the rows stay in cache.
        let mut prefixes: Vec<(Prefix, u32)> = Vec::new();
        let mut rows: Vec<RangeRow> = Vec::new();
        let mut shared: HashMap<Vec<RangeRow>, u32> = HashMap::new();
        for group in ranges.chunk_by(|a, b| a.0 == b.0) {
            let [(prefix, _), ..] = group else { continue };
            let group: Vec<RangeRow> = group.iter().map(|(_, row)| *row).collect();
            let first = *shared.entry(group).or_insert_with_key(|group| {
                rows.extend_from_slice(group);
                (rows.len() - group.len()) as u32
            });
            prefixes.push((*prefix, first));
        }
        let (mut nodes, mut values) = trie::build(&prefixes)?;
        let [mut ends, mut text] = self.texts.sections()?;
        let RecordSections {
            mut numbers,
            mut rule_nodes,
            mut rule_values,
            mut names,
            ends: mut set_ends,
            mut sets,
        } = records;
        let laid_out = Section::ALL.map(|section| match section {
            Section::Meta => meta.as_bytes().to_vec().into(),
            Section::Lineage => Lineage::plan(self.time).as_bytes().to_vec().into(),
            Section::TextEnds => std::mem::take(&mut ends).into(),
            Section::Text => std::mem::take(&mut text).into(),
            Section::Networks => self.networks.items.as_bytes().to_vec().into(),
            Section::Ranges => rows.as_bytes().to_vec().into(),
            Section::TrieNodes => std::mem::take(&mut nodes).into(),
            Section::TrieValues => std::mem::take(&mut values).into(),
            Section::Index => std::mem::take(&mut ported),
            Section::RecordNumbers => std::mem::take(&mut numbers).into(),
            Section::RuleNodes => std::mem::take(&mut rule_nodes).into(),
            Section::RuleValues => std::mem::take(&mut rule_values).into(),
            Section::Names => std::mem::take(&mut names).into(),
            Section::RecordSetEnds => std::mem::take(&mut set_ends).into(),
            Section::RecordSets => std::mem::take(&mut sets).into(),
        });
        Ok((laid_out, self.report))
    }

    /// Sorts the ranges and settles those that speak for the same numbers.
    fn settle_ranges(&mut self) -> Vec<(Prefix, RangeRow)> {
        let mut rows = std::mem::take(&mut self.ranges);
        // Stable, so rows of one prefix stay in the order they came in.
        rows.sort_by_key(|row| row.0);
        let mut settled = Vec::with_capacity(rows.len());
        for group in rows.chunk_by(|a, b| a.0 == b.0) {
            let mut kept: Vec<&(Prefix, RangeRow, Place)> = Vec::with_capacity(group.len());
            for row in group {
                let overlaps = |other: &&(Prefix, RangeRow, Place)| {
                    other.1.min_length <= row.1.max_length && row.1.min_length <= other.1.max_length
                };
                match kept.iter().find(|other| overlaps(other)) {
                    Some(_) if self.policy.last_duplicate_wins => {
                        self.report.replaced += kept.iter().filter(|other| overlaps(other)).count() as u64;
                        kept.retain(|other| !overlaps(other));
                        kept.push(row);
                    }
                    Some(first) => self.report.overlap(row.0, first.2, row.2),
                    None => kept.push(row),
                }
            }
            kept.sort_by_key(|row| row.1.min_length);
            let last = kept.len().saturating_sub(1);
            settled.extend(kept.iter().enumerate().map(|(place, (prefix, row, _))| {
                let next = if place < last { RangeRow::HAS_NEXT } else { 0 };
                (*prefix, RangeRow { flags: row.flags | next, ..*row })
            }));
        }
        settled
    }

    /// Leaves out networks and texts that no row names, and renumbers the others: those of ported numbers
    /// first, in the order in which they came, so that their indices are short, then those of ranges. Gives
    /// the new index of each network, and how many are ported numbers'.
    fn forget_unused(&mut self, ranges: &mut [(Prefix, RangeRow)]) -> (Vec<u32>, usize) {
        let networks = std::mem::take(&mut self.networks).items;
        let texts = std::mem::take(&mut self.texts).items;
        let source = self.ported_source();
        let mut anew = |index: u32| {
            let row = networks.get(index as usize).copied()?;
            let row = row.with_texts(|id| {
                let place = id.get().checked_sub(1).map(|place| place as usize);
                let text = place.and_then(|place| texts.get(place)).map_or("", String::as_str);
                Some(self.texts.id(if text == PORTED_SOURCE { &source } else { text }))
            })?;
            Some(self.networks.intern(row))
        };
        let mut places = vec![None; networks.len()];
        let mut place_of = |index: u32| -> u32 {
            let place = places.get_mut(index as usize);
            place.map_or(0, |place| *place.get_or_insert_with(|| anew(index).unwrap_or(0)))
        };
        let ported = self.ported.networks().iter().map(|index| place_of(*index) as usize + 1).max();
        for (_, row) in ranges {
            row.network = U32::new(place_of(row.network.get()));
        }
        (places.into_iter().map(|place| place.unwrap_or(0)).collect(), ported.unwrap_or(0))
    }

    /// What the source of ported numbers is called.
    fn ported_source(&self) -> String {
        match self.ported_files.as_slice() {
            [] => String::new(),
            [only] => only.clone(),
            [first, others @ ..] => format!("{first} and {} more", others.len()),
        }
    }

    /// The index of the network that a row names, or `None` if there would be too many.
    fn ported_network(&mut self, row: &PortedFields<'_>) -> Result<Option<u32>, FieldFault> {
        if let Some(known) = self.ported.known_network(row) {
            return Ok(Some(known));
        }
        let network = self.network(&fields::check_network(row)?);
        if let Some(network) = network {
            self.ported.remember(network);
        }
        Ok(network)
    }

    /// The index of a network, or `None` if there would be too many.
    fn network(&mut self, network: &CheckedNetwork<'_>) -> Option<u32> {
        let source = network.source.unwrap_or(self.report.current_source()).to_owned();
        let mut text = |text: &str| self.texts.id(text);
        let row = NetworkRow {
            mcc: network.mcc,
            mnc: network.mnc,
            flags: 0,
            reserved: 0,
            operator: text(network.operator),
            spid: text(network.spid),
            rn: text(network.rn),
            rn_context: text(network.rn_context),
            source: text(&source),
        };
        let index = self.networks.intern(row);
        // One too many is named by no row that stands, so it will be forgotten.
        ((index as usize) < MAX_NETWORKS).then_some(index)
    }
}

//----------- Interned -------------------------------------------------------

/// Distinct items in the order they were first seen.
#[derive(Debug)]
struct Interned<T> {
    items: Vec<T>,
    places: HashMap<T, u32>,
}

impl<T> Default for Interned<T> {
    fn default() -> Self {
        Self { items: Vec::new(), places: HashMap::new() }
    }
}

impl<T: Clone + Eq + std::hash::Hash> Interned<T> {
    fn intern(&mut self, item: T) -> u32 {
        if let Some(&place) = self.places.get(&item) {
            return place;
        }
        let place = self.items.len() as u32;
        self.items.push(item.clone());
        self.places.insert(item, place);
        place
    }
}

impl Interned<String> {
    /// The id of a text in a network's row: 0 for none, so that the others count from 1.
    fn id(&mut self, text: &str) -> U32 {
        match text {
            "" => U32::ZERO,
            text => U32::new(self.intern(text.to_owned()) + 1),
        }
    }

    /// The sections of these texts: where each ends, and all of them.
    fn sections(&self) -> Result<[Vec<u8>; 2], PlanError> {
        let mut ends = Vec::with_capacity(self.items.len());
        let mut text = String::new();
        for item in &self.items {
            text.push_str(item);
            ends.push(U32::new(u32::try_from(text.len()).map_err(|_| PlanError::TooMuchText)?));
        }
        Ok([ends.as_bytes().to_vec(), text.into_bytes()])
    }
}
