//! Text of an extended regular expression → tree (POSIX.1 XBD 9.4).
//!
//! What POSIX leaves undefined is read as most engines do if they agree (`a**`, `()`, `(a|)`, `\d` is a d),
//! and refused where a reader might mean something else: back-references, `(?`, `{` without an interval.

use super::set::{Set, bracket};
use super::{ExpressionFault, Mode};

/// The most levels that groups and repeats may be nested in each other.
const MAX_NESTING: usize = 64;

/// The most times that an interval may ask for (POSIX.1 `RE_DUP_MAX`).
const MAX_REPEAT: u16 = 255;

//----------- Tree -----------------------------------------------------------

/// An expression as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Tree {
    /// What matches the empty string: `()`, `a{0}`.
    Empty,
    /// One octet out of a set, which is known by its place in [`Parsed::sets`].
    Set(u16),
    Assert(Assert),
    Group(u8, Box<Tree>),
    Concat(Vec<Tree>),
    /// Alternatives from left to right.
    Alt(Vec<Tree>),
    Repeat {
        body: Box<Tree>,
        min: u16,
        /// `None`: without end.
        max: Option<u16>,
        /// `false` for Perl's `*?`.
        greedy: bool,
    },
}

/// A condition on a place in the subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Assert {
    Begin,
    End,
    /// Perl's `$`: the end, or before the line's end that is the last octet.
    EndOfLine,
    /// `\b`, or its contrary.
    Boundary(bool),
    WordBegin,
    WordEnd,
}

impl Assert {
    /// Whether it holds before the octet at `at`.
    pub(super) fn holds(self, subject: &[u8], at: usize) -> bool {
        let is_word = |octet: Option<&u8>| octet.is_some_and(|o| o.is_ascii_alphanumeric() || *o == b'_');
        let before = || is_word(at.checked_sub(1).and_then(|before| subject.get(before)));
        let after = || is_word(subject.get(at));
        match self {
            Self::Begin => at == 0,
            Self::End => at == subject.len(),
            Self::EndOfLine => matches!(subject.get(at..), Some([] | [b'\n'])),
            Self::Boundary(wanted) => (before() != after()) == wanted,
            Self::WordBegin => !before() && after(),
            Self::WordEnd => before() && !after(),
        }
    }
}

/// A tree and what it refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Parsed {
    pub(super) tree: Tree,
    pub(super) sets: Vec<Set>,
    pub(super) groups: u8,
}

//----------- Parsing --------------------------------------------------------

/// Parses an expression.
pub(super) fn parse(text: &[u8], mode: Mode, ignore_case: bool) -> Result<Parsed, ExpressionFault> {
    // Beyond that, places in the sets and numbers of groups could overflow.
    if text.len() > super::MAX_EXPRESSION {
        return Err(ExpressionFault::TooLong { octets: text.len() });
    }
    let mut parser = Parser { text, at: 0, mode, ignore_case, sets: Vec::new(), groups: 0 };
    let tree = parser.alternatives(0)?;
    match parser.peek() {
        None => Ok(Parsed { tree, sets: parser.sets, groups: parser.groups }),
        Some(_) => Err(ExpressionFault::Unbalanced { what: "a ) without its (" }),
    }
}

struct Parser<'a> {
    text: &'a [u8],
    at: usize,
    mode: Mode,
    ignore_case: bool,
    sets: Vec<Set>,
    groups: u8,
}

