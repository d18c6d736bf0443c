//! What a client reads of a message, beside hickory-proto: where that reads a message, we read the same.

use hickory_proto::op::{Edns, Message, MessageType, Query, ResponseCode};
use hickory_proto::rr::rdata::opt::{EdnsCode, EdnsOption};
use hickory_proto::rr::rdata::{A, AAAA, CNAME, NAPTR, SRV};
use hickory_proto::rr::{DNSClass, Name, RData, Record, RecordType};
use hickory_proto::serialize::binary::{BinDecodable, BinEncodable};
use numdip_core::dns::{TYPE_A, TYPE_AAAA, TYPE_NAPTR, TYPE_SRV, name};
use numdip_core::exchange::{Options, Question, Reply};
use numdip_core::naptr::Naptr;
use proptest::prelude::*;

const NAME: &str = "6.5.1.6.8.9.2.9.3.3.1.e164.arpa.";
const TYPES: [(u16, RecordType); 4] = [
    (TYPE_NAPTR, RecordType::NAPTR),
    (TYPE_SRV, RecordType::SRV),
    (TYPE_A, RecordType::A),
    (TYPE_AAAA, RecordType::AAAA),
];

fn any_name() -> impl Strategy<Value = Name> {
    prop_oneof![
        Just(Name::from_ascii(NAME).unwrap()),
        Just(Name::root()),
        "[a-z0-9]{1,9}\\.(e164\\.arpa|example)\\.".prop_map(|name| Name::from_ascii(name).unwrap()),
    ]
}

fn any_data() -> impl Strategy<Value = RData> {
    let text = || prop::collection::vec(any::<u8>(), 0..40).prop_map(Vec::into_boxed_slice);
    let flags = "[a-zA-Z0-9]{0,3}".prop_map(|flags| flags.into_bytes().into_boxed_slice());
    prop_oneof![
        3 => (any::<u16>(), any::<u16>(), flags, text(), text(), any_name()).prop_map(
            |(order, preference, flags, services, regexp, replacement)| RData::NAPTR(NAPTR::new(
                order, preference, flags, services, regexp, replacement
            ))
        ),
        1 => (any::<u16>(), any::<u16>(), any::<u16>(), any_name())
            .prop_map(|(priority, weight, port, target)| RData::SRV(SRV::new(priority, weight, port, target))),
        1 => any::<[u8; 4]>().prop_map(|address| RData::A(A(address.into()))),
        1 => any::<[u8; 16]>().prop_map(|address| RData::AAAA(AAAA(address.into()))),
        1 => any_name().prop_map(|name| RData::CNAME(CNAME(name))),
    ]
}

fn any_response() -> impl Strategy<Value = (u16, Message)> {
    let records = || {
        let record = (any_name(), 0..1_u32 << 31, any_data())
            .prop_map(|(owner, ttl, data)| Record::from_rdata(owner, ttl, data));
        prop::collection::vec(record, 0..5)
    };
    let edns = prop::option::of((0..4096_u16, prop::collection::vec(any::<u8>(), 8..24)));
    (0..TYPES.len(), records(), records(), edns, any::<bool>()).prop_map(
        |(rtype, answers, additional, edns, truncated)| {
            let (rtype, theirs) = TYPES[rtype];
            let mut message = Message::new();
            message.set_id(7).set_message_type(MessageType::Response).set_truncated(truncated);
            message.add_query(Query::query(Name::from_ascii(NAME).unwrap(), theirs));
            message.add_answers(answers).add_additionals(additional);
            if let Some((rcode, cookie)) = edns {
                message.set_response_code(ResponseCode::from((rcode >> 4) as u8, (rcode & 15) as u8));
                let mut edns = Edns::new();
                edns.options_mut().insert(EdnsOption::Unknown(u16::from(EdnsCode::Cookie), cookie));
                edns.set_rcode_high((rcode >> 4) as u8);
                message.set_edns(edns);
            }
            (rtype, message)
        },
    )
}

