//! NAPTR records in the text of a zone file (RFC 1035 §5.1), each with the place where it stands.
//!
//! For those who judge what was typed: libraries that load zones stop at the first fault, and give octets from which
//! nobody sees how many backslashes there were. Here text stays as it is, in fields, and a fault costs one line.
//! Lines with the six fields alone, without owner, are records as well.

use std::ops::Range;

/// What may stand between the owner and the type besides a TTL.
const CLASSES: [&[u8]; 3] = [b"IN", b"CH", b"HS"];

//----------- What is found --------------------------------------------------

/// One entry of a file: a line, or several in parentheses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The line it begins on, counted from 1.
    pub line: usize,
    /// The name it is about; `None` for directives and records without one.
    pub owner: Option<Owner>,
    /// What `$ORIGIN` was, in lower case and with its final dot; `None` before there is one.
    pub origin: Option<String>,
    /// What it is.
    pub content: Content,
}

/// What an entry is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// NAPTR record data, however many fields.
    Naptr(Fields),
    /// A record of another type.
    Other,
    /// A directive that is not followed, such as `$INCLUDE`.
    Directive(String),
    /// Something that cannot be read, and why.
    Fault(&'static str),
}

/// The fields of record data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fields {
    /// One after the other.
    pub fields: Vec<Field>,
    /// From the first octet of the first field to the last of the last, in the file.
    pub span: Range<usize>,
    /// Whether a `;` that touches a field made a comment of what follows.
    pub cut_by_comment: bool,
}

/// A field as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Where it is in the file, quotes left out.
    pub span: Range<usize>,
    /// Whether it stands in quotes.
    pub quoted: bool,
    /// Its octets, escapes as they stand.
    pub raw: Vec<u8>,
}

/// A name that records are about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Owner {
    /// In lower case; with a final dot if it is absolute, or was completed by `$ORIGIN`.
    pub text: String,
}

impl Owner {
    /// Whether the whole name is known.
    pub fn is_absolute(&self) -> bool {
        is_absolute(self.text.as_bytes())
    }
}

/// Whether a name ends with a dot that no backslash escapes.
pub fn is_absolute(name: &[u8]) -> bool {
    let backslashes = |name: &[u8]| name.iter().rev().take_while(|octet| **octet == b'\\').count();
    name.strip_suffix(b".").is_some_and(|head| backslashes(head) % 2 == 0)
}

//----------- Reading --------------------------------------------------------

/// Goes through the entries of a file. Time and memory are in proportion to its size, whatever is in it.
pub fn entries(text: &[u8]) -> Entries<'_> {
    Entries { text, at: 0, line: 1, origin: None, owner: None }
}

/// See [`entries`].
#[derive(Debug)]
pub struct Entries<'a> {
    text: &'a [u8],
    at: usize,
    line: usize,
    origin: Option<String>,
    /// The last one: a line that begins with a blank is about it again.
    owner: Option<Owner>,
}

/// The fields of an entry before it is known what it is.
#[derive(Default)]
struct Lexed {
    fields: Vec<Field>,
    /// Whether the first field stands at the line's begin.
    at_margin: bool,
    cut_by_comment: bool,
    fault: Option<&'static str>,
}

impl Iterator for Entries<'_> {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        while self.at < self.text.len() {
            let line = self.line;
            let lexed = self.lex();
            if let Some(entry) = self.understand(line, lexed) {
                return Some(entry);
            }
        }
        None
    }
}

