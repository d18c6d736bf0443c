//! What a look-up among ported numbers costs, beside what the memory under it costs in the same run.
//!
//! `cargo bench -p numdip-core --bench ported -- SNAPSHOT…` measures these snapshots, each mapped and in
//! huge pages, with the numbers in the file that the environment variable `SAMPLE` names, or in
//! `sample.bin` beside the snapshot: little-endian u64, or one number a line if its name ends in `.txt`.
//! `benches/python/ported_data.py` writes such files. Without a snapshot, one of a million numbers is built.
//!
//! Single look-ups wait for each other: which number is next depends on the answer before. Reads of 64
//! octets at random places of the same section show what one or many accesses to that memory cost. A
//! round is one slice of the sample in all ways, one after the other; the table has the least and the
//! median of the rounds. The last line of each snapshot is the same as JSON.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "a bench that cannot run stops, and prints what it measured"
)]

use std::fs;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use numdip_core::number::Number;
use numdip_core::plan::{PlanBuilder, Policy, PortedFields};
use numdip_core::snapshot::format::Section;
use numdip_core::snapshot::{Memory, Snapshot, writer};
use serde_json::json;

const ROUNDS: usize = 9;
/// Queries of one round; the next round has others.
const QUERIES: usize = 400_000;
/// Numbers handed over at a time in batches.
const BATCH: usize = 1_024;
const LINE: usize = 64;

fn main() {
    let named: Vec<PathBuf> =
        std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).map(PathBuf::from).collect();
    let folder = tempfile::tempdir().unwrap();
    let paths = if named.is_empty() { vec![synthetic(folder.path())] } else { named };
    for path in paths {
        let numbers = sample(&path);
        let mut subjects: Vec<Subject> =
            [Memory::Map, Memory::Huge].map(|memory| Subject::open(&path, memory)).into();
        measure(&mut subjects, &numbers);
        report(&path, &subjects, numbers.len());
    }
}

//----------- What is asked --------------------------------------------------

/// The calls that are measured, and nothing else of the index.
mod calls {
    use super::{Number, Section, Snapshot};

    pub(super) fn count(snapshot: &Snapshot) -> usize {
        snapshot.view().index.len()
    }

    pub(super) fn section(snapshot: &Snapshot) -> &[u8] {
        snapshot.section(Section::Index)
    }

    /// A look-up of one number after the other.
    pub(super) fn finder(snapshot: &Snapshot) -> impl Fn(Number) -> Option<u32> + '_ {
        let index = snapshot.view().index;
        move |number| index.find(number)
    }

    /// A look-up of many numbers together.
    pub(super) fn batch_finder(snapshot: &Snapshot) -> impl Fn(&[Number], &mut [Option<u32>]) + '_ {
        let index = snapshot.view().index;
        move |numbers, networks| index.find_many(numbers, networks)
    }
}

/// The numbers that are looked up in the snapshot at `path`.
fn sample(path: &Path) -> Vec<Number> {
    let file = std::env::var_os("SAMPLE").map_or_else(|| path.with_file_name("sample.bin"), PathBuf::from);
    let octets = fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let numbers = if file.extension().is_some_and(|extension| extension == "txt") {
        let text = String::from_utf8(octets).unwrap();
        text.lines().map(|line| Number::from_digits(line.trim_start_matches('+').as_bytes())).collect()
    } else {
        octets
            .chunks_exact(8)
            .map(|word| Number::from_integer(u64::from_le_bytes(word.try_into().unwrap())))
            .collect()
    };
    let numbers: Result<Vec<Number>, _> = numbers;
    numbers.unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// Numbers that look random (splitmix64), the same at every run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((u128::from(z ^ (z >> 31)) * u128::from(bound)) >> 64) as u64
    }
}