/// What hickory-proto reads of the answer to a question, as we would say it.
fn oracle(rtype: u16, octets: &[u8]) -> Option<Reply> {
    let message = Message::from_bytes(octets).ok()?;
    let mut reply = Reply {
        rcode: u16::from(message.response_code()),
        truncated: message.truncated(),
        edns: message.extensions().is_some(),
        ..Reply::default()
    };
    if let Some(edns) = message.extensions() {
        if let Some(EdnsOption::Unknown(_, cookie)) = edns.option(EdnsCode::Cookie) {
            reply.cookie = Some(cookie.as_slice().into());
        }
    }
    let question = Name::from_ascii(NAME).unwrap();
    let mut names = vec![question];
    for record in message.answers() {
        if !names.contains(record.name()) || record.dns_class() != DNSClass::IN {
            continue;
        }
        // RFC 2181 §8: one of more than 31 bits is none.
        let ttl = if record.ttl() >> 31 == 0 { record.ttl() } else { 0 };
        match record.data() {
            RData::CNAME(CNAME(name)) if names.len() <= 8 => names.push(name.clone()),
            RData::NAPTR(data) if rtype == TYPE_NAPTR => {
                let strings = [data.flags(), data.services(), data.regexp()];
                let replacement = name::to_text(&data.replacement().to_bytes().unwrap());
                let naptr = Naptr::new(data.order(), data.preference(), strings, &replacement).unwrap();
                reply.records.push((ttl, naptr));
            }
            RData::SRV(data) if rtype == TYPE_SRV => {
                let target = name::to_text(&data.target().to_bytes().unwrap());
                reply.servers.push((ttl, data.priority(), data.weight(), data.port(), target));
            }
            RData::A(A(address)) if rtype == TYPE_A => reply.addresses.push((ttl, (*address).into())),
            RData::AAAA(AAAA(address)) if rtype == TYPE_AAAA => {
                reply.addresses.push((ttl, (*address).into()))
            }
            _ => {}
        }
    }
    reply.records.sort_by_key(|(_, naptr)| (naptr.order(), naptr.preference()));
    Some(reply)
}

fn read(rtype: u16, octets: &[u8]) -> Option<Reply> {
    Reply::read(&Question::new(NAME, rtype).unwrap(), 7, octets)
}

proptest! {
    #[test]
    fn what_hickory_proto_writes_is_read_as_it_reads_it((rtype, message) in any_response()) {
        let octets = message.to_bytes().unwrap();
        prop_assert_eq!(oracle(rtype, &octets), read(rtype, &octets));
    }

    /// Where it takes a damaged message, we take it and say the same; where it does not, we may.
    #[test]
    fn damaged_messages_are_read_as_hickory_proto_reads_them(
        (rtype, message) in any_response(), place: prop::sample::Index, octet: u8,
    ) {
        let mut octets = message.to_bytes().unwrap();
        // Header and question decide whose answer it is, which is another matter.
        let place = 4 + 8 + 38 + place.index((octets.len() - 12 - 37).max(1));
        if let Some(damaged) = octets.get_mut(place) {
            *damaged = octet;
        }
        if let Some(theirs) = oracle(rtype, &octets) {
            let ours = read(rtype, &octets);
            prop_assert!(ours.is_some());
            let ours = ours.unwrap();
            prop_assert_eq!(theirs.records, ours.records);
            prop_assert_eq!(theirs.servers, ours.servers);
            prop_assert_eq!(theirs.addresses, ours.addresses);
        }
    }

    #[test]
    fn any_octets_behind_a_question_are_read_without_panic(
        counts in any::<[u8; 6]>(),
        rest in prop::collection::vec(prop_oneof![any::<u8>(), Just(0xc0), Just(12), Just(0), Just(35)], 0..120),
    ) {
        let question = Question::new(NAME, TYPE_NAPTR).unwrap();
        let mut octets = vec![0, 7, 0x80, 0, 0, 1, 0, counts[0] % 4, 0, counts[1] % 4, 0, counts[2] % 4];
        octets.extend_from_slice(question.octets());
        octets.extend(rest);
        let _ = Reply::read(&question, 7, &octets);
    }

    #[test]
    fn queries_are_what_hickory_proto_reads(id: u16, mixed: u64, cookie in prop::option::of(prop::collection::vec(any::<u8>(), 8..40))) {
        let question = Question::new(NAME, TYPE_NAPTR).unwrap().in_mixed_case(mixed);
        let mut octets = Vec::new();
        question.write(id, Some(&Options { cookie: cookie.as_deref() }), &mut octets);
        let message = Message::from_bytes(&octets).unwrap();
        prop_assert_eq!((id, true), (message.id(), message.recursion_desired()));
        prop_assert_eq!(NAME, message.queries()[0].name().to_ascii().to_lowercase());
        let edns = message.extensions().clone().unwrap();
        prop_assert_eq!(1232, edns.max_payload());
        let theirs = edns.option(EdnsCode::Cookie).map(|option| match option {
            EdnsOption::Unknown(_, cookie) => cookie.clone(),
            _ => vec![],
        });
        prop_assert_eq!(cookie, theirs);
        // An answer must repeat the case.
        octets[2] |= 0x80;
        octets[11] = 0;
        prop_assert!(Reply::read(&question, id, &octets).is_some());
        octets[12 + 23] ^= 0x20;
        prop_assert!(Reply::read(&question, id, &octets).is_none());
    }
}
