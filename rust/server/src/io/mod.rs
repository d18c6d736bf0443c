//! The system calls that the standard library does not have.

mod batch;
mod control;
mod groups;
mod incoming;
mod outgoing;
mod socket;

pub(crate) use batch::{Answers, Batch, PORTION, Portion, Request};
pub(crate) use incoming::Wait;
pub(crate) use socket::{Readiness, keep_path_mtu_out, report_destinations, take_segments};
