//! Longest-prefix match over the digits of ranges.
//!
//! One look-up visits at most one node per digit and allocates nothing. The nodes are octets of the
//! snapshot (or of a `Vec` in tests): nothing here knows where octets live. Damaged octets give a
//! wrong answer or none, never a panic: each access is checked, each step consumes a digit.
//!
//! The children of one node are adjacent, and so are its values, so a set bit's rank finds either.
//! Nodes come in breadth-first order: the busy top levels share few cache lines.

use prefetch_index::prefetch_index;
use zerocopy::byteorder::little_endian::{U16, U32};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::number::{MAX_DIGITS, Number, Prefix};

//----------- Trie -----------------------------------------------------------

/// A digit trie read from the node and the value section.
#[derive(Clone, Copy, Debug, Default)]
pub struct Trie<'a> {
    /// The first is the root.
    nodes: &'a [Node],
    values: &'a [U32],
}

/// A prefix that matched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Match {
    /// The value given to the prefix.
    pub value: u32,
    /// How many digits the prefix has.
    pub length: usize,
}

/// One node as it lies in the file: 12 octets.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct Node {
    /// Bits 0 to 9: the digits that lead on to a child.
    children: U16,
    /// Bits 0 to 9: the digits that end a prefix which has a value.
    valued: U16,
    /// Index of the first child.
    first_child: U32,
    /// Index of the first value.
    first_value: U32,
}

impl Node {
    /// The index of the child that `digit` leads to.
    #[inline]
    fn child(&self, digit: usize) -> Option<usize> {
        ranked(self.children, self.first_child, digit)
    }

    /// The index of the value of the prefix that `digit` ends.
    #[inline]
    fn value(&self, digit: usize) -> Option<usize> {
        ranked(self.valued, self.first_value, digit)
    }
}

/// `first` plus how many of the bits below `digit` are set, if the bit itself is set.
#[inline]
fn ranked(bits: U16, first: U32, digit: usize) -> Option<usize> {
    let bits = bits.get();
    (bits >> digit & 1 == 1).then(|| first.get() as usize + (bits & ((1 << digit) - 1)).count_ones() as usize)
}

impl<'a> Trie<'a> {
    /// A trie over two sections; `None` if either does not hold a whole count of entries.
    pub fn new(nodes: &'a [u8], values: &'a [u8]) -> Option<Self> {
        Some(Self {
            nodes: <[Node]>::ref_from_bytes(nodes).ok()?,
            values: <[U32]>::ref_from_bytes(values).ok()?,
        })
    }

    /// How many prefixes there are.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Finds the longest prefix of `number` that has a value.
    #[inline]
    pub fn longest_match(&self, number: Number) -> Option<Match> {
        let mut best = None;
        let mut node = self.nodes.first()?;
        for place in 0..number.len() {
            let digit = number.digit(place);
            if let Some(index) = node.value(digit) {
                // The value itself is read only when the walk has ended.
                best = Some((index, place + 1));
            }
            match node.child(digit).and_then(|index| self.nodes.get(index)) {
                Some(child) => node = child,
                None => break,
            }
        }
        let (index, length) = best?;
        Some(Match { value: self.values.get(index)?.get(), length })
    }

    /// Where each number's longest prefix has its value, in the order of `numbers`: 1 for the first value,
    /// 0 for a number without one. Faster than [`longest_match`](Self::longest_match) one after another,
    /// most of all with a shortcut.
    ///
    /// All numbers go down a level together, and those that have come to an end leave: the steps of one
    /// level do not wait for each other, and no branch is guessed wrong.
    pub fn places(&self, shortcut: Option<&Shortcut>, numbers: &[Number], places: &mut [u32]) {
        let mut group = [Walk::default(); GROUP];
        for (numbers, places) in numbers.chunks(GROUP).zip(places.chunks_mut(GROUP)) {
            let mut walking = 0;
            for ((number, place), lane) in numbers.iter().zip(&mut *places).zip(0..) {
                let digits = number.ended();
                let (skipped, taken) = match shortcut {
                    Some(shortcut) => (SHORTCUT, shortcut.take(digits)),
                    None => (0, Step { place: 0, node: Some(0) }),
                };
                *place = taken.place;
                if let Some(walk) = group.get_mut(walking) {
                    *walk = Walk { digits: digits << (4 * skipped), node: taken.node.unwrap_or(0), lane };
                }
                walking += usize::from(taken.node.is_some());
            }
            // Behind the last digit no node has a child, unless the file is damaged.
            for _ in 0..=MAX_DIGITS {
                if walking == 0 {
                    break;
                }
                walking = self.walk_on(&mut group, walking, places);
            }
        }
    }

