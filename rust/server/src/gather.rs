//! When a worker lets datagrams gather before it takes them.
//!
//! A worker that takes what is there at once takes little at once under load: a few datagrams for two system calls,
//! and answers that could have left together leave by themselves. A rest of some microseconds makes larger batches,
//! as network cards do it with their interrupts, and an answer costs a quarter to a third less. Elsewhere a rest
//! is nothing but latency: so it is made only where a worker is busy and falls behind, and as long as no fewer
//! datagrams come for it.

use std::time::Duration;

/// Turns after which a worker looks at what it did: some milliseconds of a busy one.
const LOOK: u32 = 64;

/// Turns of a look in doubt: the first one after it began, and those after one that spoke against it.
const TRIAL: u32 = 16;

/// It begins where a worker is busy for this share of its time at least, …
const BUSY: f64 = 0.7;

/// … and takes so many datagrams a turn: more come while it is at work on those that it has.
const BEHIND: f64 = 2.5;

/// It ends where a worker is busy for less than this: resting, the same load takes a third less.
const IDLE: f64 = 0.4;

/// It ends, too, when less than this share of the datagrams comes that came before: then clients wait for answers
/// before they ask again, and are few. One look may be chance, or the machine's.
const KEPT: f64 = 0.7;

/// Doubts that end it. It begins with one.
const DOUBTS: u32 = 3;

/// Looks before it is tried again then; twice as many each time, up to the second number.
const PATIENCE: [u32; 2] = [32, 256];

/// Datagrams that need not be more.
const MANY: usize = 32;

/// Since any moment: time, and CPU time of this thread.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clocks {
    pub(crate) time: Duration,
    pub(crate) cpu: Duration,
}

/// Decides after each turn whether to rest.
#[derive(Debug)]
pub(crate) struct Gather {
    /// How long a rest is; zero: there is none.
    rest: Duration,
    /// Since the last look. No clocks before the first.
    began: Option<Clocks>,
    turns: u32,
    datagrams: usize,
    mode: Mode,
    /// Looks until it may begin, and how many it will be the next time.
    patience: u32,
    next_patience: u32,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Mode {
    /// Takes what is there.
    AtOnce,
    /// Lets datagrams gather; so many a second came before.
    Gathering { before: f64, doubts: u32 },
}

impl Gather {
    /// With rests of this length; none if it is zero.
    pub(crate) fn new(rest: Duration) -> Gather {
        let [patience, _] = PATIENCE;
        Gather {
            rest,
            began: None,
            turns: 0,
            datagrams: 0,
            mode: Mode::AtOnce,
            patience: 0,
            next_patience: patience,
        }
    }

    /// How long to rest after a turn that took so many datagrams, if at all.
    #[inline]
    pub(crate) fn after(&mut self, datagrams: usize, clocks: impl FnOnce() -> Clocks) -> Option<Duration> {
        if self.rest.is_zero() {
            return None;
        }
        if datagrams == 0 {
            // The clients have paused: what came before says nothing.
            *self = Gather::new(self.rest);
            return None;
        }
        self.turns += 1;
        self.datagrams += datagrams;
        let look = if matches!(self.mode, Mode::Gathering { doubts: 1.., .. }) { TRIAL } else { LOOK };
        if self.began.is_none() || self.turns >= look {
            let now = clocks();
            if let Some(began) = self.began.replace(now) {
                self.look(now.time.saturating_sub(began.time), now.cpu.saturating_sub(began.cpu));
            }
            (self.turns, self.datagrams) = (0, 0);
        }
        (self.mode != Mode::AtOnce && datagrams < MANY).then_some(self.rest)
    }

