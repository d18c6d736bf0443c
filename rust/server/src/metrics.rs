//! Counting what goes in and out, without the workers feeling it.
//!
//! A worker counts a batch in plain integers and publishes the sums once, in cells that only it writes,
//! on cache lines of their own. [`Counters`] is the sum over all workers. Answers are published before
//! they are sent: what a client has seen is counted.

use std::sync::atomic::{AtomicU64, Ordering};

//----------- Cell -----------------------------------------------------------

/// A count with one writer and any readers.
#[derive(Debug, Default)]
struct Cell(AtomicU64);

impl Cell {
    /// Adds without a locked instruction, which is right because no other thread writes this cell.
    fn add(&self, n: u64) {
        if n != 0 {
            self.0.store(self.0.load(Ordering::Relaxed).wrapping_add(n), Ordering::Relaxed);
        }
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Declares a set of counts twice: as numbers to reckon with and as cells to publish them in.
macro_rules! counts {
    (
        $(#[$about:meta])* $numbers:ident, $cells:ident, names $($names:ident $prefix:literal),+;
        $($(#[$doc:meta])+ $name:ident,)+
    ) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct $numbers { $($(#[$doc])+ pub $name: u64,)+ }

        #[derive(Debug, Default)]
        struct $cells { $($name: Cell,)+ }

        impl $cells {
            fn publish(&self, counted: &$numbers) {
                $(self.$name.add(counted.$name);)+
            }

            fn add_to(&self, sum: &mut $numbers) {
                $(sum.$name = sum.$name.wrapping_add(self.$name.get());)+
            }
        }

        counts!(@names $numbers, [$($name)+], $($names $prefix),+);
    };
    (@names $numbers:ident, $fields:tt, $($names:ident $prefix:literal),+) => {
        impl $numbers {
            $(counts!(@iter $names $prefix, $fields);)+
        }
    };
    (@iter $names:ident $prefix:literal, [$($name:ident)+]) => {
        fn $names(&self) -> impl Iterator<Item = (&'static str, u64)> + use<> {
            [$((concat!($prefix, stringify!($name)), self.$name),)+].into_iter()
        }
    };
}

counts! {
    /// Messages over one transport.
    Traffic, TrafficCells, names udp_pairs "udp_", tcp_pairs "tcp_";
    /// Messages received, whatever became of them.
    received,
    /// Answered with NOERROR. BADVERS (RFC 6891 §6.1.3) shows as this: its upper bits are not in the header.
    noerror,
    /// Answered with SERVFAIL.
    servfail,
    /// Answered with NXDOMAIN.
    nxdomain,
    /// Answered with REFUSED.
    refused,
    /// Answered with any other response code.
    other,
    /// Dropped because the access list says so; over TCP, connections closed for that reason.
    dropped_acl,
    /// Dropped in silence: shorter than a header, a response, or from port 0.
    dropped_silent,
    /// Answers with TC set, sent for a larger one that did not fit.
    truncated,
    /// Datagrams longer than the receive buffer; they are answered as the malformed messages they are.
    oversized,
    /// Messages that got no answer because answering them panicked. Anything but 0 is a bug: report it.
    panicked,
    /// Answers that the system would not send; over TCP, connections that broke while sending.
    send_errors,
    /// Receive calls that failed otherwise than by finding nothing.
    receive_errors,
}

counts! {
    /// The life of TCP connections.
    Connections, ConnectionCells, names pairs "tcp_connections_";
    /// Accepted, whatever became of them.
    accepted,
    /// Ended, for any reason; refused ones are in it.
    closed,
    /// Closed at once because the limit was reached and no connection was idle.
    refused,
    /// Closed while idle to make room for a new one.
    evicted,
    /// Closed by a timeout: idle, a message that never became complete, or a peer that does not read.
    timed_out,
    /// Accept calls that failed, for example for want of file descriptors.
    accept_errors,
}

impl Connections {
    /// Connections open now.
    pub fn open(&self) -> u64 {
        // The two were read one after the other, so a moment's `closed` may be ahead.
        self.accepted.saturating_sub(self.closed)
    }
}

impl Traffic {
    /// Counts a response by what its header says (RFC 1035 §4.1.1): RCODE and TC.
    pub(crate) fn count_response(&mut self, response: &[u8]) {
        const TC: u8 = 0x02;
        const RCODE: u8 = 0x0f;
        if let Some(&[_, _, flags, codes]) = response.first_chunk::<4>() {
            self.truncated += u64::from(flags & TC != 0);
            match codes & RCODE {
                0 => self.noerror += 1,
                2 => self.servfail += 1,
                3 => self.nxdomain += 1,
                5 => self.refused += 1,
                _ => self.other += 1,
            }
        }
    }

    /// Messages that were answered, with whatever response code.
    pub fn answered(&self) -> u64 {
        self.noerror + self.servfail + self.nxdomain + self.refused + self.other
    }
}

//----------- Metrics --------------------------------------------------------

/// One worker's counts. Aligned so that no two workers share a cache line, nor a prefetched pair of them.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct Metrics {
    udp: TrafficCells,
    tcp: TrafficCells,
    connections: ConnectionCells,
}

impl Metrics {
    /// Publishes UDP counts. Only the worker that owns these metrics may call this.
    pub(crate) fn udp(&self, counted: &Traffic) {
        self.udp.publish(counted);
    }

    /// Publishes TCP counts. Only the worker that owns these metrics may call this.
    pub(crate) fn tcp(&self, counted: &Traffic) {
        self.tcp.publish(counted);
    }

    /// Publishes connection counts. Only the worker that owns these metrics may call this.
    pub(crate) fn connections(&self, counted: &Connections) {
        self.connections.publish(counted);
    }

    pub(crate) fn add_to(&self, sum: &mut Counters) {
        self.udp.add_to(&mut sum.udp);
        self.tcp.add_to(&mut sum.tcp);
        self.connections.add_to(&mut sum.connections);
    }
}

//----------- Counters -------------------------------------------------------

/// Everything counted since the start, over all workers. Counts only grow; they begin at 0.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// Messages over UDP.
    pub udp: Traffic,
    /// Messages over TCP.
    pub tcp: Traffic,
    /// TCP connections.
    pub connections: Connections,
    /// Worker threads that ended before they were told to. Anything but 0 is a bug: restart and report it.
    pub workers_lost: u64,
}

impl Counters {
    /// Names and values, in a fixed order. Names are stable, snake_case, without a program's prefix:
    /// `udp_received`, `tcp_nxdomain`, `tcp_connections_open`, … All only grow, save
    /// `tcp_connections_open` and `workers_lost`, which are gauges.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> + use<> {
        let open = ("tcp_connections_open", self.connections.open());
        let lost = ("workers_lost", self.workers_lost);
        self.udp.udp_pairs().chain(self.tcp.tcp_pairs()).chain(self.connections.pairs()).chain([open, lost])
    }
}
