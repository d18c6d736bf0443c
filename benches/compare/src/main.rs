//! numdip's ported numbers beside other structures and stores: the same numbers, the same queries.
//!
//! `numdip-compare DIR`, where DIR was written by `benches/python/ported_data.py --raw` and holds a
//! snapshot of it, `plan.snap`. Prints one JSON object. `compare.py` runs it and writes the record.
//!
//! Every structure answers the whole sample as the generator says before its time is taken. Then come
//! rounds: each asks all structures for one slice of the sample, first number by number, each waiting for
//! the answer before, then many together in whatever way the structure has for that.

mod allocated;
mod redis;
mod structures;

use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

use serde_json::{Value, json};

use structures::{Built, Structure};

const ROUNDS: usize = 7;
/// Queries of one round at most.
const QUERIES: usize = 200_000;
/// Numbers that are handed over together.
const BATCH: usize = 1_000;
/// A number of the sample that is not ported.
const ABSENT: u32 = u32::MAX;

fn main() {
    let folder = std::env::args().nth(1).expect("usage: numdip-compare DIR");
    let folder = Path::new(&folder);
    let data = Data::read(folder);
    let mut subjects: Vec<Box<dyn Measured>> = Vec::new();
    structures::build_all(&data, folder, &mut subjects);
    redis::build_all(&data, &mut subjects);
    for subject in &mut subjects {
        subject.check(&data.expected);
    }
    for round in 0..=ROUNDS {
        for subject in &mut subjects {
            // The first one warms up.
            subject.round(round, round > 0);
        }
    }
    let rows: Vec<Value> = subjects.iter().map(|subject| subject.row(data.rows.len())).collect();
    println!("{}", json!({ "numbers": data.rows.len(), "rounds": ROUNDS, "rows": rows }));
}

//----------- Data -----------------------------------------------------------

/// What the generator wrote.
pub(crate) struct Data {
    /// Numbers and their networks, in random order.
    pub(crate) rows: Vec<(u64, u32)>,
    /// How many networks there are.
    pub(crate) networks: usize,
    /// MCC and MNC of each network.
    pub(crate) codes: Vec<(String, String)>,
    pub(crate) sample: Vec<u64>,
    pub(crate) expected: Vec<Option<u32>>,
}

impl Data {
    fn read(folder: &Path) -> Self {
        let octets = |path: &Path| std::fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let u64s = |path: &Path| -> Vec<u64> {
            octets(path).chunks_exact(8).map(|word| u64::from_le_bytes(word.try_into().unwrap())).collect()
        };
        let u32s = |path: &Path| -> Vec<u32> {
            octets(path).chunks_exact(4).map(|word| u32::from_le_bytes(word.try_into().unwrap())).collect()
        };
        let parts = (0..).map(|part| folder.join(format!("part-{part:03}"))).take_while(|part| part.exists());
        let rows: Vec<(u64, u32)> = parts
            .flat_map(|part| {
                u64s(&part.join("numbers.bin")).into_iter().zip(u32s(&part.join("networks.bin")))
            })
            .collect();
        let text = String::from_utf8(octets(&folder.join("networks.csv"))).unwrap();
        let codes: Vec<(String, String)> = text
            .lines()
            .skip(1)
            .map(|line| {
                let mut fields = line.split(',').skip(1).map(str::to_owned);
                (fields.next().unwrap(), fields.next().unwrap())
            })
            .collect();
        let expected = u32s(&folder.join("sample-networks.bin"));
        Self {
            rows,
            networks: codes.len(),
            codes,
            sample: u64s(&folder.join("sample.bin")),
            expected: expected.into_iter().map(|network| (network != ABSENT).then_some(network)).collect(),
        }
    }

    /// The rows by number, as every structure but the hash tables wants them.
    pub(crate) fn sorted(&self) -> Vec<(u64, u32)> {
        let mut rows = self.rows.clone();
        rows.sort_unstable();
        rows
    }
}

//----------- Measured -------------------------------------------------------

/// A built structure of any sort, its queries, and what was measured.
pub(crate) trait Measured {
    /// Asks the whole sample both ways and stops if an answer is not as expected.
    fn check(&mut self, expected: &[Option<u32>]);
    /// Asks one slice of the sample both ways.
    fn round(&mut self, round: usize, counted: bool);
    fn row(&self, numbers: usize) -> Value;
}

pub(crate) struct Subject<S: Structure> {
    built: Built<S>,
    keys: Vec<S::Key>,
    single: Vec<f64>,
    together: Vec<f64>,
}

impl<S: Structure> Subject<S> {
    pub(crate) fn new(built: Built<S>, sample: &[u64]) -> Self {
        let keys = sample.iter().map(|number| built.structure.key(*number)).collect();
        Self { built, keys, single: Vec::new(), together: Vec::new() }
    }

    /// The slice of the sample that a round asks `queries` of.
    fn slice(&self, round: usize, queries: usize) -> std::ops::Range<usize> {
        let queries = queries.min(self.keys.len());
        let start = (round * queries) % (self.keys.len() - queries + 1);
        start..start + queries
    }
}

impl<S: Structure> Measured for Subject<S> {
    fn check(&mut self, expected: &[Option<u32>]) {
        let mut found = vec![None; self.keys.len()];
        for (keys, found) in self.keys.chunks(BATCH).zip(found.chunks_mut(BATCH)) {
            self.built.structure.find_many(keys, found);
        }
        assert!(found == expected, "{}: wrong answers together", self.built.name);
        for place in self.slice(0, S::SINGLE_QUERIES) {
            let found = self.built.structure.find(&self.keys[place]);
            assert_eq!(found, expected[place], "{}: wrong answer", self.built.name);
        }
    }

    fn round(&mut self, round: usize, counted: bool) {
        let slice = self.slice(round, S::SINGLE_QUERIES);
        let keys = &self.keys[slice.clone()];
        // Nothing but the run time knows that this is 0.
        let nothing = black_box(0);
        let mut after = 0;
        let start = Instant::now();
        for place in 0..keys.len() {
            let found = self.built.structure.find(&keys[place + after]);
            after = found.unwrap_or(0) as usize & nothing;
        }
        let single = start.elapsed().as_secs_f64() * 1e9 / keys.len() as f64;

        let slice = self.slice(round, QUERIES);
        let mut found = [None; BATCH];
        let start = Instant::now();
        for keys in self.keys[slice.clone()].chunks(BATCH) {
            self.built.structure.find_many(keys, &mut found[..keys.len()]);
            black_box(&found);
        }
        let together = start.elapsed().as_secs_f64() * 1e9 / slice.len() as f64;
        if counted {
            self.single.push(single);
            self.together.push(together);
        }
    }

    fn row(&self, numbers: usize) -> Value {
        let summary = |times: &Vec<f64>| {
            let mut sorted = times.clone();
            sorted.sort_by(f64::total_cmp);
            json!({ "min": sorted[0], "median": sorted[sorted.len() / 2] })
        };
        json!({
            "name": self.built.name,
            "note": self.built.note,
            "octets": self.built.octets,
            "octets_each": self.built.octets as f64 / numbers as f64,
            "build_seconds": self.built.seconds,
            "single_ns": summary(&self.single),
            "together_ns": summary(&self.together),
        })
    }
}
