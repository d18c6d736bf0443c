//! What each step from a query to its response costs, in time per operation.
//!
//! Over a synthetic plan of 35,000 prefixes and a million ported numbers, and over the file that the
//! environment variable `NUMDIP_BENCH_PLAN` names, or the bundled plan if that was built. Each
//! operation has another number than the ones before: in real traffic a number hardly ever comes
//! twice.
//!
//! `cargo bench -p numdip-core --bench respond`

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a bench that cannot run stops"
)]

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use divan::{Bencher, black_box};
use numdip_core::answer;
use numdip_core::apex::Apex;
use numdip_core::dns::Transport;
use numdip_core::number::{Form, Number};
use numdip_core::plan::{PlanBuilder, Policy, PortedFields, RangeFields};
use numdip_core::respond::{Responder, Settings};
use numdip_core::snapshot::{Memory, Snapshot, writer};

fn main() {
    // Samples so long that the time is that of a busy server, not of cold code.
    divan::Divan::default().sample_count(60).sample_size(8_192).config_with_args().main();
}

/// How many different numbers there are of each sort; their queries pass every cache but the last.
const NUMBERS: usize = 1 << 18;
const PREFIXES: usize = 35_000;
const PORTED: usize = 1_000_000;

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
struct Plan {
    snapshot: Arc<Snapshot>,
    responder: Responder,
    /// Numbers whose network is known.
    known: Vec<Number>,
    /// Numbers that get NXDOMAIN.
    unknown: Vec<Number>,
}

/// Which plan.
#[derive(Clone, Copy, Debug)]
enum Which {
    Synthetic,
    File,
}

static SYNTHETIC: LazyLock<Plan> = LazyLock::new(|| Plan::new(synthetic()));
static FILE: LazyLock<Plan> =
    LazyLock::new(|| Plan::new(Snapshot::open(&file().unwrap(), Memory::Map).unwrap()));

/// The plan file to measure besides the synthetic one.
fn file() -> Option<PathBuf> {
    let bundled = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../python/numdip/data/bundled.snap");
    let named = std::env::var_os("NUMDIP_BENCH_PLAN").map(PathBuf::from);
    named.or_else(|| Some(bundled()).filter(|path| path.exists()))
}

fn plans() -> Vec<Which> {
    if file().is_some() { vec![Which::Synthetic, Which::File] } else { vec![Which::Synthetic] }
}

impl Which {
    fn plan(self) -> &'static Plan {
        match self {
            Self::Synthetic => &SYNTHETIC,
            Self::File => &FILE,
        }
    }
}

impl fmt::Display for Which {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Synthetic => f.write_str("synthetic"),
            Self::File => {
                let path = file().unwrap_or_default();
                f.write_str(&path.file_stem().unwrap_or_default().to_string_lossy())
            }
        }
    }
}

