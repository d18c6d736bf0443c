//! The index against a map: every coding, every length, damage.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

fn number(digits: &str) -> Number {
    Number::from_digits(digits.as_bytes()).unwrap()
}

fn built(ported: &BTreeMap<u64, u32>) -> Vec<u8> {
    let entry = |(key, network): (&u64, &u32)| (Number::from_key(*key).unwrap(), *network);
    build(&ported.iter().map(entry).collect::<Vec<_>>()).unwrap()
}

/// Whatever was put in is found and listed; its neighbours, and neighbours of bucket and block ends, are
/// found just when they were put in.
fn assert_holds(ported: &BTreeMap<u64, u32>) {
    let section = built(ported);
    let index = Index::new(&section).unwrap();
    assert_eq!(ported.len(), index.len());
    let listed: Vec<_> = index.iter().map(|(number, network)| (number.unwrap().key(), network)).collect();
    assert_eq!(ported.iter().map(|(key, network)| (*key, *network)).collect::<Vec<_>>(), listed);
    let around = ported.keys().flat_map(|key| {
        let ends = [400, 4_000, 10_000, 100_000].map(|width| key / width * width);
        [*key, key - 1, key + 1].into_iter().chain(ends).chain(ends.map(|end| end.saturating_sub(1)))
    });
    let asked: Vec<Number> = around.filter_map(Number::from_key).collect();
    let mut many = vec![Some(u32::MAX); asked.len()];
    index.find_many(&asked, &mut many);
    for (number, together) in asked.iter().zip(many) {
        let expected = ported.get(&number.key()).copied();
        assert_eq!(expected, index.find(*number), "{number}");
        assert_eq!(expected, together, "{number}");
    }
}

/// Numbers with `digits` digits of a density that changes from block to block, networks with favourites.
fn national(digits: u32, blocks: u64, seed: u64) -> BTreeMap<u64, u32> {
    let mut state = seed;
    let mut random = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state >> 33
    };
    let mut ported = BTreeMap::new();
    for block in 0..blocks {
        let (density, favourite) = (random() % 1_050, random() % 30);
        for offset in 0..10_000 {
            if random() % 1_000 < density {
                let network = if random() % 10 < 6 { (favourite + random() % 4) % 30 } else { random() % 30 };
                ported.insert(
                    2 * 10u64.pow(digits) / 2 + 10u64.pow(digits - 1) + block * 10_000 + offset,
                    network as u32,
                );
            }
        }
    }
    ported
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn agrees_with_a_map(
        sparse in prop::collection::btree_map("[1-9][0-9]{0,14}", 0..1u32 << 20, 0..60),
        near in prop::collection::btree_map("4[0-2]{1,8}", 0..5u32, 0..60),
    ) {
        let all = sparse.iter().chain(&near);
        assert_holds(&all.map(|(digits, network)| (number(digits).key(), *network)).collect());
    }

    #[test]
    fn agrees_with_a_map_at_any_density(log_density in 0.0..14.0f64, count in 1..1_500u64, seed: u64, networks in 1..600u64) {
        // Gaps of one to about 16,000 on average, all numbers with 11 digits.
        let (mut key, mut ported, mut state) = (110_000_000_000 + seed % 1_000_000_000, BTreeMap::new(), seed);
        for _ in 0..count {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            key += 1 + (state >> 33) % 2f64.powf(log_density) as u64;
            ported.insert(key, ((state >> 20) % networks) as u32);
        }
        assert_holds(&ported);
    }

    #[test]
    fn damaged_octets_never_panic(section: Vec<u8>, digits in "[1-9][0-9]{0,14}") {
        if let Some(index) = Index::new(&section) {
            let _ = index.find(number(&digits));
            let _ = index.iter().take(10_000).count();
        }
    }

    #[test]
    fn changed_octets_never_panic(seed: u64, changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20)) {
        let mut ported = national(7, 1, seed);
        ported.insert(number("43150564164321").key(), 1);
        let mut section = built(&ported);
        for (place, octet) in changes {
            *place.get_mut(&mut section) = octet;
        }
        if let Some(index) = Index::new(&section) {
            let asked: Vec<Number> = ported.keys().step_by(7).filter_map(|key| Number::from_key(*key)).collect();
            let mut many = vec![None; asked.len()];
            index.find_many(&asked, &mut many);
            for (number, together) in asked.iter().zip(many) {
                prop_assert_eq!(together, index.find(*number));
            }
            let _ = index.iter().take(100_000).count();
        }
    }
}

#[test]
fn a_national_plan_with_every_coding_agrees_with_a_map() {
    assert_holds(&national(11, 6, 1));
    assert_holds(&national(8, 2, 2));
}

#[test]
fn full_and_nearly_empty_blocks_agree_with_a_map() {
    let full = (0..20_000).map(|offset| (13_000_000_000 + offset, (offset % 3) as u32));
    assert_holds(&full.chain([(14_999_999_999, 9), (19_999_999_999, 70_000)]).collect());
    let ends = (0..40).map(|block| (11_000_000_000 + block * 10_000, 1));
    assert_holds(&ends.chain((0..40).map(|block| (11_000_009_999 + block * 10_000, 2))).collect());
}

