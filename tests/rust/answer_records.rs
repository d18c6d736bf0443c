//! Answers of several records by example, and the settings that are refused. `answer_properties.rs` has the
//! properties.

use std::sync::Arc;

use hickory_proto::op;
use hickory_proto::rr::RData;
use numdip_core::dns::Transport;
use numdip_core::plan::{PortedFields, RangeFields};
use numdip_core::respond::settings::RecordSettings;
use numdip_core::respond::{Responder, Settings};

use crate::respond::plan;
use crate::support::{Message, Opt, ask, owner, ported, range, rcode, responder, snapshot};

//----------- Plans and answers ----------------------------------------------

/// A record that gives a URI.
pub(crate) fn uri(preference: u16, services: &str, regexp: &str) -> RecordSettings {
    RecordSettings {
        preference,
        services: services.to_owned(),
        regexp: regexp.to_owned(),
        ..RecordSettings::with_flags("u")
    }
}

/// A record that leads on to a name.
pub(crate) fn leading_to(preference: u16, replacement: &str) -> RecordSettings {
    RecordSettings { preference, replacement: replacement.to_owned(), ..RecordSettings::with_flags("") }
}

fn with_records(records: &[RecordSettings]) -> Settings {
    Settings { records: records.to_vec(), ..Settings::default() }
}

/// The fields of a record of an answer; the replacement in text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) order: u16,
    pub(crate) preference: u16,
    pub(crate) flags: String,
    pub(crate) services: String,
    pub(crate) regexp: String,
    pub(crate) replacement: String,
}

fn response(responder: &Responder, digits: &str, transport: Transport) -> Vec<u8> {
    let query = Message::query(&owner(digits, "e164.arpa")).octets();
    ask(responder, &query, transport).unwrap()
}

/// What is sent for a number, read by hickory-proto.
pub(crate) fn sent(response: &[u8]) -> Vec<Sent> {
    let text = |octets: &[u8]| String::from_utf8(octets.to_vec()).unwrap();
    let message = op::Message::from_vec(response).unwrap();
    let of_record = |data: &RData| match data {
        RData::NAPTR(data) => Sent {
            order: data.order(),
            preference: data.preference(),
            flags: text(data.flags()),
            services: text(data.services()),
            regexp: text(data.regexp()),
            replacement: data.replacement().to_ascii(),
        },
        other => panic!("no NAPTR: {other}"),
    };
    message.answers().iter().map(|answer| of_record(answer.data())).collect()
}

fn regexps(responder: &Responder, digits: &str) -> Vec<String> {
    sent(&response(responder, digits, Transport::Tcp)).into_iter().map(|sent| sent.regexp).collect()
}

//----------- Examples -------------------------------------------------------

#[test]
fn an_ims_address_and_a_routing_number_are_a_line_each() {
    let plan = snapshot(
        &[range("447786", ["12", "12"], ["234", "15"])],
        &[PortedFields { rn: "+4412D7", ..ported("447786852522", ["310", "012"]) }],
    );
    let responder = responder(
        &plan,
        with_records(&[
            uri(20, "E2U+pstn:tel", r"!^(.*)$!tel:\1;npdi;rn={rn}!"),
            uri(10, "E2U+sip", r"!^(.*)$!sip:\1@ims.mnc{mnc3}.mcc{mcc}.3gppnetwork.org;user=phone!"),
        ]),
    );
    let record = |preference, services: &str, regexp: &str| Sent {
        order: 10,
        preference,
        flags: "u".to_owned(),
        services: services.to_owned(),
        regexp: regexp.to_owned(),
        replacement: ".".to_owned(),
    };
    for (digits, sip, tel) in [
        (
            "447786852522",
            r"!^(.*)$!sip:\1@ims.mnc012.mcc310.3gppnetwork.org;user=phone!",
            r"!^(.*)$!tel:\1;npdi;rn=+4412D7!",
        ),
        (
            "447786852523",
            r"!^(.*)$!sip:\1@ims.mnc015.mcc234.3gppnetwork.org;user=phone!",
            r"!^(.*)$!tel:\1;npdi!",
        ),
    ] {
        let expected = [record(10, "E2U+sip", sip), record(20, "E2U+pstn:tel", tel)];
        for transport in [Transport::Udp, Transport::Tcp] {
            assert_eq!(expected[..], sent(&response(&responder, digits, transport)), "{digits}");
        }
    }
    assert_eq!(3, rcode(&response(&responder, "447787", Transport::Udp)));
}

