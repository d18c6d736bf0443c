//! What every request and every file must bear: the bodies of the fuzz targets.
//!
//! They stand in a module of their own because `cargo test` runs them too, on seeded mutations of
//! real queries and of a small snapshot.

use std::sync::Arc;

use hickory_proto::op::{Message, MessageType};
use hickory_proto::rr::{RData, RecordType};
use numdip_core::answer::explain::explain;
use numdip_core::answer::{self, Miss, Served};
use numdip_core::apex::Apex;
use numdip_core::bulk;
use numdip_core::dns::{MAX_MESSAGE, Transport};
use numdip_core::number::Number;
use numdip_core::plan::{PlanBuilder, Policy, PortedFields, RangeFields, stats};
use numdip_core::respond::batch::Asked;
use numdip_core::respond::settings::RecordSettings;
use numdip_core::respond::{Partial, Responder, Settings};
use numdip_core::snapshot::{Snapshot, View, writer};
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

// The response codes that numdip sends (RFC 1035 §4.1.1, RFC 6891 §9).
const NOERROR: u16 = 0;
const SERVFAIL: u16 = 2;
const NXDOMAIN: u16 = 3;
const REFUSED: u16 = 5;
const BADVERS: u16 = 16;

//----------- The plan -------------------------------------------------------

/// A small snapshot with something of each kind: nested prefixes, several lengths under one prefix,
/// networks known whole, in part and not at all, ported numbers inside and outside ranges.
pub(crate) fn snapshot_octets() -> Vec<u8> {
    let mut builder = PlanBuilder::new(Policy::default());
    builder.begin_file("ranges.csv");
    let ranges = [
        ["1339298", "11", "11", "US", "fixed-or-mobile", "310", "012", "Example Wireless", "true"],
        ["1", "11", "11", "US", "", "310", "", "", ""],
        ["44", "", "", "GB", "", "", "", "", ""],
        ["4420", "12", "12", "GB", "fixed", "234", "", "Example Fixed", "true"],
        ["447786", "12", "12", "GB", "mobile", "234", "15", "Example Mobile", "true"],
        ["43", "4", "9", "AT", "fixed", "232", "01", "", ""],
        ["43", "10", "13", "AT", "mobile", "232", "03", "", ""],
    ];
    for (line, row) in (2..).zip(ranges) {
        let [prefix, min_length, max_length, country, kind, mcc, mnc, operator, portable] = row;
        #[rustfmt::skip]
        let row = RangeFields {
            prefix, min_length, max_length, country, kind, mcc, mnc, operator, portable, source: "",
        };
        builder.add_range(line, &row);
    }
    builder.begin_file("ported.csv");
    let ported = [
        ["13392986157", "310", "260", "S1", "+1404", ""],
        ["447786000001", "234", "30", "", "", ""],
        ["99", "901", "01", "", "c0de", "+99"],
    ];
    for (line, [number, mcc, mnc, spid, rn, rn_context]) in (2..).zip(ported) {
        let row = PortedFields { number, mcc, mnc, spid, rn, rn_context, ..PortedFields::default() };
        builder.add_ported(line, &row).unwrap();
    }
    let (sections, _) = builder.finish("{}").expect("the rows are good");
    let mut octets = Vec::new();
    writer::write(&sections, &mut octets).expect("a Vec takes all octets");
    octets
}

//----------- Requests -------------------------------------------------------

