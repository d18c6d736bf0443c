//! Keeps queries under way on several lanes and judges what comes back.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::check::{Expected, check};
use crate::flights::Flights;
use crate::histogram::Histogram;
use crate::lanes::Lane;
use crate::message::HEADER;
use crate::queries::Queries;
use crate::sys::{BATCH, Readiness};

/// How often queries that wait too long are looked for.
const LOOK: u64 = 5_000_000;

/// Queries sent to one lane in one go in open mode, before answers are looked for.
const BURST: u64 = BATCH as u64;

/// How a load is driven.
pub struct Drive {
    pub pace: Pace,
    pub seconds: f64,
    /// Ends it before the time is over.
    pub stop: &'static AtomicBool,
    /// How long an answer may take.
    pub patience: Duration,
    /// The first query's place in its file.
    pub first: usize,
}

/// When queries are sent.
#[derive(Debug, Clone, Copy)]
pub enum Pace {
    /// So many under way on each lane: the next leaves when an answer comes.
    Window(usize),
    /// So many in a second, evenly, whatever comes back.
    Rate(f64),
}

/// What came of it.
#[derive(Default)]
pub struct Counts {
    pub sent: u64,
    pub right: u64,
    pub wrong: u64,
    pub lost: u64,
    /// Answers nobody waited for: late, or two for one query.
    pub unexpected: u64,
    /// Right answers with a record.
    pub hits: u64,
    /// Right and wrong answers until the last query was sent, and how many seconds that took.
    pub answered: u64,
    pub seconds: f64,
    /// Of those, in which nothing came and nothing was to be sent: without any, this load is the bottleneck.
    pub idle_seconds: f64,
    /// From the time that the query was sent, or was to be sent at that rate.
    pub latency: Histogram,
    /// The longest time without an answer, from the first one on, and when it began.
    pub longest_gap: u64,
    pub gap_began: u64,
    /// Wrong answers, the first few.
    pub examples: Vec<String>,
}

/// A lane with its queries.
struct Client<L> {
    lane: L,
    flights: Flights,
}

struct Running<'a> {
    queries: &'a Queries,
    next: usize,
    counts: Counts,
    last_answer: Option<u64>,
}

/// Asks until the time is over, then waits for the last answers.
///
/// # Errors
///
/// The system's; a TCP connection that the server ended.
pub fn drive<L: Lane>(lanes: Vec<L>, queries: &Queries, how: &Drive) -> io::Result<Counts> {
    let room = match how.pace {
        // Answers may come out of order.
        Pace::Window(window) => (16 * window).max(1024),
        Pace::Rate(_) => usize::MAX / 2,
    };
    let mut readiness = Readiness::new()?;
    let mut clients = Vec::with_capacity(lanes.len());
    for lane in lanes {
        readiness.watch(lane.socket(), clients.len())?;
        clients.push(Client { lane, flights: Flights::new(room) });
    }
    let mut running = Running { queries, next: how.first, counts: Counts::default(), last_answer: None };
    let start = Instant::now();
    let now = || start.elapsed().as_nanos() as u64;
    let (end, patience) = ((how.seconds * 1e9) as u64, how.patience.as_nanos() as u64);
    if let Pace::Window(window) = how.pace {
        for client in &mut clients {
            running.fill(client, window, now());
            client.lane.send()?;
        }
    }
    let (mut turn, mut look, mut idle) = (0, LOOK, None);
    loop {
        let time = now();
        if let Some(since) = idle.replace(time) {
            running.counts.idle_seconds += (time - since) as f64 / 1e9;
        }
        if time >= end || how.stop.load(Ordering::Relaxed) {
            break;
        }
        if let Pace::Rate(rate) = how.pace {
            let due = ((time as f64 * rate / 1e9) as u64).saturating_sub(running.counts.sent).min(BURST);
            // One lane takes what is due: at an even pace that is one query.
            let client = &mut clients[turn];
            for _ in 0..due {
                // What is late waits for its turn here, and its latency grows.
                if L::LOSES_NOTHING && client.flights.is_full() {
                    break;
                }
                let sent = (running.counts.sent as f64 * 1e9 / rate) as u64;
                running.launch(client, sent);
            }
            client.lane.send()?;
            idle = idle.filter(|_| due == 0);
            turn = (turn + usize::from(due > 0)) % clients.len();
        }
        for number in readiness.wait(Duration::ZERO)? {
            idle = None;
            let client = &mut clients[number];
            running.take(client, || start.elapsed().as_nanos() as u64)?;
            if let Pace::Window(window) = how.pace {
                running.fill(client, window, now());
                client.lane.send()?;
            }
        }
        if time > look {
            look = time + LOOK;
            for client in &mut clients {
                running.counts.lost += client.flights.give_up(time.saturating_sub(patience));
                if let Pace::Window(window) = how.pace {
                    running.fill(client, window, time);
                    client.lane.send()?;
                }
            }
        }
    }
    let over = now();
    running.counts.answered = running.counts.right + running.counts.wrong;
    running.counts.seconds = over as f64 / 1e9;
    running.note_gap(running.last_answer.unwrap_or_default(), over);
    running.finish(&mut clients, &mut readiness, now, now() + patience)?;
    Ok(running.counts)
}

