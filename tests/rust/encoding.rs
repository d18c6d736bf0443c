//! NAPTR record data, on the wire and in text, against hickory-proto's.

use hickory_proto::op;
use hickory_proto::rr::rdata::NAPTR;
use hickory_proto::rr::{Name, RData, Record, RecordType};
use hickory_proto::serialize::binary::{BinDecodable, BinDecoder, BinEncodable};
use hickory_proto::serialize::txt::RDataParser;
use numdip_core::apex::Apex;
use numdip_core::exchange::{Exchange, Reply};
use numdip_core::naptr::{Naptr, NaptrError, text};
use proptest::prelude::*;

use crate::support::{number, unhex, wire_name};

//----------- Strategies -----------------------------------------------------

/// The fields of a record; the replacement as labels.
#[derive(Clone, Debug)]
struct Fields {
    order: u16,
    preference: u16,
    flags: Vec<u8>,
    services: Vec<u8>,
    regexp: Vec<u8>,
    replacement: Vec<Vec<u8>>,
}

impl Fields {
    fn ours(&self) -> Naptr {
        let name = Name::from_labels(self.replacement.clone()).unwrap();
        let mut replacement = name.to_ascii();
        if replacement.is_empty() {
            replacement.push('.');
        }
        // From the wire, so that no text form stands between the labels and the record.
        let wire = self.wire();
        let record = Naptr::from_wire(&wire).unwrap();
        let strings = [&self.flags[..], &self.services, &self.regexp];
        // hickory-proto's text of a name is ours too, as far as it escapes what it must.
        if self.replacement.iter().flatten().all(u8::is_ascii_alphanumeric) {
            assert_eq!(Ok(&record), Naptr::new(self.order, self.preference, strings, &replacement).as_ref());
        }
        record
    }

    fn theirs(&self) -> NAPTR {
        let boxed = |octets: &Vec<u8>| octets.clone().into_boxed_slice();
        NAPTR::new(
            self.order,
            self.preference,
            boxed(&self.flags),
            boxed(&self.services),
            boxed(&self.regexp),
            Name::from_labels(self.replacement.clone()).unwrap(),
        )
    }

    /// RFC 3403 §4.1, written down once more.
    fn wire(&self) -> Vec<u8> {
        let mut wire = [self.order.to_be_bytes(), self.preference.to_be_bytes()].concat();
        for string in [&self.flags, &self.services, &self.regexp] {
            wire.push(u8::try_from(string.len()).unwrap());
            wire.extend(string);
        }
        wire.extend(wire_name(&self.replacement));
        wire
    }
}

/// Any octets in services and regexp, in flags what hickory-proto takes; labels of any octets, in
/// small letters since it writes names in their canonical form.
fn fields() -> impl Strategy<Value = Fields> {
    let string = || prop_oneof![3 => prop::collection::vec(any::<u8>(), 0..40), 1 => prop::collection::vec(any::<u8>(), 255)];
    let octet = any::<u8>().prop_map(|octet| octet.to_ascii_lowercase());
    let label =
        prop_oneof![4 => prop::collection::vec(octet.clone(), 1..12), 1 => prop::collection::vec(octet, 63)];
    let name = prop::collection::vec(label, 0..4);
    (any::<u16>(), any::<u16>(), "[a-zA-Z0-9]{0,3}", string(), string(), name).prop_map(
        |(order, preference, flags, services, regexp, replacement)| Fields {
            order,
            preference,
            flags: flags.into_bytes(),
            services,
            regexp,
            replacement,
        },
    )
}

//----------- On the wire ----------------------------------------------------

