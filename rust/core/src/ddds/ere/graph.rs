//! The tree as steps from one to the next, for engines that follow one path at a time.

use super::syntax::{Assert, Parsed, Tree};
use super::{ExpressionFault, MAX_PARTS, Mode};

/// The place of a step in its graph.
pub(super) type Place = usize;

#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    /// Takes an octet out of a set.
    Set(u16, Place),
    Assert(Assert, Place),
    Open {
        group: u8,
        next: Place,
    },
    Close {
        group: u8,
        /// Whether the group itself is what `?` or `*` stands behind.
        optional: bool,
        next: Place,
    },
    /// The first is preferred.
    Split(Place, Place),
    /// Begins a loop, in an iteration or before the first.
    Enter {
        counter: usize,
        in_body: bool,
        next: Place,
    },
    /// Behind an iteration of a loop: another one, or out.
    Again {
        counter: usize,
        body: Place,
        exit: Place,
        greedy: bool,
    },
    Match,
}

#[derive(Debug)]
pub(super) struct Graph {
    pub(super) steps: Vec<Step>,
    pub(super) start: Place,
    /// How many loops have a counter.
    pub(super) counters: usize,
}

impl Graph {
    /// The steps of an expression as an engine lays them out, for subjects of at most `longest` octets.
    pub(super) fn new(parsed: &Parsed, mode: Mode, longest: usize) -> Result<Self, ExpressionFault> {
        let longest = longest.try_into().unwrap_or(u16::MAX);
        let mut builder = Builder { steps: vec![Step::Match], counters: 0, mode, longest };
        let start = builder.tree(&parsed.tree, 0, false)?;
        Ok(Self { steps: builder.steps, start, counters: builder.counters })
    }

    pub(super) fn step(&self, place: Place) -> Step {
        self.steps.get(place).copied().unwrap_or(Step::Match)
    }
}

struct Builder {
    steps: Vec<Step>,
    counters: usize,
    mode: Mode,
    longest: u16,
}

impl Builder {
    fn push(&mut self, step: Step) -> Result<Place, ExpressionFault> {
        if self.steps.len() >= MAX_PARTS {
            return Err(ExpressionFault::TooLarge);
        }
        self.steps.push(step);
        Ok(self.steps.len() - 1)
    }

    fn set(&mut self, place: Place, step: Step) {
        if let Some(old) = self.steps.get_mut(place) {
            *old = step;
        }
    }

    /// Lays out a tree before `next`, which is already there; gives where it begins.
    fn tree(&mut self, tree: &Tree, next: Place, optional: bool) -> Result<Place, ExpressionFault> {
        match tree {
            Tree::Empty => Ok(next),
            Tree::Set(set) => self.push(Step::Set(*set, next)),
            Tree::Assert(assert) => self.push(Step::Assert(*assert, next)),
            Tree::Group(group, body) => {
                let close = self.push(Step::Close { group: *group, optional, next })?;
                let body = self.tree(body, close, false)?;
                self.push(Step::Open { group: *group, next: body })
            }
            Tree::Concat(trees) => trees.iter().rev().try_fold(next, |next, t| self.tree(t, next, false)),
            Tree::Alt(trees) => {
                let mut places =
                    trees.iter().map(|t| self.tree(t, next, false)).collect::<Result<Vec<_>, _>>()?;
                let last = places.pop().unwrap_or(next);
                places.into_iter().rev().try_fold(last, |rest, place| self.push(Step::Split(place, rest)))
            }
            Tree::Repeat { body, min, max, greedy } => {
                let min = (*min).min(self.longest.saturating_add(1));
                let next = match max.map(|max| max.min(self.longest).max(min).max(1)) {
                    Some(max) => self.options(body, max - min, *greedy, next)?,
                    None if self.mode == Mode::Glibc => {
                        let head = self.push(Step::Match)?;
                        let body = self.tree(body, head, true)?;
                        self.set(head, Step::Split(body, next));
                        head
                    }
                    None => return self.counted_loop(body, min, *greedy, next),
                };
                (0..min).try_fold(next, |next, _| self.tree(body, next, false))
            }
        }
    }

    /// Up to `count` iterations.
    fn options(
        &mut self,
        body: &Tree,
        count: u16,
        greedy: bool,
        next: Place,
    ) -> Result<Place, ExpressionFault> {
        if self.mode != Mode::Glibc {
            return (0..count).try_fold(next, |rest, _| {
                let iteration = self.tree(body, rest, false)?;
                self.push(if greedy { Step::Split(iteration, next) } else { Step::Split(next, iteration) })
            });
        }
        // ((a?a)?a)?: the first iteration is the innermost, so each split but that skips to another place.
        let mut behind = vec![next];
        for _ in 1..count {
            let iteration = self.tree(body, behind.last().copied().unwrap_or(next), true)?;
            behind.push(iteration);
        }
        let Some(innermost) = behind.pop().filter(|_| count > 0) else { return Ok(next) };
        let first = self.tree(body, innermost, true)?;
        let first = self.push(Step::Split(first, innermost))?;
        behind.into_iter().rev().try_fold(first, |inner, skip| self.push(Step::Split(inner, skip)))
    }

    /// At least `min` iterations, of which those beyond the minimum end with the first that takes nothing.
    fn counted_loop(
        &mut self,
        body: &Tree,
        min: u16,
        greedy: bool,
        next: Place,
    ) -> Result<Place, ExpressionFault> {
        let counter = self.counters;
        self.counters += 1;
        let again = self.push(Step::Match)?;
        let place = self.tree(body, again, false)?;
        self.set(again, Step::Again { counter, body: place, exit: next, greedy });
        let in_body = min > 0;
        let enter = self.push(Step::Enter { counter, in_body, next: if in_body { place } else { again } })?;
        (1..min).try_fold(enter, |next, _| self.tree(body, next, false))
    }
}
