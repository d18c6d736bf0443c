//! One TCP connection: queries in, answers out in the same order, until an end is in sight.
//!
//! Each round reads what is there, answers every complete message in it, and writes the answers with one
//! call (RFC 7766 §6.2.1.1, pipelining). Reading and answering happen within one poll, in buffers that all
//! connections of a worker share; a connection owns memory only for an incomplete message and for answers
//! that its peer does not read.

use std::future::{Future, poll_fn};
use std::io;
use std::mem;
use std::net::IpAddr;
use std::pin::{Pin, pin};
use std::task::{self, Poll, ready};
use std::time::Duration;

use numdip_core::respond::Transport;
use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{self, Instant};

use super::Context;
use super::framing::{GATHER, Output, Scratch, first_message};
use super::limits::Clock;
use super::places::Place;
use crate::acl::Access;
use crate::metrics::{Connections, Traffic};
use crate::worker::respond;

/// How long a connection listens for more once the server stops: what has reached the machine but not the
/// program counts as received.
const QUIET: Duration = Duration::from_millis(20);

//----------- Connection -----------------------------------------------------

pub(super) struct Connection<'a> {
    stream: TcpStream,
    peer: IpAddr,
    place: &'a Place,
    context: &'a Context,
    /// The beginning of a message, or messages that wait for the outbox; at most a message and a read.
    inbox: Vec<u8>,
    /// Answers that the socket had no room for; at most [`GATHER`]. Nothing is read meanwhile.
    outbox: Vec<u8>,
    /// The inbox has messages that were not looked at.
    backlog: bool,
}

/// Why a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// The peer closed it, or the network did.
    Gone,
    /// One of the limits' timeouts.
    TimedOut,
    /// It made room for another.
    Evicted,
    /// The access list changed: the peer is to be dropped.
    Forbidden,
    /// The server stops.
    Stopped,
}

impl Ending {
    /// What it adds to the counts, besides the connection's being closed.
    pub(super) fn counted(self) -> Connections {
        Connections {
            timed_out: u64::from(self == Ending::TimedOut),
            evicted: u64::from(self == Ending::Evicted),
            ..Connections::default()
        }
    }
}

/// What one poll of a connection brought.
enum Turn {
    Round(io::Result<Round>),
    /// Somebody wants it to look at its place, or at whether the server stops.
    Nudged,
    Timer,
}

/// What one round did.
enum Round {
    /// Messages were read, or parts of one.
    Read {
        /// At least one of them was answered.
        answered: bool,
        /// There may be more to read.
        more: bool,
    },
    /// The peer will send nothing more.
    End,
    /// The access list says to drop the peer.
    Forbidden,
}

impl Round {
    /// Adds what only the reader knows: whether the socket may have more.
    fn with_more(self, more: bool) -> Round {
        match self {
            Round::Read { answered, .. } => Round::Read { answered, more },
            round => round,
        }
    }
}

//--- Life

impl<'a> Connection<'a> {
    pub(super) fn new(
        stream: TcpStream,
        peer: IpAddr,
        place: &'a Place,
        context: &'a Context,
    ) -> Connection<'a> {
        Connection { stream, peer, place, context, inbox: Vec::new(), outbox: Vec::new(), backlog: false }
    }

    /// Answers until the connection ends.
    pub(super) async fn serve(mut self) -> Ending {
        let (place, context) = (self.place, self.context);
        let limits = context.worker.limits;
        let mut clock = Clock::new(&limits, Instant::now());
        // Set anew only when it would ring too late, or has rung: most deadlines move before they come.
        let mut timer = pin!(time::sleep_until(clock.deadline()));
        let mut nudged = pin!(place.nudged());
        loop {
            if context.worker.shared.stopping() {
                return self.finish().await;
            }
            let turn = poll_fn(|cx| {
                if let Poll::Ready(round) = self.poll_round(cx) {
                    return Poll::Ready(Turn::Round(round));
                }
                if nudged.as_mut().poll(cx).is_ready() {
                    return Poll::Ready(Turn::Nudged);
                }
                timer.as_mut().poll(cx).map(|()| Turn::Timer)
            });
            match turn.await {
                Turn::Round(Ok(Round::Read { answered, more })) => {
                    if !self.outbox.is_empty() {
                        place.busy();
                        if let Err(ending) = self.flush(limits.write_timeout).await {
                            return ending;
                        }
                        place.waiting();
                    }
                    clock.round(Instant::now(), answered, !self.inbox.is_empty());
                    if more {
                        // Others must get their turn while this peer keeps sending.
                        tokio::task::yield_now().await;
                    }
                }
                Turn::Round(Ok(Round::End) | Err(_)) => return Ending::Gone,
                Turn::Round(Ok(Round::Forbidden)) => return Ending::Forbidden,
                Turn::Nudged => nudged.set(place.nudged()),
                Turn::Timer => {}
            }
            if place.evicted() {
                return Ending::Evicted;
            }
            let deadline = clock.deadline();
            if deadline <= Instant::now() {
                return Ending::TimedOut;
            }
            if timer.is_elapsed() || timer.deadline() > deadline {
                timer.as_mut().reset(deadline);
            }
        }
    }

    /// Answers what has been received when the word to stop came. The worker cuts this short if it must.
    async fn finish(mut self) -> Ending {
        while let Ok(Ok(Round::Read { .. })) = time::timeout(QUIET, poll_fn(|cx| self.poll_round(cx))).await {
            if self.flush(self.context.worker.limits.write_timeout).await.is_err() {
                break;
            }
        }
        Ending::Stopped
    }

    /// Writes the outbox, within `limit` for all of it: a peer that reads an octet now and then gains nothing.
    async fn flush(&mut self, limit: Duration) -> Result<(), Ending> {
        let Connection { stream, outbox, .. } = self;
        let write = async {
            while !outbox.is_empty() {
                stream.writable().await?;
                match stream.try_write(outbox) {
                    Ok(written) => drop(outbox.drain(..written)),
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    Err(error) => return Err(error),
                }
            }
            Ok(())
        };
        match time::timeout(limit, write).await {
            Ok(Ok(())) => {
                self.outbox = Vec::new();
                Ok(())
            }
            Ok(Err(_)) => {
                self.context.worker.metrics.tcp(&Traffic { send_errors: 1, ..Traffic::default() });
                Err(Ending::Gone)
            }
            Err(_) => Err(Ending::TimedOut),
        }
    }
}

