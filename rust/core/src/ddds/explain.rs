//! What a rule does with a string, part by part.

use std::ops::Range;

use super::ere::Mode;
use super::rule::{Rule, Skip};
use super::substitution::{RuleFault, Substitution};
use crate::uri;

//----------- Explained ------------------------------------------------------

/// A rule taken apart, and what its parts do with a string.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explained {
    /// The octet that separates the parts.
    pub delimiter: u8,
    /// The expression as it is matched with: escaped delimiters are that character.
    pub expression: Vec<u8>,
    /// The replacement as it stands.
    pub replacement: Vec<u8>,
    /// Whether letter case is ignored.
    pub ignore_case: bool,
    /// What the whole expression and each of its groups take, `None` for one without part in the match.
    /// `None`: there is no match.
    pub groups: Option<Vec<Option<Vec<u8>>>>,
    /// What the rule gives, or why its record is to be passed over.
    pub output: Result<Vec<u8>, Skip>,
}

impl Explained {
    /// Applies a REGEXP field whose output must be a URI, and tells what happens.
    pub fn of(regexp: &[u8], aus: &[u8], mode: Mode) -> Result<Self, RuleFault> {
        Self::within(regexp, aus, mode, &mut { usize::MAX })
    }

    /// The same in no more than these steps, from which it takes off those that it took.
    pub(super) fn within(
        regexp: &[u8],
        aus: &[u8],
        mode: Mode,
        steps: &mut usize,
    ) -> Result<Self, RuleFault> {
        let rule = Rule::compile(regexp, mode)?;
        let parts = Substitution::take_apart(regexp)?;
        let (groups, output) = match rule.find_within(aus, steps) {
            Err(fault) => (None, Err(Skip::Expression(fault))),
            Ok(None) => (None, Err(Skip::NoMatch)),
            Ok(Some(groups)) => {
                let output = rule.fill(aus, &groups).and_then(|output| match uri::check_absolute(&output) {
                    Ok(()) => Ok(output),
                    Err(fault) => Err(Skip::NoUri { output, fault }),
                });
                let taken = |group: Range<usize>| aus.get(group).unwrap_or_default().to_vec();
                (Some(groups.into_iter().map(|group| group.map(taken)).collect()), output)
            }
        };
        Ok(Self {
            delimiter: parts.delimiter,
            expression: parts.plain_expression(),
            replacement: parts.replacement.to_vec(),
            ignore_case: parts.ignore_case,
            groups,
            output,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_parts_and_what_they_take_are_told() {
        let told =
            Explained::of(b"/^\\+44\\/?(.*)$/sip:\\1@gw.example/i", b"+441632960083", Mode::Posix).unwrap();
        assert_eq!(
            (b'/', &b"^\\+44/?(.*)$"[..], true),
            (told.delimiter, &told.expression[..], told.ignore_case)
        );
        let taken = ["+441632960083", "1632960083"].map(|text| Some(text.as_bytes().to_vec()));
        assert_eq!(Some(taken.to_vec()), told.groups);
        assert_eq!(Ok(b"sip:1632960083@gw.example".to_vec()), told.output);
    }

    proptest! {
        #[test]
        fn what_is_told_is_what_the_rule_gives(likely in "!\\PC{0,30}!\\PC{0,30}!i?", simple in "!\\^?\\(?[+.*0-9]{0,6}\\)?\\$?!sip:\\\\?[0-9a-z@]{0,9}!", aus in "[+][0-9]{0,15}") {
            for regexp in [likely.as_bytes(), simple.as_bytes()] {
                for mode in Mode::ALL {
                    let told = Explained::of(regexp, aus.as_bytes(), mode).map(|told| told.output);
                    let given = Rule::compile(regexp, mode).map(|rule| rule.apply(aus.as_bytes()));
                    prop_assert_eq!(given, told);
                }
            }
        }
    }
}
