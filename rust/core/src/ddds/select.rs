//! Which record of ENUM to use (RFC 6116 §5.2, §5.2.1), without sockets: names out, record sets in.
//!
//! ```text
//! Walk::new ── Ask(name) ──► answer(records) ── Found(uri) ──► next() … Done
//! ```
//!
//! One record that is of no use never ends the walk: it is noted with the reason, and the next one is
//! judged. A set that a record leads to is gone through where that record stands.

use std::fmt;

use super::ere::Mode;
use super::rule::{Rule, Skip};
use super::substitution::RuleFault;
use crate::naptr::Naptr;
use crate::naptr::services::{Enumservice, Enumservices, ServicesFault};

/// The most records of one walk that may lead on to another name (RFC 6116 §5.2.1).
pub const MAX_HOPS: usize = 5;

//----------- What is wanted -------------------------------------------------

/// The enumservices that a client can use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// All but private ones, which only those on their network may use.
    Any,
    /// These; one without subtypes is wanted with any.
    Some(Vec<Enumservice>),
}

impl Wanted {
    fn takes(&self, service: &Enumservice) -> bool {
        match self {
            Self::Any => !service.is_private(),
            Self::Some(wanted) => wanted.iter().any(|wanted| {
                wanted.kind == service.kind
                    && wanted.subtypes.iter().all(|subtype| service.subtypes.contains(subtype))
            }),
        }
    }
}

//----------- One record -----------------------------------------------------

/// What a record comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Verdict {
    Uri(Found),
    /// The name of the next set.
    Next(String),
}

/// A URI, and what of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The URI.
    pub uri: Vec<u8>,
    /// The wanted enumservices of the record, best first.
    pub services: Vec<Enumservice>,
    /// The record.
    pub record: Naptr,
}

/// Puts a record set in the order in which it is to be gone through: by order, then by preference.
///
/// Equal ones stay as they are: preference is no weight.
pub fn sort(records: &mut [Naptr]) {
    records.sort_by_key(|record| (record.order(), record.preference()));
}

/// Judges one record for a number.
fn judge(record: &Naptr, aus: &[u8], wanted: &Wanted, mode: Mode) -> Result<Verdict, PassedOver> {
    let replacement = record.replacement();
    match record.flags() {
        // In a record that leads on the replacement alone counts, whatever else is in it.
        [] if replacement == "." => return Err(PassedOver::NoReplacement),
        [] => return Ok(Verdict::Next(replacement)),
        [b'u' | b'U'] => {}
        _ => return Err(PassedOver::Flags),
    }
    if replacement != "." {
        return Err(PassedOver::Replacement);
    }
    let mut services = Enumservices::parse(record.services()).map_err(PassedOver::Services)?.services;
    // One that is unknown is left out, not its record.
    services.retain(|service| wanted.takes(service));
    if services.is_empty() {
        return Err(PassedOver::NotWanted);
    }
    let rule = Rule::compile(record.regexp(), mode).map_err(PassedOver::Rule)?;
    let uri = rule.apply(aus).map_err(PassedOver::Output)?;
    Ok(Verdict::Uri(Found { uri, services, record: record.clone() }))
}

/// Why a record was passed over.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PassedOver {
    /// Its flags are neither `u` nor empty.
    Flags,
    /// It gives a URI, and has a replacement too (RFC 3403 §4.1).
    Replacement,
    /// It leads on, but nowhere.
    NoReplacement,
    /// Its services are not ENUM's.
    Services(ServicesFault),
    /// None of its enumservices is wanted.
    NotWanted,
    /// Its regexp is no rule.
    Rule(RuleFault),
    /// Its rule gives no URI for the number.
    Output(Skip),
    /// It leads to a name that was asked for before.
    Loop,
    /// Too many records led on before it.
    TooManyHops,
    /// The set is bound to the order of the record that was accepted (RFC 3403 §4.1).
    OtherOrder,
}

impl fmt::Display for PassedOver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flags => {
                f.write_str("flags: ENUM has u, or none in a record that leads on to another name")
            }
            Self::Replacement => f.write_str("it has a replacement besides flag u: write . there"),
            Self::NoReplacement => {
                f.write_str("without a flag it leads on to its replacement, which is empty")
            }
            Self::Services(fault) => fault.fmt(f),
            Self::NotWanted => f.write_str("none of its enumservices is wanted"),
            Self::Rule(fault) => write!(f, "regexp: {fault}"),
            Self::Output(skip) => skip.fmt(f),
            Self::Loop => f.write_str("it leads to a name that was asked for before"),
            Self::TooManyHops => write!(f, "more than {MAX_HOPS} records lead on to other names"),
            Self::OtherOrder => f.write_str("its order is not that of the record that was accepted"),
        }
    }
}

impl std::error::Error for PassedOver {}

//----------- Walk -----------------------------------------------------------

/// The way through record sets for one number.
#[derive(Clone, Debug)]
pub struct Walk {
    aus: Vec<u8>,
    wanted: Wanted,
    mode: Mode,
    /// The names asked for, in lower case without the final dot. The last may still be open.
    asked: Vec<String>,
    open: bool,
    sets: Vec<Set>,
    passed_over: Vec<(Naptr, PassedOver)>,
}

#[derive(Clone, Debug)]
struct Set {
    /// What is left, the next record last.
    left: Vec<Naptr>,
    /// The order of the record that was judged last.
    order: u16,
    /// Whether other orders are out of bounds.
    bound: bool,
}

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Move {
    /// Ask for the NAPTR records of this name and hand them to [`Walk::answer`].
    Ask(String),
    /// A URI. Going on gives the next best.
    Found(Found),
    /// There is nothing more.
    Done,
}

