//! Runs the fuzz targets of stored octets on seeded input, as `fuzz_respond` does those of messages.

use numdip_core::index::Index;
use proptest::prelude::*;

use crate::{harness, stored};

#[test]
fn the_sections_and_files_that_changes_start_from_are_good() {
    let section = stored::section();
    let listed: Vec<_> = Index::new(&section).unwrap().iter().collect();
    let expected: Vec<_> = stored::entries().into_values().map(|(number, id)| (Some(number), id)).collect();
    assert_eq!(expected, listed);
    stored::check_section(&section);
    assert_eq!(section, stored::section_from(&section, &[1]));
    let names: Vec<String> = stored::stack().into_keys().collect();
    assert_eq!(
        ["a.snap", "a.snap.000001.layer", "a.snap.000001.undo", "a.snap.000002.layer", "a.snap.layers"],
        names.as_slice()
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_section_is_read_without_panic(input in prop::collection::vec(any::<u8>(), 0..200)) {
        stored::check_section(&stored::section_from(&stored::section(), &input));
    }

    // Head, segments, regions and pages decide more than the data behind them.
    #[test]
    fn changes_to_what_leads_to_blocks_are_read_without_panic(
        changes in prop::collection::vec((0..400usize, prop_oneof![Just(0), Just(0xff), any::<u8>()]), 1..8),
        behind in any::<bool>(),
    ) {
        let mut section = stored::section();
        let length = section.len();
        for (place, octet) in changes {
            let place = if behind { length - 1 - place } else { place };
            section[place] = octet;
        }
        stored::check_section(&section);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_change_to_a_file_of_a_stack_is_borne(
        which: u8, how in 1..4u8, changes in prop::collection::vec(any::<u8>(), 3..18),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let input = [&[which, how], changes.as_slice()].concat();
        stored::check_stack(&STACK, folder.path(), &input);
    }
}

static STACK: std::sync::LazyLock<std::collections::BTreeMap<String, Vec<u8>>> =
    std::sync::LazyLock::new(stored::stack);

#[test]
fn a_stack_unchanged_opens_with_checksums_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    for which in 0..STACK.len() as u8 {
        // Odd: checksums are made anew, and nothing else changes.
        stored::check_stack(&STACK, folder.path(), &[which, 1]);
        let path = folder.path().join("a.snap");
        let opened = numdip_core::snapshot::Snapshot::open(&path, Default::default()).unwrap();
        assert_eq!(2, opened.layers().len());
    }
    assert_eq!(harness::snapshot_octets(), harness::with_checksums(&harness::snapshot_octets()));
}