impl Parser<'_> {
    fn rest(&self) -> &[u8] {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<u8> {
        self.rest().first().copied()
    }

    /// Alternatives up to the end or a `)`, which is left.
    fn alternatives(&mut self, depth: usize) -> Result<Tree, ExpressionFault> {
        if depth > MAX_NESTING {
            return Err(ExpressionFault::TooDeep);
        }
        let mut alternatives = vec![self.branch(depth)?];
        while self.peek() == Some(b'|') {
            self.at += 1;
            alternatives.push(self.branch(depth)?);
        }
        Ok(one_or(alternatives, Tree::Alt))
    }

    fn branch(&mut self, depth: usize) -> Result<Tree, ExpressionFault> {
        let mut pieces = Vec::new();
        while let Some(octet) = self.peek() {
            if matches!(octet, b'|' | b')') {
                break;
            }
            let atom = self.atom(depth)?;
            pieces.push(match atom {
                // No engine repeats a condition: ^* is an error or a mistake.
                Tree::Assert(_) => atom,
                atom => self.repeats(atom, depth)?,
            });
        }
        Ok(match pieces.is_empty() {
            true => Tree::Empty,
            false => one_or(pieces, Tree::Concat),
        })
    }

    fn atom(&mut self, depth: usize) -> Result<Tree, ExpressionFault> {
        let octet = self.peek().unwrap_or_default();
        self.at += 1;
        Ok(match octet {
            b'(' => self.group(depth)?,
            b'*' | b'+' | b'?' | b'{' => return Err(ExpressionFault::NothingToRepeat { at: self.at - 1 }),
            b'[' => {
                let (set, used) = bracket(self.rest(), self.mode, self.ignore_case)?;
                self.at += used;
                self.set(set)
            }
            b'.' => self.set(Set::any(self.mode)),
            b'^' => Tree::Assert(Assert::Begin),
            b'$' if self.mode == Mode::Perl => Tree::Assert(Assert::EndOfLine),
            b'$' => Tree::Assert(Assert::End),
            b'\\' => {
                let escaped = self.peek().ok_or(ExpressionFault::Unbalanced { what: "a final backslash" })?;
                self.at += 1;
                self.escape(escaped)?
            }
            octet => self.octet(octet),
        })
    }

    fn group(&mut self, depth: usize) -> Result<Tree, ExpressionFault> {
        let capturing = match (self.rest(), self.mode) {
            ([b'?', b':', ..], Mode::Perl) => {
                self.at += 2;
                false
            }
            ([b'?', ..], _) => return Err(ExpressionFault::NotTaken),
            _ => true,
        };
        let number = self.groups + u8::from(capturing);
        self.groups = number;
        let body = self.alternatives(depth + 1)?;
        if self.peek() != Some(b')') {
            return Err(ExpressionFault::Unbalanced { what: "a ( without its )" });
        }
        self.at += 1;
        Ok(if capturing { Tree::Group(number, Box::new(body)) } else { body })
    }

    fn escape(&mut self, escaped: u8) -> Result<Tree, ExpressionFault> {
        if escaped.is_ascii_digit() && escaped != b'0' {
            return Err(ExpressionFault::BackReference);
        }
        if let Some(set) = Set::escape(escaped, self.mode) {
            return Ok(self.set(set));
        }
        Ok(match (self.mode, escaped) {
            (Mode::Glibc | Mode::Perl, b'b' | b'B') => Tree::Assert(Assert::Boundary(escaped == b'b')),
            (Mode::Glibc, b'<') => Tree::Assert(Assert::WordBegin),
            (Mode::Glibc, b'>') => Tree::Assert(Assert::WordEnd),
            (Mode::Glibc, b'`') => Tree::Assert(Assert::Begin),
            (Mode::Glibc, b'\'') => Tree::Assert(Assert::End),
            (Mode::Perl, letter) if letter.is_ascii_alphanumeric() => return Err(ExpressionFault::NotTaken),
            (_, octet) => self.octet(octet),
        })
    }

    fn octet(&mut self, octet: u8) -> Tree {
        let set = Set::of([octet]);
        self.set(if self.ignore_case { set.ignoring_case() } else { set })
    }

    fn set(&mut self, set: Set) -> Tree {
        let place = self.sets.iter().position(|known| *known == set).unwrap_or_else(|| {
            self.sets.push(set);
            self.sets.len() - 1
        });
        Tree::Set(place as u16)
    }

    /// The atom with all repeats that follow it.
    fn repeats(&mut self, atom: Tree, depth: usize) -> Result<Tree, ExpressionFault> {
        let mut tree = atom;
        for level in depth.. {
            let (min, max, used) = match self.rest() {
                [b'*', ..] => (0, None, 1),
                [b'+', ..] => (1, None, 1),
                [b'?', ..] => (0, Some(1), 1),
                [b'{', inside @ ..] => {
                    let (min, max, used) =
                        interval(inside).ok_or(ExpressionFault::Interval { at: self.at })?;
                    (min, max, used + 1)
                }
                _ => break,
            };
            if level >= MAX_NESTING {
                return Err(ExpressionFault::TooDeep);
            }
            self.at += used;
            let mut greedy = true;
            if self.mode == Mode::Perl {
                match self.peek() {
                    Some(b'?') => {
                        greedy = false;
                        self.at += 1;
                    }
                    // Nested repeats are an error in Perl, and *+ is something else.
                    Some(b'*' | b'+' | b'{') => return Err(ExpressionFault::NotTaken),
                    _ => {}
                }
            }
            tree = match max {
                Some(0) => Tree::Empty,
                max => Tree::Repeat { body: Box::new(tree), min, max, greedy },
            };
        }
        Ok(tree)
    }
}

