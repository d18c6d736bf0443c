//! The reflector's answer: the question, and one record that is the same for all.
//!
//! It looks at nothing but where the question ends, so that what a server spends above a reflector is what
//! it spends on knowing the answer.

use crate::message::{self, CLASS_IN, TYPE_NAPTR, question_end};

/// What follows the question in every reply: of the length of numdip's own answer with a two-digit MNC.
pub struct Reply {
    record: Vec<u8>,
}

/// The fixed record's regexp.
pub const REGEXP: &str = r"!^(.*)$!tel:\1;mcc=999;mnc=99!";

impl Default for Reply {
    fn default() -> Reply {
        Reply::new()
    }
}

impl Reply {
    pub fn new() -> Reply {
        let data = message::naptr(10, 50, "u", "E2U+pstn:tel", REGEXP).unwrap_or_default();
        let mut record = vec![0xC0, 12];
        record.extend_from_slice(&TYPE_NAPTR.to_be_bytes());
        record.extend_from_slice(&CLASS_IN.to_be_bytes());
        record.extend_from_slice(&3_u32.to_be_bytes());
        record.extend_from_slice(&(data.len() as u16).to_be_bytes());
        record.extend_from_slice(&data);
        Reply { record }
    }

    /// How long the reply to a query is; `None` if it has no question.
    pub fn length(&self, query: &[u8]) -> Option<usize> {
        Some(question_end(query)? + self.record.len())
    }

    /// Writes the reply to a query and gives its length.
    pub fn write(&self, query: &[u8], out: &mut [u8]) -> Option<usize> {
        let end = question_end(query)?;
        let out = out.get_mut(..end + self.record.len())?;
        out[..end].copy_from_slice(&query[..end]);
        self.complete(out, end);
        Some(out.len())
    }

    /// Makes the query in a buffer its own reply.
    pub fn append(&self, octets: &mut [u8], length: usize) -> Option<usize> {
        let end = question_end(octets.get(..length)?)?;
        let out = octets.get_mut(..end + self.record.len())?;
        self.complete(out, end);
        Some(out.len())
    }

    fn complete(&self, out: &mut [u8], end: usize) {
        // QR and NOERROR; one question, one answer.
        out[2..12].copy_from_slice(&[0x80, 0, 0, 1, 0, 1, 0, 0, 0, 0]);
        out[end..].copy_from_slice(&self.record);
    }
}

#[cfg(test)]
mod tests {
    use hickory_proto::op::{Message, MessageType, ResponseCode};
    use hickory_proto::rr::RData;

    use super::*;
    use crate::message::{question, write_query};

    fn query(name: &str) -> Vec<u8> {
        let mut octets = vec![0; 512];
        let length = write_query(0xABCD, &question(name).unwrap(), &mut octets);
        octets.truncate(length);
        octets
    }

    #[test]
    fn reply_is_a_message_that_others_read() {
        let query = query("6.5.1.6.8.9.2.9.3.3.1.e164.arpa");
        let mut out = [0xFF; 512];
        let length = Reply::new().write(&query, &mut out).unwrap();
        assert_eq!(Reply::new().length(&query), Some(length));
        let (asked, told) = (Message::from_vec(&query).unwrap(), Message::from_vec(&out[..length]).unwrap());
        assert_eq!(0xABCD, told.id());
        assert_eq!(
            (MessageType::Response, ResponseCode::NoError),
            (told.message_type(), told.response_code())
        );
        assert_eq!(asked.queries(), told.queries());
        let [record] = told.answers() else { panic!("{:?}", told.answers()) };
        assert_eq!(asked.queries()[0].name(), record.name());
        let RData::NAPTR(data) = record.data() else { panic!("{record:?}") };
        assert_eq!(REGEXP.as_bytes(), data.regexp());
        assert!(told.name_servers().is_empty() && told.additionals().is_empty());
    }

    #[test]
    fn both_ways_to_reply_give_the_same_and_edns_is_left_out() {
        let mut query = query("1.4.4.e164.arpa");
        query[11] = 1;
        query.extend_from_slice(&[0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0]);
        let (mut out, mut place) = ([0; 512], [0; 512]);
        let length = Reply::new().write(&query, &mut out).unwrap();
        place[..query.len()].copy_from_slice(&query);
        assert_eq!(Some(length), Reply::new().append(&mut place, query.len()));
        assert_eq!(out[..length], place[..length]);
        assert!(Message::from_vec(&out[..length]).unwrap().extensions().is_none());
    }

    #[test]
    fn reply_is_as_long_as_numdips() {
        // 113 octets are numdip's answer for this number with a three-digit MNC; the reflector's has two digits.
        assert_eq!(Some(112), Reply::new().length(&query("6.5.1.6.8.9.2.9.3.3.1.e164.arpa")));
    }

    #[test]
    fn what_has_no_question_gets_no_reply() {
        let query = query("1.e164.arpa");
        for length in 0..query.len() {
            assert_eq!(None, Reply::new().write(&query[..length], &mut [0; 512]), "{length}");
        }
    }
}
