//! Requests to responses: the interface's table row by row, settings, apexes. `respond_edns.rs` has EDNS and the
//! limits of messages, `respond_properties.rs` the properties.

use std::sync::Arc;

use hickory_proto::op;
use hickory_proto::rr::RData;
use hickory_proto::rr::rdata::NAPTR;
use numdip_core::apex::Apex;
use numdip_core::dns::Transport;
use numdip_core::plan::PortedFields;
use numdip_core::respond::{Partial, Responder, Settings};
use numdip_core::snapshot::Snapshot;

use crate::support::{
    Message, Opt, ask, hex, number, owner, ported, range, rcode, responder, snapshot, unhex, wire_name,
};

pub(crate) const NOERROR: u16 = 0;
pub(crate) const SERVFAIL: u16 = 2;
pub(crate) const NXDOMAIN: u16 = 3;
pub(crate) const REFUSED: u16 = 5;
pub(crate) const BADVERS: u16 = 16;

pub(crate) const BOTH: [Transport; 2] = [Transport::Udp, Transport::Tcp];

/// One row for each way that a number can be found or not.
pub(crate) fn plan() -> Arc<Snapshot> {
    let ranges = [
        range("1339298", ["11", "11"], ["310", "012"]),
        range("447786", ["12", "12"], ["234", "15"]),
        range("4477861", ["12", "12"], ["", ""]),
        range("4420", ["12", "12"], ["234", ""]),
        range("43", ["4", "13"], ["232", "01"]),
    ];
    let numbers = [
        ported("447786000001", ["234", "30"]),
        ported("4420794601", ["234", "10"]),
        ported("447786000002", ["234", ""]),
        ported("99", ["901", "01"]),
    ];
    snapshot(&ranges, &numbers)
}

fn apexes(names: &[&str]) -> Vec<Apex> {
    names.iter().map(|name| Apex::new(name).unwrap()).collect()
}

/// The NAPTR record that a response carries.
pub(crate) fn record(response: &[u8]) -> NAPTR {
    let message = op::Message::from_vec(response).unwrap();
    match message.answers() {
        [answer] => match answer.data() {
            RData::NAPTR(data) => data.clone(),
            other => panic!("no NAPTR: {other}"),
        },
        other => panic!("{} answers", other.len()),
    }
}

/// The regexp of the answer for a number.
pub(crate) fn regexp(responder: &Responder, digits: &str) -> Option<String> {
    let query = Message::query(&owner(digits, "e164.arpa")).octets();
    let response = ask(responder, &query, Transport::Udp).unwrap();
    match rcode(&response) {
        NOERROR => Some(String::from_utf8(record(&response).regexp().to_vec()).unwrap()),
        NXDOMAIN => None,
        other => panic!("response code {other}"),
    }
}

//----------- The documented octets ------------------------------------------

#[test]
fn the_documented_query_gets_the_documented_113_octets() {
    let query =
        "25280100000100000000000001360135013101360138013901320139013301330131046531363404617270610000230001";
    let response = "2528 8000 0001 0001 0000 0000
        0136 0135 0131 0136 0138 0139 0132 0139 0133 0133 0131 0465313634 0461727061 00 0023 0001
        c00c 0023 0001 00000003 0034
        000a 0032 0175 0c 4532552b7073746e3a74656c
        1f 215e282e2a29242174656c3a 5c31 3b6d63633d333130 3b6d6e633d303132 21 00";
    let responder = responder(&plan(), Settings::default());
    for transport in BOTH {
        let found = ask(&responder, &unhex(query), transport).unwrap();
        assert_eq!(113, found.len());
        assert_eq!(hex(&unhex(response)), hex(&found));
    }
}

//----------- The interface's table ------------------------------------------

/// Asks over both transports and compares the response code and the count of answers.
fn expect(responder: &Responder, row: &str, code: u16, request: &[u8]) {
    for transport in BOTH {
        let response = ask(responder, request, transport).unwrap_or_else(|| panic!("{row}: dropped"));
        let message = op::Message::from_vec(&response).unwrap();
        assert_eq!(code, rcode(&response), "{row} over {transport:?}");
        assert_eq!(usize::from(code == NOERROR), message.answers().len(), "{row} over {transport:?}");
        assert!(message.name_servers().is_empty() && message.additionals().is_empty(), "{row}");
    }
}

