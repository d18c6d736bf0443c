//! Many dips at once say what one dip after another says.

use std::collections::BTreeMap;
use std::sync::Arc;

use numdip_core::answer;
use numdip_core::bulk::{Columns, Finder, TextColumn, find_all};
use numdip_core::number::Number;
use numdip_core::plan::delta::{DeltaBuilder, DeltaFields};
use numdip_core::plan::{PlanBuilder, Policy, PortedFields, RangeFields};
use numdip_core::snapshot::lineage::Time;
use numdip_core::snapshot::{Memory, Snapshot, View, append, writer};
use proptest::prelude::*;

use crate::support;

//----------- The oracle -----------------------------------------------------

/// The columns of texts with their names.
fn texts(columns: &Columns) -> [(&'static str, &TextColumn); 10] {
    [
        ("mcc", &columns.mcc),
        ("mnc", &columns.mnc),
        ("operator", &columns.operator),
        ("country", &columns.country),
        ("kind", &columns.kind),
        ("prefix", &columns.prefix),
        ("source", &columns.source),
        ("spid", &columns.spid),
        ("rn", &columns.rn),
        ("rn_context", &columns.rn_context),
    ]
}

/// What one dip says of a number: its texts in that order, whether it is ported, whether its range is portable.
fn said(view: &View<'_>, number: Option<Number>) -> (bool, Vec<Option<String>>, Option<bool>, Option<bool>) {
    let Some(answer) = number.and_then(|number| answer::find(view, number).ok()) else {
        return (false, vec![None; 10], None, None);
    };
    let (network, range) = (answer.network, answer.range(view));
    let row = range.map(|(_, row)| row);
    let texts = [
        network.mcc(),
        network.mnc(),
        view.text(network.operator),
        row.and_then(|row| row.country()),
        row.and_then(|row| row.kind()).map(|kind| kind.name()),
        None,
        view.text(network.source),
        view.text(network.spid),
        view.text(network.rn),
        view.text(network.rn_context),
    ];
    let mut texts = texts.map(|text| text.map(str::to_owned)).to_vec();
    texts[5] = range.map(|(prefix, _)| prefix.digits());
    (true, texts, Some(answer.ported), row.map(|row| row.is_portable()))
}

/// Fails where the columns say anything else than one dip after another does.
fn assert_agrees(view: &View<'_>, numbers: &[Option<Number>], columns: &Columns) {
    assert_eq!(numbers.len(), columns.rows);
    for (row, number) in numbers.iter().enumerate() {
        let only = |said: bool, holds: bool| holds.then_some(said);
        let found = columns.found.get(row);
        let many = (
            found,
            texts(columns).map(|(_, column)| column.get(row).map(str::to_owned)).to_vec(),
            only(columns.ported.get(row), found),
            only(columns.portable.get(row), columns.in_range.get(row)),
        );
        assert_eq!(said(view, *number), many, "row {row}: {number:?}");
    }
    for (name, column) in texts(columns) {
        assert_eq!(numbers.len(), column.keys.len(), "{name}");
        let distinct: std::collections::BTreeSet<_> =
            column.bounds.windows(2).map(|ends| &column.text[ends[0] as usize..ends[1] as usize]).collect();
        assert_eq!(column.bounds.len() - 1, distinct.len(), "{name} has a text twice");
        let places = distinct.len().max(1) as i32;
        assert!(column.keys.iter().all(|key| (0..places).contains(key)), "{name}");
        let none_behind_the_last = (numbers.len()..numbers.len() + 9).all(|row| !column.valid.get(row));
        assert!(none_behind_the_last, "{name}");
    }
}

//----------- Plans ----------------------------------------------------------

/// A row of a plan: digits, which network, which lengths.
type Row = (String, usize, usize);

const NETWORKS: [[&str; 6]; 5] = [
    ["234", "15", "Vodafone", "GB", "mobile", "true"],
    ["234", "", "BT", "GB", "fixed", ""],
    ["", "", "", "", "", ""],
    ["310", "012", "Verizon", "US", "fixed-or-mobile", "true"],
    ["222", "01", "Vodafone", "IT", "mobile", "false"],
];
const LENGTHS: [[usize; 2]; 4] = [[1, 15], [8, 12], [12, 12], [1, 7]];
const COUNTS: [&str; 16] =
    ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15"];

fn range((prefix, network, lengths): &Row) -> RangeFields<'_> {
    let [mcc, mnc, operator, country, kind, portable] = NETWORKS[*network];
    // No number of a range is shorter than its prefix.
    let [min_length, max_length] = LENGTHS[*lengths].map(|length| COUNTS[length.max(prefix.len())]);
    let source = ["", "regulator"][network % 2];
    RangeFields { prefix, min_length, max_length, country, kind, mcc, mnc, operator, portable, source }
}

fn ported<'a>(number: &'a str, network: usize) -> PortedFields<'a> {
    let [mcc, mnc, operator, ..] = NETWORKS[[0, 3, 4][network % 3]];
    let [spid, rn, rn_context] =
        [["", "", ""], ["A1", "", ""], ["", "3392986", "+1"], ["B2", "+1339", ""]][network % 4];
    PortedFields { number, mcc, mnc, operator, spid, rn, rn_context }
}

