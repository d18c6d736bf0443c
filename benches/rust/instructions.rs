//! The steps from a query to its response, for counting instructions: they do not depend on what else a
//! machine does. `benches/instructions.py` runs this under callgrind and keeps the record.
//!
//! `instructions prepare SNAPSHOT` writes a synthetic plan; `instructions STEP SNAPSHOT` takes a step so
//! often as it then prints, each time with another number, in a function that callgrind can tell;
//! `instructions steps` prints their names.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a bench that cannot run stops, and prints what it did"
)]

mod plans;

use std::cell::RefCell;
use std::hint::black_box;
use std::path::Path;

use numdip_core::answer;
use numdip_core::apex::Apex;
use numdip_core::dns::Transport;
use numdip_core::dns::query::{Head, Query};
use numdip_core::number::{Form, Number};
use numdip_core::respond::batch::Asked;
use numdip_core::snapshot::{Memory, Snapshot};

use plans::{Plan, query, synthetic};

const PREFIXES: usize = 35_000;
const PORTED: usize = 200_000;
/// How often each step is taken.
const TIMES: usize = 20_000;
/// Requests of a batch.
const BATCH: usize = 32;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["prepare", path] => std::fs::write(path, synthetic(PREFIXES, PORTED)).unwrap(),
        ["steps"] => STEPS.iter().for_each(|(name, _)| println!("{name}")),
        [step, path] => {
            let (_, take) = STEPS.iter().find(|(name, _)| *name == step).expect("a step's name");
            let plan = Plan::new(Snapshot::open(Path::new(path), Memory::Map).unwrap(), TIMES);
            take(&plan);
            println!("{TIMES}");
        }
        // Run among all benches, without a word.
        _ => {}
    }
}

type Step = (&'static str, fn(&Plan));

const STEPS: [Step; 11] = [
    ("number_parse", |plan| {
        let texts: Vec<String> = plan.known.iter().map(|number| number.aus()).collect();
        counted(&texts, |text| Number::parse(text, Form::Strict));
    }),
    ("query_read", |plan| {
        counted(&queries(&plan.known, false), |query| {
            Head::of_request(query).and_then(|head| Query::read(&head, query)).is_some()
        });
    }),
    ("apex_number", |plan| {
        let apex = Apex::new("e164.arpa").unwrap();
        let queries = queries(&plan.known, false);
        counted(&queries, |query| apex.number(&query[12..query.len() - 4]));
    }),
    ("trie_longest_match", |plan| {
        let trie = plan.snapshot.view().trie;
        counted(&plan.known, |number| trie.longest_match(*number));
    }),
    ("index_find", |plan| {
        let ported = plan.snapshot.view().ported;
        counted(&plan.known, |number| ported.find(*number));
    }),
    ("index_find_many", |plan| {
        let ported = plan.snapshot.view().ported;
        let mut networks = vec![None; TIMES];
        counted(&[()], |()| ported.find_many(&plan.known, &mut networks));
    }),
    ("dip", |plan| {
        let view = plan.snapshot.view();
        counted(&plan.known, |number| answer::find(&view, *number).map(|answer| answer.network_index).ok());
    }),
    ("respond_hit", |plan| respond(plan, &queries(&plan.known, false), 0)),
    ("respond_hit_opt", |plan| respond(plan, &queries(&plan.known, true), 0)),
    ("respond_batch", |plan| {
        let queries = queries(&plan.known, false);
        let session = plan.responder.session();
        let mut out = [0; 1232];
        let asked = queries.iter().map(|query| Asked::new(query, true));
        let mut asked: Vec<_> = asked.collect();
        let batches: Vec<_> = asked.chunks_mut(BATCH).map(RefCell::new).collect();
        counted(&batches, |batch| {
            let mut asked = batch.borrow_mut();
            session.look_up(&mut asked);
            for asked in asked.iter() {
                session.respond_to(asked, Transport::Udp, &mut out);
            }
        });
    }),
    ("respond_miss", |plan| respond(plan, &queries(&plan.unknown, false), 3)),
];

/// Takes a step with each item. The one function whose instructions are counted, with all that it calls.
#[inline(never)]
fn counted<T, R>(items: &[T], mut step: impl FnMut(&T) -> R) {
    for item in items {
        black_box(step(black_box(item)));
    }
}

fn respond(plan: &Plan, queries: &[Vec<u8>], rcode: u8) {
    let mut out = [0; 1232];
    let session = plan.responder.session();
    counted(queries, |query| session.respond(query, true, Transport::Udp, &mut out));
    assert_eq!(rcode, out[3], "a response of the sort that was to be counted");
}

fn queries(numbers: &[Number], edns: bool) -> Vec<Vec<u8>> {
    numbers.iter().map(|number| query(*number, b"", edns)).collect()
}