    /// Takes the first walks one digit further; gives how many of them go on.
    #[inline]
    fn walk_on(&self, group: &mut [Walk; GROUP], walking: usize, places: &mut [u32]) -> usize {
        let mut on = 0;
        for taken in 0..walking.min(GROUP) {
            let Some(walk) = group.get(taken).copied() else { break };
            let Some(place) = places.get_mut(usize::from(walk.lane)) else { continue };
            let step = self.step(walk.node, walk.digits >> 60, *place);
            *place = step.place;
            // While the others take this step, memory fetches what the next one needs.
            prefetch_index(self.nodes, step.node.unwrap_or(0) as usize);
            if let Some(next) = group.get_mut(on) {
                *next = Walk { digits: walk.digits << 4, node: step.node.unwrap_or(0), lane: walk.lane };
            }
            on += usize::from(step.node.is_some());
        }
        on
    }

    /// One digit further from a node, when the longest prefix so far has its value at `place`.
    #[inline]
    fn step(&self, node: u32, digit: u64, place: u32) -> Step {
        let Some(node) = self.nodes.get(node as usize) else { return Step { place, node: None } };
        let before = (1u32 << (digit & 15)) - 1;
        // Of a damaged file, too, what longest_match makes of it: no digits but ten, and no place beyond the last.
        let [children, valued] = [node.children, node.valued].map(|bits| u32::from(bits.get()) & DIGITS);
        let value = node.first_value.get().saturating_add((valued & before).count_ones() + 1);
        let child = node.first_child.get().saturating_add((children & before).count_ones());
        Step {
            place: if valued >> digit & 1 == 1 { value } else { place },
            node: (children >> digit & 1 == 1).then_some(child),
        }
    }

    /// What the first digits of all numbers come to; it pays off for some thousand numbers.
    pub fn shortcut(&self) -> Shortcut {
        let mut steps = vec![Step { place: 0, node: None }; 1 << (4 * SHORTCUT)];
        self.lay(&mut steps, Step { place: 0, node: Some(0) });
        Shortcut(steps)
    }

    /// Lays into `steps`, one for each continuation of some digits, what these come to after `step`.
    fn lay(&self, steps: &mut [Step], step: Step) {
        match step.node {
            Some(node) if steps.len() > 1 => {
                for (digit, steps) in (0..).zip(steps.chunks_mut(steps.len() / 16)) {
                    self.lay(steps, self.step(node, digit, step.place));
                }
            }
            _ => steps.fill(step),
        }
    }

    /// The value at a place that [`places`](Self::places) gave.
    #[inline]
    pub fn value_at(&self, place: u32) -> Option<u32> {
        Some(self.values.get((place as usize).checked_sub(1)?)?.get())
    }

    /// Whether nodes and values stand as [`build`] lays them out: each belongs to one place of one
    /// earlier node. Then [`iter`](Self::iter) ends after as many steps as there are of them.
    pub fn is_whole(&self) -> bool {
        let (mut children, mut values) = (usize::from(!self.nodes.is_empty()), 0);
        for (place, node) in self.nodes.iter().enumerate() {
            let follows_on = place < children
                && node.first_child.get() as usize == children
                && node.first_value.get() as usize == values;
            if !follows_on || (node.children.get() | node.valued.get()) >= 1 << 10 {
                return false;
            }
            children += node.children.get().count_ones() as usize;
            values += node.valued.get().count_ones() as usize;
        }
        (children, values) == (self.nodes.len(), self.values.len())
    }

    /// All prefixes with their values, in order.
    pub fn iter(&self) -> Iter<'a> {
        let root = self.nodes.first().map(|root| (root, None, 0));
        Iter { trie: *self, stack: root.into_iter().collect() }
    }
}

//----------- Walk -----------------------------------------------------------

/// How many numbers go down together.
const GROUP: usize = 128;

/// A bit for each digit.
const DIGITS: u32 = (1 << 10) - 1;

/// Digits that a shortcut takes at once.
const SHORTCUT: u32 = 3;

/// One number on its way down; see [`Trie::places`].
#[derive(Clone, Copy, Default)]
struct Walk {
    /// The digits still to go, the next one in the top nibble, behind them one that no node has.
    digits: u64,
    node: u32,
    lane: u16,
}

