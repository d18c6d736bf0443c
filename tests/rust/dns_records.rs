//! DNS records in plans: what is published for a number against a model in plain code, then each rule by example.

use std::collections::BTreeMap;
use std::sync::Arc;

use hickory_proto::op;
use hickory_proto::rr::RData;
use numdip_core::answer::{self, Published};
use numdip_core::dns::Transport;
use numdip_core::plan::{
    PlanBuilder, PlanError, Policy, PortedFields, RangeFields, RecordFields, ZoneRecord,
};
use numdip_core::respond::Settings;
use numdip_core::snapshot::{Snapshot, writer};
use proptest::prelude::*;

use crate::harness;
use crate::respond::{BOTH, NOERROR, NXDOMAIN, SERVFAIL};
use crate::support::{Message, Opt, ask, number, owner, ported, range, rcode, responder, wire_name};

const A: u16 = 1;
const CNAME: u16 = 5;
const TXT: u16 = 16;
const SRV: u16 = 33;

/// A row whose regexp is the whole of what it says.
fn row_for<'a>(name: &'a str, regexp: &'a str) -> RecordFields<'a> {
    RecordFields {
        name,
        order: "100",
        preference: "10",
        flags: "u",
        services: "E2U+sip",
        regexp,
        ..Default::default()
    }
}

struct Rows<'a> {
    ranges: &'a [RangeFields<'a>],
    ported: &'a [PortedFields<'a>],
    records: &'a [RecordFields<'a>],
    of_zone: &'a [ZoneRecord<'a>],
}

fn build(rows: &Rows<'_>, policy: Policy) -> Result<Arc<Snapshot>, PlanError> {
    let mut builder = PlanBuilder::new(policy);
    builder.begin_file("ranges.csv");
    for (line, row) in (2..).zip(rows.ranges) {
        builder.add_range(line, row);
    }
    builder.begin_file("ported.csv");
    for (line, row) in (2..).zip(rows.ported) {
        builder.add_ported(line, row).unwrap();
    }
    builder.begin_file("records.csv");
    for (line, row) in (2..).zip(rows.records) {
        builder.add_record(line, row);
    }
    builder.begin_file("example.zone");
    for (line, record) in (1..).zip(rows.of_zone) {
        builder.add_zone_record(line, record);
    }
    let (sections, _) = builder.finish("{}")?;
    let mut octets = Vec::new();
    writer::write(&sections, &mut octets).unwrap();
    let snapshot = Snapshot::from_octets(octets).unwrap();
    snapshot.verify().unwrap();
    Ok(Arc::new(snapshot))
}

