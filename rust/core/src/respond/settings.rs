//! What an operator sets, checked once, before anything is served.

use std::fmt;

use super::records;
use crate::apex::Apex;
use crate::ddds::Substitution;
use crate::naptr::services::Enumservices;
use crate::naptr::{MAX_STRING, Naptr};

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
    /// Seconds that an answer may be cached, up to [`MAX_TTL`].
    pub ttl: u32,
    /// ORDER of the answer.
    pub order: u16,
    /// PREFERENCE of the answer.
    pub preference: u16,
    /// SERVICES of the answer.
    pub services: String,
    /// REGEXP of the answer, with the placeholders `{mcc}` `{mnc}` `{mnc3}` `{spid}` `{rn}` `{rn_context}`.
    /// A parameter whose value is unknown is left out whole.
    pub regexp: String,
    /// What to do when the network is known in part.
    pub partial: Partial,
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
        Self {
            profile: Profile::NumberLookup,
            apexes: Apex::new("e164.arpa").into_iter().collect(),
            ttl: 3,
            order: 10,
            preference: 50,
            services: "E2U+pstn:tel".to_owned(),
            regexp: r"!^(.*)$!tel:\1;mcc={mcc};mnc={mnc}!".to_owned(),
            partial: Partial::NxDomain,
        }
    }
}

impl Settings {
    pub(super) fn check(&self) -> Result<(), SettingsError> {
        let fault = |key, what: String| Err(SettingsError { key, what });
        if self.apexes.is_empty() {
            return fault("server.apex", "at least one domain is needed, such as e164.arpa".to_owned());
        }
        if self.ttl > MAX_TTL {
            return fault("answer.ttl", format!("found {}, expected seconds from 0 to {MAX_TTL}", self.ttl));
        }
        if !is_services_field(&self.services) {
            let expected = "expected E2U and enumservices, as in E2U+pstn:tel (RFC 6116 §3.4.3)";
            return fault("answer.services", format!("found {:?}, {expected}", self.services));
        }
        records::Template::parse(&self.regexp)
            .and_then(|template| template.check())
            .map_err(|what| SettingsError { key: "answer.regexp", what })
    }

    /// The answer with this regexp.
    pub(super) fn naptr(&self, regexp: &[u8]) -> Result<Naptr, String> {
        Substitution::parse(regexp)
            .map_err(|fault| format!("\"{}\" is no rule: {fault}", regexp.escape_ascii()))?;
        Naptr::new(self.order, self.preference, [b"u", self.services.as_bytes(), regexp], ".")
            .map_err(|error| error.to_string())
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
    pub key: &'static str,
    /// What is wrong with it, and what to do.
    pub what: String,
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.key, self.what)
    }
}

impl std::error::Error for SettingsError {}