#[test]
fn the_table_holds_row_by_row() {
    let responder = responder(&plan(), Settings::default());
    let of = |digits: &str| Message::query(&owner(digits, "e164.arpa"));
    let named = |labels: &[&str]| Message::query(&wire_name(&[labels, &["e164", "arpa"]].concat())).octets();
    let typed = |rtype: u16, class: u16| {
        let mut query = of("13392986156");
        let end = query.body.len() - 4;
        query.body.truncate(end);
        query.body.extend([rtype.to_be_bytes(), class.to_be_bytes()].concat());
        query.octets()
    };
    let with = |change: fn(&mut Message)| {
        let mut query = of("13392986156");
        change(&mut query);
        query.octets()
    };

    for (row, digits) in [
        ("in a range", "13392986156"),
        ("in the longer of two ranges' prefix, ported", "447786000001"),
        ("ported, its length wrong for its range", "4420794601"),
        ("ported, in no range", "99"),
        ("shortest of an open plan", "4312"),
        ("longest of an open plan", "4315056416432"),
    ] {
        expect(&responder, row, NOERROR, &of(digits).octets());
    }
    for (row, digits) in [
        ("in no range", "999"),
        ("one digit", "1"),
        ("too short for its range", "1339298615"),
        ("too long for its range", "133929861567"),
        ("right length for the shorter prefix only", "4477861"),
        ("its network unknown", "447786100000"),
        ("its MNC unknown", "442079460148"),
        ("ported, its MNC unknown", "447786000002"),
        ("15 digits", "999999999999999"),
        ("no country code starts with 0", "013392986156"),
    ] {
        expect(&responder, row, NXDOMAIN, &of(digits).octets());
    }
    for (row, request) in [
        ("no digits", of("").octets()),
        ("16 digits", of("1339298615612345").octets()),
        ("16 digits, the first 0", of("0339298615612345").octets()),
        ("120 digits", of(&"1".repeat(120)).octets()),
        ("a label of two digits", named(&["61", "5", "1", "6", "8", "9", "2", "9", "3", "3", "1"])),
        ("a letter", named(&["a", "5", "1"])),
        (
            "a letter in front of a number",
            named(&["x", "6", "5", "1", "6", "8", "9", "2", "9", "3", "3", "1"]),
        ),
        ("a wildcard", named(&["*", "4", "4"])),
        ("infrastructure ENUM", named(&["4", "i", "4", "4"])),
        ("another apex", Message::query(&owner("13392986156", "e164.example")).octets()),
        ("apex inside a label", Message::query(&owner("13392986156", "xe164.arpa")).octets()),
        ("above the apex", Message::query(&owner("", "arpa")).octets()),
        ("the root", Message::query(&[0]).octets()),
        ("type A", typed(1, 1)),
        ("type SOA", typed(6, 1)),
        ("type OPT", typed(41, 1)),
        ("type ANY", typed(255, 1)),
        ("type 0", typed(0, 1)),
        ("type 65535", typed(65535, 1)),
        ("class CH", typed(35, 3)),
        ("class ANY", typed(35, 255)),
        ("class 0", typed(35, 0)),
        ("opcode IQUERY", with(|query| query.flags |= 1 << 11)),
        ("opcode STATUS", with(|query| query.flags |= 2 << 11)),
        ("opcode NOTIFY", with(|query| query.flags |= 4 << 11)),
        ("opcode UPDATE", with(|query| query.flags |= 5 << 11)),
        ("opcode 15", with(|query| query.flags |= 15 << 11)),
        ("no question", with(|query| query.counts[0] = 0)),
        ("a question announced, not there", with(|query| query.body.clear())),
        (
            "two questions",
            with(|query| {
                query.counts[0] = 2;
                query.body.extend(query.body.clone());
            }),
        ),
        ("half a question", with(|query| query.body.truncate(20))),
        ("octets behind the question", with(|query| query.body.push(0))),
        ("an answer announced, not there", with(|query| query.counts[1] = 1)),
        (
            "an answer",
            with(|query| {
                query.counts[1] = 1;
                query.body.extend(unhex("c00c 0001 0001 00000000 0004 7f000001"));
            }),
        ),
        (
            "an authority record",
            with(|query| {
                query.counts[2] = 1;
                query.body.extend(unhex("c00c 0001 0001 00000000 0004 7f000001"));
            }),
        ),
        ("65535 additional records announced", with(|query| query.counts[3] = 65535)),
    ] {
        expect(&responder, row, SERVFAIL, &request);
    }
    for (row, request) in [
        ("flags that mean nothing in a query", with(|query| query.flags |= 0x07ff)),
        (
            "an additional record that is no OPT",
            of("13392986156").with_additional(1, 1, &[127, 0, 0, 1]).octets(),
        ),
        ("signed by an unknown key", of("13392986156").signed().octets()),
        ("OPT and another record", of("13392986156").with_opt(&Opt::of_size(1232)).signed().octets()),
        (
            "OPT behind another record",
            of("13392986156").with_additional(1, 1, &[127, 0, 0, 1]).with_opt(&Opt::of_size(0)).octets(),
        ),
    ] {
        expect(&responder, row, NOERROR, &request);
    }
}

