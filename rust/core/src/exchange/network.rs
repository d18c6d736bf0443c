//! What an answer's records say of a number's network: the URI, and its parameters as text.
//!
//! Providers send `tel:+…;mcc=310;mnc=012`, SIP URIs with parameters on either side of the `@`, and pairs without
//! any scheme (`mcc=604;mnc=001;err=0`). All three are read. Values stay text: MNC `012` is not `12`.

use std::borrow::Cow;
use std::fmt;

use super::reply::Reply;
use crate::ddds::ere::Mode;
use crate::ddds::{Piece, Rule, RuleFault, Skip, Substitution};
use crate::naptr::Naptr;
use crate::uri::check_absolute;

/// The most parameters that are kept of one answer. A regexp of 255 octets has room for no more.
const MAX_PARAMETERS: usize = 128;

/// The most records of one answer whose rules are applied: each may cost some milliseconds.
const MAX_TRIED: usize = 32;

//----------- Network --------------------------------------------------------

/// What an answer says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    /// What the record's rule gave: a URI, or pairs without a scheme.
    pub output: String,
    /// Whether that is an absolute URI.
    pub is_uri: bool,
    /// Names and values in order, names as they stand; a name without a value has none.
    pub parameters: Vec<(String, Option<String>)>,
    /// The record's TTL in seconds.
    pub ttl: u32,
    /// Which of the reply's records it is.
    pub record: usize,
    /// Whether escapes were read that should not have been there: see [`Network::read`].
    pub lenient: bool,
}

impl Network {
    /// Reads the records of `reply` for the number whose Application Unique String is `aus`.
    ///
    /// The first record whose output has parameters counts, or else the first that gives a URI. Records that give
    /// neither are passed over. With `lenient` their rule is read again with one level of escapes less
    /// (`\\` is `\`, `\;` is `;`), as some servers double them, and angle brackets around the output are
    /// left out; [`Network::lenient`] says so.
    ///
    /// `None`: there is no record.
    pub fn read(reply: &Reply, aus: &str, lenient: bool) -> Option<Result<Self, Unreadable>> {
        let mut first: Option<Self> = None;
        let mut fault = None;
        for (place, (ttl, naptr)) in reply.records.iter().enumerate().take(MAX_TRIED) {
            match read_record(naptr, aus, lenient) {
                Ok(network) => {
                    let network = Self { ttl: *ttl, record: place, ..network };
                    if !network.parameters.is_empty() {
                        return Some(Ok(network));
                    }
                    first.get_or_insert(network);
                }
                Err(why) => {
                    fault.get_or_insert(Unreadable { record: place, why });
                }
            }
        }
        match (first, fault) {
            (Some(network), _) => Some(Ok(network)),
            (None, Some(fault)) => Some(Err(fault)),
            (None, None) if reply.unreadable > 0 => Some(Err(Unreadable { record: 0, why: Fault::Data })),
            (None, None) => None,
        }
    }

    /// What a parameter says, whatever the case of its name: `Some(None)`: it is there without a value.
    pub fn parameter(&self, name: &str) -> Option<Option<&str>> {
        self.parameters
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_deref())
    }

    /// What a parameter says that has a value.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.parameter(name).flatten().filter(|value| !value.is_empty())
    }

    /// Whether the number was looked up in a portability database already (RFC 4694 §4): do not ask again.
    pub fn npdi(&self) -> bool {
        self.parameter("npdi").is_some()
    }
}

//----------- Unreadable -----------------------------------------------------

/// Why none of an answer's records could be read; that of the first one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// Which of the reply's records.
    pub record: usize,
    why: Fault,
}

/// Why a record says nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Fault {
    /// Its data is no NAPTR record's.
    Data,
    /// It has no rule: it leads to another name, or to none.
    NoRule,
    Rule(RuleFault),
    Skip(Skip),
    /// Neither a URI nor pairs.
    Output {
        output: Vec<u8>,
        is_escaped: bool,
    },
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "record {}: ", self.record + 1)?;
        match &self.why {
            Fault::Data => f.write_str("its data is no NAPTR record's"),
            Fault::NoRule => {
                f.write_str("it has no rule, so it names no network; follow it to the name it leads to")
            }
            Fault::Rule(fault) => write!(f, "regexp: {fault}"),
            Fault::Skip(skip) => write!(f, "{skip}"),
            Fault::Output { output, is_escaped } => {
                // A wire backslash is shown as one.
                let text = String::from_utf8_lossy(output);
                write!(f, "its output {text} is neither a URI nor pairs such as mcc=310;mnc=012")?;
                match is_escaped {
                    true => f.write_str("; its escapes are doubled, which lenient reading undoes"),
                    false => Ok(()),
                }
            }
        }
    }
}

impl std::error::Error for Unreadable {}

//----------- Reading --------------------------------------------------------

