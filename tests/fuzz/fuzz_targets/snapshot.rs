//! Any octets as a snapshot file, as they are and with the checksums that belong to them.

#![no_main]
#![allow(dead_code, reason = "each target uses its half of the harness")]

#[path = "../harness.rs"]
mod harness;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| {
    harness::check_file(octets);
    harness::check_file(&harness::with_checksums(octets));
});
