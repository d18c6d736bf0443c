//! As much of a DNS message as a load and a reflector need (RFC 1035 §4.1).

/// Octets of the header.
pub const HEADER: usize = 12;

/// Octets of a name at most (RFC 1035 §2.3.4).
const NAME_OCTETS: usize = 255;

pub const TYPE_NAPTR: u16 = 35;
pub const CLASS_IN: u16 = 1;

/// A big-endian number of two octets.
pub fn u16_at(octets: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(*octets.get(at..)?.first_chunk()?))
}

/// Where the uncompressed name that begins at `at` ends.
pub fn name_end(message: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match usize::from(*message.get(at)?) {
            0 => return Some(at + 1),
            length @ 1..=63 => at += 1 + length,
            _ => return None,
        }
    }
}

/// Where the first question ends.
pub fn question_end(message: &[u8]) -> Option<usize> {
    let end = name_end(message, HEADER)? + 4;
    (u16_at(message, 4)? == 1 && end <= message.len()).then_some(end)
}

/// A name written without compression, and where it ends in the message.
pub fn name_at(message: &[u8], at: usize) -> Option<(Vec<u8>, usize)> {
    let (mut name, mut next, mut end) = (Vec::with_capacity(64), at, None);
    loop {
        match usize::from(*message.get(next)?) {
            0 => {
                name.push(0);
                return Some((name, end.unwrap_or(next + 1)));
            }
            length @ 1..=63 => {
                name.extend_from_slice(message.get(next..=next + length)?);
                next += 1 + length;
            }
            192.. => {
                let target = usize::from(u16_at(message, next)? & 0x3FFF);
                end.get_or_insert(next + 2);
                // A pointer leads backwards, so that this ends.
                next = (target < next).then_some(target)?;
            }
            _ => return None,
        }
        if name.len() >= NAME_OCTETS {
            return None;
        }
    }
}

/// A query's question for a name in presentation form: `1.2.e164.arpa` with type NAPTR.
pub fn question(name: &str) -> Option<Vec<u8>> {
    let mut octets = Vec::with_capacity(name.len() + 6);
    for label in name.trim_end_matches('.').split('.') {
        octets.push(u8::try_from(label.len()).ok().filter(|length| (1..=63).contains(length))?);
        octets.extend_from_slice(label.as_bytes());
    }
    octets.push(0);
    octets.extend_from_slice(&TYPE_NAPTR.to_be_bytes());
    octets.extend_from_slice(&CLASS_IN.to_be_bytes());
    (octets.len() <= NAME_OCTETS + 4).then_some(octets)
}

/// Writes a query for a question and gives its length.
pub fn write_query(id: u16, question: &[u8], out: &mut [u8]) -> usize {
    out[..HEADER].copy_from_slice(&[0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    out[..2].copy_from_slice(&id.to_be_bytes());
    out[HEADER..HEADER + question.len()].copy_from_slice(question);
    HEADER + question.len()
}

/// RDATA of a NAPTR record whose replacement is the root (RFC 3403 §4.1).
pub fn naptr(order: u16, preference: u16, flags: &str, services: &str, regexp: &str) -> Option<Vec<u8>> {
    let mut octets = Vec::with_capacity(64);
    octets.extend_from_slice(&order.to_be_bytes());
    octets.extend_from_slice(&preference.to_be_bytes());
    for text in [flags, services, regexp] {
        octets.push(u8::try_from(text.len()).ok()?);
        octets.extend_from_slice(text.as_bytes());
    }
    octets.push(0);
    Some(octets)
}