impl Entries<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    /// Takes one entry, its line end included.
    fn lex(&mut self) -> Lexed {
        let mut lexed =
            Lexed { at_margin: !matches!(self.peek(), Some(b' ' | b'\t' | b'\r')), ..Lexed::default() };
        let mut depth = 0_usize;
        while let Some(octet) = self.peek() {
            match octet {
                b'\n' => {
                    self.at += 1;
                    self.line += 1;
                    if depth == 0 {
                        return lexed;
                    }
                }
                b' ' | b'\t' | b'\r' => self.at += 1,
                b'(' => {
                    depth += 1;
                    self.at += 1;
                }
                b')' => {
                    if depth == 0 {
                        lexed.fault.get_or_insert("a ) without its (");
                    }
                    depth = depth.saturating_sub(1);
                    self.at += 1;
                }
                b';' => {
                    lexed.cut_by_comment |=
                        lexed.fields.last().is_some_and(|field| !field.quoted && field.span.end == self.at);
                    self.at += self
                        .text
                        .get(self.at..)
                        .unwrap_or_default()
                        .split(|o| *o == b'\n')
                        .next()
                        .map_or(0, <[u8]>::len);
                }
                b'"' => self.field(&mut lexed, true),
                _ => self.field(&mut lexed, false),
            }
        }
        if depth > 0 {
            lexed.fault = Some("a ( is never closed: nothing behind it was read");
        }
        lexed
    }

    /// Takes one field.
    fn field(&mut self, lexed: &mut Lexed, quoted: bool) {
        self.at += usize::from(quoted);
        let start = self.at;
        let closed = loop {
            match (self.peek(), quoted) {
                (Some(b'"'), true) => break true,
                (None | Some(b'\n'), _) => break !quoted,
                (Some(b' ' | b'\t' | b'\r' | b';' | b'(' | b')' | b'"'), false) => break true,
                (Some(b'\\'), _) => {
                    self.at += 1;
                    match self.peek() {
                        None | Some(b'\n' | b'\r') => {
                            lexed.fault.get_or_insert(
                                "a backslash at the line's end does not continue it: use parentheses",
                            );
                        }
                        Some(_) => self.at += 1,
                    }
                }
                _ => self.at += 1,
            }
        };
        if !closed {
            lexed.fault.get_or_insert("a quote is never closed on its line");
        }
        let span = start..self.at;
        let raw = self.text.get(span.clone()).unwrap_or_default().to_vec();
        lexed.fields.push(Field { span, quoted, raw });
        self.at += usize::from(quoted && closed);
    }

    /// Says what an entry is; `None` if there is nothing in it.
    fn understand(&mut self, line: usize, lexed: Lexed) -> Option<Entry> {
        let Lexed { fields, at_margin, cut_by_comment, fault } = lexed;
        let first = fields.first()?;
        let entry = |owner, origin: &Option<String>, content| {
            Some(Entry { line, owner, origin: origin.clone(), content })
        };
        if let Some(directive) = Some(&first.raw).filter(|raw| at_margin && raw.starts_with(b"$")) {
            let name = String::from_utf8_lossy(directive).to_ascii_uppercase();
            match (name.as_str(), fields.get(1)) {
                ("$TTL", _) => {}
                ("$ORIGIN", Some(origin)) => self.origin = Some(self.absolute(&origin.raw)),
                _ => return entry(None, &self.origin, Content::Directive(name)),
            }
            return None;
        }
        let header = header(&fields, at_margin);
        let bare = header.is_none() && is_bare(&fields);
        if at_margin && !bare {
            self.owner = Some(self.named(&first.raw));
        }
        let owner = if bare { None } else { self.owner.clone() };
        if let Some(fault) = fault {
            return entry(owner, &self.origin, Content::Fault(fault));
        }
        let data = match header {
            Some(header) => fields.get(header..).unwrap_or_default().to_vec(),
            None if bare => fields,
            None => return entry(owner, &self.origin, Content::Other),
        };
        let (Some(first), Some(last)) = (data.first(), data.last()) else {
            return entry(owner, &self.origin, Content::Fault("record data is missing behind the type"));
        };
        let quote = |field: &Field| usize::from(field.quoted);
        let span = first.span.start - quote(first)..last.span.end + quote(last);
        entry(owner, &self.origin, Content::Naptr(Fields { fields: data, span, cut_by_comment }))
    }

    /// A name in full if there is an origin to complete it with.
    fn named(&self, raw: &[u8]) -> Owner {
        let name = printable(raw);
        let text = match (&self.origin, name.as_str()) {
            (Some(origin), "@") => origin.clone(),
            (Some(origin), _) if !is_absolute(raw) => join(&name, origin),
            _ => name,
        };
        Owner { text }
    }

    /// A name with its final dot, which an origin may lack.
    fn absolute(&self, raw: &[u8]) -> String {
        match self.named(raw).text {
            name if is_absolute(name.as_bytes()) => name,
            name => name + ".",
        }
    }
}

/// A name in lower case, its octets that do not print as `\DDD`: names go into messages.
fn printable(raw: &[u8]) -> String {
    let mut name = String::with_capacity(raw.len());
    for octet in raw {
        match octet {
            b' '..=b'~' => name.push(octet.to_ascii_lowercase() as char),
            _ => name.push_str(&format!("\\{octet:03}")),
        }
    }
    name
}

/// A relative name completed by an origin.
pub fn join(name: &str, origin: &str) -> String {
    if origin == "." { format!("{name}.") } else { format!("{name}.{origin}") }
}

/// Where the record data begins, if the type is NAPTR: behind owner, TTL and class.
fn header(fields: &[Field], at_margin: bool) -> Option<usize> {
    let start = usize::from(at_margin);
    let is_header = |field: &Field| {
        let raw = field.raw.as_slice();
        let is_ttl = raw.first().is_some_and(u8::is_ascii_digit) && raw.iter().all(u8::is_ascii_alphanumeric);
        !field.quoted && (is_ttl || CLASSES.iter().any(|class| raw.eq_ignore_ascii_case(class)))
    };
    let skipped = fields.get(start..)?.iter().take(2).take_while(|field| is_header(field)).count();
    let kind = fields.get(start + skipped)?;
    (!kind.quoted && kind.raw.eq_ignore_ascii_case(b"NAPTR")).then_some(start + skipped + 1)
}

