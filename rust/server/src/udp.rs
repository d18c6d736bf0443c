//! A UDP worker: its own sockets, one batch of buffers, one loop.
//!
//! ```text
//! recvmmsg ──> state, once per batch ──> for each: acl ──> respond ──> sendmmsg
//! ```

use std::io;
use std::net::UdpSocket;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use numdip_core::respond::{Session, Transport};

use crate::acl::{Access, Acl};
use crate::io::{Batch, Readiness, Request, Wait};
use crate::metrics::{Metrics, Traffic};
use crate::worker::{Shared, respond};

/// How long a worker waits for datagrams before it looks whether it is to stop.
///
/// Also the sockets' read timeout, set when they are bound.
pub(crate) const TICK: Duration = Duration::from_millis(200);

/// How long a worker waits for room in a full send buffer; the sockets' write timeout.
pub(crate) const SEND_PATIENCE: Duration = Duration::from_millis(50);

/// How long a worker that is to stop goes on answering, if its socket's buffer does not run empty before.
/// It does within milliseconds unless a flood refills it.
const DRAIN: Duration = Duration::from_millis(200);

/// The rest after a failed receive call, so that an error that stays does not burn a CPU.
const PAUSE: Duration = Duration::from_millis(10);

//----------- UdpWorker ------------------------------------------------------

/// What a UDP worker works with; made when everything is bound, run by its thread.
pub(crate) struct UdpWorker {
    /// One for each listen address, of the same kind as every other worker's: the kernel spreads the
    /// peers over them (SO_REUSEPORT).
    pub(crate) sockets: Vec<UdpSocket>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) metrics: Arc<Metrics>,
}

impl UdpWorker {
    /// Answers until the server stops.
    pub(crate) fn run(self) {
        let mut batch = Batch::new();
        match self.sockets.as_slice() {
            // With one socket, the receive call itself waits: one call less per batch.
            [socket] => {
                while !self.shared.stopping() {
                    self.serve(&mut batch, socket, Wait::ForOne);
                }
            }
            sockets => {
                let mut readiness = Readiness::new(sockets);
                while !self.shared.stopping() {
                    self.serve_ready(&mut batch, &mut readiness);
                }
            }
        }
        self.drain(&mut batch);
    }

    /// One turn over several sockets: a batch from each that has something.
    fn serve_ready(&self, batch: &mut Batch, readiness: &mut Readiness<'_>) {
        match readiness.wait(TICK) {
            Ok(ready) => {
                for (socket, ready) in self.sockets.iter().zip(ready) {
                    if ready {
                        self.serve(batch, socket, Wait::No);
                    }
                }
            }
            Err(error) => self.receive_failed(&error),
        }
    }

    /// Answers what had been received when the word to stop came, without waiting for more.
    fn drain(&self, batch: &mut Batch) {
        let end = Instant::now() + DRAIN;
        let mut found = true;
        while found && Instant::now() < end {
            found = false;
            for socket in &self.sockets {
                found |= self.serve(batch, socket, Wait::No);
            }
        }
    }

    /// Receives, answers and sends one batch. Says whether anything came.
    fn serve(&self, batch: &mut Batch, socket: &UdpSocket, wait: Wait) -> bool {
        match batch.receive(socket.as_fd(), wait) {
            Ok(received) => {
                let state = self.shared.current.load();
                let session = state.responder.session();
                let mut more = received > 0;
                while more {
                    let mut counts = Traffic::default();
                    more =
                        batch.answer(|request, out| answer(&state.acl, &session, &request, out, &mut counts));
                    // Before sending, so that an answer a client has seen is counted.
                    self.metrics.udp(&counts);
                    let send_errors = batch.send(socket.as_fd());
                    self.metrics.udp(&Traffic { send_errors, ..Traffic::default() });
                }
                received > 0
            }
            Err(error) => {
                self.receive_failed(&error);
                false
            }
        }
    }

    /// Tells failures from their absence: a worker outlives every one of them.
    fn receive_failed(&self, error: &io::Error) {
        match error.kind() {
            // Nothing came, or a signal did.
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted => {}
            // An ICMP message about an answer sent earlier: that peer's affair, and the report is over.
            io::ErrorKind::ConnectionRefused
            | io::ErrorKind::HostUnreachable
            | io::ErrorKind::NetworkUnreachable => {}
            _ => {
                self.metrics.udp(&Traffic { receive_errors: 1, ..Traffic::default() });
                thread::sleep(PAUSE);
            }
        }
    }
}

//----------- answer ---------------------------------------------------------

/// Answers one datagram; `None` is silence.
fn answer(
    acl: &Acl,
    session: &Session<'_>,
    request: &Request<'_>,
    out: &mut [u8],
    counts: &mut Traffic,
) -> Option<usize> {
    counts.received += 1;
    // A reply to port 0 cannot be sent; only forged datagrams come from there.
    let Some(source) = request.source.filter(|source| source.port() != 0) else {
        counts.dropped_silent += 1;
        return None;
    };
    // Before anything of the message is looked at.
    let access = acl.decide(source.ip());
    let octets = if request.oversized && access != Access::Drop {
        counts.oversized += 1;
        header_of(request.octets)
    } else {
        request.octets
    };
    respond(session, access, octets, Transport::Udp, out, counts)
}

/// What is answered of a datagram that did not fit the buffer: its header.
///
/// A query is one question (at most 271 octets with the header) and its OPT record; the longest that
/// clients send are padded to the path MTU. One of more than 4096 octets is no query we could know, but its
/// sender may wait for an answer, so silence is wrong. The octets that were kept might by chance parse as a
/// whole message; without its question the message is malformed for certain and is answered as such.
fn header_of(octets: &[u8]) -> &[u8] {
    const HEADER: usize = 12;
    octets.get(..HEADER).unwrap_or(octets)
}

#[cfg(test)]
mod tests {
    use numdip_core::respond::MAX_UDP_RESPONSE;

    use super::*;
    use crate::support::{KNOWN, open_state, query};

    fn answered(source: Option<&str>) -> (bool, Traffic) {
        let octets = query(1, KNOWN);
        let source = source.map(|source| source.parse().unwrap());
        let request = Request { source, octets: &octets, oversized: false };
        let mut counts = Traffic::default();
        let state = open_state();
        let session = state.responder.session();
        let answer = answer(&state.acl, &session, &request, &mut [0; MAX_UDP_RESPONSE], &mut counts);
        (answer.is_some(), counts)
    }

    #[test]
    fn query_from_where_no_answer_can_go_is_dropped() {
        let silent = Traffic { received: 1, dropped_silent: 1, ..Traffic::default() };
        assert_eq!((false, silent), answered(Some("127.0.0.1:0")));
        assert_eq!((false, silent), answered(None));
        assert_eq!(
            (true, Traffic { received: 1, noerror: 1, ..Traffic::default() }),
            answered(Some("127.0.0.1:1"))
        );
    }
}
