//! Layers: what a plan says through them and when, folding, and every way that they can be unfit.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use numdip_core::answer;
use numdip_core::number::Number;
use numdip_core::plan::compact::{History, compact};
use numdip_core::plan::delta::{DeltaBuilder, DeltaFields, DeltaReport};
use numdip_core::plan::{PlanBuilder, PlanError, Policy};
use numdip_core::snapshot::lineage::Time;
use numdip_core::snapshot::{Memory, Snapshot, append, writer};
use proptest::prelude::*;

use crate::support::{number, ported, range};

//----------- Helpers --------------------------------------------------------

/// The MNCs that networks here have; their MCC is 234.
const MNCS: [&str; 5] = ["10", "15", "20", "30", "033"];

/// Ported numbers and the places of their MNCs.
type Listed = BTreeMap<String, usize>;

/// What each layer does: numbers with the place of their MNC, or removed.
type Delta = BTreeMap<String, Option<usize>>;

struct Plan {
    folder: tempfile::TempDir,
}

impl Plan {
    /// A plan in a folder of its own: numbers from 4 to 15 digits below +44, and these ported ones.
    fn new(listed: &Listed, time: Time) -> Self {
        let plan = Self { folder: tempfile::tempdir().unwrap() };
        let mut builder = PlanBuilder::new(Policy::default());
        builder.set_time(time);
        builder.begin_file("ranges.csv");
        builder.add_range(2, &range("44", ["4", "15"], ["234", "01"]));
        builder.begin_file("ported.csv");
        for (line, (digits, mnc)) in (2..).zip(listed) {
            builder.add_ported(line, &ported(digits, ["234", MNCS[*mnc]])).unwrap();
        }
        let (sections, _) = builder.finish("{}").unwrap();
        writer::publish(&sections, &plan.path()).unwrap();
        plan
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("a.snap")
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn open(&self) -> Snapshot {
        Snapshot::open(&self.path(), Memory::Map).unwrap()
    }

    fn refusal(&self) -> String {
        Snapshot::open(&self.path(), Memory::Map).expect_err("it opens").to_string()
    }

    fn apply(&self, delta: &Delta, time: i64) -> DeltaReport {
        let snapshot = Arc::new(self.open());
        let mut builder = DeltaBuilder::new(Arc::clone(&snapshot), Policy::default());
        builder.begin_file("delta.csv");
        for (line, (digits, mnc)) in (2..).zip(delta) {
            let action = if mnc.is_some() { "add" } else { "remove" };
            let ported = ported(digits, mnc.map_or(["", ""], |mnc| ["234", MNCS[mnc]]));
            builder.add_change(line, &DeltaFields { action, ported });
        }
        let (layer, report) = builder.finish(Time(time), "{}").unwrap();
        if let Some(layer) = layer {
            append::add_layer(&snapshot, &layer).unwrap();
        }
        report
    }

    fn compact(&self, history: History) {
        compact(&self.open(), None, history).unwrap();
    }
}

fn delta(changes: &[(&str, Option<usize>)]) -> Delta {
    changes.iter().map(|(digits, mnc)| ((*digits).to_owned(), *mnc)).collect()
}

/// The MNC that a snapshot names for a number.
fn mnc(snapshot: &Snapshot, digits: &str) -> String {
    let view = snapshot.view();
    answer::find(&view, number(digits)).unwrap().network.mnc().unwrap().to_owned()
}

fn mnc_at(snapshot: &Snapshot, digits: &str, at: i64) -> String {
    let found = answer::find_at(snapshot, number(digits), Time(at)).unwrap().unwrap();
    found.network.mnc().unwrap().to_owned()
}

/// Everything that look-ups give is what `listed` has.
fn assert_says(snapshot: &Snapshot, listed: &Listed, asked: &[Number]) {
    let view = snapshot.view();
    let mnc = |network: Option<u32>| Some(view.network(network?).unwrap().mnc().unwrap());
    let mut many = vec![Some(u32::MAX); asked.len()];
    view.ported.find_many(asked, &mut many);
    for (number, together) in asked.iter().zip(many) {
        let expected = listed.get(&number.digits()).map(|mnc| MNCS[*mnc]);
        assert_eq!(expected, mnc(view.ported.find(*number)), "{number}");
        assert_eq!(expected, mnc(together), "{number}");
    }
    let mut expected: Vec<_> = listed.iter().map(|(digits, mnc)| (number(digits), MNCS[*mnc])).collect();
    expected.sort_by_key(|(number, _)| number.key());
    let found: Vec<_> =
        view.ported.iter().map(|(number, network)| (number.unwrap(), mnc(Some(network)).unwrap())).collect();
    assert_eq!(expected, found);
    assert_eq!(listed.len(), view.ported.len());
    assert_eq!(listed.is_empty(), view.ported.is_empty());
}

/// What was said at each time is what `then` has.
fn assert_said(snapshot: &Snapshot, then: &BTreeMap<i64, Listed>, asked: &[Number]) {
    for (time, listed) in then {
        for number in asked {
            for (at, listed) in [(*time, listed), (*time + 9, listed)] {
                let network = snapshot.said(*number, Some(Time(at))).unwrap().network;
                let found = network.map(|network| snapshot.view().network(network).unwrap().mnc().unwrap());
                assert_eq!(listed.get(&number.digits()).map(|mnc| MNCS[*mnc]), found, "{number} at {at}");
            }
        }
    }
}

//----------- Against a map --------------------------------------------------

/// Numbers of all lengths, few enough for layers to meet in them.
fn digits() -> impl Strategy<Value = String> {
    prop_oneof!["[1-9]", "44[0-3]{1,2}", "4400000[01]{4}", "4412345678901[0-3]{2}", "[1-9][0-9]{4,14}"]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn a_stack_agrees_with_a_map_at_every_time(
        base in prop::collection::btree_map(digits(), 0..MNCS.len(), 0..40),
        known: bool,
        deltas in prop::collection::vec(
            (prop::collection::btree_map(digits(), prop::option::of(0..MNCS.len()), 0..30), any::<bool>(), 0..10u8),
            1..6,
        ),
    ) {
        let start = if known { 1_000 } else { 0 };
        let plan = Plan::new(&base, Time(start));
        let all = base.keys().chain(deltas.iter().flat_map(|(delta, ..)| delta.keys()));
        let mut asked: Vec<Number> = all.map(|digits| number(digits)).collect();
        asked.extend(asked.clone().iter().filter_map(|number| Number::from_key(number.key() + 1)));
        let mut listed = base.clone();
        let mut then = BTreeMap::from([(start, base.clone())]);
        for (place, (delta, again, fold)) in deltas.iter().enumerate() {
            let time = 2_000 + 10 * place as i64;
            let report = plan.apply(delta, time);
            let before = listed.clone();
            for (digits, mnc) in delta {
                match mnc {
                    Some(mnc) => listed.insert(digits.clone(), *mnc),
                    None => listed.remove(digits),
                };
            }
            let added = listed.keys().filter(|digits| !before.contains_key(*digits)).count() as u64;
            let removed = before.keys().filter(|digits| !listed.contains_key(*digits)).count() as u64;
            prop_assert_eq!((added, removed), (report.added, report.removed));
            prop_assert_eq!(delta.len() as u64, report.added + report.removed + report.changed + report.unchanged);
            then.insert(time, listed.clone());
            if *again {
                let sequence = plan.open().lineage().sequence();
                let report = plan.apply(delta, time);
                prop_assert_eq!((0, 0, 0), (report.added, report.removed, report.changed));
                prop_assert_eq!(sequence, plan.open().lineage().sequence(), "a layer of nothing");
            }
            if *fold < 3 {
                plan.compact(History::Keep);
                prop_assert_eq!(0, plan.open().open_layers());
            }
            let snapshot = plan.open();
            assert_says(&snapshot, &listed, &asked);
            assert_said(&snapshot, &then, &asked);
            prop_assert_eq!(known, snapshot.said(asked.first().copied().unwrap_or(number("44")), Some(Time(999))).is_err());
        }
        let before = plan.open();
        before.verify().unwrap();
        plan.compact(History::Keep);
        let folded = plan.open();
        folded.verify().unwrap();
        prop_assert_eq!(before.lineage().sequence(), folded.base_lineage().sequence());
        prop_assert_eq!(before.lineage().state(), folded.base_lineage().state());
        assert_says(&folded, &listed, &asked);
        assert_said(&folded, &then, &asked);
        // Who has it open meanwhile goes on as before.
        assert_says(&before, &listed, &asked);
        plan.compact(History::Forget);
        let alone = plan.open();
        assert_says(&alone, &listed, &asked);
        prop_assert!(alone.layers().is_empty());
        prop_assert_eq!(1, fs::read_dir(plan.folder.path()).unwrap().count());
        let time = folded.lineage().time();
        prop_assert_eq!(time.is_known(), alone.said(number("44"), Some(Time(time.0 - 1))).is_err());
    }
}

//----------- One rule each --------------------------------------------------

fn small() -> Plan {
    let listed = Listed::from([("447700900001".to_owned(), 0), ("447700900002".to_owned(), 1)]);
    Plan::new(&listed, Time(1_000))
}

/// A plan with two layers.
fn with_layers() -> Plan {
    let plan = small();
    plan.apply(&delta(&[("447700900001", Some(3)), ("447700900003", Some(4))]), 2_000);
    plan.apply(&delta(&[("447700900002", None), ("447700900003", Some(2))]), 3_000);
    plan
}

#[test]
fn the_newest_layer_wins_and_a_removed_number_returns_to_its_range() {
    let snapshot = with_layers().open();
    assert_eq!("30", mnc(&snapshot, "447700900001"));
    assert_eq!("01", mnc(&snapshot, "447700900002"));
    assert_eq!("20", mnc(&snapshot, "447700900003"));
    let at = |digits, time| mnc_at(&snapshot, digits, time);
    assert_eq!(
        ["10", "30", "30"],
        [1_999, 2_000, 9_999].map(|time| at("447700900001", time)).each_ref().map(String::as_str)
    );
    assert_eq!("15", at("447700900002", 2_999));
    assert_eq!(
        ["01", "033", "20"],
        [1_000, 2_999, 3_000].map(|time| at("447700900003", time)).each_ref().map(String::as_str)
    );
    let early = answer::find_at(&snapshot, number("44"), Time(999)).unwrap_err();
    assert!(
        early.to_string().ends_with("the earliest time that it can speak for is 1970-01-01T00:16:40Z"),
        "{early}"
    );
}

#[test]
fn words_that_do_not_fit_the_plan_are_counted() {
    let plan = small();
    let mut builder = DeltaBuilder::new(Arc::new(plan.open()), Policy::default());
    builder.begin_file("delta.csv");
    for (line, (action, digits, mnc)) in (2..).zip([
        ("add", "447700900001", "30"),    // ported already, to another
        ("add", "447700900002", "15"),    // as it is
        ("change", "447700900003", "30"), // not listed
        ("remove", "447700900004", ""),   // not listed
    ]) {
        let mcc = if mnc.is_empty() { "" } else { "234" };
        builder.add_change(line, &DeltaFields { action, ported: ported(digits, [mcc, mnc]) });
    }
    let (layer, report) = builder.finish(Time(2_000), "{}").unwrap();
    assert!(layer.is_some());
    assert_eq!((1, 1, 0, 2), (report.added, report.changed, report.removed, report.unchanged));
    assert_eq!((1, 1, 1), (report.added_twice, report.changed_unlisted, report.removed_unlisted));
}

#[test]
fn bad_rows_are_reported_as_those_of_plans_are() {
    let plan = small();
    let rows = |policy| {
        let mut builder = DeltaBuilder::new(Arc::new(plan.open()), policy);
        builder.begin_file("delta.csv");
        for (line, (action, digits, mnc)) in (2..).zip([
            ("added", "447700900001", "30"),
            ("add", "0447", "30"),
            ("add", "447700900005", "3"),
            ("add", "447700900006", "10"),
            ("remove", "447700900006", "10"),
        ]) {
            builder.add_change(line, &DeltaFields { action, ported: ported(digits, ["234", mnc]) });
        }
        builder.finish(Time(2_000), "{}")
    };
    let PlanError::BadRows(report) = rows(Policy::default()).unwrap_err() else { panic!("other") };
    assert_eq!(
        [
            "delta.csv:2: column \"action\": found \"added\", expected add, change or remove",
            "delta.csv:3: column \"number\": found \"0447\", expected 1 to 15 digits starting with the country code",
            "delta.csv:4: column \"mnc\": found \"3\", expected two or three digits, leading zeros kept, or nothing",
            "delta.csv:6: number 447700900006 is in delta.csv:5 already",
        ],
        report.faults()
    );
    let policy = Policy { skip_bad_rows: true, last_duplicate_wins: true };
    let (layer, report) = rows(policy).unwrap();
    assert!(layer.is_none(), "the last row removes what is not there");
    assert_eq!((3, 1, 1), (report.rows.fault_count(), report.rows.replaced, report.removed_unlisted));
}

#[test]
fn a_layer_cannot_be_older_than_what_it_changes() {
    let plan = with_layers();
    for time in [2_999, 0, -1] {
        let builder = DeltaBuilder::new(Arc::new(plan.open()), Policy::default());
        let fault = builder.finish(Time(time), "{}").unwrap_err();
        assert!(fault.to_string().contains("holds from 1970-01-01T00:50:00Z on already"), "{fault}");
    }
}

#[test]
fn a_snapshot_opened_anew_shares_its_file_until_that_is_replaced() {
    let plan = small();
    let first = plan.open();
    plan.apply(&delta(&[("447700900001", Some(3))]), 2_000);
    let second = first.reopen().unwrap();
    assert_eq!("10", mnc(&first, "447700900001"));
    assert_eq!("30", mnc(&second, "447700900001"));
    assert!(std::ptr::eq(first.view().ranges, second.view().ranges), "copied");
    plan.compact(History::Keep);
    let third = second.reopen().unwrap();
    assert_eq!("30", mnc(&third, "447700900001"));
    assert!(!std::ptr::eq(second.view().ranges, third.view().ranges), "still the old file");
}

#[test]
fn a_plan_built_anew_has_no_layers() {
    let plan = with_layers();
    let other = small();
    let mut builder = PlanBuilder::new(Policy::default());
    builder.begin_file("ranges.csv");
    builder.add_range(2, &range("44", ["4", "15"], ["234", "02"]));
    append::replace_plan(&builder.finish("{}").unwrap().0, &plan.path()).unwrap();
    assert_eq!("02", mnc(&plan.open(), "447700900001"));
    // What lies about from before is taken no notice of and written over.
    plan.apply(&delta(&[("447700900001", Some(1))]), 2_000);
    assert_eq!("15", mnc(&plan.open(), "447700900001"));
    assert_eq!("10", mnc(&other.open(), "447700900001"));
}

#[test]
fn folding_into_another_file_leaves_the_plan_as_it_is() {
    let plan = with_layers();
    let output = plan.file("b.snap");
    let done = compact(&plan.open(), Some(&output), History::Keep).unwrap();
    assert_eq!((2, 2), (done.layers, done.ported));
    assert_eq!(2, plan.open().open_layers());
    let folded = Snapshot::open(&output, Memory::Map).unwrap();
    assert_eq!("20", mnc(&folded, "447700900003"));
    assert_eq!((2, Time(3_000)), (folded.lineage().sequence(), folded.lineage().time()));
    assert!(folded.said(number("44"), Some(Time(2_999))).is_err());
}

#[test]
fn times_are_shown_as_calendars_have_them() {
    for (seconds, shown) in [
        (0, "1970-01-01T00:00:00Z"),
        (-1, "1969-12-31T23:59:59Z"),
        (951_868_799, "2000-02-29T23:59:59Z"),
        (4_107_542_400, "2100-03-01T00:00:00Z"),
        (1_772_323_200, "2026-03-01T00:00:00Z"),
        (Time::LAST.0, "9999-12-31T23:59:59Z"),
        (-62_135_596_800, "0001-01-01T00:00:00Z"),
    ] {
        assert_eq!(shown, Time(seconds).to_string());
    }
    let extremes = [i64::MIN, i64::MAX].map(|seconds| Time(seconds).to_string());
    assert!(extremes.iter().all(|shown| shown.ends_with('Z')), "{extremes:?}");
}

//----------- A kill at any moment -------------------------------------------

/// The files of a folder.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
    entries.map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap())).collect()
}

