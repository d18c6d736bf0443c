//! When a worker lets datagrams gather before it takes them.
//!
//! A worker that takes what is there at once takes little at once under load: a few datagrams for two system calls,
//! and answers that could have left together leave by themselves. A rest of some microseconds makes larger batches,
//! as network cards do it with their interrupts, and an answer costs a quarter to a third less. Elsewhere a rest
//! is nothing but latency: so it is made only where a worker is busy and falls behind, and as long as not many
//! fewer datagrams come for it.

use std::time::Duration;

/// Batches after which a worker looks at what it did: a millisecond of a busy one, some more if it rests.
const LOOK: usize = 64;

/// Batches of a look in doubt: the first one after it began, and those after one that spoke against it.
const TRIAL: usize = 16;

/// It begins where a worker is busy for this share of its time at least, …
const BUSY: f64 = 0.7;

/// … and takes so many datagrams a batch: more come while it is at work on those that it has.
const BEHIND: f64 = 2.5;

/// It ends where less than this share of the datagrams comes that came before: then clients wait for answers before
/// they ask again, and are few. One look may be chance, or the machine's.
const KEPT: f64 = 0.75;

/// Doubts that end it. It begins with one.
const DOUBTS: u32 = 3;

/// Looks after which it is tried anew, some tenths of a second: what came before it began says little by then.
const STINT: u32 = 32;

/// Looks before it is tried again after it was ended; twice as many each time, up to the second number.
const PATIENCE: [u32; 2] = [32, 256];

/// Datagrams of a batch that need not be more.
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
    batches: usize,
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
    /// Lets datagrams gather; so many a second came before, and so many looks spoke for it.
    Gathering { before: f64, doubts: u32, looks: u32 },
}

impl Gather {
    /// With rests of this length; none if it is zero.
    pub(crate) fn new(rest: Duration) -> Gather {
        let [patience, _] = PATIENCE;
        Gather {
            rest,
            began: None,
            batches: 0,
            datagrams: 0,
            mode: Mode::AtOnce,
            patience: 0,
            next_patience: patience,
        }
    }

    /// How long to rest after a turn, which took so many batches with so many datagrams, if at all.
    #[inline]
    pub(crate) fn after(
        &mut self,
        batches: usize,
        datagrams: usize,
        clocks: impl FnOnce() -> Clocks,
    ) -> Option<Duration> {
        if self.rest.is_zero() {
            return None;
        }
        if datagrams == 0 {
            // The clients have paused: what came before says nothing.
            *self = Gather::new(self.rest);
            return None;
        }
        self.batches += batches;
        self.datagrams += datagrams;
        let look = if matches!(self.mode, Mode::Gathering { doubts: 1.., .. }) { TRIAL } else { LOOK };
        if self.began.is_none() || self.batches >= look {
            let now = clocks();
            if let Some(began) = self.began.replace(now) {
                self.look(now.time.saturating_sub(began.time), now.cpu.saturating_sub(began.cpu));
            }
            (self.batches, self.datagrams) = (0, 0);
        }
        (self.mode != Mode::AtOnce && datagrams < MANY * batches).then_some(self.rest)
    }

