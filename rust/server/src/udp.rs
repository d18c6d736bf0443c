//! A UDP worker: its own sockets, one batch of buffers, one loop.
//!
//! ```text
//! recvmmsg ──> state, once per batch ──> acl for each ──> look up all ──> respond to each ──> sendmmsg
//! ```

use std::io;
use std::net::UdpSocket;
use std::num::NonZeroU64;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use arrayvec::ArrayVec;
use numdip_core::respond::batch::Asked;
use numdip_core::respond::{Session, Transport};
use rustix::thread::set_current_timer_slack;
use rustix::time::{ClockId, clock_gettime};

use crate::acl::{Access, Acl};
use crate::gather::{Clocks, Gather};
use crate::io::{Answers, Batch, PORTION, Portion, Readiness, Request, Wait};
use crate::metrics::{Metrics, Traffic};
use crate::worker::{Shared, look_up, respond_to};

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
    /// How long a busy worker lets datagrams gather.
    pub(crate) gather: Duration,
}

impl UdpWorker {
    /// Answers until the server stops.
    pub(crate) fn run(self) {
        let mut batch = Batch::new();
        let mut gather = Gather::new(self.gather);
        // Else the kernel rounds a rest up by 50 µs.
        let _ = set_current_timer_slack(NonZeroU64::new(1_000));
        match self.sockets.as_slice() {
            // With one socket, the receive call itself waits: one call less per batch.
            [socket] => {
                while !self.shared.stopping() {
                    let datagrams = self.serve(&mut batch, socket, Wait::ForOne);
                    rest(&mut gather, 1, datagrams);
                }
            }
            sockets => {
                let mut readiness = Readiness::new(sockets);
                while !self.shared.stopping() {
                    let (batches, datagrams) = self.serve_ready(&mut batch, &mut readiness);
                    rest(&mut gather, batches, datagrams);
                }
            }
        }
        self.drain(&mut batch);
    }

    /// One turn over several sockets: a batch from each that has something. Gives the numbers of batches and datagrams.
    fn serve_ready(&self, batch: &mut Batch, readiness: &mut Readiness<'_>) -> (usize, usize) {
        match readiness.wait(TICK) {
            Ok(ready) => {
                let ready = self.sockets.iter().zip(ready).filter(|(_, ready)| *ready);
                ready.fold((0, 0), |(batches, datagrams), (socket, _)| {
                    (batches + 1, datagrams + self.serve(batch, socket, Wait::No))
                })
            }
            Err(error) => {
                self.receive_failed(&error);
                (0, 0)
            }
        }
    }

    /// Answers what had been received when the word to stop came, without waiting for more.
    fn drain(&self, batch: &mut Batch) {
        let end = Instant::now() + DRAIN;
        let mut found = true;
        while found && Instant::now() < end {
            found = false;
            for socket in &self.sockets {
                found |= self.serve(batch, socket, Wait::No) > 0;
            }
        }
    }

