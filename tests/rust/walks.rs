//! Walks of services and of SIP URIs: the cases that Python runs as well, and that any records are come to an end with.

use numdip_core::ddds::ere::Mode;
use numdip_core::ddds::walk::enumservice::Wanted;
use numdip_core::ddds::walk::service::Discovery;
use numdip_core::ddds::walk::sip::SipTarget;
use numdip_core::ddds::walk::srv::Srv;
use numdip_core::ddds::walk::{Found, Kind, MAX_QUESTIONS, MAX_RECORDS, Move, Question, Records, Step, Walk};
use numdip_core::naptr::Naptr;
use numdip_core::naptr::services::SipTransport;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::ddds::naptrs;
use crate::vectors::{run_of, str_of};

//----------- Cases ----------------------------------------------------------

fn texts(value: &Value) -> Vec<&str> {
    value.as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect()
}

fn begin(input: &Value) -> Walk {
    if let Some(uri) = input["sip"].as_str() {
        let transports = texts(&input["transports"]).into_iter();
        let transports: Vec<SipTransport> =
            transports.map(|service| SipTransport::parse(service.as_bytes()).unwrap()).collect();
        return Walk::of_sip(&SipTarget::parse(uri).unwrap(), &transports, 1);
    }
    let uris = input["uris"].as_bool().unwrap_or_default();
    let discovery = Discovery::new(str_of(input, "service"), &texts(&input["protocols"]), uris).unwrap();
    Walk::of_service(str_of(input, "domain"), discovery, 1)
}

fn records(question: &Question, sets: &Value) -> Records {
    let rows = &sets[format!("{} {}", question.name, question.kind.name())];
    let list = rows.as_array().map(Vec::as_slice).unwrap_or_default();
    match question.kind {
        Kind::Naptr => Records::Naptr(naptrs(rows)),
        Kind::Srv => Records::Srv(
            list.iter()
                .map(|row| {
                    let number = |place: usize| u16::try_from(row[place].as_u64().unwrap()).unwrap();
                    Srv::new(number(0), number(1), number(2), row[3].as_str().unwrap()).unwrap()
                })
                .collect(),
        ),
        Kind::A | Kind::Aaaa => {
            Records::Address(list.iter().map(|row| row.as_str().unwrap().parse().unwrap()).collect())
        }
    }
}

#[test]
fn services_and_sip_uris_lead_to_their_servers() {
    run_of(include_str!("../vectors/ddds.json"), "walk", 13, |input, expected| {
        let mut walk = begin(input);
        let (mut asked, mut found) = (Vec::new(), Vec::new());
        loop {
            match walk.step() {
                Move::Ask(question) => {
                    asked.push(format!("{} {}", question.name, question.kind.name()));
                    walk.answer(records(&question, &input["records"]));
                }
                Move::Found(Found::Uri(uri)) => {
                    found.push(json!([uri.services.join(" "), String::from_utf8(uri.uri).unwrap()]));
                }
                Move::Found(Found::Server(server)) => {
                    let address = server.address.to_string();
                    found.push(json!([server.protocols.join(" "), server.host, server.port, address]));
                }
                Move::Done => break,
            }
        }
        let passed_over: Vec<&str> = walk.passed_over().map(|(_, reason)| reason.code()).collect();
        for (key, value) in expected.as_object().unwrap() {
            let found = match key.as_str() {
                "asked" => json!(asked),
                "found" => json!(found),
                "passed_over" => json!(passed_over),
                other => panic!("no such expectation: {other}"),
            };
            if *value != found {
                return Err(format!("{key}: expected {value}\n  found {found}"));
            }
        }
        Ok(())
    });
}

//----------- Any records ----------------------------------------------------

/// A record that leads to one of a few names, or gives a URI.
fn naptr() -> impl Strategy<Value = Naptr> {
    let services = prop::sample::select(vec!["EM:A", "EM:B:A", "em", "SIP+D2T", "SIPS+D2T", "E2U+sip", "?"]);
    let regexp = prop::sample::select(vec!["", "", "", "!.*!a:b!", "!^(.*)$!sip:\\1@x!"]);
    (0_u16..3, "[sau]?", services, regexp, 0_u8..5).prop_map(|(order, flags, services, regexp, target)| {
        let target = if target == 0 { ".".to_owned() } else { format!("n{target}.example.") };
        Naptr::new(order, 1, [flags.as_bytes(), services.as_bytes(), regexp.as_bytes()], &target).unwrap()
    })
}

fn srv() -> impl Strategy<Value = Srv> {
    (0_u16..3, 0_u16..3, "(n[1-4]\\.example)?\\.")
        .prop_map(|(priority, weight, target)| Srv::new(priority, weight, 5060, &target).unwrap())
}

fn walks(seed: u64) -> Vec<Walk> {
    let discovery = |protocols: &[&str], uris| Discovery::new("EM", protocols, uris).unwrap();
    let sip =
        |uri| Walk::of_sip(&SipTarget::parse(uri).unwrap(), &[SipTransport::Tcp, SipTransport::Tls], seed);
    vec![
        Walk::of_number(b"+44", "n1.example", Wanted::Any, Mode::Posix),
        Walk::of_service("n1.example", discovery(&[], true), seed),
        Walk::of_service("n1.example", discovery(&["B", "A"], false), seed),
        sip("sip:a@n1.example"),
        sip("sips:n1.example"),
        sip("sip:n1.example;transport=tcp"),
    ]
}

