//! What is different in two plans: ported numbers and ranges, by country and network.

use std::collections::{BTreeMap, HashMap};

use zerocopy::byteorder::little_endian::U32;

use crate::number::{Number, Prefix};
use crate::snapshot::{NetworkRow, RangeRow, View};

//----------- Diff -----------------------------------------------------------

/// The differences from one plan to another.
///
/// Networks are compared by what they say: MCC, MNC, operator, SPID, routing number and its context. Where
/// that was read is not compared.
#[derive(Debug, Default)]
pub struct Diff {
    /// Ported numbers, by country of their range (ISO 3166-1 alpha-2, or empty) and network.
    pub ported: BTreeMap<(String, String), Changes>,
    /// Prefixes with their ranges, by country and network.
    pub ranges: BTreeMap<(String, String), Changes>,
    /// Some differences: ported numbers first, then prefixes, as many of each as were asked for.
    pub examples: Vec<Example>,
}

/// How many numbers or prefixes came, went and changed.
///
/// What changed counts once where it was, under its old network, and once where it is, under its new one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// In the second plan alone.
    pub added: u64,
    /// In the first plan alone.
    pub removed: u64,
    /// In both; this network is the second plan's.
    pub changed_to: u64,
    /// In both; this network is the first plan's.
    pub changed_from: u64,
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Example {
    /// A ported number with its leading `+`, or the digits of a prefix.
    pub subject: String,
    /// What the first plan says of it.
    pub before: Option<String>,
    /// What the second plan says of it.
    pub after: Option<String>,
}

/// Compares two plans and keeps up to `examples` examples each of ported numbers and of prefixes. Takes time
/// in proportion to both plans' numbers and little memory.
pub fn diff(before: &View<'_>, after: &View<'_>, examples: usize) -> Diff {
    let mut diff = Diff::default();
    diff.compare_ported(before, after, examples);
    diff.compare_ranges(before, after, examples);
    diff
}

impl Diff {
    /// Whether the plans say the same.
    pub fn is_empty(&self) -> bool {
        self.ported.is_empty() && self.ranges.is_empty()
    }

    /// The sum of [`ported`](Self::ported) or of [`ranges`](Self::ranges): what changed is in both counts.
    pub fn total(changes: &BTreeMap<(String, String), Changes>) -> Changes {
        changes.values().fold(Changes::default(), |sum, one| Changes {
            added: sum.added + one.added,
            removed: sum.removed + one.removed,
            changed_to: sum.changed_to + one.changed_to,
            changed_from: sum.changed_from + one.changed_from,
        })
    }

