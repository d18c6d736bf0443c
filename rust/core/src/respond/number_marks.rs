//! `{number}` in encoded records: each regexp has a mark where the number that is asked for belongs, and the digits
//! are put there when a query is answered.
//!
//! A mark is octet 0, which no rule has (BIND refuses it) and no text of a plan: it is percent-encoded there.

use crate::dns::response::put;
use crate::number::{MAX_DIGITS, Number};
use crate::snapshot::record_sets::RECORD_HEAD;

/// What stands for the number.
pub(super) const MARK: u8 = 0;
/// A number that takes as much room as any.
pub(super) const LONGEST: &str = "+123456789012345";

/// How many octets NAPTR records with so many marks have once the number is put in.
///
/// A mark of one octet makes room for the `+`, so what is added is the digits.
pub(super) fn filled_len(records: &[u8], marks: u16, number: Number) -> usize {
    records.len() + usize::from(marks) * number.len()
}

/// Writes NAPTR records with the number put in; they fill `out` to its end.
pub(super) fn put_filled(records: &[u8], number: Number, mut out: &mut [u8]) -> Option<()> {
    let mut aus = [b'+'; 1 + MAX_DIGITS];
    aus.get_mut(1..)?.copy_from_slice(&number.ascii());
    let aus = aus.get(..=number.len())?;

    let mut rest = records;
    while let Some((head, behind)) = rest.split_first_chunk::<RECORD_HEAD>() {
        let (fixed, length) = head.split_last_chunk::<2>()?;
        let (rdata, behind) = behind.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        rest = behind;
        // Order and preference, flags, services; what follows is the regexp's length.
        let flags = usize::from(*rdata.get(4)?);
        let services = usize::from(*rdata.get(5 + flags)?);
        let (front, back) = rdata.split_at_checked(6 + flags + services)?;
        let (length, back) = back.split_first()?;
        let (regexp, replacement) = back.split_at_checked(usize::from(*length))?;

        let more = regexp.iter().filter(|octet| **octet == MARK).count() * number.len();
        out = put(out, fixed)?;
        out = put(out, &((rdata.len() + more) as u16).to_be_bytes())?;
        out = put(out, front)?;
        out = put(out, &[(regexp.len() + more) as u8])?;
        for (place, piece) in regexp.split(|octet| *octet == MARK).enumerate() {
            if place > 0 {
                out = put(out, aus)?;
            }
            out = put(out, piece)?;
        }
        out = put(out, replacement)?;
    }
    out.is_empty().then_some(())
}

/// A regexp with the number (its `+` and digits) put in.
pub(super) fn filled(regexp: &[u8], aus: &str) -> Vec<u8> {
    let pieces: Vec<&[u8]> = regexp.split(|octet| *octet == MARK).collect();
    pieces.join(aus.as_bytes())
}
