//! DNS records of a plan: rows and zone records → checked → sets of equal owner and type → sections.
//!
//! NAPTR records of numbers and of prefixes (a wildcard, `*.4.4.e164.arpa` or `+44*`) are found by number; all
//! other records, such as the SRV and address records that NAPTR records lead to, by name.

use std::collections::HashMap;
use std::fmt;

use zerocopy::IntoBytes;
use zerocopy::byteorder::little_endian::U64;

use super::Policy;
use super::report::{Place, PlanError, Report};
use crate::apex::{Apex, OwnerFault};
use crate::ddds::Substitution;
use crate::dns::name;
use crate::dns::{TYPE_CNAME, TYPE_DNAME, TYPE_NAPTR};
use crate::index;
use crate::naptr::Naptr;
use crate::number::{Number, Prefix};
use crate::snapshot::record_sets::{
    MAX_OCTETS, MAX_RECORDS, NameEntry, Record, put_name, put_record, put_set,
};
use crate::trie;

/// The TTL of a record that names none: an hour.
pub const DEFAULT_TTL: u32 = 3600;
/// The greatest TTL (RFC 2181 §8).
const MAX_TTL: u32 = (1 << 31) - 1;
/// The most names that stand for no number: they are held in a table in memory.
pub const MAX_NAMES: usize = 1 << 20;

//----------- RecordFields ---------------------------------------------------

/// A row of a file of NAPTR records, as text. Strings are what the record holds: nothing is escaped.
#[derive(Clone, Copy, Debug, Default)]
pub struct RecordFields<'a> {
    /// `+` and digits, the same with a final `*` for a prefix, or an owner name.
    pub name: &'a str,
    /// ORDER; empty: 100.
    pub order: &'a str,
    /// PREFERENCE; empty: 10.
    pub preference: &'a str,
    /// FLAGS.
    pub flags: &'a str,
    /// SERVICES.
    pub services: &'a str,
    /// REGEXP.
    pub regexp: &'a str,
    /// REPLACEMENT; empty: the root.
    pub replacement: &'a str,
    /// Seconds; empty: [`DEFAULT_TTL`].
    pub ttl: &'a str,
}

/// A record of a zone, in wire form.
#[derive(Clone, Copy, Debug)]
pub struct ZoneRecord<'a> {
    /// The owner, uncompressed.
    pub name: &'a [u8],
    /// Its type.
    pub rtype: u16,
    /// Seconds.
    pub ttl: u32,
    /// Its data, names in it uncompressed.
    pub rdata: &'a [u8],
}

//----------- Owner ----------------------------------------------------------

/// What a record is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Owner {
    Number(Number),
    Prefix(Prefix),
    /// Wire form in lower case.
    Name(Box<[u8]>),
}

/// Prefixes of one digit: what all numbers begin with.
const FIRST_DIGITS: &[u8] = b"123456789";

impl Owner {
    /// What a name in a row is about; a wildcard right under an apex is about all first digits.
    fn read(text: &str, rtype: u16, apexes: &[Apex]) -> Result<Vec<Self>, String> {
        let Some(digits) = text.strip_prefix('+') else {
            if text.starts_with(|c: char| c.is_ascii_digit()) && !text.contains('.') {
                return Err(format!("{text:?} has no +: write +441632960083, +44* or an owner name"));
            }
            let wire = name::to_wire(text).map_err(|error| format!("{text:?} is no name: {error}"))?;
            return Self::of_wire(&wire, rtype, apexes);
        };
        let (digits, is_prefix) = digits.strip_suffix('*').map_or((digits, false), |digits| (digits, true));
        let number = Number::from_digits(digits.as_bytes()).map_err(|error| {
            format!(
                "{text:?} is no number and no prefix: {error}; write +441632960083, +44* or an owner name"
            )
        })?;
        Ok(vec![if is_prefix { Self::Prefix(number.prefix(number.len())) } else { Self::Number(number) }])
    }

