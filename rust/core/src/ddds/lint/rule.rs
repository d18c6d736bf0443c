//! What is in the regexp: delimiters, expression, back-references, flags.

use super::super::ere::ExpressionFault;
use super::super::{Piece, RuleFault, Substitution};
use super::{Application, Code, Field, Findings, with_regexp};

/// Octets that mean something in an expression: as delimiters they lose that.
const META: &[u8] = b".*+?|()[]{}^$";

/// Judges the regexp by itself; whether it is a rule that can be tried.
pub(super) fn check(found: &mut Findings<'_>, application: Application) -> bool {
    let regexp = found.record.regexp();
    match Substitution::parse(regexp) {
        Ok(rule) => {
            let plain = rule.plain_expression();
            constructs(found, &plain);
            if application == Application::Enum {
                style(found, &rule, &plain);
            }
            true
        }
        Err(fault) => {
            refused(found, fault);
            false
        }
    }
}

//----------- No rule --------------------------------------------------------

fn refused(found: &mut Findings<'_>, fault: RuleFault) {
    let (record, regexp) = (found.record, found.record.regexp());
    let whole = 0..regexp.len();
    let spot = |at: usize| at.min(regexp.len())..(at + 1).min(regexp.len());
    let find = |octets: &[u8]| regexp.windows(octets.len()).rposition(|window| window == octets);
    let (code, span, mend, candidate) = match fault {
        RuleFault::BadDelimiter { .. } => (Code::BadDelimiter, spot(0), "Use ! as delimiter.", None),
        RuleFault::Delimiters => {
            let closed = regexp.first().map(|delimiter| [regexp, &[*delimiter]].concat());
            (
                Code::Delimiters,
                whole,
                "Write !expression!replacement! and put a backslash before a delimiter that belongs to either.",
                closed,
            )
        }
        RuleFault::Nul => (Code::Nul, spot(find(&[0]).unwrap_or(0)), "Take it out.", None),
        RuleFault::UnknownFlag { found } => {
            let at = find(&[found]).unwrap_or(0);
            (Code::UnknownRuleFlag, spot(at), "End the regexp with its third delimiter.", None)
        }
        RuleFault::EmptyExpression => {
            let all =
                regexp.split_first().map(|(delimiter, rest)| [&[*delimiter], &b"^.*$"[..], rest].concat());
            (Code::EmptyExpression, spot(0), "Write ^.*$ to match every number.", all)
        }
        RuleFault::NoSuchGroup { group, .. } => {
            let at = find(&[b'\\', b'0' + group]).unwrap_or(0);
            let span = at..(at + 2).min(regexp.len());
            (
                Code::NoSuchGroup,
                span,
                "Put parentheses around what it is to stand for, as in !^(.*)$!tel:\\1!.",
                None,
            )
        }
        RuleFault::Expression { fault: ExpressionFault::NothingToRepeat { at } } => {
            // `^+44` is how people write a number; no engine takes it.
            let (head, tail) = regexp.split_at_checked(at + 1).unwrap_or((regexp, b""));
            let escaped = matches!(tail, [b'+', b'0'..=b'9', ..]).then(|| [head, b"\\", tail].concat());
            (Code::BadExpression, spot(at + 1), "Write \\+ for the plus that a number begins with.", escaped)
        }
        RuleFault::Expression { .. } | RuleFault::Empty => (
            Code::BadExpression,
            whole,
            "Write a POSIX extended regular expression, such as ^\\+44(.*)$.",
            None,
        ),
    };
    // A slip that leaves a rule which no engine and no resolver takes can be undone in one way only.
    let fixed = candidate
        .filter(|regexp| Substitution::parse(regexp).is_ok())
        .and_then(|regexp| with_regexp(record, &regexp));
    let what = format!("The regexp is refused by clients and by BIND, with its whole message: {fault}.");
    found.add(code, Field::Regexp, what, mend).at(span).fixed(fixed);
}

//----------- Constructs -----------------------------------------------------

/// What stood before in an expression.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Before {
    /// The begin of a group or of all.
    Begin,
    Bar,
    Repeat,
    Other,
}