#[test]
fn whatever_of_a_fold_was_done_when_it_was_killed_the_plan_is_whole() {
    let plan = with_layers();
    let before = files(plan.folder.path());
    plan.compact(History::Keep);
    let after = files(plan.folder.path());
    assert!(after.contains_key("a.snap.000002.undo"), "{:?}", after.keys());
    // The steps: the undo, the list, the plan's file. Those done are as after, the others as before.
    for done in [&[][..], &["a.snap.000002.undo"], &["a.snap.000002.undo", "a.snap.layers"]] {
        let folder = tempfile::tempdir().unwrap();
        for (name, octets) in &before {
            fs::write(folder.path().join(name), octets).unwrap();
        }
        for name in done {
            fs::write(folder.path().join(name), &after[*name]).unwrap();
        }
        let killed = Plan { folder };
        let snapshot = killed.open();
        assert_eq!("20", mnc(&snapshot, "447700900003"), "{done:?}");
        assert_eq!("15", mnc_at(&snapshot, "447700900002", 2_999), "{done:?}");
        // Work goes on from there.
        killed.apply(&delta(&[("447700900009", Some(1))]), 4_000);
        killed.compact(History::Keep);
        let snapshot = killed.open();
        assert_eq!("15", mnc(&snapshot, "447700900009"));
        assert_eq!("01", mnc_at(&snapshot, "447700900009", 3_999));
        assert_eq!("15", mnc_at(&snapshot, "447700900002", 2_999));
    }
    // History is forgotten the other way round: the plan's file, then the list.
    let folder = tempfile::tempdir().unwrap();
    for (name, octets) in &before {
        fs::write(folder.path().join(name), octets).unwrap();
    }
    fs::write(folder.path().join("a.snap"), &after["a.snap"]).unwrap();
    let killed = Plan { folder };
    assert_eq!("20", mnc(&killed.open(), "447700900003"));
    assert!(killed.open().said(number("44"), Some(Time(2_999))).is_err());
    killed.apply(&delta(&[("447700900009", Some(1))]), 4_000);
    killed.compact(History::Keep);
    assert_eq!("01", mnc_at(&killed.open(), "447700900009", 3_999));
    // Without its list the plan is what is in its file; a layer that no list names is not looked at.
    let listless = with_layers();
    fs::remove_file(listless.file("a.snap.layers")).unwrap();
    assert_eq!("10", mnc(&listless.open(), "447700900001"));
}

