//! Runs the body of the fuzz target for rules on the cases of the vectors and on mutations of them.

use proptest::prelude::*;

use crate::rules::{check_input, check_rule};
use crate::support::unhex;
use crate::vectors::{run_of, str_of};

const FILE: &str = include_str!("../vectors/ddds.json");

#[test]
fn the_rules_of_the_vectors_are_borne() {
    run_of(FILE, "regexp", 76, |input, _| {
        let regexp = unhex(str_of(input, "regexp_hex"));
        check_input(&[&regexp, &[0][..], str_of(input, "aus").as_bytes()].concat());
        Ok(())
    });
}

/// A change of a field at a place: another octet there, one more, or one less.
fn change() -> impl Strategy<Value = (usize, u8, u8)> {
    let octet = prop_oneof![prop::sample::select(&b"!^$.[]()*+?{},|\\0129i:-"[..]), any::<u8>()];
    (any::<usize>(), octet, 0u8..3)
}

proptest! {
    #[test]
    fn changed_rules_are_borne(which: prop::sample::Index, changes in prop::collection::vec(change(), 1..6)) {
        let file: serde_json::Value = serde_json::from_str(FILE).unwrap();
        let cases = file["cases"].as_array().unwrap();
        let fields: Vec<&str> = cases.iter().filter_map(|case| case["input"]["regexp_hex"].as_str()).collect();
        let mut field = unhex(fields[which.index(fields.len())]);
        for (place, octet, kind) in changes {
            let place = place % field.len().max(1);
            match kind {
                0 if !field.is_empty() => field[place] = octet,
                1 if field.len() > 1 => _ = field.remove(place),
                _ => field.insert(place.min(field.len()), octet),
            }
        }
        check_rule(&field, b"+441632960083");
    }
}
