//! Text as the value of a URI parameter, and whether octets are a URI.

use std::fmt::{self, Write};

/// The text with everything that could mean something in a URI or in a rule, and all that is not ASCII,
/// as `%` and two digits (RFC 3986 §2.1). `+` stays: a global routing number starts with it.
pub fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for octet in text.bytes() {
        match stays(octet) {
            true => encoded.push(octet as char),
            false => {
                let _ = write!(encoded, "%{octet:02X}");
            }
        }
    }
    encoded
}

/// How many octets [`encode`] makes of the text.
pub fn encoded_len(text: &str) -> usize {
    text.bytes().map(|octet| if stays(octet) { 1 } else { 3 }).sum()
}

fn stays(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'.' | b'_' | b'+')
}

//----------- Checking -------------------------------------------------------

/// Checks that octets are an absolute URI (RFC 3986 §4.3): a scheme and no fragment.
///
/// Brackets are taken anywhere, as schemes do that have addresses outside `//` (RFC 5456 `iax:[2001:db8::1]`).
pub fn check_absolute(octets: &[u8]) -> Result<(), UriFault> {
    let colon = octets.iter().position(|octet| *octet == b':').ok_or(UriFault::NoScheme)?;
    match octets.get(..colon).unwrap_or_default() {
        [b'a'..=b'z' | b'A'..=b'Z', rest @ ..] if rest.iter().all(|octet| is_of_scheme(*octet)) => {}
        _ => return Err(UriFault::NoScheme),
    }
    let mut rest = octets.get(colon + 1..).unwrap_or_default();
    loop {
        rest = match rest {
            [] => return Ok(()),
            [b'%', high, low, after @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => after,
            [b'#', ..] => return Err(UriFault::Fragment),
            [octet, after @ ..] if is_of_uri(*octet) => after,
            [found, ..] => return Err(UriFault::Octet { found: *found, at: octets.len() - rest.len() }),
        }
    }
}

fn is_of_scheme(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || matches!(octet, b'+' | b'-' | b'.')
}

/// Unreserved and reserved characters (RFC 3986 §2.2, §2.3) but `#`.
fn is_of_uri(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || b"-._~:/?[]@!$&'()*+,;=".contains(&octet)
}

/// Why octets are no absolute URI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UriFault {
    /// It does not begin with a scheme and a colon.
    NoScheme,
    /// It has a fragment, which an absolute URI has not (RFC 6116 §3.3).
    Fragment,
    /// An octet cannot be in a URI.
    Octet {
        /// The octet.
        found: u8,
        /// How many octets stand before it.
        at: usize,
    },
}

impl fmt::Display for UriFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoScheme => f.write_str("it begins with no scheme and colon, such as sip:"),
            Self::Fragment => f.write_str("it has a # and a fragment, which absolute URIs have not"),
            Self::Octet { found, at } => {
                write!(
                    f,
                    "\"{}\" behind {at} octets cannot be in a URI: write it as % and two digits",
                    found.escape_ascii()
                )
            }
        }
    }
}

impl std::error::Error for UriFault {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uris_are_told_from_other_text() {
        for uri in ["tel:+44;mcc=234", "sip:a%20b@x.example", "iax:[2001:db8::1]:4569/a?b", "a:", "x-y.z+1:/"]
        {
            assert_eq!(Ok(()), check_absolute(uri.as_bytes()), "{uri}");
        }
        for (text, fault) in [
            ("", UriFault::NoScheme),
            ("www.example.com", UriFault::NoScheme),
            (":x", UriFault::NoScheme),
            ("1a:x", UriFault::NoScheme),
            ("not a uri:", UriFault::NoScheme),
            ("http://x/#y", UriFault::Fragment),
            ("sip:a b", UriFault::Octet { found: b' ', at: 5 }),
            ("tel:\\1", UriFault::Octet { found: b'\\', at: 4 }),
            ("sip:%4", UriFault::Octet { found: b'%', at: 4 }),
            ("sip:\u{e9}", UriFault::Octet { found: 0xc3, at: 4 }),
        ] {
            assert_eq!(Err(fault), check_absolute(text.as_bytes()), "{text}");
        }
    }
}
