//! The file: damage of every kind, publishing, and the ways of bringing it into memory.

use std::fs;
use std::path::{Path, PathBuf};

use numdip_core::answer;
use numdip_core::index;
use numdip_core::snapshot::format::{Fault, MAGIC, Section};
use numdip_core::snapshot::writer::{self, Content};
use numdip_core::snapshot::{Memory, RangeRow, Snapshot, SnapshotError};
use proptest::prelude::*;

use crate::harness;
use crate::support::{number, ported, range, snapshot_octets};

//----------- Helpers --------------------------------------------------------

/// The octets of each section.
type Sections = [Vec<u8>; Section::ALL.len()];

/// The sections of a whole file, found by what `snapshot::format` says about the table.
fn sections(file: &[u8]) -> Sections {
    let word = |at: usize| u64::from_le_bytes(file[at..at + 8].try_into().unwrap()) as usize;
    std::array::from_fn(|section| {
        let entry = 64 + 32 * section;
        file[word(entry + 8)..word(entry + 8) + word(entry + 16)].to_vec()
    })
}

/// A file of these sections, with the checksums that belong to them.
fn file_of(sections: &Sections) -> Vec<u8> {
    let mut octets = Vec::new();
    writer::write(&sections.clone().map(Content::from), &mut octets).unwrap();
    octets
}

/// Publishes a file of these sections.
fn publish(sections: Sections, path: &Path) -> Result<(), SnapshotError> {
    writer::publish(&sections.map(Content::from), path)
}

fn refusal(octets: Vec<u8>) -> SnapshotError {
    Snapshot::from_octets(octets).unwrap_err()
}

/// What the snapshot at `path` says about the plans of [`one`] and [`two`].
fn mnc_of(snapshot: &Snapshot) -> String {
    let answer = answer::find(&snapshot.view(), number("441234567890")).unwrap();
    answer.network.mnc().unwrap().to_owned()
}

fn one() -> Sections {
    sections(&snapshot_octets(&[range("44", ["", ""], ["234", "15"])], &[]))
}

fn two() -> Sections {
    sections(&snapshot_octets(&[range("44", ["", ""], ["234", "30"])], &[ported("44", ["234", "10"])]))
}

