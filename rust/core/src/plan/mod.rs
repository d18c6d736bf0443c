//! Rows → checked → sorted → snapshot: all policy on bad rows, overlaps and duplicates.
//!
//! - [`fields`]: one row's text fields, checked one by one
//! - [`report`]: what was wrong, with file, line and column
//! - [`stats`]: what a built plan holds, country by country
//!
//! This file gathers the rows and lays out the sections.

pub mod fields;
pub mod report;
pub mod stats;

use std::collections::HashMap;

use zerocopy::IntoBytes;
use zerocopy::byteorder::little_endian::U32;

use crate::index;
use crate::number::{Number, Prefix};
use crate::snapshot::format::Section;
use crate::snapshot::writer::Sections;
use crate::snapshot::{NetworkRow, RangeRow};
use crate::trie;
use fields::{CheckedNetwork, CheckedRange};
pub use fields::{PortedFields, RangeFields};
pub use report::{Place, PlanError, Report};

/// The most distinct networks a plan may name.
pub const MAX_NETWORKS: usize = 1 << 20;

//----------- PlanBuilder ----------------------------------------------------

/// Gathers the rows of a plan. Rows may come in any order.
#[derive(Debug)]
pub struct PlanBuilder {
    policy: Policy,
    report: Report,
    networks: Interned<NetworkRow>,
    texts: Interned<String>,
    ranges: Vec<(Prefix, RangeRow, Place)>,
    ported: Vec<(Number, u32, Place)>,
}

/// What to do with rows that are bad and with rows that say something twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// Build without the bad rows, rather than not at all.
    pub skip_bad_rows: bool,
    /// Of rows that speak for the same numbers take the last, rather than call them bad.
    pub last_duplicate_wins: bool,
}

impl PlanBuilder {
    /// A builder without rows.
    pub fn new(policy: Policy) -> Self {
        Self {
            policy,
            report: Report::default(),
            networks: Interned::default(),
            texts: Interned::default(),
            ranges: Vec::new(),
            ported: Vec::new(),
        }
    }

    /// Announces the file that the next rows come from; its name is their source.
    pub fn begin_file(&mut self, name: &str) {
        self.report.begin_file(name);
    }

    /// Announces the query, of the database with this name, whose result the next rows are. Their line is
    /// their number in the result, their source is database and query.
    pub fn begin_query(&mut self, name: &str, database: &str) {
        self.report.begin_query(name, database);
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

    /// Adds a row of a ported-numbers file, read at `line` of the current file.
    pub fn add_ported(&mut self, line: u64, row: &PortedFields<'_>) {
        let place = self.report.place(line);
        match fields::check_ported(row) {
            Ok((number, network)) => match self.network(&network) {
                Some(index) => self.ported.push((number, index, place)),
                None => self.report.too_many_networks(place),
            },
            Err(fault) => self.report.bad_field(place, fault),
        }
    }

    /// Lays out the snapshot. `meta` is JSON text about the plan, kept as it is.
    ///
    /// The same rows in the same order give the same octets.
    pub fn finish(mut self, meta: &str) -> Result<(Sections, Report), PlanError> {
        let mut ranges = self.settle_ranges();
        let mut ported = self.settle_ported();
        self.forget_unused(&mut ranges, &mut ported);
        self.report.ranges = ranges.len();
        self.report.ported = ported.len();
        self.report.networks = self.networks.items.len();
        if !self.policy.skip_bad_rows && self.report.fault_count() > 0 {
            return Err(PlanError::BadRows(Box::new(self.report)));
        }
        if ranges.is_empty() && ported.is_empty() {
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
        let (nodes, values) = trie::build(&prefixes)?;
        let mut ends = Vec::with_capacity(self.texts.items.len());
        let mut text = String::new();
        for item in &self.texts.items {
            text.push_str(item);
            ends.push(U32::new(u32::try_from(text.len()).map_err(|_| PlanError::TooMuchText)?));
        }
        let sections = Section::ALL.map(|section| match section {
            Section::Meta => Ok(meta.as_bytes().to_vec()),
            Section::TextEnds => Ok(ends.as_bytes().to_vec()),
            Section::Text => Ok(text.as_bytes().to_vec()),
            Section::Networks => Ok(self.networks.items.as_bytes().to_vec()),
            Section::Ranges => Ok(rows.as_bytes().to_vec()),
            Section::TrieNodes => Ok(nodes.clone()),
            Section::TrieValues => Ok(values.clone()),
            Section::Index => index::build(&ported),
        });
        let mut laid_out = Sections::default();
        for (place, section) in laid_out.iter_mut().zip(sections) {
            *place = section?;
        }
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

    /// Sorts the ported numbers and settles those that are listed twice.
    fn settle_ported(&mut self) -> Vec<(Number, u32)> {
        let mut rows = std::mem::take(&mut self.ported);
        rows.sort_by_key(|row| row.0.key());
        let mut settled = Vec::with_capacity(rows.len());
        for group in rows.chunk_by(|a, b| a.0 == b.0) {
            let [first, others @ ..] = group else { continue };
            let winner = match others.last() {
                Some(last) if self.policy.last_duplicate_wins => {
                    self.report.replaced += others.len() as u64;
                    last
                }
                _ => {
                    for other in others {
                        self.report.duplicate(other.0, first.2, other.2);
                    }
                    first
                }
            };
            settled.push((winner.0, winner.1));
        }
        settled
    }

    /// Leaves out networks and texts that no row which stands names, and numbers the others anew in
    /// the order of the rows.
    fn forget_unused(&mut self, ranges: &mut [(Prefix, RangeRow)], ported: &mut [(Number, u32)]) {
        let networks = std::mem::take(&mut self.networks).items;
        let texts = std::mem::take(&mut self.texts).items;
        let mut anew = |index: u32| {
            let row = networks.get(index as usize).copied()?;
            let mut text = |id: U32| match id.get().checked_sub(1).and_then(|place| texts.get(place as usize))
            {
                Some(text) => U32::new(self.texts.intern(text.clone()) + 1),
                None => U32::ZERO,
            };
            let row = NetworkRow {
                operator: text(row.operator),
                spid: text(row.spid),
                rn: text(row.rn),
                rn_context: text(row.rn_context),
                source: text(row.source),
                ..row
            };
            Some(self.networks.intern(row))
        };
        let mut places = vec![None; networks.len()];
        let mut place_of = |index: u32| -> u32 {
            let place = places.get_mut(index as usize);
            place.map_or(0, |place| *place.get_or_insert_with(|| anew(index).unwrap_or(0)))
        };
        for (_, row) in ranges {
            row.network = U32::new(place_of(row.network.get()));
        }
        for (_, network) in ported {
            *network = place_of(*network);
        }
    }

    /// The index of a network, or `None` if there would be too many.
    fn network(&mut self, network: &CheckedNetwork<'_>) -> Option<u32> {
        let source = network.source.unwrap_or(self.report.current_source());
        let source = source.to_owned();
        let mut text = |text: &str| match text {
            "" => U32::ZERO,
            // Id 0 is the unknown text, so ids count from 1.
            text => U32::new(self.texts.intern(text.to_owned()) + 1),
        };
        let row = NetworkRow {
            mcc: network.mcc,
            mnc: network.mnc,
            reserved: [0; 2],
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