/// Responders that differ in all that a response depends on: the first has the default settings.
pub(crate) fn responders() -> [Responder; 3] {
    let snapshot = Arc::new(Snapshot::from_octets(snapshot_octets()).expect("just written"));
    let apex = |name| Apex::new(name).expect("a domain");
    let unusual = Settings {
        apexes: ["enum.example", "e164.arpa", "4.4.e164.arpa", "."].map(apex).to_vec(),
        ttl: 86_400,
        order: 65_535,
        preference: 0,
        // With the two, an answer passes 512 octets and stays below 1232.
        services: "E2U".to_owned() + &"+x".repeat(126),
        regexp: ["/^.*$/", &"x".repeat(200), ":{mcc};mnc={mnc3};rn={rn}/i"].concat(),
        partial: Partial::Answer,
        ..Settings::default()
    };
    let record = |place: u16| RecordSettings {
        order: place % 3,
        preference: place,
        services: "E2U+sip".to_owned(),
        regexp: format!("!^.*$!sip:{{number}}@{}.{{mcc}};{{number}};rn={{rn}}!", "x".repeat(150)),
        ..RecordSettings::with_flags("u")
    };
    let leading =
        |name: &str| RecordSettings { replacement: name.to_owned(), ..RecordSettings::with_flags("") };
    // By its length a number decides whether an answer fits into 1232 octets.
    let several = Settings {
        records: (0..5).map(record).chain(["Next.example", "4.4.e164.ARPA"].map(leading)).collect(),
        ..Settings::default()
    };
    [Settings::default(), unusual, several]
        .map(|settings| Responder::new(Arc::clone(&snapshot), settings).expect("good settings"))
}

/// Answers one request in every way and checks what must hold of any answer.
pub(crate) fn check_respond(responders: &[Responder], request: &[u8]) {
    // More than any answer of these plans and settings takes.
    let mut out = [0xee; 4096];
    let mut by_library = [0xee; 4096];
    for responder in responders {
        for (permitted, transport) in
            [(true, Transport::Udp), (true, Transport::Tcp), (false, Transport::Udp), (false, Transport::Tcp)]
        {
            let length = responder.respond(request, permitted, transport, &mut out);
            let reply = length.map(|length| &out[..length]);
            let length = responder.respond_by_library(request, permitted, transport, &mut by_library);
            assert_eq!(reply, length.map(|length| &by_library[..length]), "the library answers otherwise");
            check_reply(request, permitted, transport, reply);
            check_batch(responder, &vec![(request.to_vec(), permitted); 5], transport);
        }
    }
}

/// Answers requests as one batch and checks that each is answered as by itself.
pub(crate) fn check_batch(responder: &Responder, requests: &[(Vec<u8>, bool)], transport: Transport) {
    let (mut out, mut alone) = ([0xee; 4096], [0xee; 4096]);
    let session = responder.session();
    let mut asked: Vec<_> =
        requests.iter().map(|(octets, permitted)| Asked::new(octets, *permitted)).collect();
    session.look_up(&mut asked);
    for ((request, permitted), asked) in requests.iter().zip(&asked) {
        let length = session.respond_to(asked, transport, &mut out);
        let expected = session.respond(request, *permitted, transport, &mut alone);
        assert_eq!(
            expected.map(|length| &alone[..length]),
            length.map(|length| &out[..length]),
            "{request:?}"
        );
    }
}

