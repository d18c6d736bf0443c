//! Differences of plans, against a model that compares two maps.

use std::collections::BTreeMap;
use std::sync::Arc;

use numdip_core::plan::diff::{Changes, Diff, Example, diff};
use numdip_core::plan::{PortedFields, RangeFields};
use numdip_core::snapshot::Snapshot;
use proptest::prelude::*;

use crate::support::{ported, range, snapshot};

const MNCS: [&str; 4] = ["10", "15", "20", "30"];

/// Ported numbers and prefixes, each with the place of its MNC.
type Plan = (BTreeMap<u64, usize>, BTreeMap<u64, usize>);

fn built((ranges, moved): &Plan) -> Arc<Snapshot> {
    let text = |numbers: &BTreeMap<u64, usize>| -> Vec<(String, usize)> {
        numbers.iter().map(|(number, mnc)| (number.to_string(), *mnc)).collect()
    };
    let (ranges, moved) = (text(ranges), text(moved));
    let ranges: Vec<RangeFields<'_>> = ranges
        .iter()
        .map(|(prefix, mnc)| RangeFields { country: "GB", ..range(prefix, ["", ""], ["234", MNCS[*mnc]]) })
        .collect();
    let moved: Vec<PortedFields<'_>> =
        moved.iter().map(|(number, mnc)| ported(number, ["234", MNCS[*mnc]])).collect();
    snapshot(&ranges, &moved)
}

/// The differences of two maps, by MNC.
fn modelled(before: &BTreeMap<u64, usize>, after: &BTreeMap<u64, usize>) -> BTreeMap<String, Changes> {
    let mut changes: BTreeMap<String, Changes> = BTreeMap::new();
    let mut at =
        |mnc: usize, add: fn(&mut Changes)| add(changes.entry(format!("234/{}", MNCS[mnc])).or_default());
    for (number, mnc) in before {
        match after.get(number) {
            Some(other) if other == mnc => {}
            Some(_) => at(*mnc, |changes| changes.changed_from += 1),
            None => at(*mnc, |changes| changes.removed += 1),
        }
    }
    for (number, mnc) in after {
        match before.get(number) {
            Some(other) if other == mnc => {}
            Some(_) => at(*mnc, |changes| changes.changed_to += 1),
            None => at(*mnc, |changes| changes.added += 1),
        }
    }
    changes
}

fn by_network(found: &BTreeMap<(String, String), Changes>) -> BTreeMap<String, Changes> {
    let of_network = |wanted: &String| {
        let counted = found.iter().filter(|((_, network), _)| network == wanted);
        Diff::total(&counted.map(|(at, changes)| (at.clone(), *changes)).collect())
    };
    found.keys().map(|(_, network)| (network.clone(), of_network(network))).collect()
}

fn plans() -> impl Strategy<Value = Plan> {
    let mnc = 0..MNCS.len();
    let prefixes = prop::collection::btree_map(1..500u64, mnc.clone(), 1..12);
    (prefixes, prop::collection::btree_map(1..4_000u64, mnc, 0..60))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn agrees_with_maps(before in plans(), after in plans()) {
        let (old, new) = (built(&before), built(&after));
        let found = diff(&old.view(), &new.view(), 1_000);
        prop_assert_eq!(modelled(&before.1, &after.1), by_network(&found.ported));
        prop_assert_eq!(modelled(&before.0, &after.0), by_network(&found.ranges));
        let same = |a: &BTreeMap<u64, usize>, b: &BTreeMap<u64, usize>| a.iter().filter(|(key, mnc)| b.get(key) == Some(mnc)).count();
        let differing = |a: &BTreeMap<u64, usize>, b: &BTreeMap<u64, usize>| {
            a.keys().chain(b.keys().filter(|key| !a.contains_key(key))).count() - same(a, b)
        };
        let expected = differing(&before.0, &after.0) + differing(&before.1, &after.1);
        prop_assert_eq!(expected, found.examples.len());
        prop_assert_eq!(expected == 0, found.is_empty());
        let nothing = diff(&old.view(), &old.view(), 10);
        prop_assert!(nothing.is_empty() && nothing.examples.is_empty());
    }
}

#[test]
fn examples_say_what_was_and_what_is() {
    let old = snapshot(
        &[RangeFields { country: "GB", ..range("44", ["", ""], ["234", "15"]) }],
        &[ported("447786852522", ["234", "10"]), ported("447786852523", ["234", "10"])],
    );
    let new = snapshot(
        &[RangeFields { country: "GB", operator: "Alpha", ..range("44", ["", ""], ["234", "15"]) }],
        &[
            PortedFields { spid: "7", rn: "+4499", ..ported("447786852522", ["234", "10"]) },
            ported("12", ["", ""]),
        ],
    );
    let found = diff(&old.view(), &new.view(), 2);
    let example = |subject: &str, before: Option<&str>, after: Option<&str>| Example {
        subject: subject.to_owned(),
        before: before.map(str::to_owned),
        after: after.map(str::to_owned),
    };
    // Shorter numbers come first; the third number is over the limit, prefixes have one of their own.
    let expected = [
        example("+12", None, Some("unknown")),
        example("+447786852522", Some("234/10"), Some("234/10, SPID 7, rn +4499")),
        example("44", Some("234/15"), Some("234/15 Alpha")),
    ];
    assert_eq!(expected.as_slice(), found.examples);
    let total = Changes { added: 1, removed: 1, changed_to: 1, changed_from: 1 };
    assert_eq!(total, Diff::total(&found.ported));
    let countries: Vec<&str> = found.ported.keys().map(|(country, _)| country.as_str()).collect();
    assert_eq!(["", "GB", "GB"].as_slice(), countries);
}
