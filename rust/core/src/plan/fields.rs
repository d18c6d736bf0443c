//! One row's text fields, checked one by one. An empty field is an unknown value.

use zerocopy::byteorder::little_endian::U32;

use crate::number::{MAX_DIGITS, Number, Prefix};
use crate::snapshot::{Kind, RangeRow};
use crate::uri;

/// The most octets of a free text (operator name, source).
pub const MAX_TEXT: usize = 255;

// An answer's rule has 255 octets (RFC 1035 §3.3), so the values that a template fills in have limits: with
// the longest of them, `tel:` URIs with all parameters of RFC 4694 and a SPID fit. That RFC sets none.

/// The most octets of a SPID once percent-encoded.
pub const MAX_SPID: usize = 64;
/// The most octets of a routing number: 24 hexadecimal digits and a `+`.
pub const MAX_RN: usize = 25;
/// The most octets of a routing number's context.
pub const MAX_RN_CONTEXT: usize = 64;

//----------- RangeFields, PortedFields --------------------------------------

/// A row of a ranges file, as text.
#[derive(Clone, Copy, Debug, Default)]
pub struct RangeFields<'a> {
    /// Digits that the numbers start with, country code first; a leading `+` is allowed.
    pub prefix: &'a str,
    /// Fewest digits, country code included; empty: as many as the prefix has.
    pub min_length: &'a str,
    /// Most digits, country code included; empty: 15.
    pub max_length: &'a str,
    /// ISO 3166-1 alpha-2.
    pub country: &'a str,
    /// The name of a [`Kind`].
    pub kind: &'a str,
    /// Three digits.
    pub mcc: &'a str,
    /// Two or three digits; needs an MCC.
    pub mnc: &'a str,
    /// Operator name.
    pub operator: &'a str,
    /// `true` or `false`; empty: false.
    pub portable: &'a str,
    /// Where the row's statement comes from; empty: the file.
    pub source: &'a str,
}

/// A row of a ported-numbers file, as text.
#[derive(Clone, Copy, Debug, Default)]
pub struct PortedFields<'a> {
    /// The whole number, country code first; a leading `+` is allowed.
    pub number: &'a str,
    /// Three digits.
    pub mcc: &'a str,
    /// Two or three digits; needs an MCC.
    pub mnc: &'a str,
    /// Operator name.
    pub operator: &'a str,
    /// Service provider identifier: up to [`MAX_SPID`] octets once percent-encoded.
    pub spid: &'a str,
    /// Routing number: hexadecimal digits, after a `+` and the country code if it is global (RFC 4694 §4).
    pub rn: &'a str,
    /// The context that a local routing number needs and a global one has not: `+` and digits, or a domain
    /// (RFC 4694 §4).
    pub rn_context: &'a str,
}

/// A range whose fields hold.
pub(super) struct CheckedRange<'a> {
    pub prefix: Prefix,
    pub network: CheckedNetwork<'a>,
    /// The row for the file; its network is yet to be filled in.
    pub row: RangeRow,
}

/// A network whose fields hold.
pub(super) struct CheckedNetwork<'a> {
    pub mcc: [u8; 3],
    pub mnc: [u8; 3],
    pub operator: &'a str,
    pub spid: &'a str,
    pub rn: &'a str,
    pub rn_context: &'a str,
    /// `None`: the file that the row stands in.
    pub source: Option<&'a str>,
}

//----------- FieldFault -----------------------------------------------------

/// What is wrong with one field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FieldFault {
    pub column: &'static str,
    pub found: String,
    pub expected: &'static str,
}

pub(super) fn fault(column: &'static str, found: &str, expected: &'static str) -> FieldFault {
    // A field can be as long as a file; a report line shows its beginning.
    let mut shown: String = found.chars().take(60).collect();
    if shown.len() < found.len() {
        shown.push('…');
    }
    FieldFault { column, found: shown, expected }
}

//----------- Checks ---------------------------------------------------------

pub(super) fn check_range<'a>(row: &RangeFields<'a>) -> Result<CheckedRange<'a>, FieldFault> {
    let prefix = digits("prefix", row.prefix)?;
    let min_length = match row.min_length {
        "" => prefix.len(),
        text => length("min_length", text)?,
    };
    let max_length = match row.max_length {
        "" => MAX_DIGITS,
        text => length("max_length", text)?,
    };
    if min_length < prefix.len() {
        return Err(fault("min_length", row.min_length, "at least as many digits as the prefix has"));
    }
    if max_length < min_length {
        return Err(fault("max_length", row.max_length, "at least min_length"));
    }
    let country = match row.country.as_bytes() {
        [] => [0; 2],
        &[a, b] if a.is_ascii_uppercase() && b.is_ascii_uppercase() => [a, b],
        _ => {
            return Err(fault("country", row.country, "two capital letters (ISO 3166-1 alpha-2) or nothing"));
        }
    };
    let kind = match row.kind {
        "" => 0,
        name => Kind::from_name(name).map(|kind| kind as u8).ok_or_else(|| {
            fault(
                "kind",
                name,
                "mobile, fixed, fixed-or-mobile, voip, toll-free, premium, shared-cost, pager, uan, \
                 personal, other or nothing",
            )
        })?,
    };
    let flags = match row.portable {
        "" | "false" | "False" | "FALSE" | "no" | "0" => 0,
        "true" | "True" | "TRUE" | "yes" | "1" => RangeRow::PORTABLE,
        other => return Err(fault("portable", other, "true, false or nothing")),
    };
    let source = text("source", row.source)?;
    Ok(CheckedRange {
        prefix,
        network: CheckedNetwork {
            operator: text("operator", row.operator)?,
            spid: "",
            rn: "",
            rn_context: "",
            source: (!source.is_empty()).then_some(source),
            ..codes(row.mcc, row.mnc)?
        },
        row: RangeRow {
            network: U32::ZERO,
            country,
            min_length: min_length as u8,
            max_length: max_length as u8,
            kind,
            flags,
            reserved: [0; 2],
        },
    })
}