#[test]
fn clusters_far_apart_take_no_more_than_numbers_alone() {
    // Most of the space is empty and the numbers stand together: blocks that are wide enough for the space
    // are crowded. Bitmaps as wide as those once took gigabytes.
    let clusters = (0..300u64).flat_map(|cluster| {
        let size = if cluster == 150 { 9_000 } else { 30 };
        (0..size).map(move |place| (11_000_000_000 + cluster * 30_000_000 + place * 3, (place % 7) as u32))
    });
    let ported: BTreeMap<u64, u32> = clusters.collect();
    assert!(built(&ported).len() < 8 * ported.len());
    assert_holds(&ported);
}

#[test]
fn ported_numbers_stay_near_the_entropy_bound() {
    // Uniform, one in a hundred, 500 networks: 17.05 bits each; the first blocks bring their lines.
    let mut state = 1u64;
    let mut ported = BTreeMap::new();
    for key in 13_000_000_000u64..13_010_000_000 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        if (state >> 33) % 100 == 0 {
            ported.insert(key, ((state >> 40) % 500) as u32);
        }
    }
    let bits = built(&ported).len() as f64 * 8.0 / ported.len() as f64;
    assert!(bits < 17.05 * 1.09, "{bits} bits a number");
}

#[test]
fn widths_differ_from_place_to_place() {
    // Dense blocks, then numbers far apart, then dense ones again: all of one length.
    let dense = |first: u64| (0..30_000).map(move |place| (first + place * 2, (place % 9) as u32));
    let sparse = (0..3_000u64).map(|place| (14_000_000_000 + place * 300_007, (place % 9) as u32));
    let ported: BTreeMap<u64, u32> =
        dense(13_200_000_000).chain(sparse).chain(dense(17_000_000_000)).collect();
    assert_holds(&ported);
    let section = built(&ported);
    let widths: Vec<u32> =
        Index::new(&section).unwrap().regions.iter().map(|region| region.log_width.get()).collect();
    assert!(
        widths.len() >= 3 && widths.first() == Some(&4) && widths.iter().any(|log| *log > 4),
        "{widths:?}"
    );
}

#[test]
fn a_province_that_fills_the_memory_is_written_in_parts() {
    // More numbers in one province than are gathered at a time, with networks by their place.
    let first = 12_000_000_000u64;
    let count = 100_000;
    let mut builder = Builder::new(7, Vec::new(), Vec::new());
    builder.room = 31_000;
    for offset in 0..count {
        builder.push(Number::from_integer(first + offset * 3).unwrap(), (offset % 7) as u32).unwrap();
    }
    let section = builder.finish().unwrap().into_octets();
    let index = Index::new(&section).unwrap();
    assert_eq!(count as usize, index.len());
    for offset in 0..count {
        let number = Number::from_integer(first + offset * 3).unwrap();
        assert_eq!(Some((offset % 7) as u32), index.find(number));
        assert_eq!(None, index.find(Number::from_integer(first + offset * 3 + 1).unwrap()));
    }
}

#[test]
fn lengths_live_together() {
    let ported =
        [("43150564", 1), ("43150564164321", 2)].map(|(digits, network)| (number(digits).key(), network));
    let section = built(&ported.into_iter().collect());
    let index = Index::new(&section).unwrap();
    assert_eq!(Some(1), index.find(number("43150564")));
    assert_eq!(Some(2), index.find(number("43150564164321")));
    assert_eq!(None, index.find(number("431505641")));
}

#[test]
fn disorder_is_refused_with_both_numbers() {
    let fault = build(&[(number("450"), 0), (number("44"), 0)]).unwrap_err();
    assert_eq!(
        "ported numbers must be sorted by length and digits, each once: +44 comes after +450",
        fault.to_string()
    );
    assert!(build(&[(number("44"), 0), (number("44"), 1)]).is_err());
}

#[test]
fn nearly_all_buckets_begin_where_they_are_guessed() {
    for ported in
        [national(11, 150, 3), (0..100_000).map(|n| (112_000_000_000 + n * 97, n as u32 * 7 % 500)).collect()]
    {
        let section = built(&ported);
        let index = Index::new(&section).unwrap();
        let guessed = ported.keys().filter(|key| {
            let spot = index.spot(Number::from_key(**key).unwrap()).unwrap();
            let (start, _) = index.blocks[spot.block].bucket(spot.bucket);
            // The last block has no neighbour to tell where it ends.
            let line = index.guess(&spot).map(|guess| guess / LINE);
            line.is_some_and(|line| line <= start / LINE && start / LINE < line + GUESSED)
        });
        let share = guessed.count() as f64 / ported.len() as f64;
        assert!(share > 0.97, "{share}");
    }
}
