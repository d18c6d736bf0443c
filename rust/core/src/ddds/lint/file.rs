//! All that is wrong with the NAPTR records of a zone file, or of a list of records.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::{Code, Field, Finding, Numbers, set, typed};
use crate::naptr::Naptr;
use crate::naptr::zone::{self, Content};
use crate::number::MAX_DIGITS;

/// The most wildcards that a message names.
const MAX_NAMED: usize = 6;

//----------- Report ---------------------------------------------------------

/// What was found in a file.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// What is wrong, by line.
    pub findings: Vec<Placed>,
    /// How many records there are, those that cannot be read among them.
    pub records: usize,
    /// Where record data is to be replaced, and by what.
    mends: Vec<(Range<usize>, String)>,
}

/// A finding and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    /// The line on which the record begins, counted from 1.
    pub line: usize,
    /// The name of the record, if one stands there.
    pub owner: Option<String>,
    /// What was found.
    pub finding: Finding,
}

impl Report {
    /// The file with everything mended that is safe to mend; the rest is as it was, comments too.
    pub fn mend(&self, text: &[u8]) -> Vec<u8> {
        let mut mended = Vec::with_capacity(text.len());
        let mut copied = 0;
        for (span, record) in &self.mends {
            mended.extend_from_slice(text.get(copied..span.start).unwrap_or_default());
            mended.extend_from_slice(record.as_bytes());
            copied = span.end;
        }
        mended.extend_from_slice(text.get(copied..).unwrap_or_default());
        mended
    }

    /// How many records can be mended.
    pub fn mendable(&self) -> usize {
        self.mends.len()
    }
}

/// A record of the file.
struct Record {
    line: usize,
    /// The name, absolute if it is known in full.
    owner: Option<String>,
    numbers: Option<Numbers>,
    data: Naptr,
}

//----------- Judging --------------------------------------------------------

/// Judges the text of a file; `apex` is the domain below which names are numbers.
pub fn check(text: &[u8], apex: &str) -> Report {
    let apex = apex.trim_end_matches('.').to_ascii_lowercase();
    let mut report = Report::default();
    let (mut records, mut names) = (Vec::new(), BTreeSet::new());
    for entry in zone::entries(text) {
        let line = entry.line;
        let owner = entry.owner.map(|owner| owner.text);
        names.extend(owner.clone());
        let place = |finding| Placed { line, owner: owner.clone(), finding };
        let unread = |code, what: String, mend: &str| {
            place(Finding {
                code,
                field: Field::Record,
                span: 0..0,
                what,
                mend: mend.to_owned(),
                fixed: None,
            })
        };
        match entry.content {
            Content::Other => {}
            Content::Directive(name) => {
                let what = format!("{} is not followed, so its records are not judged.", name.escape_debug());
                report.findings.push(unread(
                    Code::NotRead,
                    what,
                    "Check the file that comes out, or the one it names.",
                ));
            }
            Content::Fault(fault) => {
                report.records += 1;
                report.findings.push(unread(
                    Code::TextSyntax,
                    format!("The line cannot be read: {fault}."),
                    "Mend it by hand.",
                ));
            }
            Content::Naptr(fields) => {
                report.records += 1;
                let numbers = match owner.as_deref().map(|owner| numbers_of(owner, &apex)) {
                    Some(Ok(numbers)) => numbers,
                    Some(Err(what)) => {
                        let mend =
                            "Below the apex each label is one digit, the last digit of the number first.";
                        let finding = Finding {
                            code: Code::OwnerNoNumber,
                            field: Field::Owner,
                            span: 0..0,
                            what,
                            mend: mend.to_owned(),
                            fixed: None,
                        };
                        report.findings.push(place(finding));
                        None
                    }
                    None => None,
                };
                let (data, found) = typed::read(&fields, entry.origin.as_deref());
                let is_mended = found.iter().any(|finding| finding.fixed.is_some());
                report.findings.extend(found.into_iter().map(place));
                let Some(data) = data else { continue };
                report.findings.extend(super::check(&data, numbers.as_ref()).into_iter().map(place));
                let mended = super::mended(&data, numbers.as_ref());
                if is_mended || mended != data {
                    report.mends.push((fields.span, mended.to_string()));
                }
                records.push(Record { line, owner, numbers, data });
            }
        }
    }
    report.findings.extend(sets(&records));
    report.findings.extend(circles(&records, &apex));
    report.findings.extend(wildcards(&records, &names));
    report.findings.sort_by_key(|placed| placed.line);
    report
}