/// The names in a folder, in order.
fn listing(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

//----------- Damage that a checksum finds -----------------------------------

#[test]
fn a_file_cut_short_anywhere_or_with_more_behind_it_is_refused() {
    let file = harness::snapshot_octets();
    assert!(Snapshot::from_octets(file.clone()).unwrap().verify().is_ok());
    for length in 0..file.len() {
        let fault = refusal(file[..length].to_vec()).fault;
        match length {
            0..8 => assert!(matches!(fault, Fault::NotASnapshot), "{length}: {fault}"),
            _ => assert!(
                matches!(fault, Fault::Truncated { found, .. } if found == length as u64),
                "{length}: {fault}"
            ),
        }
    }
    for more in [&[0][..], &[0; 64], &file] {
        assert!(matches!(refusal([&file, more].concat()).fault, Fault::Truncated { .. }));
    }
}

/// Octets of the ported numbers' head, and of the table of lengths behind it.
const INDEX_HEAD: usize = 64;
const INDEX_SEGMENTS: usize = 16 * 16;

#[test]
fn no_single_bit_can_change_unnoticed() {
    let file = harness::snapshot_octets();
    assert!(file.len() < 4096, "{} octets", file.len());
    let mut opened = 0;
    for bit in 0..file.len() * 8 {
        let mut damaged = file.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        let Ok(snapshot) = Snapshot::from_octets(damaged.clone()) else { continue };
        opened += 1;
        let fault = snapshot.verify().expect_err("a bit changed unnoticed").fault;
        let found = matches!(fault, Fault::Damaged { section: Section::Index, .. });
        assert!(found, "bit {bit}: {fault}: all other sections are checked when opened");
        harness::check_file(&damaged);
    }
    // What opening does not check is the ported numbers, but for how long their parts are.
    let index = &sections(&file)[Section::Index as usize - 1];
    assert!(((index.len() - INDEX_HEAD) * 8..index.len() * 8).contains(&opened), "{opened}");
}

#[test]
fn what_is_no_snapshot_is_told_from_one_of_another_version() {
    let file = harness::snapshot_octets();
    for text in [&b""[..], b"prefix,min_length\n44,,\n", b"numdip", b"numdip\x1a\r\n and more", b"PAR1"] {
        assert!(matches!(refusal(text.to_vec()).fault, Fault::NotASnapshot), "{}", text.escape_ascii());
    }
    // A copy as text, line ends made new.
    let as_text: Vec<u8> = file
        .iter()
        .flat_map(|octet| if *octet == b'\n' { vec![b'\r', b'\n'] } else { vec![*octet] })
        .collect();
    assert!(matches!(refusal(as_text).fault, Fault::NotASnapshot));
    for version in [0, 1, u32::MAX] {
        let mut other = file.clone();
        other[8..12].copy_from_slice(&version.to_le_bytes());
        for octets in [other.clone(), harness::with_checksums(&other), other[..64].to_vec()] {
            let error = refusal(octets);
            assert!(matches!(error.fault, Fault::Version { found } if found == version), "{error}");
            assert!(error.to_string().contains("build it again"), "{error}");
        }
    }
    // The magic and nothing else.
    assert!(matches!(refusal(MAGIC.to_vec()).fault, Fault::Truncated { expected: 64, found: 8 }));
}

#[test]
fn faults_name_the_file_and_say_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.snap");
    let shown = path.display().to_string();
    let message = |octets: &[u8]| {
        fs::write(&path, octets).unwrap();
        [Memory::Map, Memory::Huge].map(|memory| Snapshot::open(&path, memory).unwrap_err().to_string())
    };
    let file = harness::snapshot_octets();
    let mut damaged = file.clone();
    *damaged.last_mut().unwrap() ^= 1;
    damaged[64 * 6] ^= 1;
    for (octets, telling) in [
        (&b""[..], "not a numdip snapshot: build one with `numdip plan build`"),
        (b"text", "not a numdip snapshot: build one with `numdip plan build`"),
        (&file[..100], "100 octets instead of"),
        (&damaged, "its checksum does not match; copy the file again or rebuild it"),
    ] {
        for message in message(octets) {
            assert!(message.starts_with(&shown) && message.contains(telling), "{message}");
        }
    }
    for (path, telling) in [
        (folder.path().join("missing.snap"), "No such file"),
        (folder.path().join("x.snap/below"), "Not a directory"),
        (folder.path().to_owned(), ""),
    ] {
        let error = Snapshot::open(&path, Memory::Map).unwrap_err();
        assert!(matches!(error.fault, Fault::Io(_)), "{error}");
        assert!(error.to_string().starts_with(&path.display().to_string()));
        assert!(error.to_string().contains(telling), "{error}");
    }
}

//----------- Damage that checksums do not find ------------------------------

/// How a section is harmed.
#[derive(Clone, Debug)]
enum Harm {
    Octets(Vec<(prop::sample::Index, u8)>),
    Length(prop::sample::Index),
    Replaced(Vec<u8>),
    Swapped(usize),
}

fn harm() -> impl Strategy<Value = Harm> {
    // Small values and extremes are what counts and references are broken by.
    let octet = prop_oneof![any::<u8>(), Just(0), Just(1), Just(0xff)];
    prop_oneof![
        6 => prop::collection::vec((any::<prop::sample::Index>(), octet), 1..6).prop_map(Harm::Octets),
        1 => any::<prop::sample::Index>().prop_map(Harm::Length),
        1 => prop::collection::vec(any::<u8>(), 0..120).prop_map(Harm::Replaced),
        1 => (0..9usize).prop_map(Harm::Swapped),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, ..ProptestConfig::default() })]

    #[test]
    fn sections_harmed_behind_their_checksums_never_panic(harms in prop::collection::vec((0..9usize, harm()), 1..4)) {
        let mut sections = sections(&harness::snapshot_octets());
        for (place, harm) in harms {
            let section = &mut sections[place];
            match harm {
                Harm::Octets(octets) => {
                    for (place, octet) in octets {
                        let place = place.index(section.len().max(1));
                        if let Some(harmed) = section.get_mut(place) {
                            *harmed = octet;
                        }
                    }
                }
                Harm::Length(length) => section.truncate(length.index(section.len() + 1)),
                Harm::Replaced(octets) => *section = octets,
                Harm::Swapped(other) => sections.swap(place, other),
            }
        }
        harness::check_file(&file_of(&sections));
    }

    #[test]
    fn any_header_and_table_are_judged_without_panic(
        changes in prop::collection::vec((8..64 + 32 * Section::ALL.len(), any::<u8>()), 1..6),
    ) {
        let mut file = harness::snapshot_octets();
        for (place, octet) in changes {
            file[place] = octet;
        }
        harness::check_file(&file);
        harness::check_file(&harness::with_checksums(&file));
    }

    #[test]
    fn any_octets_are_judged_without_panic(mut octets: Vec<u8>, with_magic: bool) {
        if with_magic {
            octets.splice(..0, MAGIC);
        }
        harness::check_file(&octets);
    }
}

