//! tel URIs and their parameters (RFC 3966; RFC 4694 portability, RFC 4759 enumdi, RFC 4904 trunk groups).
//!
//! A value is kept without visual separators, which mean nothing, and compared without letter case.

use std::fmt;
use std::hash::{Hash, Hasher};

/// The most octets of a URI that is read.
pub const MAX_URI: usize = 2048;

/// Parameters that every reader may be expected to know (IANA's registry of tel URI parameters).
const KNOWN: [&str; 12] = [
    "isub",
    "isub-encoding",
    "ext",
    "phone-context",
    "enumdi",
    "npdi",
    "rn",
    "rn-context",
    "cic",
    "cic-context",
    "tgrp",
    "trunk-context",
];

//----------- TelUri ---------------------------------------------------------

/// A telephone number with its parameters, as a URI.
#[derive(Clone, Debug)]
pub struct TelUri {
    /// Without separators; a global one begins with `+`.
    number: String,
    /// Names in lower case, in the order in which they are written.
    parameters: Vec<(String, Option<String>)>,
}

impl TelUri {
    /// Reads `tel:+44-1632-960083;npdi`.
    pub fn parse(uri: &str) -> Result<Self, TelFault> {
        match uri.split_at_checked(4) {
            Some((scheme, subscriber)) if scheme.eq_ignore_ascii_case("tel:") => {
                Self::parse_subscriber(subscriber)
            }
            _ => Err(TelFault::Scheme),
        }
    }

    /// Reads the number in a SIP URI with `user=phone`: `sip:+441632960083;npdi@gw.example;user=phone`
    /// (RFC 3261 §19.1.6).
    pub fn parse_sip(uri: &str) -> Result<Self, TelFault> {
        let (scheme, rest) = uri.split_once(':').ok_or(TelFault::Scheme)?;
        if !scheme.eq_ignore_ascii_case("sip") && !scheme.eq_ignore_ascii_case("sips") {
            return Err(TelFault::Scheme);
        }
        let (user, rest) = rest.rsplit_once('@').ok_or(TelFault::NotPhone)?;
        let rest = rest.split_once('?').map_or(rest, |(rest, _)| rest);
        if !rest.split(';').skip(1).any(|parameter| parameter.eq_ignore_ascii_case("user=phone")) {
            return Err(TelFault::NotPhone);
        }
        // A local number may have a #, which a user must not.
        Self::parse_subscriber(&user.replace("%23", "#"))
    }

