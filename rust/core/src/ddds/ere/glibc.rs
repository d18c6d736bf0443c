//! The match of the GNU C library: overall that of POSIX, and inside it the first way that leads to its end.
//!
//! Follows what `regexec` of glibc 2.36 does for expressions without back-references: one walk along steps
//! from which the end can be reached, where the first of two is preferred unless it was passed since the last
//! octet. Groups keep what earlier iterations took. Where that walk goes around in circles, so does glibc, for ever;
//! here it runs out of steps. Not modelled is what glibc makes of `^` and `$` inside optional groups.

use std::ops::Range;

use super::graph::{Graph, Place, Step};
use super::program::Program;
use super::steps::Steps;
use super::sweep::{Matching, leftmost, longest};
use super::syntax::Parsed;
use super::{ExpressionFault, Groups};

/// What it costs to find out whether a step leads to the end from one place, beside a step of a sweep.
pub(super) const WAY: usize = 2;

/// Finds the match and what its groups took.
pub(super) fn find(
    parsed: &Parsed,
    program: &Program,
    graph: &Graph,
    subject: &[u8],
    steps: &mut Steps,
) -> Result<Option<Groups>, ExpressionFault> {
    let mut matching = Matching::new(program, &parsed.sets, subject, steps);
    let Some(start) = leftmost(&mut matching)? else { return Ok(None) };
    let Some(end) = longest(&mut matching, program.root(), start, None)? else { return Ok(None) };
    steps.spend(WAY * (end - start + 1) * graph.steps.len())?;
    let ways = ways(graph, parsed, subject, start, end);
    let mut groups = vec![Register::default(); usize::from(parsed.groups) + 1];
    walk(graph, &ways, start, &mut groups, steps)?;
    let mut taken: Groups = groups.iter().map(Register::taken).collect();
    if let Some(whole) = taken.first_mut() {
        *whole = Some(start..end);
    }
    Ok(Some(taken))
}

/// For each place from `start` to `end`: from which steps the match can be reached exactly at `end`.
fn ways(graph: &Graph, parsed: &Parsed, subject: &[u8], start: usize, end: usize) -> Vec<Vec<bool>> {
    let mut before: Vec<Vec<Place>> = vec![Vec::new(); graph.steps.len()];
    for (place, step) in graph.steps.iter().enumerate() {
        let nexts = match *step {
            Step::Open { next, .. } | Step::Close { next, .. } | Step::Assert(_, next) => [Some(next), None],
            Step::Split(first, second) => [Some(first), Some(second)],
            // An octet is taken, or the engine does not lay such steps out.
            Step::Set(..) | Step::Enter { .. } | Step::Again { .. } | Step::Match => [None, None],
        };
        for next in nexts.into_iter().flatten() {
            if let Some(before) = before.get_mut(next) {
                before.push(place);
            }
        }
    }
    let mut rows: Vec<Vec<bool>> = Vec::with_capacity(end - start + 1);
    for at in (start..=end).rev() {
        let behind = rows.last();
        let mut row = vec![false; graph.steps.len()];
        let mut open: Vec<Place> = (0..)
            .zip(&graph.steps)
            .filter(|(_, step)| match **step {
                Step::Match => at == end,
                Step::Set(set, next) => {
                    let takes = |octet| parsed.sets.get(usize::from(set)).is_some_and(|s| s.contains(octet));
                    let leads = behind.and_then(|behind| behind.get(next)).copied().unwrap_or(false);
                    leads && subject.get(at).is_some_and(|octet| takes(*octet))
                }
                _ => false,
            })
            .map(|(place, _)| place)
            .collect();
        while let Some(place) = open.pop() {
            let Some(mark) = row.get_mut(place).filter(|mark| !**mark) else { continue };
            *mark = true;
            open.extend(before.get(place).into_iter().flatten().copied().filter(|before| {
                !matches!(graph.step(*before), Step::Assert(assert, _) if !assert.holds(subject, at))
            }));
        }
        rows.push(row);
    }
    rows.reverse();
    rows
}

/// What a group has taken: the start alone while it is open.
#[derive(Clone, Copy, Debug, Default)]
struct Register {
    start: Option<usize>,
    end: Option<usize>,
}

impl Register {
    fn taken(&self) -> Option<Range<usize>> {
        Some(self.start?..self.end?)
    }
}

fn walk(
    graph: &Graph,
    ways: &[Vec<bool>],
    start: usize,
    groups: &mut Vec<Register>,
    steps: &mut Steps,
) -> Result<(), ExpressionFault> {
    let leads = |place: Place, at: usize| {
        ways.get(at - start).and_then(|row| row.get(place)).copied().unwrap_or(false)
    };
    let mut kept = groups.clone();
    let (mut place, mut at) = (graph.start, start);
    // For each step the place in the subject, from 1, where it was passed last.
    let mut passed = vec![0; graph.steps.len()];
    loop {
        let step = graph.step(place);
        if let Some(passed) = passed.get_mut(place) {
            *passed = at + 1;
        }
        // To close a group copies all of them.
        let cost = if matches!(step, Step::Close { .. }) { groups.len() } else { 1 };
        steps.spend(cost)?;
        place = match step {
            Step::Match | Step::Enter { .. } | Step::Again { .. } => return Ok(()),
            Step::Set(_, next) => {
                at += 1;
                next
            }
            Step::Assert(_, next) => next,
            Step::Open { group, next } => {
                if let Some(register) = groups.get_mut(usize::from(group)) {
                    *register = Register { start: Some(at), end: None };
                }
                next
            }
            Step::Close { group, optional, next } => {
                let group = usize::from(group);
                let took = groups.get(group).is_some_and(|register| register.start < Some(at));
                if !took && optional && kept.get(group).is_some_and(|register| register.start.is_some()) {
                    // An empty iteration of (a?)* that is not its first is undone, inner groups as well.
                    groups.clone_from(&kept);
                } else {
                    if let Some(register) = groups.get_mut(group) {
                        register.end = Some(at);
                    }
                    if took {
                        kept.clone_from(groups);
                    }
                }
                next
            }
            Step::Split(first, second) => match (leads(first, at), leads(second, at)) {
                (true, true) if passed.get(first) == Some(&(at + 1)) => second,
                (true, _) => first,
                (false, _) => second,
            },
        };
    }
}
