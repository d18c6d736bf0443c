//! What is looked up: the sample of a snapshot, or a plan made for the purpose with one.

use std::fs;
use std::path::{Path, PathBuf};

use numdip_core::number::Number;
use numdip_core::plan::{PlanBuilder, Policy, PortedFields};
use numdip_core::snapshot::writer;

/// Queries in the sample of the plan that is made here.
const QUERIES: usize = 800_000;

/// The numbers that are looked up in the snapshot at `path`.
pub(super) fn sample(path: &Path) -> Vec<Number> {
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
pub(super) struct Random(pub(super) u64);

impl Random {
    /// A number below `bound`.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((u128::from(z ^ (z >> 31)) * u128::from(bound)) >> 64) as u64
    }
}

/// A plan of a million numbers in `folder`, in blocks of ten thousand of which each second one is
/// populated, a quarter on average; with a sample.
pub(super) fn synthetic(folder: &Path) -> PathBuf {
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
    let queries = (0..QUERIES).flat_map(|place| match place % 10 {
        0 => others[random.below(others.len() as u64) as usize].to_le_bytes(),
        _ => ported[random.below(ported.len() as u64) as usize].0.to_le_bytes(),
    });
    fs::write(folder.join("sample.bin"), queries.collect::<Vec<u8>>()).unwrap();
    path
}
