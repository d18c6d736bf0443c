//! What was typed, before it is octets: backslashes, quotes, dots.

use super::super::Substitution;
use super::{Code, Field, Finding};
use crate::dns::name;
use crate::naptr::zone::{self, Content, Fields};
use crate::naptr::{Naptr, text};

/// The place of the regexp among the fields.
const REGEXP: usize = 4;

/// What record data in a zone file say: the record, if there is one or it is clear which was meant, and what is wrong.
pub(super) fn read(data: &Fields, origin: Option<&str>) -> (Option<Naptr>, Vec<Finding>) {
    let mut found = Vec::new();
    let mut add = |code, field, what: String, mend: &str, fixed: Option<Naptr>| {
        found.push(Finding { code, field, span: 0..0, what, mend: mend.to_owned(), fixed });
    };
    let as_typed = assemble(data, origin);
    if has_typographic_quotes(data) {
        let fixed = with_plain_quotes(data, origin);
        let what =
            "The strings stand in typographic quotation marks, which zone files do not have.".to_owned();
        add(Code::TypographicQuotes, Field::Record, what, "Write \" instead.", fixed.clone());
        return (fixed, found);
    }
    let doubled = doubled(data);
    let is_rule = |record: &Naptr| record.regexp().is_empty() || Substitution::parse(record.regexp()).is_ok();
    if let Some((lost, doubled)) = doubled {
        let meant = assemble(&doubled, origin).ok().filter(is_rule);
        let left = as_typed.as_ref().ok().filter(|record| is_rule(record));
        let mend = "Write each backslash of a regexp twice: \\\\1, \\\\+, \\\\. (RFC 3403 §7).";
        match left {
            Some(left) => {
                let what = format!(
                    "One backslash is taken away on reading ({lost}), which leaves the regexp \"{}\".",
                    left.regexp().escape_ascii()
                );
                add(Code::BackslashLost, Field::Regexp, what, mend, None);
            }
            None => {
                let what = format!(
                    "One backslash stands where text needs two ({lost}), and without it this is no rule."
                );
                add(Code::BackslashOnce, Field::Regexp, what, mend, meant.clone());
                return (meant, found);
            }
        }
    }
    let record = match as_typed {
        Ok(record) => record,
        Err(error) => {
            if let [.., last] = data.fields.as_slice()
                && data.fields.len() == 5
                && last.quoted
            {
                let completed = [&joined(data, None)[..], " ."].concat();
                let fixed = text::parse(&completed).ok();
                let what = "There are five fields: the replacement is missing.".to_owned();
                add(
                    Code::ReplacementMissing,
                    Field::Replacement,
                    what,
                    "End the record with a dot, which is an unused replacement.",
                    fixed.clone(),
                );
                return (fixed, found);
            }
            let what = match data.cut_by_comment {
                true => format!(
                    "No record can be read: a semicolon without quotes made a comment of what follows it; {error}."
                ),
                false => format!("No record can be read: {error}."),
            };
            add(
                Code::TextSyntax,
                Field::Record,
                what,
                "Write: order preference \"flags\" \"services\" \"regexp\" replacement.",
                None,
            );
            return (None, found);
        }
    };
    if data.fields.get(REGEXP).is_some_and(|field| !field.quoted && !field.raw.is_empty()) {
        let what = "The regexp stands without quotes, where a semicolon begins a comment and parentheses group lines.".to_owned();
        add(Code::RegexpUnquoted, Field::Regexp, what, "Put it in quotes.", None);
    }
    relative(data, origin, &mut add);
    (Some(record), found)
}

/// A replacement that lacks its final dot where that is hardly meant.
fn relative(
    data: &Fields,
    origin: Option<&str>,
    add: &mut impl FnMut(Code, Field, String, &str, Option<Naptr>),
) {
    let Some(field) = data.fields.last().filter(|field| !zone::is_absolute(&field.raw) && field.raw != b"@")
    else {
        return;
    };
    let name = field.raw.escape_ascii().to_string().to_ascii_lowercase();
    let what = match origin {
        Some(origin) if origin != "." && format!(".{name}.").ends_with(&format!(".{origin}")) => {
            format!("The replacement has no final dot, so it is completed to {name}.{origin}")
        }
        None if name.contains('.') => {
            format!("The replacement {name} has no final dot, so the zone's origin is put behind it.")
        }
        _ => return,
    };
    add(Code::ReplacementRelative, Field::Replacement, what, "End it with a dot.", None);
}

