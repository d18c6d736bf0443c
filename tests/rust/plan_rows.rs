//! Rows to plans: every answer and every count against a model in plain code, every fault by its words.

use std::collections::{BTreeMap, BTreeSet};

use numdip_core::answer::{self, Miss};
use numdip_core::number::Number;
use numdip_core::plan::report::MAX_FAULTS;
use numdip_core::plan::stats::{self, CountryStats};
use numdip_core::plan::{MAX_NETWORKS, PlanBuilder, PlanError, Policy, PortedFields, RangeFields, Report};
use numdip_core::snapshot::{Kind, Snapshot, writer};
use proptest::prelude::*;

use crate::support::{number, ported, range};

//----------- Rows -----------------------------------------------------------

/// A row of either kind of file, owned.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Row {
    Range {
        prefix: String,
        lengths: [usize; 2],
        country: &'static str,
        kind: &'static str,
        network: [&'static str; 3],
        portable: bool,
        source: &'static str,
    },
    Ported {
        number: String,
        network: [&'static str; 3],
        spid: &'static str,
        rn: &'static str,
    },
    /// One that cannot stand, whatever the policy.
    Bad,
}

/// MCC, MNC, operator: known whole, in part, without a name, and not at all.
const NETWORKS: [[&str; 3]; 6] = [
    ["234", "15", "Alpha"],
    ["234", "015", "Alpha"],
    ["234", "", "Beta"],
    ["310", "012", ""],
    ["", "", "Gamma"],
    ["", "", ""],
];

fn row() -> impl Strategy<Value = Row> {
    let network = || (0..NETWORKS.len()).prop_map(|place| NETWORKS[place]);
    let prefix = prop_oneof![8 => "[12][0-2]{0,3}", 1 => "[1-9][0-9]{0,14}"];
    let kinds = prop_oneof![Just(""), Just("mobile"), Just("fixed-or-mobile"), Just("fixed")];
    let countries = prop_oneof![Just("GB"), Just("US"), Just("")];
    let of_range = (
        prefix,
        0..12usize,
        0..4usize,
        kinds,
        countries,
        network(),
        any::<bool>(),
        prop_oneof![Just(""), Just("table 7")],
    )
        .prop_map(|(prefix, more, span, kind, country, network, portable, source)| {
            let least = (prefix.len() + more).min(15);
            let lengths = [least, (least + span).min(15)];
            Row::Range { prefix, lengths, country, kind, network, portable, source }
        });
    let number = prop_oneof!["[12][0-2]{0,4}", "[1-9][0-9]{0,14}"];
    let of_ported =
        (number, network(), prop_oneof![Just(""), Just("S1")], prop_oneof![Just(""), Just("+1404")])
            .prop_map(|(number, network, spid, rn)| Row::Ported { number, network, spid, rn });
    prop_oneof![12 => of_range, 6 => of_ported, 1 => Just(Row::Bad)]
}

fn add(builder: &mut PlanBuilder, line: u64, row: &Row) {
    match row {
        Row::Range { prefix, lengths, country, kind, network: [mcc, mnc, operator], portable, source } => {
            let [min, max] = lengths.map(|length| length.to_string());
            // Where the default says the same, leave it to the default.
            let min_length = if lengths[0] == prefix.len() { "" } else { &min };
            let max_length = if lengths[1] == 15 { "" } else { &max };
            #[rustfmt::skip]
            let fields = RangeFields {
                prefix, min_length, max_length, country, kind, mcc, mnc, operator, source,
                portable: if *portable { "true" } else { "" },
            };
            builder.add_range(line, &fields);
        }
        Row::Ported { number, network: [mcc, mnc, operator], spid, rn } => {
            builder
                .add_ported(line, &PortedFields { number, mcc, mnc, operator, spid, rn, rn_context: "" })
                .unwrap();
        }
        Row::Bad => builder.add_range(line, &range("0", ["", ""], ["", ""])),
    }
}

//----------- The model ------------------------------------------------------

/// What a plan of rows is to say, by search through all of them.
struct Model {
    /// The rows of each prefix that stand, by their least length.
    ranges: BTreeMap<String, Vec<Row>>,
    ported: BTreeMap<String, Row>,
    replaced: u64,
    faults: u64,
}

impl Model {
    fn of(rows: &[Row], last_wins: bool) -> Self {
        let mut model = Self { ranges: BTreeMap::new(), ported: BTreeMap::new(), replaced: 0, faults: 0 };
        for row in rows {
            match row {
                Row::Bad => model.faults += 1,
                Row::Range { prefix, lengths, .. } => {
                    let standing = model.ranges.entry(prefix.clone()).or_default();
                    let overlaps = |other: &Row| {
                        let Row::Range { lengths: other, .. } = other else { unreachable!() };
                        (lengths[0]..=lengths[1]).any(|length| (other[0]..=other[1]).contains(&length))
                    };
                    let count = standing.iter().filter(|other| overlaps(other)).count() as u64;
                    if count > 0 && !last_wins {
                        model.faults += 1;
                        continue;
                    }
                    model.replaced += count;
                    standing.retain(|other| !overlaps(other));
                    standing.push(row.clone());
                    standing.sort_by_key(|row| match row {
                        Row::Range { lengths, .. } => lengths[0],
                        _ => 0,
                    });
                }
                Row::Ported { number, .. } => match model.ported.contains_key(number) {
                    true if !last_wins => model.faults += 1,
                    is_there => {
                        model.replaced += u64::from(is_there);
                        model.ported.insert(number.clone(), row.clone());
                    }
                },
            }
        }
        model
    }

    /// The prefix of the longest range that the digits start with, and the row for their length.
    fn range(&self, digits: &str) -> Option<(&str, Option<&Row>)> {
        let length = (1..=digits.len()).rev().find(|length| self.ranges.contains_key(&digits[..*length]))?;
        let (prefix, rows) = self.ranges.get_key_value(&digits[..length])?;
        let takes = |row: &&Row| matches!(row, Row::Range { lengths: [min, max], .. } if (min..=max).contains(&&digits.len()));
        Some((prefix, rows.iter().find(takes)))
    }

    fn rows(&self) -> impl Iterator<Item = &Row> {
        self.ranges.values().flatten().chain(self.ported.values())
    }

    /// What [`said`] is to give.
    fn says(&self, digits: &str) -> Said {
        let range = self.range(digits);
        let of_range = |row: &Row, prefix: &str| match row {
            Row::Range { country, kind, portable, .. } => {
                Some((prefix.to_owned(), (*country).to_owned(), (*kind).to_owned(), *portable))
            }
            _ => None,
        };
        let held = range.and_then(|(prefix, row)| of_range(row?, prefix));
        if let Some(Row::Ported { network, spid, rn, .. }) = self.ported.get(digits) {
            let network =
                [network[0], network[1], network[2], spid, rn, "ported.csv"].map(str::to_owned).to_vec();
            return Said::Found { network, range: held, ported: true };
        }
        match range {
            None => Said::NoRange,
            Some((prefix, None)) => Said::WrongLength(prefix.to_owned()),
            Some((_, Some(Row::Range { network, source, .. }))) => {
                let source = if source.is_empty() { "ranges.csv" } else { source };
                let network =
                    [network[0], network[1], network[2], "", "", source].map(str::to_owned).to_vec();
                Said::Found { network, range: held, ported: false }
            }
            Some(_) => unreachable!(),
        }
    }
}

/// All that a dip says, as text.
#[derive(Debug, PartialEq, Eq)]
enum Said {
    Found {
        /// MCC, MNC, operator, SPID, routing number, source.
        network: Vec<String>,
        /// Prefix, country, kind, portable.
        range: Option<(String, String, String, bool)>,
        ported: bool,
    },
    NoRange,
    WrongLength(String),
}

fn said(snapshot: &Snapshot, digits: &str) -> Said {
    let view = snapshot.view();
    match answer::find(&view, number(digits)) {
        Ok(answer) => {
            let network = answer.network;
            let text = |id| view.text(id).unwrap_or("").to_owned();
            let code = |code: Option<&str>| code.unwrap_or("").to_owned();
            assert_eq!(Some(network), view.network(answer.network_index));
            assert_eq!(digits, answer.number.digits());
            Said::Found {
                network: vec![
                    code(network.mcc()),
                    code(network.mnc()),
                    text(network.operator),
                    text(network.spid),
                    text(network.rn),
                    text(network.source),
                ],
                range: answer.range.map(|(prefix, row)| {
                    let kind = row.kind().map_or("", Kind::name).to_owned();
                    (prefix.digits(), code(row.country()), kind, row.is_portable())
                }),
                ported: answer.ported,
            }
        }
        Err(Miss::NoRange) => Said::NoRange,
        Err(Miss::WrongLength { prefix, .. }) => Said::WrongLength(prefix.digits()),
        Err(Miss::Damaged) => panic!("a file just written is damaged"),
    }
}

/// What [`stats::stats`] is to count.
fn counted(model: &Model) -> BTreeMap<String, CountryStats> {
    let space = |prefix: &str| 10u64.pow(15 - prefix.len() as u32);
    let mut countries: BTreeMap<String, CountryStats> = BTreeMap::new();
    for (prefix, rows) in &model.ranges {
        // Those below, but for those below others of them.
        let below = |of: &str, other: &str| other.len() > of.len() && other.starts_with(of);
        let taken: u64 = model
            .ranges
            .keys()
            .filter(|other| below(prefix, other))
            .filter(|other| {
                !model.ranges.keys().any(|between| below(prefix, between) && below(between, other))
            })
            .map(|other| space(other))
            .sum();
        let left = space(prefix) - taken;
        let mut is_told = false;
        for row in rows {
            let Row::Range { country, kind, network: [_, mnc, operator], portable, .. } = row else {
                unreachable!()
            };
            let of_country = countries.entry((*country).to_owned()).or_default();
            of_country.ranges += 1;
            of_country.portable |= portable;
            if ["mobile", "fixed-or-mobile"].contains(kind) && !is_told {
                is_told = true;
                of_country.mobile_space += left;
                of_country.named_space += if operator.is_empty() { 0 } else { left };
                of_country.known_space += if operator.is_empty() || mnc.is_empty() { 0 } else { left };
            }
        }
    }
    countries
}

//----------- Properties -----------------------------------------------------

/// Numbers around a plan's prefixes and ported numbers, of every length.
fn asked(model: &Model) -> BTreeSet<String> {
    let mut asked = BTreeSet::new();
    for digits in model.ranges.keys().chain(model.ported.keys()) {
        for fill in ["0", "12", "9"] {
            let long = digits.clone() + &fill.repeat(15);
            asked.extend((1..=15).map(|length| long[..length].to_owned()));
        }
    }
    asked
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn a_plan_says_what_its_rows_say(
        rows in prop::collection::vec(row(), 1..40),
        last_duplicate_wins: bool,
        skip_bad_rows: bool,
    ) {
        let mut builder = PlanBuilder::new(Policy { skip_bad_rows, last_duplicate_wins });
        for (line, row) in (2..).zip(&rows) {
            builder.begin_file(if matches!(row, Row::Ported { .. }) { "folder/ported.csv" } else { "folder/ranges.csv" });
            add(&mut builder, line, row);
        }
        let model = Model::of(&rows, last_duplicate_wins);
        let (sections, report) = match builder.finish("{}") {
            Ok(built) => built,
            Err(PlanError::BadRows(report)) => {
                prop_assert!(!skip_bad_rows && model.faults > 0);
                prop_assert_eq!(model.faults, report.fault_count());
                return Ok(());
            }
            Err(PlanError::NoRows) => {
                prop_assert_eq!(0, model.rows().count());
                return Ok(());
            }
            Err(error) => panic!("{error}"),
        };
        prop_assert!(skip_bad_rows || model.faults == 0);
        let mut octets = Vec::new();
        writer::write(&sections, &mut octets).unwrap();
        let snapshot = Snapshot::from_octets(octets).unwrap();
        snapshot.verify().unwrap();

        for digits in asked(&model) {
            prop_assert_eq!(model.says(&digits), said(&snapshot, &digits), "{}", digits);
        }

        let view = snapshot.view();
        let ranges: usize = model.ranges.values().map(Vec::len).sum();
        let networks: BTreeSet<Vec<&str>> = model.rows().map(|row| match row {
            Row::Range { network, source, .. } => [&network[..], &["", "", source, "range"]].concat(),
            Row::Ported { network, spid, rn, .. } => [&network[..], &[spid, rn, "", "ported"]].concat(),
            Row::Bad => unreachable!(),
        }).collect();
        prop_assert_eq!(
            (ranges, model.ported.len(), networks.len(), model.replaced, model.faults),
            (report.ranges, report.ported, report.networks, report.replaced, report.fault_count())
        );
        // A replaced ported row leaves an empty row behind.
        let said = view.networks.iter().filter(|row| row.mcc().is_some() || row.texts().iter().any(|id| id.get() > 0));
        prop_assert_eq!(networks.len(), said.count(), "networks that no row of the plan names");

        let found = stats::stats(&view);
        prop_assert_eq!((ranges, model.ported.len()), (found.ranges, found.ported));
        prop_assert_eq!(counted(&model), found.countries);
        let pairs: BTreeSet<[&str; 2]> = networks.iter().map(|row| [row[0], row[1]]).filter(|[_, mnc]| !mnc.is_empty()).collect();
        prop_assert_eq!(pairs.len(), found.networks);
        let sources: BTreeSet<String> = networks
            .iter()
            .map(|row| match (row[5], row[6]) {
                ("", "range") => "ranges.csv".to_owned(),
                ("", _) => "ported.csv".to_owned(),
                (source, _) => source.to_owned(),
            })
            .collect();
        prop_assert_eq!(sources, found.sources);
    }

    #[test]
    fn the_order_of_rows_that_do_not_meet_changes_no_answer(mut rows in prop::collection::vec(row(), 1..30), turn: prop::sample::Index) {
        let built = |rows: &[Row]| {
            let mut builder = PlanBuilder::new(Policy::default());
            for row in rows {
                builder.begin_file(if matches!(row, Row::Ported { .. }) { "ported.csv" } else { "ranges.csv" });
                add(&mut builder, 1, row);
            }
            let mut octets = Vec::new();
            writer::write(&builder.finish("{}").unwrap().0, &mut octets).unwrap();
            Snapshot::from_octets(octets).unwrap()
        };
        let mut standing = Vec::new();
        for row in rows.drain(..) {
            standing.push(row);
            if Model::of(&standing, false).faults > 0 {
                standing.pop();
            }
        }
        prop_assume!(!standing.is_empty());
        let first = built(&standing);
        let turn = turn.index(standing.len());
        standing.rotate_left(turn);
        standing.reverse();
        let second = built(&standing);
        for digits in asked(&Model::of(&standing, false)) {
            prop_assert_eq!(said(&first, &digits), said(&second, &digits));
        }
    }
}

//----------- Faults ---------------------------------------------------------

/// The report on one row of a ranges file that cannot stand.
fn fault_of_range(row: &RangeFields<'_>) -> String {
    fault_of(|builder| builder.add_range(7, row))
}

pub(crate) fn fault_of_ported(row: &PortedFields<'_>) -> String {
    fault_of(|builder| builder.add_ported(7, row).unwrap())
}

fn fault_of(add: impl Fn(&mut PlanBuilder)) -> String {
    let mut builder = PlanBuilder::new(Policy::default());
    builder.begin_file("in/plan.csv");
    builder.add_range(6, &range("44", ["", ""], ["", ""]));
    add(&mut builder);
    match builder.finish("{}") {
        Err(PlanError::BadRows(report)) => {
            assert_eq!((1, 1), (report.fault_count(), report.faults().len()));
            report.faults()[0].clone()
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn each_bad_field_of_a_range_is_told_by_line_and_column() {
    type Change = fn(&mut RangeFields<'static>);
    let digits = "1 to 15 digits starting with the country code";
    let length = "a count of digits from 1 to 15, country code included, or nothing";
    let text = "at most 255 octets of text without control characters";
    let country = "two capital letters (ISO 3166-1 alpha-2) or nothing";
    let mnc = "two or three digits, leading zeros kept, or nothing";
    let kind = "mobile, fixed, fixed-or-mobile, voip, toll-free, premium, shared-cost, pager, uan, personal, other or nothing";
    let cases: [(&str, &str, &str, Change); 37] = [
        ("prefix", "", digits, |row| row.prefix = ""),
        ("prefix", "+", digits, |row| row.prefix = "+"),
        ("prefix", "044", digits, |row| row.prefix = "044"),
        ("prefix", "44 20", digits, |row| row.prefix = "44 20"),
        ("prefix", "44x", digits, |row| row.prefix = "44x"),
        ("prefix", "1234567890123456", digits, |row| row.prefix = "1234567890123456"),
        ("prefix", "\u{664}\u{664}", digits, |row| row.prefix = "\u{664}\u{664}"),
        ("min_length", "0", length, |row| row.min_length = "0"),
        ("min_length", "16", length, |row| row.min_length = "16"),
        ("min_length", "+9", length, |row| row.min_length = "+9"),
        ("min_length", "9.0", length, |row| row.min_length = "9.0"),
        ("min_length", "1", "at least as many digits as the prefix has", |row| row.min_length = "1"),
        ("max_length", "x", length, |row| row.max_length = "x"),
        ("max_length", "99999999999999999999", length, |row| row.max_length = "99999999999999999999"),
        ("max_length", "9", "at least min_length", |row| (row.min_length, row.max_length) = ("10", "9")),
        ("max_length", "1", "at least min_length", |row| row.max_length = "1"),
        ("country", "gb", country, |row| row.country = "gb"),
        ("country", "Gb", country, |row| row.country = "Gb"),
        ("country", "gB", country, |row| row.country = "gB"),
        ("country", "GBR", country, |row| row.country = "GBR"),
        ("country", "\u{c9}", country, |row| row.country = "\u{c9}"),
        ("kind", "Mobile", kind, |row| row.kind = "Mobile"),
        ("kind", "toll free", kind, |row| row.kind = "toll free"),
        ("portable", "maybe", "true, false or nothing", |row| row.portable = "maybe"),
        ("mcc", "31", "three digits (E.212) or nothing", |row| row.mcc = "31"),
        ("mcc", "3100", "three digits (E.212) or nothing", |row| row.mcc = "3100"),
        ("mcc", "31O", "three digits (E.212) or nothing", |row| row.mcc = "31O"),
        ("mcc", "", "the MCC that the row's MNC belongs to", |row| (row.mcc, row.mnc) = ("", "15")),
        ("mnc", "1", mnc, |row| row.mnc = "1"),
        ("mnc", "0123", mnc, |row| row.mnc = "0123"),
        ("mnc", "1a", mnc, |row| row.mnc = "1a"),
        ("operator", "a\nb", text, |row| row.operator = "a\nb"),
        ("operator", "a\u{0}", text, |row| row.operator = "a\u{0}"),
        ("operator", "a\u{85}", text, |row| row.operator = "a\u{85}"),
        ("operator", "\u{7f}", text, |row| row.operator = "\u{7f}"),
        ("source", "\t", text, |row| row.source = "\t"),
        ("source", "\u{1b}[31m", text, |row| row.source = "\u{1b}[31m"),
    ];
    for (column, found, expected, change) in cases {
        let mut row = range("4420", ["", ""], ["234", "15"]);
        change(&mut row);
        let line = format!("in/plan.csv:7: column \"{column}\": found {found:?}, expected {expected}");
        assert_eq!(line, fault_of_range(&row));
    }
}

#[test]
fn each_bad_field_of_a_ported_number_is_told_by_line_and_column() {
    type Change = fn(&mut PortedFields<'static>);
    let digits = "1 to 15 digits starting with the country code";
    let text = "at most 255 octets of text without control characters";
    let cases: [(&str, &str, &str, Change); 9] = [
        ("number", "", digits, |row| row.number = ""),
        ("number", "0044", digits, |row| row.number = "0044"),
        ("number", "++44", digits, |row| row.number = "++44"),
        ("number", "4.4e11", digits, |row| row.number = "4.4e11"),
        ("mcc", "12", "three digits (E.212) or nothing", |row| row.mcc = "12"),
        ("mcc", "", "the MCC that the row's MNC belongs to", |row| row.mcc = ""),
        ("mnc", "12345", "two or three digits, leading zeros kept, or nothing", |row| row.mnc = "12345"),
        ("operator", "\r", text, |row| row.operator = "\r"),
        ("spid", "1\u{7}", text, |row| row.spid = "1\u{7}"),
    ];
    for (column, found, expected, change) in cases {
        let mut row = ported("447786852522", ["234", "15"]);
        change(&mut row);
        let line = format!("in/plan.csv:7: column \"{column}\": found {found:?}, expected {expected}");
        assert_eq!(line, fault_of_ported(&row));
    }
}

#[test]
fn every_good_spelling_of_a_field_is_taken() {
    let mut builder = PlanBuilder::new(Policy::default());
    // 255 octets, the most that there may be.
    let long = "\u{e9}".repeat(127) + "x";
    let good = RangeFields { operator: &long, source: &long, ..range("+44", ["2", "15"], ["234", "015"]) };
    builder.add_range(1, &good);
    for (line, kind) in (2..).zip(Kind::ALL) {
        let prefix = format!("1{line:02}");
        builder.add_range(line, &RangeFields { kind: kind.name(), ..range(&prefix, ["", ""], ["", ""]) });
    }
    for (line, portable) in
        (20..).zip(["", "true", "True", "TRUE", "yes", "1", "false", "False", "FALSE", "no", "0"])
    {
        let prefix = format!("2{line}");
        builder.add_range(line, &RangeFields { portable, ..range(&prefix, ["", ""], ["", ""]) });
    }
    builder.add_ported(40, &PortedFields { spid: "any text", ..ported("+33", ["", ""]) }).unwrap();
    let (_, report) = builder.finish("{}").unwrap();
    assert_eq!((23, 1, 0), (report.ranges, report.ported, report.fault_count()));
}

#[test]
fn a_fault_shows_the_beginning_of_a_long_field() {
    let long = "\u{e9}".repeat(300);
    let fault = fault_of_range(&RangeFields { operator: &long, ..range("1", ["", ""], ["", ""]) });
    let shown = "\u{e9}".repeat(60) + "\u{2026}";
    assert!(fault.contains(&format!("found {shown:?}, expected at most 255 octets")), "{fault}");
}

/// Builds rows that are all bad and gives the error and its report.
fn bad_rows(count: u64) -> (String, Box<Report>) {
    let mut builder = PlanBuilder::new(Policy::default());
    builder.begin_file("bad.csv");
    for line in 1..=count {
        builder.add_range(line, &range("x", ["", ""], ["", ""]));
    }
    let error = builder.finish("{}").unwrap_err();
    match (error.to_string(), error) {
        (text, PlanError::BadRows(report)) => (text, report),
        (text, _) => panic!("{text}"),
    }
}

#[test]
fn a_hundred_faults_are_told_and_the_others_counted() {
    for (count, told, last) in [
        (1, 1, "1 row is bad and nothing was written"),
        (100, 100, "100 rows are bad and nothing was written"),
        (101, 100, "101 rows are bad and nothing was written"),
        (1250, 100, "1250 rows are bad and nothing was written"),
    ] {
        let (text, report) = bad_rows(count);
        assert_eq!((count, told), (report.fault_count(), report.faults().len()));
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines.last().unwrap().starts_with(last), "{text}");
        for (line, fault) in (1..).zip(&lines[..told]) {
            assert!(fault.starts_with(&format!("bad.csv:{line}: column \"prefix\"")), "{fault}");
        }
        let more = count.saturating_sub(MAX_FAULTS as u64);
        let told_more = format!("\u{2026} and {more} more");
        assert_eq!(more > 0, lines.contains(&told_more.as_str()), "{text}");
    }
}

#[test]
fn duplicates_and_overlaps_name_both_rows() {
    let mut builder = PlanBuilder::new(Policy::default());
    builder.begin_file("in/a.csv");
    builder.add_range(2, &range("44", ["9", "12"], ["234", "15"]));
    builder.add_range(3, &range("44", ["13", "13"], ["234", "15"]));
    builder.begin_file("in/p.csv");
    builder.add_ported(2, &ported("447786852522", ["234", "15"])).unwrap();
    builder.add_ported(9, &ported("+447786852522", ["234", "15"])).unwrap();
    builder.begin_file("in/b.csv");
    builder.add_range(5, &range("44", ["12", "15"], ["234", "30"]));
    builder.add_range(6, &range("+44", ["2", "8"], ["234", "30"]));
    builder.begin_file("in/q.csv");
    builder.add_ported(4, &ported("447786852522", ["234", "30"])).unwrap();
    let Err(PlanError::BadRows(report)) = builder.finish("{}") else { panic!("taken") };
    let expected = [
        "in/b.csv:5: prefix 44 has these lengths in in/a.csv:2 already",
        "in/p.csv:9: number 447786852522 is in in/p.csv:2 already",
        "in/q.csv:4: number 447786852522 is in in/p.csv:2 already",
    ];
    assert_eq!(&expected[..], report.faults());
}

#[test]
fn rows_of_a_query_are_told_by_its_name_and_their_number() {
    let mut builder = PlanBuilder::new(Policy { skip_bad_rows: true, last_duplicate_wins: false });
    builder.begin_query("query 1", "numbering/gb");
    builder.add_ported(1, &ported("447786852522", ["234", "15"])).unwrap();
    builder.add_ported(17, &ported("44x", ["234", "15"])).unwrap();
    builder.begin_file("query 1");
    builder.add_ported(2, &ported("447786852522", ["234", "15"])).unwrap();
    let (sections, report) = builder.finish("{}").unwrap();
    assert_eq!(
        [
            "query 1 (row 17): column \"number\": found \"44x\", expected 1 to 15 digits starting with the country code",
            "query 1:2: number 447786852522 is in query 1 (row 1) already",
        ],
        report.faults()
    );
    let mut octets = Vec::new();
    writer::write(&sections, &mut octets).unwrap();
    let snapshot = Snapshot::from_octets(octets).unwrap();
    let found = answer::find(&snapshot.view(), number("447786852522")).unwrap();
    assert_eq!(Some("numbering/gb (query 1) and 1 more"), snapshot.view().text(found.network.source));
}

#[test]
fn bad_rows_that_are_skipped_are_told_all_the_same() {
    let mut builder = PlanBuilder::new(Policy { skip_bad_rows: true, last_duplicate_wins: false });
    builder.begin_file("a.csv");
    builder.add_range(2, &range("44", ["", ""], ["234", "15"]));
    builder.add_range(3, &range("44", ["", ""], ["234", "30"]));
    builder.add_range(4, &range("45", ["", ""], ["23", ""]));
    let (_, report) = builder.finish("{}").unwrap();
    assert_eq!((1, 0, 1, 0), (report.ranges, report.ported, report.networks, report.replaced));
    assert_eq!(
        [
            "a.csv:4: column \"mcc\": found \"23\", expected three digits (E.212) or nothing",
            "a.csv:3: prefix 44 has these lengths in a.csv:2 already",
        ],
        report.faults()
    );
}

#[test]
fn no_rows_are_no_plan() {
    let finish = |builder: PlanBuilder| builder.finish("{}").unwrap_err();
    assert!(matches!(finish(PlanBuilder::new(Policy::default())), PlanError::NoRows));
    let mut builder = PlanBuilder::new(Policy { skip_bad_rows: true, last_duplicate_wins: false });
    builder.add_range(1, &range("x", ["", ""], ["", ""]));
    assert!(matches!(finish(builder), PlanError::NoRows));
}

#[test]
fn meta_text_is_kept() {
    let mut builder = PlanBuilder::new(Policy::default());
    builder.add_range(1, &range("44", ["", ""], ["", ""]));
    let meta = "{\"built_by\": \"numdip \u{e9}\"}";
    let mut octets = Vec::new();
    writer::write(&builder.finish(meta).unwrap().0, &mut octets).unwrap();
    assert_eq!(meta, Snapshot::from_octets(octets).unwrap().meta());
}

#[test]
#[ignore = "a million networks: half a minute without optimisation"]
fn a_network_too_many_is_a_bad_row_and_no_more_than_that() {
    let mut builder = PlanBuilder::new(Policy { skip_bad_rows: true, last_duplicate_wins: false });
    builder.begin_file("p.csv");
    for line in 1..=MAX_NETWORKS as u64 + 2 {
        let number = Number::from_integer(44_000_000_000 + line).unwrap().digits();
        builder.add_ported(line, &PortedFields { operator: &number, ..ported(&number, ["", ""]) }).unwrap();
    }
    // A network that is known already is none too many.
    builder
        .add_ported(9_999_999, &PortedFields { operator: "44000000001", ..ported("45", ["", ""]) })
        .unwrap();
    let (_, report) = builder.finish("{}").unwrap();
    assert_eq!((2, MAX_NETWORKS + 1, MAX_NETWORKS), (report.fault_count(), report.ported, report.networks));
    assert!(report.faults()[0].starts_with("p.csv:1048577: one network more"), "{:?}", report.faults());
}
