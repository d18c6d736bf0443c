//! The match of Perl: at the leftmost place, the first way that leads to a match.
//!
//! Alternatives are tried in order and repeats take as much as they can before less; what an expression
//! may cost so has no bound but the steps that a match may take. Groups keep what earlier iterations took, as in PCRE and Python;
//! Perl itself forgets it in some loops that take nothing in the end.

use std::ops::Range;

use super::graph::{Graph, Place, Step};
use super::steps::Steps;
use super::syntax::Parsed;
use super::{ExpressionFault, Groups};

/// Finds the match and what its groups took.
pub(super) fn find(
    parsed: &Parsed,
    graph: &Graph,
    subject: &[u8],
    steps: &mut Steps,
) -> Result<Option<Groups>, ExpressionFault> {
    let mut path = Path {
        taken: vec![None; usize::from(parsed.groups) + 1],
        opened: vec![0; usize::from(parsed.groups) + 1],
        counters: vec![None; graph.counters],
        undo: Vec::new(),
        choices: Vec::new(),
    };
    for start in 0..=subject.len() {
        // To go back to the begin costs what was done, to begin with a new path what there might be.
        path.go_back(0);
        if let Some(end) = path.follow(graph, parsed, subject, start, steps)? {
            if let Some(whole) = path.taken.first_mut() {
                *whole = Some(start..end);
            }
            return Ok(Some(path.taken));
        }
    }
    Ok(None)
}

/// Where a path has been, with what is needed to go back.
struct Path {
    taken: Groups,
    /// Where each group was opened last.
    opened: Vec<usize>,
    /// Where the iteration of each loop began.
    counters: Vec<Option<usize>>,
    undo: Vec<Undo>,
    choices: Vec<Choice>,
}

/// What was there before.
enum Undo {
    Taken(usize, Option<Range<usize>>),
    Opened(usize, usize),
    Counter(usize, Option<usize>),
}

/// Another way from where two were open.
struct Choice {
    place: Place,
    at: usize,
    undo: usize,
}

impl Path {
    /// Follows steps to a match; gives where it ends.
    fn follow(
        &mut self,
        graph: &Graph,
        parsed: &Parsed,
        subject: &[u8],
        start: usize,
        steps: &mut Steps,
    ) -> Result<Option<usize>, ExpressionFault> {
        let (mut place, mut at) = (graph.start, start);
        loop {
            // Each may have to be remembered, so the bound is one of memory too.
            steps.spend(1)?;
            let next = match graph.step(place) {
                Step::Match => return Ok(Some(at)),
                Step::Set(set, next) => {
                    let set = parsed.sets.get(usize::from(set));
                    let takes = subject.get(at).is_some_and(|o| set.is_some_and(|set| set.contains(*o)));
                    at += usize::from(takes);
                    takes.then_some(next)
                }
                Step::Assert(assert, next) => assert.holds(subject, at).then_some(next),
                Step::Open { group, next } => {
                    self.open(usize::from(group), at);
                    Some(next)
                }
                Step::Close { group, next, .. } => {
                    self.close(usize::from(group), at);
                    Some(next)
                }
                Step::Split(first, second) => {
                    self.choices.push(Choice { place: second, at, undo: self.undo.len() });
                    Some(first)
                }
                Step::Enter { counter, in_body, next } => {
                    self.count(counter, in_body.then_some(at));
                    Some(next)
                }
                Step::Again { counter, body, exit, greedy } => {
                    if self.counters.get(counter) == Some(&Some(at)) {
                        // The iteration took nothing, so would the next.
                        Some(exit)
                    } else {
                        let (first, second) = if greedy { (body, exit) } else { (exit, body) };
                        // Said before the choice is kept: whichever way is taken, an iteration begins here.
                        self.count(counter, Some(at));
                        self.choices.push(Choice { place: second, at, undo: self.undo.len() });
                        Some(first)
                    }
                }
            };
            place = match next {
                Some(next) => next,
                None => {
                    let Some(choice) = self.choices.pop() else { return Ok(None) };
                    self.go_back(choice.undo);
                    at = choice.at;
                    choice.place
                }
            };
        }
    }

    fn open(&mut self, group: usize, at: usize) {
        if let Some(opened) = self.opened.get_mut(group) {
            self.undo.push(Undo::Opened(group, std::mem::replace(opened, at)));
        }
    }

    fn close(&mut self, group: usize, at: usize) {
        if let (Some(taken), Some(opened)) = (self.taken.get_mut(group), self.opened.get(group)) {
            self.undo.push(Undo::Taken(group, taken.replace(*opened..at)));
        }
    }

    fn count(&mut self, counter: usize, at: Option<usize>) {
        if let Some(counted) = self.counters.get_mut(counter) {
            self.undo.push(Undo::Counter(counter, std::mem::replace(counted, at)));
        }
    }

    fn go_back(&mut self, length: usize) {
        while self.undo.len() > length {
            match self.undo.pop() {
                Some(Undo::Taken(group, range)) => {
                    if let Some(taken) = self.taken.get_mut(group) {
                        *taken = range;
                    }
                }
                Some(Undo::Opened(group, at)) => {
                    if let Some(opened) = self.opened.get_mut(group) {
                        *opened = at;
                    }
                }
                Some(Undo::Counter(counter, at)) => {
                    if let Some(counted) = self.counters.get_mut(counter) {
                        *counted = at;
                    }
                }
                None => break,
            }
        }
    }
}
