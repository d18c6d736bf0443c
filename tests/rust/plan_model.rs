//! Rows to plans: every answer and every count against a model in plain code. `plan_rows.rs` has the faults.

use std::collections::{BTreeMap, BTreeSet};

use numdip_core::answer::{self, Miss};
use numdip_core::plan::stats::{self, CountryStats};
use numdip_core::plan::{PlanBuilder, PlanError, Policy, PortedFields, RangeFields};
use numdip_core::snapshot::{Kind, Snapshot, writer};
use proptest::prelude::*;

use crate::support::{number, range};

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
                range: answer.range(&view).map(|(prefix, row)| {
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
