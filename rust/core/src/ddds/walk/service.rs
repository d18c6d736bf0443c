//! Which record of a domain leads to a service, by S-NAPTR (RFC 3958) and U-NAPTR (RFC 4848).

use super::{Kind, PassedOver, Question, Verdict};
use crate::naptr::Naptr;
use crate::naptr::services::{ApplicationServices, ServicesFault};
use crate::uri::{self, UriFault};

//----------- Discovery ------------------------------------------------------

/// A service that is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Discovery {
    pub(super) service: String,
    pub(super) protocols: Vec<String>,
    uris: bool,
}

impl Discovery {
    /// The service of this tag, spoken by one of these protocols, or any if there are none.
    ///
    /// With `uris` records that give a URI are taken too (RFC 4848). Case does not matter.
    pub fn new(service: &str, protocols: &[&str], uris: bool) -> Result<Self, ServicesFault> {
        let field = [&[service][..], protocols].concat().join(":");
        let read = ApplicationServices::parse(field.as_bytes())?;
        match (read.service, read.protocols.len() == protocols.len()) {
            (Some(service), true) => Ok(Self { service, protocols: read.protocols, uris }),
            _ => Err(ServicesFault::Name { found: field }),
        }
    }

    /// Judges one record on a way that serves these protocols still: it may only narrow them, since a search
    /// that began for one protocol must not end with another (RFC 3958 §2.2.5).
    pub(super) fn judge(&self, record: &Naptr, served: &[String]) -> Result<Verdict, PassedOver> {
        let read = ApplicationServices::parse(record.services()).map_err(PassedOver::Services)?;
        if read.service.as_ref() != Some(&self.service) {
            return Err(PassedOver::NotWanted);
        }
        let mut protocols = match served {
            [] => read.protocols,
            // The client's order, which says what it likes best.
            served => served.iter().filter(|tag| read.protocols.contains(tag)).cloned().collect(),
        };
        if protocols.is_empty() && !served.is_empty() {
            return Err(PassedOver::NotWanted);
        }
        protocols.dedup();
        let kind = match record.flags() {
            [] => Kind::Naptr,
            [b's' | b'S'] => Kind::Srv,
            // Addresses: those of both families.
            [b'a' | b'A'] => Kind::Aaaa,
            [b'u' | b'U'] if self.uris => {
                return Ok(Verdict::Uri { uri: framed_uri(record)?, services: protocols });
            }
            _ if self.uris => return Err(PassedOver::Flags { expected: "s, a, u or none" }),
            _ => return Err(PassedOver::Flags { expected: "s, a or none" }),
        };
        Ok(Verdict::Next { to: led_to(record, kind)?, protocols })
    }
}

/// Where a record's replacement leads; there must be one, and no regexp besides.
pub(super) fn led_to(record: &Naptr, kind: Kind) -> Result<Question, PassedOver> {
    let replacement = record.replacement();
    match (record.regexp(), replacement.as_str()) {
        ([_, ..], _) => Err(PassedOver::Regexp),
        (_, ".") => Err(PassedOver::NoReplacement),
        (_, name) => Ok(Question::new(name, kind)),
    }
}

/// The URI in `!.*!URI!`, the only regexp that U-NAPTR has (RFC 4848 §2.2): no expression needs to be matched.
fn framed_uri(record: &Naptr) -> Result<Vec<u8>, PassedOver> {
    if record.replacement() != "." {
        return Err(PassedOver::Replacement);
    }
    let framed = record.regexp().strip_prefix(b"!.*!").and_then(|rest| rest.strip_suffix(b"!"));
    let uri = framed.filter(|uri| !uri.contains(&b'!')).ok_or(PassedOver::Frame)?;
    // Unlike ENUM's this URI may have a fragment.
    let mut parts = uri.splitn(2, |octet| *octet == b'#');
    uri::check_absolute(parts.next().unwrap_or_default()).map_err(PassedOver::NoUri)?;
    match parts.next().map(|fragment| uri::check_absolute(&[b"x:", fragment].concat())) {
        None | Some(Ok(())) => Ok(uri.to_vec()),
        Some(Err(_)) => Err(PassedOver::NoUri(UriFault::Fragment)),
    }
}
