//! A REGEXP field applied to an Application Unique String (RFC 3402 §3.2).

use std::fmt;

use super::ere::{Expression, ExpressionFault, Groups, Mode};
use super::substitution::{Piece, RuleFault, Substitution};
use crate::uri::{self, UriFault};

/// The most octets that a rule may give. A field of 255 octets can ask for no more of an AUS of 16.
pub const MAX_OUTPUT: usize = 2048;

//----------- Rule -----------------------------------------------------------

/// A substitution expression ready to be applied.
#[derive(Clone, Debug)]
pub struct Rule {
    expression: Expression,
    replacement: Box<[Piece]>,
}

impl Rule {
    /// Makes a received REGEXP field ready.
    pub fn compile(regexp: &[u8], mode: Mode) -> Result<Self, RuleFault> {
        let parts = Substitution::take_apart(regexp)?;
        let expression = Expression::parse(&parts.plain_expression(), mode, parts.ignore_case)?;
        parts.check_groups(expression.groups())?;
        Ok(Self { expression, replacement: parts.pieces().collect() })
    }

    /// What each group of the expression takes of a string; `None`: it does not match.
    pub fn find(&self, aus: &[u8]) -> Result<Option<Groups>, ExpressionFault> {
        self.expression.find(aus)
    }

    /// The same in no more than these steps, from which it takes off those that it took.
    pub(super) fn find_within(
        &self,
        aus: &[u8],
        steps: &mut usize,
    ) -> Result<Option<Groups>, ExpressionFault> {
        self.expression.find_within(aus, steps)
    }

    /// How many steps it takes to match a string, the same on every machine; beyond [`MAX_STEPS`] it is given up.
    ///
    /// [`MAX_STEPS`]: super::ere::MAX_STEPS
    pub fn steps(&self, aus: &[u8]) -> usize {
        self.expression.steps(aus)
    }

    /// The replacement for a string that matches, whatever it is: the URI of a terminal rule, or a name.
    ///
    /// It is the replacement alone; what the expression did not match is not in it.
    pub fn rewrite(&self, aus: &[u8]) -> Result<Vec<u8>, Skip> {
        let groups = self.find(aus).map_err(Skip::Expression)?.ok_or(Skip::NoMatch)?;
        self.fill(aus, &groups)
    }

    /// The replacement, with what the groups took of the string.
    pub(super) fn fill(&self, aus: &[u8], groups: &Groups) -> Result<Vec<u8>, Skip> {
        let mut output = Vec::new();
        for piece in &self.replacement {
            match piece {
                Piece::Octet(octet) => output.push(*octet),
                // A group without part in the match gives nothing.
                Piece::Group(group) => {
                    let taken = groups.get(usize::from(*group)).cloned().flatten();
                    output.extend_from_slice(taken.and_then(|taken| aus.get(taken)).unwrap_or_default());
                }
            }
            if output.len() > MAX_OUTPUT {
                return Err(Skip::TooLong);
            }
        }
        // "Empty" is how DDDS says that a rule gives nothing (RFC 3402 §3.3).
        if output.is_empty() { Err(Skip::EmptyOutput) } else { Ok(output) }
    }

    /// The URI that a terminal rule gives for a string.
    pub fn apply(&self, aus: &[u8]) -> Result<Vec<u8>, Skip> {
        let output = self.rewrite(aus)?;
        match uri::check_absolute(&output) {
            Ok(()) => Ok(output),
            Err(fault) => Err(Skip::NoUri { output, fault }),
        }
    }
}

//----------- Skip -----------------------------------------------------------

/// Why a record gives nothing for a string: it is to be passed over, and the next one tried.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Skip {
    /// The expression does not match.
    NoMatch,
    /// The output is empty.
    EmptyOutput,
    /// The output passes [`MAX_OUTPUT`].
    TooLong,
    /// The output is no absolute URI (RFC 6116 §3.3).
    NoUri {
        /// What it is.
        output: Vec<u8>,
        /// Why it is none.
        fault: UriFault,
    },
    /// The expression cannot be matched with this string.
    Expression(ExpressionFault),
}

impl Skip {
    /// The reason in one stable word.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoMatch => "no-match",
            Self::EmptyOutput => "empty-output",
            Self::TooLong => "too-long",
            Self::NoUri { .. } => "no-uri",
            Self::Expression(_) => "too-costly",
        }
    }
}

impl fmt::Display for Skip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoMatch => f.write_str("its expression does not match"),
            Self::EmptyOutput => f.write_str("its output is empty"),
            Self::TooLong => write!(f, "its output has more than {MAX_OUTPUT} octets"),
            Self::NoUri { output, fault } => {
                write!(f, "its output \"{}\" is no absolute URI: {fault}", output.escape_ascii())
            }
            Self::Expression(fault) => fault.fmt(f),
        }
    }
}

impl std::error::Error for Skip {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn apply(regexp: &str, aus: &str) -> Result<String, Skip> {
        let rule = Rule::compile(regexp.as_bytes(), Mode::Posix).unwrap();
        rule.apply(aus.as_bytes()).map(|uri| String::from_utf8(uri).unwrap())
    }

    #[test]
    fn a_rule_gives_its_replacement_alone() {
        assert_eq!(Ok("tel:+999".to_owned()), apply("!4!tel:+999!", "+441632960083"));
        assert_eq!(Ok("sip:0".to_owned()), apply("!^(1)?.*$!sip:\\10!", "+44"));
    }

    #[test]
    fn reasons_to_skip_are_told_apart() {
        assert_eq!(Err(Skip::NoMatch), apply("!^44!sip:a!", "+44"));
        assert_eq!(Err(Skip::EmptyOutput), apply("!^(x)?!\\1!", "+44"));
        assert!(
            matches!(apply("!^.*$!nothing!", "+44"), Err(Skip::NoUri { output, .. }) if output == b"nothing")
        );
        let many = format!("!^(.*)$!a:{}!", "\\1".repeat(123));
        assert_eq!(Ok(2 + 123 * 16), apply(&many, "+123456789012345").map(|uri| uri.len()));
        assert_eq!(Err(Skip::TooLong), apply(&many, "+1234567890123456"));
        let longer = "a".repeat(super::super::ere::MAX_SUBJECT + 1);
        assert!(matches!(apply("!^.*$!a:b!", &longer), Err(Skip::Expression(_))));
    }

    proptest! {
        #[test]
        fn a_rule_without_escapes_is_a_template(head in "[a-z:]{0,9}", tail in "[a-z;=]{0,9}", aus in "[+][0-9]{1,15}") {
            for mode in Mode::ALL {
                let rule = Rule::compile(format!("!^(.)(.*)$!{head}\\2{tail}!").as_bytes(), mode).unwrap();
                prop_assert_eq!(Ok(format!("{head}{}{tail}", &aus[1..]).into_bytes()), rule.rewrite(aus.as_bytes()));
            }
        }

        #[test]
        fn any_field_is_judged_without_panic(regexp: Vec<u8>, likely in "!\\PC{0,40}!\\PC{0,40}!i?", aus in "[+]?[0-9a]{0,20}") {
            for regexp in [&regexp[..], likely.as_bytes()] {
                for mode in Mode::ALL {
                    if let Ok(rule) = Rule::compile(regexp, mode) {
                        let _ = rule.apply(aus.as_bytes());
                    }
                }
                let strict = Substitution::parse(regexp).is_ok();
                prop_assert!(!strict || Substitution::read(regexp).is_ok());
            }
        }
    }
}
