//! What to ask and what is to be answered, from a file.
//!
//! ```text
//! answer 0 10 50 u E2U+pstn:tel !^(.*)$!tel:\1;mcc=310;mnc=012!
//! 6.5.1.6.8.9.2.9.3.3.1.e164.arpa 0
//! 7.5.1.6.8.9.2.9.3.3.1.e164.arpa -
//! ```
//!
//! First the answers that there are, each with its number and the record's order, preference, flags,
//! services and regexp; then the names in the order in which they are asked, each with its answer's number,
//! or a dash for NXDOMAIN.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use crate::check::Expected;
use crate::message;

/// The questions and what they expect, in the order of the file.
pub struct Queries {
    /// The questions' octets, one after the other, and where each begins.
    octets: Vec<u8>,
    starts: Vec<u32>,
    expected: Vec<u32>,
    answers: Vec<Expected>,
}

/// The place of NXDOMAIN in `answers`.
const NXDOMAIN: u32 = 0;

impl Queries {
    /// # Errors
    ///
    /// What is wrong with the file, and in which line.
    pub fn read(path: &Path) -> Result<Queries, String> {
        let file = File::open(path).map_err(|error| format!("{}: {error}", path.display()))?;
        Queries::from_lines(BufReader::with_capacity(1 << 20, file))
            .map_err(|fault| format!("{}: {fault}", path.display()))
    }

    /// # Errors
    ///
    /// What is wrong and in which line.
    pub fn from_lines(lines: impl BufRead) -> Result<Queries, String> {
        let (mut octets, mut starts, mut expected) = (Vec::new(), vec![0], Vec::new());
        let mut answers = vec![Expected::NxDomain];
        for (number, line) in lines.lines().enumerate() {
            let fault = |what: &str| format!("line {}: {what}", number + 1);
            let line = line.map_err(|error| fault(&error.to_string()))?;
            let mut words = line.split_ascii_whitespace();
            match (words.next(), words.next()) {
                (Some("answer"), Some(place)) => {
                    if place.parse() != Ok(answers.len() - 1) {
                        return Err(fault("answers are numbered from 0"));
                    }
                    let words: Vec<&str> = words.collect();
                    let data = record(&words)
                        .ok_or_else(|| fault("expected order, preference, flags, services, regexp"))?;
                    answers.push(Expected::Naptr(data));
                }
                (Some(name), Some(answer)) => {
                    octets.extend(message::question(name).ok_or_else(|| fault("no name to ask for"))?);
                    starts.push(u32::try_from(octets.len()).map_err(|_| fault("more than 4 GiB"))?);
                    expected.push(match answer {
                        "-" => NXDOMAIN,
                        place => place
                            .parse()
                            .ok()
                            .and_then(|place: u32| place.checked_add(1))
                            .filter(|&place| (place as usize) < answers.len())
                            .ok_or_else(|| fault("an answer that no line before says"))?,
                    });
                }
                (None, _) => {}
                _ => return Err(fault("expected a name and an answer's number or a dash")),
            }
        }
        match expected.is_empty() {
            true => Err("no query in it".to_owned()),
            false => Ok(Queries { octets, starts, expected, answers }),
        }
    }

    /// How many queries there are.
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        self.expected.len()
    }

    /// The question at a place, which wraps round.
    pub fn question(&self, place: usize) -> &[u8] {
        let place = place % self.len();
        &self.octets[self.starts[place] as usize..self.starts[place + 1] as usize]
    }

    /// What the question at a place expects.
    pub fn expected(&self, place: usize) -> &Expected {
        &self.answers[self.expected[place % self.len()] as usize]
    }
}

fn record(words: &[&str]) -> Option<Vec<u8>> {
    let [order, preference, flags, services, regexp] = words else { return None };
    message::naptr(order.parse().ok()?, preference.parse().ok()?, flags, services, regexp)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "answer 0 10 50 u E2U+pstn:tel !^(.*)$!tel:\\1;mcc=310;mnc=012!\n\
        6.5.1.6.8.9.2.9.3.3.1.e164.arpa 0\n7.5.1.e164.arpa -\n";

    #[test]
    fn file_gives_questions_and_what_they_expect() {
        let queries = Queries::from_lines(FILE.as_bytes()).unwrap();
        assert_eq!(2, queries.len());
        assert_eq!(b"\x017\x015\x011\x04e164\x04arpa\0\0\x23\0\x01", queries.question(1));
        assert_eq!(&Expected::NxDomain, queries.expected(3));
        let Expected::Naptr(data) = queries.expected(2) else { panic!() };
        assert_eq!(b"\0\x0a\0\x32\x01u\x0cE2U+pstn:tel", &data[..19]);
    }

    #[test]
    fn faults_name_the_line() {
        for (file, line) in [
            ("1.e164.arpa 0\n", "line 1"),
            ("1.e164.arpa -\n2.e164.arpa\n", "line 2"),
            ("answer 1 10 50 u s !a!b!\n", "line 1"),
            ("answer 0 10 50 u s\n", "line 1"),
            ("1..2 -\n", "line 1"),
        ] {
            let fault = Queries::from_lines(file.as_bytes()).err().unwrap();
            assert!(fault.contains(line), "{fault}");
        }
        assert!(Queries::from_lines(&b""[..]).is_err());
    }
}