/// The number of a row of a ported-numbers file.
pub(super) fn check_number(row: &PortedFields<'_>) -> Result<Number, FieldFault> {
    digits("number", row.number)
}

/// The network of a row of a ported-numbers file.
pub(super) fn check_network<'a>(row: &PortedFields<'a>) -> Result<CheckedNetwork<'a>, FieldFault> {
    let spid = text("spid", row.spid)?;
    if uri::encoded_len(spid) > MAX_SPID {
        return Err(fault(
            "spid",
            spid,
            "at most 64 octets, all but letters, digits and + - . _ counting three times",
        ));
    }
    check_routing(row)?;
    Ok(CheckedNetwork {
        operator: text("operator", row.operator)?,
        spid,
        rn: row.rn,
        rn_context: row.rn_context,
        source: Some(super::PORTED_SOURCE),
        ..codes(row.mcc, row.mnc)?
    })
}

/// Checks the routing number and its context by the grammar of RFC 4694 §4, without visual separators.
fn check_routing(row: &PortedFields<'_>) -> Result<(), FieldFault> {
    let (rn, context) = (row.rn, row.rn_context);
    let is_rn = match rn.strip_prefix('+') {
        Some(_) => is_global(rn),
        None => rn.bytes().all(|octet| octet.is_ascii_hexdigit()),
    };
    if !is_rn || rn.strip_prefix('+').unwrap_or(rn).len() >= MAX_RN {
        let expected = "up to 24 hexadecimal digits, a + and the country code before them if they are global";
        return Err(fault("rn", rn, expected));
    }
    let expected = match context {
        "" if rn.is_empty() || rn.starts_with('+') => return Ok(()),
        "" => {
            "the context that a local rn needs: + and digits, or a domain name; \
             or write the rn globally, with a + (RFC 4694)"
        }
        _ if rn.is_empty() => "nothing, for there is no rn",
        _ if rn.starts_with('+') => "nothing, for an rn with a + is global and has no context (RFC 4694)",
        _ if context.len() > MAX_RN_CONTEXT => "at most 64 octets",
        _ if is_global(context) || is_domain(context) => return Ok(()),
        _ => "+ and digits, or a domain name",
    };
    Err(fault("rn_context", context, expected))
}

/// Whether a text is `global-hex-digits`: a `+`, a digit of the country code, hexadecimal digits.
fn is_global(text: &str) -> bool {
    match text.as_bytes() {
        [b'+', first, rest @ ..] => first.is_ascii_digit() && rest.iter().all(u8::is_ascii_hexdigit),
        _ => false,
    }
}

/// Whether a text is a `domainname`, whose last label starts with a letter (RFC 3966 §3).
fn is_domain(text: &str) -> bool {
    let name = text.strip_suffix('.').unwrap_or(text);
    let is_label = |label: &str| {
        let is_inner = |octet: u8| octet.is_ascii_alphanumeric() || octet == b'-';
        (1..=63).contains(&label.len())
            && label.bytes().all(is_inner)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let last = name.rsplit('.').next().unwrap_or(name);
    name.split('.').all(is_label) && last.starts_with(|c: char| c.is_ascii_alphabetic())
}

fn digits(column: &'static str, found: &str) -> Result<Number, FieldFault> {
    let bare = found.strip_prefix('+').unwrap_or(found);
    Number::from_digits(bare.as_bytes())
        .map_err(|_| fault(column, found, "1 to 15 digits starting with the country code"))
}

fn length(column: &'static str, found: &str) -> Result<usize, FieldFault> {
    match found.parse() {
        Ok(length @ 1..=MAX_DIGITS) if found.bytes().all(|octet| octet.is_ascii_digit()) => Ok(length),
        _ => Err(fault(column, found, "a count of digits from 1 to 15, country code included, or nothing")),
    }
}

/// A network with these codes and nothing else.
fn codes<'a>(mcc: &str, mnc: &str) -> Result<CheckedNetwork<'a>, FieldFault> {
    let network =
        |mcc, mnc| CheckedNetwork { mcc, mnc, operator: "", spid: "", rn: "", rn_context: "", source: None };
    let of_digits = |text: &str| text.bytes().all(|octet| octet.is_ascii_digit());
    let mcc_octets = match *mcc.as_bytes() {
        [] => [0; 3],
        [a, b, c] if of_digits(mcc) => [a, b, c],
        _ => return Err(fault("mcc", mcc, "three digits (E.212) or nothing")),
    };
    let mnc_octets = match *mnc.as_bytes() {
        [] => [0; 3],
        [a, b] if of_digits(mnc) => [a, b, 0],
        [a, b, c] if of_digits(mnc) => [a, b, c],
        _ => return Err(fault("mnc", mnc, "two or three digits, leading zeros kept, or nothing")),
    };
    if mcc.is_empty() && !mnc.is_empty() {
        return Err(fault("mcc", mcc, "the MCC that the row's MNC belongs to"));
    }
    Ok(network(mcc_octets, mnc_octets))
}

fn text<'a>(column: &'static str, found: &'a str) -> Result<&'a str, FieldFault> {
    if found.len() > MAX_TEXT || found.chars().any(char::is_control) {
        return Err(fault(column, found, "at most 255 octets of text without control characters"));
    }
    Ok(found)
}
