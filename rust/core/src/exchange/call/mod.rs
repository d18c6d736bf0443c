//! One question until its outcome: which server is asked when, and what follows from what came back.

use std::time::Duration;

use super::peers::{EDNS_MEMORY, EdnsUse, Peers};
use super::reply::Reply;
use crate::dns::Transport;

/// The most failures that are told of one question.
const MAX_FAILURES: usize = 32;
/// How long a server that answered only without an OPT record, after it was silent, is asked without one.
const MEMORY_OF_SILENCE: Duration = Duration::from_secs(60);
/// FORMERR and NOTIMP: what servers say that know no EDNS (RFC 6891 §7).
const NO_EDNS: [u16; 2] = [1, 4];
/// SERVFAIL and REFUSED: what some of them say, without an OPT record.
const NO_EDNS_PERHAPS: [u16; 2] = [2, 5];
/// BADCOOKIE (RFC 7873 §8).
const BAD_COOKIE: u16 = 23;

//----------- What to do -----------------------------------------------------

/// What to do next.
#[derive(Debug)]
pub enum Step {
    /// Send the question, then ask again what to do.
    Send(Send),
    /// Nothing before this time, unless something comes.
    Wait(Duration),
    /// It is over.
    Done(Box<Outcome>),
}

/// A query to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Send {
    /// What [`Call::received`] and [`Call::failed`] are told with.
    pub attempt: u16,
    /// Which server.
    pub peer: usize,
    /// How.
    pub transport: Transport,
    /// Whether with an OPT record.
    pub edns: bool,
    /// Whether only to find out if the server lives.
    pub probe: bool,
}

/// What came of a question.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The end.
    pub end: End,
    /// What servers did that gave no answer, in order.
    pub failures: Vec<Failure>,
}

/// How a question ended.
#[derive(Clone, Debug)]
pub enum End {
    /// With the first answer, or else the last refusal.
    Reply {
        /// What was said.
        reply: Reply,
        /// By which server.
        peer: usize,
        /// How.
        transport: Transport,
        /// From the first octet asked to the last one read.
        took: Duration,
    },
    /// Servers were asked and none answered in time.
    Silence,
    /// None could be asked.
    Unreachable,
}

/// A server that gave no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Which server.
    pub peer: usize,
    /// What it did.
    pub why: Why,
}

/// What a server did instead of giving an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// Nothing for so long.
    Silent(Duration),
    /// It answered with a response code that is no answer.
    Rcode(u16),
    /// The system, or the server by TCP, said why not.
    Failed(String),
    /// It was asked as often as its rate allows.
    Paced,
}

//----------- Call -----------------------------------------------------------

/// One question, from the first server asked to the outcome.
#[derive(Debug)]
pub struct Call {
    deadline: Duration,
    first: usize,
    tries: Vec<Tries>,
    open: Vec<Open>,
    /// To be sent next.
    pending: Vec<Send>,
    hedge_at: Option<Duration>,
    /// The last refusal.
    refused: Option<Box<End>>,
    outcome: Option<Box<Outcome>>,
    failures: Vec<Failure>,
    was_silent: bool,
    attempts: u16,
}

/// What was tried with one server.
#[derive(Clone, Copy, Debug, Default)]
struct Tries {
    count: u16,
    /// It refused, or cannot be reached: it is not asked again.
    is_out: bool,
    /// It was silent, or refused, with an OPT record.
    failed_with_edns: bool,
    silent: bool,
    bad_cookies: u8,
}

/// A query without an answer so far.
#[derive(Clone, Copy, Debug)]
struct Open {
    send: Send,
    sent: Duration,
    expires: Duration,
    /// It has expired: nobody waits for its answer, which is one all the same if it comes.
    is_late: bool,
}

enum Choice {
    Ask(usize),
    /// The server that is to be asked may not be before this time.
    Later(usize, Duration),
    Nobody,
}

impl Call {
    /// A question that begins now.
    pub fn new(peers: &mut Peers, now: Duration) -> Self {
        Self {
            deadline: now.saturating_add(peers.settings().deadline),
            first: peers.first(),
            tries: vec![Tries::default(); peers.len()],
            open: Vec::new(),
            pending: Vec::new(),
            hedge_at: None,
            refused: None,
            outcome: None,
            failures: Vec::new(),
            was_silent: false,
            attempts: 0,
        }
    }

    //--- What happened

