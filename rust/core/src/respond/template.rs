//! Regexps with placeholders, filled in with what is known of a network.

use super::number_marks::LONGEST;
use crate::ddds::Substitution;
use crate::naptr::MAX_STRING;
use crate::plan::fields::{MAX_RN_CONTEXT, MAX_SPID};

//----------- Placeholder ----------------------------------------------------

/// What a template can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Placeholder {
    /// The number that is asked for, with its `+`: another one at each query.
    Number,
    Mcc,
    Mnc,
    Mnc3,
    Spid,
    Rn,
    RnContext,
    Operator,
}

const NAMES: [(&str, Placeholder); 8] = [
    ("number", Placeholder::Number),
    ("mcc", Placeholder::Mcc),
    ("mnc", Placeholder::Mnc),
    ("mnc3", Placeholder::Mnc3),
    ("spid", Placeholder::Spid),
    ("rn", Placeholder::Rn),
    ("rn_context", Placeholder::RnContext),
    ("operator", Placeholder::Operator),
];

impl Placeholder {
    fn of_name(name: &str) -> Result<Self, String> {
        let found = NAMES.iter().find(|(known, _)| *known == name);
        found.map(|(_, placeholder)| *placeholder).ok_or_else(|| {
            let known: Vec<String> = NAMES.iter().map(|(name, _)| format!("{{{name}}}")).collect();
            format!("{{{name}}} is no placeholder: use {}", known.join(" "))
        })
    }
}

//----------- Template -------------------------------------------------------

/// A regexp with placeholders, split where parameters begin and end: a parameter whose value is unknown is
/// left out whole.
#[derive(Debug)]
pub(super) struct Template {
    /// What stands up to the last delimiter.
    parts: Vec<Part>,
    /// The last delimiter and the flags behind it.
    tail: Vec<u8>,
}

/// A parameter with its semicolon, or what stands between parameters.
#[derive(Debug)]
struct Part {
    pieces: Vec<Piece>,
    is_parameter: bool,
}

#[derive(Debug)]
enum Piece {
    Literal(Vec<u8>),
    Value(Placeholder),
}

/// Every octet that a text's value may hold, but for some digits: 64.
const ALL_OCTETS: &str = "%+-._0123ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz456";
/// A routing number of every octet that one may hold, as long as one may be.
const LONGEST_RN: &str = "+0123456789abcdefABCDEF01";

