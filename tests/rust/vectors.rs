//! Runs the cases of `tests/vectors/core.json`, which Python runs as well.

use std::collections::BTreeMap;

use numdip_core::apex::Apex;
use numdip_core::dns::Transport;
use numdip_core::exchange::Exchange;
use numdip_core::naptr::{Naptr, text};
use numdip_core::number::{Form, Number};
use numdip_core::plan::RangeFields;
use numdip_core::respond::{Partial, Responder, Settings};
use serde_json::Value;

use crate::support::{self, hex, unhex};

const FILE: &str = include_str!("../vectors/core.json");

//----------- Running --------------------------------------------------------

/// Runs the cases of one category; the message of a failure names each case that failed.
fn run(category: &str, least: usize, judge: impl Fn(&Value, &Value) -> Result<(), String>) {
    run_of(FILE, category, least, judge);
}

/// Runs the cases of one category of a file, which is given as text.
pub(crate) fn run_of(
    file: &str,
    category: &str,
    least: usize,
    judge: impl Fn(&Value, &Value) -> Result<(), String>,
) {
    let file: Value = serde_json::from_str(file).unwrap();
    let cases: Vec<&Value> =
        file["cases"].as_array().unwrap().iter().filter(|case| case["category"] == category).collect();
    assert!(cases.len() >= least, "{} cases of {category}, there were {least}", cases.len());
    let faults: Vec<String> = cases
        .iter()
        .filter_map(|case| {
            judge(&case["input"], &case["expect"]).err().map(|fault| format!("{}: {fault}", case["id"]))
        })
        .collect();
    assert!(faults.is_empty(), "{} of {} failed:\n{}", faults.len(), cases.len(), faults.join("\n"));
}

pub(crate) fn str_of<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_else(|| panic!("{key} is missing"))
}

/// Compares a result or its error code with what the case expects under `key` or `error`.
fn expect(key: &str, expected: &Value, found: Result<String, String>) -> Result<(), String> {
    let expected = match expected.get("error") {
        Some(code) => Err(code.as_str().unwrap().to_owned()),
        None => Ok(str_of(expected, key).to_owned()),
    };
    if expected == found { Ok(()) } else { Err(format!("expected {expected:?}, found {found:?}")) }
}

//----------- Numbers and names ----------------------------------------------

#[test]
fn numbers_become_domains() {
    run("num2domain", 19, |input, expected| {
        let apex = Apex::new(str_of(input, "suffix")).map_err(|error| error.to_string())?;
        let found = Number::parse(str_of(input, "aus"), Form::Strict)
            .map_err(|error| error.code().to_owned())
            .and_then(|number| apex.owner_name(number).map_err(|error| error.code().to_owned()));
        if let (Ok(name), Some(octets)) = (&found, expected["wire_name_octets"].as_u64()) {
            let labels: Vec<&str> = name.trim_end_matches('.').split('.').collect();
            assert_eq!(octets, support::wire_name(&labels).len() as u64, "{name}");
        }
        expect("domain", expected, found)
    });
}

#[test]
fn domains_become_numbers() {
    run("domain2num", 22, |input, expected| {
        let apex = Apex::new(str_of(input, "suffix")).map_err(|error| error.to_string())?;
        let found = apex.number_of(str_of(input, "name"));
        expect("aus", expected, found.map(Number::aus).map_err(|error| error.code()))
    });
}

#[test]
fn texts_become_numbers() {
    run("normalize", 16, |input, expected| {
        let found = Number::parse(str_of(input, "text"), Form::Strict);
        expect("aus", expected, found.map(Number::aus).map_err(|error| error.code().to_owned()))
    });
}

//----------- NAPTR text -----------------------------------------------------

#[test]
fn naptr_text_becomes_octets_and_text_again() {
    run("presentation", 16, |input, expected| {
        let error = expected.get("error").is_some();
        let Some(quoted) = input["presentation"].as_str() else {
            return match text::parse(str_of(input, "rdata")) {
                Err(_) if error => Ok(()),
                found => Err(format!("found {found:?}")),
            };
        };
        let record = |quoted: &str| text::parse(&format!("1 2 \"u\" \"E2U+x\" {quoted} ."));
        if error {
            return match (text::parse_string(quoted), record(quoted)) {
                (Err(_), Err(_)) => Ok(()),
                found => Err(format!("found {found:?}")),
            };
        }
        let octets = unhex(str_of(expected, "wire_hex"));
        let canonical = str_of(expected, "canonical_quoted");
        for text in [quoted, canonical, str_of(expected, "dig_pre_2014_9")] {
            let record = record(text).map_err(|error| format!("{text}: {error}"))?;
            if text::parse_string(text).as_ref() != Ok(&octets) || record.regexp() != octets {
                return Err(format!("{text}: found {record:?}"));
            }
            let printed = record.to_string();
            if printed != format!("1 2 \"u\" \"E2U+x\" {canonical} .") {
                return Err(format!("printed as {printed}"));
            }
            let rdata =
                [&[0, 1, 0, 2, 1, b'u', 5], &b"E2U+x"[..], &[octets.len() as u8], &octets, &[0]].concat();
            if record.to_wire() != rdata || Naptr::from_wire(&rdata).as_ref() != Ok(&record) {
                return Err(format!("on the wire {}", hex(&record.to_wire())));
            }
        }
        Ok(())
    });
}

