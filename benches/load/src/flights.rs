//! Queries under way on one socket, by their ids.

/// Ids that there are.
const IDS: usize = 1 << 16;

/// How many holders of an id are remembered. At 160,000 queries a second on one socket ids come round within
/// 0.4 s, and a machine may stand still for longer than that.
const EARLIER: usize = 4;

/// The queries of one socket that wait for their answers; ids are given in turn.
pub struct Flights {
    entries: Vec<Flight>,
    /// Ids given so far; the next id is its low octets.
    next: u64,
    /// All before this one have landed or are lost.
    oldest: u64,
    waiting: usize,
}

/// A query under way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Flight {
    /// The query's place in its file.
    pub query: usize,
    /// When it was sent, or was to be sent.
    pub sent: u64,
    /// The queries that had its id before, the last one first.
    earlier: [Option<usize>; EARLIER],
    id: u16,
    waiting: bool,
}

impl Flights {
    /// For so many under way at most. The older ones are lost when more are sent.
    pub fn new(most: usize) -> Flights {
        let size = most.next_power_of_two().min(IDS);
        Flights { entries: vec![Flight::default(); size], next: 0, oldest: 0, waiting: 0 }
    }

    /// How many wait for their answers.
    pub fn waiting(&self) -> usize {
        self.waiting
    }

    /// Whether the next query would take the place of one that waits.
    pub fn is_full(&self) -> bool {
        let place = self.next as usize & (self.entries.len() - 1);
        self.entries[place].waiting
    }

    /// Gives the id for a query sent now, and whether an older one that had its place is lost.
    pub fn launch(&mut self, query: usize, sent: u64) -> (u16, bool) {
        let id = self.next as u16;
        let lost = self.next - self.oldest == self.entries.len() as u64 && self.forget_oldest();
        let entry = self.entry(self.next);
        let mut earlier = entry.earlier;
        if self.next >= self.entries.len() as u64 {
            earlier.rotate_right(1);
            earlier[0] = Some(self.entry(self.next).query);
        }
        *self.entry(self.next) = Flight { query, sent, earlier, id, waiting: true };
        self.next += 1;
        self.waiting += 1;
        (id, lost)
    }

    /// Gives the query that an answer's id is for; `None` if none waits for it, or if it `is_for` one that had
    /// its place before and is lost by now.
    pub fn land(&mut self, id: u16, is_for: impl Fn(usize) -> bool) -> Option<Flight> {
        let entry = self.entry(id.into());
        let flight = *entry;
        let is_late = || !is_for(flight.query) && flight.earlier.iter().flatten().any(|query| is_for(*query));
        if !flight.waiting || flight.id != id || is_late() {
            return None;
        }
        entry.waiting = false;
        self.waiting -= 1;
        Some(flight)
    }

    /// Gives up all that were sent before a time, and says how many.
    pub fn give_up(&mut self, before: u64) -> u64 {
        let mut lost = 0;
        while self.oldest < self.next {
            let entry = *self.entry(self.oldest);
            if entry.waiting && entry.sent >= before {
                break;
            }
            lost += u64::from(self.forget_oldest());
        }
        lost
    }

    /// Says whether the oldest was waiting.
    fn forget_oldest(&mut self) -> bool {
        let oldest = self.oldest;
        self.oldest += 1;
        let was_waiting = std::mem::take(&mut self.entry(oldest).waiting);
        self.waiting -= usize::from(was_waiting);
        was_waiting
    }

    fn entry(&mut self, number: u64) -> &mut Flight {
        let place = number as usize & (self.entries.len() - 1);
        &mut self.entries[place]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_full_until_the_query_whose_place_is_next_has_landed() {
        let mut flights = Flights::new(4);
        let ids: Vec<u16> = (0..4).map(|query| flights.launch(query, 0).0).collect();
        assert!(flights.is_full());
        flights.land(ids[1], |_| true);
        assert!(flights.is_full());
        flights.land(ids[0], |_| true);
        assert!(!flights.is_full());
    }

    #[test]
    fn each_answer_finds_its_query_once() {
        let mut flights = Flights::new(64);
        let ids: Vec<u16> = (0..50).map(|query| flights.launch(query, 0).0).collect();
        for (query, &id) in ids.iter().enumerate().rev() {
            assert_eq!(Some(query), flights.land(id, |_| true).map(|flight| flight.query));
            assert_eq!(None, flights.land(id, |_| true));
        }
        assert_eq!(0, flights.waiting());
        assert_eq!(0, flights.give_up(u64::MAX));
        assert_eq!(None, flights.land(50, |_| true));
    }

    #[test]
    fn late_answers_are_nobodys() {
        let mut flights = Flights::new(4);
        let (first, _) = flights.launch(1, 10);
        let (second, _) = flights.launch(2, 20);
        assert_eq!(1, flights.give_up(20));
        assert_eq!(None, flights.land(first, |_| true));
        assert_eq!(Some(2), flights.land(second, |_| true).map(|flight| flight.query));
    }

    #[test]
    fn an_answer_that_comes_after_its_id_was_given_anew_is_nobodys() {
        let mut flights = Flights::new(IDS);
        for query in 0..2 * IDS + 1 {
            flights.launch(query, 0);
        }
        assert_eq!(None, flights.land(0, |query| query == 0), "the last but one that had the id");
        assert_eq!(None, flights.land(0, |query| query == IDS));
        // One that is for none of them is an answer all the same, and a wrong one.
        let landed = flights.land(1, |query| query == 7);
        assert_eq!(Some(IDS + 1), landed.map(|flight| flight.query));
        assert_eq!(Some(2 * IDS), flights.land(0, |query| query == 2 * IDS).map(|flight| flight.query));
    }

    #[test]
    fn more_than_there_is_room_for_loses_the_oldest_that_waits() {
        for most in [4, IDS, 2 * IDS] {
            let size = most.min(IDS);
            let mut flights = Flights::new(most);
            for query in 0..size {
                assert!(!flights.launch(query, 0).1);
            }
            flights.land(1, |_| true);
            assert!(flights.launch(size, 0).1, "the first waits");
            assert!(!flights.launch(size + 1, 0).1, "the second has landed");
            assert_eq!(size, flights.waiting());
            assert_eq!(size as u64, flights.give_up(1));
        }
    }
}