//----------- Refusals -------------------------------------------------------

#[test]
fn layers_that_are_missing_damaged_or_cut_are_refused_with_their_names() {
    for name in ["a.snap.000001.layer", "a.snap.000002.layer"] {
        let plan = with_layers();
        let good = fs::read(plan.file(name)).unwrap();
        let shown = plan.file(name).display().to_string();
        let assert_refused = |telling: &str| {
            let refusal = plan.refusal();
            assert!(refusal.starts_with(&shown) && refusal.contains(telling), "{refusal}");
            assert!(refusal.contains("copy"), "no mend: {refusal}");
        };
        fs::remove_file(plan.file(name)).unwrap();
        assert_refused("is missing: copy it again");
        for place in (0..good.len()).step_by(7) {
            let mut damaged = good.clone();
            damaged[place] ^= 0x10;
            fs::write(plan.file(name), &damaged).unwrap();
            // What its own checksums do not find, such as a header of another version, the list's does.
            let refusal = plan.refusal();
            assert!(refusal.starts_with(&shown), "{place}: {refusal}");
        }
        for length in [0, 7, 64, good.len() / 2, good.len() - 1] {
            fs::write(plan.file(name), &good[..length]).unwrap();
            let refusal = plan.refusal();
            assert!(refusal.starts_with(&shown), "{length}: {refusal}");
        }
        fs::write(plan.file(name), [&good[..], &[0]].concat()).unwrap();
        assert_refused("copy it again");
        fs::write(plan.file(name), &good).unwrap();
        plan.open().verify().unwrap();
    }
}