/// Names what engines and resolvers read differently, though it is an expression to us.
fn constructs(found: &mut Findings<'_>, plain: &[u8]) {
    let (mut at, mut before) = (0, Before::Begin);
    let mut refused: Option<(usize, &str)> = None;
    let mut bracketed = None;
    while let Some(&octet) = plain.get(at) {
        let start = at;
        at += 1;
        let is_empty = matches!(before, Before::Begin | Before::Bar);
        before = match octet {
            b'\\' => {
                let escaped = plain.get(at).copied().unwrap_or_default();
                at += 1;
                if escaped.is_ascii_alphanumeric() || b"<>`'".contains(&escaped) {
                    not_portable(found, start, escaped);
                }
                Before::Other
            }
            b'[' => {
                let end = bracket_end(plain, at);
                if plain.get(at..end).is_some_and(|inside| inside.contains(&b'\\')) {
                    bracketed.get_or_insert(start);
                }
                at = end;
                Before::Other
            }
            b'*' | b'+' | b'?' | b'{' => {
                if before == Before::Repeat {
                    refused.get_or_insert((start, "a repeat behind a repeat"));
                }
                if octet == b'{' {
                    at += plain
                        .get(at..)
                        .and_then(|rest| rest.iter().position(|o| *o == b'}'))
                        .map_or(0, |end| end + 1);
                }
                Before::Repeat
            }
            b'(' => Before::Begin,
            b'|' => {
                if is_empty {
                    refused.get_or_insert((start, "an empty alternative"));
                }
                Before::Bar
            }
            b')' => {
                if before == Before::Bar {
                    refused.get_or_insert((start, "an empty alternative"));
                }
                Before::Other
            }
            _ => Before::Other,
        };
    }
    if before == Before::Bar {
        refused.get_or_insert((plain.len() - 1, "an empty alternative"));
    }
    if let Some((at, construct)) = refused {
        let what = format!(
            "BIND refuses {construct}, and with it the whole message; engines disagree on what it means."
        );
        found
            .add(
                Code::BindRefuses,
                Field::Regexp,
                what,
                "Write one repeat behind a part, (…)? for what may be missing.",
            )
            .at(at + 1..at + 2);
    }
    if let Some(at) = bracketed {
        let what = "In brackets a backslash is a character of the set, but Perl takes it as an escape.";
        found
            .add(
                Code::BracketBackslash,
                Field::Regexp,
                what,
                "Leave the backslash out: in brackets nothing needs it.",
            )
            .at(at + 1..at + 2);
    }
}

fn not_portable(found: &mut Findings<'_>, at: usize, escaped: u8) {
    let shown = escaped as char;
    let mend = match escaped {
        b'd' => "Write [0-9] for a digit.",
        b'w' => "Write [[:alnum:]_] for a letter, digit or underscore.",
        b's' => "Write [[:space:]] for a blank.",
        _ => "Take it out, or write the character without a backslash if it is meant.",
    };
    let what = format!(
        "\\{shown} is no escape of extended regular expressions: some engines read it as {shown}, others as a class, a place or an error."
    );
    found.add(Code::NotPortable, Field::Regexp, what, mend).at(at + 1..at + 3);
}

/// Where a bracket expression ends that begins before `start`.
fn bracket_end(plain: &[u8], start: usize) -> usize {
    let mut at = start + usize::from(plain.get(start) == Some(&b'^'));
    at += usize::from(plain.get(at) == Some(&b']'));
    loop {
        match plain.get(at..) {
            Some([b'[', kind @ (b':' | b'.' | b'='), inside @ ..]) => {
                let end = inside.windows(2).position(|pair| pair == [*kind, b']']);
                at += end.map_or(2, |end| end + 4);
            }
            Some([b']', ..]) => return at + 1,
            Some([_, ..]) => at += 1,
            _ => return plain.len(),
        }
    }
}

//----------- What ENUM asks for ---------------------------------------------

