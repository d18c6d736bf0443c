//! Plans with more ported numbers than fit into memory: the same file comes out, and the same faults.

use std::path::Path;

use numdip_core::plan::{PlanBuilder, PlanError, Policy, PortedFields, RangeFields, Resources};
use numdip_core::snapshot::{Memory, Snapshot, writer};
use proptest::prelude::*;

use crate::support::{ported, range};

/// A builder that sorts so many rows at a time.
fn builder(policy: Policy, rows: usize, folder: &Path) -> PlanBuilder {
    let resources = Resources { memory: rows * 64, folder: folder.to_owned() };
    PlanBuilder::with_resources(policy, &resources)
}

/// Two files of ported numbers and one range.
fn fill(builder: &mut PlanBuilder, rows: &[(u64, u32)]) {
    builder.begin_file("ranges.csv");
    builder.add_range(2, &RangeFields { operator: "Alpha", ..range("44", ["", ""], ["234", "15"]) });
    for (file, rows) in ["a/first.csv", "a/second.csv"].into_iter().zip(rows.chunks(rows.len() / 2 + 1)) {
        for (line, (number, network)) in (2..).zip(rows) {
            builder.begin_file(file);
            let (number, mnc) = (number.to_string(), format!("{network:02}"));
            let row = PortedFields { operator: "Beta", ..ported(&number, ["234", &mnc]) };
            builder.add_ported(line, &row).unwrap();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn memory_changes_neither_file_nor_faults(
        rows in prop::collection::vec((1..90_000u64, 0..100u32), 1..300),
        room in 1..40usize,
        last_duplicate_wins: bool,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let policy = Policy { last_duplicate_wins, ..Policy::default() };
        let outcome = |room| {
            let mut builder = builder(policy, room, folder.path());
            fill(&mut builder, &rows);
            match builder.finish("{}") {
                Ok((sections, report)) => {
                    let mut octets = Vec::new();
                    writer::write(&sections, &mut octets).unwrap();
                    Ok((octets, report.ported, report.replaced))
                }
                Err(error) => Err(error.to_string()),
            }
        };
        prop_assert_eq!(outcome(1_000_000), outcome(room));
    }
}

#[test]
fn large_plans_are_published_from_disk_and_leave_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plan.snap");
    let rows: Vec<(u64, u32)> =
        (0..20_000).map(|row| (4_400_000 + row * 7_919 % 20_011, row as u32 % 100)).collect();
    let mut builder = builder(Policy::default(), 1_000, folder.path());
    fill(&mut builder, &rows);
    let (sections, report) = builder.finish("{}").unwrap();
    assert_eq!(rows.len(), report.ported);
    writer::publish(&sections, &path).unwrap();
    let names: Vec<_> = folder.path().read_dir().unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(["plan.snap"].as_slice(), names);

    let snapshot = Snapshot::open(&path, Memory::Map).unwrap();
    snapshot.verify().unwrap();
    let view = snapshot.view();
    let network = |number: u64| {
        let found = view.ported.find(numdip_core::number::Number::from_integer(number).unwrap())?;
        view.network(found)
    };
    for (number, mnc) in rows {
        let network = network(number).unwrap();
        assert_eq!(Some(format!("{mnc:02}").as_str()), network.mnc());
        assert_eq!(Some("first.csv and 1 more"), view.text(network.source));
    }
    assert_eq!(None, network(4_420_011));
}

#[test]
fn whoever_watches_can_end_the_building() {
    let folder = tempfile::tempdir().unwrap();
    let mut builder = builder(Policy::default(), 10, folder.path());
    fill(&mut builder, &[(44, 1), (45, 2), (46, 3)]);
    let mut told = Vec::new();
    let outcome = builder.finish_watched("{}", &mut |done, all| {
        told.push((done, all));
        false
    });
    assert!(matches!(outcome, Err(PlanError::Interrupted)));
    assert_eq!([(3, 3)].as_slice(), told);
}

#[test]
fn a_folder_without_room_is_told() {
    let gone = Path::new("/nonexistent/folder");
    let mut builder = builder(Policy::default(), 1, gone);
    let rows = (1..4).map(|number| builder.add_ported(number, &ported(&number.to_string(), ["234", "15"])));
    let fault = rows.collect::<Result<Vec<_>, _>>().err().or_else(|| builder.finish("{}").err());
    let fault = fault.unwrap().to_string();
    let told = "temporary files cannot be kept beside the output: /nonexistent/folder: ";
    assert!(fault.starts_with(told), "{fault}");
}