proptest! {
    #[test]
    fn both_write_and_read_the_same_octets(fields in fields()) {
        let (ours, theirs) = (fields.ours(), fields.theirs());
        let wire = fields.wire();
        prop_assert_eq!(&wire, &ours.to_wire());
        prop_assert_eq!(&wire, &theirs.to_bytes().unwrap());
        let mut decoder = BinDecoder::new(&wire);
        prop_assert_eq!(theirs, NAPTR::read(&mut decoder).unwrap());
        prop_assert!(decoder.is_empty());
        prop_assert_eq!((fields.order, fields.preference), (ours.order(), ours.preference()));
        prop_assert_eq!([&fields.flags[..], &fields.services, &fields.regexp], [ours.flags(), ours.services(), ours.regexp()]);
    }

    #[test]
    fn octets_are_taken_exactly_or_not_at_all(fields in fields(), more in prop::collection::vec(any::<u8>(), 1..4)) {
        let wire = fields.wire();
        for length in 0..wire.len() {
            prop_assert!(Naptr::from_wire(&wire[..length]).is_err(), "{} of {}", length, wire.len());
        }
        prop_assert!(Naptr::from_wire(&[wire, more].concat()).is_err());
    }

    /// What hickory-proto refuses we refuse, but for flags (it takes letters and digits alone) and
    /// compressed names, which point into a message that is not there.
    #[test]
    fn damaged_octets_are_judged_alike(fields in fields(), place: prop::sample::Index, octet: u8) {
        let mut wire = fields.wire();
        let place = place.index(wire.len());
        wire[place] = octet;
        let mut decoder = BinDecoder::new(&wire);
        let theirs = NAPTR::read(&mut decoder).ok().filter(|_| decoder.is_empty());
        let ours = Naptr::from_wire(&wire);
        match (theirs, &ours) {
            (Some(theirs), Ok(ours)) => prop_assert_eq!(theirs.regexp(), ours.regexp()),
            (None, Ok(ours)) => prop_assert!(!ours.flags().iter().all(u8::is_ascii_alphanumeric)),
            (Some(_), Err(_)) => prop_assert!(wire.iter().any(|octet| *octet >= 0xc0)),
            (None, Err(_)) => {}
        }
        if let Ok(ours) = ours {
            prop_assert_eq!(wire, ours.to_wire());
        }
    }

    #[test]
    fn a_client_reads_the_records_that_hickory_proto_writes(all in prop::collection::vec((any::<u32>(), fields()), 0..5)) {
        let exchange = Exchange::new(number("13392986156"), &Apex::new("e164.arpa").unwrap(), 7, true).unwrap();
        let mut message = op::Message::from_vec(exchange.query()).unwrap();
        message.set_message_type(op::MessageType::Response);
        prop_assert_eq!(message.queries()[0].name().to_ascii(), exchange.name());
        let owner = message.queries()[0].name().clone();
        for (ttl, fields) in &all {
            message.add_answer(Record::from_rdata(owner.clone(), *ttl, RData::NAPTR(fields.theirs())));
        }
        let reply = exchange.read(&message.to_bytes().unwrap()).unwrap();
        let mut expected: Vec<(u32, Naptr)> = all
            .iter()
            // A TTL of more than 31 bits is none (RFC 2181 §8).
            .map(|(ttl, fields)| (if ttl >> 31 == 0 { *ttl } else { 0 }, fields.ours()))
            .collect();
        expected.sort_by_key(|(_, record)| (record.order(), record.preference()));
        prop_assert_eq!(expected, reply.records);
    }
}

#[test]
fn a_compressed_replacement_is_read_in_a_message_and_refused_alone() {
    // The replacement is a pointer to the question's name, as old servers have it (RFC 3597 §4).
    let exchange = Exchange::new(number("1"), &Apex::new("e164.arpa").unwrap(), 0x2528, false).unwrap();
    let rdata = "000a 0032 00 07 4532552b736970 00 c00e";
    let response = [
        "2528 8400 0001 0001 0000 0000 0131 0465313634 0461727061 00 0023 0001 c00c 0023 0001 00000003 0010",
        rdata,
    ]
    .concat();
    let reply = exchange.read(&unhex(&response)).unwrap();
    assert_eq!(
        vec!["e164.arpa."],
        reply.records.iter().map(|(_, record)| record.replacement()).collect::<Vec<_>>()
    );
    assert_eq!(Err(NaptrError::ReplacementOctets), Naptr::from_wire(&unhex(rdata)));
}

#[test]
fn what_is_no_response_to_a_query_is_not_read() {
    let exchange = Exchange::new(number("1"), &Apex::new("e164.arpa").unwrap(), 0x2528, false).unwrap();
    let question = "0131 0465313634 0461727061 00 0023 0001";
    let rcode = |octets: &str| exchange.read(&unhex(octets)).map(|reply| reply.rcode_name());
    let read = |header: &str| rcode(&[header, question].concat());
    assert_eq!(Some("NXDOMAIN".to_owned()), read("2528 8403 0001 0000 0000 0000"));
    assert_eq!(Some("RCODE11".to_owned()), read("2528 840b 0001 0000 0000 0000"));
    assert_eq!(None, read("2528 0403 0001 0000 0000 0000"), "a query");
    assert_eq!(None, read("2528 a403 0001 0000 0000 0000"), "a response to NOTIFY");
    assert_eq!(None, read("2529 8403 0001 0000 0000 0000"), "another id");
    // A server that could not read the question may leave it out.
    assert_eq!(Some("SERVFAIL".to_owned()), rcode("2528 8402 0000 0000 0000 0000"));
}

#[test]
fn parameters_are_what_stands_behind_the_address() {
    for (regexp, expected) in [
        (r"!^(.*)$!tel:\1;mcc=310;mnc=012!", &[("mcc", "310"), ("mnc", "012")][..]),
        (r"!^(.*)$!tel:\1;npdi;rn=+1404!i", &[("npdi", ""), ("rn", "+1404")]),
        // Some providers send parameters and no address.
        ("!^.*$!mcc=310;mnc=012!", &[("mcc", "310"), ("mnc", "012")]),
        ("!^.*$!sip:a=b@example.com;x=y!", &[("x", "y")]),
        ("!^.*$!tel:+1!", &[]),
        ("!^.*$!nothing!", &[]),
        ("no rule", &[]),
    ] {
        let record = Naptr::new(1, 2, [b"u", b"E2U+pstn:tel", regexp.as_bytes()], ".").unwrap();
        let reply = Reply { records: vec![(3, record)], ..Reply::default() };
        let found = reply.parameters();
        let found: Vec<(&str, &str)> = found.iter().map(|(name, value)| (&**name, &**value)).collect();
        assert_eq!(expected, found, "{regexp}");
    }
}

