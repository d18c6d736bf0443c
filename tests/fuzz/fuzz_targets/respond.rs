//! Any octets as a request: see `check_respond` for what must hold.

#![no_main]
#![allow(dead_code, reason = "each target uses its half of the harness")]

#[path = "../harness.rs"]
mod harness;

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use numdip_core::respond::Responder;

static RESPONDERS: LazyLock<[Responder; 3]> = LazyLock::new(harness::responders);

fuzz_target!(|request: &[u8]| harness::check_respond(&*RESPONDERS, request));
