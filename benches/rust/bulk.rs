//! What each step of many dips at once costs, in time per column of numbers and in numbers a second.
//!
//! Over the file that the environment variable `NUMDIP_BENCH_PLAN` names, or the bundled plan. Numbers are of
//! prefixes all over the plan, the worst there is, or of a few hundred of them.
//!
//! `cargo bench -p numdip-core --bench bulk`

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a bench that cannot run stops")]

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use numdip_core::bulk;
use numdip_core::number::{Form, Number};
use numdip_core::snapshot::{Memory, Snapshot};

fn main() {
    divan::Divan::default().sample_count(20).sample_size(1).config_with_args().main();
}

/// Numbers of a column.
const NUMBERS: usize = 1 << 17;

static SNAPSHOT: LazyLock<Snapshot> = LazyLock::new(|| {
    let bundled = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../python/numdip/data/bundled.snap");
    let path = std::env::var_os("NUMDIP_BENCH_PLAN").map_or_else(bundled, PathBuf::from);
    Snapshot::open(&path, Memory::Map).unwrap()
});

/// Which prefixes of the plan numbers have.
#[derive(Clone, Copy, Debug)]
enum Spread {
    Some,
    All,
}
const SPREADS: [Spread; 2] = [Spread::Some, Spread::All];

/// Numbers in no order (splitmix64), the same at every run; one in sixteen is unknown.
fn numbers(spread: Spread) -> Vec<Number> {
    let view = SNAPSHOT.view();
    let prefixes: Vec<_> = view.trie.iter().collect();
    let step = match spread {
        Spread::Some => prefixes.len().div_ceil(300),
        Spread::All => 1,
    };
    let mut state = 6116u64;
    let mut random = |bound: u64| {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    };
    let mut number = || {
        let (prefix, first) = prefixes[random((prefixes.len() / step) as u64) as usize * step];
        let row = view.ranges_from(first)[0];
        let known = random(16) != 0;
        let mut digits = if known { prefix.digits() } else { "999".to_owned() };
        while digits.len() < usize::from(row.min_length).max(8) {
            digits.push(char::from(b'0' + random(10) as u8));
        }
        Number::from_digits(digits.as_bytes()).unwrap()
    };
    (0..NUMBERS).map(|_| number()).collect()
}

#[divan::bench]
fn parse_text(bencher: Bencher<'_, '_>) {
    let texts: Vec<String> = numbers(Spread::All).iter().map(|number| number.aus()).collect();
    bencher.counter(ItemsCount::new(NUMBERS)).bench_local(|| {
        let numbers = black_box(&texts).iter().filter_map(|text| Number::parse(text, Form::Msisdn).ok());
        numbers.fold(0, |all, number| all ^ number.to_bits())
    });
}

#[divan::bench]
fn parse_integers(bencher: Bencher<'_, '_>) {
    let integers: Vec<u64> = numbers(Spread::All).iter().map(|number| number.to_integer()).collect();
    bencher.counter(ItemsCount::new(NUMBERS)).bench_local(|| {
        let numbers = black_box(&integers).iter().filter_map(|integer| Number::from_integer(*integer).ok());
        numbers.fold(0, |all, number| all ^ number.to_bits())
    });
}

#[divan::bench(args = SPREADS)]
fn trie_longest_match(bencher: Bencher<'_, '_>, spread: Spread) {
    let (numbers, trie) = (numbers(spread), SNAPSHOT.view().trie);
    bencher.counter(ItemsCount::new(NUMBERS)).bench_local(|| {
        let found = black_box(&numbers).iter().filter_map(|number| trie.longest_match(*number));
        found.fold(0, |all, found| all ^ found.value)
    });
}

#[divan::bench(args = SPREADS)]
fn trie_places(bencher: Bencher<'_, '_>, spread: Spread) {
    let (numbers, trie) = (numbers(spread), SNAPSHOT.view().trie);
    let (shortcut, mut places) = (trie.shortcut(), vec![0; NUMBERS]);
    bencher
        .counter(ItemsCount::new(NUMBERS))
        .bench_local(|| trie.places(Some(&shortcut), black_box(&numbers), &mut places));
}

#[divan::bench]
fn trie_shortcut(bencher: Bencher<'_, '_>) {
    bencher.bench_local(|| SNAPSHOT.view().trie.shortcut());
}

#[divan::bench(args = SPREADS)]
fn find_all(bencher: Bencher<'_, '_>, spread: Spread) {
    let (numbers, view) = (numbers(spread), SNAPSHOT.view());
    bencher
        .counter(ItemsCount::new(NUMBERS))
        .bench_local(|| bulk::find_all(&view, black_box(&numbers).iter().copied().map(Some)));
}

#[divan::bench(args = SPREADS)]
fn find_all_of_text(bencher: Bencher<'_, '_>, spread: Spread) {
    let view = SNAPSHOT.view();
    let texts: Vec<String> = numbers(spread).iter().map(|number| number.aus()).collect();
    bencher.counter(ItemsCount::new(NUMBERS)).bench_local(|| {
        let numbers =
            black_box(&texts).iter().map(|text| Number::parse_octets(text.as_bytes(), Form::Msisdn));
        bulk::find_all(&view, numbers)
    });
}

#[divan::bench(args = SPREADS)]
fn find_all_of_integers(bencher: Bencher<'_, '_>, spread: Spread) {
    let view = SNAPSHOT.view();
    let integers: Vec<u64> = numbers(spread).iter().map(|number| number.to_integer()).collect();
    bencher.counter(ItemsCount::new(NUMBERS)).bench_local(|| {
        let numbers = black_box(&integers).iter().map(|integer| Number::from_integer(*integer).ok());
        bulk::find_all(&view, numbers)
    });
}
