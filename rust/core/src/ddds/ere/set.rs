//! Sets of octets, and the bracket expressions that write them down.

use super::{ExpressionFault, Mode};

//----------- Set ------------------------------------------------------------

/// A set of octets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Set([u64; 4]);

impl Set {
    pub(super) fn of(octets: impl IntoIterator<Item = u8>) -> Self {
        let mut set = Self::default();
        for octet in octets {
            if let Some(word) = set.0.get_mut(usize::from(octet >> 6)) {
                *word |= 1 << (octet & 63);
            }
        }
        set
    }

    /// What `.` matches: every octet, a line's end among them but in Perl (RFC 3402 knows no lines).
    pub(super) fn any(mode: Mode) -> Self {
        Self::of((0..=255).filter(|octet| mode != Mode::Perl || *octet != b'\n'))
    }

    /// The members of a class such as `digit`, in the POSIX locale.
    fn class(name: &[u8]) -> Option<Self> {
        let test: fn(&u8) -> bool = match name {
            b"alnum" => u8::is_ascii_alphanumeric,
            b"alpha" => u8::is_ascii_alphabetic,
            b"blank" => |octet| matches!(octet, b' ' | b'\t'),
            b"cntrl" => u8::is_ascii_control,
            b"digit" => u8::is_ascii_digit,
            b"graph" => u8::is_ascii_graphic,
            b"lower" => u8::is_ascii_lowercase,
            b"print" => |octet| matches!(octet, b' '..=b'~'),
            b"punct" => u8::is_ascii_punctuation,
            b"space" => |octet| matches!(octet, b' ' | b'\t'..=b'\r'),
            b"upper" => u8::is_ascii_uppercase,
            b"xdigit" => u8::is_ascii_hexdigit,
            _ => return None,
        };
        Some(Self::of((0..=255).filter(test)))
    }

    /// The set that a letter behind a backslash stands for where it does: GNU has two, Perl more.
    pub(super) fn escape(letter: u8, mode: Mode) -> Option<Self> {
        let set = match (mode, letter.to_ascii_lowercase()) {
            (Mode::Glibc | Mode::Perl, b'w') => Self::class(b"alnum")?.with(b'_'),
            (Mode::Glibc | Mode::Perl, b's') => Self::class(b"space")?,
            (Mode::Perl, b'd') => Self::class(b"digit")?,
            _ => return None,
        };
        Some(if letter.is_ascii_uppercase() { set.complement() } else { set })
    }

    fn with(self, octet: u8) -> Self {
        self.union(Self::of([octet]))
    }

    pub(super) fn union(self, other: Self) -> Self {
        let ([a, b, c, d], [e, f, g, h]) = (self.0, other.0);
        Self([a | e, b | f, c | g, d | h])
    }

    pub(super) fn complement(self) -> Self {
        Self(self.0.map(|word| !word))
    }

    /// The set with both cases of each ASCII letter that it has in one.
    pub(super) fn ignoring_case(self) -> Self {
        let members = || (0..=255u8).filter(|octet| self.contains(*octet));
        let other = members().map(|octet| match octet.is_ascii_alphabetic() {
            true => octet ^ 0x20,
            false => octet,
        });
        self.union(Self::of(other))
    }

    /// Whether there is an octet in both.
    pub(super) fn meets(self, other: Self) -> bool {
        self.common(other) != Self::default()
    }

    /// The octets in both.
    pub(super) fn common(self, other: Self) -> Self {
        let ([a, b, c, d], [e, f, g, h]) = (self.0, other.0);
        Self([a & e, b & f, c & g, d & h])
    }

    pub(super) fn contains(&self, octet: u8) -> bool {
        self.0.get(usize::from(octet >> 6)).is_some_and(|word| word >> (octet & 63) & 1 == 1)
    }
}

//----------- Bracket expressions --------------------------------------------

