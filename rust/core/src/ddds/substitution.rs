//! Substitution expressions, the rules of the DDDS (RFC 3402 §3.2).
//!
//! `delim ERE delim replacement delim flags`, for example `!^(.*)$!tel:\1;mcc=310;mnc=012!`.

use std::fmt;

use super::ere::{self, ExpressionFault};

//----------- Substitution ---------------------------------------------------

/// A substitution expression taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Substitution<'a> {
    /// The octet that separates the parts.
    pub delimiter: u8,
    /// The POSIX extended regular expression, escaped delimiters still escaped.
    pub expression: &'a [u8],
    /// The replacement, escapes and back-references as they stand.
    pub replacement: &'a [u8],
    /// Whether matching ignores letter case (flag `i`).
    pub ignore_case: bool,
}

impl<'a> Substitution<'a> {
    /// Takes apart a REGEXP field that is to be published.
    ///
    /// Refused is what a client must discard (RFC 3402 §3.2, RFC 6116 §5.2) and what BIND refuses to
    /// pass on, for a record that resolvers drop reaches nobody.
    pub fn parse(regexp: &'a [u8]) -> Result<Self, RuleFault> {
        let rule = Self::read(regexp)?;
        match rule.expression {
            [] => Err(RuleFault::EmptyExpression),
            _ => Ok(rule),
        }
    }

    /// Takes apart a REGEXP field that was received: an empty expression, undefined in POSIX, matches all.
    pub fn read(regexp: &'a [u8]) -> Result<Self, RuleFault> {
        let rule = Self::take_apart(regexp)?;
        let groups = usize::from(ere::count_groups(&rule.plain_expression())?);
        rule.check_groups(groups)?;
        Ok(rule)
    }

    /// Finds the parts, which are not looked into.
    pub(super) fn take_apart(regexp: &'a [u8]) -> Result<Self, RuleFault> {
        let [delimiter, body @ ..] = regexp else { return Err(RuleFault::Empty) };
        if matches!(delimiter, b'0'..=b'9' | b'\\' | b'i' | b'I' | 0) {
            return Err(RuleFault::BadDelimiter { found: *delimiter });
        }
        if regexp.contains(&0) {
            return Err(RuleFault::Nul);
        }
        let (expression, rest) = split_at_delimiter(body, *delimiter).ok_or(RuleFault::Delimiters)?;
        let (replacement, flags) = split_at_delimiter(rest, *delimiter).ok_or(RuleFault::Delimiters)?;
        if flags.contains(delimiter) {
            return Err(RuleFault::Delimiters);
        }
        if let Some(&found) = flags.iter().find(|flag| !matches!(flag, b'i' | b'I')) {
            return Err(RuleFault::UnknownFlag { found });
        }
        Ok(Self { delimiter: *delimiter, expression, replacement, ignore_case: !flags.is_empty() })
    }

    /// The expression as it is matched with: an escaped delimiter is that character (RFC 3402 §3.2).
    pub fn plain_expression(&self) -> Vec<u8> {
        let mut plain = Vec::with_capacity(self.expression.len());
        let mut rest = self.expression;
        loop {
            rest = match rest {
                [b'\\', escaped, after @ ..] => {
                    if *escaped != self.delimiter {
                        plain.push(b'\\');
                    }
                    plain.push(*escaped);
                    after
                }
                [octet, after @ ..] => {
                    plain.push(*octet);
                    after
                }
                [] => return plain,
            }
        }
    }

    /// The pieces of the replacement, in order.
    pub fn pieces(&self) -> impl Iterator<Item = Piece> + use<'a> {
        let (mut rest, delimiter) = (self.replacement, self.delimiter);
        let mut kept = None;
        std::iter::from_fn(move || {
            if let Some(octet) = kept.take() {
                return Some(Piece::Octet(octet));
            }
            let (piece, after) = match rest {
                [b'\\', digit @ b'0'..=b'9', after @ ..] => (Piece::Group(digit - b'0'), after),
                [b'\\', escaped, after @ ..] if *escaped == delimiter => (Piece::Octet(*escaped), after),
                // Before anything else a backslash is one, and what follows stands for itself: `\\1` is no
                // back-reference.
                [b'\\', escaped, after @ ..] => {
                    kept = Some(*escaped);
                    (Piece::Octet(b'\\'), after)
                }
                [octet, after @ ..] => (Piece::Octet(*octet), after),
                [] => return None,
            };
            rest = after;
            Some(piece)
        })
    }

    /// Checks that the expression has each group that the replacement refers to.
    pub(super) fn check_groups(&self, groups: usize) -> Result<(), RuleFault> {
        let missing = self.pieces().find_map(|piece| match piece {
            Piece::Group(group) if group == 0 || usize::from(group) > groups => Some(group),
            _ => None,
        });
        missing.map_or(Ok(()), |group| Err(RuleFault::NoSuchGroup { group, groups }))
    }
}

/// A piece of a replacement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece {
    /// An octet as it is.
    Octet(u8),
    /// What a group took.
    Group(u8),
}

/// What stands before and behind the first delimiter that no backslash escapes.
fn split_at_delimiter(octets: &[u8], delimiter: u8) -> Option<(&[u8], &[u8])> {
    let mut place = 0;
    while let Some(&octet) = octets.get(place) {
        match octet {
            b'\\' => place += 2,
            octet if octet == delimiter => {
                return Some((octets.get(..place)?, octets.get(place + 1..)?));
            }
            _ => place += 1,
        }
    }
    None
}