/// A plan of a million numbers in `folder`, in blocks of ten thousand of which each second one is
/// populated, a quarter on average; with a sample.
fn synthetic(folder: &Path) -> PathBuf {
    let mut random = Random(6116);
    let mut builder = PlanBuilder::new(Policy::default());
    builder.begin_file("ported.csv");
    let (mut ported, mut others) = (Vec::new(), Vec::new());
    for block in (44_000_000u64..).step_by(2) {
        let density = 100 + random.below(4_800);
        let favourite = random.below(30);
        for number in block * 10_000..(block + 1) * 10_000 {
            match random.below(10_000) < density {
                true => ported.push((number, [random.below(30), favourite][random.below(2) as usize])),
                false => others.push(number),
            }
        }
        if ported.len() >= 1_000_000 {
            break;
        }
    }
    for (place, (number, network)) in ported.iter().enumerate() {
        let (number, mnc) = (number.to_string(), format!("{network:02}"));
        let row = PortedFields { number: &number, mcc: "234", mnc: &mnc, ..PortedFields::default() };
        builder.add_ported(place as u64 + 2, &row).unwrap();
    }
    let (sections, _) = builder.finish("{}").unwrap();
    let path = folder.join("million.snap");
    writer::publish(&sections, &path).unwrap();
    let queries = (0..2 * QUERIES).flat_map(|place| match place % 10 {
        0 => others[random.below(others.len() as u64) as usize].to_le_bytes(),
        _ => ported[random.below(ported.len() as u64) as usize].0.to_le_bytes(),
    });
    fs::write(folder.join("sample.bin"), queries.collect::<Vec<u8>>()).unwrap();
    path
}

//----------- Measuring ------------------------------------------------------

/// A snapshot in one sort of memory, and what was measured on it.
struct Subject {
    memory: Memory,
    snapshot: Snapshot,
    open_seconds: f64,
    /// Octets that became resident by opening, and until all was measured.
    resident: [u64; 2],
    /// Octets in huge pages after opening.
    huge: u64,
    /// Nanoseconds for each number or read, by round, in the order of [`WAYS`].
    times: [Vec<f64>; WAYS.len()],
}

const WAYS: [&str; 4] = ["single", "batch", "read, dependent", "read, independent"];

impl Subject {
    fn open(path: &Path, memory: Memory) -> Self {
        let before = resident(memory);
        let start = Instant::now();
        let snapshot = Snapshot::open(path, memory).unwrap_or_else(|error| panic!("{error}"));
        let open_seconds = start.elapsed().as_secs_f64();
        let opened = resident(memory).saturating_sub(before);
        let huge = proc_octets("/proc/self/smaps_rollup", "AnonHugePages:");
        Self { memory, snapshot, open_seconds, resident: [opened, before], huge, times: Default::default() }
    }
}

/// Octets of this process that are resident, in files or in none as `memory` keeps them.
fn resident(memory: Memory) -> u64 {
    let field = if memory == Memory::Map { "RssFile:" } else { "RssAnon:" };
    proc_octets("/proc/self/status", field)
}

/// A field of a file in /proc that counts kB.
fn proc_octets(file: &str, field: &str) -> u64 {
    let text = fs::read_to_string(file).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(field)).unwrap_or("0");
    line.split_whitespace().next().and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) * 1024
}

/// Takes all rounds; one more before them warms up and is not counted.
fn measure(subjects: &mut [Subject], numbers: &[Number]) {
    let mut random = Random(3402);
    let queries = QUERIES.min(numbers.len());
    for round in 0..=ROUNDS {
        let start = (round * queries) % (numbers.len() - queries + 1);
        let asked = &numbers[start..start + queries];
        let mut sums = Vec::new();
        for subject in subjects.iter_mut() {
            let section = calls::section(&subject.snapshot);
            let lines: Vec<usize> = std::iter::repeat_with(|| random.below((section.len() / LINE) as u64))
                .take(queries)
                .map(|line| line as usize * LINE)
                .collect();
            let took = [
                timed(|| sums.push(single(&subject.snapshot, asked))),
                timed(|| sums.push(batch(&subject.snapshot, asked))),
                timed(|| dependent_reads(section, &lines)),
                timed(|| independent_reads(section, &lines)),
            ];
            if round > 0 {
                for (times, took) in subject.times.iter_mut().zip(took) {
                    times.push(took / queries as f64);
                }
            }
        }
        assert!(sums.iter().all(|sum| *sum == sums[0]), "all ways give the same answers");
        assert!(sums[0].0 * 2 > queries, "most numbers of the sample are ported");
    }
    for subject in subjects {
        subject.resident[1] = resident(subject.memory).saturating_sub(subject.resident[1]);
    }
}

/// Nanoseconds that `work` takes.
fn timed<T>(work: impl FnOnce() -> T) -> f64 {
    let start = Instant::now();
    black_box(work());
    start.elapsed().as_secs_f64() * 1e9
}