#[test]
fn strings_longer_than_their_length_octet_are_refused_by_name() {
    let long = [b'x'; 256];
    for (field, strings) in [
        ("flags", [&long[..], b"", b""]),
        ("services", [b"", &long[..], b""]),
        ("regexp", [b"", b"", &long[..]]),
    ] {
        let fault = Naptr::new(1, 2, strings, ".").unwrap_err();
        assert_eq!(NaptrError::StringTooLong { field, octets: 256 }, fault);
    }
    assert!(Naptr::new(1, 2, [&long[..255], &long[..255], &long[..255]], ".").is_ok());
}

//----------- In text --------------------------------------------------------

/// Strings that hickory-proto can read: it takes `\DDD` for something else than the octet, so no
/// octet that needs it.
fn printable() -> impl Strategy<Value = Fields> {
    let string = || "[ -~]{0,60}";
    // hickory-proto takes a label that begins with xn-- for punycode (RFC 5891 §4.2.3.1) and refuses others.
    let label = "[a-z0-9]([a-z0-9-]{0,9}[a-z0-9])?";
    let label = label.prop_filter("it looks like punycode", |label| !label.starts_with("xn--"));
    let label = label.prop_map(String::into_bytes);
    let name = prop::collection::vec(label, 1..4);
    (any::<u16>(), any::<u16>(), "[a-zA-Z0-9]{0,3}", string(), string(), name).prop_map(
        |(order, preference, flags, services, regexp, replacement)| Fields {
            order,
            preference,
            flags: flags.into_bytes(),
            services: services.into_bytes(),
            regexp: regexp.into_bytes(),
            replacement,
        },
    )
}

proptest! {
    #[test]
    fn hickory_proto_reads_our_text(fields in printable()) {
        let text = fields.ours().to_string();
        let theirs = RData::try_from_str(RecordType::NAPTR, &text);
        prop_assert_eq!(Some(RData::NAPTR(fields.theirs())), theirs.ok(), "{}", text);
    }

    #[test]
    fn we_read_hickory_protos_text(mut fields in printable()) {
        // It prints no escapes, so there must be none to print.
        for string in [&mut fields.services, &mut fields.regexp] {
            string.retain(|octet| !matches!(octet, b'"' | b'\\'));
        }
        prop_assert_eq!(Ok(fields.ours()), text::parse(&fields.theirs().to_string()));
    }

    #[test]
    fn text_of_any_octets_reads_back(fields in fields()) {
        let record = fields.ours();
        let text = record.to_string();
        prop_assert!(text.bytes().all(|octet| (0x20..0x7f).contains(&octet)), "{}", text);
        prop_assert_eq!(Ok(record), text::parse(&text));
    }
}

#[test]
fn text_that_is_no_record_is_refused_with_its_fault() {
    for (line, fault) in [
        ("", "0 fields, expected six"),
        (
            "1 2 \"u\" \"s\" \"r\"",
            "5 fields, expected six: order preference \"flags\" \"services\" \"regexp\" replacement; an unused",
        ),
        ("1 2 \"u\" \"s\" \"r\" . x", "7 fields"),
        ("65536 2 \"u\" \"s\" \"r\" .", "order: found \"65536\""),
        ("1 +2 \"u\" \"s\" \"r\" .", "preference: found \"+2\""),
        ("1 \"\" \"u\" \"s\" \"r\" .", "preference: found \"\""),
        ("1 2 \"u\" \"s\" \"r .", "character 13: this quote is never closed"),
        ("1 2 \"u\" \"s\" r(r .", "character 14: parentheses"),
        ("1 2 \"u\" \"s\" r;r .", "character 14: parentheses and semicolons"),
        ("1 2 \"u\" \"s\" r\"r\" .", "character 14: a quote inside"),
        ("1 2 \"u\" \"s\" \"\\25\" .", "character 14: a backslash"),
        ("1 2 \"u\" \"s\" \"\\256\" .", "character 14: a backslash"),
        ("1 2 \"u\" \"s\" \"r\" a..b", "replacement: an empty label"),
        ("1 2 \"u\" \"s\" \"a\nb\" .", "character 15: a line break"),
    ] {
        let found = text::parse(line).unwrap_err().to_string();
        assert!(found.starts_with(fault), "{line}: {found}");
    }
    // Some standards print no blank before the dot.
    assert_eq!(text::parse("1 2 \"u\" \"s\" \"r\" ."), text::parse("1 2 \"u\" \"s\" \"r\"."));
}