/// Reads `m}`, `m,}` or `m,n}`; gives the bounds and how many octets they took.
fn interval(text: &[u8]) -> Option<(u16, Option<u16>, usize)> {
    let end = text.iter().position(|octet| *octet == b'}')?;
    let bound = |text: &[u8]| {
        let digits = Some(text).filter(|text| (1..=3).contains(&text.len()))?;
        digits.iter().try_fold(0, |value, octet| {
            let digit = octet.is_ascii_digit().then(|| u16::from(octet - b'0'))?;
            Some(value * 10 + digit).filter(|value| *value <= MAX_REPEAT)
        })
    };
    let inside = text.get(..end)?;
    let (min, max) = match inside.iter().position(|octet| *octet == b',') {
        None => (bound(inside)?, Some(bound(inside)?)),
        Some(comma) => match inside.get(comma + 1..)? {
            [] => (bound(inside.get(..comma)?)?, None),
            max => (bound(inside.get(..comma)?)?, Some(bound(max)?)),
        },
    };
    max.is_none_or(|max| min <= max).then_some((min, max, end + 1))
}

/// The only member, or all of them joined.
fn one_or(mut trees: Vec<Tree>, join: fn(Vec<Tree>) -> Tree) -> Tree {
    match trees.len() {
        1 => trees.pop().unwrap_or(Tree::Empty),
        _ => join(trees),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str, mode: Mode) -> Option<ExpressionFault> {
        parse(text.as_bytes(), mode, false).err()
    }

    #[test]
    fn what_is_no_expression_is_told() {
        use ExpressionFault::*;
        for (text, expected) in [
            ("^*", NothingToRepeat { at: 1 }),
            ("*a", NothingToRepeat { at: 0 }),
            ("a|+", NothingToRepeat { at: 2 }),
            ("(?:a)", NotTaken),
            ("({1}a)", NothingToRepeat { at: 1 }),
            ("a{", Interval { at: 1 }),
            ("a{,2}", Interval { at: 1 }),
            ("a{2,1}", Interval { at: 1 }),
            ("a{256}", Interval { at: 1 }),
            ("a{1x}", Interval { at: 1 }),
            ("a{+1}", Interval { at: 1 }),
            ("(a)\\1", BackReference),
            ("a\\", Unbalanced { what: "a final backslash" }),
            ("(a", Unbalanced { what: "a ( without its )" }),
            ("a)", Unbalanced { what: "a ) without its (" }),
        ] {
            assert_eq!(Some(expected), fault(text, Mode::Posix), "{text}");
        }
        assert_eq!(Some(TooDeep), fault(&["(".repeat(65), ")".repeat(65)].concat(), Mode::Posix));
        assert_eq!(Some(TooDeep), fault(&["a", &"*".repeat(65)].concat(), Mode::Posix));
        assert_eq!(None, fault(&["(".repeat(64), ")".repeat(64)].concat(), Mode::Posix));
        assert_eq!(Some(NotTaken), fault("a*+", Mode::Perl));
    }

    #[test]
    fn what_engines_agree_on_is_taken() {
        for text in ["", "()", "(a|)", "|a", "a**", "a*?", "a{1}{2}", "]", "}", "a{255}", "\\d", "(^a$)b"] {
            assert_eq!(None, fault(text, Mode::Posix), "{text}");
        }
    }

    #[test]
    fn groups_are_counted_from_the_left() {
        let parsed = parse(b"(a(b))|(c){0}", Mode::Posix, false).unwrap();
        assert_eq!(3, parsed.groups);
        assert_eq!(3, parsed.sets.len());
    }
}