/// The record that the fields are.
fn assemble(data: &Fields, origin: Option<&str>) -> Result<Naptr, crate::naptr::NaptrError> {
    text::parse(&joined(data, origin))
}

/// The fields on one line, the replacement completed by the origin.
fn joined(data: &Fields, origin: Option<&str>) -> String {
    let last = data.fields.len().saturating_sub(1);
    let words: Vec<String> = data
        .fields
        .iter()
        .enumerate()
        .map(|(place, field)| {
            // What is no ASCII is the same octets as \DDD.
            let mut word = String::new();
            for octet in &field.raw {
                match octet {
                    0x80.. => word.push_str(&format!("\\{octet:03}")),
                    _ => word.push(*octet as char),
                }
            }
            match (field.quoted, origin) {
                (true, _) => format!("\"{word}\""),
                (false, Some(origin)) if place == last && word == "@" => origin.to_owned(),
                (false, Some(origin)) if place == last && last == 5 && !zone::is_absolute(&field.raw) => {
                    zone::join(&word, origin)
                }
                (false, _) => word,
            }
        })
        .collect();
    words.join(" ")
}

//----------- Backslashes ----------------------------------------------------

/// The first backslash of the regexp that stands alone, and the fields with all of those doubled.
fn doubled(data: &Fields) -> Option<(String, Fields)> {
    let mut data = data.clone();
    let field = data.fields.get_mut(REGEXP)?;
    let mut lost = None;
    let mut doubled = Vec::with_capacity(field.raw.len());
    let mut rest = field.raw.as_slice();
    loop {
        let (used, is_lost) = match rest {
            // As text is to be written; the semicolon is a habit of old versions of dig.
            [b'\\', b'\\' | b'"' | b';', ..] => (2, false),
            [b'\\', a @ b'0'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9', ..] => {
                let octet = name::unescape(&[*a, *b, *c]).map(|(octet, _)| octet);
                // Nobody writes printable octets as numbers but for these, which mean something.
                let is_meant =
                    octet.is_some_and(|octet| !octet.is_ascii_graphic() || b"\\\";".contains(&octet));
                (4, !is_meant)
            }
            [b'\\', b'0'..=b'9', ..] => (2, true),
            [b'\\', ..] => (rest.len().min(2), true),
            [_, ..] => (1, false),
            [] => break,
        };
        let (now, after) = rest.split_at_checked(used)?;
        if is_lost {
            lost.get_or_insert_with(|| now.escape_ascii().to_string().replace("\\\\", "\\"));
            doubled.push(b'\\');
        }
        doubled.extend_from_slice(now);
        rest = after;
    }
    field.raw = doubled;
    lost.map(|lost| (lost, data))
}

//----------- Quotes ---------------------------------------------------------

/// The quotation marks of word processors: “ ” „ in UTF-8.
const MARKS: [&[u8]; 3] = ["\u{201c}".as_bytes(), "\u{201d}".as_bytes(), "\u{201e}".as_bytes()];

fn mark(octets: &[u8]) -> Option<usize> {
    MARKS.iter().find(|mark| octets.starts_with(mark)).map(|mark| mark.len())
}

fn has_typographic_quotes(data: &Fields) -> bool {
    // Inside quotes they are characters.
    data.fields.iter().any(|field| !field.quoted && mark(&field.raw).is_some())
}

fn with_plain_quotes(data: &Fields, origin: Option<&str>) -> Option<Naptr> {
    let mut plain = Vec::new();
    for field in &data.fields {
        let mut rest = field.raw.as_slice();
        plain.push(b' ');
        while let Some((octet, after)) = rest.split_first() {
            rest = match mark(rest) {
                Some(octets) => {
                    plain.push(b'"');
                    rest.get(octets..).unwrap_or_default()
                }
                None => {
                    plain.push(*octet);
                    after
                }
            };
        }
    }
    let entry = zone::entries(plain.trim_ascii()).next()?;
    let Content::Naptr(fields) = entry.content else { return None };
    assemble(&fields, origin)
        .ok()
        .filter(|record| record.regexp().is_empty() || Substitution::parse(record.regexp()).is_ok())
}