#[test]
fn what_is_no_request_is_dropped() {
    let responder = responder(&plan(), Settings::default());
    let query = Message::query(&owner("13392986156", "e164.arpa")).octets();
    for permitted in [true, false] {
        for transport in BOTH {
            let dropped = |request: &[u8]| {
                responder.respond(request, permitted, transport, &mut [0; 2048]).is_none()
                    && responder.respond_by_library(request, permitted, transport, &mut [0; 2048]).is_none()
            };
            for length in 0..12 {
                assert!(dropped(&query[..length]), "{length} octets");
            }
            let mut response = query.clone();
            response[2] |= 0x80;
            assert!(dropped(&response), "QR set");
            assert!(dropped(&response[..12]), "QR set, header alone");
            assert!(!dropped(&query[..12]), "header alone");
            assert!(!dropped(&query));
        }
    }
}

#[test]
fn strangers_are_refused_before_anything_is_read() {
    let responder = responder(&plan(), Settings::default());
    let found = Message::query(&owner("13392986156", "e164.arpa"));
    let mut version_1 = Opt::of_size(1232);
    version_1.version = 1;
    for (request, with_question, with_opt) in [
        (found.octets(), 1, false),
        (found.clone().with_opt(&version_1).octets(), 1, true),
        (found.clone().with_opt(&version_1).with_opt(&version_1).octets(), 1, true),
        (Message::query(&wire_name(&["x"])).octets(), 1, false),
        (found.octets()[..12].to_vec(), 0, false),
        (unhex("2528 7800 ffff ffff ffff ffff c00c"), 0, false),
    ] {
        for transport in BOTH {
            let mut out = [0; 512];
            let length = responder.respond(&request, false, transport, &mut out).unwrap();
            let message = op::Message::from_vec(&out[..length]).unwrap();
            assert_eq!(REFUSED, u16::from(message.response_code()), "{}", hex(&request));
            assert_eq!(with_question, message.queries().len(), "{}", hex(&request));
            assert_eq!(with_opt, message.extensions().is_some(), "{}", hex(&request));
            assert!(message.answers().is_empty());
        }
    }
}

//----------- Settings -------------------------------------------------------

#[test]
fn each_setting_reaches_the_record() {
    let settings = Settings {
        ttl: 0x7fff_ffff,
        order: 65_535,
        preference: 0,
        services: "E2U+sip".to_owned(),
        regexp: "/^.*$/sip:{mnc3}.{mcc}@example.net/i".to_owned(),
        ..Settings::default()
    };
    let responder = responder(&plan(), settings);
    let query = Message::query(&owner("447786000000", "e164.arpa")).octets();
    let response = ask(&responder, &query, Transport::Udp).unwrap();
    let data = record(&response);
    assert_eq!((65_535, 0), (data.order(), data.preference()));
    assert_eq!((&b"u"[..], &b"E2U+sip"[..]), (data.flags(), data.services()));
    assert_eq!("/^.*$/sip:015.234@example.net/i", String::from_utf8_lossy(data.regexp()));
    assert_eq!(0x7fff_ffff, op::Message::from_vec(&response).unwrap().answers()[0].ttl());
}

