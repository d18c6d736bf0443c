//! What a built plan holds, country by country.

use std::collections::{BTreeMap, BTreeSet};

use crate::number::{MAX_DIGITS, Prefix};
use crate::snapshot::{RangeRow, View};

//----------- Stats ----------------------------------------------------------

/// Counts of a plan.
#[derive(Debug, Default)]
pub struct Stats {
    /// Ranges: rows of every prefix.
    pub ranges: usize,
    /// Ported numbers.
    pub ported: usize,
    /// Octets that those of the plan's own file take, and the least that they could: see
    /// [`Index::bound`](crate::index::Index::bound).
    pub ported_octets: (usize, f64),
    /// Distinct pairs of MCC and MNC.
    pub networks: usize,
    /// The distinct sources of what the plan says.
    pub sources: BTreeSet<String>,
    /// By ISO 3166-1 alpha-2; the ranges of no country under the empty text.
    pub countries: BTreeMap<String, CountryStats>,
}

/// Counts of one country.
///
/// Spaces weigh a prefix by how many numbers of 15 digits start with it, less those that a longer
/// prefix of the plan takes out: so they add up, whatever the lengths of the real numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CountryStats {
    /// Rows of ranges.
    pub ranges: usize,
    /// Space of the ranges whose numbers can be mobile.
    pub mobile_space: u64,
    /// Of that, the space with an operator name.
    pub named_space: u64,
    /// Of that again, the space with MCC and MNC.
    pub known_space: u64,
    /// Whether some of its numbers can move to other networks.
    pub portable: bool,
}

/// Counts what `view` holds; takes time in proportion to its ranges.
pub fn stats(view: &View<'_>) -> Stats {
    let pairs: BTreeSet<_> =
        view.all_networks().filter_map(|row| row.mnc().map(|_| (row.mcc, row.mnc))).collect();
    let sources = view.all_networks().filter_map(|row| view.text(row.source)).map(str::to_owned).collect();
    let mut stats = Stats {
        ranges: 0,
        ported: view.ported.len(),
        ported_octets: (view.ported.index().octets(), view.ported.index().bound()),
        networks: pairs.len(),
        sources,
        countries: BTreeMap::new(),
    };
    // Prefixes that the current one starts with, each with the space that is left to it.
    let mut open: Vec<(Prefix, u32, u64)> = Vec::new();
    for (prefix, first) in view.trie.iter() {
        while let Some(&(outer, first, left)) = open.last() {
            if prefix.starts_with(outer) {
                break;
            }
            stats.close(view, first, left);
            open.pop();
        }
        let space = 10u64.pow((MAX_DIGITS - prefix.len()) as u32);
        if let Some((_, _, left)) = open.last_mut() {
            *left = left.saturating_sub(space);
        }
        open.push((prefix, first, space));
    }
    for (_, first, left) in open {
        stats.close(view, first, left);
    }
    stats
}

impl Stats {
    /// Counts the rows of one prefix, to which `space` is left.
    fn close(&mut self, view: &View<'_>, first: u32, space: u64) {
        let rows = view.ranges_from(first);
        self.ranges += rows.len();
        for row in rows {
            let country = self.country(row);
            country.ranges += 1;
            country.portable |= row.is_portable();
        }
        // Several lengths under one prefix are one piece of space: a mobile row speaks for it.
        let mobile = |row: &&RangeRow| row.kind().is_some_and(|kind| kind.may_be_mobile());
        let Some(row) = rows.iter().find(mobile) else { return };
        let network = view.network(row.network.get());
        let named = network.is_some_and(|network| network.operator.get() != 0);
        let known = named && network.is_some_and(|network| network.mnc().is_some());
        let country = self.country(row);
        country.mobile_space += space;
        country.named_space += if named { space } else { 0 };
        country.known_space += if known { space } else { 0 };
    }

    fn country(&mut self, row: &RangeRow) -> &mut CountryStats {
        self.countries.entry(row.country().unwrap_or("").to_owned()).or_default()
    }
}
