//! What an operator sets, checked once, before anything is served.

use std::fmt;

use super::template::Template;
use crate::apex::Apex;
use crate::dns::name;
use crate::naptr::services::Enumservices;
use crate::naptr::{MAX_STRING, Naptr};
use crate::snapshot::record_sets::{MAX_OCTETS, MAX_RECORDS, RECORD_HEAD};

/// The greatest TTL (RFC 2181 §8).
pub const MAX_TTL: u32 = (1 << 31) - 1;

//----------- Settings -------------------------------------------------------

/// How answers look on the wire. The default gives the documented octets.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Which response codes misses get and which flags responses carry.
    pub profile: Profile,
    /// The domains that reversed digits hang from. Under several, a name is what the first of them
    /// that makes it a number says.
    pub apexes: Vec<Apex>,
    /// Seconds that an answer may be cached, up to [`MAX_TTL`]; the same for all its records (RFC 2181 §5.2).
    pub ttl: u32,
    /// ORDER of the answer.
    pub order: u16,
    /// PREFERENCE of the answer.
    pub preference: u16,
    /// SERVICES of the answer.
    pub services: String,
    /// REGEXP of the answer, with the placeholders `{number}` `{mcc}` `{mnc}` `{mnc3}` `{spid}` `{rn}`
    /// `{rn_context}` `{operator}`. A parameter whose value is unknown is left out whole.
    pub regexp: String,
    /// The records of an answer, in any order. None: the one that `order`, `preference`, `services` and `regexp`
    /// make.
    pub records: Vec<RecordSettings>,
    /// What to do when the network is known in part.
    pub partial: Partial,
}

/// One record of every answer (RFC 3403 §4.1).
///
/// It is left out of the answer for a network of which it needs something unknown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordSettings {
    /// ORDER.
    pub order: u16,
    /// PREFERENCE.
    pub preference: u16,
    /// FLAGS: `u`, or nothing in a record that leads on to its replacement (RFC 6116 §3.4.2).
    pub flags: String,
    /// SERVICES; a record that leads on needs none.
    pub services: String,
    /// REGEXP, as in [`Settings::regexp`]; a record that leads on has none.
    pub regexp: String,
    /// REPLACEMENT: `.`, or the name that the record leads on to.
    pub replacement: String,
}

/// A profile of interface and response codes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Profile {
    /// NOERROR, NXDOMAIN and SERVFAIL say found, not found and improperly formatted.
    #[default]
    NumberLookup,
}

/// What a miss is when the MCC is known and the MNC is not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Partial {
    /// The number is not found.
    #[default]
    NxDomain,
    /// What is known is sent; parameters whose value is unknown are left out.
    Answer,
}

impl Default for Settings {
    fn default() -> Self {
        let RecordSettings { order, preference, services, regexp, .. } = RecordSettings::with_flags("u");
        Self {
            profile: Profile::NumberLookup,
            apexes: Apex::new("e164.arpa").into_iter().collect(),
            ttl: 3,
            order,
            preference,
            services,
            regexp,
            records: Vec::new(),
            partial: Partial::NxDomain,
        }
    }
}

impl RecordSettings {
    /// The defaults of a record with these flags. Without flags it has no services and no regexp, which nobody
    /// would read (RFC 6116 §5.2.1).
    pub fn with_flags(flags: &str) -> Self {
        let (services, regexp) = match flags {
            "" => ("", ""),
            _ => ("E2U+pstn:tel", r"!^(.*)$!tel:\1;mcc={mcc};mnc={mnc}!"),
        };
        Self {
            order: 10,
            preference: 50,
            flags: flags.to_owned(),
            services: services.to_owned(),
            regexp: regexp.to_owned(),
            replacement: ".".to_owned(),
        }
    }
}

impl Settings {
    /// Everything that these cannot be served for, whatever the plan.
    pub fn faults(&self) -> Vec<SettingsError> {
        let mut faults = Vec::new();
        let mut fault = |key: &str, what: String| faults.push(SettingsError { key: key.to_owned(), what });
        if self.apexes.is_empty() {
            fault("server.apex", "at least one domain is needed, such as e164.arpa".to_owned());
        }
        if self.ttl > MAX_TTL {
            fault("answer.ttl", format!("found {}, expected seconds from 0 to {MAX_TTL}", self.ttl));
        }
        if !self.records.is_empty() {
            let default = Self::default();
            for (key, is_default) in [
                ("answer.order", self.order == default.order),
                ("answer.preference", self.preference == default.preference),
                ("answer.services", self.services == default.services),
                ("answer.regexp", self.regexp == default.regexp),
            ] {
                if !is_default {
                    fault(key, "set beside a list of records: set it in the records it is for".to_owned());
                }
            }
        }
        if self.records.len() > MAX_RECORDS {
            let count = self.records.len();
            fault("answer.record", format!("found {count} records, an answer has at most {MAX_RECORDS}"));
        }
        let mut before = 0;
        for (place, (key, record)) in self.answer().into_iter().enumerate() {
            if let Some(first) = self.records.iter().take(place).position(|earlier| *earlier == record) {
                // No two records of a set are equal (RFC 2181 §5).
                fault(&key, format!("the same as answer.record[{first}]: leave one out"));
                continue;
            }
            match record.check() {
                Ok(octets) => {
                    let total = before + octets;
                    if before <= MAX_OCTETS && total > MAX_OCTETS {
                        let what = format!(
                            "with this record an answer may have {total} octets, at most {MAX_OCTETS} are sent: \
                             leave records out or shorten them"
                        );
                        fault(&key, what);
                    }
                    before = total;
                }
                Err(of_fields) => {
                    of_fields.into_iter().for_each(|(field, what)| fault(&format!("{key}.{field}"), what));
                }
            }
        }
        faults
    }