#[test]
fn a_partial_answer_leaves_out_what_is_unknown() {
    let ranges = [
        range("1", ["", ""], ["310", "012"]),
        range("2", ["", ""], ["602", ""]),
        range("3", ["", ""], ["", ""]),
    ];
    let moved = [
        PortedFields { spid: "7", rn: "+1404", ..ported("11", ["310", "012"]) },
        PortedFields { spid: "8", ..ported("12", ["310", ""]) },
    ];
    let plan = snapshot(&ranges, &moved);
    let of = |regexp: &str, partial| {
        responder(&plan, Settings { regexp: regexp.to_owned(), partial, ..Settings::default() })
    };
    let usual = r"!^(.*)$!tel:\1;mcc={mcc};mnc={mnc}!";
    let long = r"!^(.*)$!tel:\1;rn={rn};mcc={mcc};mnc={mnc};spid={spid}!i";
    let needed = r"!^.*$!sip:{mnc}@{mcc}.example;spid={spid}!";
    let (answer, nxdomain) = (Partial::Answer, Partial::NxDomain);
    for (template, partial, digits, expected) in [
        (usual, answer, "10", Some(r"!^(.*)$!tel:\1;mcc=310;mnc=012!")),
        (usual, answer, "20", Some(r"!^(.*)$!tel:\1;mcc=602!")),
        (usual, answer, "30", None),
        (usual, nxdomain, "20", None),
        (long, answer, "11", Some(r"!^(.*)$!tel:\1;rn=+1404;mcc=310;mnc=012;spid=7!i")),
        (long, answer, "12", Some(r"!^(.*)$!tel:\1;mcc=310;spid=8!i")),
        (long, answer, "20", Some(r"!^(.*)$!tel:\1;mcc=602!i")),
        // What is unknown beside a known MNC is left out whatever `partial` says.
        (long, nxdomain, "10", Some(r"!^(.*)$!tel:\1;mcc=310;mnc=012!i")),
        (long, nxdomain, "12", None),
        // Without a value that the rule cannot do without there is no answer.
        (needed, answer, "10", Some("!^.*$!sip:012@310.example!")),
        (needed, answer, "20", None),
    ] {
        assert_eq!(
            expected.map(str::to_owned),
            regexp(&of(template, partial), digits),
            "{template} for {digits}"
        );
    }
}

#[test]
fn settings_that_cannot_be_served_are_refused_by_their_key() {
    let refused = |settings: Settings| Responder::new(plan(), settings).unwrap_err();
    let with_regexp = |regexp: &str| Settings { regexp: regexp.to_owned(), ..Settings::default() };
    let with_services = |services: String| Settings { services, ..Settings::default() };
    for (key, settings) in [
        ("server.apex", Settings { apexes: Vec::new(), ..Settings::default() }),
        ("answer.ttl", Settings { ttl: 1 << 31, ..Settings::default() }),
        ("answer.services", with_services(String::new())),
        ("answer.services", with_services("x".repeat(256))),
        ("answer.services", with_services("E2U sip".to_owned())),
        ("answer.services", with_services("E2U+p\u{e9}".to_owned())),
        ("answer.regexp", with_regexp("")),
        ("answer.regexp", with_regexp("!^.*$!tel:")),
        ("answer.regexp", with_regexp("!^.*$!tel:\\1!")),
        ("answer.regexp", with_regexp("!^(.*)$!tel:\\1;mcc={mcx}!")),
        ("answer.regexp", with_regexp("!^(.*$!tel:{mcc}!")),
        ("answer.regexp", with_regexp("!^.*$!tel:{mcc}!g")),
        ("answer.regexp", with_regexp(&format!("!^.*$!tel:{}!", "y".repeat(255)))),
    ] {
        let error = refused(settings);
        assert_eq!(key, error.key, "{error}");
        assert!(error.to_string().starts_with(key));
        assert!(error.what.len() > 20, "says what to do: {error}");
    }
}

#[test]
fn braces_of_the_expression_are_no_placeholders() {
    let settings =
        Settings { regexp: r"!^([0-9+]{4,16})$!tel:\1;mcc={mcc}!".to_owned(), ..Settings::default() };
    let responder = responder(&plan(), settings);
    assert_eq!(Some(r"!^([0-9+]{4,16})$!tel:\1;mcc=310!".to_owned()), regexp(&responder, "13392986156"));
}