    fn parse_subscriber(text: &str) -> Result<Self, TelFault> {
        if text.len() > MAX_URI {
            return Err(TelFault::TooLong);
        }
        let mut parts = text.split(';');
        let written = parts.next().unwrap_or_default();
        let number = plain_digits(written);
        let of_number = match number.strip_prefix('+') {
            Some(digits) => !digits.is_empty() && digits.bytes().all(|octet| octet.is_ascii_digit()),
            None => !number.is_empty() && number.bytes().all(is_of_local),
        };
        if !of_number || written.starts_with('+') != number.starts_with('+') {
            return Err(TelFault::Number { found: written.to_owned() });
        }
        let mut uri = Self { number, parameters: Vec::new() };
        for part in parts {
            let (name, value) = match part.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (part, None),
            };
            let name = name.to_ascii_lowercase();
            if name.is_empty() || !name.bytes().all(|octet| octet.is_ascii_alphanumeric() || octet == b'-') {
                return Err(TelFault::Name { found: part.to_owned() });
            }
            if uri.parameters.iter().any(|(known, _)| *known == name) {
                return Err(TelFault::Twice { name });
            }
            let value = check_value(&name, value)?;
            uri.parameters.push((name, value));
        }
        uri.parameters.sort_by(|(one, _), (other, _)| (place(one), one).cmp(&(place(other), other)));
        uri.check_contexts()?;
        Ok(uri)
    }

    /// Checks that what is local says where (RFC 3966 §5.1.5, RFC 4694 §4).
    fn check_contexts(&self) -> Result<(), TelFault> {
        let lacks = |name: &str| self.parameter(name).is_none();
        if !self.is_global() && lacks("phone-context") {
            return Err(TelFault::NoContext { of: "number", context: "phone-context" });
        }
        for (of, context) in [("rn", "rn-context"), ("cic", "cic-context")] {
            let is_local = self.parameter(of).flatten().is_some_and(|value| !value.starts_with('+'));
            if is_local && lacks(context) {
                return Err(TelFault::NoContext { of, context });
            }
        }
        Ok(())
    }

    /// The number without separators: `+` and digits, or a local one.
    pub fn number(&self) -> &str {
        &self.number
    }

    /// Whether the number is one of E.164.
    pub fn is_global(&self) -> bool {
        self.number.starts_with('+')
    }

    /// The parameters, names in lower case, in the order in which they are written.
    pub fn parameters(&self) -> &[(String, Option<String>)] {
        &self.parameters
    }

    /// What a parameter says: `None`: it is not there; `Some(None)`: it has no value.
    pub fn parameter(&self, name: &str) -> Option<Option<&str>> {
        self.parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_deref())
    }

    /// The trunk group and where its name holds. One without the other is as if it were not there
    /// (RFC 4904 §5).
    pub fn trunk_group(&self) -> Option<(&str, &str)> {
        Some((self.parameter("tgrp")??, self.parameter("trunk-context")??))
    }

    /// Whether the URI may be used: not if it has a mandatory parameter that is unknown (RFC 3966 §5.4).
    pub fn is_usable(&self) -> bool {
        !self.parameters.iter().any(|(name, _)| name.starts_with("m-") && !KNOWN.contains(&name.as_str()))
    }

    /// The SIP URI that says the same at a gateway (RFC 3261 §19.1.6).
    pub fn to_sip(&self, gateway: &str) -> String {
        let user = self.to_string().split_off(4);
        let user = user.replace('#', "%23").replace('[', "%5B").replace(']', "%5D");
        format!("sip:{user}@{gateway};user=phone")
    }

    fn key(&self) -> (String, Vec<(&str, Option<String>)>) {
        let lower = |text: &String| text.to_ascii_lowercase();
        let parameters =
            self.parameters.iter().map(|(name, value)| (name.as_str(), value.as_ref().map(lower)));
        (lower(&self.number), parameters.collect())
    }
}

/// RFC 3966 §4: separators, letter case and the order of parameters make no difference.
impl PartialEq for TelUri {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for TelUri {}

impl Hash for TelUri {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key().hash(state);
    }
}

impl fmt::Display for TelUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tel:{}", self.number)?;
        self.parameters.iter().try_for_each(|(name, value)| match value {
            Some(value) => write!(f, ";{name}={value}"),
            None => write!(f, ";{name}"),
        })
    }
}

//----------- Parts ----------------------------------------------------------

/// Which parameters are written first (RFC 3966 §3); the others follow by name.
fn place(name: &str) -> u8 {
    match name {
        "isub" | "ext" => 0,
        "phone-context" => 1,
        _ => 2,
    }
}

fn is_of_local(octet: u8) -> bool {
    octet.is_ascii_hexdigit() || matches!(octet, b'*' | b'#')
}

/// The text without visual separators.
fn plain_digits(text: &str) -> String {
    text.chars().filter(|c| !matches!(c, '-' | '.' | '(' | ')')).collect()
}