/// The numbers that an owner name is about; none if it is not below the apex.
fn numbers_of(owner: &str, apex: &str) -> Result<Option<Numbers>, String> {
    let Some(head) = owner.trim_end_matches('.').strip_suffix(apex).and_then(|head| head.strip_suffix('.'))
    else {
        return Ok(None);
    };
    let labels: Vec<&str> = head.split('.').collect();
    let (wildcard, digits) = match labels.as_slice() {
        ["*", rest @ ..] => (true, rest),
        all => (false, all),
    };
    let are_digits = digits.iter().all(|label| matches!(label.as_bytes(), [b'0'..=b'9']));
    match are_digits {
        true if digits.len() > MAX_DIGITS => Err(format!(
            "{owner} has {} digits; numbers have at most {MAX_DIGITS} (ITU-T E.164).",
            digits.len()
        )),
        true => Ok(Some(Numbers { digits: digits.iter().rev().copied().collect(), wildcard })),
        // Names of services, as in _sip._udp.4.4.e164.arpa, are no numbers by intention.
        false if labels.iter().any(|label| label.starts_with('_')) => Ok(None),
        false => Err(format!("{owner} is below {apex} and no number.")),
    }
}

/// What is wrong with the records of each name.
fn sets(records: &[Record]) -> Vec<Placed> {
    let mut of_name: BTreeMap<Option<&str>, Vec<&Record>> = BTreeMap::new();
    for record in records {
        of_name.entry(record.owner.as_deref()).or_default().push(record);
    }
    let mut found = Vec::new();
    for (name, records) in of_name {
        // Records without a name have nothing to do with each other.
        if name.is_none() {
            continue;
        }
        let data: Vec<Naptr> = records.iter().map(|record| record.data.clone()).collect();
        found.extend(set::check(&data).into_iter().filter_map(|(place, finding)| {
            let record = records.get(place)?;
            Some(Placed { line: record.line, owner: record.owner.clone(), finding })
        }));
    }
    found
}

//----------- Circles --------------------------------------------------------

/// Records that lead on to each other, by name or by tel URI.
fn circles(records: &[Record], apex: &str) -> Vec<Placed> {
    let mut next: BTreeMap<&str, Vec<(String, &Record)>> = BTreeMap::new();
    for record in records {
        let Some(owner) = record.owner.as_deref() else { continue };
        if let Some(target) = target(record, apex) {
            next.entry(owner).or_default().push((target, record));
        }
    }
    let mut found = Vec::new();
    for record in records {
        let Some((owner, first)) = record.owner.as_deref().zip(target(record, apex)) else { continue };
        // Names are followed one way each; five hops are what clients follow.
        let (mut at, mut hops) = (first.as_str(), 1);
        while at != owner && hops <= super::super::walk::MAX_HOPS {
            let Some((onward, _)) = next.get(at).and_then(|targets| targets.first()) else { break };
            (at, hops) = (onward.as_str(), hops + 1);
        }
        let leads_on = record.data.flags().is_empty();
        // One that gives its own number is told with the record.
        if at != owner || (hops == 1 && !leads_on) {
            continue;
        }
        let (code, what, mend) = match leads_on {
            true => (
                Code::NonterminalLoop,
                format!("The record leads back to {owner} after {hops} name(s)."),
                "Lead on to a name whose records give URIs.",
            ),
            false => (
                Code::TelLoop,
                format!("Its tel URI leads back to its own number after {hops} numbers."),
                "Add ;npdi or ;enumdi, which say that the query was made (RFC 4694, RFC 4759).",
            ),
        };
        let finding = Finding {
            code,
            field: if leads_on { Field::Replacement } else { Field::Regexp },
            span: 0..0,
            what,
            mend: mend.to_owned(),
            fixed: None,
        };
        found.push(Placed { line: record.line, owner: record.owner.clone(), finding });
    }
    found
}

