//! SRV records and the order in which to try them (RFC 2782).

use crate::dns::name::{self, NameError};

//----------- Srv ------------------------------------------------------------

/// The data of one SRV record.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Srv {
    /// Low before high.
    pub priority: u16,
    /// The share of calls among equal priorities.
    pub weight: u16,
    /// Where the service listens.
    pub port: u16,
    /// The host, in lower case with its final dot; a dot alone says that there is no such service.
    pub target: String,
}

impl Srv {
    /// A record of these fields.
    pub fn new(priority: u16, weight: u16, port: u16, target: &str) -> Result<Self, NameError> {
        let target = name::to_text(&name::to_wire(target)?).to_ascii_lowercase();
        Ok(Self { priority, weight, port, target })
    }
}

/// Puts a record set in the order in which it is to be tried.
///
/// Priorities go from low to high. Among equal ones records are drawn by weight: `draw(n)` gives a number from 0
/// to n, each as likely as the next. Weights of 0 stand first, so that they have a small chance, not none.
pub fn order(records: &mut Vec<Srv>, mut draw: impl FnMut(u64) -> u64) {
    records.sort_by_key(|record| (record.priority, record.weight != 0));
    let mut left = std::mem::take(records);
    while let Some(priority) = left.first().map(|record| record.priority) {
        let count = left.iter().take_while(|record| record.priority == priority).count();
        let mut equal: Vec<Srv> = left.drain(..count).collect();
        while !equal.is_empty() {
            let sum: u64 = equal.iter().map(|record| u64::from(record.weight)).sum();
            let drawn = draw(sum).min(sum);
            let mut running = 0;
            let chosen = equal.iter().position(|record| {
                running += u64::from(record.weight);
                running >= drawn
            });
            // The last running sum is the whole, so there is always one.
            records.push(equal.remove(chosen.unwrap_or_default()));
        }
    }
}

//----------- Draws ----------------------------------------------------------

/// Numbers drawn from a seed: the same seed draws the same ones.
///
/// SplitMix64 (G. Steele, D. Lea, C. Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014). It
/// spreads load and guards nothing.
#[derive(Clone, Debug)]
pub struct Draws(u64);

impl Draws {
    /// Draws from this seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number from 0 to `most`.
    pub fn draw(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        ((u128::from(mixed) * (u128::from(most) + 1)) >> 64) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn record(priority: u16, weight: u16, port: u16) -> Srv {
        Srv::new(priority, weight, port, "Host.Example").unwrap()
    }

    /// The chance that RFC 2782's draw takes each record first, by its definition: of the numbers from 0 to the sum
    /// those up to a record's running sum and above that of the record before.
    fn chances(records: &[Srv]) -> Vec<f64> {
        let sum: u32 = records.iter().map(|record| u32::from(record.weight)).sum();
        let zeros = records.iter().filter(|record| record.weight == 0).count();
        let first_nonzero = records.iter().position(|record| record.weight != 0);
        let share = |i: usize, record: &Srv| {
            // 0 goes to whoever stands first, and those with weight 0 do.
            let zero = if zeros > 0 {
                records[i].weight == 0 && records[..i].iter().all(|r| r.weight != 0)
            } else {
                Some(i) == first_nonzero
            };
            (f64::from(record.weight) + f64::from(u8::from(zero))) / f64::from(sum + 1)
        };
        records.iter().enumerate().map(|(i, record)| share(i, record)).collect()
    }

    #[test]
    fn weights_are_shares_of_the_first_place() {
        const TIMES: u32 = 20_000;
        let mut draws = Draws::new(2782);
        for weights in [&[1, 3, 0][..], &[60, 20, 10, 10], &[0, 0], &[5], &[0, 1]] {
            let records: Vec<Srv> =
                weights.iter().zip(1..).map(|(weight, port)| record(1, *weight, port)).collect();
            let mut first = vec![0_u32; records.len()];
            for _ in 0..TIMES {
                let mut tried = records.clone();
                order(&mut tried, |most| draws.draw(most));
                first[usize::from(tried[0].port) - 1] += 1;
            }
            for (count, chance) in first.iter().zip(chances(&records)) {
                // Five standard deviations of a binomial count.
                let (mean, spread) =
                    (f64::from(TIMES) * chance, (f64::from(TIMES) * chance * (1.0 - chance)).sqrt());
                assert!((f64::from(*count) - mean).abs() <= 5.0 * spread + 1e-9, "{weights:?}: {first:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn an_order_keeps_the_records_and_sorts_priorities(fields in prop::collection::vec((0_u16..3, prop_oneof![Just(0), any::<u16>()], any::<u16>()), 0..12), seed: u64) {
            let records: Vec<Srv> = fields.iter().map(|(a, b, c)| record(*a, *b, *c)).collect();
            let mut draws = Draws::new(seed);
            let mut tried = records.clone();
            order(&mut tried, |most| draws.draw(most));
            prop_assert!(tried.is_sorted_by_key(|record| record.priority));
            let key = |record: &Srv| (record.priority, record.weight, record.port);
            let (mut before, mut after) = (records, tried);
            before.sort_by_key(key);
            after.sort_by_key(key);
            prop_assert_eq!(before, after);
        }

        #[test]
        fn a_draw_at_either_end_takes_the_first_or_the_last(weights in prop::collection::vec(1_u16..9, 1..6)) {
            let records: Vec<Srv> = weights.iter().zip(0..).map(|(weight, port)| record(0, *weight, port)).collect();
            let (mut first, mut last) = (records.clone(), records.clone());
            order(&mut first, |_| 0);
            order(&mut last, |most| most);
            prop_assert_eq!(&records, &first);
            prop_assert_eq!(records.into_iter().rev().collect::<Vec<_>>(), last);
        }

        #[test]
        fn draws_keep_their_bounds(seed: u64, most: u64) {
            let mut draws = Draws::new(seed);
            prop_assert!((0..8).all(|_| draws.draw(most) <= most));
            prop_assert_eq!(0, draws.draw(0));
        }
    }
}
