//! Changes to a file of a plan with layers, or any octets in its place: see `check_stack`.

#![no_main]
#![allow(dead_code, reason = "each target uses its part of the harness")]

#[path = "../harness.rs"]
mod harness;
#[path = "../stored.rs"]
mod stored;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use tempfile::TempDir;

static GOOD: LazyLock<(BTreeMap<String, Vec<u8>>, TempDir)> =
    LazyLock::new(|| (stored::stack(), tempfile::tempdir().expect("room for a folder")));

fuzz_target!(|input: &[u8]| stored::check_stack(&GOOD.0, GOOD.1.path(), input));
