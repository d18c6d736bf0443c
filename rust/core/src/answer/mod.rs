//! One dip: what the plan says about a number.
//!
//! The only place where a ported number beats its range and where lengths are judged. [`explain`] puts
//! the same in words.

pub mod explain;

use arrayvec::ArrayVec;
use prefetch_index::prefetch_index;

use crate::number::{Number, Prefix};
use crate::snapshot::lineage::Time;
use crate::snapshot::record_sets::{RecordSet, RecordSets};
use crate::snapshot::{NetworkRow, RangeRow, Snapshot, TooEarly, View};

//----------- Answer ---------------------------------------------------------

/// What one dip found. Whether that is enough for a response is the profile's business.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    /// The number that was asked for.
    pub number: Number,
    /// Index of the network that serves it.
    pub network_index: u32,
    /// That network's row.
    pub network: &'a NetworkRow,
    /// The range that the network was read from; `None` for a ported number.
    pub own_range: Option<(Prefix, &'a RangeRow)>,
    /// Whether the number is listed as ported, so that the network is not the range's.
    pub ported: bool,
}

impl<'a> Answer<'a> {
    /// The range that holds the number, with its prefix. A ported number may stand in no range.
    ///
    /// For a ported number it is looked for now, in the view that the answer came from: those who want the
    /// network alone do not pay for it.
    pub fn range(&self, view: &View<'a>) -> Option<(Prefix, &'a RangeRow)> {
        match self.ported {
            true => range_of(view, self.number),
            false => self.own_range,
        }
    }
}

/// The range that holds `number`, ported or not, with its prefix.
pub fn range_of<'a>(view: &View<'a>, number: Number) -> Option<(Prefix, &'a RangeRow)> {
    find_range(view, number).ok()
}

/// Why the plan has no answer.
#[derive(Clone, Copy, Debug)]
pub enum Miss<'a> {
    /// No range holds the number.
    NoRange,
    /// The longest range that the number starts with has no numbers of this length. Shorter ranges
    /// are not asked: the longest one alone speaks for its prefix.
    WrongLength {
        /// The range's prefix.
        prefix: Prefix,
        /// Its rows, each with the lengths that it takes.
        rows: &'a [RangeRow],
    },
    /// The file points at something that it does not hold: it is damaged.
    Damaged,
}

/// Dips for `number`.
#[inline]
pub fn find<'a>(view: &View<'a>, number: Number) -> Result<Answer<'a>, Miss<'a>> {
    settle(view, number, view.ported.find(number))
}

/// The network that serves a number, or why there is none, as far as a response depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Served {
    /// The network with this index.
    By(u32),
    /// The plan has no answer.
    ByNobody,
    /// The plan's file is damaged there.
    Unknown,
}

/// Dips for each of `numbers`, for those who want the network alone; see [`find`].
///
/// Look-ups are under way side by side, so that they wait for memory together.
pub fn find_many(view: &View<'_>, numbers: &[Number], served: &mut [Served]) {
    const GROUP: usize = 64;
    for (numbers, served) in numbers.chunks(GROUP).zip(served.chunks_mut(GROUP)) {
        let mut ported_to = [None; GROUP];
        view.ported.find_many(numbers, &mut ported_to);
        let mut in_ranges = ArrayVec::<(Number, &mut Served), GROUP>::new();
        for ((number, served), ported_to) in numbers.iter().zip(served).zip(ported_to) {
            match ported_to {
                Some(network) => *served = Served::by(view, network),
                None => in_ranges.push((*number, served)),
            }
        }
        let numbers: ArrayVec<Number, GROUP> = in_ranges.iter().map(|(number, _)| *number).collect();
        let mut places = [0; GROUP];
        view.trie.places(None, &numbers, &mut places);
        let firsts = places.iter().take(numbers.len()).map(|place| view.trie.value_at(*place));
        let firsts: ArrayVec<Option<u32>, GROUP> = firsts.collect();
        for first in firsts.iter().flatten() {
            prefetch_index(view.ranges, *first as usize);
        }
        for ((number, served), first) in in_ranges.into_iter().zip(firsts) {
            let rows = first.map(|first| view.ranges_from(first));
            *served = match rows.map(|rows| (row_for(rows, number), rows.is_empty())) {
                Some((Some(row), _)) => Served::by(view, row.network.get()),
                Some((None, true)) => Served::Unknown,
                Some((None, false)) | None => Served::ByNobody,
            };
        }
    }
}