    fn compare_ported(&mut self, before: &View<'_>, after: &View<'_>, examples: usize) {
        let mut same = HashMap::new();
        let (mut old, mut new) = (before.ported.iter().peekable(), after.ported.iter().peekable());
        let key = |entry: Option<&(Option<Number>, u32)>| {
            entry.map_or(u64::MAX, |(number, _)| number.map_or(0, Number::key))
        };
        loop {
            let (old_key, new_key) = (key(old.peek()), key(new.peek()));
            let was = if old_key <= new_key { old.next() } else { None };
            let is = if new_key <= old_key { new.next() } else { None };
            let Some(number) = was.or(is).map(|(number, _)| number) else { break };
            // Numbers that only damage could have made are nothing to compare.
            let Some(number) = number else { continue };
            let (was, is) = (was.map(|(_, network)| network), is.map(|(_, network)| network));
            if let (Some(was), Some(is)) = (was, is) {
                let equal = same.entry((was, is)).or_insert_with(|| {
                    before.network(was).map(|row| said(before, row))
                        == after.network(is).map(|row| said(after, row))
                });
                if *equal {
                    continue;
                }
            }
            let label = |view: &View<'_>, network: Option<u32>| {
                let row = view.network(network?)?;
                Some((country_of(view, number), describe(view, row)))
            };
            let sides = [label(before, was), label(after, is)];
            self.add(Kind::Ported, &number.to_string(), sides, examples);
        }
    }

    fn compare_ranges(&mut self, before: &View<'_>, after: &View<'_>, examples: usize) {
        let mut examples_left = examples;
        let (mut old, mut new) = (before.trie.iter().peekable(), after.trie.iter().peekable());
        loop {
            let order = match (old.peek(), new.peek()) {
                (Some((a, _)), Some((b, _))) => a.cmp(b),
                (Some(_), None) => std::cmp::Ordering::Less,
                (None, Some(_)) => std::cmp::Ordering::Greater,
                (None, None) => break,
            };
            let was = if order.is_le() { old.next() } else { None };
            let is = if order.is_ge() { new.next() } else { None };
            let Some((prefix, _)) = was.or(is) else { break };
            if was.map(|(_, first)| rows_said(before, first)) == is.map(|(_, first)| rows_said(after, first))
            {
                continue;
            }
            let label = |view: &View<'_>, found: Option<(Prefix, u32)>| {
                let row = view.ranges_from(found?.1).first()?;
                let country = row.country().unwrap_or_default().to_owned();
                Some((country, describe(view, view.network(row.network.get())?)))
            };
            let sides = [label(before, was), label(after, is)];
            self.add(Kind::Range, &prefix.digits(), sides, examples_left);
            examples_left = examples_left.saturating_sub(1);
        }
    }

    /// Counts one difference, and keeps it if there are examples left.
    fn add(&mut self, kind: Kind, subject: &str, sides: [Option<(String, String)>; 2], examples: usize) {
        let counted = match kind {
            Kind::Ported => &mut self.ported,
            Kind::Range => &mut self.ranges,
        };
        let mut count = |at: &(String, String), add: fn(&mut Changes)| {
            add(counted.entry(at.clone()).or_default());
        };
        match &sides {
            [Some(before), Some(after)] => {
                count(before, |changes| changes.changed_from += 1);
                count(after, |changes| changes.changed_to += 1);
            }
            [Some(before), None] => count(before, |changes| changes.removed += 1),
            [None, Some(after)] => count(after, |changes| changes.added += 1),
            [None, None] => {}
        }
        let kept = match kind {
            Kind::Ported => self.examples.len() < examples,
            Kind::Range => examples > 0,
        };
        if kept {
            let [before, after] = sides.map(|side| side.map(|(_, network)| network));
            self.examples.push(Example { subject: subject.to_owned(), before, after });
        }
    }
}

#[derive(Clone, Copy)]
enum Kind {
    Ported,
    Range,
}

/// The country of the longest range that a number starts with.
fn country_of(view: &View<'_>, number: Number) -> String {
    let found = view.trie.longest_match(number);
    let row = found.and_then(|found| view.ranges_from(found.value).first());
    row.and_then(RangeRow::country).unwrap_or_default().to_owned()
}

/// What a network row says, its source aside.
type Said<'a> = ([u8; 3], [u8; 3], [Option<&'a str>; 4]);

fn said<'a>(view: &View<'a>, row: &NetworkRow) -> Said<'a> {
    let text = |id: U32| view.text(id);
    (row.mcc, row.mnc, [text(row.operator), text(row.spid), text(row.rn), text(row.rn_context)])
}

/// What the rows of a prefix say, from the first on.
fn rows_said<'a>(view: &View<'a>, first: u32) -> Vec<(RangeRow, Option<Said<'a>>)> {
    let rows = view.ranges_from(first).iter();
    rows.map(|row| {
        let network = view.network(row.network.get()).map(|network| said(view, network));
        (RangeRow { network: U32::ZERO, ..*row }, network)
    })
    .collect()
}

/// A network in words: `234/15 Vodafone, rn +44…`.
fn describe(view: &View<'_>, row: &NetworkRow) -> String {
    let mut words = match (row.mcc(), row.mnc()) {
        (Some(mcc), Some(mnc)) => format!("{mcc}/{mnc}"),
        (Some(mcc), None) => format!("{mcc}/?"),
        _ => "unknown".to_owned(),
    };
    for (name, id) in [("", row.operator), (", SPID ", row.spid), (", rn ", row.rn)] {
        if let Some(text) = view.text(id) {
            words.push_str(if name.is_empty() { " " } else { name });
            words.push_str(text);
        }
    }
    words
}