/// How many numbers were found, and the sum of their networks.
type Sum = (usize, u64);

fn single(snapshot: &Snapshot, numbers: &[Number]) -> Sum {
    let find = calls::finder(snapshot);
    // Nothing but the run time knows that this is 0.
    let nothing = black_box(0);
    let mut sum = (0, 0);
    let mut after = 0;
    for place in 0..numbers.len() {
        let network = find(numbers[place + after]);
        after = network.unwrap_or(0) as usize & nothing;
        sum = add(sum, network);
    }
    sum
}

fn batch(snapshot: &Snapshot, numbers: &[Number]) -> Sum {
    let find_many = calls::batch_finder(snapshot);
    let mut networks = [None; BATCH];
    numbers.chunks(BATCH).fold((0, 0), |sum, numbers| {
        let networks = &mut networks[..numbers.len()];
        find_many(numbers, networks);
        networks.iter().copied().fold(sum, add)
    })
}

fn add((found, sum): Sum, network: Option<u32>) -> Sum {
    (found + usize::from(network.is_some()), sum + u64::from(network.unwrap_or(0)))
}

fn dependent_reads(section: &[u8], lines: &[usize]) -> u64 {
    let nothing = black_box(0);
    (0..lines.len()).fold(0, |sum, place| read(section, lines[place + (sum as usize & nothing)]) ^ sum)
}

fn independent_reads(section: &[u8], lines: &[usize]) -> u64 {
    lines.iter().fold(0, |sum, line| sum ^ read(section, *line))
}

/// All octets of a line, as one word.
#[inline]
fn read(section: &[u8], at: usize) -> u64 {
    let words = section[at..at + LINE].chunks_exact(8);
    words.fold(0, |sum, word| sum ^ u64::from_le_bytes(word.try_into().unwrap()))
}

//----------- Report ---------------------------------------------------------

fn report(path: &Path, subjects: &[Subject], sampled: usize) {
    let snapshot = &subjects[0].snapshot;
    let (count, octets) = (calls::count(snapshot), calls::section(snapshot).len());
    let each = octets as f64 / count as f64;
    println!(
        "{}: {count} ported numbers, {each:.4} octets each ({:.3} bits), file {} octets",
        path.display(),
        each * 8.0,
        snapshot.size(),
    );
    println!(
        "{:8} {:>9} {:>13} {:>13} {:>13}   ns, min / median:",
        "", "open", "resident", "after rounds", "huge pages"
    );
    let mut rows = Vec::new();
    for subject in subjects {
        let name = format!("{:?}", subject.memory).to_lowercase();
        let times = subject.times.each_ref().map(|times| {
            let mut sorted = times.clone();
            sorted.sort_by(f64::total_cmp);
            [sorted[0], sorted[sorted.len() / 2]]
        });
        let [opened, measured] = subject.resident;
        print!("{name:8} {:6.1} ms", subject.open_seconds * 1e3);
        for octets in [opened, measured, subject.huge] {
            print!(" {:9.1} MiB", octets as f64 / f64::from(1 << 20));
        }
        print!("  ");
        for (way, [least, median]) in WAYS.iter().zip(&times) {
            print!(" {way} {least:.1} / {median:.1};");
        }
        println!(" {:.1} M numbers/s in batches", 1e3 / times[1][1]);
        rows.push(json!({
            "memory": name,
            "open_ms": subject.open_seconds * 1e3,
            "resident_octets": subject.resident,
            "huge_page_octets": subject.huge,
            "ns_min_median": WAYS.iter().zip(times).collect::<std::collections::BTreeMap<_, _>>(),
        }));
    }
    let line = json!({
        "snapshot": path.display().to_string(),
        "numbers": count,
        "index_octets": octets,
        "file_octets": snapshot.size(),
        "octets_each": each,
        "sample": sampled,
        "rounds": ROUNDS,
        "queries_a_round": QUERIES.min(sampled),
        "cpu": cpu(),
        "kernel": fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim(),
        "commit": commit(),
        "measured": rows,
    });
    println!("{line}");
}

fn cpu() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = text.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    model.map(|(_, model)| model.to_owned()).unwrap_or_default()
}

fn commit() -> String {
    let git = Command::new("git")
        .args(["rev-parse", "--short=12", "HEAD"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output();
    git.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
}