impl Served {
    /// By the network with this index, if there is one.
    #[inline]
    fn by(view: &View<'_>, network: u32) -> Self {
        if view.network(network).is_some() { Self::By(network) } else { Self::Unknown }
    }
}

/// What is published for a number.
#[derive(Clone, Copy, Debug)]
pub enum Published<'a> {
    /// Records that the plan has for the number itself or for a prefix of it.
    Records(RecordSet<'a>),
    /// The network that serves it.
    Network(Answer<'a>),
}

/// Says what is published for `number`: what is said of the most digits of it counts, and records count before
/// networks that are named for as many.
///
/// So records of the number itself come first, then the network that it was ported to, then the longest prefix
/// that is a range or has records. Where that is a range, the range alone judges the number's length.
#[inline]
pub fn published<'a>(
    view: &View<'a>,
    records: &RecordSets<'a>,
    number: Number,
) -> Result<Published<'a>, Miss<'a>> {
    match records.has_no_numbers() {
        true => find(view, number).map(Published::Network),
        false => published_beside(view, records, number),
    }
}

fn published_beside<'a>(
    view: &View<'a>,
    records: &RecordSets<'a>,
    number: Number,
) -> Result<Published<'a>, Miss<'a>> {
    if let Some(set) = records.of_number(number) {
        return Ok(Published::Records(set));
    }
    let found = find(view, number);
    let of_range = match &found {
        Ok(Answer { own_range: Some((prefix, _)), .. }) => prefix.len(),
        Err(Miss::NoRange) => 0,
        // Numbers of such a length are none, however many rules there are for the range's prefix.
        Err(Miss::WrongLength { prefix, .. }) => prefix.len() + 1,
        Ok(_) | Err(Miss::Damaged) => return found.map(Published::Network),
    };
    match records.of_prefix(number).filter(|(prefix, _)| prefix.len() >= of_range) {
        Some((_, set)) => Ok(Published::Records(set)),
        None => found.map(Published::Network),
    }
}

/// Dips for `number` in the plan as it was at a time: of the layers those count whose time is not later.
///
/// Takes longer than [`find`], which has all layers folded into one.
pub fn find_at<'a>(
    snapshot: &'a Snapshot,
    number: Number,
    at: Time,
) -> Result<Result<Answer<'a>, Miss<'a>>, TooEarly> {
    let ported_to = snapshot.said(number, Some(at))?.network;
    Ok(settle(&snapshot.view(), number, ported_to))
}

/// Lets a ported number beat its range.
#[inline]
fn settle<'a>(view: &View<'a>, number: Number, ported_to: Option<u32>) -> Result<Answer<'a>, Miss<'a>> {
    if let Some(network_index) = ported_to {
        let network = view.network(network_index).ok_or(Miss::Damaged)?;
        return Ok(Answer { number, network_index, network, own_range: None, ported: true });
    }
    let (prefix, row) = find_range(view, number)?;
    let network_index = row.network.get();
    let network = view.network(network_index).ok_or(Miss::Damaged)?;
    Ok(Answer { number, network_index, network, own_range: Some((prefix, row)), ported: false })
}

/// The longest range that holds `number`.
#[inline]
fn find_range<'a>(view: &View<'a>, number: Number) -> Result<(Prefix, &'a RangeRow), Miss<'a>> {
    let found = view.trie.longest_match(number).ok_or(Miss::NoRange)?;
    let prefix = number.prefix(found.length);
    let rows = view.ranges_from(found.value);
    match row_for(rows, number) {
        Some(row) => Ok((prefix, row)),
        None if rows.is_empty() => Err(Miss::Damaged),
        None => Err(Miss::WrongLength { prefix, rows }),
    }
}

/// Of a prefix's rows the one that has numbers of this length.
#[inline]
fn row_for(rows: &[RangeRow], number: Number) -> Option<&RangeRow> {
    rows.iter().find(|row| row.takes_length(number.len()))
}
