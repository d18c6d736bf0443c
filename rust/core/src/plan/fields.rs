//! One row's text fields, checked one by one. An empty field is an unknown value.

use zerocopy::byteorder::little_endian::U32;

use crate::number::{MAX_DIGITS, Number, Prefix};
use crate::snapshot::{Kind, RangeRow};

/// The most octets of a free text (operator name, source).
pub const MAX_TEXT: usize = 255;

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
    /// Service provider identifier.
    pub spid: &'a str,
    /// Routing number: hexadecimal digits, after a `+` if it is global (RFC 4694 §4).
    pub rn: &'a str,
    /// The context of a local routing number: `+` and digits, or a domain (RFC 4694 §4).
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
    let rn_digits = row.rn.strip_prefix('+').unwrap_or(row.rn);
    let is_rn = rn_digits.len() <= 24 && rn_digits.bytes().all(|octet| octet.is_ascii_hexdigit());
    if !is_rn || (rn_digits.is_empty() && !row.rn.is_empty()) {
        return Err(fault("rn", row.rn, "up to 24 hexadecimal digits, a + before them if they are global"));
    }
    let is_context = |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'.' | b'-');
    let context = row.rn_context.strip_prefix('+').unwrap_or(row.rn_context);
    if !context.bytes().all(is_context) || row.rn_context.len() > MAX_TEXT {
        return Err(fault("rn_context", row.rn_context, "+ and digits, or a domain name"));
    }
    Ok(CheckedNetwork {
        operator: text("operator", row.operator)?,
        spid: text("spid", row.spid)?,
        rn: row.rn,
        rn_context: row.rn_context,
        source: Some(super::PORTED_SOURCE),
        ..codes(row.mcc, row.mnc)?
    })
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
