//! A snapshot's sections as typed slices, and whether their rows hold together.

use zerocopy::byteorder::little_endian::U32;

use super::format::{Fault, Section};
use super::lineage::Role;
use super::overlay::Additions;
use super::ported::Ported;
use super::records::{NetworkRow, RangeRow};
use crate::trie::Trie;

//----------- View -----------------------------------------------------------

/// A snapshot's sections as typed slices.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// Prefix of a range → the first of its rows in [`ranges`](Self::ranges).
    pub trie: Trie<'a>,
    /// Ported number → network.
    pub ported: Ported<'a>,
    /// The distinct rows of ranges; rows of one prefix are adjacent, shorter numbers first.
    pub ranges: &'a [RangeRow],
    /// The networks of the plan's own file; see [`all_networks`](Self::all_networks).
    pub networks: &'a [NetworkRow],
    pub(super) text_ends: &'a [U32],
    pub(super) text: &'a [u8],
    /// What layers add to networks and texts.
    pub(super) additions: Option<&'a Additions>,
}

impl<'a> View<'a> {
    /// The network with this index.
    #[inline]
    pub fn network(&self, index: u32) -> Option<&'a NetworkRow> {
        match self.networks.get(index as usize) {
            None => self.additions?.network(index),
            found => found,
        }
    }

    /// All networks that ranges, ported numbers and layers name, in the order of their indices.
    pub fn all_networks(&self) -> impl Iterator<Item = &'a NetworkRow> + use<'a> {
        self.networks.iter().chain(self.additions.map_or(&[][..], Additions::networks))
    }

    /// The rows of the prefix whose first row has this index.
    #[inline]
    pub fn ranges_from(&self, first: u32) -> &'a [RangeRow] {
        let rows = self.ranges.get(first as usize..).unwrap_or_default();
        let more = rows.iter().take_while(|row| row.has_next()).count();
        rows.get(..=more).unwrap_or_default()
    }

    /// The text with this id; id 0 and texts that cannot be read are `None`.
    pub fn text(&self, id: U32) -> Option<&'a str> {
        let place = id.get().checked_sub(1)? as usize;
        let Some(end) = self.text_ends.get(place) else {
            return self.additions?.text(id.get());
        };
        let end = end.get() as usize;
        let start = match place.checked_sub(1) {
            Some(before) => self.text_ends.get(before)?.get() as usize,
            None => 0,
        };
        std::str::from_utf8(self.text.get(start..end)?).ok()
    }

    /// Follows every reference of a file once. Layers have ported numbers alone.
    pub(super) fn verify(&self, role: Role) -> Result<(), Fault> {
        let damaged = |section, what| Err(Fault::Damaged { section, what });
        let texts = self.text_ends.len();
        for id in 1..=texts as u32 {
            if self.text(U32::new(id)).is_none() {
                return damaged(Section::Text, "a text is out of bounds or not UTF-8");
            }
        }
        for network in self.networks {
            if !network.is_well_formed(role) || network.texts().iter().any(|id| id.get() as usize > texts) {
                return damaged(Section::Networks, "a row is malformed");
            }
        }
        for range in self.ranges {
            if !range.is_well_formed() || range.network.get() as usize >= self.networks.len() {
                return damaged(Section::Ranges, "a row is malformed or names no network");
            }
        }
        if self.ranges.last().is_some_and(RangeRow::has_next) {
            return damaged(Section::Ranges, "the last row announces another");
        }
        if !self.trie.is_whole() {
            return damaged(Section::TrieNodes, "its nodes and values do not make one tree");
        }
        if self.trie.iter().any(|(_, first)| first as usize >= self.ranges.len()) {
            return damaged(Section::TrieValues, "a prefix names no range");
        }
        if role != Role::Plan && !(self.ranges.is_empty() && self.trie.is_empty()) {
            return damaged(Section::Ranges, "a layer has none");
        }
        let (mut previous, mut listed) = (0, 0);
        for (number, network) in self.ported.iter() {
            match number {
                Some(number) if number.key() > previous && (network as usize) < self.networks.len() => {
                    previous = number.key();
                    listed += 1;
                }
                _ => return damaged(Section::Index, "numbers are out of order or name no network"),
            }
        }
        match listed == self.ported.len() {
            true => Ok(()),
            false => damaged(Section::Index, "it holds more or fewer numbers than it says"),
        }
    }
}
