//! Sweeps: where parts of a program can begin and end, for one place of the subject after the other.
//!
//! At each place a sweep goes over the parts twice. Upwards, from the inner parts to the outer, it works out
//! what follows from the place before; downwards it hands that on to the inner parts. A part that can take
//! the empty string is passed over on the way, so nothing is ever followed around a loop.

use super::ExpressionFault;
use super::program::{Kind, List, Part, Program};
use super::set::Set;
use super::steps::Steps;

//----------- Subject --------------------------------------------------------

/// A subject, an expression, and the steps that they took so far.
pub(super) struct Matching<'a> {
    pub(super) program: &'a Program,
    pub(super) sets: &'a [Set],
    pub(super) subject: &'a [u8],
    steps: &'a mut Steps,
}

impl<'a> Matching<'a> {
    pub(super) fn new(
        program: &'a Program,
        sets: &'a [Set],
        subject: &'a [u8],
        steps: &'a mut Steps,
    ) -> Self {
        Self { program, sets, subject, steps }
    }

    fn takes(&self, set: u16, at: usize) -> bool {
        let octet = self.subject.get(at);
        octet.is_some_and(|octet| self.sets.get(usize::from(set)).is_some_and(|set| set.contains(*octet)))
    }
}

//----------- Marks ----------------------------------------------------------

/// A yes or no for each part of a stretch of the program.
#[derive(Clone, Debug)]
struct Marks {
    first: Part,
    marks: Vec<bool>,
}

impl Marks {
    fn new(first: Part, last: Part) -> Self {
        Self { first, marks: vec![false; (last - first) as usize + 1] }
    }

    fn get(&self, part: Part) -> bool {
        self.marks.get((part - self.first) as usize).copied().unwrap_or(false)
    }

    fn set(&mut self, part: Part, mark: bool) {
        if let Some(place) = self.marks.get_mut((part - self.first) as usize) {
            *place = mark;
        }
    }
}

//----------- Backwards ------------------------------------------------------

/// For each place: behind which parts the rest of a stretch can be completed.
pub(super) struct Completions {
    /// The place of the first row.
    start: usize,
    first: Part,
    width: usize,
    /// Rows of `width` bits, from the last place to the first.
    bits: Vec<u64>,
    end: usize,
    entries: Entries,
}

/// Which parts can be begun at a place so that all is completed.
struct Entries {
    /// The part can begin and take something.
    takes: Marks,
    /// The part can be passed over.
    empty: Marks,
    /// Behind the part all can be completed.
    out: Marks,
}

impl Completions {
    /// Works out how `root` can be completed between `start` and `end`, exactly at `end`.
    pub(super) fn new(
        matching: &mut Matching<'_>,
        root: Part,
        start: usize,
        end: usize,
    ) -> Result<Self, ExpressionFault> {
        let first = matching.program.node(root).map_or(root, |node| node.first);
        let width = (root - first) as usize + 1;
        matching.steps.spend((end - start + 1) * width)?;
        let words = width.div_ceil(64);
        let mut bits = Vec::with_capacity((end - start + 1) * words);
        let mut entries = Entries::new(first, root);
        for at in (start..=end).rev() {
            entries.step(matching, root, at, at == end, at == end);
            for word in entries.out.marks.chunks(64) {
                bits.push(word.iter().rev().fold(0, |bits, mark| bits << 1 | u64::from(*mark)));
            }
        }
        Ok(Self { start, first, width, bits, end, entries })
    }

    /// Whether `part` can begin at the first place so that all is completed.
    pub(super) fn can_begin(&self, part: Part) -> bool {
        self.entries.can_begin(part)
    }

    /// Whether all can be completed behind `part` if that ends at `at`.
    fn behind(&self, part: Part, at: usize) -> bool {
        let column = (part - self.first) as usize;
        let row = self.end.checked_sub(at).filter(|_| at >= self.start);
        let word = row.and_then(|row| self.bits.get(row * self.width.div_ceil(64) + column / 64));
        word.is_some_and(|word| word >> (column % 64) & 1 == 1)
    }
}

impl Entries {
    fn new(first: Part, last: Part) -> Self {
        let marks = Marks::new(first, last);
        Self { takes: marks.clone(), empty: marks.clone(), out: marks }
    }

    fn can_begin(&self, part: Part) -> bool {
        self.takes.get(part) || self.empty.get(part) && self.out.get(part)
    }

    /// Goes on to place `at` from the one behind it; `last`: there is none.
    fn step(&mut self, matching: &Matching<'_>, root: Part, at: usize, last: bool, complete: bool) {
        let program = matching.program;
        let first = self.takes.first;
        for (part, node) in (first..).zip(program.nodes(first, root)) {
            let (takes, empty) = match node.kind {
                Kind::Empty => (false, true),
                // `out` still is that of the place behind.
                Kind::Set(set) => (!last && self.out.get(part) && matching.takes(set, at), false),
                Kind::Assert(assert) => (false, assert.holds(matching.subject, at)),
                Kind::Group(_, body) => (self.takes.get(body), self.empty.get(body)),
                Kind::Concat(parts) => self.in_turn(program, parts, None),
                Kind::Alt(parts) => {
                    let parts = program.list(parts).iter();
                    parts.fold((false, false), |(takes, empty), part| {
                        (takes || self.takes.get(*part), empty || self.empty.get(*part))
                    })
                }
                Kind::Repeat { copies, min, .. } => self.in_turn(program, copies, Some(min)),
            };
            self.takes.set(part, takes);
            self.empty.set(part, empty);
        }
        self.out.set(root, complete);
        for (part, node) in (first..=root).rev().zip(program.nodes(first, root).iter().rev()) {
            let out = self.out.get(part);
            match node.kind {
                Kind::Empty | Kind::Set(_) | Kind::Assert(_) => {}
                Kind::Group(_, body) => self.out.set(body, out),
                Kind::Alt(parts) => program.list(parts).iter().for_each(|part| self.out.set(*part, out)),
                Kind::Concat(parts) => {
                    program.list(parts).iter().rfold(out, |out, part| {
                        self.out.set(*part, out);
                        self.can_begin(*part)
                    });
                }
                Kind::Repeat { copies, min, endless } => {
                    let copies = program.list(copies);
                    // Behind the last copy of an endless repeat it can begin again.
                    let again = endless && copies.last().is_some_and(|last| self.takes.get(*last));
                    copies.iter().enumerate().rfold(out || again, |behind, (count, part)| {
                        self.out.set(*part, behind);
                        self.can_begin(*part) || count >= usize::from(min) && out
                    });
                }
            }
        }
    }