#[test]
fn layers_in_another_order_or_of_another_plan_are_refused() {
    let plan = with_layers();
    let [one, two] =
        ["a.snap.000001.layer", "a.snap.000002.layer"].map(|name| fs::read(plan.file(name)).unwrap());
    fs::write(plan.file("a.snap.000001.layer"), &two).unwrap();
    fs::write(plan.file("a.snap.000002.layer"), &one).unwrap();
    assert!(plan.refusal().contains("this is not the layer with sequence 1"), "{}", plan.refusal());
    // A sound layer with this sequence number that was written for another plan.
    let plan = with_layers();
    let other = Plan::new(&Listed::from([("1".to_owned(), 0)]), Time(1_000));
    other.apply(&delta(&[("2", Some(3))]), 2_000);
    fs::copy(other.file("a.snap.000001.layer"), plan.file("a.snap.000001.layer")).unwrap();
    assert!(plan.refusal().contains("this is not the layer with sequence 1"), "{}", plan.refusal());
    // List and layers of another plan.
    for name in ["a.snap.layers", "a.snap.000001.layer"] {
        fs::copy(other.file(name), plan.file(name)).unwrap();
    }
    let refusal = plan.refusal();
    assert!(
        refusal.contains("belong to another plan: copy plan, list and layers from one place"),
        "{refusal}"
    );
    // Another plan under them.
    let plan = with_layers();
    fs::copy(other.path(), plan.path()).unwrap();
    assert!(plan.refusal().contains("belong to another plan"), "{}", plan.refusal());
    // A layer where a plan should be.
    let refusal = Snapshot::open(&plan.file("a.snap.000001.layer"), Memory::Map).unwrap_err().to_string();
    assert!(refusal.ends_with("is a layer and no plan: name the plan that it was written for"), "{refusal}");
}

