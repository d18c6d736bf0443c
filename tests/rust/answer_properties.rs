//! Properties of answers of several records: what a template makes of each network, and both paths as one.

use std::collections::HashMap;
use std::sync::Arc;

use numdip_core::dns::Transport;
use numdip_core::plan::{PortedFields, RangeFields};
use numdip_core::respond::settings::RecordSettings;
use numdip_core::respond::{Partial, Settings};
use numdip_core::snapshot::Snapshot;
use proptest::prelude::*;

use crate::answer_records::{Sent, leading_to, sent, uri};
use crate::harness;
use crate::support::{Message, Opt, ask, owner, ported, range, rcode, responder, snapshot};

/// A record, and its regexp once more in the parts that are left out each for itself.
#[derive(Clone, Debug)]
struct Made {
    settings: RecordSettings,
    delimiter: char,
    parts: Vec<String>,
    flags: &'static str,
}

fn record() -> impl Strategy<Value = Made> {
    let heads = [
        r"^(.*)$!sip:\1@gw.example",
        "^.*$!sip:{number}@gw.example",
        "^.*$!sip:{operator}.{mnc3}@{mcc}.example",
        "^[0-9+]{4,16}$!tel:{number}",
        r"^(.*)$!tel:\1",
        "^.*$!sip:{rn}@gw.example",
        "^.*$!data:,",
    ];
    let parameters = [
        "npdi",
        "mcc={mcc}",
        "mnc={mnc}",
        "mnc3={mnc3}",
        "spid={spid}",
        "rn={rn}",
        "rn-context={rn_context}",
        "operator={operator}",
        "n={number}",
        "n={number}-{mcc}-{number}",
    ];
    let regexp = (
        prop::sample::select(heads.to_vec()),
        prop::sample::subsequence(parameters.to_vec(), 0..=3),
        prop::sample::select(vec!['!', '/', '~']),
        prop::sample::select(vec!["", "i"]),
    );
    let services = prop::sample::select(vec!["E2U+sip", "E2U+pstn:tel", "E2U+voice:tel+sms:tel"]);
    let ranks = (0..3u16, 0..3u16);
    let terminal = (ranks.clone(), services, regexp).prop_map(
        |((order, preference), services, (head, parameters, delimiter, flags))| {
            let parts = std::iter::once(head).chain(parameters);
            let parts: Vec<String> = parts.map(|part| part.replace('!', &delimiter.to_string())).collect();
            let regexp = format!("{delimiter}{}{delimiter}{flags}", parts.join(";"));
            let settings = RecordSettings { order, ..uri(preference, services, &regexp) };
            Made { settings, delimiter, parts, flags }
        },
    );
    let names = prop::sample::select(vec!["enum.example.", "Next.E164.arpa.", "a.b."]);
    let leading = (ranks, names).prop_map(|((order, preference), name)| Made {
        settings: RecordSettings { order, ..leading_to(preference, name) },
        delimiter: '!',
        parts: Vec::new(),
        flags: "",
    });
    prop_oneof![5 => terminal, 1 => leading]
}

/// Numbers that differ in what is known of their networks, with that.
fn numbers() -> Vec<(&'static str, HashMap<&'static str, &'static str>)> {
    let of = |values: &[(&'static str, &'static str)]| values.iter().copied().collect();
    vec![
        (
            "13392986156",
            of(&[("mcc", "310"), ("mnc", "012"), ("mnc3", "012"), ("operator", "Example%20Caf%C3%A9")]),
        ),
        (
            "447786000001",
            of(&[("mcc", "234"), ("mnc", "30"), ("mnc3", "030"), ("spid", "S%211"), ("rn", "+1404")]),
        ),
        (
            "99",
            of(&[
                ("mcc", "901"),
                ("mnc", "01"),
                ("mnc3", "001"),
                ("rn", "c0de"),
                ("rn_context", "+99"),
                ("operator", "B%26C"),
            ]),
        ),
        ("431505641643210", of(&[("mcc", "232")])),
    ]
}

fn plan() -> Arc<Snapshot> {
    snapshot(
        &[
            RangeFields { operator: "Example Caf\u{e9}", ..range("1339298", ["11", "11"], ["310", "012"]) },
            range("43", ["4", "15"], ["232", ""]),
        ],
        &[
            PortedFields { spid: "S!1", rn: "+1404", ..ported("447786000001", ["234", "30"]) },
            PortedFields { rn: "c0de", rn_context: "+99", operator: "B&C", ..ported("99", ["901", "01"]) },
        ],
    )
}

/// What is sent for a number by the words of the documentation.
fn expected(records: &[Made], digits: &str, values: &HashMap<&'static str, &'static str>) -> Vec<Sent> {
    let fill = |part: &String| {
        let mut part = part.replace("{number}", &format!("+{digits}"));
        for (name, value) in values {
            part = part.replace(&format!("{{{name}}}"), value);
        }
        // A repeat is the one brace that may be left.
        (!part.replace("{4,16}", "").contains('{')).then_some(part)
    };
    let mut all = Vec::new();
    for Made { settings, delimiter, parts, flags } in records {
        let mut regexp = String::new();
        if let Some((head, parameters)) = parts.split_first() {
            let Some(head) = fill(head) else { continue };
            let parts: Vec<String> =
                std::iter::once(head).chain(parameters.iter().filter_map(fill)).collect();
            regexp = format!("{delimiter}{}{delimiter}{flags}", parts.join(";"));
        }
        let sent = Sent {
            order: settings.order,
            preference: settings.preference,
            flags: settings.flags.clone(),
            services: settings.services.clone(),
            regexp,
            replacement: settings.replacement.clone(),
        };
        if !all.contains(&sent) {
            all.push(sent);
        }
    }
    all.sort_by_key(|sent| (sent.order, sent.preference));
    all
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn answers_are_what_the_records_say(
        records in prop::collection::vec(record(), 1..12),
        partial: bool,
        size in prop::option::of(400..1400u16),
    ) {
        let partial = if partial { Partial::Answer } else { Partial::NxDomain };
        let mut settings: Vec<RecordSettings> = Vec::new();
        let mut kept = Vec::new();
        for made in records {
            if !settings.contains(&made.settings) {
                settings.push(made.settings.clone());
                kept.push(made);
            }
        }
        let responders = [responder(&plan(), Settings { records: settings, partial, ..Settings::default() })];
        for (digits, values) in numbers() {
            let mut message = Message::query(&owner(digits, "e164.arpa"));
            if let Some(size) = size {
                message = message.with_opt(&Opt::of_size(size));
            }
            let request = message.octets();
            harness::check_respond(&responders, &request);

            let known = partial == Partial::Answer || values.contains_key("mnc");
            let expected = if known { expected(&kept, digits, &values) } else { Vec::new() };
            let whole = ask(&responders[0], &request, Transport::Tcp).unwrap();
            prop_assert_eq!(&expected, &sent(&whole));
            prop_assert_eq!(if expected.is_empty() { 3 } else { 0 }, rcode(&whole));
            let by_udp = ask(&responders[0], &request, Transport::Udp).unwrap();
            if whole.len() <= usize::from(size.unwrap_or(512)).clamp(512, 1232) {
                prop_assert_eq!(whole, by_udp);
            } else {
                prop_assert_eq!((0, 2), (sent(&by_udp).len(), by_udp[2] & 2));
            }
        }
    }
}
