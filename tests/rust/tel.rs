//! Runs the cases of tel URIs, which Python runs as well.

use numdip_core::tel::TelUri;
use serde_json::{Map, Value, json};

use crate::vectors::{run_of, str_of};

#[test]
fn tel_uris_are_read() {
    run_of(include_str!("../vectors/ddds.json"), "tel-uri", 14, |input, expected| {
        let text = str_of(input, "uri");
        let read = if text.starts_with("sip") { TelUri::parse_sip(text) } else { TelUri::parse(text) };
        let uri = match (read, expected["error"].as_str()) {
            (Err(fault), Some(code)) if fault.code() == code => return Ok(()),
            (Ok(uri), None) => uri,
            (found, _) => return Err(format!("found {found:?}")),
        };
        for (key, value) in expected.as_object().unwrap() {
            let found = match key.as_str() {
                "number" => uri.number().into(),
                "local" => (!uri.is_global()).into(),
                "usable" => uri.is_usable().into(),
                "trunk_group" => {
                    uri.trunk_group().map_or(Value::Null, |(group, context)| json!([group, context]))
                }
                "parameters" => {
                    let pairs =
                        uri.parameters().iter().cloned().map(|(name, value)| (name, Value::from(value)));
                    Value::Object(pairs.collect::<Map<String, Value>>())
                }
                "equal_to" | "tel" => {
                    let same = TelUri::parse(value.as_str().unwrap()).as_ref() == Ok(&uri);
                    if same { value.clone() } else { uri.to_string().into() }
                }
                other => panic!("no such expectation: {other}"),
            };
            if *value != found {
                return Err(format!("{key}: expected {value}, found {found}"));
            }
        }
        Ok(())
    });
}
