//! What is known of each server: how quick it is, whether it answers at all, and what it cannot take.

use std::time::Duration;

//----------- Settings -------------------------------------------------------

/// How servers are asked. Times are durations since whatever moment the caller counts from.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How long one server is waited for.
    pub timeout: Duration,
    /// How long a question may take in all.
    pub deadline: Duration,
    /// Whether the next server is asked as well once this one has taken longer than it usually does.
    pub hedge: bool,
    /// Whether each question begins with another server; or else with the first one that answers.
    pub balanced: bool,
    /// Whether queries have an OPT record.
    pub edns: EdnsUse,
    /// Whether servers are given cookies (RFC 7873); they need EDNS.
    pub cookies: bool,
    /// Questions a second that a server is asked at most.
    pub rate: Option<f64>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            timeout: Duration::from_millis(500),
            deadline: Duration::from_secs(2),
            hedge: true,
            balanced: false,
            edns: EdnsUse::Remembered,
            cookies: true,
            rate: None,
        }
    }
}

/// Whether queries have an OPT record (RFC 6891).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EdnsUse {
    /// Always.
    On,
    /// Never: some servers refuse every additional record.
    Off,
    /// Unless the server was found to refuse it.
    Remembered,
}

/// What is known of a server and EDNS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Edns {
    Unknown,
    Works,
    /// It answers without an OPT record alone; asked with one again at this time.
    Refused {
        until: Duration,
    },
}

/// How many times to answer are remembered.
const SAMPLES: usize = 64;
/// The fewest that say what is usual.
const ENOUGH: u64 = 8;
/// Unanswered questions in a row after which a server may be dead.
const MISSED: u32 = 3;
/// The least time without an answer after which it is.
const SILENCE: Duration = Duration::from_millis(50);
/// Hedges are no closer than this, which is what a busy machine takes to run whoever is ready.
const LEAST_HEDGE: Duration = Duration::from_millis(2);
/// Between two probes of a dead server: at first, and at last.
const PROBE_GAPS: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));
/// How long it is remembered that a server refuses EDNS: it may be replaced by one that does not.
pub(super) const EDNS_MEMORY: Duration = Duration::from_secs(3600);
/// The time whose share of the rate may be asked at once.
const BURST: Duration = Duration::from_millis(10);
/// The most octets of a cookie option (RFC 7873 §4).
const MAX_COOKIE: usize = 40;

//----------- Peer -----------------------------------------------------------

/// One server.
#[derive(Clone, Debug)]
pub struct Peer {
    /// Microseconds, the latest `SAMPLES` of them in a ring.
    samples: [u32; SAMPLES],
    answered: u64,
    asked: u64,
    p95: Option<Duration>,
    /// Questions sent since the last answer, and when the first of them was.
    missed: u32,
    missed_since: Duration,
    dead: Option<Probes>,
    edns: Edns,
    client_cookie: [u8; 8],
    /// Client cookie and the server's behind it, once it gave one.
    cookie: Option<Box<[u8]>>,
    /// When the next question may be sent, if none were sent in a burst.
    paced: Duration,
}

/// When a dead server is asked whether it lives.
#[derive(Clone, Copy, Debug)]
struct Probes {
    next: Duration,
    gap: Duration,
}

/// What is known of a server, for people.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PeerState {
    /// Whether it is asked; a dead server is only probed.
    pub alive: bool,
    /// 95 of 100 answers came within this; `None` while there are too few.
    pub p95: Option<Duration>,
    /// Whether it takes EDNS; `None`: not known.
    pub edns: Option<bool>,
    /// Whether it gave a cookie.
    pub cookie: bool,
    /// Questions sent to it.
    pub asked: u64,
    /// Answers that came from it.
    pub answered: u64,
}

impl Peer {
    fn new(client_cookie: [u8; 8]) -> Self {
        Self {
            samples: [0; SAMPLES],
            answered: 0,
            asked: 0,
            p95: None,
            missed: 0,
            missed_since: Duration::ZERO,
            dead: None,
            edns: Edns::Unknown,
            client_cookie,
            cookie: None,
            paced: Duration::ZERO,
        }
    }

