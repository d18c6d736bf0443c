//! Properties of responses: the table for any well-formed query, and the two paths as one for any octets.

use numdip_core::dns::{MAX_MESSAGE, Transport};
use numdip_core::respond::Settings;
use proptest::prelude::*;

use crate::harness;
use crate::respond::{BADVERS, NOERROR, NXDOMAIN, SERVFAIL, plan};
use crate::support::{Message, Opt, ask, owner, rcode, responder, wire_name};

/// What the plan of [`plan`] makes of the digits, written down once more without its data structures.
fn known(digits: &str) -> bool {
    let is = |prefix: &str, lengths: std::ops::RangeInclusive<usize>| {
        digits.starts_with(prefix) && lengths.contains(&digits.len())
    };
    match digits {
        "447786000001" | "4420794601" | "99" => true,
        "447786000002" => false,
        _ if digits.starts_with("4477861") => false,
        _ => is("1339298", 11..=11) || is("447786", 12..=12) || is("43", 4..=13),
    }
}

/// Labels of a name that is mostly a number's.
fn labels() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let digits = prop_oneof![
        6 => "1339298[0-9]{4}|4477860000[0-9]{2}|447786[01][0-9]{5}|4420794601[0-9]{0,2}|43[0-9]{0,13}",
        2 => "[0-9]{0,18}|99[0-9]?",
        1 => "[0-9]{100,118}",
    ];
    let of_digits =
        digits.prop_map(|digits| digits.bytes().rev().map(|digit| vec![digit]).collect::<Vec<_>>());
    let other = prop_oneof![
        "[0-9]{2}|[a-z*]|i|_sip".prop_map(String::into_bytes),
        prop::collection::vec(any::<u8>(), 1..4),
        prop::collection::vec(any::<u8>(), 63),
    ];
    (of_digits, prop::option::weighted(0.1, (other, any::<prop::sample::Index>()))).prop_map(
        |(mut labels, other)| {
            if let Some((label, place)) = other {
                labels.insert(place.index(labels.len() + 1), label);
            }
            labels
        },
    )
}

/// An apex with its letter case mixed up: mostly ours.
fn apex_labels() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let names = prop_oneof![
        8 => Just("e164.arpa"),
        1 => prop_oneof![Just("xe164.arpa"), Just("e164.arpa.arpa"), Just("arpa"), Just("enum.example"), Just("")],
    ];
    (names, any::<u16>()).prop_map(|(name, cases)| {
        let recased: String = name
            .chars()
            .enumerate()
            .map(|(place, c)| if cases >> (place % 16) & 1 == 1 { c.to_ascii_uppercase() } else { c })
            .collect();
        recased.split('.').filter(|label| !label.is_empty()).map(|label| label.as_bytes().to_vec()).collect()
    })
}

fn opt() -> impl Strategy<Value = Opt> {
    let size = prop_oneof![Just(0u16), Just(512), Just(1232), Just(4096), any::<u16>(), 500..700u16];
    let version = prop_oneof![4 => Just(0), 1 => any::<u8>()];
    let code = prop_oneof![Just(3u16), Just(8), Just(10), Just(11), Just(12), any::<u16>()];
    let options = prop::collection::vec((code, prop::collection::vec(any::<u8>(), 0..12)), 0..3);
    (size, any::<u8>(), version, any::<u16>(), options).prop_map(
        |(udp_size, extended_rcode, version, flags, options)| {
            let mut data = Vec::new();
            for (code, value) in options {
                data.extend(code.to_be_bytes());
                data.extend((value.len() as u16).to_be_bytes());
                data.extend(value);
            }
            Opt { udp_size, extended_rcode, version, flags, data }
        },
    )
}

/// What can stand behind a question or go wrong in a message.
#[derive(Clone, Debug)]
enum Damage {
    Trailing(Vec<u8>),
    Count(usize, u16),
    Cut(prop::sample::Index),
    Octet(prop::sample::Index, u8),
    Insert(prop::sample::Index, Vec<u8>),
    Record(u16, u16, Vec<u8>),
    Signed,
    Opt(Opt),
    QuestionAgain,
}

fn damage() -> impl Strategy<Value = Damage> {
    use prop::sample::Index;
    let octets = || prop::collection::vec(any::<u8>(), 0..20);
    let rtype = prop_oneof![Just(1u16), Just(35), Just(41), Just(250), Just(24), Just(6), any::<u16>()];
    let pointer = (0xc0..=0xffu8, any::<u8>()).prop_map(|(a, b)| vec![a, b]);
    prop_oneof![
        octets().prop_map(Damage::Trailing),
        (0..4usize, prop_oneof![0..4u16, any::<u16>()])
            .prop_map(|(place, count)| Damage::Count(place, count)),
        any::<Index>().prop_map(Damage::Cut),
        (any::<Index>(), any::<u8>()).prop_map(|(place, octet)| Damage::Octet(place, octet)),
        (any::<Index>(), prop_oneof![octets(), pointer])
            .prop_map(|(place, octets)| Damage::Insert(place, octets)),
        (rtype, any::<u16>(), octets()).prop_map(|(rtype, class, data)| Damage::Record(rtype, class, data)),
        Just(Damage::Signed),
        opt().prop_map(Damage::Opt),
        Just(Damage::QuestionAgain),
    ]
}