#[test]
fn a_parameter_that_is_left_out_takes_nothing_with_it() {
    let plan = snapshot(&[range("447786", ["12", "12"], ["234", "15"])], &[]);
    for (template, expected) in [
        (
            r"!^(.*)$!sip:\1;npdi;rn={rn}@gw.example;user=phone!",
            r"!^(.*)$!sip:\1;npdi@gw.example;user=phone!",
        ),
        (r"!^(.*)$!sip:\1@gw.example;rn={rn}?a=b!", r"!^(.*)$!sip:\1@gw.example?a=b!"),
        (r"!^(.*)$!sip:\1@gw.example;rn={rn};spid={spid}!", r"!^(.*)$!sip:\1@gw.example!"),
    ] {
        let responder = responder(&plan, with_records(&[uri(10, "E2U+sip", template)]));
        assert_eq!([expected], *regexps(&responder, "447786852522"), "{template}");
    }
}

#[test]
fn one_record_in_a_list_is_the_short_form() {
    let plan = snapshot(&[range("1339298", ["11", "11"], ["310", "012"])], &[]);
    let short = responder(&plan, Settings::default());
    let long = responder(&plan, with_records(&[RecordSettings::with_flags("u")]));
    for digits in ["13392986156", "999"] {
        let [short, long] = [&short, &long].map(|responder| response(responder, digits, Transport::Udp));
        assert_eq!(short, long);
    }
}

#[test]
fn a_record_that_needs_something_unknown_is_left_out() {
    let plan = snapshot(
        &[range("44", ["12", "12"], ["234", "15"]), range("43", ["5", "5"], ["", ""])],
        &[PortedFields { spid: "S1", ..ported("447786000001", ["234", "30"]) }],
    );
    let of_spid = uri(1, "E2U+sip", "!^.*$!sip:{spid}@{mcc}.example!");
    let of_rn = uri(2, "E2U+sip", "!^.*$!sip:{rn}@{mcc}.example!");
    let onwards = leading_to(3, "enum.example.");
    let both = responder(&plan, with_records(&[of_spid.clone(), of_rn.clone()]));
    assert_eq!(["!^.*$!sip:S1@234.example!"], *regexps(&both, "447786000001"));
    // None is left: the same as too little being known for the one record.
    assert_eq!(3, rcode(&response(&both, "447786000002", Transport::Udp)));
    let three = responder(&plan, with_records(&[onwards, of_rn, of_spid]));
    assert_eq!(["!^.*$!sip:S1@234.example!", ""], *regexps(&three, "447786000001"));
    assert_eq!([""], *regexps(&three, "447786000002"));
    // A network of which nothing is known gets not even a record that needs nothing.
    assert_eq!(3, rcode(&response(&three, "43150", Transport::Udp)));
}

#[test]
fn records_that_become_equal_are_sent_once() {
    let plan = snapshot(
        &[range("44", ["12", "12"], ["234", "15"])],
        &[PortedFields { rn: "+1", ..ported("447786000001", ["234", "15"]) }],
    );
    let records = [
        uri(1, "E2U+pstn:tel", r"!^(.*)$!tel:\1;npdi;rn={rn}!"),
        uri(1, "E2U+pstn:tel", r"!^(.*)$!tel:\1;npdi!"),
    ];
    let responder = responder(&plan, with_records(&records));
    assert_eq!(2, regexps(&responder, "447786000001").len());
    assert_eq!([r"!^(.*)$!tel:\1;npdi!"], *regexps(&responder, "447786000002"));
}

#[test]
fn a_number_of_any_length_is_put_in_wherever_it_is_named() {
    let plan = snapshot(&[range("4", ["1", "15"], ["232", "01"])], &[]);
    let records = [
        uri(1, "E2U+sip", "!^.*$!sip:{number}@gw.example;user=phone!"),
        uri(2, "E2U+sip", "/^.*$/{number}:{mcc}{number}/i"),
        uri(3, "E2U+pstn:tel", r"!^(.*)$!tel:\1;mcc={mcc}!"),
    ];
    let responder = responder(&plan, with_records(&records));
    for length in 1..=15 {
        let digits = &"431505641643210"[..length];
        let expected = [
            format!("!^.*$!sip:+{digits}@gw.example;user=phone!"),
            format!("/^.*$/+{digits}:232+{digits}/i"),
            r"!^(.*)$!tel:\1;mcc=232!".to_owned(),
        ];
        assert_eq!(expected[..], regexps(&responder, digits));
    }
}

