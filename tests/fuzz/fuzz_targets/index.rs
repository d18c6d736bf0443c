//! Any octets as a section of ported numbers, and changes to a good one: see `check_section`.

#![no_main]
#![allow(dead_code, reason = "each target uses its part of the harness")]

#[path = "../harness.rs"]
mod harness;
#[path = "../stored.rs"]
mod stored;

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;

static GOOD: LazyLock<Vec<u8>> = LazyLock::new(stored::section);

fuzz_target!(|input: &[u8]| stored::check_section(&stored::section_from(&GOOD, input)));
