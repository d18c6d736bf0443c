//! The thread that talks: sockets, times, and for each question a [`Call`] that says what to do.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use mio::{Events, Poll, Token};
use numdip_core::dns::Transport;
use numdip_core::exchange::{Call, Options, Outcome, Peers, Question, Reply, Send, Step};

use crate::entropy::Entropy;
use crate::job::Job;
use crate::lanes::{Flight, Lane, Lanes};
use crate::shared::{Answered, Closed, New, Shared, Sink, lock};
use crate::streams::{FIRST_TOKEN, Stream, Streams};

/// Token of whoever wakes the thread.
pub(crate) const WAKER: Token = Token(usize::MAX);
/// Questions of jobs that are begun before sockets are looked at again.
const PORTION: usize = 64;
/// Datagrams that are read of one socket before others are looked at.
const READS: usize = 1024;
/// Between two looks for what is left behind.
const SWEEP: Duration = Duration::from_millis(100);
/// Octets of the longest datagram.
const DATAGRAM: usize = 65_535;

/// Which call, and the how manieth in its place: answers to an earlier one are not for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    place: u32,
    generation: u32,
}

/// A question that has no outcome yet.
struct Entry {
    call: Call,
    /// As it is sent.
    question: Arc<Question>,
    /// As it is kept.
    kept: Option<Question>,
    sink: Sink,
    id: u64,
    /// When the call is next looked at.
    wake: Duration,
}

pub(crate) struct Worker {
    pub(crate) shared: Arc<Shared>,
    pub(crate) poll: Poll,
    pub(crate) addresses: Vec<SocketAddr>,
    pub(crate) peers: Peers,
    pub(crate) mixed_case: bool,
    pub(crate) caches: bool,
    pub(crate) entropy: Entropy,
    lanes: Lanes,
    streams: Streams,
    calls: Vec<(u32, Option<Entry>)>,
    free: Vec<u32>,
    ids: HashMap<u64, Key>,
    timers: BinaryHeap<Reverse<(Duration, Key)>>,
    jobs: Vec<Option<Job>>,
    /// Attempts whose socket broke.
    broken: Vec<(Key, u16, String)>,
    /// Sockets that may have more to read: readiness is told once.
    unread: Vec<usize>,
    swept: Duration,
    now: Duration,
    query: Vec<u8>,
    datagram: Vec<u8>,
}

impl Worker {
    pub(crate) fn new(
        shared: Arc<Shared>,
        poll: Poll,
        addresses: Vec<SocketAddr>,
        peers: Peers,
        entropy: Entropy,
        [mixed_case, caches]: [bool; 2],
    ) -> Self {
        let now = shared.now();
        Self {
            lanes: Lanes::new(addresses.clone()),
            shared,
            poll,
            addresses,
            peers,
            mixed_case,
            caches,
            entropy,
            streams: Streams::default(),
            calls: Vec::new(),
            free: Vec::new(),
            ids: HashMap::new(),
            timers: BinaryHeap::new(),
            jobs: Vec::new(),
            broken: Vec::new(),
            unread: Vec::new(),
            swept: now,
            now,
            query: Vec::new(),
            datagram: vec![0; DATAGRAM],
        }
    }

    /// Works until the client is closed.
    pub(crate) fn run(&mut self) {
        let mut events = Events::with_capacity(1024);
        let mut tokens = Vec::new();
        loop {
            let patience = self.patience();
            // What interrupts is looked at below like everything else.
            let _ = self.poll.poll(&mut events, patience);
            self.now = self.shared.now();
            tokens.clear();
            tokens.extend(self.unread.drain(..).map(Token));
            tokens.extend(events.iter().map(|event| event.token()).filter(|token| *token != WAKER));
            for Token(token) in &tokens {
                match *token {
                    FIRST_TOKEN.. => self.go_on(*token),
                    place => self.receive(place),
                }
            }
            if !self.take_inbox() {
                return;
            }
            self.fire();
            self.begin_rows();
            self.tell_broken();
            self.sweep();
            *lock(&self.shared.states) = self.peers.states().collect();
        }
    }