#[test]
fn checksums_made_anew_still_leave_a_table_to_be_judged() {
    let file = harness::snapshot_octets();
    // The entry of the second section: kind and zero, offset, length.
    let entry = 64 + 32;
    let set = |at: usize, value: u64| {
        let mut changed = file.clone();
        // The count of sections and a section's kind have four octets, all else has eight.
        let size = if at == 12 || at == entry { 4 } else { 8 };
        changed[at..at + size].copy_from_slice(&value.to_le_bytes()[..size]);
        refusal(harness::with_checksums(&changed)).fault.to_string()
    };
    for (at, value, telling) in [
        (entry, 7, "the section table does not list the sections"),
        (entry + 8, u64::MAX, "a section is out of bounds"),
        (entry + 8, 0, "it is not where it should be"),
        (entry + 8, file.len() as u64 + 64, "it is not where it should be"),
        (entry + 16, u64::MAX - 1024, ""),
        (entry + 16, file.len() as u64, "it is not where it should be"),
        (12, 7, "the section table"),
        (12, 1 << 31, "the section table does not fit"),
    ] {
        let fault = set(at, value);
        assert!(fault.starts_with("damaged") && fault.contains(telling), "{at} = {value}: {fault}");
    }
}

#[test]
fn a_gap_between_sections_is_shorter_than_what_they_are_aligned_to() {
    let mut file = harness::snapshot_octets();
    let word = |file: &[u8], at: usize| u64::from_le_bytes(file[at..at + 8].try_into().unwrap());
    // The last section 64 octets of zeros further on, and all lengths and checksums right.
    let entry = 64 + 32 * (Section::Index as usize - 1);
    let start = word(&file, entry + 8);
    file.splice(start as usize..start as usize, [0; 64]);
    let length = file.len() as u64;
    file[16..24].copy_from_slice(&length.to_le_bytes());
    file[entry + 8..entry + 16].copy_from_slice(&(start + 64).to_le_bytes());
    let fault = refusal(harness::with_checksums(&file)).fault;
    assert!(
        matches!(fault, Fault::Damaged { section: Section::Index, what: "it is not where it should be" }),
        "{fault}"
    );
}

