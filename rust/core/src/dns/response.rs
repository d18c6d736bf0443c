//! Writes responses into the caller's buffer.

use super::{HEADER, MAX_UDP_LIMIT, Rcode, TYPE_OPT};

/// Octets of the OPT record that responses carry.
const OPT: usize = 11;

//----------- Response -------------------------------------------------------

/// A response in pieces that are ready to be copied.
#[derive(Clone, Copy, Debug)]
pub struct Response<'a> {
    /// The query's id.
    pub id: [u8; 2],
    /// The query's opcode.
    pub opcode: u8,
    /// The response code; its high bits travel in the OPT record.
    pub rcode: Rcode,
    /// The question as it came, if it could be read.
    pub question: Option<&'a [u8]>,
    /// Encoded answer records, whose owner is a pointer to the question.
    pub answers: &'a [u8],
    /// How many records those are.
    pub answer_count: u16,
    /// Whether the response carries an OPT record: the query did (RFC 6891 §6.1.1).
    pub edns: bool,
}

impl Response<'_> {
    /// Writes the message, at most `limit` octets, and gives its length.
    ///
    /// A message that would be longer goes without its answers and with TC set (RFC 2181 §9): the
    /// client asks again over TCP. `None` if `out` cannot even hold that.
    #[inline]
    pub fn write(&self, limit: usize, out: &mut [u8]) -> Option<usize> {
        let question = self.question.unwrap_or_default();
        let fixed = HEADER + question.len() + if self.edns { OPT } else { 0 };
        let truncated = fixed + self.answers.len() > limit;
        let (answers, answer_count) =
            if truncated { (&[][..], 0) } else { (self.answers, self.answer_count) };
        let rest = put(out, &self.header(truncated, answer_count))?;
        let rest = put(rest, question)?;
        let rest = put(rest, answers)?;
        self.put_opt(rest)?;
        Some(fixed + answers.len())
    }

    /// The same with answers that are not ready to be copied: so many octets, which `put_answers` writes into
    /// room for just that.
    pub fn write_with(
        &self,
        octets: usize,
        put_answers: impl FnOnce(&mut [u8]) -> Option<()>,
        limit: usize,
        out: &mut [u8],
    ) -> Option<usize> {
        let fixed = HEADER + self.question.unwrap_or_default().len() + if self.edns { OPT } else { 0 };
        if fixed + octets > limit {
            let rest = put(out, &self.header(true, 0))?;
            let rest = put(rest, self.question.unwrap_or_default())?;
            self.put_opt(rest)?;
            return Some(fixed);
        }
        let rest = put(out, &self.header(false, self.answer_count))?;
        let rest = put(rest, self.question.unwrap_or_default())?;
        let (room, rest) = rest.split_at_mut_checked(octets)?;
        put_answers(room)?;
        self.put_opt(rest)?;
        Some(fixed + octets)
    }

    #[inline]
    fn header(&self, truncated: bool, answer_count: u16) -> [u8; HEADER] {
        let [count1, count2] = answer_count.to_be_bytes();
        let rcode = self.rcode as u16;
        let [id1, id2] = self.id;
        [
            id1,
            id2,
            // QR, opcode and TC: number-lookup sets no other flag.
            0x80 | self.opcode << 3 | if truncated { 0x02 } else { 0 },
            (rcode & 0xf) as u8,
            0,
            u8::from(self.question.is_some()),
            count1,
            count2,
            0,
            0,
            0,
            u8::from(self.edns),
        ]
    }

    #[inline]
    fn put_opt(&self, rest: &mut [u8]) -> Option<()> {
        if self.edns {
            let [t1, t2] = TYPE_OPT.to_be_bytes();
            let [s1, s2] = (MAX_UDP_LIMIT as u16).to_be_bytes();
            // Root owner, type, our UDP size, high bits of the rcode, version 0, no flags, no options.
            put(rest, &[0, t1, t2, s1, s2, (self.rcode as u16 >> 4) as u8, 0, 0, 0, 0, 0])?;
        }
        Some(())
    }
}

/// Copies `octets` to the front of `out` and gives what is left of it.
#[inline]
pub(crate) fn put<'a>(out: &'a mut [u8], octets: &[u8]) -> Option<&'a mut [u8]> {
    let (front, rest) = out.split_at_mut_checked(octets.len())?;
    front.copy_from_slice(octets);
    Some(rest)
}
