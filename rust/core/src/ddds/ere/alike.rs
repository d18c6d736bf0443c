//! Whether all modes apply an expression alike to every number, as far as its form tells.
//!
//! The answer errs on one side: no doubt means that every group which is referred to takes the same in all modes,
//! a doubt that it may not. What is asked for is this. Where an alternative begins is the same whatever else is
//! chosen, and no alternative takes the beginning of what a later one takes, so the first that fits is the
//! longest. Behind a part whose length is open there are single octets and repeats of single octets only: of two
//! ways to share a number out among those, one that has less for an earlier part and ends further on runs
//! through the other, so the earlier part could have had more. Then to prefer the first way (Perl, glibc), the
//! longest match (POSIX, glibc) and the longest parts from the left (POSIX) come to the same. Repeats of what
//! may take nothing, in which modes count differently, are doubted always.

use super::bounds::always_ends;
use super::graph::Graph;
use super::prefix::may_begin;
use super::set::Set;
use super::syntax::{self, Assert, Parsed, Tree};
use super::{Mode, USUAL_SUBJECT};

/// Why modes may apply an expression differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// It does not mean the same in all of them.
    Reading,
    /// What repeats may take nothing.
    EmptyRepeat,
    /// A group that is referred to repeats and need not take part in each iteration.
    RepeatedGroup,
    /// Parts can share a number out in several ways.
    Choice,
    /// One of them may give up.
    Cost,
}

/// Why modes may differ on what `groups` of an expression take of a number, `+` and at most 15 digits.
///
/// Without groups it is about whether there is a match. `None`: they do not.
pub fn doubt(text: &[u8], groups: &[u8]) -> Option<Doubt> {
    judge(text, groups).err()
}

fn judge(text: &[u8], groups: &[u8]) -> Result<(), Doubt> {
    let [posix, glibc, perl] =
        Mode::ALL.map(|mode| syntax::parse(text, mode, false).map_err(|_| Doubt::Reading));
    let (posix, glibc, perl) = (posix?, glibc?, perl?);
    let octets = Set::of(b"+0123456789".iter().copied());
    let sets = |parsed: &Parsed| -> Vec<Set> { parsed.sets.iter().map(|set| set.common(octets)).collect() };
    let mine = sets(&posix);
    for other in [&glibc, &perl] {
        if !reads_alike(&posix.tree, &mine, &other.tree, &sets(other)) {
            return Err(Doubt::Reading);
        }
    }
    let judge = Judge { parsed: &posix, sets: &mine, groups };
    judge.repeats(&posix.tree)?;
    if !groups.is_empty() {
        judge.part(&posix.tree, true, Set::default().complement())?;
    }
    if always_ends(&posix, &mine) { Ok(()) } else { Err(Doubt::Cost) }
}

fn reads_alike(one: &Tree, sets: &[Set], other: &Tree, other_sets: &[Set]) -> bool {
    let alike = |one: &Tree, other: &Tree| reads_alike(one, sets, other, other_sets);
    let all_alike = |ones: &[Tree], others: &[Tree]| {
        ones.len() == others.len() && ones.iter().zip(others).all(|(one, other)| alike(one, other))
    };
    match (one, other) {
        (Tree::Empty, Tree::Empty) => true,
        (Tree::Set(one), Tree::Set(other)) => {
            sets.get(usize::from(*one)) == other_sets.get(usize::from(*other))
        }
        // Numbers have no line's end.
        (Tree::Assert(Assert::End), Tree::Assert(Assert::EndOfLine)) => true,
        (Tree::Assert(one), Tree::Assert(other)) => one == other,
        (Tree::Group(one, body), Tree::Group(other, other_body)) => one == other && alike(body, other_body),
        (Tree::Concat(ones), Tree::Concat(others)) | (Tree::Alt(ones), Tree::Alt(others)) => {
            all_alike(ones, others)
        }
        (
            Tree::Repeat { body, min, max, greedy },
            Tree::Repeat { body: other, min: other_min, max: other_max, greedy: other_greedy },
        ) => (min, max, greedy) == (other_min, other_max, other_greedy) && alike(body, other),
        _ => false,
    }
}

