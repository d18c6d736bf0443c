//! What a REGEXP field costs: taken apart, made ready, applied.
//!
//! `cargo bench -p numdip-core --bench rules`

#![allow(clippy::unwrap_used, reason = "a bench that cannot run stops")]

use divan::{Bencher, black_box};
use numdip_core::ddds::ere::Mode;
use numdip_core::ddds::{Rule, Substitution};

fn main() {
    divan::main();
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