/// Reads what stands behind a `[`; gives the set and how many octets it took, the `]` included.
///
/// A backslash is a member like any other (POSIX.1 XBD 9.3.5) but in Perl. Ranges go by octet value.
pub(super) fn bracket(text: &[u8], mode: Mode, ignore_case: bool) -> Result<(Set, usize), ExpressionFault> {
    let negated = text.first() == Some(&b'^');
    let first = usize::from(negated);
    let (mut set, mut at) = (Set::default(), first);
    loop {
        let rest = text.get(at..).unwrap_or_default();
        // A ] that comes first is a member.
        if rest.first() == Some(&b']') && at > first {
            break;
        }
        let (item, used) = item(rest, mode)?;
        at += used;
        let low = match item {
            Item::Many(many) => {
                set = set.union(many);
                continue;
            }
            Item::One(low) => low,
        };
        let (high, used) = match text.get(at..).unwrap_or_default() {
            // A - that comes last is a member.
            [b'-', next, ..] if *next != b']' => {
                match self::item(text.get(at + 1..).unwrap_or_default(), mode)? {
                    (Item::One(high), used) if low <= high => (high, 1 + used),
                    (Item::One(_), _) => return Err(ExpressionFault::Range),
                    (Item::Many(_), _) => return Err(ExpressionFault::Range),
                }
            }
            _ => (low, 0),
        };
        at += used;
        // `a-c-e` means nothing (POSIX.1 XBD 9.3.5): the end of a range starts no other.
        if used > 0 && matches!(text.get(at..), Some([b'-', next, ..]) if *next != b']') {
            return Err(ExpressionFault::Range);
        }
        set = set.union(Set::of(low..=high));
    }
    // Before the complement: [^a] with flag i excludes A too.
    if ignore_case {
        set = set.ignoring_case();
    }
    Ok((if negated { set.complement() } else { set }, at + 1))
}

enum Item {
    One(u8),
    Many(Set),
}

fn item(text: &[u8], mode: Mode) -> Result<(Item, usize), ExpressionFault> {
    let unclosed = ExpressionFault::Unbalanced { what: "a [ without its ]" };
    match *text {
        [] => Err(unclosed),
        [b'[', mark @ (b':' | b'.' | b'='), ref inside @ ..] => {
            let end = inside.windows(2).position(|pair| pair == [mark, b']']).ok_or(unclosed)?;
            let name = inside.get(..end).unwrap_or_default();
            let item = match (mark, name) {
                (b':', name) => Item::Many(Set::class(name).ok_or(ExpressionFault::Class)?),
                // In the POSIX locale each octet is a collating element and equivalent to itself alone.
                (b'.', [octet]) => Item::One(*octet),
                (b'=', [octet]) => Item::Many(Set::of([*octet])),
                _ => return Err(ExpressionFault::Class),
            };
            Ok((item, end + 4))
        }
        [b'\\', letter, ..] if mode == Mode::Perl => match Set::escape(letter, mode) {
            Some(set) => Ok((Item::Many(set), 2)),
            None if letter.is_ascii_alphanumeric() => Err(ExpressionFault::NotTaken),
            None => Ok((Item::One(letter), 2)),
        },
        [octet, ..] => Ok((Item::One(octet), 1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members(text: &str, mode: Mode, ignore_case: bool) -> Result<String, ExpressionFault> {
        let (set, used) = bracket(text.as_bytes(), mode, ignore_case)?;
        assert_eq!(text.len(), used, "{text}");
        Ok((b' '..=b'~').filter(|octet| set.contains(*octet)).map(char::from).collect())
    }

    #[test]
    fn brackets_hold_what_posix_says() {
        for (text, expected) in [
            ("a]", "a"),
            ("]a]", "]a"),
            ("a-d]", "abcd"),
            ("a-]", "-a"),
            ("-a]", "-a"),
            ("a\\]", "\\a"),
            ("[:digit:]x]", "0123456789x"),
            ("[.-.]-/]", "-./"),
            ("[=a=]b]", "ab"),
            ("[]", "["),
            ("^ -`b-~]", "a"),
        ] {
            let mut expected: Vec<char> = expected.chars().collect();
            expected.sort_unstable();
            assert_eq!(Ok(expected.into_iter().collect()), members(text, Mode::Posix, false), "{text}");
        }
        assert_eq!(Ok("Bb".to_owned()), members("b]", Mode::Posix, true));
        assert!(!members("^b]", Mode::Posix, true).unwrap().contains('B'));
        assert_eq!(Ok("]".to_owned()), members("\\]]", Mode::Perl, false));
    }

    #[test]
    fn brackets_that_mean_nothing_are_refused() {
        use ExpressionFault::{Class, Range, Unbalanced};
        let unclosed = Unbalanced { what: "a [ without its ]" };
        for (text, fault) in [
            ("", unclosed),
            ("]", unclosed),
            ("^]", unclosed),
            ("a", unclosed),
            ("[:digit:", unclosed),
            ("[:nil:]]", Class),
            ("[.ab.]]", Class),
            ("b-a]", Range),
            ("a-c-e]", Range),
            ("a-[:digit:]]", Range),
        ] {
            assert_eq!(Err(fault), members(text, Mode::Posix, false), "{text}");
        }
    }

    #[test]
    fn a_complement_has_every_other_octet() {
        let (set, _) = bracket(b"^a]", Mode::Posix, false).unwrap();
        assert_eq!(255, (0..=255).filter(|octet| set.contains(*octet)).count());
        assert!(!set.contains(b'a') && set.contains(b'\n') && set.contains(0xff));
    }
}
