//! numdip, and the structures and the store that live in this process.

use std::collections::HashMap;
use std::path::Path;
use std::time::Instant;

use heed::types::Bytes;
use heed::{Database, EnvOpenOptions, PutFlags, RoTxn, WithTls};
use numdip_core::number::Number;
use numdip_core::snapshot::format::Section;
use numdip_core::snapshot::{Memory, NetworkRow, Snapshot, View};
use rustc_hash::FxHashMap;
use sux::bits::BitFieldVec;
use sux::dict::elias_fano::{EfDict, EliasFanoBuilder};
use sux::traits::{IndexedDict, SliceByValue};

use crate::{Data, Measured, Subject, allocated};

/// A map from numbers to networks.
pub(crate) trait Structure {
    /// A number as this structure wants it: conversion is nobody's time.
    type Key;
    /// Queries of a round that are asked one by one.
    const SINGLE_QUERIES: usize = crate::QUERIES;

    fn key(&self, number: u64) -> Self::Key;
    fn find(&mut self, key: &Self::Key) -> Option<u32>;

    fn find_many(&mut self, keys: &[Self::Key], networks: &mut [Option<u32>]) {
        for (network, key) in networks.iter_mut().zip(keys) {
            *network = self.find(key);
        }
    }
}

/// A structure and what it cost.
pub(crate) struct Built<S> {
    pub(crate) structure: S,
    pub(crate) name: &'static str,
    pub(crate) note: &'static str,
    pub(crate) octets: usize,
    /// From the rows in random order in memory; `None`: somebody else built it.
    pub(crate) seconds: Option<f64>,
}

/// Builds a structure on the heap; `octets` is what it takes elsewhere.
fn build<S>(name: &'static str, note: &'static str, make: impl FnOnce() -> (S, usize)) -> Built<S> {
    let (before, start) = (allocated::octets(), Instant::now());
    let (structure, elsewhere) = make();
    let seconds = start.elapsed().as_secs_f64();
    let octets = allocated::octets().saturating_sub(before) + elsewhere;
    Built { structure, name, note, octets, seconds: Some(seconds) }
}

pub(crate) fn build_all(data: &Data, folder: &Path, subjects: &mut Vec<Box<dyn Measured>>) {
    let sample = &data.sample;
    let numdip = NumdipIndex::open(folder, data);
    subjects.push(Box::new(Subject::new(numdip, sample)));
    let sux = build("sux: Elias–Fano + packed networks", "one sequence for each length of numbers", || {
        (EliasFano::new(data), 0)
    });
    subjects.push(Box::new(Subject::new(sux, sample)));
    let fst = build("fst, decimal digits", "on the heap", || (Fst::new(data), 0));
    subjects.push(Box::new(Subject::new(fst, sample)));
    let sorted = build("sorted arrays, u64 + u32", "binary search", || (Sorted::new(data), 0));
    subjects.push(Box::new(Subject::new(sorted, sample)));
    let hash = build("hash map, u64 to u32", "hashbrown with the hash of rustc", || {
        (Hash(data.rows.iter().copied().collect()), 0)
    });
    subjects.push(Box::new(Subject::new(hash, sample)));
    let lmdb = build("LMDB", "big-endian keys, appended in order; its file", || {
        let lmdb = Lmdb::new(data, folder);
        let octets = lmdb.octets;
        (lmdb, octets)
    });
    subjects.push(Box::new(Subject::new(lmdb, sample)));
}

//----------- numdip ---------------------------------------------------------

/// The snapshot, mapped. The one place that calls its index.
struct NumdipIndex {
    view: View<'static>,
    /// The generator's place of each network in the snapshot.
    places: Vec<u32>,
    found: Vec<Option<u32>>,
}

impl NumdipIndex {
    fn open(folder: &Path, data: &Data) -> Built<Self> {
        let snapshot = Snapshot::open(&folder.join("plan.snap"), Memory::Map).unwrap();
        let snapshot: &'static Snapshot = Box::leak(Box::new(snapshot));
        let by_code: HashMap<(&str, &str), u32> =
            (0..).zip(&data.codes).map(|(place, (mcc, mnc))| ((mcc.as_str(), mnc.as_str()), place)).collect();
        let code = |row: &'static NetworkRow| by_code.get(&(row.mcc()?, row.mnc()?)).copied();
        let view = snapshot.view();
        let places = view.networks.iter().map(|row| code(row).unwrap_or(u32::MAX)).collect();
        Built {
            structure: Self { view, places, found: vec![None; crate::BATCH] },
            name: "numdip",
            note: "mapped file; built from Parquet files by `numdip plan build`, reading and checks included",
            octets: snapshot.section(Section::Index).len(),
            seconds: None,
        }
    }
}

impl Structure for NumdipIndex {
    type Key = Number;

    fn key(&self, number: u64) -> Number {
        Number::from_integer(number).unwrap()
    }

    fn find(&mut self, key: &Number) -> Option<u32> {
        let network = self.view.index.find(*key)?;
        self.places.get(network as usize).copied()
    }

