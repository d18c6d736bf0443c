//! What DNS servers are measured with: `load` asks and judges, `reflect` is the floor below any server.

pub mod arguments;
pub mod check;
pub mod drive;
pub mod flights;
pub mod histogram;
pub mod lanes;
pub mod message;
pub mod queries;
pub mod reflect;
pub mod reply;
pub mod sys;
