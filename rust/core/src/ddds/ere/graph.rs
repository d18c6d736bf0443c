//! The tree as steps from one to the next, for engines that follow one path at a time.

use super::syntax::{Assert, Parsed, Tree};
use super::{ExpressionFault, MAX_PARTS, Mode};

/// The most parts of the tree that are visited, those of repeats each time: `(?:){255}` in itself has no steps.
const MAX_VISITS: usize = 4 * MAX_PARTS;

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

#[derive(Clone, Debug)]
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
        let mut builder = Builder { steps: vec![Step::Match], counters: 0, visits: 0, mode, longest };
        let start = builder.tree(&parsed.tree, 0, Copy { optional: false, first: true })?;
        Ok(Self { steps: builder.steps, start, counters: builder.counters })
    }

    pub(super) fn step(&self, place: Place) -> Step {
        self.steps.get(place).copied().unwrap_or(Step::Match)
    }
}

/// Which of the copies of a repeat's body it is. glibc marks groups that `?` or `*` stands behind, and loses the marks
/// of all that it copies.
#[derive(Clone, Copy, Debug, Default)]
struct Copy {
    optional: bool,
    first: bool,
}

struct Builder {
    steps: Vec<Step>,
    counters: usize,
    visits: usize,
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
    fn tree(&mut self, tree: &Tree, next: Place, copy: Copy) -> Result<Place, ExpressionFault> {
        self.visits += 1;
        if self.visits > MAX_VISITS {
            return Err(ExpressionFault::TooLarge);
        }
        let inside = Copy { optional: false, ..copy };
        match tree {
            Tree::Empty => Ok(next),
            Tree::Set(set) => self.push(Step::Set(*set, next)),
            Tree::Assert(assert) => self.push(Step::Assert(*assert, next)),
            Tree::Group(group, body) => {
                let close = self.push(Step::Close { group: *group, optional: copy.optional, next })?;
                let body = self.tree(body, close, inside)?;
                self.push(Step::Open { group: *group, next: body })
            }
            Tree::Concat(trees) => trees.iter().rev().try_fold(next, |next, t| self.tree(t, next, inside)),
            Tree::Alt(trees) => {
                let places = trees.iter().map(|tree| self.tree(tree, next, inside));
                let mut places = places.collect::<Result<Vec<_>, _>>()?.into_iter();
                // (a|b)|c: which of two splits was passed matters to glibc. It also prefers what it laid out first,
                // and an empty alternative is what follows, so that comes last.
                let first = places.next().unwrap_or(next);
                places.try_fold(first, |all, place| match self.mode {
                    Mode::Glibc if all == next => self.push(Step::Split(place, all)),
                    _ => self.push(Step::Split(all, place)),
                })
            }
            Tree::Repeat { body, min, max, greedy } => {
                // As in `Program`, with one iteration more that takes nothing: glibc reports the last.
                // Those that must be and those that may be are cut apart: glibc tells them from each other.
                let longest = self.longest.saturating_add(2);
                let more = max.map(|max| max.saturating_sub(*min).min(longest));
                let min = (*min).min(longest);
                let max = more.map(|more| min.saturating_add(more).max(1));
                if self.mode == Mode::Perl {
                    return match max {
                        Some(max) => self.counted(body, min, max, *greedy, next),
                        None => self.counted_loop(body, min, *greedy, next),
                    };
                }
                let optional = Copy { optional: copy.first, first: copy.first && min == 0 };
                let next = match max {
                    Some(max) => self.options(body, max - min, next, optional)?,
                    None => {
                        let head = self.push(Step::Match)?;
                        let body = self.tree(body, head, optional)?;
                        self.set(head, Step::Split(body, next));
                        head
                    }
                };
                (1..=min).rev().try_fold(next, |next, count| {
                    self.tree(body, next, Copy { optional: false, first: copy.first && count == 1 })
                })
            }
        }
    }

    /// Up to `count` iterations as glibc lays them out, `((a?a)?a)?`: the first is the innermost.
    fn options(
        &mut self,
        body: &Tree,
        count: u16,
        next: Place,
        copy: Copy,
    ) -> Result<Place, ExpressionFault> {
        let mut behind = vec![next];
        for _ in 1..count {
            let iteration = self.tree(body, behind.last().copied().unwrap_or(next), Copy::default())?;
            behind.push(iteration);
        }
        let Some(innermost) = behind.pop().filter(|_| count > 0) else { return Ok(next) };
        let first = self.tree(body, innermost, copy)?;
        let first = self.push(Step::Split(first, innermost))?;
        behind.into_iter().rev().try_fold(first, |inner, skip| self.push(Step::Split(inner, skip)))
    }

    /// From `min` to `max` iterations as Perl has them: one beyond the minimum that takes nothing is the last.
    fn counted(
        &mut self,
        body: &Tree,
        min: u16,
        max: u16,
        greedy: bool,
        next: Place,
    ) -> Result<Place, ExpressionFault> {
        let mut iteration = self.tree(body, next, Copy::default())?;
        for done in (1..max).rev() {
            if done < min {
                iteration = self.tree(body, iteration, Copy::default())?;
                continue;
            }
            let counter = self.counters;
            self.counters += 1;
            let again = self.push(Step::Again { counter, body: iteration, exit: next, greedy })?;
            let body = self.tree(body, again, Copy::default())?;
            iteration = self.push(Step::Enter { counter, in_body: true, next: body })?;
        }
        match (min, greedy) {
            (0, true) => self.push(Step::Split(iteration, next)),
            (0, false) => self.push(Step::Split(next, iteration)),
            _ => Ok(iteration),
        }
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
        let place = self.tree(body, again, Copy::default())?;
        self.set(again, Step::Again { counter, body: place, exit: next, greedy });
        let in_body = min > 0;
        let enter = self.push(Step::Enter { counter, in_body, next: if in_body { place } else { again } })?;
        (1..min).try_fold(enter, |next, _| self.tree(body, next, Copy::default()))
    }
}