struct Judge<'a> {
    parsed: &'a Parsed,
    /// The sets of the expression, as far as numbers have their octets.
    sets: &'a [Set],
    /// The groups that matter.
    groups: &'a [u8],
}

impl Judge<'_> {
    /// Doubts repeats of what may take nothing.
    fn repeats(&self, tree: &Tree) -> Result<(), Doubt> {
        match tree {
            Tree::Repeat { body, max, .. } if *max != Some(1) && may_be_empty(body) => {
                Err(Doubt::EmptyRepeat)
            }
            Tree::Group(_, body) | Tree::Repeat { body, .. } => self.repeats(body),
            Tree::Concat(parts) | Tree::Alt(parts) => parts.iter().try_for_each(|part| self.repeats(part)),
            Tree::Empty | Tree::Set(_) | Tree::Assert(_) => Ok(()),
        }
    }

    /// Doubts what can be shared out in several ways; tells whether where the part ends is the same whatever is
    /// chosen in it. `known`: so is where it begins. `follow`: what the octet behind it may be.
    fn part(&self, tree: &Tree, known: bool, follow: Set) -> Result<bool, Doubt> {
        match tree {
            Tree::Empty | Tree::Set(_) | Tree::Assert(_) => Ok(true),
            tree if self.is_single(tree) => Ok(true),
            Tree::Group(_, body) => self.part(body, known, follow),
            Tree::Concat(parts) => {
                let mut known = known;
                let mut fixed = true;
                let mut parts = parts.as_slice();
                while let [part, rest @ ..] = parts {
                    let ends_at_one = self.part(part, known, self.begins(rest, follow))?;
                    (known, fixed) = (known && ends_at_one, fixed && ends_at_one);
                    parts = rest;
                }
                Ok(fixed)
            }
            Tree::Alt(parts) if known && !parts.iter().any(may_be_empty) => self.alternatives(parts, follow),
            Tree::Alt(_) => Err(Doubt::Choice),
            Tree::Repeat { body, min, max, .. } => {
                let (once, begin) =
                    (*max == Some(1), self.begins(std::slice::from_ref(&**body), Set::default()));
                if may_be_empty(body) {
                    return Err(Doubt::EmptyRepeat);
                }
                if !once && !self.always_takes_part(body) {
                    return Err(Doubt::RepeatedGroup);
                }
                // It goes on as long as it can if what follows does not begin in the same way.
                let as_many = Some(*min) == *max || !begin.meets(follow);
                if self.is_single(body) {
                    return Ok(as_many);
                }
                // What engines make of ^ and $ in there is not well known.
                if !known || has_condition(body) {
                    return Err(Doubt::Choice);
                }
                let fixed = self.part(body, true, if once { follow } else { follow.union(begin) })?;
                if fixed || once { Ok(fixed && as_many) } else { Err(Doubt::Choice) }
            }
        }
    }

    /// Doubts alternatives of which one takes the beginning of what a later one takes.
    fn alternatives(&self, parts: &[Tree], follow: Set) -> Result<bool, Doubt> {
        let mut fixed = true;
        for part in parts {
            fixed &= self.part(part, true, follow)?;
        }
        let graph = |tree: &Tree| {
            let parsed = Parsed { tree: tree.clone(), sets: Vec::new(), groups: self.parsed.groups };
            Graph::new(&parsed, Mode::Posix, USUAL_SUBJECT).map_err(|_| Doubt::Cost)
        };
        let graphs = parts.iter().map(graph).collect::<Result<Vec<_>, _>>()?;
        let mut rest = graphs.as_slice();
        while let [first, later @ ..] = rest {
            for second in later {
                if may_begin(first, second, self.sets) {
                    return Err(Doubt::Choice);
                }
                fixed = fixed && !may_begin(second, first, self.sets);
            }
            rest = later;
        }
        Ok(fixed)
    }

    /// Whether it takes one octet, in groups or not.
    fn is_single(&self, tree: &Tree) -> bool {
        match tree {
            Tree::Set(_) => true,
            Tree::Group(_, body) => self.is_single(body),
            Tree::Alt(parts) => parts.iter().all(|part| self.is_single(part)),
            _ => false,
        }
    }

    /// The octets that parts in turn can begin with, and those of `follow` if they can be passed over.
    fn begins(&self, parts: &[Tree], follow: Set) -> Set {
        parts.iter().rev().fold(follow, |follow, part| match part {
            Tree::Empty | Tree::Assert(Assert::Begin) => follow,
            // Behind the end there is nothing.
            Tree::Assert(Assert::End) => Set::default(),
            Tree::Assert(_) => follow,
            Tree::Set(set) => self.sets.get(usize::from(*set)).copied().unwrap_or_default(),
            Tree::Group(_, body) => self.begins(std::slice::from_ref(&**body), follow),
            Tree::Concat(parts) => self.begins(parts, follow),
            Tree::Alt(parts) => parts
                .iter()
                .map(|part| self.begins(std::slice::from_ref(part), follow))
                .fold(Set::default(), Set::union),
            Tree::Repeat { body, min, .. } => {
                let begin = self.begins(std::slice::from_ref(&**body), follow);
                if *min == 0 { begin.union(follow) } else { begin }
            }
        })
    }

    /// Whether each group in it that matters takes part whenever it does.
    fn always_takes_part(&self, tree: &Tree) -> bool {
        match tree {
            Tree::Empty | Tree::Set(_) | Tree::Assert(_) => true,
            Tree::Group(_, body) => self.always_takes_part(body),
            Tree::Concat(parts) => parts.iter().all(|part| self.always_takes_part(part)),
            Tree::Alt(parts) => !parts.iter().any(|part| self.matters(part)),
            Tree::Repeat { body, min, .. } => {
                if *min == 0 {
                    !self.matters(body)
                } else {
                    self.always_takes_part(body)
                }
            }
        }
    }

    /// Whether a group that matters is in it.
    fn matters(&self, tree: &Tree) -> bool {
        match tree {
            Tree::Empty | Tree::Set(_) | Tree::Assert(_) => false,
            Tree::Group(group, body) => self.groups.contains(group) || self.matters(body),
            Tree::Concat(parts) | Tree::Alt(parts) => parts.iter().any(|part| self.matters(part)),
            Tree::Repeat { body, .. } => self.matters(body),
        }
    }
}

