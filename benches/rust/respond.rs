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

mod plans;

use std::cell::RefCell;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use divan::{Bencher, black_box};
use numdip_core::answer;
use numdip_core::apex::Apex;
use numdip_core::dns::Transport;
use numdip_core::number::{Form, Number};
use numdip_core::respond::batch::Asked;
use numdip_core::snapshot::{Memory, Snapshot};
use plans::{Plan, query, synthetic};

fn main() {
    // Samples so long that the time is that of a busy server, not of cold code.
    divan::Divan::default().sample_count(60).sample_size(8_192).config_with_args().main();
}

/// How many different numbers there are of each sort; their queries pass every cache but the last.
const NUMBERS: usize = 1 << 18;
const PREFIXES: usize = 35_000;
const PORTED: usize = 1_000_000;

/// Which plan.
#[derive(Clone, Copy, Debug)]
enum Which {
    Synthetic,
    File,
}

static SYNTHETIC: LazyLock<Plan> =
    LazyLock::new(|| Plan::new(Snapshot::from_octets(synthetic(PREFIXES, PORTED)).unwrap(), NUMBERS));
static FILE: LazyLock<Plan> =
    LazyLock::new(|| Plan::new(Snapshot::open(&file().unwrap(), Memory::Map).unwrap(), NUMBERS));

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

//----------- Measuring ------------------------------------------------------

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
    let session = plan.responder.session();
    let mut answer = |query: &Vec<u8>| match way {
        Way::Hot => session.respond(query, true, Transport::Udp, &mut out),
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
    let index = SYNTHETIC.snapshot.view().ported;
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

/// The time is that of all 32.
#[divan::bench(args = plans(), sample_size = 1_024)]
fn respond_32_hits(bencher: Bencher<'_, '_>, which: Which) {
    let plan = which.plan();
    let queries = queries(&plan.known, false);
    let mut asked: Vec<_> = queries.iter().map(|query| Asked::new(query, true)).collect();
    let batches: Vec<_> = asked.chunks_exact_mut(32).map(RefCell::new).collect();
    let (session, mut out) = (plan.responder.session(), [0; 1232]);
    each(bencher, &batches, |batch| {
        let mut asked = batch.borrow_mut();
        session.look_up(&mut asked);
        for asked in asked.iter() {
            black_box(session.respond_to(asked, Transport::Udp, &mut out));
        }
    });
    assert_eq!(0, out[3]);
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