    fn find_many(&mut self, keys: &[Number], networks: &mut [Option<u32>]) {
        let found = &mut self.found[..keys.len()];
        self.view.index.find_many(keys, found);
        for (network, found) in networks.iter_mut().zip(found) {
            *network = found.and_then(|found| self.places.get(found as usize).copied());
        }
    }
}

//----------- sux ------------------------------------------------------------

/// For each length of numbers the least, the numbers less that, and their networks.
struct EliasFano(Vec<Option<(u64, EfDict<u64>, BitFieldVec)>>);

impl EliasFano {
    fn new(data: &Data) -> Self {
        let rows = data.sorted();
        let width = data.networks.next_power_of_two().ilog2() as usize;
        let mut lengths: Vec<_> = (0..=15).map(|_| None).collect();
        for group in rows.chunk_by(|a, b| a.0.ilog10() == b.0.ilog10()) {
            let (first, last) = (group[0].0, group[group.len() - 1].0);
            let mut keys = EliasFanoBuilder::new(group.len(), last - first);
            let mut networks = BitFieldVec::with_capacity(width, group.len());
            for (number, network) in group {
                keys.push(number - first);
                networks.push(*network as usize);
            }
            lengths[first.ilog10() as usize] = Some((first, keys.build_with_dict(), networks));
        }
        Self(lengths)
    }
}

impl Structure for EliasFano {
    type Key = u64;

    fn key(&self, number: u64) -> u64 {
        number
    }

    fn find(&mut self, key: &u64) -> Option<u32> {
        let (first, keys, networks) = self.0[key.ilog10() as usize].as_ref()?;
        let place = keys.index_of(key.checked_sub(*first)?)?;
        Some(networks.index_value(place) as u32)
    }
}

//----------- fst ------------------------------------------------------------

struct Fst(fst::Map<Vec<u8>>);

impl Fst {
    fn new(data: &Data) -> Self {
        let mut rows: Vec<(String, u32)> =
            data.rows.iter().map(|(number, network)| (number.to_string(), *network)).collect();
        rows.sort_unstable();
        let mut map = fst::MapBuilder::memory();
        for (number, network) in rows {
            map.insert(number, network.into()).unwrap();
        }
        let mut octets = map.into_inner().unwrap();
        octets.shrink_to_fit();
        Self(fst::Map::new(octets).unwrap())
    }
}

impl Structure for Fst {
    type Key = String;

    fn key(&self, number: u64) -> String {
        number.to_string()
    }

    fn find(&mut self, key: &String) -> Option<u32> {
        self.0.get(key).map(|network| network as u32)
    }
}

//----------- Arrays and hash map --------------------------------------------

struct Sorted {
    numbers: Vec<u64>,
    networks: Vec<u32>,
}

impl Sorted {
    fn new(data: &Data) -> Self {
        let (numbers, networks) = data.sorted().into_iter().unzip();
        let mut sorted = Self { numbers, networks };
        sorted.numbers.shrink_to_fit();
        sorted.networks.shrink_to_fit();
        sorted
    }
}

impl Structure for Sorted {
    type Key = u64;

    fn key(&self, number: u64) -> u64 {
        number
    }

    fn find(&mut self, key: &u64) -> Option<u32> {
        self.numbers.binary_search(key).ok().map(|place| self.networks[place])
    }
}

struct Hash(FxHashMap<u64, u32>);

impl Structure for Hash {
    type Key = u64;

    fn key(&self, number: u64) -> u64 {
        number
    }

    fn find(&mut self, key: &u64) -> Option<u32> {
        self.0.get(key).copied()
    }
}

//----------- LMDB -----------------------------------------------------------

struct Lmdb {
    transaction: RoTxn<'static, WithTls>,
    database: Database<Bytes, Bytes>,
    octets: usize,
    // The last to go.
    _folder: tempfile::TempDir,
}

impl Lmdb {
    fn new(data: &Data, folder: &Path) -> Self {
        let rows = data.sorted();
        let folder = tempfile::tempdir_in(folder).unwrap();
        let mut options = EnvOpenOptions::new();
        options.map_size((rows.len() * 100).next_multiple_of(1 << 20) + (64 << 20));
        // SAFETY: nobody else opens or changes this file in a folder of our own.
        let env = unsafe { options.open(folder.path()) }.unwrap();
        let mut transaction = env.write_txn().unwrap();
        let database: Database<Bytes, Bytes> = env.create_database(&mut transaction, None).unwrap();
        for (number, network) in rows {
            let (key, value) = (number.to_be_bytes(), network.to_le_bytes());
            database.put_with_flags(&mut transaction, PutFlags::APPEND, &key, &value).unwrap();
        }
        transaction.commit().unwrap();
        let octets = env.real_disk_size().unwrap() as usize;
        Self { transaction: env.static_read_txn().unwrap(), database, octets, _folder: folder }
    }
}

impl Structure for Lmdb {
    type Key = [u8; 8];

    fn key(&self, number: u64) -> [u8; 8] {
        number.to_be_bytes()
    }

    fn find(&mut self, key: &[u8; 8]) -> Option<u32> {
        let value = self.database.get(&self.transaction, key).unwrap()?;
        Some(u32::from_le_bytes(value.try_into().unwrap()))
    }
}