    /// What parts in turn can do; those from number `must` on can be left out, with all that follow.
    fn in_turn(&self, program: &Program, parts: List, must: Option<u16>) -> (bool, bool) {
        let may_stop = |count: usize| must.is_some_and(|must| count >= usize::from(must));
        let parts = program.list(parts).iter().enumerate();
        parts.rfold((false, true), |(takes, empty), (count, part)| {
            let passes = self.empty.get(*part);
            (self.takes.get(*part) || passes && takes, passes && empty || may_stop(count))
        })
    }
}

/// The leftmost place where a match begins.
pub(super) fn leftmost(matching: &mut Matching<'_>) -> Result<Option<usize>, ExpressionFault> {
    let root = matching.program.root();
    let end = matching.subject.len();
    matching.steps.spend((end + 1) * (root as usize + 1))?;
    let mut entries = Entries::new(0, root);
    let mut leftmost = None;
    for at in (0..=end).rev() {
        entries.step(matching, root, at, at == end, true);
        if entries.can_begin(root) {
            leftmost = Some(at);
        }
    }
    Ok(leftmost)
}

//----------- Forwards -------------------------------------------------------

/// The last place where `root`, begun at `start`, can end.
///
/// With `within`, only ends count from which what that is about can be completed; then nothing is followed
/// that leads nowhere, and the sweep goes no further than the end that it finds.
pub(super) fn longest(
    matching: &mut Matching<'_>,
    root: Part,
    start: usize,
    within: Option<&Completions>,
) -> Result<Option<usize>, ExpressionFault> {
    let program = matching.program;
    let first = program.node(root).map_or(root, |node| node.first);
    let width = (root - first) as usize + 1;
    let limit = within.map_or(matching.subject.len(), |within| within.end);
    let behind = |part, at| within.is_none_or(|within| within.behind(part, at));
    let (mut begun, mut ended) = (Marks::new(first, root), Marks::new(first, root));
    let mut empty = Marks::new(first, root);
    let mut longest = None;
    for at in start..=limit {
        matching.steps.spend(width)?;
        for (part, node) in (first..).zip(program.nodes(first, root)) {
            // Whether the part ends here after it took something, and whether it can end where it begins.
            let (ends, passes) = match node.kind {
                Kind::Empty => (false, true),
                // `begun` still is that of the place before.
                Kind::Set(set) => {
                    let took = at > start && begun.get(part) && matching.takes(set, at - 1);
                    (took && behind(part, at), false)
                }
                Kind::Assert(assert) => (false, assert.holds(matching.subject, at)),
                Kind::Group(_, body) => (ended.get(body), empty.get(body)),
                Kind::Concat(parts) => {
                    program.list(parts).iter().fold((false, true), |(ends, passes), part| {
                        (ended.get(*part) || empty.get(*part) && ends, passes && empty.get(*part))
                    })
                }
                Kind::Alt(parts) => {
                    program.list(parts).iter().fold((false, false), |(ends, passes), part| {
                        (ends || ended.get(*part), passes || empty.get(*part))
                    })
                }
                Kind::Repeat { copies, min, .. } => {
                    let (mut ends, mut passes) = (false, min == 0);
                    let (mut ends_copy, mut passes_copy) = (false, true);
                    for (count, copy) in (1..).zip(program.list(copies)) {
                        ends_copy = ended.get(*copy) || empty.get(*copy) && ends_copy;
                        passes_copy &= empty.get(*copy);
                        ends |= ends_copy && count >= min;
                        passes |= passes_copy && count >= min;
                    }
                    (ends, passes)
                }
            };
            ended.set(part, ends);
            empty.set(part, passes);
        }
        if (ended.get(root) || at == start && empty.get(root)) && behind(root, at) {
            longest = Some(at);
        }
        begun.set(root, at == start);
        let mut alive = false;
        for (part, node) in (first..=root).rev().zip(program.nodes(first, root).iter().rev()) {
            let begins = begun.get(part);
            match node.kind {
                Kind::Set(_) => alive |= begins,
                Kind::Empty | Kind::Assert(_) => {}
                Kind::Group(_, body) => begun.set(body, begins),
                Kind::Alt(parts) => program.list(parts).iter().for_each(|part| begun.set(*part, begins)),
                Kind::Concat(parts) => {
                    program.list(parts).iter().fold(begins, |begins, part| {
                        begun.set(*part, begins);
                        ended.get(*part) || empty.get(*part) && begins
                    });
                }
                Kind::Repeat { copies, endless, .. } => {
                    let copies = program.list(copies);
                    copies.iter().enumerate().fold(begins, |begins, (count, copy)| {
                        let again = endless && count + 1 == copies.len() && ended.get(*copy);
                        begun.set(*copy, begins || again);
                        ended.get(*copy) || empty.get(*copy) && begins
                    });
                }
            }
        }
        if !alive {
            break;
        }
    }
    Ok(longest)
}