/// A message that is one harm or two away from a good query.
fn near_valid() -> impl Strategy<Value = Vec<u8>> {
    let name = (labels(), apex_labels()).prop_map(|(labels, apex)| wire_name(&[labels, apex].concat()));
    let fixed = prop_oneof![
        8 => Just([0, 35, 0, 1]),
        1 => any::<[u8; 4]>(),
    ];
    let flags = prop_oneof![4 => Just(0x0100u16), 1 => any::<u16>()];
    let parts =
        (name, fixed, any::<u16>(), flags, prop::option::of(opt()), prop::collection::vec(damage(), 0..3));
    parts.prop_map(|(name, fixed, id, flags, opt, damages)| {
        let mut message = Message { id, flags, counts: [1, 0, 0, 0], body: [&name[..], &fixed].concat() };
        if let Some(opt) = opt {
            message = message.with_opt(&opt);
        }
        let question = [&name[..], &fixed].concat();
        let mut late = Vec::new();
        for damage in damages {
            message = match damage {
                Damage::Record(rtype, class, data) => message.with_additional(rtype, class, &data),
                Damage::Signed => message.signed(),
                Damage::Opt(opt) => message.with_opt(&opt),
                Damage::QuestionAgain => {
                    message.counts[0] += 1;
                    message.body.extend(&question);
                    message
                }
                Damage::Count(place, count) => {
                    message.counts[place] = count;
                    message
                }
                other => {
                    late.push(other);
                    message
                }
            };
        }
        let mut octets = message.octets();
        for damage in late {
            match damage {
                Damage::Trailing(more) => octets.extend(more),
                Damage::Cut(place) => octets.truncate(place.index(octets.len() + 1)),
                Damage::Octet(place, octet) if !octets.is_empty() => {
                    let place = place.index(octets.len());
                    octets[place] = octet;
                }
                Damage::Insert(place, more) => {
                    let place = place.index(octets.len() + 1);
                    octets.splice(place..place, more);
                }
                _ => {}
            }
        }
        octets
    })
}

/// A query for one of the plan's numbers or for one beside it.
fn plain_query() -> impl Strategy<Value = Vec<u8>> {
    let numbers: Vec<_> = harness::numbers().collect();
    prop::sample::select(numbers)
        .prop_map(|number| Message::query(&owner(&number.digits(), "e164.arpa")).octets())
}

/// The code that the interface's table gives a well-formed message with this question.
fn judged(
    labels: &[Vec<u8>],
    apex: &[Vec<u8>],
    [rtype, class]: [u16; 2],
    opcode: u16,
    opt: Option<&Opt>,
) -> u16 {
    let is_ours =
        apex.len() == 2 && apex[0].eq_ignore_ascii_case(b"e164") && apex[1].eq_ignore_ascii_case(b"arpa");
    if opcode != 0 {
        return SERVFAIL;
    }
    if opt.is_some_and(|opt| opt.version > 0) {
        return BADVERS;
    }
    if [rtype, class] != [35, 1] || !is_ours || !(1..=15).contains(&labels.len()) {
        return SERVFAIL;
    }
    if !labels.iter().all(|label| label.len() == 1 && label[0].is_ascii_digit()) {
        return SERVFAIL;
    }
    let digits: String = labels.iter().rev().map(|label| char::from(label[0])).collect();
    if known(&digits) { NOERROR } else { NXDOMAIN }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn well_formed_queries_are_judged_as_the_table_says(
        labels in labels(),
        apex in apex_labels(),
        question in prop_oneof![6 => Just([35u16, 1]), 1 => any::<[u16; 2]>()],
        opcode in prop_oneof![8 => Just(0u16), 1 => 1..16u16],
        (id, other_flags) in (any::<u16>(), any::<u16>()),
        opt in prop::option::of(opt()),
        beside in any::<bool>(),
    ) {
        let name = wire_name(&[labels.clone(), apex.clone()].concat());
        prop_assume!(name.len() <= 255);
        let mut message = Message {
            id,
            flags: other_flags & 0x07ff | opcode << 11,
            counts: [1, 0, 0, 0],
            body: [name, question.into_iter().flat_map(u16::to_be_bytes).collect()].concat(),
        };
        if let Some(opt) = &opt {
            message = message.with_opt(opt);
        }
        if beside {
            message = message.with_additional(1, 1, &[127, 0, 0, 1]);
        }
        let responder = responder(&plan(), Settings::default());
        let response = ask(&responder, &message.octets(), Transport::Udp).unwrap();
        prop_assert_eq!(judged(&labels, &apex, question, opcode, opt.as_ref()), rcode(&response));
        harness::check_respond(&[responder], &message.octets());
    }

    #[test]
    fn both_paths_are_one_on_near_valid_messages(requests in prop::collection::vec(near_valid(), 4)) {
        let responders = harness::responders();
        for request in requests {
            harness::check_respond(&responders, &request);
        }
    }

    #[test]
    fn a_batch_is_answered_as_each_of_it_by_itself(
        requests in prop::collection::vec((prop_oneof![near_valid(), plain_query()], prop::bool::weighted(0.9)), 0..150),
        tcp: bool,
    ) {
        let transport = if tcp { Transport::Tcp } else { Transport::Udp };
        for responder in harness::responders() {
            harness::check_batch(&responder, &requests, transport);
        }
    }

    #[test]
    fn both_paths_are_one_on_any_octets(mut request: Vec<u8>, as_request: bool) {
        if as_request && request.len() > 2 {
            request[2] &= 0x7f;
        }
        harness::check_respond(&harness::responders(), &request);
    }
}

#[test]
fn a_message_of_the_greatest_size_is_answered() {
    let mut request = Message::query(&owner("13392986156", "e164.arpa")).octets();
    request.resize(MAX_MESSAGE, 0);
    harness::check_respond(&harness::responders(), &request);
}