impl Walk {
    /// Begins at a number's domain.
    pub fn new(aus: &[u8], domain: &str, wanted: Wanted, mode: Mode) -> Self {
        let asked = vec![plain(domain)];
        Self { aus: aus.to_vec(), wanted, mode, asked, open: true, sets: Vec::new(), passed_over: Vec::new() }
    }

    /// Hands in the records of the name that was asked for; none if there are none, or the name does not exist.
    ///
    /// Nothing is done with records that were not asked for.
    pub fn answer(&mut self, mut records: Vec<Naptr>) {
        if !std::mem::take(&mut self.open) {
            return;
        }
        sort(&mut records);
        records.reverse();
        self.sets.push(Set { left: records, order: 0, bound: false });
    }

    /// What to do next.
    pub fn step(&mut self) -> Move {
        if let (true, Some(name)) = (self.open, self.asked.last()) {
            return Move::Ask(format!("{name}."));
        }
        while let Some(set) = self.sets.last_mut() {
            let Some(record) = set.left.pop() else {
                self.sets.pop();
                continue;
            };
            if set.bound && record.order() != set.order {
                self.passed_over.push((record, PassedOver::OtherOrder));
                continue;
            }
            let order = record.order();
            let verdict = judge(&record, &self.aus, &self.wanted, self.mode);
            set.order = order;
            match verdict.and_then(|verdict| self.follow(verdict)) {
                Ok(next) => return next,
                Err(reason) => self.passed_over.push((record, reason)),
            }
        }
        Move::Done
    }

    fn follow(&mut self, verdict: Verdict) -> Result<Move, PassedOver> {
        let name = match verdict {
            Verdict::Uri(found) => return Ok(Move::Found(found)),
            Verdict::Next(name) => plain(&name),
        };
        if self.asked.contains(&name) {
            return Err(PassedOver::Loop);
        }
        // The first name is no hop.
        if self.asked.len() > MAX_HOPS {
            return Err(PassedOver::TooManyHops);
        }
        let next = format!("{name}.");
        self.asked.push(name);
        self.open = true;
        Ok(Move::Ask(next))
    }

    /// Says that the last URI was accepted: from now on only records of the same order are considered.
    pub fn accept(&mut self) {
        self.sets.iter_mut().for_each(|set| set.bound = true);
    }

    /// The names asked for so far, without the final dot.
    pub fn asked(&self) -> &[String] {
        &self.asked
    }

    /// The records passed over so far, with the reason.
    pub fn passed_over(&self) -> &[(Naptr, PassedOver)] {
        &self.passed_over
    }
}

/// A name in lower case without the final dot, so that equal names are equal.
fn plain(name: &str) -> String {
    name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn record(order: u16, flags: &str, regexp: &str, replacement: &str) -> Naptr {
        let strings = [flags.as_bytes(), b"E2U+sip", regexp.as_bytes()];
        Naptr::new(order, 1, strings, replacement).unwrap()
    }

    /// Walks to the end; gives the URIs and how often a name was asked for.
    fn walk(sets: impl Fn(&str) -> Vec<Naptr>) -> (Vec<String>, usize) {
        let mut walk = Walk::new(b"+44", "4.4.e164.arpa.", Wanted::Any, Mode::Posix);
        let mut uris = Vec::new();
        loop {
            match walk.step() {
                Move::Ask(name) => walk.answer(sets(&name)),
                Move::Found(found) => uris.push(String::from_utf8(found.uri).unwrap()),
                Move::Done => return (uris, walk.asked().len()),
            }
        }
    }

    #[test]
    fn a_chain_is_followed_for_five_hops() {
        let chain = |last: usize| {
            walk(|name| match name.strip_prefix('n').and_then(|rest| rest[..1].parse::<usize>().ok()) {
                None => vec![record(1, "", "", "n1.example."), record(2, "u", "!^.*$!sip:last@x!", ".")],
                Some(n) if n == last => vec![record(1, "u", "!^.*$!sip:first@x!", ".")],
                Some(n) => vec![record(1, "", "", &format!("N{}.example.", n + 1))],
            })
        };
        assert_eq!((vec!["sip:first@x".to_owned(), "sip:last@x".to_owned()], 6), chain(5));
        assert_eq!((vec!["sip:last@x".to_owned()], 6), chain(6));
    }

    #[test]
    fn a_name_is_asked_for_once_in_any_case() {
        let (uris, asked) =
            walk(|_| vec![record(1, "", "", "4.4.E164.ARPA."), record(2, "u", "!.*!a:b!", ".")]);
        assert_eq!((vec!["a:b".to_owned()], 1), (uris, asked));
    }

    #[test]
    fn records_that_were_not_asked_for_are_left_alone() {
        let mut walk = Walk::new(b"+44", "4.4.e164.arpa", Wanted::Any, Mode::Posix);
        walk.answer(Vec::new());
        walk.answer(vec![record(1, "u", "!.*!a:b!", ".")]);
        assert_eq!(Move::Done, walk.step());
    }

    proptest! {
        #[test]
        fn a_walk_ends_and_notes_every_record(flags in prop::collection::vec("[us]?", 1..6), targets in prop::collection::vec(0u8..4, 6)) {
            let sets = |_: &str| -> Vec<Naptr> {
                let pairs = flags.iter().zip(&targets);
                pairs.map(|(flags, target)| match flags.as_str() {
                    "" => record(u16::from(*target), "", "", &format!("n{target}.example.")),
                    flags => record(u16::from(*target), flags, "!^.*$!sip:a@x!", "."),
                }).collect()
            };
            let (uris, asked) = walk(sets);
            prop_assert!(asked <= MAX_HOPS + 1);
            let terminal = flags.iter().filter(|flags| *flags == "u").count();
            prop_assert_eq!(terminal * asked, uris.len());
        }
    }
}
