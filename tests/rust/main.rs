//! The proof of the core, by its public API: properties and oracles first, then the documented
//! octets and one example for each rule.
//!
//! Cases that Python runs too stand in `tests/vectors/`. The modules here share one binary,
//! since each binary is linked on its own; what must be alone in its process (`allocations.rs`) has
//! one of its own.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests, which fail by panic"
)]

mod answer_properties;
mod answer_records;
mod bulk;
mod damage;
mod ddds;
mod delta_layers;
mod dns_records;
mod encoding;
mod explain;
mod fuzz_respond;
mod fuzz_rules;
mod fuzz_stored;
#[path = "../fuzz/harness.rs"]
mod harness;
mod hostile;
mod layers;
mod lint;
mod plan_diff;
mod plan_memory;
mod plan_model;
mod plan_rows;
mod replies;
mod respond;
mod respond_edns;
mod respond_properties;
mod routing;
#[path = "../fuzz/rules.rs"]
mod rules;
mod snapshot;
#[path = "../fuzz/stored.rs"]
mod stored;
mod support;
mod tel;
mod vectors;
mod walks;