    /// A reply came that was read.
    pub fn received(&mut self, peers: &mut Peers, attempt: u16, reply: Reply, now: Duration) {
        let Some(Open { send, sent, .. }) = self.close(attempt) else { return };
        let Send { peer, transport, edns, .. } = send;
        let was_unknown = peers.is_edns_unknown(peer);
        let knows_no_edns = NO_EDNS.contains(&reply.rcode);
        if reply.edns && !knows_no_edns {
            peers.speaks_edns(peer);
        }
        if reply.truncated && transport == Transport::Udp {
            // Whatever it holds already: RFC 2181 §9.
            return self.resend(send, Transport::Tcp, edns);
        }
        let Some(tries) = self.tries.get_mut(peer) else { return };
        let may_want_no_edns = edns && was_unknown && peers.settings().edns == EdnsUse::Remembered;
        if may_want_no_edns && (knows_no_edns || (!reply.edns && NO_EDNS_PERHAPS.contains(&reply.rcode))) {
            tries.failed_with_edns = true;
            // What it said stands if it says nothing else.
            self.refused =
                Some(Box::new(End::Reply { reply, peer, transport, took: now.saturating_sub(sent) }));
            return self.resend(send, transport, false);
        }
        if edns && reply.rcode == BAD_COOKIE && tries.bad_cookies < 2 {
            tries.bad_cookies += 1;
            // The reply brought the right cookie; if it does not help, a connection does (RFC 7873 §5.3).
            let transport = if tries.bad_cookies == 1 { transport } else { Transport::Tcp };
            return self.resend(send, transport, edns);
        }
        if !edns && tries.failed_with_edns && (reply.is_answer() || !tries.silent) {
            let is_answer = reply.is_answer();
            match tries.silent {
                true => peers.refuses_edns(peer, now, MEMORY_OF_SILENCE),
                false if is_answer => peers.refuses_edns(peer, now, EDNS_MEMORY),
                false => {}
            }
        }
        let took = now.saturating_sub(sent);
        if reply.is_answer() {
            let end = End::Reply { reply, peer, transport, took };
            return self.end(end, now);
        }
        tries.is_out = true;
        self.fail(peer, Why::Rcode(reply.rcode));
        self.refused = Some(Box::new(End::Reply { reply, peer, transport, took }));
    }

    /// A query could not be sent, or its connection broke.
    pub fn failed(&mut self, attempt: u16, text: String) {
        let Some(Open { send, .. }) = self.close(attempt) else { return };
        if send.probe {
            return;
        }
        if let Some(tries) = self.tries.get_mut(send.peer) {
            tries.is_out = true;
        }
        self.fail(send.peer, Why::Failed(text));
    }

    //--- What to do

    /// What to do next. Waits are never for a time that has passed.
    pub fn next(&mut self, peers: &mut Peers, now: Duration) -> Step {
        self.expire(peers, now);
        if self.outcome.is_none() && now >= self.deadline {
            let end = self.last_word();
            self.end(end, now);
        }
        if let Some(outcome) = self.outcome.take() {
            return Step::Done(outcome);
        }
        if let Some(send) = self.pending.pop() {
            return Step::Send(self.open(send, peers, now));
        }
        let mut is_waiting = self.open.iter().any(|open| !open.send.probe && !open.is_late);
        if !is_waiting || self.hedge_at.is_some_and(|at| at <= now) {
            self.hedge_at = None;
            match self.choose(peers, now, is_waiting) {
                Choice::Ask(peer) => return Step::Send(self.ask(peer, peers, now)),
                Choice::Later(_, at) if at < self.deadline || is_waiting => self.hedge_at = Some(at),
                Choice::Later(peer, _) => {
                    self.fail(peer, Why::Paced);
                    self.was_silent = true;
                    let end = self.last_word();
                    self.end(end, now);
                }
                Choice::Nobody if is_waiting => {}
                Choice::Nobody => {
                    // A probe is now waited for as any other query.
                    let mut in_time = self.open.iter_mut().filter(|open| !open.is_late);
                    in_time.by_ref().for_each(|open| open.send.probe = false);
                    is_waiting = self.open.iter().any(|open| !open.is_late);
                    if !is_waiting {
                        let end = self.last_word();
                        self.end(end, now);
                    }
                }
            }
        }
        if let Some(outcome) = self.outcome.take() {
            return Step::Done(outcome);
        }
        let expiries = self.open.iter().filter(|open| !open.is_late).map(|open| open.expires);
        Step::Wait(expiries.chain(self.hedge_at).fold(self.deadline, Duration::min))
    }

    /// Asks a server; if it is the first one, dead servers are probed along with it.
    fn ask(&mut self, peer: usize, peers: &mut Peers, now: Duration) -> Send {
        let is_first = self.attempts == 0;
        for other in (0..peers.len()).filter(|other| is_first && *other != peer) {
            if peers.is_dead(other, now) && peers.opens(other) <= now && peers.takes_probe(other, now) {
                let edns = peers.uses_edns(other, now);
                let transport = Transport::Udp;
                self.pending.push(Send { attempt: 0, peer: other, transport, edns, probe: true });
            }
        }
        let tries = self.tries.get(peer).copied().unwrap_or_default();
        let is_edns_in_doubt = tries.failed_with_edns
            && peers.settings().edns == EdnsUse::Remembered
            && peers.is_edns_unknown(peer);
        let edns = peers.uses_edns(peer, now) && !is_edns_in_doubt;
        self.open(Send { attempt: 0, peer, transport: Transport::Udp, edns, probe: false }, peers, now)
    }