#[test]
fn rows_that_point_nowhere_are_found_by_verify() {
    let good = sections(&harness::snapshot_octets());
    let at = |section: Section| section as usize - 1;
    let last_range = good[at(Section::Ranges)].len() - size_of::<RangeRow>();
    let set = |section: Section, place: usize, octets: &[u8]| {
        let mut sections = good.clone();
        sections[at(section)][place..place + octets.len()].copy_from_slice(octets);
        (section, sections)
    };
    let count = |section: Section, size: usize| ((good[at(section)].len() / size) as u32).to_le_bytes();
    let (texts, networks, ranges) =
        (count(Section::TextEnds, 4), count(Section::Networks, 28), count(Section::Ranges, 12));
    let one_more = |count: [u8; 4]| (u32::from_le_bytes(count) + 1).to_le_bytes();
    let ported = |network: [u8; 4]| {
        let mut sections = good.clone();
        let entries = [(number("44"), u32::from_le_bytes(network))];
        sections[at(Section::Index)] = index::build(&entries).unwrap();
        (Section::Index, sections)
    };
    let root = good[at(Section::TrieNodes)][..4].to_vec();
    let cases = [
        ("the text behind the last", set(Section::Networks, 8, &one_more(texts))),
        ("the network behind the last", set(Section::Ranges, 0, &networks)),
        ("the range behind the last", set(Section::TrieValues, 0, &ranges)),
        ("a ported number's network behind the last", ported(networks)),
        ("a ported number without network", ported([0xff; 4])),
        ("a digit above 9 in both", set(Section::TrieNodes, 1, &[root[1] | 4, root[2], root[3] | 4])),
        ("a text that is not UTF-8", set(Section::Text, 0, &[0xff])),
        ("a text that ends outside", (Section::Text, set(Section::TextEnds, 0, &[0xff; 4]).1)),
        ("a text id too great", set(Section::Networks, 8, &[0xff; 4])),
        ("an MCC with a letter", set(Section::Networks, 0, b"3a0")),
        ("an MNC of one digit", set(Section::Networks, 3, &[b'1', 0, 0])),
        ("an octet kept for later, networks", set(Section::Networks, 6, &[1])),
        ("a network that is not there", set(Section::Ranges, 0, &[0xff; 4])),
        ("a country in small letters", set(Section::Ranges, 4, b"gb")),
        ("a length of 0", set(Section::Ranges, 6, &[0])),
        ("lengths the wrong way round", set(Section::Ranges, 6, &[15, 4])),
        ("a length of 16", set(Section::Ranges, 7, &[16])),
        ("a kind that is not known", set(Section::Ranges, 8, &[12])),
        ("a flag that is not known", set(Section::Ranges, 9, &[4])),
        ("an octet kept for later, ranges", set(Section::Ranges, 10, &[1])),
        ("a last row that announces another", set(Section::Ranges, last_range + 9, &[RangeRow::HAS_NEXT])),
        ("a prefix without range", set(Section::TrieValues, 0, &[0xff; 4])),
        ("a node that is its own child", set(Section::TrieNodes, 4, &[0; 4])),
        ("a node whose child is not there", set(Section::TrieNodes, 4, &[0xff; 4])),
        ("a value that is not there", set(Section::TrieNodes, 8, &[0xff; 4])),
        ("a digit above 9", set(Section::TrieNodes, 1, &[0xff])),
        ("a ported number that is not there", set(Section::Index, 0, &[0xff])),
        ("buckets that are not there", set(Section::Index, INDEX_HEAD + INDEX_SEGMENTS, &[0xff; 4])),
        ("a length without its regions", set(Section::Index, INDEX_HEAD, &[0; INDEX_SEGMENTS])),
    ];
    assert!(Snapshot::from_octets(file_of(&good)).unwrap().verify().is_ok());
    for (what, (section, sections)) in cases {
        let file = file_of(&sections);
        harness::check_file(&file);
        let fault = Snapshot::from_octets(file).unwrap().verify().expect_err(what).fault;
        let by_trie = |found: Section| section == Section::TrieNodes && found == Section::TrieValues;
        let named =
            matches!(fault, Fault::Damaged { section: found, .. } if found == section || by_trie(found));
        assert!(named, "{what}: {fault}");
    }
}

#[test]
fn sections_that_hold_no_whole_rows_do_not_open() {
    let good = sections(&harness::snapshot_octets());
    for section in [
        Section::TextEnds,
        Section::Networks,
        Section::Ranges,
        Section::TrieNodes,
        Section::TrieValues,
        Section::Index,
    ] {
        for more in [1, 3] {
            let mut sections = good.clone();
            let octets = &mut sections[section as usize - 1];
            octets.truncate(octets.len() - more);
            assert!(
                matches!(refusal(file_of(&sections)).fault, Fault::Damaged { .. }),
                "{section} without {more}"
            );
        }
    }
    let mut no_text = good;
    no_text[Section::Meta as usize - 1] = vec![0xff];
    assert!(matches!(refusal(file_of(&no_text)).fault, Fault::Damaged { section: Section::Meta, .. }));
}

#[test]
fn a_trie_that_leads_in_circles_is_told_from_one_that_does_not_at_once() {
    // Each digit of each node leads to the root again: 10^15 prefixes, were they to be walked.
    let mut sections = sections(&harness::snapshot_octets());
    let node = [[0xff, 0x03, 0xff, 0x03], [0; 4], [0; 4]].concat();
    sections[Section::TrieNodes as usize - 1] = node.repeat(10);
    let file = file_of(&sections);
    assert!(Snapshot::from_octets(file.clone()).unwrap().verify().is_err());
    harness::check_file(&file);
}

//----------- Publishing -----------------------------------------------------

#[test]
fn the_same_rows_give_the_same_octets() {
    assert_eq!(harness::snapshot_octets(), harness::snapshot_octets());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.snap");
    let sections = sections(&harness::snapshot_octets());
    publish(sections, &path).unwrap();
    assert_eq!(harness::snapshot_octets(), fs::read(&path).unwrap());
    assert_eq!(vec!["a.snap"], listing(folder.path()));
}

