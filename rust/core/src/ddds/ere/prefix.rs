//! Whether one expression can take the beginning of what another takes.

use super::graph::{Graph, Place, Step};
use super::set::Set;

/// The most pairs of steps that are looked at.
const MAX_PAIRS: usize = 200_000;

/// Whether there is a string of `one` that is the beginning, and not all, of a string of `other`.
///
/// `sets` are those of both, as far as octets matter. Conditions count as met, so the answer may be a needless yes;
/// it is one too where there is too much to look at.
pub(super) fn may_begin(one: &Graph, other: &Graph, sets: &[Set]) -> bool {
    let mut seen = vec![false; one.steps.len() * other.steps.len()];
    let mut open = vec![(one.start, other.start)];
    let mut pairs = 0;
    while let Some((here, there)) = open.pop() {
        match seen.get_mut(here * other.steps.len() + there) {
            Some(seen) if !*seen => *seen = true,
            _ => continue,
        }
        let (here, there) = (Next::of(one, here), Next::of(other, there));
        if here.ends && !there.takes.is_empty() {
            return true;
        }
        pairs += here.takes.len() * there.takes.len();
        if pairs > MAX_PAIRS {
            return true;
        }
        for (set, place) in &here.takes {
            let meets = |other: &u16| match (sets.get(usize::from(*set)), sets.get(usize::from(*other))) {
                (Some(one), Some(other)) => one.meets(*other),
                _ => true,
            };
            open.extend(there.takes.iter().filter(|(set, _)| meets(set)).map(|(_, other)| (*place, *other)));
        }
    }
    false
}

/// What can come next from a step.
struct Next {
    /// The sets that take the next octet, and the steps behind them.
    takes: Vec<(u16, Place)>,
    /// It may be the end.
    ends: bool,
}

impl Next {
    fn of(graph: &Graph, place: Place) -> Self {
        let mut next = Self { takes: Vec::new(), ends: false };
        let mut seen = vec![false; graph.steps.len()];
        let mut open = vec![place];
        while let Some(place) = open.pop() {
            match seen.get_mut(place) {
                Some(seen) if !*seen => *seen = true,
                _ => continue,
            }
            match graph.step(place) {
                Step::Match => next.ends = true,
                Step::Set(set, behind) => next.takes.push((set, behind)),
                Step::Assert(_, behind)
                | Step::Open { next: behind, .. }
                | Step::Close { next: behind, .. }
                | Step::Enter { next: behind, .. } => open.push(behind),
                Step::Split(first, second) => open.extend([first, second]),
                Step::Again { body, exit, .. } => open.extend([body, exit]),
            }
        }
        next
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Mode, syntax};
    use super::*;

    #[test]
    fn beginnings_are_found() {
        for (one, other, expected) in [
            ("4", "44", true),
            ("44", "4", false),
            ("44", "44", false),
            ("1|44", "441", true),
            ("1|45", "441", false),
            ("4[0-3]", "4[3-9]1", true),
            ("4[0-2]", "4[3-9]1", false),
            ("1*", "12", true),
            ("(12)*", "1", true),
            ("(12)+", "1", false),
            ("1{2,3}", "1{4}", true),
        ] {
            // Sets are known by their place in a list, so both are parsed together.
            let parsed = syntax::parse(format!("({one})({other})").as_bytes(), Mode::Posix, false).unwrap();
            let syntax::Tree::Concat(parts) = &parsed.tree else { panic!("two groups") };
            let [one_graph, other_graph] = [0, 1].map(|place| {
                let tree = parts[place].clone();
                Graph::new(&syntax::Parsed { tree, ..parsed.clone() }, Mode::Posix, 16).unwrap()
            });
            assert_eq!(expected, may_begin(&one_graph, &other_graph, &parsed.sets), "{one} and {other}");
        }
    }
}
