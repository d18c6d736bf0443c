//! Sockets and threads around [`numdip_core`]'s responder: moves packets, decides nothing about numbers.
//!
//! ```text
//!                 ┌─ udp-0, udp-1, … ──────── UdpWorker ── io::Batch ── recvmmsg / sendmmsg
//! Server ─────────┤
//! (start, reload, └─ tcp-0, tcp-1, … ──────── TcpWorker ── Connection ── tokio
//!  counters, stop)         each with its own sockets (SO_REUSEPORT) and its own Metrics
//!        │
//!        └─ Shared ── Current ── State { responder, acl }    one look per batch, swapped whole
//! ```
//!
//! A query's way is the same over both transports: `acl` judges the source address, [`worker`] asks the
//! responder, over UDP for a batch at once, `metrics` counts what its answer's header says. Nothing here looks further into a message
//! than that header; there is no `match` on a record type.
//!
//! To read it: [`server`] for what runs when, [`worker`] and [`udp`] for a query's way, [`io`] for the
//! batched system calls (the only `unsafe`), [`tcp`] for connections and their limits, [`bind`] and
//! [`error`] for the start and its failures, [`gather`] for when a worker rests, [`acl`], [`current`] and
//! [`metrics`] at leisure.
//!
//! ```no_run
//! # fn example(state: numdip_server::State) -> Result<(), numdip_server::StartError> {
//! use numdip_server::{Server, Settings};
//!
//! let server = Server::start(Settings::default(), state)?;
//! println!("ready on {:?}", server.addresses());
//! server.stop();
//! # Ok(())
//! # }
//! ```

#![allow(rustdoc::private_intra_doc_links)]

#[cfg(not(target_os = "linux"))]
compile_error!("numdip-server needs Linux: recvmmsg, sendmmsg, and SO_REUSEPORT that spreads load");

// The tests' support, written for the tests outside, names this crate as they do.
#[cfg(test)]
extern crate self as numdip_server;
#[cfg(test)]
#[path = "../../../tests/rust/server_support.rs"]
mod support;

mod acl;
mod bind;
mod current;
mod error;
mod gather;
mod io;
mod metrics;
mod server;
mod tcp;
mod udp;
mod worker;

pub use acl::{Access, Acl, AclError, Others};
pub use current::State;
pub use error::{Protocol, StartError};
pub use metrics::{Connections, Counters, Traffic};
pub use server::{Server, Settings};
pub use tcp::TcpLimits;
