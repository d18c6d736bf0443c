//! The records of one name, together.

use super::{Code, Field, Finding};
use crate::naptr::Naptr;
use crate::naptr::services::Enumservices;

/// The most records that are compared with each other: more would not fit in a message of 65,535 octets.
const MAX_RECORDS: usize = 2048;

/// What is wrong with records together: the place of a record in the list, and what.
pub fn check(records: &[Naptr]) -> Vec<(usize, Finding)> {
    let records = records.get(..MAX_RECORDS).unwrap_or(records);
    let mut found = Vec::new();
    let mut add = |place: usize, code, field, what: String, mend: &str| {
        found.push((place, Finding { code, field, span: 0..0, what, mend: mend.to_owned(), fixed: None }));
    };
    for (place, record) in records.iter().enumerate() {
        if records.iter().take(place).any(|other| other == record) {
            let what = "The same record stands at this name before.".to_owned();
            add(place, Code::RecordTwice, Field::Record, what, "Leave it out.");
        }
    }
    let mut sip = records.iter().enumerate().filter(|(_, record)| is_sip(record));
    if let (Some(_), Some((second, _))) = (sip.next(), sip.next()) {
        let what = format!(
            "{} records of this number are SIP addresses-of-record; one is enough (RFC 3764 §3).",
            2 + sip.count()
        );
        add(
            second,
            Code::SipSeveral,
            Field::Services,
            what,
            "Keep one and let its SIP server fork calls, or fall back.",
        );
    }
    shares(records, &mut add);
    ties(records, &mut add);
    // Clients are known that sort by preference alone (RFC 5483 §4.1).
    let mut sorted: Vec<usize> = (0..records.len()).collect();
    let key = |place: usize| records.get(place).map(|record| (record.order(), record.preference()));
    sorted.sort_by_key(|place| key(*place));
    let preference = |place: usize| key(place).map(|(_, preference)| preference);
    let back = sorted.windows(2).find_map(|pair| match pair {
        [before, after] if preference(*before) > preference(*after) => Some(*after),
        _ => None,
    });
    if let Some(place) = back {
        let what = "Its order puts the record behind others whose preference is worse, and some clients sort by preference alone.".to_owned();
        add(
            place,
            Code::OrderAgainstPreference,
            Field::Order,
            what,
            "Give all records order 100, and preferences that rise in the order you want (RFC 6116 §5.1).",
        );
    }
    found
}

/// Whether a record gives a SIP address-of-record.
fn is_sip(record: &Naptr) -> bool {
    let services = Enumservices::parse(record.services()).map(|found| found.services).unwrap_or_default();
    record.flags().eq_ignore_ascii_case(b"u") && services.iter().any(|service| service.kind == "sip")
}

/// Preferences that add up to 100, or are equal, among records for the same: shares, which they are not.
fn shares(records: &[Naptr], add: &mut impl FnMut(usize, Code, Field, String, &str)) {
    let alike = |a: &Naptr, b: &Naptr| {
        a.order() == b.order() && a.services().eq_ignore_ascii_case(b.services()) && a != b
    };
    for (place, record) in records.iter().enumerate() {
        let is_first = !records.iter().take(place).any(|other| alike(other, record) || other == record);
        let mut preferences: Vec<u16> =
            records.iter().filter(|other| alike(other, record)).map(Naptr::preference).collect();
        if !is_first || preferences.is_empty() {
            continue;
        }
        preferences.push(record.preference());
        preferences.sort_unstable();
        let sum: u32 = preferences.iter().map(|preference| u32::from(*preference)).sum();
        let first = preferences.first().copied().unwrap_or_default();
        // 10, 20, 30, 40 is how people number a list.
        let is_list = preferences.iter().zip(1..).all(|(value, n)| u32::from(*value) == u32::from(first) * n);
        let is_equal = preferences.windows(2).any(|pair| pair.first() == pair.last());
        if (sum == 100 && !is_list) || is_equal {
            let what = match is_equal {
                true => {
                    "Records for the same service have the same preference: that does not share calls out, and which one is used is up to the client."
                }
                false => {
                    "Preferences of records for the same service add up to 100, as shares would: a preference is a rank, and the lowest gets all (RFC 3402 §3.3)."
                }
            };
            add(
                place,
                Code::PreferenceAsWeight,
                Field::Preference,
                what.to_owned(),
                "Number them in the order to be tried; shares belong into SRV weights.",
            );
        }
    }
}

/// Equal order and preference.
fn ties(records: &[Naptr], add: &mut impl FnMut(usize, Code, Field, String, &str)) {
    let key = |record: &Naptr| (record.order(), record.preference());
    let tied = records.iter().enumerate().find(|(place, record)| {
        records.iter().take(*place).any(|other| key(other) == key(record) && other != *record)
    });
    if let Some((place, _)) = tied {
        let what = "Records have the same order and preference; clients are known that shuffle or reject those (RFC 5483 §4.1).".to_owned();
        add(place, Code::PreferenceTie, Field::Preference, what, "Give each its own preference.");
    }
}
