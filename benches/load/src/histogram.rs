//! How long things took: counts in buckets that are within 1.6 % of their values.

/// Buckets for each doubling, as a power of two.
const FINENESS: u32 = 6;

/// Durations in nanoseconds.
pub struct Histogram {
    buckets: Vec<u64>,
    count: u64,
    largest: u64,
}

impl Default for Histogram {
    fn default() -> Histogram {
        Histogram { buckets: vec![0; place(u64::MAX) + 1], count: 0, largest: 0 }
    }
}

impl Histogram {
    pub fn add(&mut self, nanoseconds: u64) {
        self.buckets[place(nanoseconds)] += 1;
        self.count += 1;
        self.largest = self.largest.max(nanoseconds);
    }

    pub fn largest(&self) -> u64 {
        self.largest
    }

    /// The value that a share of all values is at most, `0.5` for the median; 0 if there is none.
    pub fn quantile(&self, share: f64) -> u64 {
        let rank = ((self.count as f64 * share).ceil() as u64).clamp(1, self.count.max(1));
        let mut seen = 0;
        let reached = self.buckets.iter().position(|&count| {
            seen += count;
            seen >= rank
        });
        reached.map_or(0, |place| highest(place).min(self.largest))
    }
}

/// The bucket of a value: its highest bits and how many more it has.
fn place(value: u64) -> usize {
    let shift = (u64::BITS - value.leading_zeros()).saturating_sub(FINENESS + 1);
    ((u64::from(shift) << FINENESS) + (value >> shift)) as usize
}

/// The largest value of a bucket.
fn highest(place: usize) -> u64 {
    let shift = (place >> FINENESS).saturating_sub(1);
    let bits = place as u64 - ((shift as u64) << FINENESS);
    (bits << shift) + ((1 << shift) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_in_order_without_gaps_and_narrow() {
        for value in (0..100_000).chain((17..64).map(|bit| (1_u64 << bit) - 1)) {
            let here = place(value);
            assert!(highest(here) >= value && highest(here) - value <= value >> FINENESS, "{value}");
            assert!(value == u64::MAX || place(highest(here) + 1) == here + 1, "{value}");
        }
        assert_eq!(u64::MAX, highest(place(u64::MAX)));
    }

    #[test]
    fn quantiles_are_those_of_the_sorted_values() {
        let mut histogram = Histogram::default();
        assert_eq!(0, histogram.quantile(0.5));
        let values: Vec<u64> = (1..=1000).map(|n| n * n).collect();
        values.iter().for_each(|&value| histogram.add(value));
        for (share, rank) in [(0.0, 1), (0.5, 500), (0.99, 990), (0.999, 999), (1.0, 1000)] {
            let (exact, found) = (values[rank - 1], histogram.quantile(share));
            assert!(found >= exact && found - exact <= exact >> FINENESS, "{share}: {found}, not {exact}");
        }
        assert_eq!(1_000_000, histogram.largest());
    }
}