impl Template {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let octets = text.as_bytes();
        if expression(octets).windows(NUMBER.len()).any(|octets| octets == NUMBER) {
            return Err("{number} can stand in the replacement only, behind the second delimiter: in the \
                        expression its + would be a repeat"
                .to_owned());
        }
        let last = octets.first().and_then(|delimiter| octets.iter().rposition(|octet| octet == delimiter));
        let (body, tail) = text.split_at_checked(last.unwrap_or(0)).unwrap_or((text, ""));
        let mut parts = Vec::new();
        for (place, text) in body.split(';').enumerate() {
            // In sip:\1;npdi;rn={rn}@gw.example the last parameter ends before the host (RFC 3261 §25.1).
            let end = if place == 0 { 0 } else { text.find(['@', '?', '>']).unwrap_or(text.len()) };
            let (parameter, rest) = text.split_at_checked(end).unwrap_or((text, ""));
            if place > 0 {
                parts.push(Part { pieces: pieces(&format!(";{parameter}"))?, is_parameter: true });
            }
            parts.push(Part { pieces: pieces(rest)?, is_parameter: false });
        }
        Ok(Self { parts, tail: tail.as_bytes().to_vec() })
    }

    /// Checks that the template makes a valid rule of the longest values that a plan may have, and gives how many
    /// octets that has.
    ///
    /// No plan can make it an invalid one, unless by an operator's name: names can be so long that no record
    /// holds them, so one that is too long shows when the records are encoded.
    pub(super) fn check(&self) -> Result<usize, String> {
        let longest = |octets| ALL_OCTETS.chars().cycle().take(octets).collect();
        let filled = |operator: &str| {
            let sample = |placeholder| match placeholder {
                Placeholder::Number => LONGEST.to_owned(),
                Placeholder::Mcc => "310".to_owned(),
                Placeholder::Mnc | Placeholder::Mnc3 => "012".to_owned(),
                Placeholder::Spid => longest(MAX_SPID),
                Placeholder::Rn => LONGEST_RN.to_owned(),
                Placeholder::RnContext => longest(MAX_RN_CONTEXT),
                Placeholder::Operator => operator.to_owned(),
            };
            self.expand(|placeholder| Some(sample(placeholder))).unwrap_or_default()
        };
        let regexp = filled(ALL_OCTETS);
        let rule = Substitution::parse(&regexp)
            .map_err(|fault| format!("\"{}\" is no rule: {fault}", regexp.escape_ascii()))?;
        // No URI has them (RFC 3986 §2), so one that is left over was meant to be a placeholder's.
        if rule.replacement.iter().any(|octet| matches!(octet, b'{' | b'}')) {
            return Err(format!("\"{}\" has a brace that belongs to no placeholder", regexp.escape_ascii()));
        }
        match filled("x").len() {
            ..=MAX_STRING if self.has(Placeholder::Operator) => Ok(MAX_STRING),
            octets @ ..=MAX_STRING => Ok(octets),
            octets => {
                let longest = "once filled in with the longest values that a plan may have";
                Err(format!("{octets} octets {longest}, at most 255 fit in the record: shorten it"))
            }
        }
    }

    fn has(&self, wanted: Placeholder) -> bool {
        let is_wanted = |piece: &Piece| matches!(piece, Piece::Value(placeholder) if *placeholder == wanted);
        self.parts.iter().flat_map(|part| &part.pieces).any(is_wanted)
    }

    /// Fills in the values; `None` if one that is not a parameter's is unknown.
    pub(super) fn expand(&self, value: impl Fn(Placeholder) -> Option<String>) -> Option<Vec<u8>> {
        let mut regexp = Vec::new();
        for Part { pieces, is_parameter } in &self.parts {
            let before = regexp.len();
            for piece in pieces {
                match piece {
                    Piece::Literal(octets) => regexp.extend_from_slice(octets),
                    Piece::Value(placeholder) => match value(*placeholder) {
                        Some(text) => regexp.extend_from_slice(text.as_bytes()),
                        None if *is_parameter => {
                            regexp.truncate(before);
                            break;
                        }
                        None => return None,
                    },
                }
            }
        }
        regexp.extend_from_slice(&self.tail);
        Some(regexp)
    }
}

const NUMBER: &[u8] = b"{number}";

/// The delimiter and the expression, up to the next delimiter that no backslash escapes; nothing if there is none.
fn expression(regexp: &[u8]) -> &[u8] {
    let mut octets = regexp.iter().enumerate();
    let Some((_, delimiter)) = octets.next() else { return &[] };
    while let Some((place, octet)) = octets.next() {
        match octet {
            b'\\' => {
                octets.next();
            }
            octet if octet == delimiter => return regexp.get(..place).unwrap_or_default(),
            _ => {}
        }
    }
    &[]
}

/// Splits text at its `{placeholders}`. A brace that starts no name is a repeat of the expression,
/// as in `[0-9]{4}`.
fn pieces(text: &str) -> Result<Vec<Piece>, String> {
    let mut pieces = Vec::new();
    let mut rest = text;
    let mut literal = String::new();
    while let Some((before, after)) = rest.split_once('{') {
        literal.push_str(before);
        rest = after;
        let name: String = after.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
        let Some(closed) = after.strip_prefix(name.as_str()).and_then(|after| after.strip_prefix('}')) else {
            literal.push('{');
            continue;
        };
        if name.bytes().all(|octet| octet.is_ascii_digit()) {
            literal.push('{');
            continue;
        }
        let placeholder = Placeholder::of_name(&name)?;
        let backslashes = literal.bytes().rev().take_while(|octet| *octet == b'\\').count();
        if backslashes % 2 == 1 {
            return Err(format!(
                "a backslash stands before {{{name}}}, whose first digit would be a back-reference: leave it out"
            ));
        }
        pieces.push(Piece::Literal(std::mem::take(&mut literal).into_bytes()));
        pieces.push(Piece::Value(placeholder));
        rest = closed;
    }
    literal.push_str(rest);
    pieces.push(Piece::Literal(literal.into_bytes()));
    Ok(pieces)
}