//--- One round

impl Connection<'_> {
    /// Reads what is there, answers it and writes the answers. Pending if nothing is there.
    fn poll_round(&mut self, cx: &mut task::Context<'_>) -> Poll<io::Result<Round>> {
        let mut scratch = self.context.scratch.borrow_mut();
        let Scratch { input, output } = &mut *scratch;
        if self.backlog {
            let round = self.answer_inbox(&[], output);
            return Poll::Ready(round);
        }
        let mut buffer = ReadBuf::new(input);
        ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer))?;
        let more = buffer.remaining() == 0;
        let round = match buffer.filled() {
            [] => Ok(Round::End),
            read if self.inbox.is_empty() => self.answer_read(read, output),
            read => self.answer_inbox(read, output),
        };
        Poll::Ready(round.map(|round| round.with_more(more)))
    }

    /// The usual case: whole messages, answered where they were read.
    fn answer_read(&mut self, read: &[u8], output: &mut Output) -> io::Result<Round> {
        let (round, rest) = self.answer(read, output)?;
        self.inbox.extend_from_slice(rest);
        Ok(round)
    }

    /// Messages of which parts came earlier.
    fn answer_inbox(&mut self, read: &[u8], output: &mut Output) -> io::Result<Round> {
        let mut inbox = mem::take(&mut self.inbox);
        inbox.extend_from_slice(read);
        let (round, rest) = self.answer(&inbox, output)?;
        let used = inbox.len() - rest.len();
        // An empty inbox holds no memory.
        if used < inbox.len() {
            inbox.drain(..used);
            self.inbox = inbox;
        }
        Ok(round)
    }

    /// Answers the whole messages in `input`, writes the answers, and gives what is left of `input`.
    fn answer<'a>(&mut self, mut input: &'a [u8], output: &mut Output) -> io::Result<(Round, &'a [u8])> {
        let worker = &self.context.worker;
        let state = worker.shared.current.load();
        // Each round anew, so that a reload reaches connections that are open.
        let access = state.acl.decide(self.peer);
        if access == Access::Drop {
            worker.metrics.tcp(&Traffic { dropped_acl: 1, ..Traffic::default() });
            return Ok((Round::Forbidden, input));
        }
        let session = state.responder.session();
        let mut counts = Traffic::default();
        let mut answered = 0;
        self.backlog = false;
        while let Some((message, rest)) = first_message(input) {
            if !output.has_room() {
                answered += counts.answered();
                self.write(output, mem::take(&mut counts))?;
                // The peer does not read; the rest of its messages waits until it does.
                self.backlog = !self.outbox.is_empty();
                if self.backlog {
                    break;
                }
            }
            counts.received += 1;
            output.put(|out| respond(&session, access, message, Transport::Tcp, out, &mut counts));
            input = rest;
        }
        answered += counts.answered();
        self.write(output, counts)?;
        Ok((Round::Read { answered: answered > 0, more: false }, input))
    }

    /// Writes the output, or puts in the outbox what the socket has no room for.
    fn write(&mut self, output: &mut Output, counts: Traffic) -> io::Result<()> {
        // Both before sending: what a client has seen is counted, and who has just had an answer is not taken
        // for the one that has been waiting longest.
        self.context.worker.metrics.tcp(&counts);
        if counts.answered() > 0 {
            self.place.waiting();
        }
        let written = self.try_write(output.filled());
        output.clear();
        if written.is_err() {
            self.context.worker.metrics.tcp(&Traffic { send_errors: 1, ..Traffic::default() });
        }
        written
    }

    fn try_write(&mut self, mut answers: &[u8]) -> io::Result<()> {
        // What is in the outbox goes first.
        while self.outbox.is_empty() && !answers.is_empty() {
            match self.stream.try_write(answers) {
                Ok(written) => answers = answers.get(written..).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        self.outbox.extend_from_slice(answers);
        debug_assert!(self.outbox.len() <= GATHER, "a connection's memory is bounded");
        Ok(())
    }
}
