//! What a match costs, in steps that are the same on every machine.

use super::ExpressionFault;

/// The most steps of one match: some ten milliseconds, and not fifty on a slow machine with other things to do. A usual
/// rule takes a few hundred for a number.
pub const MAX_STEPS: usize = 1_000_000;

/// Counts what one match costs, all that the engine of its mode does for it together.
///
/// The unit is what a sweep does for one part at one place; what takes longer counts more.
#[derive(Debug)]
pub(super) struct Steps {
    taken: usize,
    most: usize,
}

impl Default for Steps {
    fn default() -> Self {
        Self::within(MAX_STEPS)
    }
}

impl Steps {
    /// A count that ends after so many, or after [`MAX_STEPS`] if those are fewer.
    pub(super) fn within(most: usize) -> Self {
        Self { taken: 0, most: most.min(MAX_STEPS) }
    }

    /// Counts steps that are about to be taken.
    pub(super) fn spend(&mut self, steps: usize) -> Result<(), ExpressionFault> {
        self.taken = self.taken.saturating_add(steps).min(self.most + 1);
        if self.taken > self.most { Err(ExpressionFault::TooCostly) } else { Ok(()) }
    }

    /// How many were taken; one more than there are if they were too many.
    pub(super) fn spent(&self) -> usize {
        self.taken
    }
}