//----------- RuleFault ------------------------------------------------------

/// Why a REGEXP field is no substitution expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RuleFault {
    /// It is empty.
    Empty,
    /// It begins with an octet that cannot be a delimiter.
    BadDelimiter {
        /// The octet.
        found: u8,
    },
    /// It has not exactly three delimiters.
    Delimiters,
    /// An octet 0 is in it.
    Nul,
    /// Something other than `i` stands behind the last delimiter.
    UnknownFlag {
        /// The octet.
        found: u8,
    },
    /// There is no expression to match with.
    EmptyExpression,
    /// The expression is none.
    Expression {
        /// Why not.
        fault: ExpressionFault,
    },
    /// The replacement refers to a group that the expression does not have.
    NoSuchGroup {
        /// The group.
        group: u8,
        /// How many there are.
        groups: usize,
    },
}

impl RuleFault {
    /// The fault in one stable word.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::BadDelimiter { .. } => "bad-delimiter",
            Self::Delimiters => "delimiters",
            Self::Nul => "nul",
            Self::UnknownFlag { .. } => "unknown-flag",
            Self::EmptyExpression => "empty-expression",
            Self::Expression { .. } => "bad-expression",
            Self::NoSuchGroup { .. } => "no-such-group",
        }
    }
}

impl From<ExpressionFault> for RuleFault {
    fn from(fault: ExpressionFault) -> Self {
        Self::Expression { fault }
    }
}

impl fmt::Display for RuleFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => {
                f.write_str("it is empty: write delimiter, expression, delimiter, replacement, delimiter")
            }
            Self::BadDelimiter { found } => {
                write!(f, "\"{}\" cannot be a delimiter: use !", found.escape_ascii())
            }
            Self::Delimiters => f.write_str("it needs exactly three delimiters that no backslash escapes"),
            Self::Nul => f.write_str("an octet 0 cannot be in it"),
            Self::UnknownFlag { found } => {
                write!(f, "flag \"{}\" is unknown: i is the only one", found.escape_ascii())
            }
            Self::EmptyExpression => f.write_str("its expression is empty: use ^.*$ to match every number"),
            Self::Expression { fault } => fault.fmt(f),
            Self::NoSuchGroup { group, groups } => {
                write!(f, "\\{group} refers to a group, of which the expression has {groups}, counted from 1")
            }
        }
    }
}

impl std::error::Error for RuleFault {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_documented_rule_comes_apart() {
        let rule = Substitution::parse(b"!^(.*)$!tel:\\1;mcc=310;mnc=012!").unwrap();
        assert_eq!(
            (&b"^(.*)$"[..], &b"tel:\\1;mcc=310;mnc=012"[..], false),
            (rule.expression, rule.replacement, rule.ignore_case)
        );
    }

    #[test]
    fn faults_are_told_apart() {
        let faults: [(&[u8], RuleFault); 12] = [
            (b"", RuleFault::Empty),
            (b"0a0b0", RuleFault::BadDelimiter { found: b'0' }),
            (b"!a!b", RuleFault::Delimiters),
            (b"!a!b!c", RuleFault::UnknownFlag { found: b'c' }),
            (b"!a!b!!", RuleFault::Delimiters),
            (b"!!b!", RuleFault::EmptyExpression),
            (b"!a!b!i!", RuleFault::Delimiters),
            (b"!(a!b!", ExpressionFault::Unbalanced { what: "a ( without its )" }.into()),
            (b"![]a!b!", ExpressionFault::Unbalanced { what: "a [ without its ]" }.into()),
            (b"!^+44!b!", ExpressionFault::NothingToRepeat { at: 1 }.into()),
            (b"!(a)!\\2!", RuleFault::NoSuchGroup { group: 2, groups: 1 }),
            (b"!(a)!\\0!", RuleFault::NoSuchGroup { group: 0, groups: 1 }),
        ];
        for (regexp, fault) in faults {
            assert_eq!(Err(fault), Substitution::parse(regexp), "{}", regexp.escape_ascii());
        }
    }

    #[test]
    fn parentheses_in_brackets_and_behind_backslashes_are_no_groups() {
        assert!(Substitution::parse(b"![(]\\)[[:digit:](](a)!\\1!i").is_ok());
        assert!(Substitution::parse(b"!a\\!b!c\\!\\\\1!").is_ok());
    }

    #[test]
    fn escaped_delimiters_are_the_character() {
        let rule = Substitution::parse(b"/http:\\/\\/([^\\/:]+)\\./\\1\\/\\x\\\\1/i").unwrap();
        assert_eq!(b"http://([^/:]+)\\."[..], rule.plain_expression());
        let text: Vec<u8> = rule
            .pieces()
            .map(|piece| match piece {
                Piece::Octet(octet) => octet,
                Piece::Group(_) => b'#',
            })
            .collect();
        assert_eq!(b"#/\\x\\\\1"[..], text);
    }

    proptest! {
        #[test]
        fn any_octets_are_judged_without_panic(regexp: Vec<u8>, likely in "[!()\\[\\]\\\\.:^a1i]{0,40}") {
            let _ = Substitution::parse(&regexp);
            let _ = Substitution::parse(likely.as_bytes());
        }
    }
}
