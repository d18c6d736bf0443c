//! Domain names: wire octets and presentation text (RFC 1035 §3.1, §5.1; RFC 4343).

use std::fmt::Write;

/// The most octets of a label (RFC 1035 §2.3.4).
const MAX_LABEL: usize = 63;
/// The most octets of a name, root label included.
const MAX_NAME: usize = 255;

//----------- Labels ---------------------------------------------------------

/// One label of a name in text: as written, and the octets it stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label<'a> {
    /// The text, escapes included.
    pub text: &'a str,
    /// The octets.
    pub octets: Vec<u8>,
}

/// Splits a name in presentation text into its labels, the root label left out.
///
/// A final dot may be missing: every name here is absolute. Escapes are `\DDD` and `\X`.
pub fn labels(text: &str) -> Result<Vec<Label<'_>>, NameError> {
    let mut labels = Vec::new();
    if text == "." {
        return Ok(labels);
    }
    let (mut start, mut octets) = (0, Vec::new());
    let mut rest = text.char_indices();
    let mut wire_length = 1;
    let mut finish = |label: Label<'_>| {
        wire_length += label.octets.len() + 1;
        match label.octets.len() {
            0 => Err(NameError::EmptyLabel),
            1..=MAX_LABEL if wire_length <= MAX_NAME => Ok(()),
            1..=MAX_LABEL => Err(NameError::TooLong),
            _ => Err(NameError::LabelTooLong),
        }
    };
    let mut ended_by_dot = false;
    while let Some((at, c)) = rest.next() {
        ended_by_dot = c == '.';
        match c {
            '.' => {
                let label =
                    Label { text: text.get(start..at).unwrap_or(""), octets: std::mem::take(&mut octets) };
                finish(label.clone())?;
                labels.push(label);
                start = at + 1;
            }
            '\\' => {
                let (octet, used) = unescape(rest.as_str().as_bytes()).ok_or(NameError::BadEscape)?;
                octets.push(octet);
                for _ in 0..used {
                    rest.next();
                }
            }
            c => octets.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    if !ended_by_dot {
        let label = Label { text: text.get(start..).unwrap_or(""), octets };
        finish(label.clone())?;
        labels.push(label);
    }
    Ok(labels)
}

/// The octet that an escape stands for, and how many characters it has after the backslash.
///
/// `\DDD` is an octet in decimal, `\X` is X itself (RFC 1035 §5.1).
pub(crate) fn unescape(after: &[u8]) -> Option<(u8, usize)> {
    let decimal = |octet: u8| octet.is_ascii_digit().then(|| u16::from(octet - b'0'));
    match *after {
        [a @ b'0'..=b'9', b, c, ..] => {
            let value = decimal(a)? * 100 + decimal(b)? * 10 + decimal(c)?;
            Some((u8::try_from(value).ok()?, 3))
        }
        [b'0'..=b'9', ..] | [] => None,
        [x, ..] => x.is_ascii().then_some((x, 1)),
    }
}

//----------- Wire and text --------------------------------------------------

/// The wire form of a name in text.
pub fn to_wire(text: &str) -> Result<Vec<u8>, NameError> {
    let mut wire = Vec::new();
    for label in labels(text)? {
        wire.push(label.octets.len() as u8);
        wire.extend_from_slice(&label.octets);
    }
    wire.push(0);
    Ok(wire)
}

/// The text of a name on the wire, final dot included. What is no whole, uncompressed name is cut.
pub fn to_text(wire: &[u8]) -> String {
    let mut text = String::new();
    let mut rest = wire;
    while let [length @ 1..=63, after @ ..] = rest {
        let Some((label, next)) = after.split_at_checked(usize::from(*length)) else { break };
        for &octet in label {
            match octet {
                b'.' | b'\\' | b'"' | b'(' | b')' | b';' | b'@' | b'$' => {
                    text.push('\\');
                    text.push(octet as char);
                }
                0x21..=0x7e => text.push(octet as char),
                _ => {
                    let _ = write!(text, "\\{octet:03}");
                }
            }
        }
        text.push('.');
        rest = next;
    }
    if text.is_empty() {
        text.push('.');
    }
    text
}

//----------- NameError ------------------------------------------------------

/// Why a text is no domain name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// Two dots in a row, or nothing at all.
    #[error("an empty label: a name has no two dots in a row and none at its start")]
    EmptyLabel,
    /// A label of more than 63 octets.
    #[error("a label of more than {MAX_LABEL} octets")]
    LabelTooLong,
    /// More than 255 octets on the wire.
    #[error("more than {MAX_NAME} octets on the wire")]
    TooLong,
    /// A backslash that starts neither `\DDD` nor `\X`.
    #[error("a backslash needs three digits up to 255, or one other character, behind it")]
    BadEscape,
}

impl NameError {
    /// A stable short name for programs.
    pub fn code(self) -> &'static str {
        match self {
            Self::EmptyLabel => "empty-label",
            Self::LabelTooLong => "label-too-long",
            Self::TooLong => "name-too-long",
            Self::BadEscape => "bad-escape",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn text_reads_back(labels in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..=20), 0..=8)) {
            let mut wire: Vec<u8> = labels.iter().flat_map(|l| [vec![l.len() as u8], l.clone()].concat()).collect();
            wire.push(0);
            prop_assert_eq!(Ok(wire.clone()), to_wire(&to_text(&wire)));
        }

        #[test]
        fn any_text_is_judged_without_panic(text: String) {
            let _ = to_wire(&text);
        }
    }

    #[test]
    fn faults_are_told_apart() {
        for (text, fault) in [
            ("", NameError::EmptyLabel),
            ("a..b", NameError::EmptyLabel),
            ("a.\\25", NameError::BadEscape),
            ("\\256", NameError::BadEscape),
            (&"a".repeat(64), NameError::LabelTooLong),
            (&"a.".repeat(128), NameError::TooLong),
        ] {
            assert_eq!(Err(fault), to_wire(text), "{text}");
        }
        assert_eq!(Ok(vec![0]), to_wire("."));
        assert_eq!(255, to_wire(&"a.".repeat(127)).unwrap().len());
    }
}
