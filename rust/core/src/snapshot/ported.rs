//! The ported numbers of a plan: those of its file, less and more what layers change.

use super::overlay::Overlay;
use crate::index::Index;
use crate::number::Number;

//----------- Ported ---------------------------------------------------------

/// Ported number → network, layers included.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ported<'a> {
    index: Index<'a>,
    overlay: Option<&'a Overlay>,
}

impl<'a> Ported<'a> {
    /// Those of a file alone.
    pub(super) fn new(index: Index<'a>) -> Self {
        Self { index, overlay: None }
    }

    /// The same with the changes of layers over them.
    pub(super) fn under(self, overlay: Option<&'a Overlay>) -> Self {
        Self { overlay, ..self }
    }

    /// Those of the plan's own file.
    pub fn index(&self) -> Index<'a> {
        self.index
    }

    /// The numbers that layers name, in the order of their keys.
    pub fn touched(&self) -> Vec<Number> {
        let said = self.overlay.map(Overlay::sorted).unwrap_or_default();
        said.into_iter().map(|(number, _)| number).collect()
    }

    /// How many ported numbers there are.
    pub fn len(&self) -> usize {
        self.overlay.map_or(self.index.len(), Overlay::ported)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The network that `number` was ported to.
    #[inline]
    pub fn find(&self, number: Number) -> Option<u32> {
        match self.overlay.and_then(|overlay| overlay.find(number)) {
            None => self.index.find(number),
            Some(statement) => statement.network(),
        }
    }

    /// The networks that `numbers` were ported to, in their order; faster than one after another.
    pub fn find_many(&self, numbers: &[Number], networks: &mut [Option<u32>]) {
        self.index.find_many(numbers, networks);
        let Some(overlay) = self.overlay else { return };
        for (number, network) in numbers.iter().zip(networks) {
            if let Some(statement) = overlay.find(*number) {
                *network = statement.network();
            }
        }
    }

    /// All ported numbers with their networks, shorter numbers first, then in order. `None` stands for a
    /// number that only a damaged file holds.
    pub fn iter(&self) -> impl Iterator<Item = (Option<Number>, u32)> + '_ {
        let mut listed = self.index.iter().peekable();
        let mut changes = self.overlay.map(Overlay::sorted).unwrap_or_default().into_iter().peekable();
        std::iter::from_fn(move || {
            loop {
                let next = listed.peek().map(|(number, _)| number.map_or(0, Number::key));
                match (next, changes.peek()) {
                    (Some(key), Some((number, _))) if key >= number.key() => {
                        if key == number.key() {
                            listed.next();
                        }
                    }
                    (None, Some(_)) => {}
                    (_, _) => return listed.next(),
                }
                let (number, statement) = changes.next()?;
                if let Some(network) = statement.network() {
                    return Some((Some(number), network));
                }
            }
        })
    }
}
