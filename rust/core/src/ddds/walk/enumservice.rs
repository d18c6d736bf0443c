//! Which record of a number to use, by ENUM (RFC 6116 §5.2, §5.2.1).

use super::{Kind, PassedOver, Question, Verdict};
use crate::ddds::Explained;
use crate::ddds::ere::Mode;
use crate::naptr::Naptr;
use crate::naptr::services::{Enumservice, Enumservices};

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

/// A number and what is wanted of it.
#[derive(Clone, Debug)]
pub(super) struct Enumeration {
    pub(super) aus: Vec<u8>,
    pub(super) wanted: Wanted,
    pub(super) mode: Mode,
}

impl Enumeration {
    /// Judges one record: its rule may take these steps, and how it did is left in `explained`.
    pub(super) fn judge(
        &self,
        record: &Naptr,
        steps: &mut usize,
        explained: &mut Option<Explained>,
    ) -> Result<Verdict, PassedOver> {
        let replacement = record.replacement();
        match record.flags() {
            // In a record that leads on the replacement alone counts, whatever else is in it.
            [] if replacement == "." => return Err(PassedOver::NoReplacement),
            [] => {
                let to = Question::new(&replacement, Kind::Naptr);
                return Ok(Verdict::Next { to, protocols: Vec::new() });
            }
            [b'u' | b'U'] => {}
            _ => {
                let expected = "u, or none in a record that leads on to another name";
                return Err(PassedOver::Flags { expected });
            }
        }
        if replacement != "." {
            return Err(PassedOver::Replacement);
        }
        let mut services = Enumservices::parse(record.services()).map_err(PassedOver::Services)?.services;
        // One that is unknown is left out, not its record.
        services.retain(|service| self.wanted.takes(service));
        if services.is_empty() {
            return Err(PassedOver::NotWanted);
        }
        let told =
            Explained::within(record.regexp(), &self.aus, self.mode, steps).map_err(PassedOver::Rule)?;
        let output = explained.insert(told).output.clone();
        let uri = output.map_err(PassedOver::Output)?;
        Ok(Verdict::Uri { uri, services: services.iter().map(ToString::to_string).collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ddds::walk::{Found, MAX_HOPS, Move, Records, Walk};
    use proptest::prelude::*;

    fn record(order: u16, flags: &str, regexp: &str, replacement: &str) -> Naptr {
        let strings = [flags.as_bytes(), b"E2U+sip", regexp.as_bytes()];
        Naptr::new(order, 1, strings, replacement).unwrap()
    }

    /// Walks to the end; gives the URIs and how often a name was asked for.
    fn walk(sets: impl Fn(&str) -> Vec<Naptr>) -> (Vec<String>, usize) {
        let mut walk = Walk::of_number(b"+44", "4.4.e164.arpa.", Wanted::Any, Mode::Posix);
        let mut uris = Vec::new();
        loop {
            match walk.step() {
                Move::Ask(asked) => walk.answer(Records::Naptr(sets(&asked.name))),
                Move::Found(Found::Uri(found)) => uris.push(String::from_utf8(found.uri).unwrap()),
                Move::Found(found) => panic!("{found:?}"),
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
        let mut walk = Walk::of_number(b"+44", "4.4.e164.arpa", Wanted::Any, Mode::Posix);
        let records = vec![record(1, "u", "!.*!a:b!", ".")];
        walk.answer(Records::Naptr(records.clone()));
        assert!(matches!(walk.step(), Move::Ask(_)));
        walk.answer(Records::Address(vec!["192.0.2.1".parse().unwrap()]));
        walk.answer(Records::Naptr(records));
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
