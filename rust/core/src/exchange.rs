//! The client's half, sans I/O: octets to send, octets received, what they say (RFC 6116 §3).
//!
//! Whoever owns the sockets sends [`Exchange::query`] and hands what comes back to
//! [`Exchange::read`]. Messages are hickory-proto's: a client meets every shape of them.

use std::fmt::Write;

use hickory_proto::op::{Edns, Message, MessageType, OpCode, Query};
use hickory_proto::rr::rdata::NAPTR;
use hickory_proto::rr::{Name, RData, RecordType};
use hickory_proto::serialize::binary::{BinDecodable, BinEncodable};

use crate::apex::Apex;
use crate::ddds::Substitution;
use crate::dns::MAX_UDP_LIMIT;
use crate::dns::name::{self, NameError};
use crate::naptr::{Naptr, NaptrError};
use crate::number::Number;

//----------- Exchange -------------------------------------------------------

/// One question and the reading of its answer.
#[derive(Clone, Debug)]
pub struct Exchange {
    name: String,
    query: Message,
    octets: Vec<u8>,
}

impl Exchange {
    /// The question for the NAPTR records of `number` under `apex`.
    ///
    /// `message_id` must be hard to guess (RFC 5452 §9.2). Without `edns` the query has no additional
    /// record, which some servers insist on.
    pub fn new(number: Number, apex: &Apex, message_id: u16, edns: bool) -> Result<Self, NameError> {
        let name = apex.owner_name(number)?;
        let qname = Name::from_ascii(&name).map_err(|_| NameError::TooLong)?;
        let mut query = Message::new();
        query.set_id(message_id).set_message_type(MessageType::Query).set_op_code(OpCode::Query);
        query.set_recursion_desired(true);
        query.add_query(Query::query(qname, RecordType::NAPTR));
        if edns {
            let mut edns = Edns::new();
            edns.set_max_payload(MAX_UDP_LIMIT as u16).set_version(0);
            query.set_edns(edns);
        }
        let octets = query.to_bytes().map_err(|_| NameError::TooLong)?;
        Ok(Self { name, query, octets })
    }

    /// The name asked for, with its final dot.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The octets to send.
    pub fn query(&self) -> &[u8] {
        &self.octets
    }

    /// Reads what came back.
    ///
    /// `None`: it is no response to this question – another id, another question, not a response at
    /// all, unreadable – and the right one may still come (RFC 5452 §9.1).
    pub fn read(&self, response: &[u8]) -> Option<Reply> {
        let message = Message::from_bytes(response).ok()?;
        let is_response =
            message.message_type() == MessageType::Response && message.op_code() == OpCode::Query;
        // Servers that could not read a question, or would not, may leave it out of an error.
        let is_refusal = message.queries().is_empty() && message.answers().is_empty();
        if message.id() != self.query.id() || !is_response || !(is_refusal || self.is_question_of(&message)) {
            return None;
        }
        // RFC 6116 §5.2: by order, then by preference, ties as they came.
        let mut records = Vec::new();
        for record in message.answers() {
            if let RData::NAPTR(data) = record.data() {
                // A record that is none is passed over; the others stand (RFC 6116 §5.2).
                records.extend(naptr(data).ok().map(|naptr| (record.ttl(), naptr)));
            }
        }
        records.sort_by_key(|(_, naptr)| (naptr.order(), naptr.preference()));
        Some(Reply { rcode: u16::from(message.response_code()), truncated: message.truncated(), records })
    }

    fn is_question_of(&self, message: &Message) -> bool {
        match (message.queries(), self.query.queries()) {
            ([theirs], [ours]) => theirs == ours,
            _ => false,
        }
    }
}

/// A record's data as ours.
fn naptr(data: &NAPTR) -> Result<Naptr, NaptrError> {
    let replacement = data.replacement().to_bytes().unwrap_or_default();
    Naptr::new(
        data.order(),
        data.preference(),
        [data.flags(), data.services(), data.regexp()],
        &name::to_text(&replacement),
    )
}

//----------- Reply ----------------------------------------------------------

/// What a server answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The response code, extended by EDNS (RFC 6891 §6.1.3).
    pub rcode: u16,
    /// Whether the answer was cut and should be asked for over TCP.
    pub truncated: bool,
    /// TTL in seconds and record, by order and preference.
    pub records: Vec<(u32, Naptr)>,
}

impl Reply {
    /// The response code's name, such as `NXDOMAIN`; `RCODE` and its number if it has none here.
    pub fn rcode_name(&self) -> String {
        let name = match self.rcode {
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn exchange(edns: bool) -> Exchange {
        let number = Number::from_digits(b"13392986156").unwrap();
        Exchange::new(number, &Apex::new("e164.arpa").unwrap(), 0x2528, edns).unwrap()
    }

    fn octets(hex: &str) -> Vec<u8> {
        hex.as_bytes()
            .chunks(2)
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect()
    }

    const ANSWER: &str = "25288000000100010000000001360135013101360138013901320139013301330131046531363404617270610000230001c00c00230001000000030034000a003201750c4532552b7073746e3a74656c1f215e282e2a29242174656c3a5c313b6d63633d3331303b6d6e633d3031322100";

    #[test]
    fn the_query_is_the_one_that_dig_sends() {
        let without = "25280100000100000000000001360135013101360138013901320139013301330131046531363404617270610000230001";
        assert_eq!(octets(without), exchange(false).query());
        assert_eq!(60, exchange(true).query().len());
    }

    #[test]
    fn the_documented_answer_is_read() {
        let reply = exchange(true).read(&octets(ANSWER)).unwrap();
        assert_eq!(("NOERROR", false), (reply.rcode_name().as_str(), reply.truncated));
        let parameter = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(vec![parameter("mcc", "310"), parameter("mnc", "012")], reply.parameters());
        assert_eq!(vec![3], reply.records.iter().map(|(ttl, _)| *ttl).collect::<Vec<_>>());
    }

    #[test]
    fn what_answers_another_question_is_not_read() {
        let answer = octets(ANSWER);
        let changed = |place: usize, octet: u8| {
            let mut changed = answer.clone();
            changed[place] = octet;
            exchange(true).read(&changed)
        };
        assert!(changed(13, b'6').is_some());
        assert!(changed(13, b'7').is_none(), "another name");
        assert!(changed(1, 0).is_none(), "another id");
        assert!(changed(2, 0).is_none(), "not a response");
    }

    #[test]
    fn records_come_by_order_then_preference() {
        let mut message = Message::from_bytes(&octets(ANSWER)).unwrap();
        let mut records = message.take_answers();
        let mut earlier = records[0].clone();
        if let RData::NAPTR(data) = records[0].data() {
            let sooner = NAPTR::new(
                10,
                40,
                data.flags().into(),
                data.services().into(),
                data.regexp().into(),
                Name::root(),
            );
            earlier.set_data(RData::NAPTR(sooner));
        }
        records.push(earlier);
        message.insert_answers(records);
        let reply = exchange(true).read(&message.to_bytes().unwrap()).unwrap();
        assert_eq!(
            vec![40, 50],
            reply.records.iter().map(|(_, naptr)| naptr.preference()).collect::<Vec<_>>()
        );
    }

    proptest! {
        #[test]
        fn any_octets_are_read_without_panic(mut response: Vec<u8>) {
            let _ = exchange(true).read(&response);
            response.splice(..0, [0x25, 0x28, 0x80]);
            let _ = exchange(true).read(&response);
        }
    }
}