#[test]
fn the_most_and_the_longest_records_go_over_tcp_whole() {
    let plan = snapshot(&[range("44", ["12", "12"], ["234", "15"])], &[]);
    // 64 records of 256 octets.
    let fits = 256 - 12 - 4 - "1u".len() - "7E2U+sip".len() - 1 - "!^.*$!sip:234!".len() - 1;
    let record =
        |preference, octets| uri(preference, "E2U+sip", &format!("!^.*$!sip:{{mcc}}{}!", "y".repeat(octets)));
    let mut records: Vec<_> = (0..64).map(|preference| record(preference, fits)).collect();
    let question = 12 + owner("447786000001", "e164.arpa").len() + 4;
    let at_limit = responder(&plan, with_records(&records));
    let whole = response(&at_limit, "447786000001", Transport::Tcp);
    assert_eq!(question + 16_384, whole.len());
    assert_eq!(64, sent(&whole).len());
    let cut = response(&at_limit, "447786000001", Transport::Udp);
    assert_eq!((question, 2, [0, 0]), (cut.len(), cut[2] & 2, [cut[6], cut[7]]), "TC and no answer");

    let refused = |records: &[RecordSettings]| {
        let [error] = &with_records(records).faults()[..] else { panic!("one fault is expected") };
        assert_eq!(error, &Responder::new(Arc::clone(&plan), with_records(records)).unwrap_err());
        error.to_string()
    };
    records[7] = record(7, fits + 1);
    assert_eq!(
        "answer.record[63]: with this record an answer may have 16385 octets, at most 16384 are sent: leave \
         records out or shorten them",
        refused(&records)
    );
    let many: Vec<_> = (0..65).map(|preference| uri(preference, "E2U+sip", "!^.*$!sip:x!")).collect();
    assert_eq!("answer.record: found 65 records, an answer has at most 64", refused(&many));
}

#[test]
fn an_answer_is_cut_where_the_client_can_take_no_more() {
    let plan = snapshot(&[range("44", ["12", "15"], ["234", "15"])], &[]);
    // With 12 digits the message has 512 octets, with 13 it has 512 + 2 + 3.
    let texts = [0, 1, 2].map(|place| format!("!^.*$!sip:{}{{number}}!", "y".repeat(place)));
    let records: Vec<_> =
        (1..).zip(&texts).map(|(preference, text)| uri(preference, "E2U+sip", text)).collect();
    let short = responder(&plan, with_records(&records));
    let left = 512 - response(&short, "447786000001", Transport::Tcp).len();
    let more = texts[0].replace("sip:", &format!("sip:{}", "y".repeat(left - left / 2)));
    let records = [
        uri(1, "E2U+sip", &more),
        uri(2, "E2U+sip", &texts[1].replace("sip:", &format!("sip:{}", "z".repeat(left / 2)))),
        records[2].clone(),
    ];
    let responder = responder(&plan, with_records(&records));
    for (digits, octets) in [("447786000001", 512), ("4477860000012", 512 + 2 + 3)] {
        let whole = response(&responder, digits, Transport::Tcp);
        assert_eq!((octets, 3), (whole.len(), sent(&whole).len()));
        let by_udp = response(&responder, digits, Transport::Udp);
        assert_eq!(octets > 512, by_udp[2] & 2 == 2, "TC");
        if octets > 512 {
            assert_eq!(12 + owner(digits, "e164.arpa").len() + 4, by_udp.len());
        } else {
            assert_eq!(whole, by_udp);
        }
        let query = Message::query(&owner(digits, "e164.arpa")).with_opt(&Opt::of_size(4096)).octets();
        assert_eq!(3, sent(&ask(&responder, &query, Transport::Udp).unwrap()).len());
    }
}

//----------- Faults ---------------------------------------------------------

#[test]
fn records_that_cannot_be_served_are_refused_by_their_key() {
    let good = uri(1, "E2U+sip", "!^.*$!sip:{mcc}@x.example!");
    let with = |change: fn(&mut RecordSettings)| {
        let mut record = good.clone();
        change(&mut record);
        record
    };
    let lead = |change: fn(&mut RecordSettings)| {
        let mut record = leading_to(1, "enum.example");
        change(&mut record);
        record
    };
    for (field, what, record) in [
        ("flags", "expected u, or nothing", with(|record| record.flags = "s".to_owned())),
        ("flags", "expected u, or nothing", with(|record| record.flags = "uu".to_owned())),
        ("services", "expected E2U and", with(|record| record.services = "SIP+D2U".to_owned())),
        ("services", "expected E2U and", with(|record| record.services = "sip+E2U".to_owned())),
        ("services", "expected E2U and", with(|record| record.services = String::new())),
        ("services", "expected E2U and", lead(|record| record.services = "x y".to_owned())),
        ("regexp", "found none, which gives the URI", with(|record| record.regexp = String::new())),
        ("regexp", "is no rule", with(|record| record.regexp = "!^.*$!{mcc}".to_owned())),
        ("regexp", "is no placeholder", with(|record| record.regexp = "!^.*$!{nmc}!".to_owned())),
        ("regexp", "a backslash stands before", with(|record| record.regexp = r"!(.*)!\{mcc}!".to_owned())),
        ("replacement", "one excludes the other", with(|record| record.replacement = "x.example".to_owned())),
        ("replacement", "one excludes the other", lead(|record| record.regexp = "!^.*$!x!".to_owned())),
        ("replacement", "empty label", with(|record| record.replacement = "x..y".to_owned())),
        ("replacement", "name a domain", lead(|record| record.replacement = ".".to_owned())),
        (
            "replacement",
            "in a regexp only",
            lead(|record| record.replacement = "mcc{mcc}.example".to_owned()),
        ),
        (
            "flags",
            "found none beside a regexp",
            lead(|record| {
                record.replacement = ".".to_owned();
                record.regexp = "!^.*$!x!".to_owned();
            }),
        ),
    ] {
        let settings = with_records(&[good.clone(), record.clone()]);
        let faults = settings.faults();
        let [fault] = &faults[..] else { panic!("{record:?}: {faults:?}") };
        assert_eq!(format!("answer.record[1].{field}"), fault.key, "{fault}");
        assert!(fault.what.contains(what), "{fault}");
        assert_eq!(*fault, Responder::new(plan(), settings).unwrap_err());
    }
}

