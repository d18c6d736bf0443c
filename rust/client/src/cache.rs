//! Answers kept for their TTL, no more than so many.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use numdip_core::exchange::{End, Outcome, Question};

/// Answers that may be given again.
pub(crate) struct Cache {
    kept: HashMap<Question, Kept>,
    /// Questions in the order in which they came; each once, but perhaps gone already.
    order: VecDeque<Question>,
    capacity: usize,
}

struct Kept {
    outcome: Arc<Outcome>,
    since: Duration,
    until: Duration,
}

impl Cache {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { kept: HashMap::new(), order: VecDeque::new(), capacity }
    }

    /// The answer to a question and for how long it has been kept.
    pub(crate) fn get(&self, question: &Question, now: Duration) -> Option<(Arc<Outcome>, Duration)> {
        let kept = self.kept.get(question).filter(|kept| now < kept.until)?;
        Some((kept.outcome.clone(), now.saturating_sub(kept.since)))
    }

    /// Keeps an outcome if it is an answer that may be kept (RFC 1035 §3.2.1, RFC 2308 §5).
    pub(crate) fn put(&mut self, question: &Question, outcome: &Arc<Outcome>, now: Duration) {
        let End::Reply { reply, .. } = &outcome.end else { return };
        let Some(ttl) = reply.ttl().filter(|ttl| reply.is_answer() && *ttl > 0) else { return };
        if self.capacity == 0 {
            return;
        }
        let until = now.saturating_add(Duration::from_secs(ttl.into()));
        let kept = Kept { outcome: outcome.clone(), since: now, until };
        if self.kept.insert(question.clone(), kept).is_none() {
            self.order.push_back(question.clone());
        }
        // The oldest go first; those that live longest are asked for anew now and then.
        while self.kept.len() > self.capacity {
            match self.order.pop_front() {
                Some(oldest) => self.kept.remove(&oldest),
                None => return,
            };
        }
    }

    /// How many answers are kept.
    pub(crate) fn len(&self) -> usize {
        self.kept.len()
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        self.kept.clear();
        self.order.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use numdip_core::dns::{TYPE_A, Transport};
    use numdip_core::exchange::Reply;

    use super::*;

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn outcome(rcode: u16, ttl: u32) -> Arc<Outcome> {
        let addresses = vec![(ttl, IpAddr::from([192, 0, 2, 1]))];
        let reply = Reply { rcode, addresses, ..Reply::default() };
        let end = End::Reply { reply, peer: 0, transport: Transport::Udp, took: seconds(0) };
        Arc::new(Outcome { end, failures: vec![] })
    }

    fn question(number: u32) -> Question {
        Question::new(&format!("{number}.example"), TYPE_A).unwrap()
    }

    #[test]
    fn answers_are_kept_for_their_ttl() {
        let mut cache = Cache::new(9);
        cache.put(&question(1), &outcome(0, 30), seconds(100));
        cache.put(&question(2), &outcome(0, 0), seconds(100));
        cache.put(&question(3), &outcome(5, 30), seconds(100));
        assert_eq!(Some(seconds(29)), cache.get(&question(1), seconds(129)).map(|(_, age)| age));
        assert!(cache.get(&question(1), seconds(130)).is_none());
        assert!(cache.get(&question(2), seconds(100)).is_none(), "a TTL of 0");
        assert!(cache.get(&question(3), seconds(100)).is_none(), "a refusal");
    }

    #[test]
    fn there_are_never_more_than_so_many() {
        let mut cache = Cache::new(3);
        for number in 0..10 {
            for _ in 0..2 {
                cache.put(&question(number), &outcome(0, 30), seconds(0));
            }
            assert!(cache.len() <= 3 && cache.order.len() <= 3);
        }
        assert!(cache.get(&question(9), seconds(1)).is_some());
        assert!(cache.get(&question(6), seconds(1)).is_none());
        let mut none = Cache::new(0);
        none.put(&question(1), &outcome(0, 30), seconds(0));
        assert_eq!(0, none.len());
    }
}
