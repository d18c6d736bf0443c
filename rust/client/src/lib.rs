//! Sockets and a thread around [`numdip_core::exchange`]: asks ENUM servers, decides nothing about them.
//!
//! ```text
//! ask, submit, ask_many ──> Shared.inbox ──> Worker ──┬── Lanes ──── UDP, connected, random ports
//!       ^                                    (thread) ├── Streams ── TCP
//!       └── Slot, completed(), Job <── Outcome ── Call, Peers (numdip_core)
//! ```
//!
//! One thread does all of a client's talking, for callers that wait, for event loops and for columns of numbers
//! alike; it never holds a lock while it waits. Which server is asked when is decided by
//! [`Call`](numdip_core::exchange::Call); here are only octets and clocks.
//!
//! To read it: [`client`] for what can be asked for, [`worker`] for what runs when, [`lanes`] and [`streams`] for
//! the sockets, [`job`] for many questions at once, [`cache`] and [`entropy`] at leisure.

#![allow(rustdoc::private_intra_doc_links)]

#[cfg(not(unix))]
compile_error!("numdip-client needs a Unix system");

mod cache;
mod client;
mod entropy;
mod job;
mod lanes;
mod rows;
mod shared;
mod streams;
mod worker;

pub use client::{Client, Options, Ticket};
pub use job::JobHandle;
pub use rows::{RowOutcome, Rows, Texts, Words, why};
pub use shared::{Answered, Closed};
