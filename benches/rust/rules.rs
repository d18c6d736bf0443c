//! What a REGEXP field costs: taken apart, made ready, applied; and how long hostile ones take.
//!
//! `cargo bench -p numdip-core --bench rules`, with `-- hostile` for those alone. Ends with a failure if a hostile rule
//! takes longer than [`LIMIT`].

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a bench that cannot run stops")]
#![allow(clippy::print_stdout, reason = "a bench reports")]

use std::process::ExitCode;
use std::time::{Duration, Instant};

use divan::{Bencher, black_box};
use numdip_core::ddds::ere::Mode;
use numdip_core::ddds::{Rule, Substitution};
use serde_json::Value;

fn main() -> ExitCode {
    let filters: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    if filters.iter().any(|filter| filter == "hostile") {
        return hostile();
    }
    divan::main();
    if filters.is_empty() { hostile() } else { ExitCode::SUCCESS }
}

const RULES: [&str; 5] = ["literal", "whole", "prefix", "alternatives", "guard"];

/// The rule of a name; `guard` is the longest of RFC 5483 §4.1.1.
fn rule(name: &str) -> &'static [u8] {
    match name {
        "literal" => b"!^.*$!sip:info@example.com!",
        "whole" => b"!^(.*)$!tel:\\1;mcc=310;mnc=012!",
        "prefix" => b"!^\\+44(.*)$!sip:\\1@gw.example!",
        "alternatives" => b"!^(\\+44|\\+441632)(.*)$!sip:\\2@gw.example!",
        _ => {
            b"!^(\\+[^4].*|\\+4[^4].*|\\+44[^1].*|\\+441[^6].*|\\+4416[^3].*|\\+44163[^2].*\
              |\\+441632[^9].*|\\+4416329[^6].*|\\+44163296[^0].*)$!sip:\\1@biloxi.example.com!"
        }
    }
}

const AUS: &[u8] = b"+441632961123";

#[divan::bench(args = RULES)]
fn take_apart(bencher: Bencher<'_, '_>, name: &str) {
    bencher.bench(|| Substitution::parse(black_box(rule(name))).unwrap());
}

#[divan::bench(args = RULES)]
fn make_ready(bencher: Bencher<'_, '_>, name: &str) {
    bencher.bench(|| Rule::compile(black_box(rule(name)), Mode::Posix).unwrap());
}

#[divan::bench(args = RULES)]
fn apply_posix(bencher: Bencher<'_, '_>, name: &str) {
    apply(bencher, name, Mode::Posix);
}

#[divan::bench(args = RULES)]
fn apply_glibc(bencher: Bencher<'_, '_>, name: &str) {
    apply(bencher, name, Mode::Glibc);
}

#[divan::bench(args = RULES)]
fn apply_perl(bencher: Bencher<'_, '_>, name: &str) {
    apply(bencher, name, Mode::Perl);
}

fn apply(bencher: Bencher<'_, '_>, name: &str, mode: Mode) {
    let rule = Rule::compile(rule(name), mode).unwrap();
    bencher.bench(|| rule.apply(black_box(AUS)).unwrap());
}

//----------- Hostile rules --------------------------------------------------

/// How long a hostile rule may take to be made ready and applied.
const LIMIT: Duration = Duration::from_millis(50);

/// How often each is tried: the least time is what it takes, the rest is what else the machine does.
const TRIES: usize = 5;

/// How many are shown.
const SHOWN: usize = 8;

/// Tries the rules of `tests/vectors/hostile.json` in each mode on strings of several lengths, and shows the worst.
fn hostile() -> ExitCode {
    let file: Value = serde_json::from_str(include_str!("../../tests/vectors/hostile.json")).unwrap();
    let mut all = Vec::new();
    for case in file["cases"].as_array().unwrap() {
        let text = |key: &str| case["input"][key].as_str().unwrap();
        for mode in Mode::ALL {
            for length in [1, 9, 16, 300, 2048] {
                let subject: Vec<u8> =
                    text("head").bytes().chain(text("fill").bytes().cycle()).take(length).collect();
                let took = (0..TRIES).map(|_| applied(text("regexp"), mode, &subject)).min().unwrap();
                all.push((took, case["id"].as_str().unwrap(), mode.name(), length));
            }
        }
    }
    all.sort_unstable();
    println!("\nhostile: {} rules, modes and strings, the worst of which, least of {TRIES}", all.len());
    for (took, id, mode, length) in all.iter().rev().take(SHOWN) {
        println!("{:10.3} ms  {mode:6} {length:5} octets  {id}", took.as_secs_f64() * 1e3);
    }
    let over = all.iter().filter(|(took, ..)| *took > LIMIT).count();
    println!("{over} above {} ms", LIMIT.as_millis());
    if over == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// How long it takes to make a rule ready and apply it, if it is one.
fn applied(regexp: &str, mode: Mode, subject: &[u8]) -> Duration {
    let begun = Instant::now();
    if let Ok(rule) = Rule::compile(black_box(regexp.as_bytes()), mode) {
        let _ = black_box(rule.rewrite(black_box(subject)));
    }
    begun.elapsed()
}