/// Where a number has come to.
#[derive(Clone, Copy, Debug)]
struct Step {
    /// Where the longest prefix so far has its value, as in [`Trie::places`].
    place: u32,
    /// Where it goes on.
    node: Option<u32>,
}

/// See [`Trie::shortcut`].
#[derive(Clone, Debug)]
pub struct Shortcut(Vec<Step>);

impl Shortcut {
    #[inline]
    fn take(&self, digits: u64) -> Step {
        let step = self.0.get((digits >> (64 - 4 * SHORTCUT)) as usize);
        step.copied().unwrap_or(Step { place: 0, node: None })
    }
}

//----------- Iter -----------------------------------------------------------

/// Walks a trie's prefixes in order; see [`Trie::iter`].
///
/// The depth is bounded by the 15 digits of a number, so a damaged trie that points back at itself
/// still ends; it can take long, so what cannot be trusted is asked whether it [is
/// whole](Trie::is_whole) first.
#[derive(Clone, Debug)]
pub struct Iter<'a> {
    trie: Trie<'a>,
    /// A node, the prefix that leads to it, and the next digit to look at: one entry a level.
    stack: Vec<(&'a Node, Option<Prefix>, u8)>,
}

impl Iterator for Iter<'_> {
    type Item = (Prefix, u32);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let depth = self.stack.len();
            let (node, prefix, next_digit) = self.stack.last_mut()?;
            let digit = *next_digit;
            if digit > 9 {
                self.stack.pop();
                continue;
            }
            *next_digit += 1;
            let (node, prefix) = (*node, *prefix);
            let Some(prefix) = extend(prefix, digit) else { continue };
            let child = node.child(digit.into()).and_then(|index| self.trie.nodes.get(index));
            if let Some(child) = child.filter(|_| depth < MAX_DIGITS) {
                self.stack.push((child, Some(prefix), 0));
            }
            let value = node.value(digit.into()).and_then(|index| self.trie.values.get(index));
            if let Some(value) = value {
                return Some((prefix, value.get()));
            }
        }
    }
}

fn extend(prefix: Option<Prefix>, digit: u8) -> Option<Prefix> {
    match prefix {
        Some(prefix) => prefix.child(digit),
        None => Number::from_digits(&[b'0' + digit]).ok(),
    }
}

//----------- build ----------------------------------------------------------

/// Encodes prefixes and their values as the node and the value section.
///
/// `entries` are sorted by prefix, each prefix once. At most 2^26 of them are taken, which keeps
/// every index far inside 32 bits.
pub fn build(entries: &[(Prefix, u32)]) -> Result<(Vec<u8>, Vec<u8>), TrieError> {
    if let Some([(a, _), (b, _)]) = entries.windows(2).find_map(|pair| match pair {
        [a, b] if a.0 >= b.0 => Some([*a, *b]),
        _ => None,
    }) {
        return Err(TrieError::OutOfOrder { previous: a, got: b });
    }
    if entries.len() > 1 << 26 {
        return Err(TrieError::TooMany { prefixes: entries.len() });
    }
    let (mut nodes, mut values) = (Vec::<Node>::new(), Vec::<U32>::new());
    // The entries below each node of the current level; depth is the digits they share.
    let mut level: Vec<&[(Prefix, u32)]> = vec![entries];
    let mut nodes_so_far = 1u32;
    for depth in 0..MAX_DIGITS {
        let mut below = Vec::new();
        for group in level {
            let first_value = values.len() as u32;
            let (mut children, mut valued) = (0u16, 0u16);
            let first_child = nodes_so_far + below.len() as u32;
            for of_digit in group.chunk_by(|a, b| a.0.digit(depth) == b.0.digit(depth)) {
                let [first, rest @ ..] = of_digit else { continue };
                let bit = 1 << first.0.digit(depth);
                // A prefix sorts before what it starts, so one that ends here comes first.
                let longer = if first.0.len() == depth + 1 {
                    valued |= bit;
                    values.push(U32::new(first.1));
                    rest
                } else {
                    of_digit
                };
                if !longer.is_empty() {
                    children |= bit;
                    below.push(longer);
                }
            }
            nodes.push(Node {
                children: U16::new(children),
                valued: U16::new(valued),
                first_child: U32::new(first_child),
                first_value: U32::new(first_value),
            });
        }
        if below.is_empty() {
            break;
        }
        nodes_so_far += below.len() as u32;
        level = below;
    }
    Ok((nodes.as_bytes().to_vec(), values.as_bytes().to_vec()))
}

