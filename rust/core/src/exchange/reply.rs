//! What a server answered to one question.

use std::fmt::Write;
use std::net::IpAddr;

use super::question::{OPTION_COOKIE, Question};
use crate::ddds::Substitution;
use crate::dns::message::{Message, Record, Section};
use crate::dns::name;
use crate::dns::{CLASS_IN, TYPE_A, TYPE_AAAA, TYPE_CNAME, TYPE_NAPTR, TYPE_OPT, TYPE_SOA, TYPE_SRV};
use crate::naptr::Naptr;

/// EDNS option EDE (RFC 8914 §2).
const OPTION_EDE: u16 = 15;
/// Response codes that are answers (RFC 1035 §4.1.1).
const NOERROR: u16 = 0;
const NXDOMAIN: u16 = 3;
/// The most records that are looked at: more than fit in any answer that a number has.
const MAX_RECORDS: usize = 4096;
/// The most extended errors that are kept, and octets of the text of each.
const MAX_EDE: (usize, usize) = (8, 512);
/// How many aliases are followed within an answer.
const MAX_ALIASES: usize = 8;

//----------- Reply ----------------------------------------------------------

/// What a server answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reply {
    /// The response code, extended by EDNS (RFC 6891 §6.1.3).
    pub rcode: u16,
    /// Whether the answer was cut and should be asked for over TCP.
    pub truncated: bool,
    /// TTL in seconds and record, by order and preference.
    pub records: Vec<(u32, Naptr)>,
    /// TTL, then priority, weight, port and target, if SRV records were asked for.
    pub servers: Vec<(u32, u16, u16, u16, String)>,
    /// TTL and address, if addresses were asked for.
    pub addresses: Vec<(u32, IpAddr)>,
    /// Records of the type asked for that could not be read.
    pub unreadable: usize,
    /// Whether there was an OPT record: the server speaks EDNS.
    pub edns: bool,
    /// Extended errors: code and text (RFC 8914).
    pub extended: Vec<(u16, String)>,
    /// The cookie option's octets (RFC 7873 §4).
    pub cookie: Option<Box<[u8]>>,
    /// How long it may be kept that there are no records (RFC 2308 §5); `None`: not at all.
    pub negative_ttl: Option<u32>,
}

impl Reply {
    /// Reads what came back to `question`, which was asked with `message_id`.
    ///
    /// `None`: it is no response to this question – another id, another question, not a response at
    /// all, cut short – and the right one may still come (RFC 5452 §9.1).
    pub fn read(question: &Question, message_id: u16, response: &[u8]) -> Option<Self> {
        let message = Message::read(response)?;
        let [questions, answers, ..] = message.counts();
        // Servers that could not read a question, or would not, may leave it out of an error; an answer never.
        let is_refusal = questions == 0 && answers == 0 && ![NOERROR, NXDOMAIN].contains(&message.rcode());
        let is_ours = questions == 1 && question.is_of(message.body());
        if message.id() != message_id || !message.is_response() || !(is_ours || is_refusal) {
            return None;
        }
        let mut reply = Self { rcode: message.rcode(), truncated: message.is_truncated(), ..Self::default() };
        // The names whose records answer the question: its own and those that it is an alias of.
        let mut names: Vec<Vec<u8>> = Vec::new();
        let mut records = message.records();
        for record in records.by_ref().take(MAX_RECORDS) {
            match (record.section, record.rtype) {
                (Section::Answer, _) if record.class != CLASS_IN => {}
                (Section::Answer, rtype)
                    if rtype == question.rtype() && is_named(&record, question, &names) =>
                {
                    reply.unreadable += usize::from(reply.take(&record).is_none());
                }
                (Section::Answer, TYPE_CNAME)
                    if names.len() < MAX_ALIASES && is_named(&record, question, &names) =>
                {
                    names.extend(record.name_in_data(0));
                }
                (Section::Authority, TYPE_SOA) => reply.negative_ttl = negative_ttl(&record),
                (Section::Additional, TYPE_OPT) => reply.take_options(&record),
                _ => {}
            }
        }
        // What is cut short without TC is damaged. A cut message is asked for again anyway.
        if !records.is_whole() && !reply.truncated {
            return None;
        }
        // RFC 6116 §5.2: by order, then by preference, ties as they came.
        reply.records.sort_by_key(|(_, naptr)| (naptr.order(), naptr.preference()));
        Some(reply)
    }

    /// Takes a record of the type asked for; `None` if it cannot be read. The others stand (RFC 6116 §5.2).
    fn take(&mut self, record: &Record<'_>) -> Option<()> {
        // RFC 2181 §8: a TTL of more than 31 bits is none.
        let ttl = if record.ttl >> 31 == 0 { record.ttl } else { 0 };
        match record.rtype {
            TYPE_NAPTR => self.records.push((ttl, naptr(record)?)),
            TYPE_SRV => {
                let (&[p1, p2, w1, w2, o1, o2], _) = record.data().split_first_chunk::<6>()?;
                let pair = |high, low| u16::from_be_bytes([high, low]);
                let target = name::to_text(&record.name_in_data(6)?);
                self.servers.push((ttl, pair(p1, p2), pair(w1, w2), pair(o1, o2), target));
            }
            TYPE_A => self.addresses.push((ttl, IpAddr::from(<[u8; 4]>::try_from(record.data()).ok()?))),
            TYPE_AAAA => self.addresses.push((ttl, IpAddr::from(<[u8; 16]>::try_from(record.data()).ok()?))),
            _ => {}
        }
        Some(())
    }

