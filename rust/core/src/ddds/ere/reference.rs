//! The rules of POSIX taken at their word: every way to match is listed, and the best of them chosen.
//!
//! Far too slow for use, and so simple that it is hard to get wrong. Two ways to match are compared from
//! outside to inside and from left to right: the first part of which one takes more decides (the order of
//! Okui and Suzuki, "Disambiguation in Regular Expression Matching via Position Automata with Augmented
//! Transitions", 2010).

use std::cmp::Ordering;
use std::ops::Range;

use super::Groups;
use super::syntax::{Parsed, Tree};

/// One way that a part matches.
#[derive(Clone, Debug)]
struct Way {
    taken: Range<usize>,
    group: Option<u8>,
    /// Which alternative it is.
    choice: usize,
    parts: Vec<Way>,
    repeat: bool,
}

/// More ways than this are not compared.
const MAX_WAYS: usize = 3000;

/// The match by the book; `None`: there are too many ways to compare.
pub(super) fn find(parsed: &Parsed, subject: &[u8]) -> Option<Option<Groups>> {
    for start in 0..=subject.len() {
        let ways = ways(parsed, &parsed.tree, subject, start)?;
        let Some(best) = ways.into_iter().max_by(compare) else { continue };
        let mut groups = vec![None; usize::from(parsed.groups) + 1];
        report(&best, &mut groups);
        groups[0] = Some(best.taken);
        return Some(Some(groups));
    }
    Some(None)
}

fn report(way: &Way, groups: &mut Groups) {
    if let Some(group) = way.group {
        groups[usize::from(group)] = Some(way.taken.clone());
    }
    let parts = if way.repeat { &way.parts[way.parts.len().saturating_sub(1)..] } else { &way.parts[..] };
    parts.iter().for_each(|part| report(part, groups));
}

/// Orders two ways of one part that begin at one place: the better is the greater.
fn compare(one: &Way, other: &Way) -> Ordering {
    let by_length = one.taken.len().cmp(&other.taken.len());
    let by_choice = || other.choice.cmp(&one.choice);
    let by_parts = || {
        let pairs = one.parts.iter().zip(&other.parts);
        pairs.map(|(one, other)| compare(one, other)).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
    };
    // To take nothing is more than not to be there.
    let by_count = || one.parts.len().cmp(&other.parts.len());
    by_length.then_with(by_choice).then_with(by_parts).then_with(by_count)
}

fn ways(parsed: &Parsed, tree: &Tree, subject: &[u8], start: usize) -> Option<Vec<Way>> {
    let way = |end, parts| Way { taken: start..end, group: None, choice: 0, parts, repeat: false };
    let found = match tree {
        Tree::Empty => vec![way(start, vec![])],
        Tree::Set(set) => {
            let takes = subject.get(start).is_some_and(|o| parsed.sets[usize::from(*set)].contains(*o));
            if takes { vec![way(start + 1, vec![])] } else { vec![] }
        }
        Tree::Assert(assert) => {
            if assert.holds(subject, start) {
                vec![way(start, vec![])]
            } else {
                vec![]
            }
        }
        Tree::Group(group, body) => ways(parsed, body, subject, start)?
            .into_iter()
            .map(|body| Way { group: Some(*group), ..way(body.taken.end, vec![body]) })
            .collect(),
        Tree::Concat(trees) => {
            let mut lists = vec![vec![]];
            for tree in trees {
                lists = go_on(parsed, tree, subject, start, &lists)?;
            }
            lists.into_iter().map(|parts| way(end_of(&parts, start), parts)).collect()
        }
        Tree::Alt(trees) => {
            let mut all = Vec::new();
            for (choice, tree) in trees.iter().enumerate() {
                let bodies = ways(parsed, tree, subject, start)?.into_iter();
                all.extend(bodies.map(|body| Way { choice, ..way(body.taken.end, vec![body]) }));
            }
            all
        }
        Tree::Repeat { body, min, max, .. } => {
            let (min, max) = (usize::from(*min), max.map_or(usize::MAX, usize::from));
            let (mut all, mut lists) = (Vec::new(), vec![vec![]]);
            for count in 0.. {
                if count >= min {
                    all.extend(lists.iter().cloned());
                }
                if count >= max || lists.is_empty() {
                    break;
                }
                lists = go_on(parsed, body, subject, start, &lists)?;
                // An iteration that takes nothing is one that has to be, or the only one.
                let nothing = |list: &Vec<Way>| list.last().is_some_and(|last| last.taken.is_empty());
                if count > 0 && count >= min {
                    lists.retain(|list| !nothing(list));
                }
                if count == 0 && min == 0 {
                    all.extend(lists.iter().filter(|list| nothing(list)).cloned());
                    lists.retain(|list| !nothing(list));
                }
            }
            let repeat = |parts: Vec<Way>| Way { repeat: true, ..way(end_of(&parts, start), parts) };
            all.into_iter().map(repeat).collect()
        }
    };
    (found.len() <= MAX_WAYS).then_some(found)
}

fn end_of(parts: &[Way], start: usize) -> usize {
    parts.last().map_or(start, |last| last.taken.end)
}

/// Each list with each way of one more part.
fn go_on(
    parsed: &Parsed,
    tree: &Tree,
    subject: &[u8],
    start: usize,
    lists: &[Vec<Way>],
) -> Option<Vec<Vec<Way>>> {
    let mut all = Vec::new();
    for list in lists {
        for way in ways(parsed, tree, subject, end_of(list, start))? {
            let mut list = list.clone();
            list.push(way);
            all.push(list);
        }
    }
    (all.len() <= MAX_WAYS).then_some(all)
}