    /// Looks at the turns of some time.
    fn look(&mut self, time: Duration, cpu: Duration) {
        let seconds = time.as_secs_f64().max(1e-9);
        let (rate, busy) = (self.datagrams as f64 / seconds, cpu.as_secs_f64() / seconds);
        let a_turn = self.datagrams as f64 / f64::from(self.turns.max(1));
        match self.mode {
            Mode::Gathering { before, doubts } if rate < KEPT * before => {
                self.mode = Mode::Gathering { before, doubts: doubts + 1 };
                if doubts + 1 >= DOUBTS {
                    let [_, most] = PATIENCE;
                    (self.mode, self.patience) = (Mode::AtOnce, self.next_patience);
                    self.next_patience = (2 * self.next_patience).min(most);
                }
            }
            Mode::Gathering { .. } if busy < IDLE => self.mode = Mode::AtOnce,
            Mode::Gathering { before, doubts } => {
                self.mode = Mode::Gathering { before, doubts: 0 };
                if doubts == 0 {
                    [self.next_patience, _] = PATIENCE;
                }
            }
            Mode::AtOnce if self.patience > 0 => self.patience -= 1,
            Mode::AtOnce if busy >= BUSY && a_turn >= BEHIND => {
                self.mode = Mode::Gathering { before: rate, doubts: 1 };
            }
            Mode::AtOnce => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REST: Duration = Duration::from_micros(50);

    /// A worker before its clients: what it decides, and the time that all take.
    struct Model {
        gather: Gather,
        time: f64,
        cpu: f64,
        /// Microseconds that a turn and a datagram take.
        turn: f64,
        each: f64,
    }

    impl Model {
        fn new(rest: Duration) -> Model {
            Model { gather: Gather::new(rest), time: 0.0, cpu: 0.0, turn: 5.0, each: 1.5 }
        }

        /// One turn: `arrived(since, time)` says how many datagrams came since the last was begun. Gives how many it
        /// took, and whether it rested.
        fn turn(&mut self, arrived: impl Fn(f64) -> f64, since: &mut f64) -> (usize, bool) {
            // With nothing there it sleeps until something is.
            while arrived(self.time) - *since < 1.0 {
                self.time += 1.0;
            }
            let waiting = (arrived(self.time) - *since).floor().min(64.0);
            *since += waiting;
            let work = self.turn + self.each * waiting;
            (self.time, self.cpu) = (self.time + work, self.cpu + work);
            let micros = |value: f64| Duration::from_secs_f64(value / 1e6);
            let clocks = Clocks { time: micros(self.time), cpu: micros(self.cpu) };
            let rest = self.gather.after(waiting as usize, || clocks);
            self.time += rest.map_or(0.0, |rest| rest.as_secs_f64() * 1e6);
            (waiting as usize, rest.is_some())
        }

        /// Turns with so many datagrams a microsecond, whatever becomes of them.
        fn open(&mut self, rate: f64, turns: usize) -> (f64, f64) {
            let (start, mut since) = (self.time, 0.0);
            let turns: Vec<_> =
                (0..turns).map(|_| self.turn(|time| (time - start) * rate, &mut since)).collect();
            shares(&turns)
        }

        /// Turns with clients of which so many wait for their answers, for some microseconds each.
        fn closed(&mut self, clients: usize, pause: f64, turns: usize) -> (f64, f64) {
            let mut done = Vec::new();
            for _ in 0..turns {
                self.time += pause;
                let work = self.turn + self.each * clients as f64;
                (self.time, self.cpu) = (self.time + work, self.cpu + work);
                let micros = |value: f64| Duration::from_secs_f64(value / 1e6);
                let clocks = Clocks { time: micros(self.time), cpu: micros(self.cpu) };
                let rest = self.gather.after(clients, || clocks);
                self.time += rest.map_or(0.0, |rest| rest.as_secs_f64() * 1e6);
                done.push((clients, rest.is_some()));
            }
            shares(&done)
        }
    }

    /// Datagrams a turn, and the share of turns that it rested after.
    fn shares(turns: &[(usize, bool)]) -> (f64, f64) {
        let count = turns.len() as f64;
        let rested = turns.iter().filter(|(_, rested)| *rested).count();
        (turns.iter().map(|(datagrams, _)| *datagrams as f64).sum::<f64>() / count, rested as f64 / count)
    }

    #[test]
    fn busy_worker_rests_and_takes_more_at_once() {
        let mut model = Model::new(REST);
        let (few, _) = Model::new(Duration::ZERO).open(0.3, 10_000);
        let (many, rested) = model.open(0.3, 10_000);
        assert!(rested > 0.9 && many > 3.0 * few, "{few} {many} {rested}");
        // And stops when it is not busy any more.
        model.open(0.02, 1_000);
        assert_eq!((1.0, 0.0), model.open(0.02, 1_000));
    }

    #[test]
    fn worker_that_keeps_up_takes_datagrams_at_once() {
        for rate in [0.001, 0.05, 0.15] {
            assert_eq!(0.0, Model::new(REST).open(rate, 10_000).1, "{rate}");
        }
        assert_eq!(0.0, Model::new(Duration::ZERO).open(0.3, 10_000).1, "switched off");
    }

    #[test]
    fn full_batches_need_no_rest() {
        // More than it can do: what waits grows.
        let mut model = Model::new(REST);
        model.open(1.0, 200);
        let (_, rested) = model.open(1.0, 1_000);
        assert!(rested < 0.01, "{rested}");
    }

    #[test]
    fn few_clients_that_wait_for_their_answers_are_hardly_kept_waiting() {
        for clients in [3, 4, 8] {
            let mut model = Model::new(REST);
            let (_, rested) = model.closed(clients, 1.0, 50_000);
            assert!(rested < 0.02, "{clients}: {rested}");
            // With many, the others ask while one is answered.
            let (_, rested) = model.open(0.3, 1_000_000);
            assert!(rested > 0.5, "{rested}");
        }
    }

    #[test]
    fn pause_of_the_clients_ends_it() {
        let mut model = Model::new(REST);
        model.open(0.3, 1_000);
        let clocks = Clocks { time: Duration::ZERO, cpu: Duration::ZERO };
        assert_eq!(None, model.gather.after(0, || clocks));
        assert_eq!(None, model.gather.after(3, || clocks));
    }
}
