//! NAPTR record data as text in a zone file (RFC 1035 §5.1, RFC 3403 §4.3).
//!
//! Read are both habits of writing a semicolon between quotes, `;` and `\;`. Written is the newer one.

use std::fmt::{self, Write};

use super::{Naptr, NaptrError};
use crate::dns::name;

//----------- Reading --------------------------------------------------------

/// Reads the six fields from one line of text.
pub fn parse(text: &str) -> Result<Naptr, NaptrError> {
    let fields = fields(text)?;
    let [order, preference, flags, services, regexp, replacement] = fields.as_slice() else {
        let hint = match fields.len() {
            5 => "; an unused replacement is written as a dot",
            _ => "",
        };
        return Err(NaptrError::FieldCount { found: fields.len(), hint });
    };
    Naptr::new(
        number("order", order)?,
        number("preference", preference)?,
        [&flags.octets, &services.octets, &regexp.octets],
        replacement.text,
    )
}

/// Reads one quoted string, as the strings of a record are written.
pub fn parse_string(text: &str) -> Result<Vec<u8>, NaptrError> {
    match fields(text)?.as_slice() {
        [field] if field.octets.len() <= super::MAX_STRING => Ok(field.octets.clone()),
        [field] => Err(NaptrError::StringTooLong { field: "string", octets: field.octets.len() }),
        fields => Err(NaptrError::FieldCount { found: fields.len(), hint: "" }),
    }
}

struct Field<'a> {
    /// As written, without quotes.
    text: &'a str,
    /// What it stands for.
    octets: Vec<u8>,
}

fn fields(text: &str) -> Result<Vec<Field<'_>>, NaptrError> {
    let octets = text.as_bytes();
    let mut fields = Vec::new();
    let mut at = 0;
    while let Some(&octet) = octets.get(at) {
        match octet {
            b' ' | b'\t' => at += 1,
            b'"' => {
                let (field, next) = field(text, at + 1, true)?;
                fields.push(field);
                at = next + 1;
                // `"…".` without a blank is how some standards print the replacement; take it.
            }
            _ => {
                let (field, next) = field(text, at, false)?;
                fields.push(field);
                at = next;
            }
        }
    }
    Ok(fields)
}

/// Reads a field that starts at `start` and gives where it ends.
fn field(text: &str, start: usize, quoted: bool) -> Result<(Field<'_>, usize), NaptrError> {
    let octets = text.as_bytes();
    let syntax = |at: usize, what| NaptrError::Syntax { at: at + 1, what };
    let mut value = Vec::new();
    let mut at = start;
    loop {
        match (octets.get(at), quoted) {
            (None, true) => return Err(syntax(start - 1, "this quote is never closed")),
            (Some(b'"'), true) | (Some(b' ' | b'\t'), false) | (None, false) => break,
            (Some(b'"'), false) => {
                return Err(syntax(at, "a quote inside a field: put a blank before it, or \\ "));
            }
            (Some(b'(' | b')' | b';'), false) => {
                return Err(syntax(
                    at,
                    "parentheses and semicolons have a meaning of their own: put the field in quotes",
                ));
            }
            (Some(b'\\'), _) => {
                let after = octets.get(at + 1..).unwrap_or_default();
                let (octet, used) = name::unescape(after).ok_or_else(|| {
                    syntax(at, "a backslash needs three digits up to 255, or one other character, behind it")
                })?;
                value.push(octet);
                at += 1 + used;
            }
            (Some(b'\n' | b'\r' | 0), _) => {
                return Err(syntax(at, "a line break or an octet 0 inside a field"));
            }
            (Some(&octet), _) => {
                value.push(octet);
                at += 1;
            }
        }
    }
    Ok((Field { text: text.get(start..at).unwrap_or(""), octets: value }, at))
}

fn number(field: &'static str, found: &Field<'_>) -> Result<u16, NaptrError> {
    let not_a_number = || NaptrError::NotANumber { field, found: found.text.to_owned() };
    // `parse` alone would take a sign.
    if !found.text.bytes().all(|octet| octet.is_ascii_digit()) {
        return Err(not_a_number());
    }
    found.text.parse().map_err(|_| not_a_number())
}

//----------- Writing --------------------------------------------------------

impl fmt::Display for Naptr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.order, self.preference)?;
        for string in [&self.flags, &self.services, &self.regexp] {
            write!(f, " {}", quoted(string))?;
        }
        write!(f, " {}", self.replacement())
    }
}

/// A string in quotes: `"` and `\` behind a backslash, octets that do not print as `\DDD`.
pub fn quoted(octets: &[u8]) -> String {
    let mut text = String::from("\"");
    for &octet in octets {
        match octet {
            b'"' | b'\\' => {
                text.push('\\');
                text.push(octet as char);
            }
            0x20..=0x7e => text.push(octet as char),
            _ => {
                let _ = write!(text, "\\{octet:03}");
            }
        }
    }
    text.push('"');
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn record() -> impl Strategy<Value = Naptr> {
        let string = || prop::collection::vec(any::<u8>(), 0..=255);
        (any::<u16>(), any::<u16>(), string(), string(), string(), "([a-z0-9_-]{1,20}\\.){0,5}").prop_map(
            |(order, preference, flags, services, regexp, name)| {
                let name = if name.is_empty() { "." } else { &name };
                Naptr::new(order, preference, [&flags, &services, &regexp], name).unwrap()
            },
        )
    }

    proptest! {
        #[test]
        fn text_and_wire_read_back(record in record()) {
            prop_assert_eq!(Ok(record.clone()), parse(&record.to_string()));
            prop_assert_eq!(Ok(record.clone()), Naptr::from_wire(&record.to_wire()));
        }

        #[test]
        fn any_text_and_octets_are_judged_without_panic(text: String, likely in "[0-9 \"\\\\;().a\u{e9}]{0,40}", rdata: Vec<u8>) {
            let _ = parse(&text);
            let _ = parse(&likely);
            if let Ok(record) = Naptr::from_wire(&rdata) {
                prop_assert_eq!(rdata, record.to_wire());
            }
        }
    }
}
