//! The SERVICES field in the grammar of each application that has one.
//!
//! What a field means depends on who reads it: ENUM (RFC 6116 §3.4.3, and RFC 2916 before it), URI and URN
//! resolution (RFC 3404 §4.4), S-NAPTR (RFC 3958 §6.5), SIP (RFC 3263 §4.1). Letter case never matters, so names are
//! given in lower case.

use std::fmt;

//----------- ENUM -----------------------------------------------------------

/// The enumservices of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enumservices {
    /// From best to worst (RFC 6116 §3.4.3.2).
    pub services: Vec<Enumservice>,
    /// Whether they are written as `sip+E2U` (RFC 2916): to be read, not to be published (RFC 6116 §5.1).
    pub is_old: bool,
}

/// One enumservice: `voice:tel`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Enumservice {
    /// The type, such as `sip`.
    pub kind: String,
    /// The subtypes.
    pub subtypes: Vec<String>,
}

impl Enumservices {
    /// Reads a field.
    pub fn parse(field: &[u8]) -> Result<Self, ServicesFault> {
        if field.is_empty() {
            return Err(ServicesFault::Empty);
        }
        let tokens: Vec<&[u8]> = field.split(|octet| *octet == b'+').collect();
        let is_e2u = |token: &[u8]| token.eq_ignore_ascii_case(b"E2U");
        match tokens.as_slice() {
            [first, rest @ ..] if is_e2u(first) && !rest.is_empty() => {
                if rest.iter().any(|token| is_e2u(token)) {
                    return Err(ServicesFault::SecondE2u);
                }
                let services =
                    rest.iter().map(|token| Enumservice::parse(token)).collect::<Result<_, _>>()?;
                Ok(Self { services, is_old: false })
            }
            [protocol, last] if is_e2u(last) => {
                let kind = name(protocol, is_of_name)?;
                Ok(Self { services: vec![Enumservice { kind, subtypes: Vec::new() }], is_old: true })
            }
            _ => Err(ServicesFault::Foreign),
        }
    }
}

impl Enumservice {
    /// Reads `type *(":" subtype)`.
    pub fn parse(text: &[u8]) -> Result<Self, ServicesFault> {
        let mut names = text.split(|octet| *octet == b':').map(|text| name(text, is_of_name));
        let kind = names.next().unwrap_or(Err(ServicesFault::Empty))?;
        Ok(Self { kind, subtypes: names.collect::<Result<_, _>>()? })
    }

    /// Whether only those who share a private network know what it means (RFC 6116 §3.4.3.1).
    pub fn is_private(&self) -> bool {
        self.kind.starts_with("p-")
    }

    /// Whether it is for experiments between those who agreed on it (RFC 6117 §3.1).
    pub fn is_experimental(&self) -> bool {
        self.kind.starts_with("x-")
    }
}

impl fmt::Display for Enumservice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.kind)?;
        self.subtypes.iter().try_for_each(|subtype| write!(f, ":{subtype}"))
    }
}

//----------- Other applications ---------------------------------------------

/// `[ [protocol] *("+" rs) ]`, for URIs and URNs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolutionServices {
    /// The protocol that resolves, such as `http`.
    pub protocol: Option<String>,
    /// What is resolved to what, such as `n2l`.
    pub services: Vec<String>,
}

impl ResolutionServices {
    /// Reads a field; an empty one is valid.
    pub fn parse(field: &[u8]) -> Result<Self, ServicesFault> {
        let mut tokens = field.split(|octet| *octet == b'+');
        let is_of_token = |octet: u8| octet.is_ascii_alphanumeric();
        let protocol = match tokens.next() {
            None | Some([]) => None,
            Some(token) => Some(tag(token, is_of_token)?),
        };
        let services = tokens.map(|token| tag(token, is_of_token)).collect::<Result<_, _>>()?;
        Ok(Self { protocol, services })
    }
}

/// `[ [app-service] *(":" app-protocol) ]`, for S-NAPTR and U-NAPTR: `+` is part of a tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApplicationServices {
    /// The tag of the application service, such as `em`.
    pub service: Option<String>,
    /// The tags of the protocols.
    pub protocols: Vec<String>,
}

impl ApplicationServices {
    /// Reads a field; an empty one is valid.
    pub fn parse(field: &[u8]) -> Result<Self, ServicesFault> {
        let mut tags = field.split(|octet| *octet == b':');
        let is_of_tag = |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'+' | b'-' | b'.');
        let service = match tags.next() {
            None | Some([]) => None,
            Some(text) => Some(tag(text, is_of_tag)?),
        };
        Ok(Self { service, protocols: tags.map(|text| tag(text, is_of_tag)).collect::<Result<_, _>>()? })
    }
}

/// How a SIP server is reached: `SIPS+D2T`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SipTransport {
    /// `SIP+D2U` (RFC 3263).
    Udp,
    /// `SIP+D2T` (RFC 3263).
    Tcp,
    /// `SIPS+D2T` (RFC 3263).
    Tls,
    /// `SIP+D2S` (RFC 3263).
    Sctp,
    /// `SIPS+D2S` (RFC 4168).
    SctpTls,
    /// `SIP+D2W` (RFC 7118).
    Ws,
    /// `SIPS+D2W` (RFC 7118).
    Wss,
}