proptest! {
    #[test]
    fn walks_end_and_tell_all_that_came(
        sets in prop::collection::vec(prop::collection::vec(naptr(), 0..9), 4),
        srvs in prop::collection::vec(prop::collection::vec(srv(), 0..4), 4),
        seed: u64,
    ) {
        for mut walk in walks(seed) {
            let (mut found, mut asked) = (0, Vec::new());
            loop {
                match walk.step() {
                    Move::Ask(question) => {
                        prop_assert!(!asked.contains(&question), "{question:?} is asked for twice");
                        let place = question.name.bytes().find(u8::is_ascii_digit).map_or(0, |digit| usize::from(digit - b'1'));
                        walk.answer(match question.kind {
                            Kind::Naptr => Records::Naptr(sets[place].clone()),
                            Kind::Srv => Records::Srv(srvs[place].clone()),
                            Kind::A => Records::Address(vec![[192, 0, 2, 1].into()]),
                            // Of the wrong family, so none.
                            Kind::Aaaa => Records::Address(vec![[192, 0, 2, 2].into()]),
                        });
                        asked.push(question);
                    }
                    Move::Found(_) => found += 1,
                    Move::Done => break,
                }
            }
            prop_assert_eq!(Move::Done, walk.step());
            prop_assert!(asked.len() <= MAX_QUESTIONS);
            prop_assert_eq!(asked.len(), walk.asked().len());
            let count = |of: fn(&Step) -> bool| walk.steps().iter().filter(|step| of(step)).count();
            prop_assert_eq!(found, count(|step| matches!(step, Step::Gave { .. } | Step::Reached { .. })));
            let again = count(|step| matches!(step, Step::Again { .. } | Step::Stopped { .. }));
            if again == 0 {
                let came: usize = walk.steps().iter().map(|step| match step {
                    Step::Asked { records, left_out, .. } => records - left_out,
                    _ => 0,
                }).sum();
                // Each record is told of once.
                let told = count(|step| !matches!(step, Step::Asked { .. } | Step::Fallback { .. }));
                prop_assert_eq!(came, told);
            }
        }
    }

    #[test]
    fn any_text_is_judged_as_a_sip_uri_without_panic(text: String, likely in "sips?:([a-z;?]{0,5}@)?[a-z0-9.:\\[\\]]{0,12}(;transport=[a-z]{0,4})?") {
        for text in [text, likely] {
            if let Ok(target) = SipTarget::parse(&text) {
                let _ = Walk::of_sip(&target, &[], 0).step();
            }
        }
    }
}

#[test]
fn a_walk_without_end_is_stopped() {
    // Every name leads to nine others below it.
    let mut walk = Walk::of_service("a.example", Discovery::new("EM", &[], false).unwrap(), 0);
    let mut asked = 0;
    while let Move::Ask(question) = walk.step() {
        asked += 1;
        let leads =
            |n: u16| Naptr::new(n, 1, [b"", b"EM:A", b""], &format!("x{n}.{}", question.name)).unwrap();
        walk.answer(Records::Naptr((0..9).map(leads).collect()));
    }
    assert_eq!(MAX_QUESTIONS, asked);
    assert!(matches!(walk.steps().last(), Some(Step::Stopped { .. })));
}

#[test]
fn records_without_end_are_stopped() {
    // Twelve names that all lead to each other: 11 · 10 · 9 · 8 · 7 ways, if nothing stopped them.
    let mut walk = Walk::of_service("n0.example", Discovery::new("EM", &[], false).unwrap(), 0);
    let leads = |n: u16| Naptr::new(n, 1, [b"", b"EM:A", b""], &format!("n{n}.example")).unwrap();
    while let Move::Ask(_) = walk.step() {
        walk.answer(Records::Naptr((0..12).map(leads).collect()));
    }
    assert!(matches!(walk.steps().last(), Some(Step::Stopped { .. })));
    assert!(walk.steps().len() < 10_000);
}

#[test]
fn rules_that_cost_too_much_together_are_stopped() {
    // Each keeps its own bound; a thousand of them would take seconds.
    let regexp = format!("!{}!a:b!", "((.?){9}){9}".repeat(18));
    let costly = Naptr::new(1, 1, [b"u", b"E2U+sip", regexp.as_bytes()], ".").unwrap();
    let mut walk = Walk::of_number(b"+123456789012345", "4.4.e164.arpa", Wanted::Any, Mode::Posix);
    walk.step();
    walk.answer(Records::Naptr(vec![costly; MAX_RECORDS]));
    while walk.step() != Move::Done {}
    assert!(matches!(walk.steps().last(), Some(Step::Stopped { .. })));
    assert!((2..MAX_RECORDS / 2).contains(&walk.steps().len()), "{}", walk.steps().len());
}