    /// What an owner on the wire is about.
    fn of_wire(wire: &[u8], rtype: u16, apexes: &[Apex]) -> Result<Vec<Self>, String> {
        let (is_wildcard, rest) = match wire.strip_prefix(b"\x01*") {
            Some(rest) => (true, rest),
            None => (false, wire),
        };
        let in_text = || name::to_text(wire);
        for apex in apexes {
            match apex.number(rest) {
                Ok(_) if [TYPE_CNAME, TYPE_DNAME].contains(&rtype) => {
                    return Err(format!(
                        "{}: aliases of numbers are not followed; write the NAPTR records that it leads to",
                        in_text()
                    ));
                }
                Ok(number) if rtype == TYPE_NAPTR && is_wildcard => {
                    return Ok(vec![Self::Prefix(number.prefix(number.len()))]);
                }
                Ok(number) if rtype == TYPE_NAPTR => return Ok(vec![Self::Number(number)]),
                Err(OwnerFault::IsApex) if rtype == TYPE_NAPTR && is_wildcard => {
                    let digit = |digit: &u8| Some(Number::from_digits(&[*digit]).ok()?.prefix(1));
                    return Ok(FIRST_DIGITS.iter().filter_map(digit).map(Self::Prefix).collect());
                }
                Err(OwnerFault::Number(fault)) if rtype == TYPE_NAPTR => {
                    return Err(format!("{}: {fault}", in_text()));
                }
                _ => {}
            }
        }
        if let Some(apex) = apexes.iter().find(|apex| ends_twice_in(wire, apex)) {
            return Err(format!(
                "{}: ends in {apex} twice; the final dot is missing in the zone file",
                in_text()
            ));
        }
        match is_wildcard {
            true => Err(format!(
                "{}: a wildcard stands for the numbers of a prefix, so it holds NAPTR records and its other labels \
                 are digits under {}; write the names out",
                in_text(),
                apexes.iter().map(Apex::to_string).collect::<Vec<_>>().join(", ")
            )),
            false => Ok(vec![Self::Name(wire.to_ascii_lowercase().into())]),
        }
    }
}

/// Whether a name ends in an apex that itself ends in the apex: what a forgotten final dot makes.
fn ends_twice_in(wire: &[u8], apex: &Apex) -> bool {
    let Some((_, labels)) = apex.wire().split_last().filter(|(_, labels)| !labels.is_empty()) else {
        return false;
    };
    wire.to_ascii_lowercase().ends_with(&[labels, apex.wire()].concat())
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "+{}", number.digits()),
            Self::Prefix(prefix) => write!(f, "+{}*", prefix.digits()),
            Self::Name(wire) => f.write_str(&name::to_text(wire)),
        }
    }
}

//----------- RecordRows -----------------------------------------------------

/// The records of a plan that is being built. They are held in memory.
#[derive(Debug, Default)]
pub(super) struct RecordRows {
    rows: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    owner: Owner,
    rtype: u16,
    ttl: u32,
    /// NAPTR records by order and preference, others as they came.
    rank: (u16, u16),
    rdata: Box<[u8]>,
    place: Place,
}

/// The sections that records make, in the order of [`Section`](crate::snapshot::format::Section).
pub(super) struct RecordSections {
    pub numbers: Vec<u8>,
    pub rule_nodes: Vec<u8>,
    pub rule_values: Vec<u8>,
    pub names: Vec<u8>,
    pub ends: Vec<u8>,
    pub sets: Vec<u8>,
}

impl RecordRows {
    /// Checks a row of NAPTR records and takes it, or says what is wrong with it.
    pub(super) fn push_fields(
        &mut self,
        fields: &RecordFields<'_>,
        apexes: &[Apex],
        place: Place,
    ) -> Result<(), String> {
        let RecordFields { name, order, preference, flags, services, regexp, replacement, ttl } = *fields;
        let replacement = if replacement.is_empty() { "." } else { replacement };
        let number = |column, text: &str, default, most: u32| match text {
            "" => Ok(default),
            text => text.parse().ok().filter(|value| *value <= most).ok_or_else(|| {
                format!("column \"{column}\": found {text:?}, expected a number from 0 to {most}")
            }),
        };
        let order = number("order", order, 100, u16::MAX.into())? as u16;
        let preference = number("preference", preference, 10, u16::MAX.into())? as u16;
        let ttl = number("ttl", ttl, DEFAULT_TTL, MAX_TTL)?;
        let strings = [flags.as_bytes(), services.as_bytes(), regexp.as_bytes()];
        let naptr = Naptr::new(order, preference, strings, replacement).map_err(|error| error.to_string())?;
        let owners =
            Owner::read(name, TYPE_NAPTR, apexes).map_err(|what| format!("column \"name\": {what}"))?;
        self.push(owners, TYPE_NAPTR, ttl, &naptr.to_wire(), place)
    }

    /// Checks a record of a zone and takes it, or says what is wrong with it.
    pub(super) fn push_zone_record(
        &mut self,
        record: &ZoneRecord<'_>,
        apexes: &[Apex],
        place: Place,
    ) -> Result<(), String> {
        let ZoneRecord { name, rtype, ttl, rdata } = *record;
        let owners = Owner::of_wire(name, rtype, apexes)?;
        self.push(owners, rtype, ttl.min(MAX_TTL), rdata, place)
    }

