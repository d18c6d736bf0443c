//! Many dips at once: numbers in, plain columns out.
//!
//! The same answers as [`answer::find`] gives one after another, for less: look-ups go side by side, and no
//! text is made for a number. Networks and ranges are counted as they are met, so a number's answer is two
//! row numbers, and a column has a small table from row number to text.
//!
//! ```text
//! number ─ ported.find_many ─────────────── network ─┬─ row of networks ─ mcc, mnc, operator, …
//!        └ trie.places ─ Memo ─ range, its network ──┴─ row of ranges ─── country, kind; prefix
//! ```

mod columns;

use std::collections::HashMap;
use std::hash::BuildHasherDefault;

use crate::answer;
use crate::number::{Number, Prefix};
use crate::snapshot::{RangeRow, View};
use crate::trie::Shortcut;
use columns::{BATCH, Batch, Fold, Rows, flag};
pub use columns::{Bits, Columns, TextColumn};

/// The most slots of [`Finder::memos`]: eight megabytes, of which those are touched that are used.
const MOST_MEMOS: usize = 1 << 19;

/// Numbers from which on a shortcut through the trie pays off.
const MANY: usize = 4_096;

/// Dips for each of `numbers`; `None` stands for what is no number.
pub fn find_all(view: &View<'_>, numbers: impl IntoIterator<Item = Option<Number>>) -> Columns {
    let mut finder = Finder::new(view);
    finder.extend(numbers);
    finder.finish()
}

//----------- Finder ---------------------------------------------------------

/// Takes numbers, in any portions, and collects what is found.
pub struct Finder<'a> {
    view: View<'a>,
    has_ported: bool,
    /// `None` as long as there are few numbers.
    shortcut: Option<Shortcut>,
    /// The batch that is being filled: its numbers, which row of it each one is, and how many rows it has.
    numbers: Vec<Number>,
    lanes: Vec<u8>,
    filled: usize,
    /// What prefixes mean for numbers of one length; see [`Memo`].
    memos: Vec<[u32; 4]>,
    /// For each network of the plan its row, and for each place in the trie one more than the key of its
    /// prefix's text; 0 for what has not been met.
    network_rows: Vec<u32>,
    prefix_keys: Vec<u32>,
    range_rows: HashMap<RangeRow, u32, BuildHasherDefault<Fold>>,
    rows: Rows<'a>,
}

/// What a prefix means for numbers of one length: rows of networks and ranges, 0 for none.
///
/// It lies in the slot that the last bits of its place and length name, and may be driven out by another.
#[derive(Clone, Copy)]
struct Memo {
    range: u32,
    /// The network that holds the range.
    network: u32,
    /// The key of the prefix's text.
    prefix: u32,
}

impl Memo {
    const NOTHING: Self = Self { range: 0, network: 0, prefix: 0 };
}

impl<'a> Finder<'a> {
    /// For the answers of one view.
    pub fn new(view: &View<'a>) -> Self {
        let places = view.trie.len() + 1;
        Self {
            view: *view,
            has_ported: !view.ported.is_empty(),
            shortcut: None,
            numbers: Vec::with_capacity(BATCH),
            lanes: Vec::with_capacity(BATCH),
            filled: 0,
            memos: vec![[0; 4]; (4 * places).next_power_of_two().min(MOST_MEMOS)],
            network_rows: vec![0; view.all_networks().count()],
            prefix_keys: vec![0; places],
            range_rows: HashMap::default(),
            rows: Rows::new(),
        }
    }

    /// Makes room for so many more numbers. What is not foretold costs a little more.
    pub fn reserve(&mut self, numbers: usize) {
        self.rows.reserve(numbers);
    }

    /// The answers to all numbers, in their order.
    pub fn finish(mut self) -> Columns {
        self.look_up();
        self.rows.finish()
    }