fn with_records(records: &[RecordFields<'_>]) -> Arc<Snapshot> {
    let ranges = [range("447786", ["12", "12"], ["234", "15"])];
    let numbers = [ported("447786000001", ["234", "30"])];
    build(&Rows { ranges: &ranges, ported: &numbers, records, of_zone: &[] }, Policy::default()).unwrap()
}

fn faults(records: &[RecordFields<'_>], of_zone: &[ZoneRecord<'_>]) -> Vec<String> {
    match build(&Rows { ranges: &[], ported: &[], records, of_zone }, Policy::default()) {
        Err(PlanError::BadRows(report)) => report.faults().to_vec(),
        Ok(_) => Vec::new(),
        Err(error) => panic!("{error}"),
    }
}

/// The regexps that are published, or `None` for a network or nothing.
fn regexps(snapshot: &Snapshot, digits: &str) -> Option<Vec<String>> {
    match answer::published(&snapshot.view(), &snapshot.records(), number(digits)) {
        Ok(Published::Records(set)) => {
            Some(set.naptrs().map(|naptr| String::from_utf8(naptr.regexp().to_vec()).unwrap()).collect())
        }
        _ => None,
    }
}

fn query(name: &[u8], rtype: u16) -> Vec<u8> {
    let mut message = Message::query(name);
    let at = message.body.len() - 4;
    message.body.splice(at..at + 2, rtype.to_be_bytes());
    message.octets()
}

//----------- Against a model ------------------------------------------------

/// What is said of a prefix or a number: `*` ends a prefix.
#[derive(Clone, Debug)]
enum Said {
    Range {
        prefix: String,
        lengths: [usize; 2],
    },
    Ported(String),
    /// Name in any of its spellings, and the preference.
    Record {
        digits: String,
        is_prefix: bool,
        spelling: u8,
        preference: u16,
        ttl: u32,
    },
}

fn said() -> impl Strategy<Value = Said> {
    let digits = || "[12][0-2]{0,3}";
    prop_oneof![
        (digits(), 0..3usize, 0..4usize).prop_map(|(prefix, more, span)| {
            let least = prefix.len() + more;
            Said::Range { prefix, lengths: [least, least + span] }
        }),
        "[12][0-2]{0,5}".prop_map(Said::Ported),
        (digits(), any::<bool>(), 0..3u8, 0..3u16, 0..5u32).prop_map(
            |(digits, is_prefix, spelling, preference, ttl)| {
                Said::Record { digits, is_prefix, spelling, preference, ttl }
            }
        ),
    ]
}

/// Preference, regexp and TTL of a record.
type Told = (u16, String, u32);

/// The ways to write the owner of a record.
fn spelled(digits: &str, is_prefix: bool, spelling: u8) -> String {
    let star = if is_prefix { "*" } else { "" };
    if spelling == 0 {
        return format!("+{digits}{star}");
    }
    let mut name: String = digits.chars().rev().flat_map(|digit| [digit, '.']).collect();
    if is_prefix {
        name.insert_str(0, "*.");
    }
    name + if spelling == 1 { "e164.arpa" } else { "E164.ARPA." }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn what_is_said_of_the_most_digits_is_published(rows in prop::collection::vec(said(), 1..25)) {
        let mut builder = PlanBuilder::new(Policy { skip_bad_rows: true, last_duplicate_wins: true });
        let mut ranges: BTreeMap<String, Vec<[usize; 2]>> = BTreeMap::new();
        let mut numbers: BTreeMap<String, ()> = BTreeMap::new();
        let mut records: BTreeMap<(String, bool), Vec<Told>> = BTreeMap::new();
        for (line, row) in (2u64..).zip(&rows) {
            match row {
                Said::Range { prefix, lengths: [least, most] } => {
                    builder.begin_file("ranges.csv");
                    let [min, max] = [least.to_string(), most.to_string()];
                    builder.add_range(line, &range(prefix, [&min, &max], ["234", "15"]));
                    let standing = ranges.entry(prefix.clone()).or_default();
                    standing.retain(|[a, b]| b < least || a > most);
                    standing.push([*least, *most]);
                }
                Said::Ported(digits) => {
                    builder.begin_file("ported.csv");
                    builder.add_ported(line, &ported(digits, ["234", "30"])).unwrap();
                    numbers.insert(digits.clone(), ());
                }
                Said::Record { digits, is_prefix, spelling, preference, ttl } => {
                    builder.begin_file("records.csv");
                    let name = spelled(digits, *is_prefix, *spelling);
                    let regexp = format!("!^.*$!sip:{line}@example.com!");
                    let [preference_text, ttl_text] = [preference.to_string(), ttl.to_string()];
                    let fields = RecordFields { preference: &preference_text, ttl: &ttl_text, ..row_for(&name, &regexp) };
                    builder.add_record(line, &fields);
                    records.entry((digits.clone(), *is_prefix)).or_default().push((*preference, regexp, *ttl));
                }
            }
        }
        let (sections, _) = builder.finish("{}").unwrap();
        let mut octets = Vec::new();
        writer::write(&sections, &mut octets).unwrap();
        let snapshot = Arc::new(Snapshot::from_octets(octets).unwrap());
        snapshot.verify().unwrap();
        let responder = responder(&snapshot, Settings::default());
        let asked: Vec<String> = ranges.keys().chain(numbers.keys()).chain(records.keys().map(|(digits, _)| digits))
            .flat_map(|digits| ["", "0", "21", "012"].map(|more| format!("{digits}{more}"))).collect();
        let queries: Vec<_> = asked.iter().map(|digits| (Message::query(&owner(digits, "e164.arpa")).octets(), true)).collect();
        harness::check_batch(&responder, &queries, Transport::Udp);
        for digits in asked {
            // By search through all that is said.
            let network = |digits: &str| -> Option<bool> {
                let longest = (1..=digits.len()).rev().find(|length| ranges.contains_key(&digits[..*length]))?;
                Some(ranges[&digits[..longest]].iter().any(|[least, most]| (*least..=*most).contains(&digits.len())))
            };
            let range_digits = (1..=digits.len()).rev().find(|length| ranges.contains_key(&digits[..*length])).unwrap_or(0);
            let rule_digits =
                (1..=digits.len()).rev().find(|length| records.contains_key(&(digits[..*length].to_owned(), true)));
            let is_valid = network(&digits);
            let rule = rule_digits.filter(|length| *length > range_digits || (*length == range_digits && is_valid == Some(true)));
            let expected = match records.get(&(digits.clone(), false)) {
                Some(own) => Some(own),
                None if numbers.contains_key(&digits) => None,
                None => rule.and_then(|length| records.get(&(digits[..length].to_owned(), true))),
            };
            let code = if expected.is_some() || numbers.contains_key(&digits) || is_valid == Some(true) { NOERROR } else { NXDOMAIN };
            let response = ask(&responder, &Message::query(&owner(&digits, "e164.arpa")).with_opt(&Opt::of_size(4096)).octets(), Transport::Tcp).unwrap();
            prop_assert_eq!(code, rcode(&response), "{}", digits);
            let message = op::Message::from_vec(&response).unwrap();
            let found: Vec<Told> = message.answers().iter().map(|answer| match answer.data() {
                RData::NAPTR(data) => (data.preference(), String::from_utf8(data.regexp().to_vec()).unwrap(), answer.ttl()),
                other => panic!("no NAPTR: {other}"),
            }).collect();
            match expected {
                None => prop_assert_eq!(usize::from(code == NOERROR), found.len()),
                Some(said) => {
                    let mut said = said.clone();
                    said.sort_by_key(|(preference, _, _)| *preference);
                    let least = said.iter().map(|(_, _, ttl)| *ttl).min().unwrap();
                    said.iter_mut().for_each(|record| record.2 = least);
                    prop_assert_eq!(said, found, "{}", digits);
                }
            }
        }
    }

    #[test]
    fn any_row_of_text_is_taken_or_named(name in "\\PC{0,20}", strings in prop::array::uniform3("\\PC{0,300}"), numbers in prop::array::uniform3("\\PC{0,6}"), replacement in "\\PC{0,20}") {
        let fields = RecordFields {
            name: &name, order: &numbers[0], preference: &numbers[1], ttl: &numbers[2],
            flags: &strings[0], services: &strings[1], regexp: &strings[2], replacement: &replacement,
        };
        for fault in faults(&[fields], &[]) {
            prop_assert!(fault.starts_with("records.csv:2: "), "{}", fault);
        }
    }

    #[test]
    fn any_record_of_a_zone_is_taken_or_named(
        labels in prop::collection::vec("[0-9*a-z]{1,3}", 0..8), under in any::<bool>(), rtype in prop_oneof![Just(35u16), any::<u16>()],
        ttl: u32, rdata in prop::collection::vec(any::<u8>(), 0..60),
    ) {
        let mut labels = labels;
        if under {
            labels.extend(["e164".to_owned(), "arpa".to_owned()]);
        }
        let name = wire_name(&labels);
        for fault in faults(&[], &[ZoneRecord { name: &name, rtype, ttl, rdata: &rdata }]) {
            prop_assert!(fault.starts_with("example.zone:1: "), "{}", fault);
        }
    }
}

//----------- By example -----------------------------------------------------

#[test]
fn a_number_with_records_hides_none_of_its_neighbours() {
    // RFC 4592 would make a wildcard's siblings vanish.
    let snapshot = with_records(&[
        row_for("*.4.4.e164.arpa", r"!^\+44(.*)$!sip:\1@gw.example!"),
        row_for("+442079460148", "!^.*$!sip:info@example.com!"),
    ]);
    let own = Some(vec!["!^.*$!sip:info@example.com!".to_owned()]);
    let of_prefix = Some(vec![r"!^\+44(.*)$!sip:\1@gw.example!".to_owned()]);
    assert_eq!(own, regexps(&snapshot, "442079460148"));
    for neighbour in ["442079460149", "4420794601", "44207946014", "4420794601481", "44"] {
        assert_eq!(of_prefix, regexps(&snapshot, neighbour), "{neighbour}");
    }
    // Said of more digits: the range's network, and the ported number's.
    assert_eq!(None, regexps(&snapshot, "447786852522"));
    assert_eq!(None, regexps(&snapshot, "447786000001"));
}

#[test]
fn a_range_alone_judges_lengths_and_yields_to_records_of_its_own_prefix() {
    let snapshot = with_records(&[
        row_for("+447786*", r"!^(.*)$!sip:\1@gw.example!"),
        row_for("+44778685*", "!^.*$!sip:a@b!"),
    ]);
    assert!(regexps(&snapshot, "447786000002").is_some());
    assert_eq!(None, regexps(&snapshot, "44778600000"), "too short for the range");
    assert_eq!(None, regexps(&snapshot, "447786000001"), "ported");
    assert_eq!(
        Some(vec!["!^.*$!sip:a@b!".to_owned()]),
        regexps(&snapshot, "44778685"),
        "longer than the range's prefix"
    );
}

#[test]
fn a_wildcard_right_under_the_apex_is_for_all_numbers() {
    let snapshot = with_records(&[row_for("*.e164.arpa", r"!^(.*)$!sip:\1@gw.example!")]);
    for digits in ["1", "442079460148", "999999999999999"] {
        assert!(regexps(&snapshot, digits).is_some(), "{digits}");
    }
    assert_eq!(None, regexps(&snapshot, "447786852522"));
}

#[test]
fn more_than_a_udp_response_holds_goes_over_tcp() {
    let regexps: Vec<String> =
        (0..40).map(|n| format!("!^.*$!sip:number-{n}-with-a-long-name@gateway.example.com!")).collect();
    let preferences: Vec<String> = (0..40).map(|n| n.to_string()).collect();
    let rows: Vec<RecordFields<'_>> = regexps
        .iter()
        .zip(&preferences)
        .map(|(regexp, preference)| RecordFields { preference, ..row_for("+442079460148", regexp) })
        .collect();
    let responder = responder(&with_records(&rows), Settings::default());
    for opt in [None, Some(Opt::of_size(4096))] {
        let mut message = Message::query(&owner("442079460148", "e164.arpa"));
        if let Some(opt) = &opt {
            message = message.with_opt(opt);
        }
        let over_udp =
            op::Message::from_vec(&ask(&responder, &message.octets(), Transport::Udp).unwrap()).unwrap();
        assert!(over_udp.truncated() && over_udp.answers().is_empty());
        let over_tcp =
            op::Message::from_vec(&ask(&responder, &message.octets(), Transport::Tcp).unwrap()).unwrap();
        assert_eq!((false, 40), (over_tcp.truncated(), over_tcp.answers().len()));
    }
}

#[test]
fn names_that_are_no_numbers_are_answered_by_type() {
    let example = wire_name(&["_sip", "_udp", "Example", "com"]);
    let alias = wire_name(&["alias", "example", "com"]);
    let digits = owner("44", "e164.arpa");
    let srv = [&[0, 10, 0, 20, 0x13, 0xc4][..], &wire_name(&["gw", "example", "com"])].concat();
    let of_zone = [
        ZoneRecord { name: &example, rtype: SRV, ttl: 300, rdata: &srv },
        ZoneRecord { name: &alias, rtype: CNAME, ttl: 60, rdata: &example },
        ZoneRecord { name: &digits, rtype: TXT, ttl: 60, rdata: b"\x02hi" },
    ];
    let rows = Rows { ranges: &[], ported: &[], records: &[], of_zone: &of_zone };
    let responder = responder(&build(&rows, Policy::default()).unwrap(), Settings::default());
    let answered = |name: &[u8], rtype: u16| {
        BOTH.map(|transport| {
            let response = ask(&responder, &query(name, rtype), transport).unwrap();
            let message = op::Message::from_vec(&response).unwrap();
            let types: Vec<u16> =
                message.answers().iter().map(|record| record.record_type().into()).collect();
            (rcode(&response), types)
        })
    };
    let both = |code, types: &[u16]| [(code, types.to_vec()), (code, types.to_vec())];
    assert_eq!(both(NOERROR, &[SRV]), answered(&wire_name(&["_SIP", "_udp", "example", "COM"]), SRV));
    assert_eq!(both(NOERROR, &[]), answered(&example, A));
    assert_eq!(both(NOERROR, &[CNAME]), answered(&alias, A));
    assert_eq!(both(NOERROR, &[TXT]), answered(&digits, TXT));
    assert_eq!(both(NXDOMAIN, &[]), answered(&digits, 35));
    assert_eq!(both(SERVFAIL, &[]), answered(&wire_name(&["example", "com"]), SRV));
}

#[test]
fn what_cannot_be_served_is_named_with_its_place() {
    let long = "x".repeat(256);
    let cases = [
        (
            row_for("+44x", "!^.*$!sip:a@b!"),
            "records.csv:2: column \"name\": \"+44x\" is no number and no prefix",
        ),
        (
            row_for("441632960083", "!^.*$!sip:a@b!"),
            "records.csv:2: column \"name\": \"441632960083\" has no +: write +441632960083",
        ),
        (
            row_for("0.4.4.0.e164.arpa", "!^.*$!sip:a@b!"),
            "records.csv:2: column \"name\": 0.4.4.0.e164.arpa.: ",
        ),
        (
            row_for("*.example.com", "!^.*$!sip:a@b!"),
            "records.csv:2: column \"name\": *.example.com.: a wildcard stands for",
        ),
        (row_for("+44", "!^.*$!sip:a@b"), "records.csv:2: regexp \"!^.*$!sip:a@b\" is no rule: "),
        (row_for("+44", r"!^.*$!sip:\1@b!"), "records.csv:2: regexp \"!^.*$!sip:\\\\1@b!\" is no rule: "),
        (row_for("+44", &long), "records.csv:2: regexp: 256 octets, at most 255"),
        (
            RecordFields { order: "65536", ..row_for("+44", "") },
            "records.csv:2: column \"order\": found \"65536\", expected a number from 0 to 65535",
        ),
        (RecordFields { ttl: "1h", ..row_for("+44", "") }, "records.csv:2: column \"ttl\": found \"1h\""),
        (
            RecordFields { replacement: "a..b", ..row_for("+44", "") },
            "records.csv:2: replacement: an empty label",
        ),
    ];
    for (row, expected) in cases {
        let found = faults(&[row], &[]);
        assert!(found.len() == 1 && found[0].starts_with(expected), "{found:?} instead of {expected}");
    }
    let (alias, twice) = (owner("44", "e164.arpa"), owner("44", "e164.arpa.e164.arpa"));
    for (name, rtype, expected) in [
        (&alias, CNAME, "example.zone:1: 4.4.e164.arpa.: aliases of numbers are not followed"),
        (&twice, 35, "example.zone:1: 4.4.e164.arpa.e164.arpa.: ends in e164.arpa twice"),
    ] {
        let found = faults(&[], &[ZoneRecord { name, rtype, ttl: 1, rdata: &alias }]);
        assert!(found.len() == 1 && found[0].starts_with(expected), "{found:?} instead of {expected}");
    }
    let twice = faults(&[row_for("+44", "!^.*$!sip:a@b!"), row_for("4.4.e164.arpa", "!^.*$!sip:a@b!")], &[]);
    assert_eq!(vec!["records.csv:3: +44 has this record in records.csv:2 already"], twice);
    let numbers: Vec<String> = (0..65).map(|n| n.to_string()).collect();
    let many: Vec<RecordFields<'_>> =
        numbers.iter().map(|order| RecordFields { order, ..row_for("+44", "!^.*$!sip:a@b!") }).collect();
    assert_eq!(vec!["records.csv:66: +44 has more than 64 records of one type"], faults(&many, &[]));
}

#[test]
fn both_paths_answer_with_records_that_the_library_cannot_read() {
    let apl = wire_name(&["apl", "example", "com"]);
    let led = owner("44", "e164.arpa");
    // A blank, a quote, an @ and an octet above 127 in the name that it leads to.
    let next = wire_name(&[b"a b\"@\xc8".as_slice(), b"example"]);
    let naptr = [&[0, 10, 0, 50, 0, 0, 0][..], &next].concat();
    let of_zone = [
        ZoneRecord { name: &apl, rtype: 42, ttl: 60, rdata: b"" },
        ZoneRecord { name: &led, rtype: 35, ttl: 60, rdata: &naptr },
    ];
    let rows = Rows { ranges: &[], ported: &[], records: &[], of_zone: &of_zone };
    let responder = responder(&build(&rows, Policy::default()).unwrap(), Settings::default());
    for (name, rtype, rdata) in [(&apl, 42, &b""[..]), (&led, 35, &naptr)] {
        let hot = ask(&responder, &query(name, rtype), Transport::Udp).unwrap();
        let mut out = vec![0; 65_535];
        let length =
            responder.respond_by_library(&query(name, rtype), true, Transport::Udp, &mut out).unwrap();
        assert_eq!(hot, out[..length]);
        assert_eq!((1, true), (hot[7], hot.ends_with(rdata)));
    }
}

#[test]
fn a_plan_of_records_alone_is_one() {
    let rows = [row_for("+44", "!^.*$!sip:a@b!")];
    let rows = Rows { ranges: &[], ported: &[], records: &rows, of_zone: &[] };
    assert!(regexps(&build(&rows, Policy::default()).unwrap(), "44").is_some());
}