    /// The server to ask: the one tried least, the living before the dead, in their order. While another one is
    /// waited for, dead ones are not asked: the first query has probed them.
    fn choose(&self, peers: &mut Peers, now: Duration, is_waiting: bool) -> Choice {
        /// What speaks against a server, the server, and when it may be asked.
        type Candidate = ((bool, u16, bool, usize), usize, Duration);
        let count = peers.len();
        let lives = (0..count)
            .any(|peer| !peers.is_dead(peer, now) && self.tries.get(peer).is_some_and(|tries| !tries.is_out));
        let mut best: Option<Candidate> = None;
        for place in 0..count {
            let peer = (self.first + place) % count;
            let tries = self.tries.get(peer).copied().unwrap_or_default();
            let is_open = |open: &Open| open.send.peer == peer && !open.is_late;
            let is_dead = peers.is_dead(peer, now);
            if tries.is_out || (is_waiting && is_dead) || self.open.iter().any(is_open) {
                continue;
            }
            // Servers that share the load help each other out; a backup is none for a busy primary.
            let opens = peers.opens(peer);
            // To a dead one no share is given that the living have no time for.
            let has_no_share = is_dead && lives && peers.settings().rate.is_some();
            let is_closed = peers.settings().balanced && (opens > now || has_no_share);
            let key = (is_closed, tries.count, is_dead, place);
            if best.is_none_or(|(least, ..)| key < least) {
                best = Some((key, peer, opens));
            }
        }
        match best {
            Some((_, peer, opens)) if opens > now => Choice::Later(peer, opens),
            Some((_, peer, _)) => Choice::Ask(peer),
            None => Choice::Nobody,
        }
    }

    //--- Attempts

    fn resend(&mut self, send: Send, transport: Transport, edns: bool) {
        self.pending.push(Send { transport, edns, ..send });
    }

    fn open(&mut self, send: Send, peers: &mut Peers, now: Duration) -> Send {
        let send = Send { attempt: self.attempts, ..send };
        self.attempts = self.attempts.wrapping_add(1);
        let expires = now.saturating_add(peers.settings().timeout).min(self.deadline);
        self.open.push(Open { send, sent: now, expires, is_late: false });
        if !send.probe {
            if peers.settings().hedge {
                self.hedge_at = Some(now.saturating_add(peers.hedge_delay(send.peer, now)));
            }
            if let Some(tries) = self.tries.get_mut(send.peer) {
                tries.count = tries.count.saturating_add(1);
            }
        }
        peers.sent(send.peer, now);
        peers.pace(send.peer, now);
        send
    }

    fn close(&mut self, attempt: u16) -> Option<Open> {
        let place = self.open.iter().position(|open| open.send.attempt == attempt)?;
        Some(self.open.swap_remove(place))
    }

    fn expire(&mut self, peers: &mut Peers, now: Duration) {
        let timeout = peers.settings().timeout;
        while let Some(open) = self.open.iter_mut().find(|open| !open.is_late && open.expires <= now) {
            open.is_late = true;
            let Open { send, sent, .. } = *open;
            let waited = now.saturating_sub(sent);
            // One that the deadline ended was not waited for as long.
            if waited >= timeout {
                peers.silent(send.peer, sent, now);
            }
            if send.probe {
                continue;
            }
            self.was_silent = true;
            // A last try that the deadline cut short says nothing new.
            if waited >= timeout || !self.is_silent(send.peer) {
                self.fail(send.peer, Why::Silent(waited.min(timeout)));
            }
            if let Some(tries) = self.tries.get_mut(send.peer) {
                tries.silent = true;
                tries.failed_with_edns |= send.edns;
            }
        }
    }

    fn is_silent(&self, peer: usize) -> bool {
        self.tries.get(peer).is_some_and(|tries| tries.silent)
    }

    fn fail(&mut self, peer: usize, why: Why) {
        if self.failures.len() < MAX_FAILURES {
            self.failures.push(Failure { peer, why });
        }
    }

    /// How it ends if nobody answered.
    fn last_word(&mut self) -> End {
        match self.refused.take() {
            Some(refusal) => *refusal,
            None if self.was_silent => End::Silence,
            None => End::Unreachable,
        }
    }

    fn end(&mut self, end: End, now: Duration) {
        // Who has not answered so far is told of.
        for Open { send, sent, is_late, .. } in std::mem::take(&mut self.open) {
            if !is_late && !send.probe && !self.is_silent(send.peer) {
                self.fail(send.peer, Why::Silent(now.saturating_sub(sent)));
            }
        }
        let failures = std::mem::take(&mut self.failures);
        self.outcome = Some(Box::new(Outcome { end, failures }));
    }
}

#[cfg(test)]
mod tests;