/// What provisioning for ENUM is to avoid (RFC 6116 §5.1).
fn style(found: &mut Findings<'_>, rule: &Substitution<'_>, plain: &[u8]) {
    let (record, regexp) = (found.record, found.record.regexp());
    if rule.ignore_case {
        let end = regexp.iter().rposition(|octet| *octet == rule.delimiter).map_or(0, |last| last + 1);
        let fixed = regexp.get(..end).and_then(|regexp| with_regexp(record, regexp));
        let what = "Flag i has no meaning for numbers, and clients are known that drop a regexp with it.";
        found.add(Code::IgnoreCase, Field::Regexp, what, "Leave it out.").at(end..regexp.len()).fixed(fixed);
    }
    if META.contains(&rule.delimiter) {
        let what = format!(
            "The delimiter {} means something in expressions, which cannot be written any more.",
            rule.delimiter as char
        );
        found.add(Code::DelimiterMeta, Field::Regexp, what, "Use ! as delimiter.").at(0..1);
    } else if rule.delimiter != b'!' {
        let fixed = with_usual_delimiter(rule, plain).and_then(|regexp| with_regexp(record, &regexp));
        let what = "The delimiter is not !, and clients are known that take no other (RFC 5483 §3.1).";
        found.add(Code::DelimiterUnusual, Field::Regexp, what, "Use ! as delimiter.").at(0..1).fixed(fixed);
    }
    if let Some(at) = unanchored(plain) {
        let what = "The expression does not begin with ^, so it may match in the middle of a number.";
        found
            .add(
                Code::Unanchored,
                Field::Regexp,
                what,
                "Begin it, and each alternative, with ^, as in ^\\+44(.*)$.",
            )
            .at(at + 1..at + 2);
    }
    let groups =
        plain.contains(&b'(') && super::super::ere::count_groups(plain).is_ok_and(|groups| groups > 0);
    let refers = rule.pieces().any(|piece| matches!(piece, Piece::Group(_)));
    if groups && !refers {
        let what =
            "No back-reference takes what the expression's groups find: it may have lost its backslash.";
        found.add(
            Code::GroupUnused,
            Field::Regexp,
            what,
            "Write \\1 where the number belongs, or leave the parentheses out.",
        );
    }
    let backslash = rule.pieces().any(|piece| piece == Piece::Octet(b'\\'));
    if backslash && record.flags().eq_ignore_ascii_case(b"u") {
        let at = regexp
            .windows(2)
            .rposition(|pair| matches!(pair, [b'\\', next] if !next.is_ascii_digit()))
            .unwrap_or(0);
        let fixed = unescaped(regexp).and_then(|regexp| with_regexp(record, &regexp));
        let what = "A backslash stays in the URI, where none can be: the text was escaped once too often.";
        found
            .add(Code::BackslashTwice, Field::Regexp, what, "On the wire a back-reference is \\1 and a semicolon is ;. In a zone file that is \\\\1 and ; in quotes.")
            .at(at..at + 2)
            .fixed(fixed);
    }
}

/// Where an alternative of the whole expression begins that `^` does not hold at the number's begin.
fn unanchored(plain: &[u8]) -> Option<usize> {
    let (mut at, mut depth, mut begin) = (0, 0_usize, Some(0));
    loop {
        if let Some(begin) = begin.take() {
            let alternative = plain.get(begin..).unwrap_or_default();
            let open = alternative.iter().take_while(|octet| **octet == b'(').count();
            if !matches!(alternative.get(open..), Some([b'^', ..] | [b'.', b'*', ..])) {
                return Some(begin);
            }
        }
        let octet = *plain.get(at)?;
        at += 1;
        match octet {
            b'\\' => at += 1,
            b'[' => at = bracket_end(plain, at),
            b'(' => depth += 1,
            b')' => depth = depth.saturating_sub(1),
            b'|' if depth == 0 => begin = Some(at),
            _ => {}
        }
    }
}

/// The rule between exclamation marks; `None` if it has some itself.
fn with_usual_delimiter(rule: &Substitution<'_>, plain: &[u8]) -> Option<Vec<u8>> {
    let mut replacement = Vec::new();
    let mut rest = rule.replacement;
    loop {
        rest = match rest {
            [b'\\', escaped, after @ ..] if *escaped == rule.delimiter => {
                replacement.push(*escaped);
                after
            }
            [b'\\', escaped, after @ ..] => {
                replacement.extend([b'\\', *escaped]);
                after
            }
            [octet, after @ ..] => {
                replacement.push(*octet);
                after
            }
            [] => break,
        };
    }
    let flags: &[u8] = if rule.ignore_case { b"i" } else { b"" };
    let regexp = [b"!", plain, b"!", &replacement, b"!", flags].concat();
    (!plain.contains(&b'!') && !replacement.contains(&b'!') && Substitution::parse(&regexp).is_ok())
        .then_some(regexp)
}

/// The regexp with one level of escapes less, if that leaves a rule without stray backslashes.
fn unescaped(regexp: &[u8]) -> Option<Vec<u8>> {
    let mut plain = Vec::with_capacity(regexp.len());
    let mut rest = regexp;
    loop {
        rest = match rest {
            [b'\\', escaped @ (b'\\' | b';' | b'"'), after @ ..] => {
                plain.push(*escaped);
                after
            }
            [octet, after @ ..] => {
                plain.push(*octet);
                after
            }
            [] => break,
        };
    }
    let rule = Substitution::parse(&plain).ok()?;
    let is_left = rule.pieces().any(|piece| piece == Piece::Octet(b'\\'));
    (!is_left).then_some(plain)
}