fn may_be_empty(tree: &Tree) -> bool {
    match tree {
        Tree::Empty | Tree::Assert(_) => true,
        Tree::Set(_) => false,
        Tree::Group(_, body) => may_be_empty(body),
        Tree::Concat(parts) => parts.iter().all(may_be_empty),
        Tree::Alt(parts) => parts.iter().any(may_be_empty),
        Tree::Repeat { body, min, .. } => *min == 0 || may_be_empty(body),
    }
}

fn has_condition(tree: &Tree) -> bool {
    match tree {
        Tree::Assert(_) => true,
        Tree::Empty | Tree::Set(_) => false,
        Tree::Group(_, body) | Tree::Repeat { body, .. } => has_condition(body),
        Tree::Concat(parts) | Tree::Alt(parts) => parts.iter().any(has_condition),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubts_are_told_apart() {
        for (text, groups, expected) in [
            ("^\\+(1|1212)(.*)$", &[2][..], Some(Doubt::Choice)),
            ("^\\+(1212|1)(.*)$", &[2], None),
            ("^\\+(1|1212)(.*)$", &[], None),
            ("^.*(1|2.)(.*)$", &[2], Some(Doubt::Choice)),
            ("^([0-9]*)*$", &[], Some(Doubt::EmptyRepeat)),
            ("^\\+((1)|2)*$", &[2], Some(Doubt::RepeatedGroup)),
            ("^\\+((1)|2){0,3}$", &[1], None),
            ("^[\\d]*$", &[], Some(Doubt::Reading)),
            ("^[^\\.]*$", &[], None),
            ("^(.*)(.*)(.*)(.*)(.*)(.*)(.*)(.*)(.*)$", &[1], Some(Doubt::Cost)),
            ("^(.*)(.*)$", &[1], None),
        ] {
            assert_eq!(expected, doubt(text.as_bytes(), groups), "{text} {groups:?}");
        }
    }
}