//----------- TrieError ------------------------------------------------------

/// Why prefixes could not be encoded.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TrieError {
    /// A prefix does not sort after the one before it.
    #[error("prefixes must be sorted and distinct: {got} comes after {previous}")]
    OutOfOrder {
        /// The prefix before.
        previous: Prefix,
        /// The prefix that is out of order.
        got: Prefix,
    },
    /// More prefixes than the format is made for.
    #[error("{prefixes} prefixes: at most {} are supported", 1 << 26)]
    TooMany {
        /// How many were given.
        prefixes: usize,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    /// The oracle: tries every prefix of the number, longest first.
    fn naive(plan: &BTreeMap<String, u32>, number: &str) -> Option<Match> {
        (1..=number.len())
            .rev()
            .find_map(|length| plan.get(&number[..length]).map(|&value| Match { value, length }))
    }

    fn number(digits: &str) -> Number {
        Number::from_digits(digits.as_bytes()).unwrap()
    }

    fn built(plan: &BTreeMap<String, u32>) -> (Vec<u8>, Vec<u8>) {
        build(&plan.iter().map(|(prefix, &value)| (number(prefix), value)).collect::<Vec<_>>()).unwrap()
    }

    proptest! {
        #[test]
        fn agrees_with_the_naive_model(
            plan in prop::collection::btree_map("[1-3][0-3]{0,6}|[1-9][0-9]{0,14}", any::<u32>(), 0..80),
            random in prop::collection::vec("[1-3][0-3]{0,14}", 0..50),
        ) {
            let (nodes, values) = built(&plan);
            let trie = Trie::new(&nodes, &values).unwrap();
            // Beside random numbers: each prefix itself, one digit less, more, and its neighbours.
            let mut asked = random;
            for prefix in plan.keys() {
                let integer: u64 = prefix.parse().unwrap();
                asked.push(prefix.clone());
                asked.extend([prefix[..prefix.len() - 1].to_owned(), (integer + 1).to_string(), (integer - 1).to_string()]);
                asked.extend(["0", "9"].map(|digit| format!("{prefix}{digit}")));
            }
            for digits in asked.iter().filter(|digits| (1..=15).contains(&digits.len()) && !digits.starts_with('0')) {
                prop_assert_eq!(naive(&plan, digits), trie.longest_match(number(digits)), "{}", digits);
            }
            let asked: Vec<_> =
                asked.iter().filter_map(|digits| Number::from_digits(digits.as_bytes()).ok()).collect();
            let mut places = vec![77; asked.len()];
            for shortcut in [None, Some(&trie.shortcut())] {
                trie.places(shortcut, &asked, &mut places);
                for (number, place) in asked.iter().zip(&places) {
                    prop_assert_eq!(trie.longest_match(*number).map(|found| found.value), trie.value_at(*place));
                }
            }
            let listed: Vec<_> = trie.iter().map(|(prefix, value)| (prefix.digits(), value)).collect();
            prop_assert_eq!(plan.into_iter().collect::<Vec<_>>(), listed);
        }

        #[test]
        fn damaged_octets_never_panic_and_come_to_the_same_together(nodes: Vec<u8>, values: Vec<u8>, digits in "[1-9][0-9]{0,14}") {
            let whole = (&nodes[..nodes.len() / 12 * 12], &values[..values.len() / 4 * 4]);
            let trie = Trie::new(whole.0, whole.1).unwrap();
            let alone = trie.longest_match(number(&digits)).map(|found| found.value);
            let mut places = [0];
            for shortcut in [None, Some(&trie.shortcut())] {
                trie.places(shortcut, &[number(&digits)], &mut places);
                prop_assert_eq!(alone, trie.value_at(places[0]));
            }
            let _ = trie.iter().take(10_000).count();
        }
    }

    #[test]
    fn an_empty_plan_matches_nothing() {
        let (nodes, values) = built(&BTreeMap::new());
        assert_eq!(None, Trie::new(&nodes, &values).unwrap().longest_match(number("44")));
        assert_eq!(None, Trie::new(&[], &[]).unwrap().longest_match(number("44")));
        assert!(Trie::new(&[0; 13], &[]).is_none());
    }

    #[test]
    fn disorder_is_refused_with_both_prefixes() {
        let fault = build(&[(number("45"), 0), (number("44"), 0)]);
        assert_eq!(Err(TrieError::OutOfOrder { previous: number("45"), got: number("44") }), fault);
    }
}
