//! The client's half, sans I/O: octets to send, octets received, what they say (RFC 6116 §3), and what to do
//! next.
//!
//! ```text
//! Question ── octets ──> server ── octets ──> Reply ──> Network        one question, one reply
//!     └──────────── Call ── Send, Wait, Done ──┘                       which server, when, and what if not
//!                    └── Peers: what is known of each server
//! ```
//!
//! Whoever owns the sockets and the clock does what a [`Call`] says and tells it what came of that. [`Exchange`]
//! is one question without any of this.

mod call;
mod network;
mod peers;
mod question;
mod reply;

pub use call::{Call, End, Failure, Outcome, Send, Step, Why};
pub use network::{Network, Unreadable};
pub use peers::{EdnsUse, Peer, PeerState, Peers, Settings};
pub use question::{Options, Question};
pub use reply::{Reply, rcode_name};

use crate::apex::Apex;
use crate::dns::name::{self, NameError};
use crate::number::Number;

//----------- Exchange -------------------------------------------------------

/// One question and the reading of its answer.
#[derive(Clone, Debug)]
pub struct Exchange {
    name: String,
    question: Question,
    message_id: u16,
    octets: Vec<u8>,
}

impl Exchange {
    /// The question for the NAPTR records of `number` under `apex`.
    ///
    /// `message_id` must be hard to guess (RFC 5452 §9.2). Without `edns` the query has no additional
    /// record, which some servers insist on.
    pub fn new(number: Number, apex: &Apex, message_id: u16, edns: bool) -> Result<Self, NameError> {
        let question = Question::of_number(number, apex)?;
        let mut octets = Vec::new();
        question.write(message_id, edns.then_some(&Options::default()), &mut octets);
        Ok(Self { name: name::to_text(question.name()), question, message_id, octets })
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
        Reply::read(&self.question, self.message_id, response)
    }
}

#[cfg(test)]
mod tests {
    use hickory_proto::op::Message;
    use hickory_proto::rr::rdata::NAPTR;
    use hickory_proto::rr::{Name, RData};
    use hickory_proto::serialize::binary::{BinDecodable, BinEncodable};
    use proptest::prelude::*;

    use super::*;

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
    fn without_its_question_a_refusal_is_read_and_an_answer_is_not() {
        for (rcode, is_read) in [(0, false), (3, false), (1, true), (2, true), (4, true), (5, true)] {
            let header = [0x25, 0x28, 0x80, rcode, 0, 0, 0, 0, 0, 0, 0, 0];
            assert_eq!(is_read, exchange(true).read(&header).is_some(), "response code {rcode}");
        }
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