    fn push(
        &mut self,
        owners: Vec<Owner>,
        rtype: u16,
        ttl: u32,
        rdata: &[u8],
        place: Place,
    ) -> Result<(), String> {
        let mut rank = (0, 0);
        if rtype == TYPE_NAPTR {
            let naptr = Naptr::from_wire(rdata).map_err(|error| error.to_string())?;
            rank = (naptr.order(), naptr.preference());
            // BIND, and whoever resolves with it, refuses the whole message that such a record comes in.
            if !naptr.regexp().is_empty() {
                Substitution::parse(naptr.regexp()).map_err(|fault| {
                    format!("regexp \"{}\" is no rule: {fault}", naptr.regexp().escape_ascii())
                })?;
            }
        }
        for owner in owners {
            self.rows.push(Row { owner, rtype, ttl, rank, rdata: rdata.into(), place });
        }
        Ok(())
    }

    /// Sorts the rows into sets and lays these out. A set's records have one TTL, the least (RFC 2181 §5.2).
    pub(super) fn encode(mut self, report: &mut Report, policy: Policy) -> Result<RecordSections, PlanError> {
        // Stable: records that nothing tells apart stay in the order they came in.
        self.rows.sort_by(|a, b| (&a.owner, a.rtype, a.rank).cmp(&(&b.owner, b.rtype, b.rank)));
        let mut sets = Sets::default();
        let (mut numbers, mut prefixes, mut names) = (Vec::new(), Vec::new(), Vec::new());
        let mut name_count = 0;
        for group in self.rows.chunk_by(|a, b| (&a.owner, a.rtype) == (&b.owner, b.rtype)) {
            let [Row { owner, rtype, .. }, ..] = group else { continue };
            let Some((count, records)) = settle(group, report, policy) else { continue };
            report.records += count;
            let set = sets.intern(count, records);
            match owner {
                Owner::Number(number) => numbers.push((*number, set)),
                Owner::Prefix(prefix) => prefixes.push((*prefix, set)),
                Owner::Name(wire) => {
                    name_count += 1;
                    put_name(&mut names, NameEntry { name: wire, rtype: *rtype, set });
                }
            }
        }
        if name_count > MAX_NAMES {
            return Err(PlanError::TooManyNames { found: name_count });
        }
        numbers.sort_by_key(|(number, _)| number.key());
        prefixes.sort();
        let (rule_nodes, rule_values) = match prefixes.as_slice() {
            [] => Default::default(),
            prefixes => trie::build(prefixes)?,
        };
        let numbers = match numbers.as_slice() {
            [] => Vec::new(),
            numbers => index::build(numbers)?,
        };
        let ends = sets.ends.as_bytes().to_vec();
        Ok(RecordSections { numbers, rule_nodes, rule_values, names, ends, sets: sets.octets })
    }
}

/// The records of one owner and type, encoded, and their count.
fn settle(group: &[Row], report: &mut Report, policy: Policy) -> Option<(usize, Vec<u8>)> {
    let ttl = group.iter().map(|row| row.ttl).min()?;
    let mut kept: Vec<&Row> = Vec::with_capacity(group.len());
    let mut records = Vec::new();
    for row in group {
        match kept.iter().find(|other| other.rdata == row.rdata) {
            // The same record twice says nothing new (RFC 2181 §5).
            Some(_) if policy.last_duplicate_wins => {
                report.replaced += 1;
                continue;
            }
            Some(first) => {
                let first = report.describe(first.place);
                report
                    .bad_record(row.place, &format_args!("{} has this record in {first} already", row.owner));
                continue;
            }
            None => {}
        }
        if kept.len() == MAX_RECORDS {
            let what = format_args!("{} has more than {MAX_RECORDS} records of one type", row.owner);
            report.bad_record(row.place, &what);
            continue;
        }
        let before = records.len();
        put_record(&mut records, Record { rtype: row.rtype, ttl, rdata: &row.rdata });
        if records.len() > MAX_OCTETS {
            records.truncate(before);
            let what = format_args!("the records of {} pass {MAX_OCTETS} octets together", row.owner);
            report.bad_record(row.place, &what);
            continue;
        }
        kept.push(row);
    }
    Some((kept.len(), records)).filter(|(count, _)| *count > 0)
}

/// Distinct record sets in the order they were first seen.
#[derive(Default)]
struct Sets {
    ends: Vec<U64>,
    octets: Vec<u8>,
    places: HashMap<Vec<u8>, u32>,
}

impl Sets {
    fn intern(&mut self, count: usize, records: Vec<u8>) -> u32 {
        if let Some(&place) = self.places.get(&records) {
            return place;
        }
        let place = self.ends.len() as u32;
        put_set(&mut self.octets, count, &records);
        self.ends.push(U64::new(self.octets.len() as u64));
        self.places.insert(records, place);
        place
    }
}