    /// How long there is nothing to do unless something comes.
    fn patience(&mut self) -> Option<Duration> {
        if !self.unread.is_empty() {
            return Some(Duration::ZERO);
        }
        let now = self.shared.now();
        let mut next = self.timers.peek().map(|Reverse((at, _))| *at);
        if self.jobs.iter().flatten().any(Job::wants) {
            let opens = self.peers.opens_next(now).max(now);
            next = Some(next.map_or(opens, |next| next.min(opens)));
        }
        if !self.lanes.is_quiet() || !self.streams.is_empty() || self.jobs.iter().any(Option::is_some) {
            let sweep = self.swept + SWEEP;
            next = Some(next.map_or(sweep, |next| next.min(sweep)));
        }
        next.map(|next| next.saturating_sub(now))
    }

    //--- Questions

    /// Takes what callers want; false: the client is closed.
    fn take_inbox(&mut self) -> bool {
        let mut inbox = lock(&self.shared.inbox);
        if inbox.is_closing {
            return false;
        }
        let (new, cancelled) = (std::mem::take(&mut inbox.new), std::mem::take(&mut inbox.cancelled));
        let jobs = std::mem::take(&mut inbox.jobs);
        drop(inbox);
        for New { id, question, sink } in new {
            self.begin(id, question, sink);
        }
        for id in cancelled {
            if let Some(key) = self.ids.remove(&id) {
                self.remove(key);
            }
        }
        for job in jobs {
            match self.jobs.iter_mut().find(|slot| slot.is_none()) {
                Some(slot) => *slot = Some(job),
                None => self.jobs.push(Some(job)),
            }
        }
        true
    }

    fn begin(&mut self, id: u64, question: Question, sink: Sink) {
        let mixed = match self.mixed_case {
            true => self.entropy.octets().map(|bits| question.in_mixed_case(u64::from_ne_bytes(bits))).ok(),
            false => None,
        };
        let (question, kept) = match (mixed, self.caches) {
            (Some(mixed), true) => (mixed, Some(question)),
            (Some(mixed), false) => (mixed, None),
            (None, true) => (question.clone(), Some(question)),
            (None, false) => (question, None),
        };
        let call = Call::new(&mut self.peers, self.now);
        let is_row = matches!(sink, Sink::Row(..));
        let entry = Entry { call, question: Arc::new(question), kept, sink, id, wake: Duration::ZERO };
        let place = match self.free.pop() {
            Some(place) => place,
            None => {
                self.calls.push((0, None));
                self.calls.len() as u32 - 1
            }
        };
        let Some(slot) = self.calls.get_mut(place as usize) else { return };
        slot.1 = Some(entry);
        let key = Key { place, generation: slot.0 };
        if !is_row {
            self.ids.insert(id, key);
        }
        self.drive(key);
    }

    fn entry(&mut self, key: Key) -> Option<&mut Entry> {
        let (generation, entry) = self.calls.get_mut(key.place as usize)?;
        entry.as_mut().filter(|_| *generation == key.generation)
    }

    fn remove(&mut self, key: Key) -> Option<Entry> {
        let (generation, slot) = self.calls.get_mut(key.place as usize)?;
        if *generation != key.generation {
            return None;
        }
        let entry = slot.take()?;
        *generation = generation.wrapping_add(1);
        self.free.push(key.place);
        if !matches!(entry.sink, Sink::Row(..)) {
            self.shared.open.fetch_sub(1, Ordering::Relaxed);
        }
        Some(entry)
    }

    /// Does what a call says, until it waits or is over.
    fn drive(&mut self, key: Key) {
        loop {
            let (peers, now) = (&mut self.peers, self.now);
            let Some((generation, Some(entry))) = self.calls.get_mut(key.place as usize) else { return };
            if *generation != key.generation {
                return;
            }
            match entry.call.next(peers, now) {
                Step::Send(send) => {
                    let question = entry.question.clone();
                    if let Err(text) = self.send(key, send, question) {
                        self.peers.unreachable(send.peer, now);
                        if let Some(entry) = self.entry(key) {
                            entry.call.failed(send.attempt, text);
                        }
                    }
                }
                Step::Wait(until) => {
                    if entry.wake != until {
                        entry.wake = until;
                        self.timers.push(Reverse((until, key)));
                    }
                    return;
                }
                Step::Done(outcome) => {
                    if let Some(entry) = self.remove(key) {
                        self.finish(entry, *outcome);
                    }
                    return;
                }
            }
        }
    }