    /// Takes what an OPT record says (RFC 6891 §6.1).
    fn take_options(&mut self, record: &Record<'_>) {
        if self.edns {
            return;
        }
        self.edns = true;
        self.rcode |= (record.ttl >> 24 << 4) as u16;
        let mut rest = record.data();
        while let Some((&[o1, o2, l1, l2], after)) = rest.split_first_chunk::<4>() {
            let length = usize::from(u16::from_be_bytes([l1, l2]));
            let Some((data, next)) = after.split_at_checked(length) else { return };
            match u16::from_be_bytes([o1, o2]) {
                // The first one counts (RFC 7873 §5.2).
                OPTION_COOKIE if self.cookie.is_none() => self.cookie = Some(data.into()),
                OPTION_EDE if self.extended.len() < MAX_EDE.0 => {
                    if let Some((code, text)) = data.split_first_chunk::<2>() {
                        let text = text.get(..MAX_EDE.1).unwrap_or(text);
                        let text = String::from_utf8_lossy(text).trim_end_matches('\0').to_owned();
                        self.extended.push((u16::from_be_bytes(*code), text));
                    }
                }
                _ => {}
            }
            rest = next;
        }
    }

    /// The response code's name, such as `NXDOMAIN`; `RCODE` and its number if it has none here.
    pub fn rcode_name(&self) -> String {
        rcode_name(self.rcode)
    }

    /// Whether the server answered: there are such records or there are none. Other codes say that it would
    /// not or could not.
    pub fn is_answer(&self) -> bool {
        matches!(self.rcode, 0 | 3)
    }

    /// How long the answer may be kept, in seconds.
    pub fn ttl(&self) -> Option<u32> {
        let ttls = self.records.iter().map(|(ttl, _)| *ttl);
        let ttls = ttls.chain(self.servers.iter().map(|(ttl, ..)| *ttl));
        ttls.chain(self.addresses.iter().map(|(ttl, _)| *ttl)).min().or(self.negative_ttl)
    }

    /// The parameters of the first record that has a rule: `;name=value` behind the address, in order.
    ///
    /// A name without a value has an empty one.
    pub fn parameters(&self) -> Vec<(String, String)> {
        let rule = self.records.iter().find_map(|(_, naptr)| Substitution::parse(naptr.regexp()).ok());
        let Some(rule) = rule else { return Vec::new() };
        let replacement = String::from_utf8_lossy(rule.replacement);
        let mut parameters = replacement.split(';');
        // What stands first is the address; providers that send no URI begin with a parameter.
        let first = parameters.next().filter(|first| first.contains('=') && !first.contains(':'));
        let split = |parameter: &str| match parameter.split_once('=') {
            Some((name, value)) => (name.to_owned(), value.to_owned()),
            None => (parameter.to_owned(), String::new()),
        };
        first.into_iter().chain(parameters).map(split).collect()
    }
}

/// A response code's name, such as `NXDOMAIN`; `RCODE` and its number if it has none here.
pub fn rcode_name(rcode: u16) -> String {
    let name = match rcode {
        0 => "NOERROR",
        1 => "FORMERR",
        2 => "SERVFAIL",
        3 => "NXDOMAIN",
        4 => "NOTIMP",
        5 => "REFUSED",
        9 => "NOTAUTH",
        16 => "BADVERS",
        23 => "BADCOOKIE",
        code => {
            let mut name = String::from("RCODE");
            let _ = write!(name, "{code}");
            return name;
        }
    };
    name.to_owned()
}

/// Whether a record's owner is the name asked for, or one that it is an alias of.
fn is_named(record: &Record<'_>, question: &Question, names: &[Vec<u8>]) -> bool {
    record.owner_points_at_question()
        || record.owner().is_some_and(|owner| {
            owner.eq_ignore_ascii_case(question.name())
                || names.iter().any(|name| owner.eq_ignore_ascii_case(name))
        })
}

/// A record's data as ours, its replacement uncompressed.
fn naptr(record: &Record<'_>) -> Option<Naptr> {
    let data = record.data();
    if let Ok(naptr) = Naptr::from_wire(data) {
        return Some(naptr);
    }
    // Order and preference, then three strings.
    let strings = (0..3).try_fold(4, |at, _| Some(at + 1 + usize::from(*data.get(at)?)));
    Naptr::from_wire(&record.data_with_name(strings?)?).ok()
}

/// How long a negative answer may be kept: the lesser of the SOA's TTL and its MINIMUM (RFC 2308 §5).
fn negative_ttl(record: &Record<'_>) -> Option<u32> {
    let minimum = u32::from_be_bytes(*record.data().last_chunk::<4>()?);
    Some(record.ttl.min(minimum))
}
