//! Columns that are filled by row numbers of networks and ranges.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use zerocopy::byteorder::little_endian::U32;

use crate::number::Prefix;
use crate::snapshot::{NetworkRow, RangeRow};

/// Numbers of a batch: rows of bits that are whole octets.
pub(super) const BATCH: usize = 256;

/// What is noted of a number beside its two rows, a bit each. The first ten say which texts there are.
pub(super) mod flag {
    pub(in crate::bulk) const FOUND: u16 = 1 << 10;
    pub(in crate::bulk) const PORTED: u16 = 1 << 11;
    pub(in crate::bulk) const IN_RANGE: u16 = 1 << 12;
    pub(in crate::bulk) const PORTABLE: u16 = 1 << 13;
}
/// How many columns of bits there are.
const FLAGS: usize = 14;
/// Columns of texts that come from the network; those from the range follow.
const OF_NETWORK: usize = 7;
const OF_RANGE: usize = 3;
/// Place of the prefix among the columns from the range.
const PREFIX: usize = 2;

//----------- Bits -----------------------------------------------------------

/// One bit a row, the first one lowest in the first octet; bits behind the last row are 0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bits(Vec<u8>);

impl Bits {
    /// The bit of a row; false behind the last one.
    pub fn get(&self, row: usize) -> bool {
        self.0.get(row / 8).is_some_and(|octet| octet >> (row % 8) & 1 == 1)
    }

    /// The octets.
    pub fn into_octets(self) -> Vec<u8> {
        self.0
    }
}

//----------- TextColumn -----------------------------------------------------

/// A column of texts, each text once: a row has the place of its own.
#[derive(Clone, Debug, Default)]
pub struct TextColumn {
    /// For each row a place among the texts; 0 where the row has none.
    pub keys: Vec<i32>,
    /// Which rows have a text.
    pub valid: Bits,
    /// The texts, one behind the other.
    pub text: String,
    /// Where each text begins, and where the last one ends.
    pub bounds: Vec<i32>,
}

impl TextColumn {
    /// The text of a row.
    pub fn get(&self, row: usize) -> Option<&str> {
        let key = usize::try_from(*self.keys.get(row)?).ok().filter(|_| self.valid.get(row))?;
        let (start, end) = (*self.bounds.get(key)?, *self.bounds.get(key + 1)?);
        self.text.get(usize::try_from(start).ok()?..usize::try_from(end).ok()?)
    }
}

//----------- Columns --------------------------------------------------------

/// What was found for each of many numbers. Where a number was not found, `found` is false and everything
/// else has no value.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs, reason = "the names are those of an answer's fields")]
pub struct Columns {
    pub rows: usize,
    pub found: Bits,
    pub mcc: TextColumn,
    pub mnc: TextColumn,
    pub operator: TextColumn,
    pub country: TextColumn,
    pub kind: TextColumn,
    pub prefix: TextColumn,
    pub ported: Bits,
    pub portable: Bits,
    /// Which rows have a range, so that `portable` says something.
    pub in_range: Bits,
    pub source: TextColumn,
    pub spid: TextColumn,
    pub rn: TextColumn,
    pub rn_context: TextColumn,
}

//----------- Column ---------------------------------------------------------

/// A column of texts while it is filled.
#[derive(Default)]
struct Column<'a> {
    /// Row number of network or range → place among the texts.
    table: Vec<i32>,
    known: HashMap<&'a str, i32, BuildHasherDefault<Fold>>,
    filled: TextColumn,
}

impl<'a> Column<'a> {
    fn new() -> Self {
        // Row 0 stands for none.
        Self {
            table: vec![0],
            filled: TextColumn { bounds: vec![0], ..TextColumn::default() },
            ..Self::default()
        }
    }

    fn texts(&self) -> usize {
        self.filled.bounds.len() - 1
    }

    /// Appends a text that is not there yet.
    fn append(&mut self, text: &str) -> i32 {
        let key = self.texts() as i32;
        self.filled.text.push_str(text);
        self.filled.bounds.push(self.filled.text.len() as i32);
        key
    }

    /// The next row of network or range has this text, or none; whether it has.
    fn add(&mut self, text: Option<&'a str>) -> bool {
        let key = text.map(|text| match self.known.get(text) {
            Some(key) => *key,
            None => {
                let key = self.append(text);
                self.known.insert(text, key);
                key
            }
        });
        self.table.push(key.unwrap_or(0));
        key.is_some()
    }