    fn finish(&mut self, entry: Entry, outcome: Outcome) {
        self.ids.remove(&entry.id);
        let outcome = match entry.kept {
            Some(question) => {
                let outcome = Arc::new(outcome);
                lock(&self.shared.cache).put(&question, &outcome, self.now);
                outcome
            }
            None => Arc::new(outcome),
        };
        match entry.sink {
            Sink::Row(job, row) => {
                if let Some(Some(job)) = self.jobs.get_mut(job) {
                    job.take(row, &outcome);
                }
            }
            sink => sink.give(&self.shared, Ok(Answered { outcome, cached: None })),
        }
    }

    /// Looks at the calls whose time has come.
    fn fire(&mut self) {
        while let Some(Reverse((at, key))) = self.timers.peek().copied() {
            if at > self.now {
                return;
            }
            self.timers.pop();
            if self.entry(key).is_some_and(|entry| entry.wake == at) {
                self.drive(key);
            }
        }
    }

    //--- Jobs

    /// Begins questions of jobs, as many as there is room for.
    fn begin_rows(&mut self) {
        for place in 0..self.jobs.len() {
            let Some(job) = self.jobs.get_mut(place).and_then(Option::as_mut) else { continue };
            if job.is_cancelled() {
                self.drop_job(place);
                continue;
            }
            for _ in 0..PORTION {
                let is_open = self.peers.opens_next(self.now) <= self.now;
                let Some(job) = self.jobs.get_mut(place).and_then(Option::as_mut) else { break };
                if !is_open || !job.wants() {
                    break;
                }
                let Some((row, question)) = job.next() else { break };
                let kept = self.caches.then(|| lock(&self.shared.cache).get(&question, self.now)).flatten();
                match kept {
                    Some((outcome, _)) => job.take(row, &outcome),
                    None => self.begin(0, question, Sink::Row(place, row)),
                }
            }
            let slot = self.jobs.get_mut(place);
            if let Some(job) = slot.and_then(|slot| slot.take_if(|job| job.is_done())) {
                job.finish(false);
            }
        }
    }

    /// Gives up a job that nobody waits for.
    fn drop_job(&mut self, place: usize) {
        let of_job = |entry: &Entry| matches!(entry.sink, Sink::Row(job, _) if job == place);
        let keys: Vec<Key> = (0_u32..)
            .zip(&self.calls)
            .filter(|(_, (_, entry))| entry.as_ref().is_some_and(of_job))
            .map(|(place, (generation, _))| Key { place, generation: *generation })
            .collect();
        for key in keys {
            self.remove(key);
        }
        if let Some(job) = self.jobs.get_mut(place).and_then(Option::take) {
            job.finish(true);
        }
    }

    //--- Sockets

