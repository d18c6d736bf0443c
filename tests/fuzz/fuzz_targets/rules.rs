//! Any octets as a REGEXP field and a string: see `check_rule`.

#![no_main]

#[path = "../rules.rs"]
mod rules;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| rules::check_input(input));