/// Whether fields are record data alone: two numbers, and then none of what follows an owner and a TTL.
fn is_bare(fields: &[Field]) -> bool {
    let is_number = |field: &Field| !field.quoted && field.raw.iter().all(u8::is_ascii_digit);
    match fields {
        [order, preference, flags, rest @ ..] => {
            is_number(order)
                && is_number(preference)
                && (flags.quoted
                    || flags.raw.len() <= 1
                    // A quotation mark of a word processor.
                    || flags.raw.starts_with(&[0xe2, 0x80])
                    || rest.len() >= 2 && rest.iter().any(|field| field.quoted))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Vec<Entry> {
        entries(text.as_bytes()).collect()
    }

    fn owner(entry: &Entry) -> Option<&str> {
        entry.owner.as_ref().map(|owner| owner.text.as_str())
    }

    #[test]
    fn records_are_found_with_owner_line_and_fields() {
        let file = "; a comment\n$TTL 1h\n$ORIGIN 4.4.E164.arpa\n@ IN SOA a b (1 2\n 3 4 5)\n\
            3.2 3600 IN NAPTR 10 100 \"u\" ( ; why\n  \"E2U+sip\"\n \"!^.*$!sip:a;b@c!\" . ) ; end\n\
            \tNAPTR 10 101 u E2U+x \"!a\\\\\\\"!b!\".\n5 A 192.0.2.1\n";
        let found = read(file);
        assert_eq!(vec![4, 6, 9, 10], found.iter().map(|entry| entry.line).collect::<Vec<_>>());
        assert_eq!(
            vec![
                Some("4.4.e164.arpa."),
                Some("3.2.4.4.e164.arpa."),
                Some("3.2.4.4.e164.arpa."),
                Some("5.4.4.e164.arpa.")
            ],
            found.iter().map(owner).collect::<Vec<_>>()
        );
        let Content::Naptr(first) = &found[1].content else { panic!("{found:?}") };
        let Content::Naptr(second) = &found[2].content else { panic!("{found:?}") };
        assert_eq!((6, 6), (first.fields.len(), second.fields.len()));
        assert_eq!(b"!^.*$!sip:a;b@c!"[..], first.fields[4].raw);
        assert_eq!(b"!a\\\\\\\"!b!"[..], second.fields[4].raw);
        assert!(file[first.span.clone()].starts_with("10 100") && file[first.span.clone()].ends_with("\" ."));
        assert_eq!((&Content::Other, &Content::Other), (&found[0].content, &found[3].content));
    }

    #[test]
    fn records_may_stand_without_owner() {
        for line in ["10 100 \"u\" \"E2U+sip\" \"!^.*$!sip:a@b!\" .", "10 100 u E2U+sip \"!^.*$!sip:a@b!\" ."]
        {
            let found = read(line);
            assert_eq!(None, found[0].owner, "{line}");
            assert!(matches!(&found[0].content, Content::Naptr(data) if data.fields.len() == 6), "{line}");
        }
        // Owners of digits alone are what ENUM is made of.
        for line in [
            "4 3600 IN NAPTR 1 2 \"\" \"\" \"\" a.",
            "4 IN 3600 NAPTR 1 2 \"\" \"\" \"\" a.",
            "4 NAPTR 1 2 \"\" \"\" \"\" a.",
        ] {
            assert_eq!(Some("4"), owner(&read(line)[0]), "{line}");
        }
        assert_eq!(Content::Other, read("4 3600 TXT \"NAPTR\"")[0].content);
    }

    #[test]
    fn a_fault_costs_one_line() {
        let found = read("a NAPTR 1 2 \"u\nb NAPTR \\\nc )\n$INCLUDE d\ne NAPTR\nf A 1\n g (");
        let faults = found.iter().filter(|entry| matches!(entry.content, Content::Fault(_)));
        assert_eq!(vec![1, 2, 3, 5, 7], faults.map(|entry| entry.line).collect::<Vec<_>>());
        assert_eq!(Content::Directive("$INCLUDE".to_owned()), found[3].content);
        assert_eq!(Content::Other, found[5].content);
    }

    proptest! {
        #[test]
        fn any_octets_are_read_without_panic(text: Vec<u8>, likely in "[0-9a \"\\\\();$@.\n\tNAPTR]{0,80}") {
            for text in [&text[..], likely.as_bytes()] {
                for entry in entries(text) {
                    if let Content::Naptr(data) = entry.content {
                        prop_assert!(data.fields.iter().all(|field| text[field.span.clone()] == field.raw[..]));
                        prop_assert!(text.get(data.span).is_some());
                    }
                }
            }
        }
    }
}