    /// The keys, to be filled behind the first `before` rows; `None` as long as there is no text.
    fn keys(&mut self, before: usize, expected: usize) -> Option<&mut Vec<i32>> {
        if self.texts() == 0 {
            return None;
        }
        let keys = &mut self.filled.keys;
        if keys.capacity() == 0 {
            keys.reserve(expected);
        }
        // Up to now it had no text, and nobody knew how long it would be.
        if keys.len() < before {
            keys.resize(before, 0);
        }
        Some(keys)
    }

    fn finish(self, rows: usize, valid: Bits) -> TextColumn {
        let keys = if self.texts() == 0 { vec![0; rows] } else { self.filled.keys };
        TextColumn { keys, valid, ..self.filled }
    }
}

//----------- Fold -----------------------------------------------------------

/// Hashes the short texts and the rows of a plan, which nobody chooses to make them collide.
#[derive(Default)]
pub(super) struct Fold(u64);

impl Hasher for Fold {
    fn write(&mut self, octets: &[u8]) {
        for octets in octets.chunks(8) {
            let word = octets.iter().fold(0, |word, octet| word << 8 | u64::from(*octet));
            self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        }
    }

    fn finish(&self) -> u64 {
        // A table looks at the lowest and at the highest bits.
        self.0.rotate_left(26)
    }
}

//----------- Batch ----------------------------------------------------------

/// What was found for the numbers of a batch; all zeros for those without an answer.
pub(super) struct Batch {
    networks: [u32; BATCH],
    ranges: [u32; BATCH],
    prefixes: [u32; BATCH],
    flags: [u16; BATCH],
}

impl Default for Batch {
    fn default() -> Self {
        Self { networks: [0; BATCH], ranges: [0; BATCH], prefixes: [0; BATCH], flags: [0; BATCH] }
    }
}

impl Batch {
    /// For one row the rows of its network and range and the key of its prefix.
    #[inline]
    pub(super) fn set(&mut self, row: usize, found: [u32; 3], flags: u16) {
        let columns = [&mut self.networks, &mut self.ranges, &mut self.prefixes];
        for (column, found) in columns.into_iter().zip(found) {
            if let Some(place) = column.get_mut(row) {
                *place = found;
            }
        }
        if let Some(place) = self.flags.get_mut(row) {
            *place = flags;
        }
    }
}

//----------- Rows -----------------------------------------------------------

