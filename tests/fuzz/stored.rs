//! What sections of ported numbers and layers must bear, however damaged: bodies of fuzz targets.
//!
//! Input is either octets as they are or, for a fuzzer gets there by chance only, changes to good ones.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use numdip_core::index::{self, Index};
use numdip_core::number::Number;
use numdip_core::plan::compact::{History, compact};
use numdip_core::plan::delta::{DeltaBuilder, DeltaFields};
use numdip_core::plan::{Policy, PortedFields};
use numdip_core::snapshot::lineage::Time;
use numdip_core::snapshot::{Memory, Snapshot, append};

use crate::harness;

/// What lies in front of a change: where, among how many thousand octets.
const CHANGE: usize = 3;

/// `good` with each three octets of `changes` taken as a place and what lies there instead.
fn changed(good: &[u8], changes: &[u8]) -> Vec<u8> {
    let mut octets = good.to_vec();
    for change in changes.chunks_exact(CHANGE) {
        let place = usize::from(u16::from_le_bytes([change[0], change[1]]));
        let place = place % octets.len().max(1);
        if let Some(octet) = octets.get_mut(place) {
            *octet = change[2];
        }
    }
    octets
}

//----------- Ported numbers -------------------------------------------------

/// Numbers of several lengths and densities, so that every coding is there, and their networks.
pub(crate) fn entries() -> BTreeMap<u64, (Number, u32)> {
    let dense = (0..700).filter(|step| step % 9 != 0).map(|step| (44_770_000_000 + step, step as u32 % 3));
    let even = (0..60).map(|step| (44_780_000_000 + step * 131, (step as u32 * 7) % 40));
    let sparse = (1..40).map(|step| (431_000_000_000 + step * step * 9_876_543, step as u32 % 5));
    let others = [(9, 1), (44, 2), (43_150_564, 3), (43_150_564_164_321, 3), (999_999_999_999_999, 39)];
    let all = dense.chain(even).chain(sparse).chain(others);
    all.map(|(integer, network)| {
        let number = Number::from_integer(integer).expect("1 to 15 digits");
        (number.key(), (number, network))
    })
    .collect()
}

/// A good section with [`entries`].
pub(crate) fn section() -> Vec<u8> {
    let entries: Vec<_> = entries().into_values().collect();
    index::build(&entries).expect("few numbers, each once")
}

/// A section from the octets that a fuzzer gives: they themselves, or changes to `good`.
pub(crate) fn section_from(good: &[u8], input: &[u8]) -> Vec<u8> {
    match input.split_first() {
        Some((first, changes)) if first % 4 != 0 => changed(good, changes),
        Some((_, octets)) => octets.to_vec(),
        None => Vec::new(),
    }
}

/// The numbers of [`entries`], those beside them, and others.
static ASKED: LazyLock<Vec<Number>> = LazyLock::new(|| {
    let near = entries().into_values().flat_map(|(number, _)| {
        let integer = number.to_integer();
        [integer - 1, integer, integer + 1].map(Number::from_integer)
    });
    near.filter_map(Result::ok).chain(harness::numbers()).collect()
});

/// Reads octets as a section: no panic, and the ways of looking up agree.
pub(crate) fn check_section(section: &[u8]) {
    let Some(index) = Index::new(section) else { return };
    let mut many = vec![Some(u32::MAX); ASKED.len()];
    index.find_many(&ASKED, &mut many);
    for (number, together) in ASKED.iter().zip(many) {
        assert_eq!(index.find(*number), together, "{number} among others");
    }
    assert!(index.bound().is_finite());
    assert_eq!(section.len(), index.octets());
    // A number that is listed is written in digits, as many as it is listed under.
    for (number, _) in index.iter().take(20_000) {
        assert!(number.is_none_or(|number| (1..=15).contains(&number.len())));
    }
}

//----------- Layers ---------------------------------------------------------

