//! Text as the value of a URI parameter.

use std::fmt::Write;

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
