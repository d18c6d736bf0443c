//! Judges answers: every one, in full, however the server compresses and whatever it adds.

use crate::message::{CLASS_IN, HEADER, TYPE_NAPTR, name_at, u16_at};

/// What is to be answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expected {
    /// NOERROR and one NAPTR record for the name asked, with this RDATA.
    Naptr(Vec<u8>),
    /// NXDOMAIN and no answer.
    NxDomain,
}

/// What is wrong with an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Not a response to a standard query, or it ends too early.
    Malformed,
    /// It was cut: the TC flag.
    Truncated,
    /// Another question than was asked, or in other letters.
    Question,
    /// Another response code.
    Rcode(u8),
    /// Not one record, another owner, type, class or RDATA.
    Answer,
}

/// Flags and codes of the header's second word (RFC 1035 §4.1.1).
const QR: u16 = 0x8000;
const OPCODE: u16 = 0x7800;
const TC: u16 = 0x0200;
const RCODE: u16 = 0x000F;

/// Says what is wrong with an answer to a question.
///
/// # Errors
///
/// The first fault.
pub fn check(message: &[u8], question: &[u8], expected: &Expected) -> Result<(), Fault> {
    let word = |at| u16_at(message, at).ok_or(Fault::Malformed);
    let flags = word(2)?;
    if flags & (QR | OPCODE) != QR {
        return Err(Fault::Malformed);
    }
    if flags & TC != 0 {
        return Err(Fault::Truncated);
    }
    let end = HEADER + question.len();
    if word(4)? != 1 || message.get(HEADER..end) != Some(question) {
        return Err(Fault::Question);
    }
    let (rcode, answers) = (flags & RCODE, word(6)?);
    match expected {
        Expected::NxDomain if rcode != 3 => Err(Fault::Rcode(rcode as u8)),
        Expected::NxDomain if answers != 0 => Err(Fault::Answer),
        Expected::NxDomain => Ok(()),
        Expected::Naptr(_) if rcode != 0 => Err(Fault::Rcode(rcode as u8)),
        Expected::Naptr(_) if answers != 1 => Err(Fault::Answer),
        Expected::Naptr(data) => match data_of_record(message, end) {
            Some(found) if found == data => Ok(()),
            _ => Err(Fault::Answer),
        },
    }
}

/// The RDATA of the NAPTR record that begins at `at`, if its owner is the name asked.
fn data_of_record(message: &[u8], at: usize) -> Option<&[u8]> {
    let at = match u16_at(message, at)? {
        // What all servers do: a pointer to the question.
        0xC00C => at + 2,
        _ => {
            let (owner, end) = name_at(message, at)?;
            let (asked, _) = name_at(message, HEADER)?;
            owner.eq_ignore_ascii_case(&asked).then_some(end)?
        }
    };
    let is_naptr = u16_at(message, at)? == TYPE_NAPTR && u16_at(message, at + 2)? == CLASS_IN;
    let start = at + 10;
    let length = usize::from(u16_at(message, at + 8)?);
    message.get(start..start + length).filter(|_| is_naptr)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message;
    use crate::reply::{REGEXP, Reply};

    fn exchange() -> (Vec<u8>, Vec<u8>, Expected) {
        let question = message::question("4.3.2.1.4.4.e164.arpa").unwrap();
        let (mut query, mut reply) = ([0; 512], [0; 512]);
        let length = message::write_query(7, &question, &mut query);
        let length = Reply::new().write(&query[..length], &mut reply).unwrap();
        let data = message::naptr(10, 50, "u", "E2U+pstn:tel", REGEXP).unwrap();
        (reply[..length].to_vec(), question, Expected::Naptr(data))
    }

    #[test]
    fn right_answer_is_right() {
        let (reply, question, expected) = exchange();
        assert_eq!(Ok(()), check(&reply, &question, &expected));
    }

    #[test]
    fn owner_in_full_and_owner_by_labels_and_pointer_are_right_too() {
        let (reply, question, expected) = exchange();
        let end = HEADER + question.len();
        // Its first label is at 12, the rest of the name at 14.
        for owner in [&question[..question.len() - 4], &[1, b'4', 0xC0, 14]] {
            let other = [&reply[..end], owner, &reply[end + 2..]].concat();
            assert_eq!(Ok(()), check(&other, &question, &expected));
        }
        let another = [&reply[..end], &[0xC0, 14], &reply[end + 2..]].concat();
        assert_eq!(Err(Fault::Answer), check(&another, &question, &expected));
    }

    /// Every bit of a right answer counts, but for the id, which the caller has used, the flags that servers
    /// differ in, the TTL, and how many records there are in the sections that are not looked at.
    #[test]
    fn each_flipped_bit_is_a_fault() {
        let (reply, question, expected) = exchange();
        let record = HEADER + question.len();
        for octet in 2..reply.len() {
            for bit in 0..8 {
                let mut other = reply.clone();
                other[octet] ^= 1 << bit;
                let free = match octet {
                    2 => [0, 2].contains(&bit),
                    3 => bit >= 4,
                    8..12 => true,
                    _ => (record + 6..record + 10).contains(&octet),
                };
                let judged = check(&other, &question, &expected);
                assert_eq!(free, judged.is_ok(), "octet {octet}, bit {bit}: {judged:?}");
            }
        }
    }

    #[test]
    fn cut_answers_are_faults() {
        let (reply, question, expected) = exchange();
        for length in 0..reply.len() {
            assert!(check(&reply[..length], &question, &expected).is_err(), "{length}");
        }
    }

    #[test]
    fn hit_for_a_miss_and_miss_for_a_hit_are_faults() {
        let (mut reply, question, expected) = exchange();
        assert_eq!(Err(Fault::Rcode(0)), check(&reply, &question, &Expected::NxDomain));
        reply[3] = 3;
        assert_eq!(Err(Fault::Answer), check(&reply, &question, &Expected::NxDomain));
        assert_eq!(Err(Fault::Rcode(3)), check(&reply, &question, &expected));
        reply[7] = 0;
        assert_eq!(Ok(()), check(&reply, &question, &Expected::NxDomain));
    }

    #[test]
    fn pointer_to_itself_ends() {
        let (mut reply, question, expected) = exchange();
        let at = HEADER + question.len();
        reply[at..at + 2].copy_from_slice(&(0xC000 | at as u16).to_be_bytes());
        assert_eq!(Err(Fault::Answer), check(&reply, &question, &expected));
    }
}