/// The files of a plan with two layers, one of them folded, by their names.
pub(crate) fn stack() -> BTreeMap<String, Vec<u8>> {
    let folder = tempfile::tempdir().expect("room for a folder");
    let plan = folder.path().join("a.snap");
    fs::write(&plan, harness::snapshot_octets()).expect("room for a file");
    let open = || Arc::new(Snapshot::open(&plan, Memory::Map).expect("just written"));
    let layers = [
        [("add", "447786000001", "234", "10"), ("remove", "13392986157", "", "")],
        [("change", "447786000001", "234", "20"), ("add", "43150564", "232", "01")],
    ];
    for (time, rows) in (1_000..).zip(layers) {
        let snapshot = open();
        let mut builder = DeltaBuilder::new(Arc::clone(&snapshot), Policy::default());
        builder.begin_file("delta.csv");
        for (line, (action, number, mcc, mnc)) in (2..).zip(rows) {
            let ported = PortedFields { number, mcc, mnc, ..PortedFields::default() };
            builder.add_change(line, &DeltaFields { action, ported });
        }
        let (layer, _) = builder.finish(Time(time), "{}").expect("the rows are good");
        append::add_layer(&snapshot, &layer.expect("it changes something")).expect("room for a layer");
        if time == 1_000 {
            compact(&open(), None, History::Keep).expect("room for the plan");
        }
    }
    let entries = fs::read_dir(folder.path()).expect("a folder").map(|entry| entry.expect("a file"));
    let read = |path: &Path| fs::read(path).expect("a file");
    entries.map(|entry| (entry.file_name().to_string_lossy().into_owned(), read(&entry.path()))).collect()
}

/// Opens the plan `good` with one of its files changed as `input` says, with checksums made anew in it and in
/// the list where it names the file.
pub(crate) fn check_stack(good: &BTreeMap<String, Vec<u8>>, folder: &Path, input: &[u8]) {
    let Some((&[which, how], octets)) = input.split_first_chunk() else { return };
    let Some((name, file)) = good.iter().nth(usize::from(which) % good.len()) else { return };
    let harmed = if how % 4 == 0 { octets.to_vec() } else { changed(file, octets) };
    let mut files = good.clone();
    let is_list = name.ends_with(".layers");
    let harmed = if is_list || how % 2 == 0 { harmed } else { harness::with_checksums(&harmed) };
    if !is_list {
        if let Some(list) = files.get_mut("a.snap.layers") {
            *list = listing(list, file, &harmed);
        }
    }
    files.insert(name.clone(), harmed);
    for (name, octets) in &files {
        // Another file each time: the one before may be mapped.
        let path = folder.join(name);
        let _ = fs::remove_file(&path);
        fs::write(&path, octets).expect("room for a file");
    }
    let Ok(snapshot) = Snapshot::open(&folder.join("a.snap"), Memory::Map) else { return };
    for number in harness::numbers() {
        for time in [0, 999, 1_000, 1_001, i64::MAX] {
            let _ = snapshot.said(number, Some(Time(time)));
        }
    }
    let _ = snapshot.layers();
    harness::check_snapshot(snapshot);
}

/// The list with length and checksum of `harmed` in place of those of `file`.
fn listing(list: &[u8], file: &[u8], harmed: &[u8]) -> Vec<u8> {
    let facts = |octets: &[u8]| {
        let checksum = octets.get(24..32).map_or(0, |octets| {
            octets.iter().rev().fold(0u64, |checksum, octet| checksum << 8 | u64::from(*octet))
        });
        [format!("\"length\":{}", octets.len()), format!("\"checksum\":\"{checksum:016x}\"")]
    };
    let text = String::from_utf8_lossy(list);
    // Lines are of one file each.
    let [length, checksum] = facts(file);
    let [new_length, new_checksum] = facts(harmed);
    let lines = text.split_inclusive('\n').map(|line| match line.contains(&checksum) {
        true => line.replace(&length, &new_length).replace(&checksum, &new_checksum),
        false => line.to_owned(),
    });
    lines.collect::<String>().into_bytes()
}