impl SipTransport {
    /// Reads a field.
    pub fn parse(field: &[u8]) -> Result<Self, ServicesFault> {
        Ok(match field.to_ascii_lowercase().as_slice() {
            b"sip+d2u" => Self::Udp,
            b"sip+d2t" => Self::Tcp,
            b"sips+d2t" => Self::Tls,
            b"sip+d2s" => Self::Sctp,
            b"sips+d2s" => Self::SctpTls,
            b"sip+d2w" => Self::Ws,
            b"sips+d2w" => Self::Wss,
            b"" => return Err(ServicesFault::Empty),
            _ => return Err(ServicesFault::Foreign),
        })
    }

    /// Its name, as in `TCP/TLS`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
            Self::Tls => "TCP/TLS",
            Self::Sctp => "SCTP",
            Self::SctpTls => "SCTP/TLS",
            Self::Ws => "WS",
            Self::Wss => "WSS",
        }
    }

    /// Whether it serves `sips` URIs, which must not go any other way.
    pub fn is_secure(self) -> bool {
        matches!(self, Self::Tls | Self::SctpTls | Self::Wss)
    }
}

fn is_of_name(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || octet == b'-'
}

/// A name of 1 to 32 octets, in lower case.
fn name(text: &[u8], is_of_name: impl Fn(u8) -> bool) -> Result<String, ServicesFault> {
    match (1..=32).contains(&text.len()) && text.iter().all(|octet| is_of_name(*octet)) {
        true => Ok(text.iter().map(|octet| octet.to_ascii_lowercase() as char).collect()),
        false => Err(ServicesFault::Name { found: text.escape_ascii().to_string() }),
    }
}

/// The same where a letter has to be the first (RFC 3404 §4.4, RFC 3958 §6.5).
fn tag(text: &[u8], is_of_tag: impl Fn(u8) -> bool) -> Result<String, ServicesFault> {
    match name(text, is_of_tag) {
        Ok(tag) if tag.starts_with(|c: char| c.is_ascii_alphabetic()) => Ok(tag),
        _ => Err(ServicesFault::Tag { found: text.escape_ascii().to_string() }),
    }
}

//----------- ServicesFault --------------------------------------------------

/// Why a field is none of an application.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ServicesFault {
    /// It is empty.
    #[error("services: empty, expected E2U and an enumservice, as in E2U+sip")]
    Empty,
    /// It belongs to another application, such as SIP+D2U in ENUM.
    #[error("services: of another application, expected E2U and enumservices, as in E2U+sip")]
    Foreign,
    /// E2U stands in it twice.
    #[error("services: E2U stands in it twice")]
    SecondE2u,
    /// Between the separators is no name.
    #[error("services: found \"{found}\", expected a name of 1 to 32 letters, digits and hyphens")]
    Name {
        /// What is there.
        found: String,
    },
    /// Between the separators is no tag, as other applications than ENUM have them.
    #[error(
        "services: found \"{found}\", expected a tag: a letter and up to 31 letters, digits or, in S-NAPTR, + - ."
    )]
    Tag {
        /// What is there.
        found: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn enumservices_read_back(services in prop::collection::vec("[a-z0-9-]{1,32}(:[a-z0-9-]{1,32}){0,2}", 1..5), upper: bool) {
            prop_assume!(services.iter().all(|service| service != "e2u"));
            let mut field = format!("e2u+{}", services.join("+"));
            if upper {
                field.make_ascii_uppercase();
            }
            let read = Enumservices::parse(field.as_bytes()).unwrap();
            prop_assert_eq!(services, read.services.iter().map(ToString::to_string).collect::<Vec<_>>());
            prop_assert!(!read.is_old);
        }

        #[test]
        fn any_field_is_judged_without_panic(field: Vec<u8>, likely in "[eE2Uusip:+dD-]{0,12}") {
            for field in [&field[..], likely.as_bytes()] {
                let _ = Enumservices::parse(field);
                let _ = ResolutionServices::parse(field);
                let _ = ApplicationServices::parse(field);
                let _ = SipTransport::parse(field);
            }
        }
    }

    #[test]
    fn names_of_thirty_three_octets_are_none() {
        let field = format!("E2U+{}", "a".repeat(33));
        assert!(matches!(Enumservices::parse(field.as_bytes()), Err(ServicesFault::Name { .. })));
        assert!(Enumservices::parse(b"E2U+x-a:b").unwrap().services[0].is_experimental());
        assert!(Enumservices::parse(b"E2U+P-a").unwrap().services[0].is_private());
    }

    #[test]
    fn tags_begin_with_a_letter() {
        for field in ["1em:a", "em:-a", "+em", "em:"] {
            let found = ApplicationServices::parse(field.as_bytes());
            assert!(matches!(found, Err(ServicesFault::Tag { .. })), "{field}: {found:?}");
        }
        for field in ["1http+n2l", "http+2l", "http+"] {
            let found = ResolutionServices::parse(field.as_bytes());
            assert!(matches!(found, Err(ServicesFault::Tag { .. })), "{field}: {found:?}");
        }
        assert!(ApplicationServices::parse(b"x-em+1.:b+.-1").is_ok());
        assert!(ResolutionServices::parse(b"h2+n2l").is_ok());
    }
}