    /// Sends a query; an error is the attempt's.
    fn send(&mut self, key: Key, send: Send, question: Arc<Question>) -> Result<(), String> {
        let cookie = self.peers.cookie(send.peer);
        let options = send.edns.then_some(Options { cookie });
        if send.transport == Transport::Tcp {
            let id = self.entropy.number().map_err(|error| told(&error))?;
            question.write(id, options.as_ref(), &mut self.query);
            let address = self.addresses.get(send.peer).copied().ok_or("no such server")?;
            let stream =
                Stream::new(address, send.peer, question, id, key, send.attempt, self.now, &self.query);
            return self.streams.add(stream, self.poll.registry()).map_err(|unbegun| told(&unbegun.1));
        }
        let picked = self.lanes.pick(send.peer, self.poll.registry(), &mut self.entropy);
        let (place, id) = picked.map_err(|error| told(&error))?;
        question.write(id, options.as_ref(), &mut self.query);
        let Some(lane) = self.lanes.get(place) else { return Err("no socket".to_owned()) };
        match lane.socket.send(&self.query) {
            Ok(_) => {}
            // It is as good as lost on the way, which the call knows how to deal with.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => {
                // What the system says is of an earlier datagram, and true of all.
                self.break_lane(place, &error);
                return Err(told(&error));
            }
        }
        lane.flights.insert(id, Flight { question, call: key, attempt: send.attempt, sent: self.now });
        Ok(())
    }

    /// Reads what came to a socket.
    fn receive(&mut self, place: usize) {
        let mut broken = None;
        let mut reads = 0;
        loop {
            reads += 1;
            if reads > READS {
                self.unread.push(place);
                break;
            }
            let Some(lane) = self.lanes.get(place) else { return };
            match lane.socket.recv(&mut self.datagram) {
                Ok(length) => self.take_datagram(place, length),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // Told once for each ICMP message; what has come is still to be read.
                Err(error) => broken = Some(error),
            }
        }
        if let Some(error) = broken {
            self.break_lane(place, &error);
        }
    }

    fn take_datagram(&mut self, place: usize, length: usize) {
        let Some(octets) = self.datagram.get(..length) else { return };
        let Some(id) = octets.first_chunk().map(|id| u16::from_be_bytes(*id)) else { return };
        let Some(lane) = self.lanes.get(place) else { return };
        let Some(flight) = lane.flights.get(&id) else { return };
        // What is no answer to it is passed over: the right one may still come.
        let Some(reply) = Reply::read(&flight.question, id, octets) else { return };
        let peer = lane.peer;
        if !self.peers.take_cookie(peer, reply.cookie.as_deref()) {
            return;
        }
        let Some(Flight { call, attempt, sent, .. }) = lane.flights.remove(&id) else { return };
        self.peers.answered(peer, sent, self.now);
        self.hand_over(call, attempt, reply);
    }

    fn hand_over(&mut self, key: Key, attempt: u16, reply: Reply) {
        let (peers, now) = (&mut self.peers, self.now);
        let Some((generation, Some(entry))) = self.calls.get_mut(key.place as usize) else { return };
        if *generation == key.generation {
            entry.call.received(peers, attempt, reply, now);
            self.drive(key);
        }
    }

    /// Nothing is there where a socket leads to: its questions are for others.
    fn break_lane(&mut self, place: usize, error: &io::Error) {
        let Some(Lane { peer, flights, .. }) = self.lanes.close(place, self.poll.registry()) else { return };
        self.peers.unreachable(peer, self.now);
        let text = told(error);
        self.broken.extend(flights.into_values().map(|flight| (flight.call, flight.attempt, text.clone())));
    }

    fn tell_broken(&mut self) {
        while let Some((key, attempt, text)) = self.broken.pop() {
            if let Some(entry) = self.entry(key) {
                entry.call.failed(attempt, text);
                self.drive(key);
            }
        }
    }

    /// Goes on with a connection.
    fn go_on(&mut self, token: usize) {
        let Some((stream, result)) = self.streams.go_on(token, self.poll.registry()) else { return };
        let Stream { peer, call, attempt, sent, .. } = stream;
        match result {
            Ok(octets) => match Reply::read(&stream.question, stream.message_id, &octets) {
                Some(reply) if self.peers.take_cookie(peer, reply.cookie.as_deref()) => {
                    self.peers.answered(peer, sent, self.now);
                    self.hand_over(call, attempt, reply);
                }
                _ => self.broken.push((call, attempt, "an answer by TCP to another question".to_owned())),
            },
            Err(error) => self.broken.push((call, attempt, told(&error))),
        }
        while let Some(unbegun) = self.streams.begin_waiting(self.poll.registry()) {
            let (stream, error) = *unbegun;
            self.broken.push((stream.call, stream.attempt, told(&error)));
        }
    }

    /// Closes and forgets what nobody waits for.
    fn sweep(&mut self) {
        if self.now < self.swept + SWEEP {
            return;
        }
        self.swept = self.now;
        let old = self.now.saturating_sub(self.peers.settings().timeout * 2);
        self.lanes.sweep(old, self.poll.registry());
        let calls = &self.calls;
        let is_over = |key: Key| {
            calls
                .get(key.place as usize)
                .is_none_or(|(generation, entry)| *generation != key.generation || entry.is_none())
        };
        self.streams.sweep(old, is_over, self.poll.registry());
        while let Some(unbegun) = self.streams.begin_waiting(self.poll.registry()) {
            let (stream, error) = *unbegun;
            self.broken.push((stream.call, stream.attempt, told(&error)));
        }
        self.tell_broken();
    }
}

impl Drop for Worker {
    /// Nobody is left waiting, also where the thread panics.
    fn drop(&mut self) {
        for (_, entry) in &mut self.calls {
            if let Some(entry) = entry.take() {
                entry.sink.give(&self.shared, Err(Closed));
            }
        }
        let mut inbox = lock(&self.shared.inbox);
        inbox.is_closing = true;
        let (new, jobs) = (std::mem::take(&mut inbox.new), std::mem::take(&mut inbox.jobs));
        drop(inbox);
        for New { sink, .. } in new {
            sink.give(&self.shared, Err(Closed));
        }
        for job in jobs.into_iter().chain(self.jobs.drain(..).flatten()) {
            job.finish(true);
        }
        self.shared.open.store(0, Ordering::Relaxed);
    }
}

/// An error as people say it, without its number.
fn told(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_owned()
}
