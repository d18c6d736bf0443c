//! The system calls that the standard library does not have.

mod batch;

pub(crate) use batch::{Batch, Readiness, Request, Wait, keep_path_mtu_out, report_destinations};