    fn state(&self) -> PeerState {
        PeerState {
            alive: self.dead.is_none(),
            p95: self.p95,
            edns: match self.edns {
                Edns::Unknown => None,
                Edns::Works => Some(true),
                Edns::Refused { .. } => Some(false),
            },
            cookie: self.cookie.is_some(),
            asked: self.asked,
            answered: self.answered,
        }
    }

    fn note_time(&mut self, took: Duration) {
        let place = (self.answered % SAMPLES as u64) as usize;
        if let Some(sample) = self.samples.get_mut(place) {
            *sample = u32::try_from(took.as_micros()).unwrap_or(u32::MAX);
        }
        self.answered += 1;
        // Often at first, later once for each ring's quarter.
        if self.answered >= ENOUGH && (self.answered < SAMPLES as u64 || self.answered % 16 == 0) {
            let mut known = self.samples;
            let count = usize::try_from(self.answered).unwrap_or(SAMPLES).min(SAMPLES);
            if let Some(known) = known.get_mut(..count) {
                let place = (count * 95).div_ceil(100) - 1;
                let (_, p95, _) = known.select_nth_unstable(place);
                self.p95 = Some(Duration::from_micros((*p95).into()));
            }
        }
    }

    fn die(&mut self, now: Duration) {
        self.dead.get_or_insert(Probes { next: now + PROBE_GAPS.0, gap: PROBE_GAPS.0 });
    }
}

//----------- Peers ----------------------------------------------------------

/// All servers, the primary first.
#[derive(Clone, Debug)]
pub struct Peers {
    settings: Settings,
    peers: Vec<Peer>,
    turn: usize,
}

impl Peers {
    /// As many servers as there are client cookies; those must be hard to guess, and no two the same.
    pub fn new(settings: Settings, client_cookies: &[[u8; 8]]) -> Self {
        Self { settings, peers: client_cookies.iter().copied().map(Peer::new).collect(), turn: 0 }
    }

    /// How servers are asked.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// How many servers there are.
    pub fn len(&self) -> usize {
        self.peers.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.peers.is_empty()
    }