/// A parameter's value, without separators where those mean nothing.
fn check_value(name: &str, value: Option<&str>) -> Result<Option<String>, TelFault> {
    let expected = match name {
        "npdi" | "enumdi" => "no value",
        "rn" | "cic" => "hexadecimal digits, with + and a country code before them if they are global",
        "ext" => "digits",
        "phone-context" | "rn-context" | "cic-context" | "trunk-context" => "a domain name, or + and digits",
        _ => "letters, digits, % and two digits, and []/:&+$-_.!~*'()",
    };
    let kept = value.map(|text| match name {
        "rn" | "cic" | "ext" => plain_digits(text),
        // Domain names keep their dots and hyphens.
        _ if name.ends_with("-context") && text.starts_with('+') => plain_digits(text),
        // Brackets may be escaped here, and must be in a SIP URI.
        _ => [("%5B", "["), ("%5b", "["), ("%5D", "]"), ("%5d", "]")]
            .iter()
            .fold(text.to_owned(), |text, (escaped, plain)| text.replace(escaped, plain)),
    });
    let is_right = match (name, kept.as_deref()) {
        ("npdi" | "enumdi", kept) => kept.is_none(),
        ("rn" | "cic", Some(kept)) => is_hex(kept) || is_global_hex(kept),
        ("ext", Some(kept)) => !kept.is_empty() && kept.bytes().all(|octet| octet.is_ascii_digit()),
        ("phone-context", Some(kept)) => is_global_digits(kept) || is_domain(kept),
        ("rn-context" | "cic-context" | "trunk-context", Some(kept)) => {
            is_global_hex(kept) || is_domain(kept)
        }
        ("rn" | "cic" | "ext" | "phone-context" | "rn-context" | "cic-context" | "trunk-context", None) => {
            false
        }
        (_, kept) => kept.is_none_or(is_parameter_value),
    };
    match is_right {
        true => Ok(kept),
        false => Err(TelFault::Value {
            name: name.to_owned(),
            found: value.unwrap_or_default().to_owned(),
            expected,
        }),
    }
}

fn is_hex(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_hexdigit())
}

/// `+`, a country code's digit, and hexadecimal digits.
fn is_global_hex(text: &str) -> bool {
    let digits = text.strip_prefix('+').unwrap_or_default();
    digits.starts_with(|c: char| c.is_ascii_digit()) && is_hex(digits)
}

fn is_global_digits(text: &str) -> bool {
    is_global_hex(text) && text.bytes().skip(1).all(|octet| octet.is_ascii_digit())
}

/// Labels of letters, digits and hyphens; the last begins with a letter.
fn is_domain(text: &str) -> bool {
    let mut labels = text.strip_suffix('.').unwrap_or(text).split('.').peekable();
    let mut right = text.len() <= 254;
    while let Some(label) = labels.next() {
        right &= (1..=63).contains(&label.len())
            && label.bytes().all(|octet| octet.is_ascii_alphanumeric() || octet == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
            && (labels.peek().is_some() || label.starts_with(|c: char| c.is_ascii_alphabetic()));
    }
    right
}

fn is_parameter_value(text: &str) -> bool {
    let mut rest = text.as_bytes();
    loop {
        rest = match rest {
            [] => return !text.is_empty(),
            [b'%', high, low, after @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => after,
            [octet, after @ ..] if octet.is_ascii_alphanumeric() || b"[]/:&+$-_.!~*'()".contains(octet) => {
                after
            }
            _ => return false,
        }
    }
}

//----------- TelFault -------------------------------------------------------

/// Why a text is no tel URI.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TelFault {
    /// Another scheme, or none.
    #[error("expected tel: and a number, as in tel:+441632960083")]
    Scheme,
    /// A SIP URI that does not say that its user is a number.
    #[error("a SIP URI has a telephone number if it has a user and ;user=phone behind the host")]
    NotPhone,
    /// Too long.
    #[error("more than {MAX_URI} octets")]
    TooLong,
    /// The number is none.
    #[error(
        "number: found \"{found}\", expected + and digits, or local digits; - . ( ) may stand between them, blanks not"
    )]
    Number {
        /// What is there.
        found: String,
    },
    /// A parameter's name is none.
    #[error("parameter: found \"{found}\", expected a name of letters, digits and hyphens")]
    Name {
        /// What is there.
        found: String,
    },
    /// A parameter stands twice.
    #[error("parameter {name} stands in it twice")]
    Twice {
        /// The parameter.
        name: String,
    },
    /// A parameter's value is none.
    #[error("parameter {name}: found \"{found}\", expected {expected}")]
    Value {
        /// The parameter.
        name: String,
        /// What it has.
        found: String,
        /// What it should have.
        expected: &'static str,
    },
    /// What is local does not say where.
    #[error("a local {of} needs ;{context}= and a domain name, or + and digits")]
    NoContext {
        /// What is local.
        of: &'static str,
        /// The parameter that it needs.
        context: &'static str,
    },
}

