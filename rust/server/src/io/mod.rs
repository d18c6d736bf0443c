//! The system calls that the standard library does not have.

mod batch;
mod control;
mod groups;
mod socket;

pub(crate) use batch::{Batch, Request, Wait};
pub(crate) use socket::{Readiness, keep_path_mtu_out, report_destinations};