/// The name that a client asks for next because of a record.
fn target(record: &Record, apex: &str) -> Option<String> {
    if record.data.flags().is_empty() {
        return Some(record.data.replacement().to_ascii_lowercase()).filter(|name| name != ".");
    }
    let numbers = record.numbers.as_ref().filter(|numbers| !numbers.wildcard)?;
    let rule = super::super::Rule::compile(record.data.regexp(), super::super::ere::Mode::Posix).ok()?;
    let uri = rule.apply(format!("+{}", numbers.digits).as_bytes()).ok()?;
    let uri = String::from_utf8(uri).ok()?;
    let number = uri.strip_prefix("tel:+")?;
    // Parameters say that the query was made, or that the number is another network's.
    if number.contains(';') {
        return None;
    }
    let digits = number.chars().rev().filter(char::is_ascii_digit);
    let labels: Vec<String> = digits.map(|digit| digit.to_string()).collect();
    Some(format!("{}.{apex}.", labels.join(".")))
}

//----------- Wildcards ------------------------------------------------------

/// Wildcards that longer names take numbers away from: below a name that exists no wildcard above it answers.
fn wildcards(records: &[Record], names: &BTreeSet<String>) -> Vec<Placed> {
    let mut gaps: BTreeMap<String, (String, BTreeSet<String>)> = BTreeMap::new();
    for name in names {
        // All names between this one and the nearest wildcard above it need one of their own.
        let mut missing = Vec::new();
        let mut above = parent(name);
        while let Some(ancestor) = above {
            let wildcard = format!("*.{ancestor}");
            if wildcard == *name {
                above = parent(ancestor);
                continue;
            }
            if names.contains(&wildcard) {
                if !missing.is_empty() {
                    let gap = gaps.entry(wildcard).or_insert_with(|| (name.clone(), BTreeSet::new()));
                    gap.1.extend(missing);
                }
                break;
            }
            missing.push(wildcard);
            above = parent(ancestor);
        }
    }
    let mut found = Vec::new();
    for record in records {
        let Some((owner, (name, missing))) =
            record.owner.as_ref().and_then(|owner| Some((owner, gaps.remove(owner)?)))
        else {
            continue;
        };
        let mut listed: Vec<&str> = missing.iter().map(String::as_str).collect();
        listed.sort_unstable_by_key(|name| name.len());
        let more = listed.len().saturating_sub(MAX_NAMED);
        listed.truncate(MAX_NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let what = format!(
            "{name} exists, so {owner} does not answer for its neighbours below the names between them (RFC 4592)."
        );
        let mend = format!(
            "Repeat its records at {}{more}, or serve the numbers by longest prefix.",
            listed.join(", ")
        );
        let finding = Finding {
            code: Code::WildcardDisabled,
            field: Field::Owner,
            span: 0..0,
            what,
            mend,
            fixed: None,
        };
        found.push(Placed { line: record.line, owner: Some(owner.clone()), finding });
    }
    found
}

/// The name above; `None` for the last label.
fn parent(name: &str) -> Option<&str> {
    let mut octets = name.bytes().enumerate();
    while let Some((at, octet)) = octets.next() {
        match octet {
            b'\\' => drop(octets.next()),
            b'.' => return name.get(at + 1..).filter(|rest| !rest.is_empty()),
            _ => {}
        }
    }
    None
}