/// The octets of a plan; rows that a plan may not have are left out.
fn plan(ranges: &[Row], listed: &BTreeMap<String, usize>) -> Vec<u8> {
    let mut builder = PlanBuilder::new(Policy { skip_bad_rows: true, last_duplicate_wins: true });
    builder.begin_file("ranges.csv");
    // A plan without any row is none.
    builder.add_range(2, &range(&("888".to_owned(), 2, 2)));
    for (line, row) in (3..).zip(ranges) {
        builder.add_range(line, &range(row));
    }
    builder.begin_file("ported.csv");
    for (line, (number, network)) in (2..).zip(listed) {
        builder.add_ported(line, &ported(number, *network)).unwrap();
    }
    let (sections, _) = builder.finish("{}").unwrap();
    let mut octets = Vec::new();
    writer::write(&sections, &mut octets).unwrap();
    octets
}

fn digits() -> impl Strategy<Value = String> {
    prop_oneof!["[1-3]", "44[0-3]{1,3}", "44000[01]{3,7}", "1339298615[0-9]", "[1-9][0-9]{4,14}"]
}

//----------- Properties -----------------------------------------------------

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn many_dips_agree_with_single_ones(
        ranges in prop::collection::vec((digits(), 0..NETWORKS.len(), 0..LENGTHS.len()), 0..60),
        listed in prop::collection::btree_map(digits(), 0..12usize, 0..30),
        has_ported: bool,
        others in prop::collection::vec(digits(), 0..700),
        portion in 1..400usize,
    ) {
        let listed = if has_ported { listed } else { BTreeMap::new() };
        let snapshot = Snapshot::from_octets(plan(&ranges, &listed)).unwrap();
        let view = snapshot.view();
        // What the plan has, what lies beside, what it does not have, and what is no number.
        let known = ranges.iter().map(|(digits, ..)| digits).chain(listed.keys());
        let near = known.flat_map(|digits| ["", "0", "7", "12", "1234567"].map(|more| format!("{digits}{more}")));
        let asked = near.chain(others).chain(["".to_owned(), "0".to_owned()]);
        let numbers: Vec<_> = asked.map(|digits| Number::from_digits(digits.as_bytes()).ok()).collect();
        assert_agrees(&view, &numbers, &find_all(&view, numbers.iter().copied()));
        // The other way round, and in portions.
        let numbers: Vec<_> = numbers.into_iter().rev().collect();
        let mut finder = Finder::new(&view);
        for portion in numbers.chunks(portion) {
            finder.reserve(portion.len());
            finder.extend(portion.iter().copied());
        }
        assert_agrees(&view, &numbers, &finder.finish());
    }

    #[test]
    fn layers_count(changes in prop::collection::btree_map(digits(), prop::option::of(0..12usize), 1..40)) {
        let ranges = [("44".to_owned(), 0, 0), ("4400".to_owned(), 1, 1), ("1339".to_owned(), 3, 1)];
        let listed: BTreeMap<_, _> =
            changes.keys().step_by(2).map(|digits| (digits.clone(), digits.len() % 12)).collect();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.snap");
        std::fs::write(&path, plan(&ranges, &listed)).unwrap();
        let snapshot = Arc::new(Snapshot::open(&path, Memory::Map).unwrap());
        let mut builder = DeltaBuilder::new(Arc::clone(&snapshot), Policy::default());
        builder.begin_file("delta.csv");
        for (line, (digits, network)) in (2..).zip(&changes) {
            let action = if network.is_some() { "add" } else { "remove" };
            let ported = match network {
                Some(network) => ported(digits, *network),
                None => PortedFields { number: digits, ..PortedFields::default() },
            };
            builder.add_change(line, &DeltaFields { action, ported });
        }
        if let (Some(layer), _) = builder.finish(Time(1_000), "{}").unwrap() {
            append::add_layer(&snapshot, &layer).unwrap();
        }
        let snapshot = Snapshot::open(&path, Memory::Map).unwrap();
        let numbers: Vec<_> = changes.keys().map(|digits| Some(support::number(digits))).collect();
        assert_agrees(&snapshot.view(), &numbers, &find_all(&snapshot.view(), numbers.iter().copied()));
    }
}

#[test]
fn more_prefixes_than_memos_say_the_same() {
    // Places four apart share what is kept of them, so a hundred thousand drive each other out.
    let ranges: Vec<Row> =
        (100_000..200_000).map(|prefix: usize| (prefix.to_string(), prefix % 5, 0)).collect();
    let snapshot = Snapshot::from_octets(plan(&ranges, &BTreeMap::new())).unwrap();
    let numbers: Vec<_> = (0..300_000u64)
        .map(|step| Number::from_integer(100_000_000 + step * 7_919 % 100_000 * 1_000).ok())
        .collect();
    let view = snapshot.view();
    assert_agrees(&view, &numbers, &find_all(&view, numbers.iter().copied()));
}

#[test]
fn no_numbers_make_empty_columns() {
    let snapshot = Snapshot::from_octets(plan(&[], &BTreeMap::new())).unwrap();
    assert_agrees(&snapshot.view(), &[], &find_all(&snapshot.view(), []));
    assert_agrees(&snapshot.view(), &[None, None], &find_all(&snapshot.view(), [None, None]));
}