fn read_record(naptr: &Naptr, aus: &str, lenient: bool) -> Result<Network, Fault> {
    if naptr.regexp().is_empty() {
        return Err(Fault::NoRule);
    }
    let strict = output(naptr.regexp(), aus).and_then(|output| told(output, false));
    if strict.is_ok() || !lenient {
        return strict;
    }
    let regexp = without_escapes(naptr.regexp());
    let again = output(&regexp, aus).and_then(|output| {
        let inner = output.strip_prefix(b"<").map(|inner| inner.strip_suffix(b">").unwrap_or(inner));
        told(inner.map(<[u8]>::to_vec).unwrap_or(output), true)
    });
    again.or(strict)
}

/// What a rule gives for a number.
fn output(regexp: &[u8], aus: &str) -> Result<Vec<u8>, Fault> {
    // Nearly all rules are one of two, which need no automaton.
    if let Ok(parts) = Substitution::read(regexp) {
        let groups = match parts.expression {
            b"^(.*)$" => Some(true),
            b"^.*$" => Some(false),
            _ => None,
        };
        if let Some(has_group) = groups {
            let mut output = Vec::with_capacity(parts.replacement.len() + aus.len());
            for piece in parts.pieces() {
                match piece {
                    Piece::Octet(octet) => output.push(octet),
                    Piece::Group(1) if has_group => output.extend_from_slice(aus.as_bytes()),
                    // Such a rule was not read.
                    Piece::Group(_) => {}
                }
            }
            return if output.is_empty() { Err(Fault::Skip(Skip::EmptyOutput)) } else { Ok(output) };
        }
    }
    let rule = Rule::compile(regexp, Mode::Posix).map_err(Fault::Rule)?;
    rule.rewrite(aus.as_bytes()).map_err(Fault::Skip)
}

/// What an output says.
fn told(output: Vec<u8>, lenient: bool) -> Result<Network, Fault> {
    let is_uri = check_absolute(&output).is_ok();
    let text = match String::from_utf8(output) {
        Ok(text) if is_uri || is_pairs(&text) => text,
        Ok(text) => return Err(fault(text.into_bytes())),
        Err(error) => return Err(fault(error.into_bytes())),
    };
    let parameters = if is_uri { of_uri(&text) } else { of_parts(text.split(';')) };
    Ok(Network { output: text, is_uri, parameters, ttl: 0, record: 0, lenient })
}

fn fault(output: Vec<u8>) -> Fault {
    let is_escaped = output.windows(2).any(|pair| matches!(pair, b"\\;" | b"\\\\"));
    Fault::Output { output, is_escaped }
}

/// Whether a text is `name=value` and more of them: all that providers without a scheme send.
fn is_pairs(text: &str) -> bool {
    let is_name = |name: &str| {
        !name.is_empty() && name.bytes().all(|octet| octet.is_ascii_alphanumeric() || b"_-.".contains(&octet))
    };
    let is_value = |value: &str| value.bytes().all(|octet| (0x20..0x7f).contains(&octet) && octet != b'\\');
    let mut parts = text.trim_end_matches(';').split(';');
    parts.next().is_some_and(|first| first.contains('='))
        && text.trim_end_matches(';').split(';').all(|part| match part.split_once('=') {
            Some((name, value)) => is_name(name) && is_value(value),
            None => is_name(part),
        })
}

/// The parameters of a URI: of `sip:user;here@host;and-here?not-here`, of `tel:+1;here`.
fn of_uri(uri: &str) -> Vec<(String, Option<String>)> {
    let rest = uri.split_once(':').map_or("", |(_, rest)| rest);
    let rest = rest.split_once('?').map_or(rest, |(rest, _)| rest);
    let (user, host) = rest.rsplit_once('@').unwrap_or((rest, ""));
    of_parts(user.split(';').skip(1).chain(host.split(';').skip(1)))
}

fn of_parts<'a>(parts: impl Iterator<Item = &'a str>) -> Vec<(String, Option<String>)> {
    let split = |part: &str| match part.split_once('=') {
        Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
        None => (part.to_owned(), None),
    };
    parts.filter(|part| !part.is_empty()).take(MAX_PARAMETERS).map(split).collect()
}