    /// The records of an answer, each with its key.
    pub(super) fn answer(&self) -> Vec<(String, RecordSettings)> {
        if self.records.is_empty() {
            let record = RecordSettings {
                order: self.order,
                preference: self.preference,
                services: self.services.clone(),
                regexp: self.regexp.clone(),
                ..RecordSettings::with_flags("u")
            };
            return vec![("answer".to_owned(), record)];
        }
        let keyed = self.records.iter().enumerate();
        keyed.map(|(place, record)| (format!("answer.record[{place}]"), record.clone())).collect()
    }
}

impl RecordSettings {
    /// Checks the record for itself, and gives how many octets it may have in an answer; or what is wrong with
    /// which fields.
    fn check(&self) -> Result<usize, Vec<(&'static str, String)>> {
        let mut faults = Vec::new();
        let leads_on = self.flags.is_empty();
        if !leads_on && !self.flags.eq_ignore_ascii_case("u") {
            let expected =
                "expected u, or nothing in a record that leads on to its replacement (RFC 6116 §3.4.2)";
            faults.push(("flags", format!("found {:?}, {expected}", self.flags)));
        }
        let needs_none = leads_on && self.services.is_empty();
        if !needs_none && !is_services_field(&self.services) {
            let expected = "expected E2U and enumservices, as in E2U+pstn:tel (RFC 6116 §3.4.3)";
            faults.push(("services", format!("found {:?}, {expected}", self.services)));
        }
        let mut regexp_octets = 0;
        if !self.regexp.is_empty() {
            match Template::parse(&self.regexp).and_then(|template| template.check()) {
                Ok(octets) => regexp_octets = octets,
                Err(what) => faults.push(("regexp", what)),
            }
        }
        match name::to_wire(&self.replacement) {
            Err(error) => faults.push(("replacement", format!("found {:?}: {error}", self.replacement))),
            Ok(wire) => faults.extend(self.misused(wire == [0])),
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        let longest = self.naptr(&vec![b'x'; regexp_octets]).map_err(|what| vec![("regexp", what)])?;
        Ok(RECORD_HEAD + longest.to_wire().len())
    }

    /// What is wrong with regexp and replacement together, of which a record has one.
    fn misused(&self, replacement_is_root: bool) -> Option<(&'static str, String)> {
        let found = &self.replacement;
        match (self.regexp.is_empty(), replacement_is_root) {
            (false, false) => {
                let what =
                    "beside a regexp, and one excludes the other (RFC 3403 §4.1): leave one of them out";
                Some(("replacement", format!("found {found:?} {what}")))
            }
            (true, _) if !self.flags.is_empty() => {
                let what = "found none, which gives the URI of a record with flag u: write one, as in \
                            !^(.*)$!tel:\\1;mcc={mcc};mnc={mnc}!, or leave flags empty in a record that leads on";
                Some(("regexp", what.to_owned()))
            }
            (false, true) if self.flags.is_empty() => {
                let what = "found none beside a regexp, which is not read then (RFC 6116 §5.2.1): write u";
                Some(("flags", what.to_owned()))
            }
            (true, true) => {
                let what = "found none, and without flags the record leads on to it: name a domain, or write \
                            flags = \"u\" and a regexp";
                Some(("replacement", what.to_owned()))
            }
            (true, false) if found.contains(['{', '}']) => {
                let what = "has a brace: placeholders can stand in a regexp only";
                Some(("replacement", format!("{found:?} {what}")))
            }
            (true, false) | (false, true) => None,
        }
    }

    /// The record with this regexp.
    pub(super) fn naptr(&self, regexp: &[u8]) -> Result<Naptr, String> {
        let strings = [self.flags.as_bytes(), self.services.as_bytes(), regexp];
        Naptr::new(self.order, self.preference, strings, &self.replacement).map_err(|error| error.to_string())
    }
}

/// Whether a text is a SERVICES field that ENUM may publish (RFC 6116 §3.4.3).
fn is_services_field(text: &str) -> bool {
    text.len() <= MAX_STRING
        && Enumservices::parse(text.as_bytes()).is_ok_and(|enumservices| !enumservices.is_old)
}

//----------- SettingsError --------------------------------------------------

/// A setting that cannot be served with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingsError {
    /// Its key in the configuration file.
    pub key: String,
    /// What is wrong with it, and what to do.
    pub what: String,
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.key, self.what)
    }
}

impl std::error::Error for SettingsError {}