/// A plan as large countries with number portability have it.
fn synthetic() -> Snapshot {
    let mut random = Random(6116);
    let mut prefixes = BTreeSet::new();
    while prefixes.len() < PREFIXES {
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
    for line in 0..PORTED as u64 {
        let prefix = &prefixes[random.below(PREFIXES as u64) as usize];
        let number = random.fill(prefix, 11 + (line % 2) as usize);
        let [mcc, mnc, operator] = &networks[random.below(1_500) as usize];
        let row = PortedFields { number: &number, mcc, mnc, operator, ..PortedFields::default() };
        builder.add_ported(line + 2, &row).unwrap();
    }
    let (sections, _) = builder.finish("{}").unwrap();
    let mut octets = Vec::new();
    writer::write(&sections, &mut octets).unwrap();
    Snapshot::from_octets(octets).unwrap()
}

impl Plan {
    fn new(snapshot: Snapshot) -> Self {
        let snapshot = Arc::new(snapshot);
        let view = snapshot.view();
        let mut random = Random(3402);
        let prefixes: Vec<_> = view.trie.iter().collect();
        let ported: Vec<Number> = view.index.iter().filter_map(|(number, _)| number).collect();
        let is_known =
            |number| answer::find(&view, number).is_ok_and(|answer| answer.network.mnc().is_some());
        let (mut known, mut unknown) = (Vec::new(), Vec::new());
        while known.len() < NUMBERS || unknown.len() < NUMBERS {
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
        for numbers in [&mut known, &mut unknown] {
            for place in (1..numbers.len()).rev() {
                numbers.swap(place, random.below(place as u64 + 1) as usize);
            }
            numbers.truncate(NUMBERS);
        }
        let responder = Responder::new(Arc::clone(&snapshot), Settings::default()).unwrap();
        Self { snapshot, responder, known, unknown }
    }
}

//----------- Queries --------------------------------------------------------

/// The query for a number, as clients send it; `more` stands in front of its name.
fn query(number: Number, more: &[u8], edns: bool) -> Vec<u8> {
    let mut octets = vec![0x25, 0x28, 1, 0, 0, 1, 0, 0, 0, 0, 0, u8::from(edns)];
    octets.extend(more);
    octets.extend(number.digits().bytes().rev().flat_map(|digit| [1, digit]));
    octets.extend(b"\x04e164\x04arpa\0\0\x23\0\x01");
    if edns {
        octets.extend([0, 0, 41, 4, 0xd0, 0, 0, 0, 0, 0, 0]);
    }
    octets
}

/// Measures `work` on one item after another, round and round.
fn each<T, R>(bencher: Bencher<'_, '_>, items: &[T], mut work: impl FnMut(&T) -> R) {
    let mut items = items.iter().cycle();
    bencher.with_inputs(|| items.next().unwrap()).bench_local_values(|item| work(black_box(item)));
}

/// Which of the two ways a response is made in.
#[derive(Clone, Copy)]
enum Way {
    Hot,
    Library,
}

/// Measures the responses to these queries, all with this response code.
fn respond(bencher: Bencher<'_, '_>, plan: &Plan, queries: &[Vec<u8>], rcode: u8, way: Way) {
    let mut out = [0; 1232];
    let mut answer = |query: &Vec<u8>| match way {
        Way::Hot => plan.responder.respond(query, true, Transport::Udp, &mut out),
        Way::Library => plan.responder.respond_by_library(query, true, Transport::Udp, &mut out),
    };
    for query in queries.iter().step_by(997) {
        assert!(answer(query).is_some());
    }
    each(bencher, queries, &mut answer);
    // What was written last is a response of the sort that was to be measured.
    assert_eq!(rcode, out[3]);
}

/// Queries for these numbers.
fn queries(numbers: &[Number], edns: bool) -> Vec<Vec<u8>> {
    numbers.iter().map(|number| query(*number, b"", edns)).collect()
}

//----------- Steps ----------------------------------------------------------

#[divan::bench]
fn number_parse(bencher: Bencher<'_, '_>) {
    let texts: Vec<String> = SYNTHETIC.known.iter().map(|number| number.aus()).collect();
    each(bencher, &texts, |text| Number::parse(text, Form::Strict));
}

#[divan::bench]
fn apex_number(bencher: Bencher<'_, '_>) {
    let apex = Apex::new("e164.arpa").unwrap();
    let names: Vec<Vec<u8>> = queries(&SYNTHETIC.known, false)
        .into_iter()
        .map(|query| query[12..query.len() - 4].to_vec())
        .collect();
    each(bencher, &names, |name| apex.number(name));
}

#[divan::bench(args = plans())]
fn trie_longest_match(bencher: Bencher<'_, '_>, which: Which) {
    let plan = which.plan();
    let trie = plan.snapshot.view().trie;
    each(bencher, &plan.known, |number| trie.longest_match(*number));
}

#[divan::bench]
fn index_find(bencher: Bencher<'_, '_>) {
    let index = SYNTHETIC.snapshot.view().index;
    each(bencher, &SYNTHETIC.known, |number| index.find(*number));
}

#[divan::bench(args = plans())]
fn dip(bencher: Bencher<'_, '_>, which: Which) {
    let plan = which.plan();
    let view = plan.snapshot.view();
    each(bencher, &plan.known, |number| answer::find(&view, *number).map(|answer| answer.network_index).ok());
}

//----------- Whole responses ------------------------------------------------

#[divan::bench(args = plans())]
fn respond_hit(bencher: Bencher<'_, '_>, which: Which) {
    let plan = which.plan();
    respond(bencher, plan, &queries(&plan.known, false), 0, Way::Hot);
}

#[divan::bench(args = plans())]
fn respond_hit_opt(bencher: Bencher<'_, '_>, which: Which) {
    let plan = which.plan();
    respond(bencher, plan, &queries(&plan.known, true), 0, Way::Hot);
}

#[divan::bench(args = plans())]
fn respond_miss(bencher: Bencher<'_, '_>, which: Which) {
    let plan = which.plan();
    respond(bencher, plan, &queries(&plan.unknown, false), 3, Way::Hot);
}

#[divan::bench(args = plans())]
fn respond_servfail(bencher: Bencher<'_, '_>, which: Which) {
    let plan = which.plan();
    let queries: Vec<Vec<u8>> = plan.known.iter().map(|number| query(*number, b"\x04_sip", false)).collect();
    respond(bencher, plan, &queries, 2, Way::Hot);
}

#[divan::bench(args = plans())]
fn respond_by_library_hit(bencher: Bencher<'_, '_>, which: Which) {
    let plan = which.plan();
    respond(bencher, plan, &queries(&plan.known, false), 0, Way::Library);
}
