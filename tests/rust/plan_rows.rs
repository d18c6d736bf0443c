//! Rows that cannot stand: each fault by its words, and what rows may say. `plan_model.rs` has the properties.

use numdip_core::answer;
use numdip_core::number::Number;
use numdip_core::plan::report::MAX_FAULTS;
use numdip_core::plan::{MAX_NETWORKS, PlanBuilder, PlanError, Policy, PortedFields, RangeFields, Report};
use numdip_core::snapshot::{Kind, Snapshot, writer};

use crate::support::{number, ported, range};

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