    /// Looks at the batches of some time.
    fn look(&mut self, time: Duration, cpu: Duration) {
        let seconds = time.as_secs_f64().max(1e-9);
        let (rate, busy) = (self.datagrams as f64 / seconds, cpu.as_secs_f64() / seconds);
        let a_batch = self.datagrams as f64 / self.batches.max(1) as f64;
        match self.mode {
            Mode::Gathering { before, doubts, looks } if rate < KEPT * before => {
                self.mode = Mode::Gathering { before, doubts: doubts + 1, looks };
                if doubts + 1 >= DOUBTS {
                    let [_, most] = PATIENCE;
                    (self.mode, self.patience) = (Mode::AtOnce, self.next_patience);
                    self.next_patience = (2 * self.next_patience).min(most);
                }
            }
            Mode::Gathering { looks: STINT.., .. } => {
                self.mode = Mode::AtOnce;
                [self.next_patience, _] = PATIENCE;
            }
            Mode::Gathering { before, looks, .. } => {
                self.mode = Mode::Gathering { before, doubts: 0, looks: looks + 1 };
            }
            Mode::AtOnce if self.patience > 0 => self.patience -= 1,
            Mode::AtOnce if busy >= BUSY && a_batch >= BEHIND => {
                self.mode = Mode::Gathering { before: rate, doubts: 1, looks: 0 };
            }
            Mode::AtOnce => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;

    const REST: Duration = Duration::from_micros(50);

    /// Microseconds that a batch and each of its datagrams take.
    const BATCH: f64 = 5.0;
    const EACH: f64 = 1.5;

    /// Where datagrams come from.
    #[derive(Clone, Copy, Debug)]
    enum Clients {
        /// So many a microsecond, whatever becomes of them, so many together.
        Open(f64, usize),
        /// So many clients, each of which asks again so many microseconds after it is answered.
        Closed(usize, f64),
    }

    /// A worker before its clients. Times are microseconds.
    struct Model {
        gather: Gather,
        time: f64,
        cpu: f64,
    }

    /// What some turns came to: datagrams and CPU time for each microsecond, and the share of turns with a rest.
    #[derive(Debug)]
    struct Outcome {
        rate: f64,
        cpu_each: f64,
        rested: f64,
    }

    impl Model {
        fn new(rest: Duration) -> Model {
            Model { gather: Gather::new(rest), time: 0.0, cpu: 0.0 }
        }

        fn serve(&mut self, clients: Clients, turns: usize) -> Outcome {
            let (start, cpu_before) = (self.time, self.cpu);
            let (mut sum, mut rested) = (0, 0);
            // When those that were sent and not taken come, in order.
            let mut under_way = VecDeque::new();
            let mut bursts = 0.0;
            if let Clients::Closed(count, _) = clients {
                under_way.extend(std::iter::repeat_n(start, count));
            }
            for _ in 0..turns {
                if let Clients::Open(rate, together) = clients {
                    while under_way.back().is_none_or(|last| *last <= self.time) {
                        bursts += 1.0;
                        under_way
                            .extend(std::iter::repeat_n(start + bursts * together as f64 / rate, together));
                    }
                }
                self.time = self.time.max(under_way[0]);
                let there = under_way.iter().take_while(|due| **due <= self.time).take(64).count();
                under_way.drain(..there);
                let work = BATCH + EACH * there as f64;
                (self.time, self.cpu) = (self.time + work, self.cpu + work);
                if let Clients::Closed(_, pause) = clients {
                    under_way.extend(std::iter::repeat_n(self.time + pause, there));
                }
                let [time, cpu] = [self.time, self.cpu].map(|micros| Duration::from_secs_f64(micros / 1e6));
                let rest = self.gather.after(1, there, || Clocks { time, cpu });
                self.time += rest.map_or(0.0, |rest| rest.as_secs_f64() * 1e6);
                sum += there;
                rested += usize::from(rest.is_some());
            }
            Outcome {
                rate: sum as f64 / (self.time - start),
                cpu_each: (self.cpu - cpu_before) / sum as f64,
                rested: rested as f64 / turns as f64,
            }
        }
    }

    #[test]
    fn busy_worker_rests_and_an_answer_costs_less() {
        let busy = Clients::Open(0.3, 1);
        let (with, without) =
            (Model::new(REST).serve(busy, 20_000), Model::new(Duration::ZERO).serve(busy, 20_000));
        assert!(with.rested > 0.8 && without.rested == 0.0, "{with:?}");
        assert!(with.cpu_each < 0.7 * without.cpu_each, "{with:?} {without:?}");
        assert!(with.rate > 0.99 * without.rate, "{with:?} {without:?}");
    }

    #[test]
    fn worker_that_keeps_up_takes_datagrams_at_once() {
        for clients in [
            Clients::Open(0.001, 1),
            Clients::Open(0.05, 1),
            Clients::Open(0.15, 1),
            // Several at once, and time enough behind them.
            Clients::Open(0.1, 8),
            Clients::Closed(8, 50.0),
        ] {
            let found = Model::new(REST).serve(clients, 20_000);
            assert_eq!(0.0, found.rested, "{clients:?}");
        }
    }

    #[test]
    fn it_ends_with_the_load() {
        for then in [0.02, 0.12] {
            let mut model = Model::new(REST);
            model.serve(Clients::Open(0.3, 1), 20_000);
            model.serve(Clients::Open(then, 1), 3 * LOOK * STINT as usize);
            let found = model.serve(Clients::Open(then, 1), 20_000);
            assert_eq!(0.0, found.rested, "{then}");
        }
    }

    #[test]
    fn full_batches_need_no_rest() {
        // More than it can do: what waits grows.
        let found = Model::new(REST).serve(Clients::Open(1.0, 1), 20_000);
        assert!(found.rested < 0.01, "{found:?}");
    }

    #[test]
    fn clients_that_wait_for_their_answers_are_not_kept_waiting() {
        for count in [3, 4, 8, 16, 20, 31, 48, 100] {
            for pause in [1.0, 10.0, 21.0, 40.0] {
                let clients = Clients::Closed(count, pause);
                let without = Model::new(Duration::ZERO).serve(clients, 40_000);
                let mut later = Model::new(REST);
                later.serve(Clients::Open(0.3, 1), 20_000);
                for mut model in [Model::new(REST), later] {
                    model.serve(clients, 20_000);
                    let with = model.serve(clients, 40_000);
                    let least = if count <= 16 { 0.95 } else { KEPT };
                    assert!(with.rate > least * without.rate, "{clients:?}: {with:?} {without:?}");
                }
            }
        }
    }

    #[test]
    fn silence_ends_it() {
        let mut model = Model::new(REST);
        model.serve(Clients::Open(0.3, 1), 1_000);
        let clocks = Clocks { time: Duration::ZERO, cpu: Duration::ZERO };
        assert_eq!(None, model.gather.after(1, 0, || clocks));
        assert_eq!(None, model.gather.after(1, 3, || clocks));
    }
}
