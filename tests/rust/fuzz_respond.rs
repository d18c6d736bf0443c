//! Runs the bodies of the fuzz targets on seeded mutations of real messages and of a real file.
//!
//! The fuzzer proper finds more; this keeps what it checks from breaking unnoticed.

use crate::harness;
use crate::support::{Message, Opt, owner, unhex};

/// A generator of numbers that are random enough to choose mutations by (splitmix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`.
    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    fn octet(&mut self) -> u8 {
        // Octets that mean something in messages come as often as all others together.
        const TELLING: [u8; 16] = [0, 1, 2, 3, 4, 10, 12, 0x0c, 35, 41, 63, 64, 0x80, 0xc0, 250, 255];
        match self.below(2) {
            0 => TELLING[self.below(TELLING.len())],
            _ => self.next() as u8,
        }
    }

    /// Changes `octets` in one to four places.
    fn mutate(&mut self, octets: &mut Vec<u8>, others: &[Vec<u8>]) {
        for _ in 0..=self.below(4) {
            let at = self.below(octets.len() + 1);
            match self.below(6) {
                0 => octets.insert(at, self.octet()),
                1 => drop(octets.drain(at..(at + self.below(12)).min(octets.len()))),
                2 => octets.truncate(at),
                3 => {
                    let other = &others[self.below(others.len())];
                    octets.splice(at.., other[self.below(other.len() + 1)..].iter().copied());
                }
                // In messages the counts decide more than anything behind them.
                4 if octets.len() >= 12 => octets[4 + self.below(8)] = self.octet() & 3,
                _ => {
                    if let Some(octet) = octets.get_mut(at) {
                        *octet = self.octet();
                    }
                }
            }
        }
    }
}

/// The requests of the vectors and a few that they lack.
fn requests() -> Vec<Vec<u8>> {
    let vectors: serde_json::Value = serde_json::from_str(include_str!("../vectors/core.json")).unwrap();
    let cases = vectors["cases"].as_array().unwrap().iter();
    let mut requests: Vec<Vec<u8>> =
        cases.filter_map(|case| case["input"]["query_hex"].as_str().map(unhex)).collect();
    let found = Message::query(&owner("13392986156", "e164.arpa"));
    requests.push(found.clone().with_opt(&Opt::of_size(4096)).signed().octets());
    requests.push(Message::query(&owner("441339298615", "e164.arpa")).octets());
    requests.push(found.octets());
    requests
}

#[test]
fn mutated_requests_are_answered_alike_by_both_paths() {
    let responders = harness::responders();
    let requests = requests();
    assert!(requests.len() > 60);
    for request in &requests {
        harness::check_respond(&responders, request);
    }
    let mut random = Random(6116);
    for _ in 0..20_000 {
        let mut request = requests[random.below(requests.len())].clone();
        random.mutate(&mut request, &requests);
        harness::check_respond(&responders, &request);
    }
}

#[test]
fn mutated_files_never_panic() {
    let file = harness::snapshot_octets();
    harness::check_file(&file);
    assert_eq!(file, harness::with_checksums(&file), "checksums are made as the writer makes them");
    let mut random = Random(3402);
    for _ in 0..3_000 {
        let mut damaged = file.clone();
        random.mutate(&mut damaged, std::slice::from_ref(&file));
        harness::check_file(&damaged);
        harness::check_file(&harness::with_checksums(&damaged));
    }
}