#[test]
fn no_text_of_a_plan_keeps_a_responder_from_starting() {
    // The characters that mean something in a rule or a tel URI, and one that is not ASCII.
    let spid = "a!b\\c;d=e \u{e9}%";
    let plan = snapshot(&[], &[PortedFields { spid, ..ported("11", ["310", "012"]) }]);
    let settings = Settings { regexp: "!^.*$!tel:1;spid={spid}!".to_owned(), ..Settings::default() };
    let expected = "!^.*$!tel:1;spid=a%21b%5Cc%3Bd%3De%20%C3%A9%25!";
    assert_eq!(Some(expected.to_owned()), regexp(&responder(&plan, settings), "11"));
}

//----------- Apexes ---------------------------------------------------------

#[test]
fn each_of_several_apexes_is_served_whatever_their_order() {
    let plan = plan();
    let names = ["e164.arpa", "enum.example", "numbers.e164.arpa", "."];
    for turn in 0..names.len() {
        let mut names = names;
        names.rotate_left(turn);
        let responder = responder(&plan, Settings { apexes: apexes(&names), ..Settings::default() });
        for apex in ["e164.arpa", "ENUM.Example", "numbers.E164.arpa", ""] {
            for (digits, code) in [("13392986156", NOERROR), ("999", NXDOMAIN), ("", SERVFAIL)] {
                let query = Message::query(&owner(digits, apex)).octets();
                expect(&responder, &format!("{digits} under {apex:?}, {names:?}"), code, &query);
            }
        }
        let elsewhere = Message::query(&owner("13392986156", "example")).octets();
        expect(&responder, "outside every apex but the root", SERVFAIL, &elsewhere);
    }
}

#[test]
fn of_apexes_that_both_make_a_name_a_number_the_first_counts() {
    // 447786000000 under e164.arpa is 7786000000 under 4.4.e164.arpa.
    let plan = snapshot(&[range("44", ["", ""], ["234", "15"]), range("7", ["", ""], ["250", "01"])], &[]);
    let query = Message::query(&owner("447786000000", "e164.arpa")).octets();
    for (names, mcc) in [(["e164.arpa", "4.4.e164.arpa"], "234"), (["4.4.e164.arpa", "e164.arpa"], "250")] {
        let responder = responder(&plan, Settings { apexes: apexes(&names), ..Settings::default() });
        let response = ask(&responder, &query, Transport::Udp).unwrap();
        let rule = String::from_utf8(record(&response).regexp().to_vec()).unwrap();
        assert!(rule.contains(&format!("mcc={mcc}")), "{names:?}: {rule}");
    }
}

#[test]
fn an_apex_reads_back_from_its_text() {
    for name in [".", "e164.arpa", "e164.arpa.", "E164.arpa", r"a\.b.example", r"example.a\.", r"\032.\000"] {
        let apex = Apex::new(name).unwrap();
        assert_eq!(apex, Apex::new(&apex.to_string()).unwrap(), "{name} as {apex}");
    }
    assert_eq!(owner("", "e164.arpa"), Apex::new("E164.arpa").unwrap().wire());
    assert!(Apex::new("").is_err());
    let longest = ["a".repeat(63), "b".repeat(63), "c".repeat(63), "d".repeat(59)].join(".");
    let apex = Apex::new(&longest).unwrap();
    assert_eq!(255, wire_name(&[&["1"], &longest.split('.').collect::<Vec<_>>()[..]].concat()).len());
    assert!(apex.owner_name(number("1")).is_ok());
    assert!(apex.owner_name(number("12")).is_err());
    assert!(Apex::new(&(longest + "d")).is_err());
}

#[test]
fn the_owner_keeps_the_letter_case_of_the_question() {
    let responder = responder(&plan(), Settings::default());
    for apex in ["e164.arpa", "E164.ARPA", "e164.aRPa", "E164.arpA"] {
        let query = Message::query(&owner("13392986156", apex));
        // Beside another record the library compresses the owner itself.
        for request in [query.octets(), query.clone().signed().octets()] {
            let response = ask(&responder, &request, Transport::Udp).unwrap();
            assert_eq!(query.body, response[12..12 + query.body.len()], "question");
            assert_eq!([0xc0, 0x0c], response[12 + query.body.len()..][..2], "owner");
            let message = op::Message::from_vec(&response).unwrap();
            assert!(message.answers()[0].name().to_ascii().ends_with(&format!("{apex}.")));
        }
    }
}
