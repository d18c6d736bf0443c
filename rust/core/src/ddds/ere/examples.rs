//! Numbers that an expression is made for: what to try it on when nobody says for which.

use super::syntax::{self, Assert, Tree};
use super::{Mode, USUAL_SUBJECT};

/// The most examples, and the most beginnings that are followed at a time.
const MAX_EXAMPLES: usize = 48;

/// The most parts of the tree that are visited, those of repeats each time.
const MAX_VISITS: usize = 20_000;

/// Application Unique Strings that run through the alternatives and repeats of an expression, `+` and at most
/// 15 digits each. Not all of them need match; none if it is no expression.
pub fn examples(text: &[u8]) -> Vec<String> {
    let Ok(parsed) = syntax::parse(text, Mode::Posix, false) else { return Vec::new() };
    let sets = parsed.sets.iter().map(|set| {
        let digits: Vec<u8> = (b'0'..=b'9').filter(|digit| set.contains(*digit)).collect();
        // One from each end of the set tells [0-4] from [5-9].
        let ends = [digits.get(1), digits.last()].into_iter().flatten().copied();
        let mut members: Vec<u8> = ends.chain(digits.first().copied().filter(|_| digits.len() < 2)).collect();
        members.dedup();
        (set.contains(b'+'), members)
    });
    let mut walk = Walk { sets: sets.collect(), visits: 0 };
    let found = walk.extend(&parsed.tree, vec![Vec::new()]);
    let mut numbers = Vec::new();
    for example in found {
        let digits: String = example.iter().filter(|o| o.is_ascii_digit()).map(|o| *o as char).collect();
        // What may follow an expression without $.
        for tail in ["", "5", "55501234"] {
            let mut number = format!("+{digits}{tail}");
            number.truncate(USUAL_SUBJECT);
            if number.len() > 1 && !numbers.contains(&number) {
                numbers.push(number);
            }
        }
    }
    numbers.truncate(MAX_EXAMPLES);
    numbers
}

struct Walk {
    /// Of each set: whether it has a plus, and some of its digits.
    sets: Vec<(bool, Vec<u8>)>,
    visits: usize,
}

impl Walk {
    /// All beginnings continued by what the tree can take.
    fn extend(&mut self, tree: &Tree, begun: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
        self.visits += 1;
        if self.visits > MAX_VISITS || begun.is_empty() {
            return Vec::new();
        }
        match tree {
            Tree::Empty | Tree::Assert(_) => match tree {
                // Behind the end and before the begin nothing matches.
                Tree::Assert(Assert::Begin) => begun.into_iter().filter(Vec::is_empty).collect(),
                _ => begun,
            },
            Tree::Set(place) => {
                let Some((has_plus, digits)) = self.sets.get(usize::from(*place)) else { return Vec::new() };
                let mut longer = Vec::new();
                for beginning in begun.into_iter().filter(|beginning| beginning.len() < USUAL_SUBJECT) {
                    let plus = [b'+'];
                    let next: &[u8] = if *has_plus && beginning.is_empty() { &plus } else { digits };
                    longer.extend(next.iter().map(|octet| [&beginning[..], &[*octet]].concat()));
                }
                thinned(longer)
            }
            Tree::Group(_, body) => self.extend(body, begun),
            Tree::Concat(parts) => parts.iter().fold(begun, |begun, part| self.extend(part, begun)),
            Tree::Alt(parts) => {
                thinned(parts.iter().flat_map(|part| self.extend(part, begun.clone())).collect())
            }
            Tree::Repeat { body, min, max, .. } => {
                let most = max.unwrap_or(u16::MAX).min(min.saturating_add(11));
                let (mut all, mut now) = (Vec::new(), begun);
                for times in 0..=most {
                    // Few, some, and as many as a number has.
                    if times >= *min && (times - min <= 2 || (times - min) % 4 == 3) {
                        all.extend(now.iter().cloned());
                    }
                    if now.is_empty() || times == most {
                        break;
                    }
                    now = self.extend(body, now);
                }
                thinned(all)
            }
        }
    }
}

/// At most as many as are followed, from all over the list.
fn thinned(list: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    let step = list.len().div_ceil(MAX_EXAMPLES).max(1);
    list.into_iter().step_by(step).collect()
}

#[cfg(test)]
mod tests {
    use super::super::Expression;
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn examples_run_through_alternatives_and_repeats() {
        let of = |text: &str| examples(text.as_bytes());
        assert!(of("^\\+(44|1)[0-9]{2}$").iter().any(|number| number.starts_with("+44")));
        assert!(of("^\\+(44|1)[0-9]{2}$").iter().any(|number| number.starts_with("+1")));
        assert!(
            of("^(\\+1|\\+1212)(.*)$").iter().any(|number| number.starts_with("+1212") && number.len() > 6)
        );
        assert_eq!(vec!["+44", "+445", "+4455501234"], of("^\\+44"));
        assert!(of("^\\+[").is_empty());
    }

    proptest! {
        #[test]
        fn examples_are_numbers_and_some_match(text in "\\^\\\\\\+[1-9]{1,4}(\\([0-9]{1,3}(\\|[0-9]{1,3}){1,2}\\)[*?]?)?\\[0-9\\]\\{1,3\\}\\.?[*]\\$") {
            let found = examples(text.as_bytes());
            let expression = Expression::parse(text.as_bytes(), Mode::Posix, false).unwrap();
            let matching = found.iter().filter(|number| expression.find(number.as_bytes()).unwrap().is_some());
            prop_assert!(matching.count() > 0, "{text}: {found:?}");
        }

        #[test]
        fn any_expression_has_few_and_short_examples(text: Vec<u8>, likely in "[()*+?|.{2}\\[\\]^0-9]{0,40}") {
            for text in [&text[..], likely.as_bytes()] {
                let found = examples(text);
                prop_assert!(found.len() <= MAX_EXAMPLES);
                prop_assert!(found.iter().all(|number| (2..=USUAL_SUBJECT).contains(&number.len())));
            }
        }
    }
}
