//! The files of a plan with layers: every octet changed in turn, cut at every length, and as a crash between two
//! of them leaves them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use numdip_core::answer;
use numdip_core::plan::compact::{History, compact};
use numdip_core::plan::{PlanBuilder, Policy};
use numdip_core::snapshot::format::{Fault, Section};
use numdip_core::snapshot::lineage::Time;
use numdip_core::snapshot::{Memory, Snapshot, append};

use crate::support::{ported, range};
use crate::{harness, stored};

//----------- Helpers --------------------------------------------------------

/// A folder with these files.
fn folder_of(files: &BTreeMap<String, Vec<u8>>) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    for (name, octets) in files {
        fs::write(folder.path().join(name), octets).unwrap();
    }
    let plan = folder.path().join("a.snap");
    (folder, plan)
}

/// The names of all files in a folder.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let mut names: Vec<_> = entries.map(|entry| entry.file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// All that a plan says: of each number, now and at every time around its layers'.
fn says(snapshot: &Snapshot) -> Vec<String> {
    let view = snapshot.view();
    let numbers: Vec<_> = harness::numbers().collect();
    let mut said = vec![format!("{:?}", snapshot.lineage())];
    harness::check_many(&view);
    for number in numbers {
        let mnc = |found: Result<answer::Answer<'_>, _>| {
            found
                .ok()
                .map(|found| (found.network.mcc().map(str::to_owned), found.network.mnc().map(str::to_owned)))
        };
        let then = [999, 1_000, 1_001, 9_999].map(|time| {
            answer::find_at(snapshot, number, Time(time)).map(mnc).map_err(|early| early.to_string())
        });
        said.push(format!("{number}: {:?}, then {then:?}", mnc(answer::find(&view, number))));
    }
    said
}

/// What became of a stack with one file harmed.
#[derive(Debug, Default)]
struct Fates {
    refused: usize,
    found_by_verify: usize,
    harmless: usize,
}

/// Harms a file in each way that `harms` gives, and checks that no wrong answer gets past `verify`.
fn judge<I: Iterator<Item = (usize, Vec<u8>)>>(harms: impl Fn(Vec<u8>) -> I) -> BTreeMap<String, Fates> {
    let files = stored::stack();
    let (folder, plan) = folder_of(&files);
    let whole = says(&Snapshot::open(&plan, Memory::Map).unwrap());
    let mut fates: BTreeMap<String, Fates> = BTreeMap::new();
    for (name, octets) in &files {
        let (path, fates) = (folder.path().join(name), fates.entry(name.clone()).or_default());
        for (place, harmed) in harms(octets.clone()) {
            fs::write(&path, harmed).unwrap();
            match Snapshot::open(&plan, Memory::Map) {
                Err(error) => {
                    assert!(error.path.is_some(), "{name}, {place}: {error}");
                    fates.refused += 1;
                }
                Ok(snapshot) => match snapshot.verify() {
                    Err(error) => {
                        let of_ported = matches!(error.fault, Fault::Damaged { section: Section::Index, .. });
                        assert!(of_ported && name == "a.snap", "{name}, {place}: {error} is found too late");
                        // Wrong answers are allowed, panics are not.
                        says(&snapshot);
                        fates.found_by_verify += 1;
                    }
                    Ok(()) => {
                        assert_eq!(whole, says(&snapshot), "{name}, {place}: wrong and not found");
                        fates.harmless += 1;
                    }
                },
            }
        }
        fs::write(&path, octets).unwrap();
    }
    assert_eq!(whole, says(&Snapshot::open(&plan, Memory::Map).unwrap()));
    fates
}

//----------- Damage ---------------------------------------------------------

