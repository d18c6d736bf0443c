//! How many bits the numbers and their networks take at least.
//!
//! In each ten thousand of numbers, `k` of them are one of C(10^4, k) choices. Their networks cost the least
//! of what equal shares of all networks say, the shares over all numbers, and the shares in each ten thousand.
//! To state the shares of m of M networks among k numbers takes log2 C(M, m) bits for which they are and
//! (m − 1)/2 · log2 k for how large (J. Rissanen, "Modeling by shortest data description", Automatica 14,
//! 1978). Which ten thousands are populated is taken as known: the bound is on the low side.

/// Numbers that are looked at together: the blocks that regulators hand out.
const WIDTH: usize = 10_000;
/// Networks whose shares are counted; no plan has more, but a caller can name any index.
const MAX_NETWORKS: usize = 1 << 20;

/// The bound, as numbers come.
#[derive(Debug)]
pub(super) struct Bound {
    /// log2 of n! for n up to [`WIDTH`].
    log2_factorials: Vec<f64>,
    /// Bits of the numbers.
    keys: f64,
    /// Bits of the networks by the shares in each ten thousand.
    by_block: f64,
    /// How many numbers each network has.
    counts: Vec<u64>,
    /// The networks of one ten thousand.
    networks: Vec<u32>,
}

impl Bound {
    /// No numbers, of up to so many networks.
    pub(super) fn new(networks: usize) -> Self {
        let factorials = (1..=WIDTH).scan(0.0, |sum, n| {
            *sum += (n as f64).log2();
            Some(*sum)
        });
        Self {
            log2_factorials: std::iter::once(0.0).chain(factorials).collect(),
            keys: 0.0,
            by_block: 0.0,
            counts: vec![0; networks.min(MAX_NETWORKS)],
            networks: Vec::new(),
        }
    }

    /// Adds numbers, ascending offsets, with their networks; each ten thousand is whole.
    pub(super) fn add(&mut self, entries: &[(u32, u32)]) {
        for block in entries.chunk_by(|a, b| a.0 as usize / WIDTH == b.0 as usize / WIDTH) {
            self.networks.clear();
            self.networks.extend(block.iter().map(|(_, network)| *network));
            self.networks.sort_unstable();
            let total = block.len() as f64;
            self.keys += self.log2_choices(WIDTH, block.len());
            let mut distinct: usize = 0;
            for same in self.networks.chunk_by(|a, b| a == b) {
                distinct += 1;
                let count = same.len() as f64;
                self.by_block += count * (total / count).log2();
                let network = same.first().map_or(0, |network| *network as usize);
                self.counts.get_mut(network).into_iter().for_each(|count| *count += same.len() as u64);
            }
            self.by_block += self.log2_choices(self.counts.len(), distinct);
            self.by_block += (distinct - 1) as f64 / 2.0 * total.log2();
        }
    }

    /// Bits of all numbers with their networks.
    pub(super) fn bits(&self) -> f64 {
        let total: u64 = self.counts.iter().sum();
        let counts = || self.counts.iter().filter(|count| **count > 0).map(|count| *count as f64);
        let shares: f64 = counts().map(|count| count * (total as f64 / count).log2()).sum();
        let stating = (counts().count().saturating_sub(1)) as f64 / 2.0 * (total.max(1) as f64).log2();
        let equal = total as f64 * (counts().count().max(1) as f64).log2();
        self.keys + self.by_block.min(shares + stating).min(equal)
    }

    /// log2 of how many sets of `count` there are among `all`.
    fn log2_choices(&self, all: usize, count: usize) -> f64 {
        let factorial = |n| self.log2_factorial(n);
        factorial(all) - factorial(count) - factorial(all.saturating_sub(count))
    }

    fn log2_factorial(&self, n: usize) -> f64 {
        // Stirling's series, where the table ends: its error is below 10^-13 there.
        let series = || {
            let n = n as f64;
            let natural = n * n.ln() - n + (std::f64::consts::TAU * n).ln() / 2.0 + 1.0 / (12.0 * n);
            natural / std::f64::consts::LN_2
        };
        self.log2_factorials.get(n).copied().unwrap_or_else(series)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bits a number for offsets with networks.
    fn bits_each(entries: &[(u32, u32)], networks: usize) -> f64 {
        let mut bound = Bound::new(networks);
        bound.add(entries);
        bound.bits() / entries.len() as f64
    }

    #[test]
    fn what_is_certain_costs_nothing() {
        let full: Vec<(u32, u32)> = (0..30_000).map(|offset| (offset, 7)).collect();
        assert!(bits_each(&full, 8).abs() < 1e-9);
    }

    #[test]
    fn a_choice_costs_its_logarithm() {
        // One of ten thousand numbers: log2 10,000 bits, and one network for all costs none.
        let one: Vec<(u32, u32)> = (0..100).map(|block| (block * 10_000 + block, 0)).collect();
        assert!((bits_each(&one, 1) - 10_000f64.log2()).abs() < 1e-9);
        // Every number, two networks in turn: a bit each, and some bits once to say so.
        let two: Vec<(u32, u32)> = (0..1_000_000).map(|offset| (offset, offset % 2)).collect();
        let bits = bits_each(&two, 2);
        assert!((1.0..1.0001).contains(&bits), "{bits}");
    }

    #[test]
    fn networks_that_are_too_many_to_state_cost_what_they_do_over_all() {
        // A hundred numbers in each ten thousand, each with one of 65,536 networks by chance: 16 bits.
        let mut state = 1u32;
        let scattered: Vec<(u32, u32)> = (0..2_000_000)
            .step_by(10)
            .map(|offset| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (offset, state >> 16)
            })
            .collect();
        let keys = bits_each(&scattered.iter().map(|(offset, _)| (*offset, 0)).collect::<Vec<_>>(), 1);
        let bits = bits_each(&scattered, 65_536) - keys;
        assert!((15.9..=16.0).contains(&bits), "{bits}");
    }

    #[test]
    fn the_series_goes_on_where_the_table_ends() {
        let bound = Bound::new(1);
        let ahead = bound.log2_factorial(WIDTH + 1) - bound.log2_factorial(WIDTH);
        assert!((ahead - ((WIDTH + 1) as f64).log2()).abs() < 1e-7, "{ahead}");
    }

    #[test]
    fn shares_that_differ_from_block_to_block_cost_less_than_shares_of_all() {
        let mixed: Vec<(u32, u32)> = (0..1_000_000).map(|offset| (offset, offset / 10_000)).collect();
        assert!(bits_each(&mixed, 100) < 0.01);
    }
}