    /// What is known of each server.
    pub fn states(&self) -> impl Iterator<Item = PeerState> + '_ {
        self.peers.iter().map(Peer::state)
    }

    //--- What happened

    /// A question was sent.
    pub fn sent(&mut self, peer: usize, now: Duration) {
        let Some(peer) = self.peers.get_mut(peer) else { return };
        peer.asked += 1;
        if peer.missed == 0 {
            peer.missed_since = now;
        }
        peer.missed = peer.missed.saturating_add(1);
    }

    /// A reply came, whatever it says: the server lives.
    pub fn answered(&mut self, peer: usize, sent: Duration, now: Duration) {
        let Some(peer) = self.peers.get_mut(peer) else { return };
        peer.note_time(now.saturating_sub(sent));
        peer.missed = 0;
        peer.dead = None;
    }

    /// Nothing came to a question within the time that one server is waited for.
    pub fn silent(&mut self, peer: usize, sent: Duration, now: Duration) {
        let Some(peer) = self.peers.get_mut(peer) else { return };
        // An answer since then says that it lives, and the question was lost.
        if peer.missed > 0 && peer.missed_since <= sent {
            peer.die(now);
        }
    }

    /// The system says that nothing is there.
    pub fn unreachable(&mut self, peer: usize, now: Duration) {
        if let Some(peer) = self.peers.get_mut(peer) {
            peer.die(now);
        }
    }

    /// A server refused a question with an OPT record and answered it without.
    pub(super) fn refuses_edns(&mut self, peer: usize, now: Duration, memory: Duration) {
        if let Some(peer) = self.peers.get_mut(peer) {
            peer.edns = Edns::Refused { until: now + memory };
        }
    }

    /// A server sent an OPT record.
    pub(super) fn speaks_edns(&mut self, peer: usize) {
        if let Some(peer) = self.peers.get_mut(peer) {
            peer.edns = Edns::Works;
        }
    }

    /// Whether it is not known that a server takes EDNS.
    pub(super) fn is_edns_unknown(&self, peer: usize) -> bool {
        self.peers.get(peer).is_some_and(|peer| peer.edns != Edns::Works)
    }

    //--- Cookies

    /// The cookie to send to a server.
    pub fn cookie(&self, peer: usize) -> Option<&[u8]> {
        let peer = self.peers.get(peer).filter(|_| self.settings.cookies)?;
        Some(peer.cookie.as_deref().unwrap_or(&peer.client_cookie))
    }

    /// Takes the cookie that came with a reply. False: it is not to our query (RFC 7873 §5.3), which makes the
    /// reply a forged one.
    pub fn take_cookie(&mut self, peer: usize, cookie: Option<&[u8]>) -> bool {
        let (true, Some(cookie)) = (self.settings.cookies, cookie) else { return true };
        let Some(peer) = self.peers.get_mut(peer) else { return false };
        if !cookie.starts_with(&peer.client_cookie) {
            return false;
        }
        // A server's part has 8 to 32 octets; others are as if there were none.
        if (16..=MAX_COOKIE).contains(&cookie.len()) && peer.cookie.as_deref() != Some(cookie) {
            peer.cookie = Some(cookie.into());
        }
        true
    }

    //--- What to do

    /// Whether a query to a server has an OPT record.
    pub(super) fn uses_edns(&self, peer: usize, now: Duration) -> bool {
        match self.settings.edns {
            EdnsUse::On => true,
            EdnsUse::Off => false,
            EdnsUse::Remembered => !self
                .peers
                .get(peer)
                .is_some_and(|peer| matches!(peer.edns, Edns::Refused { until } if now < until)),
        }
    }

    /// Which server a question begins with; the others follow in their order.
    pub(super) fn first(&mut self) -> usize {
        if !self.settings.balanced || self.peers.is_empty() {
            return 0;
        }
        self.turn = (self.turn + 1) % self.peers.len();
        self.turn
    }

    /// Whether a server gave no answer to so many questions for so long that it is only probed.
    pub(super) fn is_dead(&mut self, peer: usize, now: Duration) -> bool {
        let longest = self.settings.timeout;
        let Some(peer) = self.peers.get_mut(peer) else { return true };
        let patience = (peer.p95.unwrap_or(longest) * 4).max(SILENCE).min(longest);
        if peer.dead.is_none() && peer.missed >= MISSED && now.saturating_sub(peer.missed_since) > patience {
            peer.die(now);
        }
        peer.dead.is_some()
    }

    /// Whether a dead server is to be probed now; if so, the next probe is due later.
    pub(super) fn takes_probe(&mut self, peer: usize, now: Duration) -> bool {
        let Some(Probes { next, gap }) = self.peers.get_mut(peer).and_then(|peer| peer.dead.as_mut()) else {
            return false;
        };
        if now < *next {
            return false;
        }
        *gap = (*gap * 2).min(PROBE_GAPS.1);
        *next = now + *gap;
        true
    }

    /// How long a server is waited for before the next is asked as well.
    pub(super) fn hedge_delay(&mut self, peer: usize, now: Duration) -> Duration {
        if self.is_dead(peer, now) {
            return Duration::ZERO;
        }
        let usual = self.peers.get(peer).and_then(|peer| peer.p95);
        usual.unwrap_or(self.settings.timeout).max(LEAST_HEDGE).min(self.settings.timeout)
    }

    /// When a server may be asked, by the rate that it is asked at most.
    pub fn opens(&self, peer: usize) -> Duration {
        match (self.settings.rate, self.peers.get(peer)) {
            (Some(_), Some(peer)) => peer.paced.saturating_sub(BURST),
            _ => Duration::ZERO,
        }
    }

    /// When the first server may be asked that a new question would go to.
    pub fn opens_next(&mut self, now: Duration) -> Duration {
        let living: Vec<usize> = (0..self.len()).filter(|peer| !self.is_dead(*peer, now)).collect();
        match (self.settings.balanced, living.first()) {
            // The dead have no share while others live.
            (true, Some(_)) => living.iter().map(|peer| self.opens(*peer)).min().unwrap_or_default(),
            (true, None) => (0..self.len()).map(|peer| self.opens(peer)).min().unwrap_or_default(),
            (false, first) => self.opens(first.copied().unwrap_or(0)),
        }
    }

    /// One question of a server's share of questions is used up.
    pub(super) fn pace(&mut self, peer: usize, now: Duration) {
        let (Some(rate), Some(peer)) = (self.settings.rate, self.peers.get_mut(peer)) else { return };
        let gap = Duration::try_from_secs_f64(1.0 / rate).unwrap_or(Duration::MAX);
        peer.paced = peer.paced.max(now).saturating_add(gap);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn peers(settings: Settings) -> Peers {
        Peers::new(settings, &[[1; 8], [2; 8]])
    }

    #[test]
    fn the_95th_percentile_follows_the_latest_answers() {
        let mut peers = peers(Settings::default());
        let p95 = |peers: &Peers| peers.states().next().and_then(|state| state.p95);
        for time in 1..=7 {
            peers.answered(0, ms(0), ms(time));
        }
        assert_eq!(None, p95(&peers), "seven say nothing yet");
        for time in 8..=20 {
            peers.answered(0, ms(0), ms(time));
        }
        assert_eq!(Some(ms(19)), p95(&peers));
        for _ in 0..80 {
            peers.answered(0, ms(0), ms(40));
        }
        assert_eq!(Some(ms(40)), p95(&peers));
    }

    #[test]
    fn a_server_is_dead_after_some_questions_and_some_time_and_lives_by_one_answer() {
        let mut peers = peers(Settings::default());
        for time in 1..=30 {
            peers.answered(0, ms(0), ms(time.min(5)));
        }
        for time in [100, 101] {
            peers.sent(0, ms(time));
        }
        assert!(!peers.is_dead(0, ms(400)), "two may be lost");
        peers.sent(0, ms(102));
        assert!(!peers.is_dead(0, ms(150)), "not for long");
        assert!(peers.is_dead(0, ms(151)));
        assert!(!peers.takes_probe(0, ms(200)));
        assert!(peers.takes_probe(0, ms(251)));
        assert!(!peers.takes_probe(0, ms(260)), "one at a time");
        peers.answered(0, ms(251), ms(252));
        assert!(!peers.is_dead(0, ms(252)));
    }

    #[test]
    fn a_time_out_counts_only_if_nothing_came_since() {
        let mut peers = peers(Settings::default());
        peers.sent(0, ms(0));
        peers.sent(0, ms(1));
        peers.answered(0, ms(1), ms(2));
        peers.silent(0, ms(0), ms(500));
        assert!(!peers.is_dead(0, ms(500)));
        peers.sent(0, ms(600));
        peers.silent(0, ms(600), ms(1100));
        assert!(peers.is_dead(0, ms(1100)));
    }

    #[test]
    fn the_rate_is_kept_but_for_a_burst() {
        let mut peers = peers(Settings { rate: Some(1000.0), ..Settings::default() });
        let mut now = Duration::ZERO;
        let mut sent = 0;
        while now < ms(1000) {
            if peers.opens(0) <= now {
                peers.pace(0, now);
                sent += 1;
            } else {
                now += ms(1);
            }
        }
        assert!((1000..=1012).contains(&sent), "{sent}");
        assert_eq!(Duration::ZERO, peers.opens(1), "each by itself");
    }

    #[test]
    fn a_cookie_must_begin_with_ours() {
        let mut peers = peers(Settings::default());
        assert_eq!(Some(&[1; 8][..]), peers.cookie(0));
        assert!(peers.take_cookie(0, None));
        assert!(!peers.take_cookie(0, Some(&[2; 16])), "of another server");
        assert!(peers.take_cookie(0, Some(&[1; 16])));
        assert_eq!(Some(&[1; 16][..]), peers.cookie(0));
        assert!(peers.take_cookie(0, Some(&[1; 41])), "too long to be kept");
        assert_eq!(Some(&[1; 16][..]), peers.cookie(0));
    }
}