impl Running<'_> {
    /// Queues queries until a window's number is under way.
    fn fill<L: Lane>(&mut self, client: &mut Client<L>, window: usize, time: u64) {
        for _ in client.flights.waiting()..window {
            self.launch(client, time);
        }
    }

    /// Queues the next query.
    fn launch<L: Lane>(&mut self, client: &mut Client<L>, sent: u64) {
        let place = self.next % self.queries.len();
        self.next = place + 1;
        let (id, lost) = client.flights.launch(place, sent);
        self.counts.lost += u64::from(lost);
        self.counts.sent += 1;
        let question = self.queries.question(place);
        client.lane.queue(|buffer| crate::message::write_query(id, question, buffer));
    }

    /// Takes and judges what a lane has.
    fn take<L: Lane>(&mut self, client: &mut Client<L>, now: impl Fn() -> u64) -> io::Result<()> {
        let Client { lane, flights } = client;
        let mut time = None;
        lane.receive(|message| {
            let time = *time.get_or_insert_with(&now);
            self.judge(flights, message, time);
        })
    }

    fn judge(&mut self, flights: &mut Flights, message: &[u8], time: u64) {
        let is_for = |place| {
            let question = self.queries.question(place);
            message.get(HEADER..HEADER + question.len()) == Some(question)
        };
        let flight = crate::message::u16_at(message, 0).and_then(|id| flights.land(id, is_for));
        let Some(flight) = flight else {
            self.counts.unexpected += 1;
            return;
        };
        let last = self.last_answer.replace(time);
        if let Some(last) = last {
            self.note_gap(last, time);
        }
        self.counts.latency.add(time.saturating_sub(flight.sent));
        let expected = self.queries.expected(flight.query);
        match check(message, self.queries.question(flight.query), expected) {
            Ok(()) => {
                self.counts.right += 1;
                self.counts.hits += u64::from(matches!(expected, Expected::Naptr(_)));
            }
            Err(fault) => {
                self.counts.wrong += 1;
                if self.counts.examples.len() < 5 {
                    let octets: String = message.iter().map(|octet| format!("{octet:02x}")).collect();
                    self.counts.examples.push(format!("{fault:?}: {octets}"));
                }
            }
        }
    }

    fn note_gap(&mut self, last: u64, time: u64) {
        let gap = time.saturating_sub(last);
        if gap > self.counts.longest_gap {
            (self.counts.longest_gap, self.counts.gap_began) = (gap, last);
        }
    }

    /// Waits for the answers that are still to come; those that do not are lost.
    fn finish<L: Lane>(
        &mut self,
        clients: &mut [Client<L>],
        readiness: &mut Readiness,
        now: impl Fn() -> u64,
        end: u64,
    ) -> io::Result<()> {
        // The time in which nothing was asked any more is no gap.
        let (gap, began) = (self.counts.longest_gap, self.counts.gap_began);
        while clients.iter().any(|client| client.flights.waiting() > 0) && now() < end {
            for number in readiness.wait(Duration::from_millis(10))? {
                self.take(&mut clients[number], &now)?;
                clients[number].lane.send()?;
            }
        }
        for client in clients {
            self.counts.lost += client.flights.give_up(u64::MAX);
        }
        (self.counts.longest_gap, self.counts.gap_began) = (gap, began);
        Ok(())
    }
}