#[cfg(unix)]
#[test]
fn a_published_file_can_be_read_by_all_and_written_by_its_owner() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.snap");
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    publish(one(), &path).unwrap();
    assert_eq!(0o644, mode(&path));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    publish(two(), &path).unwrap();
    assert_eq!(0o644, mode(&path), "replaced");
}

#[test]
fn a_file_replaced_while_open_goes_on_being_read_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.snap");
    publish(one(), &path).unwrap();
    let opened = [Memory::Map, Memory::Huge].map(|memory| Snapshot::open(&path, memory).unwrap());
    publish(two(), &path).unwrap();
    for old in &opened {
        assert_eq!("15", mnc_of(old));
        old.verify().unwrap();
        assert_eq!(file_of(&one()).len(), old.size());
    }
    assert_eq!("30", mnc_of(&Snapshot::open(&path, Memory::Map).unwrap()));
    fs::remove_file(&path).unwrap();
    assert_eq!("15", mnc_of(&opened[0]));
    assert!(listing(folder.path()).is_empty());
}

#[test]
fn what_cannot_be_published_leaves_everything_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    publish(one(), &at("old.snap")).unwrap();
    fs::create_dir(at("folder")).unwrap();
    fs::write(at("folder/inside"), "kept").unwrap();
    fs::create_dir(at("empty")).unwrap();
    let before = listing(folder.path());
    let mut targets: Vec<PathBuf> = vec![
        at("missing/new.snap"),
        at("old.snap/new.snap"),
        at("folder"),
        at("empty"),
        at(&"x".repeat(300)),
        PathBuf::new(),
    ];
    if cfg!(target_os = "linux") {
        // Where nobody can make a file, the superuser included.
        targets.push("/proc/self/new.snap".into());
    }
    for target in targets {
        let error = publish(two(), &target).unwrap_err();
        assert!(matches!(error.fault, Fault::Io(_)), "{error}");
        assert!(error.to_string().starts_with(&target.display().to_string()), "{error}");
        assert_eq!(before, listing(folder.path()), "{}", target.display());
        assert_eq!(vec!["inside"], listing(&at("folder")));
        assert!(listing(&at("empty")).is_empty());
        assert_eq!("15", mnc_of(&Snapshot::open(&at("old.snap"), Memory::Map).unwrap()));
    }
}

#[cfg(unix)]
#[test]
fn a_folder_that_must_not_be_written_to_keeps_its_file() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.snap");
    publish(one(), &path).unwrap();
    let set = |mode| fs::set_permissions(folder.path(), fs::Permissions::from_mode(mode)).unwrap();
    set(0o555);
    // The superuser may write anywhere; then publishing is to succeed, and otherwise to fail.
    let may_write = fs::write(folder.path().join("probe"), "").is_ok();
    let published = publish(two(), &path).is_ok();
    let found = mnc_of(&Snapshot::open(&path, Memory::Map).unwrap());
    set(0o755);
    assert_eq!(may_write, published);
    assert_eq!(if may_write { "30" } else { "15" }, found);
    let names: &[&str] = if may_write { &["a.snap", "probe"] } else { &["a.snap"] };
    assert_eq!(names, listing(folder.path()));
}

//----------- Memory ---------------------------------------------------------

#[test]
fn every_memory_gives_the_same_answers() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.snap");
    fs::write(&path, harness::snapshot_octets()).unwrap();
    let on_heap = Snapshot::from_octets(harness::snapshot_octets()).unwrap();
    let of_file = [Memory::Map, Memory::Huge].map(|memory| Snapshot::open(&path, memory).unwrap());
    assert_eq!(None, on_heap.path());
    for snapshot in &of_file {
        assert_eq!(Some(&*path), snapshot.path());
        assert_eq!((on_heap.size(), on_heap.meta()), (snapshot.size(), snapshot.meta()));
        snapshot.verify().unwrap();
        let mut found = 0;
        for digits in
            ["13392986156", "13392986157", "447786000001", "447786000002", "43150564", "4315056416", "1"]
        {
            let [a, b] = [&on_heap, snapshot].map(|snapshot| {
                let answer = answer::find(&snapshot.view(), number(digits)).ok();
                answer.map(|answer| {
                    (
                        answer.network_index,
                        *answer.network,
                        answer.ported,
                        answer.range(&snapshot.view()).map(|(prefix, row)| (prefix, *row)),
                    )
                })
            });
            assert_eq!(a, b, "{digits}");
            found += usize::from(a.is_some());
        }
        assert_eq!(6, found);
    }
}
