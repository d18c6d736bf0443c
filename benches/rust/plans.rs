//! A synthetic plan, numbers to ask it for, and their queries.

use std::collections::BTreeSet;
use std::sync::Arc;

use numdip_core::answer;
use numdip_core::number::Number;
use numdip_core::plan::{PlanBuilder, Policy, PortedFields, RangeFields};
use numdip_core::respond::{Responder, Settings};
use numdip_core::snapshot::{Snapshot, writer};

//----------- Random ---------------------------------------------------------

/// Numbers that look random (splitmix64), the same at every run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }

    /// `digits` and random ones behind them, `length` in all.
    fn fill(&mut self, digits: &str, length: usize) -> String {
        let more = (digits.len()..length).map(|_| char::from(b'0' + self.below(10) as u8));
        digits.chars().chain(more).collect()
    }
}

//----------- Plans ----------------------------------------------------------

/// A plan and what is asked of it.
pub(crate) struct Plan {
    pub(crate) snapshot: Arc<Snapshot>,
    pub(crate) responder: Responder,
    /// Numbers whose network is known.
    pub(crate) known: Vec<Number>,
    /// Numbers that get NXDOMAIN.
    pub(crate) unknown: Vec<Number>,
}

/// A snapshot as large countries with number portability have it, with so many prefixes and ported numbers.
pub(crate) fn synthetic(prefix_count: usize, ported: usize) -> Vec<u8> {
    let mut random = Random(6116);
    let mut prefixes = BTreeSet::new();
    while prefixes.len() < prefix_count {
        let country = [
            "1", "33", "34", "39", "44", "49", "52", "55", "61", "81", "86", "91", "234", "351", "420", "971",
        ];
        let country = country[random.below(16) as usize];
        let length = country.len() + 2 + random.below(5) as usize;
        prefixes.insert(random.fill(country, length));
    }
    let networks: Vec<[String; 3]> = (0..1_500u64)
        .map(|place| {
            [(200 + place / 20).to_string(), format!("{:02}", place % 20 + 1), format!("Operator {place}")]
        })
        .collect();
    let mut builder = PlanBuilder::new(Policy { skip_bad_rows: true, last_duplicate_wins: true });
    builder.begin_file("ranges.csv");
    for (line, prefix) in (2..).zip(&prefixes) {
        let [mcc, mnc, operator] = &networks[random.below(1_500) as usize];
        // A third is fixed lines, whose network is not known.
        let mnc = if random.below(3) == 0 { "" } else { mnc };
        let row = RangeFields {
            prefix,
            mcc,
            mnc,
            operator,
            min_length: "11",
            max_length: "12",
            ..RangeFields::default()
        };
        builder.add_range(line, &row);
    }
    builder.begin_file("ported.csv");
    let prefixes: Vec<String> = prefixes.into_iter().collect();
    for line in 0..ported as u64 {
        let prefix = &prefixes[random.below(prefix_count as u64) as usize];
        let number = random.fill(prefix, 11 + (line % 2) as usize);
        let [mcc, mnc, operator] = &networks[random.below(1_500) as usize];
        let row = PortedFields { number: &number, mcc, mnc, operator, ..PortedFields::default() };
        builder.add_ported(line + 2, &row).unwrap();
    }
    let (sections, _) = builder.finish("{}").unwrap();
    let mut octets = Vec::new();
    writer::write(&sections, &mut octets).unwrap();
    octets
}

impl Plan {
    /// With so many numbers of each sort.
    pub(crate) fn new(snapshot: Snapshot, numbers: usize) -> Self {
        let snapshot = Arc::new(snapshot);
        let view = snapshot.view();
        let mut random = Random(3402);
        let prefixes: Vec<_> = view.trie.iter().collect();
        let ported: Vec<Number> = view.ported.iter().filter_map(|(number, _)| number).collect();
        let is_known =
            |number| answer::find(&view, number).is_ok_and(|answer| answer.network.mnc().is_some());
        let (mut known, mut unknown) = (Vec::new(), Vec::new());
        while known.len() < numbers || unknown.len() < numbers {
            let (prefix, first) = prefixes[random.below(prefixes.len() as u64) as usize];
            let row = view.ranges_from(first)[0];
            let digits = random.fill(&prefix.digits(), usize::from(row.min_length));
            let first_digit = (random.below(9) + 1).to_string();
            let other = random.fill(&first_digit, 12);
            let moved = ported.get(random.below(ported.len().max(1) as u64) as usize).copied();
            for number in [
                Number::from_digits(digits.as_bytes()).ok(),
                Number::from_digits(other.as_bytes()).ok(),
                moved,
            ] {
                let Some(number) = number else { continue };
                if is_known(number) { known.push(number) } else { unknown.push(number) }
            }
        }
        // Neither sort is to come in an order that a cache or a predictor could learn.
        for sort in [&mut known, &mut unknown] {
            for place in (1..sort.len()).rev() {
                sort.swap(place, random.below(place as u64 + 1) as usize);
            }
            sort.truncate(numbers);
        }
        let responder = Responder::new(Arc::clone(&snapshot), Settings::default()).unwrap();
        Self { snapshot, responder, known, unknown }
    }
}

//----------- Queries --------------------------------------------------------

/// The query for a number, as clients send it; `more` stands in front of its name.
pub(crate) fn query(number: Number, more: &[u8], edns: bool) -> Vec<u8> {
    let mut octets = vec![0x25, 0x28, 1, 0, 0, 1, 0, 0, 0, 0, 0, u8::from(edns)];
    octets.extend(more);
    octets.extend(number.digits().bytes().rev().flat_map(|digit| [1, digit]));
    octets.extend(b"\x04e164\x04arpa\0\0\x23\0\x01");
    if edns {
        octets.extend([0, 0, 41, 4, 0xd0, 0, 0, 0, 0, 0, 0]);
    }
    octets
}
