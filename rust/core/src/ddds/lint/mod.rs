//! What is wrong with NAPTR records as they were provisioned, and how to mend it.
//!
//! [`check`] judges one record, [`set`] those of one name, [`file`] a whole zone file as it was typed. A finding that
//! can be mended in one way only, without changing what a client gets today, has the mended record with it.

pub mod codes;
mod fields;
pub mod file;
mod output;
mod rule;
pub mod set;
mod typed;

use std::ops::Range;

pub use codes::{Code, Severity};

use crate::naptr::Naptr;
use crate::naptr::services::{ApplicationServices, Enumservices, ResolutionServices, SipTransport};

/// How often a record is mended and looked at again; each time mends one thing.
const MAX_MENDS: usize = 12;

//----------- Finding --------------------------------------------------------

/// One thing that is wrong with a record, or worth a word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What it is.
    pub code: Code,
    /// Where.
    pub field: Field,
    /// Which octets of the field on the wire; of a field as it was typed where no record could be read.
    pub span: Range<usize>,
    /// What is wrong, in a sentence.
    pub what: String,
    /// What to do.
    pub mend: String,
    /// The record with this mended, where that is safe.
    pub fixed: Option<Naptr>,
}

/// A part of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// The name that it is about.
    Owner,
    /// All of it.
    Record,
    /// ORDER.
    Order,
    /// PREFERENCE.
    Preference,
    /// FLAGS.
    Flags,
    /// SERVICES.
    Services,
    /// REGEXP.
    Regexp,
    /// REPLACEMENT.
    Replacement,
}

impl Field {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Record => "record",
            Self::Order => "order",
            Self::Preference => "preference",
            Self::Flags => "flags",
            Self::Services => "services",
            Self::Regexp => "regexp",
            Self::Replacement => "replacement",
        }
    }
}

//----------- What a record is for -------------------------------------------

/// The numbers that a record is asked for, as its owner name has them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Numbers {
    /// The digits of the number, or those that all the numbers begin with.
    pub digits: String,
    /// Whether more digits follow: the owner is a wildcard.
    pub wildcard: bool,
}

/// Who reads a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Application {
    /// ENUM (RFC 6116).
    Enum,
    /// SIP servers (RFC 3263).
    Sip,
    /// Resolution of URIs and URNs (RFC 3404), where a regexp may give a name.
    Resolution,
    /// S-NAPTR and U-NAPTR (RFC 3958, RFC 4848).
    Straightforward,
}

impl Application {
    fn of(record: &Naptr, numbers: Option<&Numbers>) -> Self {
        let services = record.services();
        let is_enum = services.get(..3).is_some_and(|head| head.eq_ignore_ascii_case(b"E2U"));
        let resolves = || ResolutionServices::parse(services).is_ok_and(|found| !found.services.is_empty());
        match services {
            _ if is_enum || Enumservices::parse(services).is_ok() => Self::Enum,
            [] if numbers.is_some() => Self::Enum,
            [] => Self::Resolution,
            _ if SipTransport::parse(services).is_ok() => Self::Sip,
            _ if resolves() => Self::Resolution,
            _ if ApplicationServices::parse(services).is_ok() => Self::Straightforward,
            // Nobody's grammar: most likely ENUM's with a slip.
            _ => Self::Enum,
        }
    }
}

//----------- Judging --------------------------------------------------------

/// All that is wrong with one record by itself; `numbers` are those of its owner, if it is one of ENUM.
pub fn check(record: &Naptr, numbers: Option<&Numbers>) -> Vec<Finding> {
    let application = Application::of(record, numbers);
    let mut found = Findings { record, list: Vec::new() };
    fields::check(&mut found, application, numbers);
    if !record.regexp().is_empty() && rule::check(&mut found, application) {
        output::check(&mut found, application, numbers);
    }
    found.list
}

/// The record with everything mended that is safe to mend.
pub fn mended(record: &Naptr, numbers: Option<&Numbers>) -> Naptr {
    let mut record = record.clone();
    for _ in 0..MAX_MENDS {
        match check(&record, numbers).into_iter().find_map(|finding| finding.fixed) {
            Some(fixed) => record = fixed,
            None => break,
        }
    }
    record
}

/// Findings about one record.
struct Findings<'a> {
    record: &'a Naptr,
    list: Vec<Finding>,
}

impl Findings<'_> {
    fn add(
        &mut self,
        code: Code,
        field: Field,
        what: impl Into<String>,
        mend: impl Into<String>,
    ) -> Added<'_> {
        let octets = match field {
            Field::Flags => self.record.flags().len(),
            Field::Services => self.record.services().len(),
            Field::Regexp => self.record.regexp().len(),
            Field::Replacement => self.record.replacement().len(),
            _ => 0,
        };
        let (what, mend) = (what.into(), mend.into());
        self.list.push(Finding { code, field, span: 0..octets, what, mend, fixed: None });
        Added(self.list.last_mut())
    }

    fn has(&self, codes: &[Code]) -> bool {
        self.list.iter().any(|finding| codes.contains(&finding.code))
    }
}

/// The finding that was added last.
struct Added<'a>(Option<&'a mut Finding>);

impl Added<'_> {
    /// Narrows its place to some octets of the field.
    fn at(mut self, span: Range<usize>) -> Self {
        if let Some(finding) = &mut self.0 {
            finding.span = span;
        }
        self
    }

    /// Says what the mended record is, if that is safe.
    fn fixed(self, fixed: Option<Naptr>) {
        if let Some(finding) = self.0 {
            finding.fixed = fixed;
        }
    }
}

/// The record with other strings and maybe another replacement; `None` if they do not fit.
fn with(record: &Naptr, strings: [&[u8]; 3], replacement: &str) -> Option<Naptr> {
    Naptr::new(record.order(), record.preference(), strings, replacement).ok()
}

fn with_flags(record: &Naptr, flags: &[u8]) -> Option<Naptr> {
    with(record, [flags, record.services(), record.regexp()], &record.replacement())
}

fn with_services(record: &Naptr, services: &[u8]) -> Option<Naptr> {
    with(record, [record.flags(), services, record.regexp()], &record.replacement())
}

fn with_regexp(record: &Naptr, regexp: &[u8]) -> Option<Naptr> {
    with(record, [record.flags(), record.services(), regexp], &record.replacement())
}
