//! The changes of all open layers folded into one table, and the networks and texts that layers add.

use std::collections::HashMap;

use zerocopy::byteorder::little_endian::U32;

use super::records::NetworkRow;
use super::view::View;
use crate::index::Index;
use crate::number::Number;

//----------- Statement ------------------------------------------------------

/// What a layer says of a number: its network, or that it is ported no longer.
///
/// The lower 31 bits are the index of a row in either case, for a removal has a source too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Statement(u32);

impl Statement {
    const REMOVED: u32 = 1 << 31;

    fn new(index: u32, row: &NetworkRow) -> Self {
        Self(if row.is_removal() { index | Self::REMOVED } else { index })
    }

    /// The network that the number is ported to, if it is.
    #[inline]
    pub(super) fn network(self) -> Option<u32> {
        (self.0 & Self::REMOVED == 0).then_some(self.0)
    }

    /// The row that says so.
    pub(super) fn row(self) -> u32 {
        self.0 & !Self::REMOVED
    }
}

//----------- Overlay --------------------------------------------------------

/// Number → newest statement of the open layers: open addressing, at most half full.
#[derive(Debug, Default)]
pub(super) struct Overlay {
    /// A power of two of them; a key of 0 is no number's and means an empty slot.
    slots: Vec<(u64, Statement)>,
    /// How far a hash is shifted to make a slot's number.
    shift: u32,
    used: usize,
    /// Ported numbers of the plan with these changes.
    ported: usize,
}

impl Overlay {
    const EMPTY: (u64, Statement) = (0, Statement(0));

    /// Folds `layers`, newest first, over the numbers of `index`; each comes with what its networks'
    /// indices stand for.
    pub(super) fn fold(index: Index<'_>, layers: &[(Index<'_>, &[Statement])]) -> Self {
        let most: usize = layers.iter().map(|(layer, _)| layer.len()).sum();
        let size = (2 * most).next_power_of_two().max(2);
        let mut overlay = Self {
            slots: vec![Self::EMPTY; size],
            shift: 64 - size.trailing_zeros(),
            used: 0,
            ported: index.len(),
        };
        for (layer, statements) in layers {
            for (number, network) in layer.iter() {
                let Some((number, statement)) = number.zip(statements.get(network as usize)) else {
                    continue;
                };
                if overlay.insert_if_new(number, *statement) {
                    match (index.find(number), statement.network()) {
                        (None, Some(_)) => overlay.ported += 1,
                        (Some(_), None) => overlay.ported = overlay.ported.saturating_sub(1),
                        (None, None) | (Some(_), Some(_)) => {}
                    }
                }
            }
        }
        overlay
    }

    /// Ported numbers of the plan with these changes.
    pub(super) fn ported(&self) -> usize {
        self.ported
    }

    /// Numbers that something is said of.
    pub(super) fn len(&self) -> usize {
        self.used
    }

    /// What is said of `number`, if anything.
    #[inline]
    pub(super) fn find(&self, number: Number) -> Option<Statement> {
        let key = number.key();
        let (found, statement) = *self.slots.get(self.slot_of(key)?)?;
        (found == key).then_some(statement)
    }

    /// Everything that is said, in the order of the numbers' keys.
    pub(super) fn sorted(&self) -> Vec<(Number, Statement)> {
        let said =
            self.slots.iter().filter_map(|(key, statement)| Some((Number::from_key(*key)?, *statement)));
        let mut said: Vec<_> = said.collect();
        said.sort_unstable_by_key(|(number, _)| number.key());
        said
    }

    /// The slot that has `key`, or else the empty one where it would be put.
    #[inline]
    fn slot_of(&self, key: u64) -> Option<usize> {
        // Fibonacci hashing: numbers that follow one another lie far apart.
        let first = (key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> self.shift) as usize;
        // At least half of the slots are empty, so one of them ends the walk.
        (0..self.slots.len())
            .map(|step| first.wrapping_add(step) & self.slots.len().wrapping_sub(1))
            .find(|slot| self.slots.get(*slot).is_none_or(|(found, _)| *found == key || *found == 0))
    }

    fn insert_if_new(&mut self, number: Number, statement: Statement) -> bool {
        let key = number.key();
        // Beyond half of the slots only a layer with more numbers than it says could go.
        let has_room = 2 * self.used < self.slots.len();
        match self.slot_of(key).and_then(|slot| self.slots.get_mut(slot)) {
            Some(slot) if slot.0 == 0 && has_room => {
                *slot = (key, statement);
                self.used += 1;
                true
            }
            _ => false,
        }
    }
}

//----------- Additions ------------------------------------------------------

/// The networks and texts that layers bring, numbered on from those of the plan's own file. Equal rows
/// of several layers are one.
#[derive(Debug, Default)]
pub(super) struct Additions {
    first_network: u32,
    networks: Vec<NetworkRow>,
    places: HashMap<NetworkRow, u32>,
    /// The id before that of the first text.
    texts_before: u32,
    texts: Vec<Box<str>>,
    ids: HashMap<Box<str>, u32>,
}

impl Additions {
    /// None yet, to those of `base`.
    pub(super) fn to(base: &View<'_>) -> Self {
        Self {
            first_network: base.networks.len() as u32,
            texts_before: base.text_ends.len() as u32,
            ..Self::default()
        }
    }

    /// Takes over the networks of a layer and gives what each of its indices stands for; `None` if there
    /// are more than indices can tell apart.
    pub(super) fn adopt(&mut self, layer: &View<'_>) -> Option<Vec<Statement>> {
        layer.networks.iter().map(|row| self.adopt_row(layer, row)).collect()
    }

    fn adopt_row(&mut self, layer: &View<'_>, row: &NetworkRow) -> Option<Statement> {
        let row = row.with_texts(|id| self.adopt_text(layer, id))?;
        let next = self.first_network.checked_add(u32::try_from(self.networks.len()).ok()?)?;
        if next >= Statement::REMOVED {
            return None;
        }
        let index = *self.places.entry(row).or_insert(next);
        if index == next {
            self.networks.push(row);
        }
        Some(Statement::new(index, &row))
    }

    fn adopt_text(&mut self, layer: &View<'_>, id: U32) -> Option<U32> {
        let Some(text) = layer.text(id) else { return Some(U32::ZERO) };
        if let Some(id) = self.ids.get(text) {
            return Some(U32::new(*id));
        }
        let id = self.texts_before.checked_add(u32::try_from(self.texts.len()).ok()?)?.checked_add(1)?;
        self.texts.push(text.into());
        self.ids.insert(text.into(), id);
        Some(U32::new(id))
    }

    pub(super) fn networks(&self) -> &[NetworkRow] {
        &self.networks
    }

    pub(super) fn network(&self, index: u32) -> Option<&NetworkRow> {
        self.networks.get(index.checked_sub(self.first_network)? as usize)
    }

    pub(super) fn text(&self, id: u32) -> Option<&str> {
        let place = id.checked_sub(self.texts_before)?.checked_sub(1)?;
        self.texts.get(place as usize).map(|text| &**text)
    }
}