#[test]
fn all_faults_are_told_at_once() {
    let settings = Settings {
        ttl: 1 << 31,
        records: vec![
            uri(1, "sip", "!^.*$!"),
            uri(2, "E2U+sip", "!^.*$!sip:x!"),
            leading_to(3, "."),
            uri(2, "E2U+sip", "!^.*$!sip:x!"),
        ],
        ..Settings::default()
    };
    let keys: Vec<String> = settings.faults().into_iter().map(|fault| fault.key).collect();
    let expected = [
        "answer.ttl",
        "answer.record[0].services",
        "answer.record[0].regexp",
        "answer.record[2].replacement",
        "answer.record[3]",
    ];
    assert_eq!(expected, *keys);
    assert!(Settings::default().faults().is_empty());
    let settings = Settings {
        order: 11,
        preference: 51,
        services: "E2U+sip".to_owned(),
        regexp: "!^.*$!sip:x!".to_owned(),
        ..with_records(&[RecordSettings::with_flags("u")])
    };
    let keys: Vec<String> = settings.faults().into_iter().map(|fault| fault.key).collect();
    assert_eq!(["answer.order", "answer.preference", "answer.services", "answer.regexp"], *keys);
}

#[test]
fn a_number_in_the_expression_is_refused() {
    for regexp in ["!^{number}$!sip:x!", r"!^\{number}$!sip:x!", "!(a\\!{number})!\\1!"] {
        let settings = Settings { regexp: regexp.to_owned(), ..Settings::default() };
        let [fault] = &settings.faults()[..] else { panic!("one fault is expected") };
        assert_eq!("answer.regexp", fault.key);
        assert!(fault.what.starts_with("{number} can stand in the replacement only"), "{fault}");
    }
    // The + of the number would be a delimiter.
    let settings = Settings { regexp: "+^.*$+sip:{number}+".to_owned(), ..Settings::default() };
    assert!(settings.faults()[0].what.contains("is no rule"));
}

#[test]
fn a_number_counts_as_the_longest_one() {
    let of = |octets| Settings {
        regexp: format!("!^.*$!sip:{}{{number}}!", "y".repeat(octets)),
        ..Settings::default()
    };
    let fits = 255 - "!^.*$!sip:!".len() - 16;
    let plan = snapshot(&[range("44", ["15", "15"], ["234", "15"])], &[]);
    let [regexp] = &regexps(&responder(&plan, of(fits)), "447786000001234")[..] else { panic!("one record") };
    assert_eq!(255, regexp.len());
    assert!(of(fits + 1).faults()[0].what.starts_with("256 octets once filled in with the longest values"));
}

#[test]
fn an_operator_whose_name_is_too_long_is_named_with_the_record() {
    let plan = |operator: &str| {
        let row = range("44", ["12", "12"], ["234", "15"]);
        snapshot(&[RangeFields { operator, ..row }], &[])
    };
    let settings = || {
        let of_operator = uri(1, "E2U+sip", "!^.*$!sip:{operator}@x.example;user=phone!");
        with_records(&[uri(2, "E2U+pstn:tel", "!^.*$!tel:{mcc}!"), of_operator])
    };
    let regexp = |plan| regexps(&responder(&plan, settings()), "447786000001").remove(0);
    assert_eq!("!^.*$!sip:Caf%C3%A9%20%26%20Co@x.example;user=phone!", regexp(plan("Caf\u{e9} & Co")));
    let fits = 255 - "!^.*$!sip:@x.example;user=phone!".len();
    assert_eq!(255, regexp(plan(&"x".repeat(fits))).len());
    let name = "\u{e9}".repeat(38);
    let error = Responder::new(plan(&name), settings()).unwrap_err();
    assert_eq!("answer.record[1].regexp", error.key);
    assert_eq!(
        format!(
            "260 octets for operator {name:?}, at most 255 fit in the record: shorten it or the operator's name in \
             the plan"
        ),
        error.what
    );
}