#[test]
fn no_octet_of_any_file_changes_unnoticed() {
    let flips = |octets: Vec<u8>| {
        (0..octets.len()).flat_map(move |place| {
            let octets = octets.clone();
            [1 << (place % 8), 0xff].into_iter().map(move |bits: u8| {
                let mut harmed = octets.clone();
                harmed[place] ^= bits;
                (place, harmed)
            })
        })
    };
    for (name, fates) in judge(flips) {
        assert_eq!(name == "a.snap", fates.found_by_verify > 0, "{name}: {fates:?}");
        // Spaces of the list may be others, and an undo that is of no fold of the file is not looked at.
        assert!(fates.harmless == 0 || name.ends_with(".layers"), "{name}: {fates:?}");
        assert!(fates.refused > 500, "{name}: {fates:?}");
    }
}

#[test]
fn no_file_is_taken_that_is_cut_short_anywhere() {
    let cuts = |octets: Vec<u8>| (0..octets.len()).map(move |length| (length, octets[..length].to_vec()));
    for (name, fates) in judge(cuts) {
        // But the list without its last line end.
        assert_eq!(usize::from(name.ends_with(".layers")), fates.harmless, "{name}: {fates:?}");
        assert_eq!(0, fates.found_by_verify, "{name}: {fates:?}");
    }
}

//----------- Between two files ----------------------------------------------

/// Builds another plan over the one at `plan`, as `numdip plan build` does.
fn build_over(plan: &Path) {
    let mut builder = PlanBuilder::new(Policy::default());
    builder.begin_file("ranges.csv");
    builder.add_range(2, &range("44", ["4", "15"], ["234", "02"]));
    builder.add_ported(3, &ported("447786000001", ["234", "33"])).unwrap();
    append::replace_plan(&builder.finish("{}").unwrap().0, plan).unwrap();
}

/// The files of a folder.
fn read(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    names(folder).into_iter().map(|name| (name.clone(), fs::read(folder.join(name)).unwrap())).collect()
}

#[test]
fn a_crash_while_a_plan_with_layers_is_built_anew_leaves_one_or_the_other() {
    let before = stored::stack();
    let (folder, plan) = folder_of(&before);
    let old = says(&Snapshot::open(&plan, Memory::Map).unwrap());
    build_over(&plan);
    let after = read(folder.path());
    assert_eq!(vec!["a.snap"], names(folder.path()));
    let opened = Snapshot::open(&plan, Memory::Map).unwrap();
    let (new, state) = (says(&opened), opened.lineage().state());
    assert_ne!(old, new);
    let list = String::from_utf8(before["a.snap.layers"].clone()).unwrap();
    let announced = list.replace("]}", &format!("],\n \"replaced_by\": \"{state:016x}\"}}"));
    assert_ne!(list, announced);
    let with = |name: &str, octets: &[u8]| {
        let mut files = before.clone();
        files.insert(name.to_owned(), octets.to_vec());
        files
    };
    let announced_only = with("a.snap.layers", announced.as_bytes());
    let mut replaced = announced_only.clone();
    replaced.insert("a.snap".to_owned(), after["a.snap"].clone());
    for (files, expected) in [(announced_only, &old), (replaced, &new)] {
        let (folder, plan) = folder_of(&files);
        let opened = Snapshot::open(&plan, Memory::Map).unwrap();
        opened.verify().unwrap();
        assert_eq!(*expected, says(&opened));
        // Folded, changed or built again, it is as if nothing had happened.
        compact(&opened, None, History::Keep).unwrap();
        assert_eq!(expected[1..], says(&Snapshot::open(&plan, Memory::Map).unwrap())[1..]);
        build_over(&plan);
        assert_eq!(new, says(&Snapshot::open(&plan, Memory::Map).unwrap()));
        assert_eq!(vec!["a.snap"], names(folder.path()));
    }
}

#[test]
fn a_plan_without_a_list_is_built_anew_over_the_layers_of_a_killed_run() {
    let mut files = stored::stack();
    files.remove("a.snap.layers");
    files.insert("a.snap.notes.layer".to_owned(), b"another's".to_vec());
    files.insert("b.snap.000001.layer".to_owned(), b"another's".to_vec());
    let (folder, plan) = folder_of(&files);
    build_over(&plan);
    assert_eq!(vec!["a.snap", "a.snap.notes.layer", "b.snap.000001.layer"], names(folder.path()));
}