//----------- Messages -------------------------------------------------------

/// The plan that the file's messages are answered from.
fn plan() -> std::sync::Arc<numdip_core::snapshot::Snapshot> {
    let file: Value = serde_json::from_str(FILE).unwrap();
    let rows: Vec<BTreeMap<String, String>> = serde_json::from_value(file["plan"]["ranges"].clone()).unwrap();
    let ranges: Vec<RangeFields<'_>> = rows
        .iter()
        .map(|row| RangeFields {
            prefix: &row["prefix"],
            min_length: &row["min_length"],
            max_length: &row["max_length"],
            country: &row["country"],
            kind: &row["kind"],
            mcc: &row["mcc"],
            mnc: &row["mnc"],
            operator: &row["operator"],
            portable: &row["portable"],
            source: "",
        })
        .collect();
    support::snapshot(&ranges, &[])
}

/// The default settings with a case's changes.
fn settings(changes: Option<&Value>) -> Settings {
    let mut settings = Settings::default();
    for (key, value) in changes.and_then(Value::as_object).into_iter().flatten() {
        match key.as_str() {
            "apex" => {
                let names = value.as_array().unwrap().iter();
                settings.apexes = names.map(|name| Apex::new(name.as_str().unwrap()).unwrap()).collect();
            }
            "regexp" => settings.regexp = value.as_str().unwrap().to_owned(),
            "partial" if value == "answer" => settings.partial = Partial::Answer,
            other => panic!("no such setting: {other} = {value}"),
        }
    }
    settings
}

#[test]
fn requests_get_their_octets() {
    let plan = plan();
    let usual = support::responder(&plan, Settings::default());
    run("dns", 68, |input, expected| {
        let special = input.get("settings").map(|changes| support::responder(&plan, settings(Some(changes))));
        let responder: &Responder = special.as_ref().unwrap_or(&usual);
        let request = unhex(str_of(input, "query_hex"));
        let permitted = input["permitted"].as_bool().unwrap_or(true);
        let transport = match str_of(input, "transport") {
            "udp" => Transport::Udp,
            "tcp" => Transport::Tcp,
            other => panic!("no such transport: {other}"),
        };
        let mut out = vec![0; numdip_core::dns::MAX_MESSAGE];
        let octets = |out: &[u8], length: Option<usize>| length.map(|length| hex(&out[..length]));
        let length = responder.respond(&request, permitted, transport, &mut out);
        let found = octets(&out, length);
        let length = responder.respond_by_library(&request, permitted, transport, &mut out);
        let by_library = octets(&out, length);
        let wanted = expected["response_hex"].as_str().map(str::to_owned);
        if found != wanted || by_library != wanted {
            return Err(format!("expected {wanted:?}\n  found      {found:?}\n  by library {by_library:?}"));
        }
        if let Some(response) = wanted {
            let name = match support::rcode(&unhex(&response)) {
                0 => "NOERROR",
                2 => "SERVFAIL",
                3 => "NXDOMAIN",
                5 => "REFUSED",
                16 => "BADVERS",
                _ => "?",
            };
            assert_eq!(str_of(expected, "rcode"), name);
        }
        Ok(())
    });
}

#[test]
fn responses_are_read() {
    run("exchange", 1, |input, expected| {
        let number = Number::parse(str_of(input, "aus"), Form::Strict).unwrap();
        let id = u16::try_from(input["message_id"].as_u64().unwrap()).unwrap();
        let exchange = Exchange::new(number, &Apex::new("e164.arpa").unwrap(), id, true).unwrap();
        let reply = exchange.read(&unhex(str_of(input, "response_hex"))).ok_or("not read")?;
        let text = |octets: &[u8]| Value::from(std::str::from_utf8(octets).unwrap());
        let records: Vec<Value> = reply
            .records
            .iter()
            .map(|(ttl, record)| {
                let strings = [record.flags(), record.services(), record.regexp()].map(text);
                let [flags, services, regexp] = strings;
                let (order, preference) = (record.order(), record.preference());
                serde_json::json!([ttl, order, preference, flags, services, regexp, record.replacement()])
            })
            .collect();
        let parameters: BTreeMap<String, String> = reply.parameters().into_iter().collect();
        let found = serde_json::json!({
            "rcode": reply.rcode_name(),
            "truncated": reply.truncated,
            "records": records,
            "parameters": parameters,
        });
        if found == *expected { Ok(()) } else { Err(format!("expected {expected}\n  found {found}")) }
    });
}
