//! The enumservices that are registered, and the URI schemes each may give.
//!
//! Source: the IANA registry "Enumservice Registrations" in its state of 2022-01-28, made of RFC 6118, 6315 and
//! 7566. A client chooses by type and subtype and never by the scheme (RFC 6117 §5.2.4), so a record whose
//! scheme is another one reaches someone who cannot use it.

use super::services::Enumservice;

//----------- Registration ---------------------------------------------------

/// One row of the registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Registration {
    /// The type, such as `voicemsg`.
    pub kind: &'static str,
    /// The subtype, empty if the type has none.
    pub subtype: &'static str,
    /// The URI schemes of its URIs.
    pub schemes: &'static [&'static str],
    /// The number of the RFC that says what it is for.
    pub rfc: u16,
}

/// All rows, by type and subtype.
pub static REGISTRY: [Registration; 41] = [
    row("acct", "", &["acct"], 7566),
    row("email", "mailto", &["mailto"], 4355),
    row("ems", "mailto", &["mailto"], 4355),
    row("ems", "tel", &["tel"], 4355),
    row("fax", "tel", &["tel"], 4355),
    row("ft", "ftp", &["ftp"], 4002),
    row("h323", "", &["h323"], 3762),
    row("iax", "", &["iax"], 6315),
    row("ical-access", "http", &["http"], 5333),
    row("ical-access", "https", &["https"], 5333),
    row("ical-sched", "mailto", &["mailto"], 5333),
    row("ifax", "mailto", &["mailto"], 4143),
    row("im", "", &["im"], 5028),
    row("mms", "mailto", &["mailto"], 4355),
    row("mms", "tel", &["tel"], 4355),
    row("pres", "", &["pres"], 3953),
    row("pstn", "sip", &["sip"], 4769),
    row("pstn", "tel", &["tel"], 4769),
    row("sip", "", &["sip", "sips"], 3764),
    row("sms", "mailto", &["mailto"], 4355),
    row("sms", "tel", &["tel"], 4355),
    row("unifmsg", "http", &["http"], 5278),
    row("unifmsg", "https", &["https"], 5278),
    row("unifmsg", "sip", &["sip"], 5278),
    row("unifmsg", "sips", &["sips"], 5278),
    row("vcard", "", &["http", "https"], 4969),
    row("videomsg", "http", &["http"], 5278),
    row("videomsg", "https", &["https"], 5278),
    row("videomsg", "sip", &["sip"], 5278),
    row("videomsg", "sips", &["sips"], 5278),
    row("voice", "tel", &["tel"], 4415),
    row("voicemsg", "http", &["http"], 5278),
    row("voicemsg", "https", &["https"], 5278),
    row("voicemsg", "sip", &["sip"], 5278),
    row("voicemsg", "sips", &["sips"], 5278),
    row("voicemsg", "tel", &["tel"], 5278),
    row("vpim", "ldap", &["ldap"], 4238),
    row("vpim", "mailto", &["mailto"], 4238),
    row("web", "http", &["http"], 4002),
    row("web", "https", &["https"], 4002),
    row("xmpp", "", &["xmpp"], 4979),
];

const fn row(
    kind: &'static str,
    subtype: &'static str,
    schemes: &'static [&'static str],
    rfc: u16,
) -> Registration {
    Registration { kind, subtype, schemes, rfc }
}

/// The rows of an enumservice: one for each of its subtypes, or the one of its type.
///
/// `None` if any of them is not registered.
pub fn rows_of(service: &Enumservice) -> Option<Vec<&'static Registration>> {
    let row = |subtype: &str| REGISTRY.iter().find(|row| row.kind == service.kind && row.subtype == subtype);
    match service.subtypes.as_slice() {
        [] => row("").map(|row| vec![row]),
        subtypes => subtypes.iter().map(|subtype| row(subtype)).collect(),
    }
}

/// The rows of a type, whatever the subtype; none if the type is not registered.
pub fn rows_of_kind(kind: &str) -> impl Iterator<Item = &'static Registration> {
    REGISTRY.iter().filter(move |row| row.kind == kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_sorted_distinct_and_well_formed() {
        assert!(
            REGISTRY.windows(2).all(|pair| (pair[0].kind, pair[0].subtype) < (pair[1].kind, pair[1].subtype))
        );
        for row in &REGISTRY {
            let service = match row.subtype {
                "" => row.kind.to_owned(),
                subtype => format!("{}:{subtype}", row.kind),
            };
            let read = Enumservice::parse(service.as_bytes()).unwrap();
            assert_eq!(Some(vec![row]), rows_of(&read));
            assert!(!row.schemes.is_empty() && row.rfc >= 3762, "{service}");
            // Where a type has subtypes, they are the schemes (RFC 6117 §4.2.1).
            assert!(row.subtype.is_empty() || row.schemes == [row.subtype], "{service}");
        }
    }

    #[test]
    fn services_are_registered_whole_or_not() {
        let rows = |service: &[u8]| rows_of(&Enumservice::parse(service).unwrap()).map(|rows| rows.len());
        assert_eq!(Some(2), rows(b"VoiceMsg:SIP:tel"));
        assert_eq!(None, rows(b"voicemsg:sip:ldap"));
        assert_eq!(None, rows(b"email"));
        assert_eq!(None, rows(b"sip:x"));
        assert_eq!(1, rows_of_kind("email").count());
    }
}
