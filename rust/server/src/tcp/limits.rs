//! What TCP peers may cost.

use std::time::Duration;

use tokio::time::Instant;

use crate::error::StartError;

/// What TCP peers may cost (RFC 7766 §6.2.2 and §6.2.3; RFC 9210 §4).
///
/// A connection holds at most some 128 KiB of ours for an incomplete query and as much for answers that its
/// peer has not read, and socket buffers of 256 KiB each way; an idle one holds next to nothing.
///
/// When `max_connections` are open and another comes, the one that has been waiting longest for a query is
/// closed; if none is waiting, because all are being answered, the new one is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TcpLimits {
    /// How long a connection may stay open without a query that is answered. Default 10 s.
    ///
    /// Only an answered message starts it anew: neither parts of a message nor messages that deserve no
    /// answer keep a connection open.
    pub idle_timeout: Duration,
    /// How long a message may take from its first octet to its last. Default 5 s.
    pub message_timeout: Duration,
    /// How long a peer may take to read answers once the socket's buffer is full of them. Default 5 s.
    pub write_timeout: Duration,
    /// Connections open at one time, over all addresses and workers; 1 to 1,000,000. Default 512.
    ///
    /// Each needs a file descriptor: raise the limit (`ulimit -n`) with it.
    pub max_connections: usize,
}

impl Default for TcpLimits {
    fn default() -> TcpLimits {
        TcpLimits {
            idle_timeout: Duration::from_secs(10),
            message_timeout: Duration::from_secs(5),
            write_timeout: Duration::from_secs(5),
            max_connections: 512,
        }
    }
}

impl TcpLimits {
    /// Refuses limits under which no query could be answered, or that no machine could hold to.
    pub(crate) fn check(&self) -> Result<(), StartError> {
        const TIMES: [Duration; 2] = [Duration::from_millis(1), Duration::from_secs(86_400)];
        const CONNECTIONS: [usize; 2] = [1, 1_000_000];
        let times = [
            ("idle_timeout", self.idle_timeout),
            ("message_timeout", self.message_timeout),
            ("write_timeout", self.write_timeout),
        ];
        let [least, most] = TIMES;
        for (name, found) in times {
            if found < least || found > most {
                let (found, expected) = (format!("{found:?}"), "1 ms to 1 day");
                return Err(StartError::Limit { name, found, expected });
            }
        }
        let [least, most] = CONNECTIONS;
        if self.max_connections < least || self.max_connections > most {
            let (name, expected) = ("max_connections", "1 to 1,000,000");
            return Err(StartError::Limit { name, found: self.max_connections.to_string(), expected });
        }
        Ok(())
    }
}

//----------- Clock ----------------------------------------------------------

/// When a connection is to be closed, by its last answer and its incomplete message.
#[derive(Debug)]
pub(crate) struct Clock {
    idle_timeout: Duration,
    message_timeout: Duration,
    /// The last message that was answered came now; or the connection did.
    last_answer: Instant,
    /// Since when there has been an incomplete message, without an answer in between.
    incomplete_since: Option<Instant>,
}

impl Clock {
    pub(crate) fn new(limits: &TcpLimits, now: Instant) -> Clock {
        Clock {
            idle_timeout: limits.idle_timeout,
            message_timeout: limits.message_timeout,
            last_answer: now,
            incomplete_since: None,
        }
    }

    /// Takes note of a round that ended now: whether a message was answered in it, and whether one is left incomplete.
    ///
    /// RFC 7766 §6.2.3: the timeout is started anew by a full message, not by a part of one, or a peer could
    /// hold a connection with an octet now and then.
    pub(crate) fn round(&mut self, now: Instant, answered: bool, incomplete: bool) {
        if answered {
            self.last_answer = now;
            self.incomplete_since = None;
        }
        self.incomplete_since = match (incomplete, self.incomplete_since) {
            (false, _) => None,
            (true, Some(since)) => Some(since),
            (true, None) => Some(now),
        };
    }

    /// When the connection is to be closed, if nothing happens.
    pub(crate) fn deadline(&self) -> Instant {
        match self.incomplete_since {
            Some(since) => since + self.message_timeout,
            None => self.last_answer + self.idle_timeout,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDLE: Duration = Duration::from_secs(10);
    const MESSAGE: Duration = Duration::from_secs(5);
    const SECOND: Duration = Duration::from_secs(1);

    fn clock() -> (Clock, Instant) {
        let start = Instant::now();
        let limits = TcpLimits { idle_timeout: IDLE, message_timeout: MESSAGE, ..TcpLimits::default() };
        (Clock::new(&limits, start), start)
    }

    #[test]
    fn only_answers_start_the_idle_timeout_anew() {
        let (mut clock, start) = clock();
        assert_eq!(start + IDLE, clock.deadline());
        clock.round(start + SECOND, false, false);
        assert_eq!(start + IDLE, clock.deadline());
        clock.round(start + SECOND, true, false);
        assert_eq!(start + SECOND + IDLE, clock.deadline());
    }

    #[test]
    fn parts_of_a_message_do_not_start_its_timeout_anew() {
        let (mut clock, start) = clock();
        clock.round(start + SECOND, false, true);
        clock.round(start + 2 * SECOND, false, true);
        assert_eq!(start + SECOND + MESSAGE, clock.deadline());
        // Complete, but nothing to answer: the idle timeout goes on where it was.
        clock.round(start + 3 * SECOND, false, false);
        assert_eq!(start + IDLE, clock.deadline());
    }

    #[test]
    fn answer_starts_the_timeout_of_the_message_behind_it_anew() {
        let (mut clock, start) = clock();
        clock.round(start + SECOND, false, true);
        clock.round(start + 2 * SECOND, true, true);
        assert_eq!(start + 2 * SECOND + MESSAGE, clock.deadline());
    }
}