#[test]
fn lists_of_layers_that_cannot_be_are_refused() {
    let plan = with_layers();
    let list = plan.file("a.snap.layers");
    let good = fs::read_to_string(&list).unwrap();
    let lines: Vec<&str> = good.lines().collect();
    let [first, second] = [1, 2].map(|sequence| {
        let place = lines.iter().position(|line| line.contains(&format!("\"sequence\":{sequence}"))).unwrap();
        lines[place].trim_end_matches(',').trim_end_matches(']').to_owned()
    });
    let state = first.split("\"state\":\"").nth(1).unwrap()[..16].to_owned();
    let cases = [
        String::new(),
        "layers".to_owned(),
        "[]".to_owned(),
        "{}".to_owned(),
        good.replace("\"format\": 1", "\"format\": 2"),
        good[..good.len() - 3].to_owned(),
        good.replace(&first, &second),
        good.replace(&first, "FIRST").replace(&second, &first).replace("FIRST", &second),
        good.replace(&format!("{first},"), ""),
        good.replace("\"sequence\":2", "\"sequence\":3"),
        good.replace("\"time\":3000", "\"time\":1999"),
        good.replace("\"time\":3000", "\"time\":\"3000\""),
        good.replace(&format!("\"parent\":\"{state}\""), "\"parent\":\"0000000000000001\""),
        good.replace("\"file\":\"", "\"file\":\"../"),
        good.replace("\"file\":\"", "\"file\":\"/etc/"),
        good.replace("\"length\":", "\"size\":"),
        "[".repeat(100_000),
    ];
    let shown = list.display().to_string();
    for case in cases {
        assert_ne!(good, case);
        fs::write(&list, &case).unwrap();
        let refusal = plan.refusal();
        let listed = refusal.starts_with(&shown) && refusal.contains("damaged list of layers: copy it again");
        // Without its first layer the chain is whole and begins elsewhere.
        let foreign = refusal.contains("belong to another plan");
        assert!(listed || foreign, "{case}\n{refusal}");
    }
    for changed in ["\"length\":1", "\"checksum\":\"1", "\"time\":300"] {
        fs::write(&list, good.replace(&changed[..changed.len() - 1], &changed[..changed.len()])).unwrap();
        assert!(!plan.refusal().is_empty());
    }
    fs::write(&list, &good).unwrap();
    assert_eq!(2, plan.open().open_layers());
}