    /// Answers the batch and begins another.
    fn look_up(&mut self) {
        let mut ported_to = [None; BATCH];
        if self.has_ported {
            self.view.ported.find_many(&self.numbers, &mut ported_to);
        }
        let mut places = [0; BATCH];
        if self.shortcut.is_none() && self.rows.count() >= MANY {
            self.shortcut = Some(self.view.trie.shortcut());
        }
        self.view.trie.places(self.shortcut.as_ref(), &self.numbers, &mut places);
        let mut batch = Batch::default();
        for at in 0..self.numbers.len() {
            let (Some(number), Some(place), Some(ported_to), Some(lane)) =
                (self.numbers.get(at).copied(), places.get(at), ported_to.get(at), self.lanes.get(at))
            else {
                break;
            };
            let lane = usize::from(*lane);
            let memo = self.recall(*place, number);
            let network = match ported_to {
                Some(index) => self.network_row(*index),
                None => memo.network,
            };
            // Without a network there is no answer: only a damaged file has a range without one.
            let memo = if network == 0 { Memo::NOTHING } else { memo };
            let ported = ported_to.is_some() && network != 0;
            batch.set(lane, [network, memo.range, memo.prefix], if ported { flag::PORTED } else { 0 });
        }
        self.rows.push(self.filled, batch);
        self.numbers.clear();
        self.lanes.clear();
        self.filled = 0;
    }

    /// What the prefix at `place` means for `number`, which starts with it. Place 0 stands for none.
    #[inline]
    fn recall(&mut self, place: u32, number: Number) -> Memo {
        let length = number.len() as u32;
        let slot = (place << 2 ^ length) as usize & self.memos.len().wrapping_sub(1);
        let tag = place << 4 | length;
        match self.memos.get(slot) {
            Some([found, range, network, prefix]) if *found == tag => {
                Memo { range: *range, network: *network, prefix: *prefix }
            }
            _ => self.learn(place, number, slot, tag),
        }
    }

    #[cold]
    fn learn(&mut self, place: u32, number: Number, slot: usize, tag: u32) -> Memo {
        let range = if place == 0 { None } else { answer::range_of(&self.view, number) };
        let memo = match range {
            None => Memo::NOTHING,
            Some((prefix, row)) => Memo {
                range: *self.range_rows.entry(*row).or_insert_with(|| self.rows.add_range(row)),
                network: self.network_row(row.network.get()),
                prefix: self.prefix_key(place, prefix),
            },
        };
        if let Some(slot) = self.memos.get_mut(slot) {
            *slot = [tag, memo.range, memo.network, memo.prefix];
        }
        memo
    }

    /// The key of the text of the prefix at `place`.
    fn prefix_key(&mut self, place: u32, prefix: Prefix) -> u32 {
        let mut anew = 0;
        let known = self.prefix_keys.get_mut(place as usize).unwrap_or(&mut anew);
        if *known == 0 {
            *known = self.rows.add_prefix(prefix) + 1;
        }
        *known - 1
    }

    /// The row of the network with this index, 0 if there is none.
    #[inline]
    fn network_row(&mut self, index: u32) -> u32 {
        match self.network_rows.get(index as usize) {
            Some(0) => self.add_network(index),
            Some(row) => *row,
            None => 0,
        }
    }

    #[cold]
    fn add_network(&mut self, index: u32) -> u32 {
        let Some(network) = self.view.network(index) else { return 0 };
        let row = self.rows.add_network(network, |id| self.view.text(id));
        if let Some(known) = self.network_rows.get_mut(index as usize) {
            *known = row;
        }
        row
    }
}

/// Takes more numbers; `None` stands for what is no number.
impl Extend<Option<Number>> for Finder<'_> {
    #[inline]
    fn extend<I: IntoIterator<Item = Option<Number>>>(&mut self, numbers: I) {
        for number in numbers {
            if let Some(number) = number {
                self.numbers.push(number);
                self.lanes.push(self.filled as u8);
            }
            self.filled += 1;
            if self.filled == BATCH {
                self.look_up();
            }
        }
    }
}
