//! The match of POSIX: leftmost, longest, and its parts in order as long as can be.

use super::program::{Kind, Part, Program};
use super::steps::Steps;
use super::sweep::{Completions, Matching, leftmost, longest};
use super::syntax::Parsed;
use super::{ExpressionFault, Groups};

/// Finds the match and what its groups took.
pub(super) fn find(
    program: &Program,
    parsed: &Parsed,
    subject: &[u8],
    steps: &mut Steps,
) -> Result<Option<Groups>, ExpressionFault> {
    let mut matching = Matching::new(program, &parsed.sets, subject, steps);
    let Some(start) = leftmost(&mut matching)? else { return Ok(None) };
    let Some(end) = longest(&mut matching, program.root(), start, None)? else { return Ok(None) };
    let mut groups = vec![None; usize::from(parsed.groups) + 1];
    let mut split = Split { matching, groups: &mut groups };
    split.part(program.root(), start, end)?;
    if let Some(whole) = groups.first_mut() {
        *whole = Some(start..end);
    }
    Ok(Some(groups))
}

/// Shares a match out among the parts, from outside to inside.
struct Split<'a, 'b> {
    matching: Matching<'a>,
    groups: &'b mut Groups,
}

impl Split<'_, '_> {
    /// Shares out what `part` took, which it can take.
    fn part(&mut self, part: Part, start: usize, end: usize) -> Result<(), ExpressionFault> {
        let program = self.matching.program;
        let Some(node) = program.node(part).filter(|node| node.groups) else { return Ok(()) };
        match node.kind {
            Kind::Empty | Kind::Set(_) | Kind::Assert(_) => Ok(()),
            Kind::Group(number, body) => {
                if let Some(group) = self.groups.get_mut(usize::from(number)) {
                    *group = Some(start..end);
                }
                self.part(body, start, end)
            }
            Kind::Alt(parts) => {
                let completions = Completions::new(&mut self.matching, part, start, end)?;
                // Of alternatives that take the same the first is the one.
                match program.list(parts).iter().find(|part| completions.can_begin(**part)) {
                    Some(part) => self.part(*part, start, end),
                    None => Ok(()),
                }
            }
            Kind::Concat(parts) => {
                let parts = program.list(parts);
                let completions = Completions::new(&mut self.matching, part, start, end)?;
                let mut places = Vec::with_capacity(parts.len() + 1);
                places.push(start);
                let mut at = start;
                for part in parts.split_last().map_or(&[][..], |(_, before)| before) {
                    at = longest(&mut self.matching, *part, at, Some(&completions))?.unwrap_or(at);
                    places.push(at);
                }
                places.push(end);
                drop(completions);
                for (part, place) in parts.iter().zip(places.windows(2)) {
                    if let [start, end] = *place {
                        self.part(*part, start, end)?;
                    }
                }
                Ok(())
            }
            Kind::Repeat { copies, min, endless } => {
                let copies = program.list(copies);
                let last = self.last_iteration(part, copies, usize::from(min), endless, start, end)?;
                // A group reports its last iteration: what earlier ones took is of no account, and a group
                // without part in the last reports nothing.
                match last {
                    Some((copy, start, end)) => self.part(copy, start, end),
                    None => Ok(()),
                }
            }
        }
    }

    /// The last iteration of a repeat, if there is one: its part, and from where to where.
    fn last_iteration(
        &mut self,
        part: Part,
        copies: &[Part],
        min: usize,
        endless: bool,
        start: usize,
        end: usize,
    ) -> Result<Option<(Part, usize, usize)>, ExpressionFault> {
        if let ([only], false) = (copies, endless) {
            // An empty string is more than no match (POSIX.1 XSH regcomp), so ()? takes it.
            let takes_part =
                start < end || Completions::new(&mut self.matching, *only, end, end)?.can_begin(*only);
            return Ok(takes_part.then_some((*only, start, end)));
        }
        let completions = Completions::new(&mut self.matching, part, start, end)?;
        let (mut at, mut last) = (start, None);
        for done in 0.. {
            // Beyond those that must be, no iteration takes nothing, unless it is the only one.
            let copy = match copies.get(done).or(copies.last().filter(|_| endless)) {
                Some(copy) if done < min || at < end || done == 0 => *copy,
                _ => break,
            };
            match longest(&mut self.matching, copy, at, Some(&completions))? {
                Some(next) if next > at || done < min || done == 0 => {
                    last = Some((copy, at, next));
                    at = next;
                }
                _ => break,
            }
        }
        Ok(last)
    }
}