/// Checks a reply against the request that it answers.
fn check_reply(request: &[u8], permitted: bool, transport: Transport, reply: Option<&[u8]>) {
    let is_request = request.len() >= 12 && request[2] & 0x80 == 0;
    let Some(reply) = reply else {
        assert!(!is_request, "a request was dropped");
        return;
    };
    assert!(is_request, "a response, or less than a header, was answered");
    let message = Message::from_vec(reply).expect("a reply that hickory-proto reads");
    let asked = Message::from_vec(request).ok();

    // The header: id and opcode as asked, and of the flags QR and perhaps TC.
    assert_eq!(request[..2], reply[..2], "id");
    assert_eq!(MessageType::Response, message.message_type());
    assert_eq!(0x80 | request[2] & 0x78, reply[2] & !0x02, "flags and opcode");
    assert_eq!(0, reply[3] & 0xf0, "flags");

    // The question: octet for octet, whenever there is exactly one that can be read.
    let question = question(request).unwrap_or_default();
    assert_eq!(usize::from(!question.is_empty()), message.queries().len(), "questions");
    assert_eq!(question, &reply[12..12 + question.len()], "question");

    // EDNS: OPT in gives OPT out, with nothing in it but our size and the code.
    if let Some(asked) = &asked {
        assert_eq!(asked.extensions().is_some(), message.extensions().is_some(), "OPT");
    }
    let opt = message.extensions().as_ref();
    if let Some(opt) = opt {
        assert_eq!((1232, 0, 0), (opt.max_payload(), opt.version(), opt.options().as_ref().len()));
        assert_eq!([0; 4], reply[reply.len() - 4..], "OPT flags and length");
    }

    // The size.
    let offered = asked.as_ref().and_then(|asked| asked.extensions().as_ref().map(|edns| edns.max_payload()));
    let limit = match (transport, &asked) {
        (Transport::Tcp, _) => MAX_MESSAGE,
        (Transport::Udp, Some(_)) => usize::from(offered.unwrap_or(0)).clamp(512, 1232),
        (Transport::Udp, None) => 1232,
    };
    assert!(reply.len() <= limit, "{} octets, limit {limit}", reply.len());

    // The code and the records.
    let rcode = u16::from(message.response_code());
    let codes: &[u16] = if permitted { &[NOERROR, SERVFAIL, NXDOMAIN, BADVERS] } else { &[REFUSED] };
    assert!(codes.contains(&rcode), "response code {rcode}");
    assert!(message.name_servers().is_empty() && message.additionals().is_empty());
    if message.truncated() {
        assert_eq!((Transport::Udp, NOERROR), (transport, rcode), "TC");
    }
    assert_eq!(rcode == NOERROR && !message.truncated(), !message.answers().is_empty(), "answers");
    for answer in message.answers() {
        assert_eq!(RecordType::NAPTR, answer.record_type());
        assert!(answer.name().eq_case(message.queries()[0].name()), "owner");
        let RData::NAPTR(data) = answer.data() else { panic!("no NAPTR: {answer}") };
        // A record gives a URI or leads on (RFC 6116 §3.4.2).
        let leads_on = data.flags().is_empty();
        assert!(leads_on || data.flags() == b"u", "flags");
        assert_eq!((leads_on, leads_on), (!data.replacement().is_root(), data.regexp().is_empty()));
    }
}

/// The octets of the one question of a request; `None` if there is not exactly one, or not a whole
/// one without compression.
fn question(request: &[u8]) -> Option<&[u8]> {
    if request[4..6] != [0, 1] {
        return None;
    }
    let mut end = 12;
    while request.get(end)? != &0 {
        end += 1 + usize::from(*request.get(end).filter(|length| **length < 64)?);
    }
    // A name has at most 255 octets; type and class follow it.
    request.get(12..end + 5).filter(|question| question.len() <= 259)
}

//----------- Files ----------------------------------------------------------

/// Opens octets as a snapshot and, if that is possible, looks numbers up and answers a query from it.
///
/// Damaged octets may give wrong answers.
pub(crate) fn check_file(octets: &[u8]) {
    if let Ok(snapshot) = Snapshot::from_octets(octets.to_vec()) {
        check_snapshot(snapshot);
    }
}

/// Looks numbers up together, and checks that each comes to what it does by itself.
pub(crate) fn check_many(view: &View<'_>) {
    let numbers: Vec<_> = numbers().collect();
    let mut served = vec![Served::ByNobody; numbers.len()];
    answer::find_many(view, &numbers, &mut served);
    for (number, served) in numbers.into_iter().zip(served) {
        let alone = match answer::find(view, number) {
            Ok(found) => Served::By(found.network_index),
            Err(Miss::Damaged) => Served::Unknown,
            Err(_) => Served::ByNobody,
        };
        assert_eq!(alone, served, "{number} among others");
    }
}

