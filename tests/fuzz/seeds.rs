//! Writes what the fuzzers start from into `corpus/`: the requests and rules of the vectors, and a small file.

#![allow(dead_code, reason = "of the harness only the file is used")]

mod harness;

use std::error::Error;
use std::fs;
use std::path::Path;

fn main() -> Result<(), Box<dyn Error>> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let vectors: serde_json::Value = serde_json::from_str(include_str!("../vectors/core.json"))?;
    fs::create_dir_all(corpus.join("respond"))?;
    for case in vectors["cases"].as_array().ok_or("no cases")? {
        let (Some(id), Some(hex)) = (case["id"].as_str(), case["input"]["query_hex"].as_str()) else {
            continue;
        };
        fs::write(corpus.join("respond").join(id), unhex(hex)?)?;
    }
    let vectors: serde_json::Value = serde_json::from_str(include_str!("../vectors/ddds.json"))?;
    fs::create_dir_all(corpus.join("rules"))?;
    for case in vectors["cases"].as_array().ok_or("no cases")? {
        let (Some(id), Some(hex)) = (case["id"].as_str(), case["input"]["regexp_hex"].as_str()) else {
            continue;
        };
        let mut input = unhex(hex)?;
        input.push(0);
        input.extend_from_slice(case["input"]["aus"].as_str().unwrap_or_default().as_bytes());
        fs::write(corpus.join("rules").join(id), input)?;
    }
    let vectors: serde_json::Value = serde_json::from_str(include_str!("../vectors/hostile.json"))?;
    for case in vectors["cases"].as_array().ok_or("no cases")? {
        let text = |key: &str| case["input"][key].as_str().unwrap_or_default();
        let input = [text("regexp"), "\0", text("head"), &text("fill").repeat(16)].concat();
        fs::write(corpus.join("rules").join(case["id"].as_str().unwrap_or_default()), input)?;
    }
    fs::create_dir_all(corpus.join("snapshot"))?;
    fs::write(corpus.join("snapshot/small"), harness::snapshot_octets())?;
    Ok(())
}

fn unhex(hex: &str) -> Result<Vec<u8>, std::num::ParseIntError> {
    (0..hex.len() / 2).map(|place| u8::from_str_radix(&hex[2 * place..2 * place + 2], 16)).collect()
}