/// The field with one level of escapes less.
fn without_escapes(regexp: &[u8]) -> Cow<'_, [u8]> {
    if !regexp.contains(&b'\\') {
        return Cow::Borrowed(regexp);
    }
    let mut plain = Vec::with_capacity(regexp.len());
    let mut rest = regexp;
    loop {
        rest = match rest {
            [b'\\', escaped @ (b'\\' | b';'), after @ ..] => {
                plain.push(*escaped);
                after
            }
            [octet, after @ ..] => {
                plain.push(*octet);
                after
            }
            [] => return Cow::Owned(plain),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const AUS: &str = "+13392986156";

    fn read(regexp: &str, lenient: bool) -> Result<Network, Unreadable> {
        let naptr = Naptr::new(10, 50, [b"u", b"E2U+pstn:tel", regexp.as_bytes()], ".").unwrap();
        let reply = Reply { records: vec![(3, naptr)], ..Reply::default() };
        Network::read(&reply, AUS, lenient).unwrap()
    }

    #[test]
    fn what_providers_send_is_read() {
        for (regexp, output, is_uri, pairs) in [
            (r"!^(.*)$!tel:\1;mcc=310;mnc=012!", "tel:+13392986156;mcc=310;mnc=012", true, "mcc=310 mnc=012"),
            (
                r"!^.*$!tel:+7342;npdi;rn=d2701;rn-context=+7!",
                "tel:+7342;npdi;rn=d2701;rn-context=+7",
                true,
                "npdi rn=d2701 rn-context=+7",
            ),
            (
                r"!^(.*)$!mcc=604;mnc=001;ported=false;err=0!",
                "mcc=604;mnc=001;ported=false;err=0",
                false,
                "mcc=604 mnc=001 ported=false err=0",
            ),
            (
                r"!^.*$!sip:+1;npdi@gw.example;user=phone;cost=0.1?x=1!",
                "sip:+1;npdi@gw.example;user=phone;cost=0.1?x=1",
                true,
                "npdi user=phone cost=0.1",
            ),
            (r"!^\+1(.*)$!tel:\1;q_stat=002!", "tel:3392986156;q_stat=002", true, "q_stat=002"),
        ] {
            let network = read(regexp, false).unwrap();
            assert_eq!((output, is_uri, false), (network.output.as_str(), network.is_uri, network.lenient));
            let told: Vec<String> = network
                .parameters
                .iter()
                .map(|(name, value)| value.as_ref().map_or(name.clone(), |value| format!("{name}={value}")))
                .collect();
            assert_eq!(pairs, told.join(" "));
        }
    }

    #[test]
    fn doubled_escapes_are_read_if_that_is_wanted_and_told() {
        let doubled = r"!^(.*)$!tel:\\1\;mcc=310\;mnc=012!";
        let strict = read(doubled, false).unwrap_err().to_string();
        assert!(strict.contains("lenient"), "{strict}");
        let network = read(doubled, true).unwrap();
        assert!(network.lenient);
        assert_eq!("tel:+13392986156;mcc=310;mnc=012", network.output);
        assert_eq!(Some("012"), network.value("MNC"));
        // What is right is not read otherwise.
        assert!(!read(r"!^(.*)$!tel:\1;mcc=310!", true).unwrap().lenient);
        assert_eq!("TEL:+1", read("!^.*$!<TEL:+1>!", true).unwrap().output);
    }

    #[test]
    fn records_that_say_nothing_are_passed_over() {
        let naptr = |regexp: &str| Naptr::new(1, 1, [b"u", b"", regexp.as_bytes()], ".").unwrap();
        let of = |regexps: &[&str]| {
            let records = regexps.iter().map(|regexp| (3, naptr(regexp))).collect();
            Network::read(&Reply { records, ..Reply::default() }, AUS, false)
        };
        assert_eq!(None, of(&[]));
        assert_eq!(
            3,
            of(&["", "!^44!tel:x!", "!^.*$!sip:a@b!", "!^.*$!tel:+1;mcc=1!"]).unwrap().unwrap().record
        );
        assert_eq!(1, of(&["!", "!^.*$!sip:a@b!", "!^.*$!sip:c@d!"]).unwrap().unwrap().record);
        assert_eq!(0, of(&["!^.*$!no URI!", ""]).unwrap().unwrap_err().record);
        let unreadable = Reply { unreadable: 1, ..Reply::default() };
        assert!(Network::read(&unreadable, AUS, false).unwrap().is_err());
    }

    proptest! {
        #[test]
        fn any_record_is_judged_without_panic(regexp: Vec<u8>, likely in "!\\^\\(\\.\\*\\)\\$!\\PC{0,40}!", lenient: bool) {
            for regexp in [&regexp[..], likely.as_bytes()] {
                let Ok(naptr) = Naptr::new(1, 1, [b"u", b"", regexp], ".") else { continue };
                let reply = Reply { records: vec![(1, naptr)], ..Reply::default() };
                if let Some(Err(fault)) = Network::read(&reply, AUS, lenient) {
                    prop_assert!(fault.to_string().starts_with("record 1: "));
                }
            }
        }

        /// The two rules that need no automaton, beside the automaton.
        #[test]
        fn short_cuts_give_what_rules_give(group: bool, replacement in "([a-z:;=]|\\\\1){0,9}") {
            let expression = if group { "^(.*)$" } else { "^.*$" };
            let regexp = format!("!{expression}!{replacement}!");
            let rule = Rule::compile(regexp.as_bytes(), Mode::Posix).map_err(Fault::Rule);
            let slow = rule.and_then(|rule| rule.rewrite(AUS.as_bytes()).map_err(Fault::Skip));
            prop_assert_eq!(slow, output(regexp.as_bytes(), AUS));
        }
    }
}