/// Looks numbers up in a snapshot that opened and answers a query from it.
pub(crate) fn check_snapshot(snapshot: Snapshot) {
    let view = snapshot.view();
    check_many(&view);
    for number in numbers() {
        let explained = explain(&snapshot, number, None).expect("no time was asked about");
        assert_eq!(answer::find(&view, number).is_ok(), explained.found);
        match answer::find(&view, number) {
            Ok(answer) => {
                let network = answer.network;
                for id in network.texts() {
                    let _ = view.text(id);
                }
                let _ = (network.mcc(), network.mnc());
                if let Some((prefix, row)) = answer.range(&view) {
                    assert!(number.starts_with(prefix) && row.takes_length(number.len()));
                    let _ = (row.country(), row.kind(), row.is_portable());
                }
            }
            Err(Miss::WrongLength { prefix, rows }) => {
                assert!(number.starts_with(prefix));
                assert!(!rows.iter().any(|row| row.takes_length(number.len())));
            }
            Err(Miss::NoRange | Miss::Damaged) => {}
        }
    }
    assert_eq!(numbers().count(), bulk::find_all(&view, numbers().map(Some)).rows);
    // Counting takes time in proportion to a trie that is one; a damaged one may be a maze.
    if snapshot.verify().is_ok() {
        let _ = stats::stats(&view);
        let listed = view.ported.iter().filter(|(number, _)| number.is_some()).count();
        assert_eq!(view.ported.len(), listed);
    }
    let query = b"\0\0\0\0\0\x01\0\0\0\0\0\0\x016\x015\x011\x016\x018\x019\x012\x019\x013\x013\x011\x04e164\x04arpa\0\0\x23\0\x01";
    let snapshot = Arc::new(snapshot);
    for partial in [Partial::NxDomain, Partial::Answer] {
        let settings = Settings { partial, ..Settings::default() };
        // Network codes that are no digits may make a template no rule.
        if let Ok(responder) = Responder::new(Arc::clone(&snapshot), settings) {
            check_respond(&[responder], query);
        }
    }
}

/// Numbers of each length, those of the plan and their neighbours among them.
pub(crate) fn numbers() -> impl Iterator<Item = Number> {
    let near =
        ["133929861570000", "447786000001000", "442079460148000", "431505641643210", "990000000000000"];
    let prefixes = near.into_iter().flat_map(|digits| (1..=15).map(|length| &digits[..length]));
    let others = ["2", "39", "700", "81234567", "99999999999", "999999999999999"];
    prefixes.chain(others).filter_map(|digits| Number::from_digits(digits.as_bytes()).ok())
}

/// The file with its checksums made anew, so that damage inside gets past them; unchanged where it
/// has no section table.
pub(crate) fn with_checksums(octets: &[u8]) -> Vec<u8> {
    const HEADER: usize = 64;
    const ENTRY: usize = 32;
    let mut octets = octets.to_vec();
    let word = |octets: &[u8], at: usize| {
        octets.get(at..at + 8).map(|word| u64::from_le_bytes(word.try_into().expect("eight octets")))
    };
    let sections = octets.get(12).map_or(0, |count| usize::from(*count).min(15));
    let table = HEADER..HEADER + sections * ENTRY;
    if octets.len() < table.end {
        return octets;
    }
    for entry in table.clone().step_by(ENTRY) {
        let (Some(start), Some(length)) = (word(&octets, entry + 8), word(&octets, entry + 16)) else {
            continue;
        };
        let bounds = usize::try_from(start).ok().zip(usize::try_from(start.saturating_add(length)).ok());
        let Some(section) = bounds.and_then(|(start, end)| octets.get(start..end)) else { continue };
        let checksum = xxh3_64(section);
        octets[entry + 24..entry + 32].copy_from_slice(&checksum.to_le_bytes());
    }
    octets[24..32].fill(0);
    let mut hash = Xxh3::new();
    hash.update(&octets[..table.end]);
    octets[24..32].copy_from_slice(&hash.digest().to_le_bytes());
    octets
}