impl TelFault {
    /// The fault in one stable word.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Scheme => "scheme",
            Self::NotPhone => "not-phone",
            Self::TooLong => "too-long",
            Self::Number { .. } => "number",
            Self::Name { .. } => "parameter-name",
            Self::Twice { .. } => "twice",
            Self::Value { .. } => "value",
            Self::NoContext { .. } => "no-context",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parameters() -> impl Strategy<Value = Vec<String>> {
        let one = prop_oneof![
            Just("npdi".to_owned()),
            Just("enumdi".to_owned()),
            Just("rn=+44D123;rn-context=example.com".to_owned()),
            "cic=\\+[0-9][0-9A-F]{1,5}",
            "tgrp=[a-z0-9-]{1,9};trunk-context=[a-z]{1,9}\\.example",
            "ext=[0-9.]{0,3}[0-9]",
            "x-[a-z]{1,5}=[A-Za-z0-9:+$%2][a-z0-9]{1,5}",
        ];
        prop::collection::vec(one, 0..4)
    }

    proptest! {
        #[test]
        fn a_uri_reads_back(number in "\\+[(]?[0-9]{1,4}[).-]?[0-9]{1,9}", parameters in parameters(), upper: bool) {
            let text = std::iter::once(format!("tel:{number}")).chain(parameters).collect::<Vec<_>>().join(";");
            if let Ok(uri) = TelUri::parse(&text) {
                let again = TelUri::parse(&uri.to_string()).unwrap();
                prop_assert_eq!(&uri, &again);
                prop_assert_eq!(uri.to_string(), again.to_string());
                let other_case = if upper { text.to_ascii_uppercase() } else { text.to_ascii_lowercase() };
                prop_assert_eq!(&uri, &TelUri::parse(&other_case).unwrap());
                prop_assert_eq!(&uri, &TelUri::parse_sip(&uri.to_sip("gw.example")).unwrap());
                let digits: String = number.chars().filter(|c| c.is_ascii_digit()).collect();
                prop_assert_eq!(format!("+{digits}"), uri.number());
            }
        }

        #[test]
        fn any_text_is_judged_without_panic(text: String, likely in "tel:\\+?[0-9a;=.%-]{0,20}(;[a-z-]{0,5}(=.{0,3})?){0,2}") {
            for text in [&text, &likely] {
                let _ = TelUri::parse_sip(text);
                if let Ok(uri) = TelUri::parse(text) {
                    let again = TelUri::parse(&uri.to_string());
                    prop_assert_eq!(Ok(uri), again);
                }
            }
        }
    }

    #[test]
    fn parameters_are_written_in_their_order() {
        let uri = TelUri::parse("tel:7042;zz=1;phone-context=example.com;npdi;ISUB=12").unwrap();
        assert_eq!("tel:7042;isub=12;phone-context=example.com;npdi;zz=1", uri.to_string());
    }

    #[test]
    fn faults_are_told_apart() {
        for (text, code) in [
            ("+44", "scheme"),
            ("tel:", "number"),
            ("tel:+", "number"),
            ("tel:44+1;phone-context=a", "number"),
            ("tel:+44;", "parameter-name"),
            ("tel:+44;q_stat=1", "parameter-name"),
            ("tel:+44;a;A=1", "twice"),
            ("tel:+44;npdi=1", "value"),
            ("tel:+44;rn=", "value"),
            ("tel:+44;rn=+D1", "value"),
            ("tel:+44;x=a b", "value"),
            ("tel:44;phone-context=-a", "value"),
            ("tel:+44;cic=1", "no-context"),
        ] {
            let found = TelUri::parse(text).map(|uri| uri.to_string());
            assert_eq!(Err(code), found.map_err(|fault| fault.code()), "{text}");
        }
    }
}
