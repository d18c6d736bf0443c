//! Substitution expressions, the rules of the DDDS (RFC 3402 §3.2).
//!
//! `delim ERE delim replacement delim flags`, for example `!^(.*)$!tel:\1;mcc=310;mnc=012!`.

use std::fmt;

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
    /// Takes apart a REGEXP field.
    ///
    /// Refused is what a client must discard (RFC 3402 §3.2, RFC 6116 §5.2) and what BIND refuses to
    /// pass on, for a record that resolvers drop reaches nobody.
    pub fn parse(regexp: &'a [u8]) -> Result<Self, RuleFault> {
        let [delimiter, body @ ..] = regexp else { return Err(RuleFault::Empty) };
        if matches!(delimiter, b'0'..=b'9' | b'\\' | b'i' | b'I' | 0) {
            return Err(RuleFault::BadDelimiter { found: *delimiter });
        }
        if regexp.contains(&0) {
            return Err(RuleFault::Nul);
        }
        let (expression, rest) = split_at_delimiter(body, *delimiter).ok_or(RuleFault::Delimiters)?;
        let (replacement, flags) = split_at_delimiter(rest, *delimiter).ok_or(RuleFault::Delimiters)?;
        if let Some(&found) = flags.iter().find(|flag| !matches!(flag, b'i' | b'I')) {
            return Err(match found == *delimiter {
                true => RuleFault::Delimiters,
                false => RuleFault::UnknownFlag { found },
            });
        }
        if expression.is_empty() {
            return Err(RuleFault::EmptyExpression);
        }
        let groups = count_groups(expression)?;
        let mut octets = replacement.iter();
        while let Some(&octet) = octets.next() {
            // A backslash takes the next octet with it: `\\1` is a backslash and a one.
            let (b'\\', Some(&escaped)) = (octet, octets.as_slice().first()) else { continue };
            octets.next();
            if escaped == b'0' || escaped.is_ascii_digit() && usize::from(escaped - b'0') > groups {
                return Err(RuleFault::NoSuchGroup { group: escaped - b'0', groups });
            }
        }
        Ok(Self { delimiter: *delimiter, expression, replacement, ignore_case: !flags.is_empty() })
    }
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

/// How many groups an expression has; refuses unbalanced parentheses and brackets.
fn count_groups(expression: &[u8]) -> Result<usize, RuleFault> {
    let (mut groups, mut open, mut place) = (0, 0usize, 0);
    while let Some(&octet) = expression.get(place) {
        match octet {
            // In POSIX a backslash is ordinary inside brackets only.
            b'\\' if place + 1 == expression.len() => {
                return Err(RuleFault::Unbalanced { what: "a final backslash" });
            }
            b'\\' => place += 1,
            b'(' => {
                groups += 1;
                open += 1;
            }
            b')' => open = open.checked_sub(1).ok_or(RuleFault::Unbalanced { what: "a ) without its (" })?,
            b'[' => {
                place = end_of_bracket(expression, place)
                    .ok_or(RuleFault::Unbalanced { what: "a [ without its ]" })?
            }
            _ => {}
        }
        place += 1;
    }
    match open {
        0 => Ok(groups),
        _ => Err(RuleFault::Unbalanced { what: "a ( without its )" }),
    }
}

/// The place of the `]` that ends the bracket expression which begins at `start`.
fn end_of_bracket(expression: &[u8], start: usize) -> Option<usize> {
    let mut place = start + 1;
    place += usize::from(expression.get(place) == Some(&b'^'));
    // A ] that comes first is a member.
    place += usize::from(expression.get(place) == Some(&b']'));
    loop {
        match (expression.get(place)?, expression.get(place + 1)) {
            (b']', _) => return Some(place),
            // [:class:], [.element.] and [=class=] end with their own pair.
            (b'[', Some(&mark @ (b':' | b'.' | b'='))) => {
                let after = expression.get(place + 2..)?;
                place += 4 + after.windows(2).position(|pair| pair == [mark, b']'])?;
            }
            _ => place += 1,
        }
    }
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
    /// Parentheses, brackets or escapes of the expression do not close.
    Unbalanced {
        /// What was found.
        what: &'static str,
    },
    /// The replacement refers to a group that the expression does not have.
    NoSuchGroup {
        /// The group.
        group: u8,
        /// How many there are.
        groups: usize,
    },
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
            Self::Unbalanced { what } => write!(f, "its expression has {what}"),
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
        let faults: [(&[u8], RuleFault); 10] = [
            (b"", RuleFault::Empty),
            (b"0a0b0", RuleFault::BadDelimiter { found: b'0' }),
            (b"!a!b", RuleFault::Delimiters),
            (b"!a!b!c!", RuleFault::UnknownFlag { found: b'c' }),
            (b"!a!b!!", RuleFault::Delimiters),
            (b"!!b!", RuleFault::EmptyExpression),
            (b"!(a!b!", RuleFault::Unbalanced { what: "a ( without its )" }),
            (b"![]a!b!", RuleFault::Unbalanced { what: "a [ without its ]" }),
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

    proptest! {
        #[test]
        fn any_octets_are_judged_without_panic(regexp: Vec<u8>, likely in "[!()\\[\\]\\\\.:^a1i]{0,40}") {
            let _ = Substitution::parse(&regexp);
            let _ = Substitution::parse(likely.as_bytes());
        }
    }
}
