//! What came of many questions, as columns.

use std::collections::HashMap;
use std::time::Duration;

use numdip_core::exchange::{End, Network, Outcome, Why, rcode_name};
use numdip_core::number::Number;

//----------- RowOutcome -----------------------------------------------------

/// How a question ended, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum RowOutcome {
    /// Its row was not reached.
    Open,
    /// Records that name a network, or give a URI.
    Found,
    /// The number exists and has no records.
    NoData,
    /// The number does not exist.
    NxDomain,
    /// The servers refuse to say.
    Refused,
    /// The servers could not find out.
    ServFail,
    /// Another response code.
    Failed,
    /// Records came, and none could be read.
    Unreadable,
    /// Nobody answered in time.
    Timeout,
    /// Nobody could be asked.
    Unreachable,
    /// The row holds no number.
    Invalid,
}

impl RowOutcome {
    /// All, each at the place that its value is.
    pub const ALL: [Self; 11] = [
        Self::Open,
        Self::Found,
        Self::NoData,
        Self::NxDomain,
        Self::Refused,
        Self::ServFail,
        Self::Failed,
        Self::Unreadable,
        Self::Timeout,
        Self::Unreachable,
        Self::Invalid,
    ];

    /// The word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Found => "found",
            Self::NoData => "nodata",
            Self::NxDomain => "nxdomain",
            Self::Refused => "refused",
            Self::ServFail => "servfail",
            Self::Failed => "failed",
            Self::Unreadable => "unreadable",
            Self::Timeout => "timeout",
            Self::Unreachable => "unreachable",
            Self::Invalid => "invalid",
        }
    }

    fn of_rcode(rcode: u16) -> Self {
        match rcode {
            2 => Self::ServFail,
            3 => Self::NxDomain,
            5 => Self::Refused,
            _ => Self::Failed,
        }
    }
}

//----------- Columns of texts -----------------------------------------------

/// A column of few texts, each kept once: for each row a place among them, or -1.
#[derive(Clone, Debug, Default)]
pub struct Words {
    /// Places.
    pub keys: Vec<i32>,
    /// The texts.
    pub words: Vec<Box<str>>,
    known: HashMap<Box<str>, i32>,
}

impl Words {
    fn new(rows: usize) -> Self {
        Self { keys: vec![-1; rows], ..Self::default() }
    }

    fn set(&mut self, row: usize, word: &str) {
        let key = match self.known.get(word) {
            Some(key) => *key,
            None => {
                let key = self.words.len() as i32;
                self.words.push(word.into());
                self.known.insert(word.into(), key);
                key
            }
        };
        if let Some(slot) = self.keys.get_mut(row) {
            *slot = key;
        }
    }

    /// The text of a row.
    pub fn get(&self, row: usize) -> Option<&str> {
        let key = usize::try_from(*self.keys.get(row)?).ok()?;
        self.words.get(key).map(AsRef::as_ref)
    }
}

/// A column of texts that mostly differ, which come in any order.
#[derive(Clone, Debug, Default)]
pub struct Texts {
    /// For each row where its text begins and how long it is; none of it for none.
    places: Vec<(u64, u32)>,
    text: String,
}

impl Texts {
    fn new(rows: usize) -> Self {
        Self { places: vec![(u64::MAX, 0); rows], text: String::new() }
    }

    fn set(&mut self, row: usize, text: &str) {
        if let (Some(place), Ok(length)) = (self.places.get_mut(row), u32::try_from(text.len())) {
            *place = (self.text.len() as u64, length);
            self.text.push_str(text);
        }
    }

    /// The texts by row.
    pub fn iter(&self) -> impl Iterator<Item = Option<&str>> {
        self.places.iter().map(|(start, length)| {
            let start = usize::try_from(*start).ok().filter(|start| *start <= self.text.len())?;
            self.text.get(start..start + *length as usize)
        })
    }
}

//----------- Rows -----------------------------------------------------------

/// A value for each question in each column, in the order of the questions.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs, reason = "the names are those of an answer's fields")]
pub struct Rows {
    /// [`RowOutcome`], as its number.
    pub outcomes: Vec<u8>,
    pub rcode: Words,
    pub mcc: Words,
    pub mnc: Words,
    pub spid: Words,
    pub rn: Words,
    pub rn_context: Words,
    /// 1 if the portability database was asked already, 0 if not, and 2 where there is no answer.
    pub npdi: Vec<u8>,
    /// What the rule gave: a URI, or pairs without a scheme.
    pub output: Texts,
    /// What else there is to say: extended errors, what servers did, why records could not be read.
    pub detail: Texts,
    /// `u32::MAX` where there is none.
    pub ttl: Vec<u32>,
    /// Which server; `u16::MAX` where none answered.
    pub server: Vec<u16>,
    /// How long its answer took; `u32::MAX` where none answered.
    pub microseconds: Vec<u32>,
    /// Whether escapes were read leniently.
    pub lenient: Vec<bool>,
}

impl Rows {
    pub(crate) fn new(rows: usize) -> Self {
        Self {
            outcomes: vec![RowOutcome::Open as u8; rows],
            rcode: Words::new(rows),
            mcc: Words::new(rows),
            mnc: Words::new(rows),
            spid: Words::new(rows),
            rn: Words::new(rows),
            rn_context: Words::new(rows),
            npdi: vec![2; rows],
            output: Texts::new(rows),
            detail: Texts::new(rows),
            ttl: vec![u32::MAX; rows],
            server: vec![u16::MAX; rows],
            microseconds: vec![u32::MAX; rows],
            lenient: vec![false; rows],
        }
    }