/// The rows of networks and ranges that have been met, and the columns filled with them.
pub(super) struct Rows<'a> {
    rows: usize,
    of_network: [Column<'a>; OF_NETWORK],
    of_range: [Column<'a>; OF_RANGE],
    /// The flags that come with a row of networks or of ranges.
    network_flags: Vec<u16>,
    range_flags: Vec<u16>,
    flags: [Vec<u8>; FLAGS],
    /// Rows that room is made for, in columns that have texts.
    expected: usize,
}

impl<'a> Rows<'a> {
    pub(super) fn new() -> Self {
        Self {
            rows: 0,
            of_network: std::array::from_fn(|_| Column::new()),
            of_range: std::array::from_fn(|_| Column::new()),
            network_flags: vec![0],
            range_flags: vec![0],
            flags: Default::default(),
            expected: 0,
        }
    }

    /// How many rows the columns have.
    pub(super) fn count(&self) -> usize {
        self.rows
    }

    pub(super) fn reserve(&mut self, rows: usize) {
        self.expected = self.rows + rows;
    }

    /// A row for this network; gives its number.
    pub(super) fn add_network(
        &mut self,
        network: &'a NetworkRow,
        text: impl Fn(U32) -> Option<&'a str>,
    ) -> u32 {
        let [operator, spid, rn, rn_context, source] = network.texts().map(text);
        let texts = [network.mcc(), network.mnc(), operator, source, spid, rn, rn_context];
        let mut flags = flag::FOUND;
        for ((place, column), text) in self.of_network.iter_mut().enumerate().zip(texts) {
            flags |= u16::from(column.add(text)) << place;
        }
        self.network_flags.push(flags);
        (self.network_flags.len() - 1) as u32
    }

    /// The key of a prefix's text, which is not there yet.
    pub(super) fn add_prefix(&mut self, prefix: Prefix) -> u32 {
        let digits = prefix.ascii();
        let digits = digits.get(..prefix.len()).and_then(|digits| std::str::from_utf8(digits).ok());
        let [.., column] = &mut self.of_range;
        column.append(digits.unwrap_or_default()) as u32
    }

    /// A row for this range; gives its number.
    pub(super) fn add_range(&mut self, range: &'a RangeRow) -> u32 {
        let [country, kind, _] = &mut self.of_range;
        let mut flags = flag::IN_RANGE | 1 << (OF_NETWORK + PREFIX);
        flags |= u16::from(country.add(range.country())) << OF_NETWORK;
        flags |= u16::from(kind.add(range.kind().map(|kind| kind.name()))) << (OF_NETWORK + 1);
        flags |= if range.is_portable() { flag::PORTABLE } else { 0 };
        self.range_flags.push(flags);
        (self.range_flags.len() - 1) as u32
    }

    /// Fills the columns with the first `count` rows of a batch.
    pub(super) fn push(&mut self, count: usize, batch: Batch) {
        let Batch { networks, ranges, prefixes, mut flags } = batch;
        let [country, kind, prefix] = &mut self.of_range;
        let of_network = self.of_network.iter_mut().map(|column| (column, &networks));
        for (column, rows) in of_network.chain([(country, &ranges), (kind, &ranges)]) {
            let table = std::mem::take(&mut column.table);
            if let Some(keys) = column.keys(self.rows, self.expected) {
                let key = |row: &u32| table.get(*row as usize).copied().unwrap_or(0);
                keys.extend(rows.iter().take(count).map(key));
            }
            column.table = table;
        }
        if let Some(keys) = prefix.keys(self.rows, self.expected) {
            keys.extend(prefixes.iter().take(count).map(|key| *key as i32));
        }
        for ((flags, network), range) in flags.iter_mut().zip(&networks).zip(&ranges) {
            *flags |= self.network_flags.get(*network as usize).copied().unwrap_or(0)
                | self.range_flags.get(*range as usize).copied().unwrap_or(0);
        }
        let turned = turn(&flags);
        for (column, octets) in self.flags.iter_mut().zip(turned) {
            column.extend_from_slice(octets.get(..count.div_ceil(8)).unwrap_or_default());
        }
        self.rows += count;
    }

    pub(super) fn finish(self) -> Columns {
        let rows = self.rows;
        let [a, b, c, d, e, f, g, h, i, j, found, ported, in_range, portable] = self.flags.map(Bits);
        let [mcc, mnc, operator, source, spid, rn, rn_context] = self.of_network;
        let [country, kind, prefix] = self.of_range;
        Columns {
            rows,
            found,
            mcc: mcc.finish(rows, a),
            mnc: mnc.finish(rows, b),
            operator: operator.finish(rows, c),
            source: source.finish(rows, d),
            spid: spid.finish(rows, e),
            rn: rn.finish(rows, f),
            rn_context: rn_context.finish(rows, g),
            country: country.finish(rows, h),
            kind: kind.finish(rows, i),
            prefix: prefix.finish(rows, j),
            ported,
            in_range,
            portable,
        }
    }
}

/// For each of 16 bits the bits of all words, packed.
fn turn(words: &[u16; BATCH]) -> [[u8; BATCH / 8]; 16] {
    let mut turned = [[0; BATCH / 8]; 16];
    let eights = words.chunks_exact(8).filter_map(<[u16]>::first_chunk::<8>);
    for (at, eight) in eights.enumerate() {
        let low = turn_eight(u64::from_le_bytes(eight.map(|word| word as u8)));
        let high = turn_eight(u64::from_le_bytes(eight.map(|word| (word >> 8) as u8)));
        let octets = low.to_le_bytes().into_iter().chain(high.to_le_bytes());
        for (column, octet) in turned.iter_mut().zip(octets) {
            if let Some(place) = column.get_mut(at) {
                *place = octet;
            }
        }
    }
    turned
}

/// Mirrors eight rows of eight bits at their diagonal: single bits within pairs, pairs within fours, fours.
fn turn_eight(rows: u64) -> u64 {
    let swap = |rows: u64, mask: u64, by: u32| {
        let changed = (rows ^ rows >> by) & mask;
        rows ^ changed ^ changed << by
    };
    let rows = swap(rows, 0x00aa_00aa_00aa_00aa, 7);
    let rows = swap(rows, 0x0000_cccc_0000_cccc, 14);
    swap(rows, 0x0000_0000_f0f0_f0f0, 28)
}
