//! What an expression can cost at most, whatever number it is matched with.

use super::graph::{Graph, Place, Step};
use super::program::Program;
use super::set::Set;
use super::syntax::{Assert, Parsed};
use super::{MAX_STEPS, Mode, USUAL_SUBJECT, glibc};

/// Places in a number, its end among them.
const PLACES: usize = USUAL_SUBJECT + 1;

/// What `posix` spends for each part in a part that it shares out: one sweep back, and one forwards for each place
/// where an iteration may begin, which may go to the end.
const SHARE: usize = PLACES * (PLACES + 3);

/// The most steps of a graph that is looked at.
const MAX_GRAPH: usize = 2_000;

/// Whether every mode is done with every number within the steps that a match may take.
///
/// `sets` are those of the expression, as far as numbers have their octets. Repeats must not take nothing.
pub(super) fn always_ends(parsed: &Parsed, sets: &[Set]) -> bool {
    let graphs = [Mode::Glibc, Mode::Perl].map(|mode| Graph::new(parsed, mode, USUAL_SUBJECT));
    let (Ok(program), [Ok(glibc), Ok(perl)]) = (Program::new(parsed, USUAL_SUBJECT), graphs) else {
        return false;
    };
    let parts = program.nodes(0, program.root());
    let widths: usize = (0..).zip(parts).map(|(part, node)| (part - node.first) as usize + 1).sum();
    let sweeps = 2 * PLACES * parts.len();
    // The walk passes a step once for each place at most, and closes one group with all others.
    let walk = PLACES * glibc.steps.len() * (usize::from(parsed.groups) + 1);
    let ways = PLACES * glibc.steps.len();
    sweeps.saturating_add(widths.saturating_mul(SHARE)) <= MAX_STEPS
        && sweeps + glibc::WAY * ways + walk <= MAX_STEPS
        && perl.steps.len() <= MAX_GRAPH
        && Paths::new(&perl, sets).all() <= MAX_STEPS
}

/// How many steps it takes to follow all paths, for each step and place from where to.
struct Paths<'a> {
    graph: &'a Graph,
    sets: &'a [Set],
    /// `None`: not known yet. While it is worked out it has no end, for to come by again is to go in a circle.
    known: Vec<Option<usize>>,
}

impl<'a> Paths<'a> {
    fn new(graph: &'a Graph, sets: &'a [Set]) -> Self {
        Self { graph, sets, known: vec![None; PLACES * graph.steps.len()] }
    }

    /// The steps along all paths from all places, as if none led to a match before the others were tried.
    fn all(&mut self) -> usize {
        let mut sum = 0_usize;
        for at in (0..PLACES).rev() {
            // With the later places known, no call goes deeper than there are steps.
            for place in 0..self.graph.steps.len() {
                self.from(place, at);
            }
            sum = sum.saturating_add(self.from(self.graph.start, at));
        }
        sum
    }

    fn from(&mut self, place: Place, at: usize) -> usize {
        let (graph, sets) = (self.graph, self.sets);
        let slot = at * graph.steps.len() + place;
        match self.known.get_mut(slot) {
            Some(Some(known)) => return *known,
            Some(unknown) => *unknown = Some(usize::MAX),
            None => return usize::MAX,
        }
        let mut from = |place, at| self.from(place, at);
        let behind = match graph.step(place) {
            Step::Match => 0,
            Step::Set(set, next) => {
                let octets = if at == 0 { Set::of([b'+']) } else { Set::of(b'0'..=b'9') };
                let takes = sets.get(usize::from(set)).is_some_and(|set| set.meets(octets));
                if takes && at < USUAL_SUBJECT { from(next, at + 1) } else { 0 }
            }
            Step::Assert(Assert::Begin, _) if at > 0 => 0,
            Step::Assert(_, next)
            | Step::Open { next, .. }
            | Step::Close { next, .. }
            | Step::Enter { next, .. } => from(next, at),
            Step::Split(first, second) | Step::Again { body: first, exit: second, .. } => {
                from(first, at).saturating_add(from(second, at))
            }
        };
        let steps = behind.saturating_add(1);
        if let Some(known) = self.known.get_mut(slot) {
            *known = Some(steps);
        }
        steps
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Expression, syntax};
    use super::*;
    use proptest::prelude::*;

    fn bounded(text: &str) -> bool {
        let parsed = syntax::parse(text.as_bytes(), Mode::Posix, false).unwrap();
        always_ends(&parsed, &parsed.sets)
    }

    #[test]
    fn usual_rules_are_bounded_and_hostile_ones_are_not() {
        for text in
            ["^.*$", "^(.*)$", "^\\+44(.*)$", "^\\+([0-9]{1,3})([0-9]*)([0-9]{4})$", "^\\+(4|44|441)?(.*)$"]
        {
            assert!(bounded(text), "{text}");
        }
        assert!(!bounded("^\\+(([0-9]+)+)+$"));
        assert!(!bounded("^.*.*.*.*.*.*.*.*.*x$"));
        assert!(!bounded("^((1{0,15}){0,15}){0,15}$"));
    }

    proptest! {
        #[test]
        fn what_is_bounded_never_costs_too_much(
            text in "(\\([12.]{0,2}[12](\\|[12]{1,3})?\\)[+*?]?|[12]|\\.\\*|[12][+*?]|\\[0-9\\]\\{1,3\\}){0,8}(\\$|x)?",
            numbers in prop::collection::vec("\\+[12]{1,15}", 8),
        ) {
            prop_assume!(bounded(&text));
            for mode in Mode::ALL {
                let expression = Expression::parse(text.as_bytes(), mode, false).unwrap();
                for number in &numbers {
                    prop_assert!(expression.steps(number.as_bytes()) <= MAX_STEPS, "{} {}", text, number);
                }
            }
        }
    }
}