    /// A row that holds no number.
    pub(crate) fn set_invalid(&mut self, row: usize) {
        self.set_outcome(row, RowOutcome::Invalid);
    }

    fn set_outcome(&mut self, row: usize, outcome: RowOutcome) {
        set(&mut self.outcomes, row, outcome as u8);
    }

    /// Takes what came of a row's question; gives whether a server answered.
    pub(crate) fn set(&mut self, row: usize, number: Number, outcome: &Outcome, lenient: bool) -> RowOutcome {
        let told = self.read(row, number, outcome, lenient);
        self.set_outcome(row, told);
        told
    }

    fn read(&mut self, row: usize, number: Number, outcome: &Outcome, lenient: bool) -> RowOutcome {
        let (reply, peer, took) = match &outcome.end {
            End::Reply { reply, peer, took, .. } => (reply, *peer, *took),
            End::Silence => {
                self.tell_failures(row, outcome);
                return RowOutcome::Timeout;
            }
            End::Unreachable => {
                self.tell_failures(row, outcome);
                return RowOutcome::Unreachable;
            }
        };
        self.rcode.set(row, &reply.rcode_name());
        set(&mut self.server, row, u16::try_from(peer).unwrap_or(u16::MAX));
        set(&mut self.microseconds, row, u32::try_from(took.as_micros()).unwrap_or(u32::MAX));
        if !reply.extended.is_empty() {
            let told: Vec<String> = reply
                .extended
                .iter()
                .map(|(code, text)| format!("EDE {code} {text}").trim_end().to_owned())
                .collect();
            self.detail.set(row, &told.join("; "));
        }
        // Records count beside any response code: some suppliers refuse and say why in one.
        let found = Network::read(reply, &number.aus(), lenient);
        if let Some(Ok(network)) = &found {
            self.set_network(row, network);
        }
        match (found, reply.rcode) {
            (Some(Ok(_)), 0) => RowOutcome::Found,
            (Some(Err(fault)), 0) => {
                self.detail.set(row, &fault.to_string());
                RowOutcome::Unreadable
            }
            (None, 0) => RowOutcome::NoData,
            (_, rcode) => RowOutcome::of_rcode(rcode),
        }
    }

    fn set_network(&mut self, row: usize, network: &Network) {
        for (column, name) in [
            (&mut self.mcc, "mcc"),
            (&mut self.mnc, "mnc"),
            (&mut self.spid, "spid"),
            (&mut self.rn, "rn"),
            (&mut self.rn_context, "rn-context"),
        ] {
            if let Some(value) = network.value(name) {
                column.set(row, value);
            }
        }
        set(&mut self.npdi, row, u8::from(network.npdi()));
        self.output.set(row, &network.output);
        set(&mut self.ttl, row, network.ttl);
        set(&mut self.lenient, row, network.lenient);
    }

    fn tell_failures(&mut self, row: usize, outcome: &Outcome) {
        let mut told: Vec<String> = Vec::new();
        for failure in &outcome.failures {
            let text = format!("server {}: {}", failure.peer + 1, why(&failure.why));
            if !told.contains(&text) {
                told.push(text);
            }
        }
        self.detail.set(row, &told.join("; "));
    }
}

fn set<T>(column: &mut [T], row: usize, value: T) {
    if let Some(slot) = column.get_mut(row) {
        *slot = value;
    }
}

/// What a server did instead of giving an answer, in words.
pub fn why(why: &Why) -> String {
    match why {
        Why::Silent(waited) => format!("no answer within {} s", seconds(*waited)),
        Why::Rcode(rcode) => rcode_name(*rcode),
        Why::Failed(text) => text.clone(),
        Why::Paced => "its rate leaves no time for the question".to_owned(),
    }
}

/// Seconds with no more digits than say something.
fn seconds(duration: Duration) -> String {
    let text = format!("{:.6}", duration.as_secs_f64());
    // Three digits that count are enough.
    let rounded = match duration.as_secs_f64() {
        seconds if seconds >= 0.01 => format!("{seconds:.3}"),
        _ => text,
    };
    rounded.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_outcome_has_its_place_and_a_word_of_its_own() {
        let words: std::collections::HashSet<&str> =
            RowOutcome::ALL.iter().map(|outcome| outcome.name()).collect();
        assert_eq!(RowOutcome::ALL.len(), words.len());
        for (place, outcome) in RowOutcome::ALL.iter().enumerate() {
            assert_eq!(place, *outcome as usize);
        }
    }

    #[test]
    fn times_are_told_as_people_write_them() {
        for (milliseconds, text) in
            [(1000.0, "1"), (200.0, "0.2"), (50.0, "0.05"), (2500.0, "2.5"), (1.25, "0.00125"), (0.0, "0")]
        {
            assert_eq!(text, seconds(Duration::from_secs_f64(milliseconds / 1000.0)));
        }
    }

    #[test]
    fn texts_come_in_any_order() {
        let mut texts = Texts::new(4);
        for (row, text) in [(2, "two"), (0, ""), (3, "three")] {
            texts.set(row, text);
        }
        assert_eq!(vec![Some(""), None, Some("two"), Some("three")], texts.iter().collect::<Vec<_>>());
        let mut words = Words::new(3);
        for (row, word) in [(2, "a"), (0, "a")] {
            words.set(row, word);
        }
        assert_eq!(
            (Some("a"), None, Some("a"), 1),
            (words.get(0), words.get(1), words.get(2), words.words.len())
        );
    }
}