    /// Receives, answers and sends one batch. Gives the number of datagrams that came.
    fn serve(&self, batch: &mut Batch, socket: &UdpSocket, wait: Wait) -> usize {
        match batch.receive(socket.as_fd(), wait) {
            Ok(()) => {
                let mut datagrams = 0;
                let state = self.shared.current.load();
                let session = state.responder.session();
                loop {
                    let (requests, answers) = batch.portion();
                    if requests.is_empty() {
                        return datagrams;
                    }
                    datagrams += requests.len();
                    let counts = answer(&state.acl, &session, &requests, answers);
                    drop(requests);
                    // Before sending, so that an answer a client has seen is counted.
                    self.metrics.udp(&counts);
                    let send_errors = batch.send(socket.as_fd());
                    self.metrics.udp(&Traffic { send_errors, ..Traffic::default() });
                }
            }
            Err(error) => {
                self.receive_failed(&error);
                0
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

//----------- rest -----------------------------------------------------------

/// Rests after a turn of so many batches with so many datagrams, if that makes the next one better.
fn rest(gather: &mut Gather, batches: usize, datagrams: usize) {
    if let Some(rest) = gather.after(batches, datagrams, clocks) {
        thread::sleep(rest);
    }
}

fn clocks() -> Clocks {
    let read = |id| {
        let time = clock_gettime(id);
        Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec as u32)
    };
    Clocks { time: read(ClockId::Monotonic), cpu: read(ClockId::ThreadCPUTime) }
}

//----------- answer ---------------------------------------------------------

/// Answers the datagrams of a portion.
fn answer(acl: &Acl, session: &Session<'_>, requests: &Portion<'_>, mut answers: Answers<'_>) -> Traffic {
    let mut counts = Traffic::default();
    // Before anything of a message is looked at.
    let accesses: ArrayVec<Option<Access>, PORTION> =
        requests.iter().map(|request| access(acl, request)).collect();
    let asked = requests.iter().zip(&accesses).map(|(request, access)| {
        let oversized = request.oversized && access.is_some_and(|access| access != Access::Drop);
        counts.oversized += u64::from(oversized);
        let octets = if oversized { header_of(request.octets) } else { request.octets };
        Asked::new(octets, *access == Some(Access::Permit))
    });
    let mut asked: ArrayVec<Asked<'_>, PORTION> = asked.collect();
    look_up(session, &mut asked);
    for ((request, access), asked) in requests.iter().zip(accesses).zip(&asked) {
        counts.received += 1;
        match access {
            Some(access) => answers
                .push(request, |out| respond_to(session, access, asked, Transport::Udp, out, &mut counts)),
            None => counts.dropped_silent += 1,
        }
    }
    counts
}

/// What the access list says about a request; `None` if no answer can go where it came from.
fn access(acl: &Acl, request: &Request<'_>) -> Option<Access> {
    // A reply to port 0 cannot be sent; only forged datagrams come from there.
    let source = request.source.filter(|source| source.port() != 0)?;
    Some(acl.decide(source.ip()))
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
    use super::*;
    use crate::acl::Others;
    use crate::support::{KNOWN, open_state, query};

    /// What becomes of a known number's query from each of these sources, of one portion.
    fn answered(sources: &[Option<&str>], acl: &Acl, oversized: bool) -> Traffic {
        let octets = query(1, KNOWN);
        let request = |source: &Option<&str>| {
            let source = source.map(|source| source.parse().unwrap());
            Request::of(source, &octets, oversized)
        };
        let state = open_state();
        let requests = sources.iter().map(request).collect();
        answer(acl, &state.responder.session(), &requests, Batch::new().answers())
    }

    #[test]
    fn query_from_where_no_answer_can_go_is_dropped() {
        let acl = Acl::loopback();
        let silent = Traffic { received: 1, dropped_silent: 1, ..Traffic::default() };
        for source in [Some("127.0.0.1:0"), None] {
            assert_eq!(silent, answered(&[source], &acl, false));
        }
        let one = Traffic { received: 1, noerror: 1, ..Traffic::default() };
        assert_eq!(one, answered(&[Some("127.0.0.1:1")], &acl, false));
    }

    #[test]
    fn each_query_of_a_portion_has_its_own_source() {
        let sources =
            ["127.0.0.1:1", "192.0.2.1:1", "127.0.0.1:0", "127.0.0.1:2", "192.0.2.2:1", "127.0.0.1:1"];
        let sources = sources.map(Some);
        for (others, dropped) in [(Others::Refuse, false), (Others::Drop, true)] {
            let acl = Acl::new(&[("here".to_owned(), vec!["127.0.0.0/8".parse().unwrap()])], others).unwrap();
            let (refused, dropped_acl) = if dropped { (0, 2) } else { (2, 0) };
            let counts =
                Traffic { received: 6, dropped_silent: 1, refused, dropped_acl, ..Traffic::default() };
            assert_eq!(Traffic { noerror: 3, ..counts }, answered(&sources, &acl, false));
            // Of what is too long the header is answered, and not even that is read of what is dropped.
            let oversized = if dropped { 3 } else { 5 };
            assert_eq!(Traffic { servfail: 3, oversized, ..counts }, answered(&sources, &acl, true));
        }
    }
}
