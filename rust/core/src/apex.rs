//! Owner name ↔ number: the First Well Known Rule (RFC 6116 §3.2).
//!
//! `+447786852522` is `2.2.5.2.5.8.6.8.7.7.4.4` under the apex, one label a digit, last digit first.

use std::fmt;

use crate::dns::name::{self, NameError};
use crate::number::{Builder, MAX_DIGITS, Number, NumberError};

//----------- Apex -----------------------------------------------------------

/// The domain that reversed digits hang from; `e164.arpa` for public ENUM.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Apex {
    /// Wire form in lower case, root label included.
    wire: Box<[u8]>,
}

impl Apex {
    /// The apex with this name; the final dot may be left out.
    pub fn new(text: &str) -> Result<Self, NameError> {
        let mut wire = name::to_wire(text)?;
        // Room for one digit at least; `Apex::owner_name` judges longer numbers.
        if wire.len() + 2 > 255 {
            return Err(NameError::TooLong);
        }
        wire.make_ascii_lowercase();
        Ok(Self { wire: wire.into() })
    }

    /// The wire form in lower case, root label included.
    pub fn wire(&self) -> &[u8] {
        &self.wire
    }

    /// The number that a name on the wire stands for, letter case aside (RFC 4343).
    ///
    /// `name` is whole and uncompressed. Nothing is allocated.
    #[inline]
    pub fn number(&self, name: &[u8]) -> Result<Number, OwnerFault> {
        let digits = name.len().checked_sub(self.wire.len()).ok_or(OwnerFault::NotUnderApex)?;
        let (mut labels, suffix) = name.split_at_checked(digits).ok_or(OwnerFault::NotUnderApex)?;
        if suffix != &*self.wire && !suffix.eq_ignore_ascii_case(&self.wire) {
            return Err(OwnerFault::NotUnderApex);
        }
        if let Some(number) = Number::from_reversed_labels(labels) {
            return Ok(number);
        }
        if labels.is_empty() {
            return Err(OwnerFault::IsApex);
        }
        // Pairs of 1 and a digit: if all are, the suffix begins where a label does. From the right,
        // since the last label is the first digit.
        let mut number = Builder::new();
        // Too many digits are no form of a number at all, so that comes before what the first is.
        let is_too_long = labels.len() > 2 * MAX_DIGITS;
        let mut fault = is_too_long.then_some(NumberError::TooLong { digits: MAX_DIGITS + 1 });
        while let [front @ .., length, digit] = labels {
            if *length != 1 || !digit.is_ascii_digit() {
                return Err(OwnerFault::NotADigit);
            }
            // A fault of the number as a whole does not hide a label that is no digit.
            if let Err(error) = number.push(digit - b'0') {
                fault.get_or_insert(error);
            }
            labels = front;
        }
        match (labels, fault) {
            ([], None) => number.finish().map_err(OwnerFault::Number),
            ([], Some(fault)) => Err(OwnerFault::Number(fault)),
            _ => Err(OwnerFault::NotADigit),
        }
    }

    /// The name that `number` is published under, in text with its final dot.
    pub fn owner_name(&self, number: Number) -> Result<String, NameError> {
        if number.len() * 2 + self.wire.len() > 255 {
            return Err(NameError::TooLong);
        }
        let mut text: String = number.digits().chars().rev().flat_map(|digit| [digit, '.']).collect();
        if self.wire.len() > 1 {
            text.push_str(&name::to_text(&self.wire));
        }
        Ok(text)
    }

    /// The number that a name in text stands for. A digit written as an escape is not taken for one:
    /// nobody writes `\052` and means a 4.
    pub fn number_of(&self, text: &str) -> Result<Number, DomainError> {
        let labels = name::labels(text)?;
        let wire = name::to_wire(text)?;
        match self.number(&wire) {
            Ok(number) => match labels.iter().take(number.len()).find(|label| label.text.len() > 1) {
                Some(label) => Err(DomainError::NotADigit { label: label.text.to_owned() }),
                None => Ok(number),
            },
            Err(OwnerFault::Number(fault)) => Err(DomainError::Number(fault)),
            Err(OwnerFault::IsApex) => Err(DomainError::IsApex),
            Err(OwnerFault::NotUnderApex | OwnerFault::NotADigit) => {
                let of_apex = self.label_count();
                let digits = labels.len().saturating_sub(of_apex);
                let tail: usize = labels.iter().skip(digits).map(|label| label.octets.len() + 1).sum();
                let is_under = labels.len() >= of_apex
                    && wire
                        .len()
                        .checked_sub(tail + 1)
                        .and_then(|at| wire.get(at..))
                        .is_some_and(|suffix| suffix.eq_ignore_ascii_case(&self.wire));
                let is_digit = |octets: &[u8]| matches!(octets, [digit] if digit.is_ascii_digit());
                match labels.iter().take(digits).find(|label| !is_digit(&label.octets)) {
                    Some(label) if is_under => Err(DomainError::NotADigit { label: label.text.to_owned() }),
                    _ => Err(DomainError::NotUnderApex { apex: self.to_string() }),
                }
            }
        }
    }

    fn label_count(&self) -> usize {
        let mut rest: &[u8] = &self.wire;
        let mut count = 0;
        while let [length @ 1..=63, after @ ..] = rest {
            rest = after.get(usize::from(*length)..).unwrap_or_default();
            count += 1;
        }
        count
    }
}

impl fmt::Display for Apex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = name::to_text(&self.wire);
        // Without the final dot, which is all that the root's name is.
        f.write_str(text.strip_suffix('.').filter(|text| !text.is_empty()).unwrap_or(&text))
    }
}

impl fmt::Debug for Apex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Apex({self})")
    }
}

//----------- OwnerFault -----------------------------------------------------

/// Why a name on the wire stands for no number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnerFault {
    /// It does not end in the apex.
    NotUnderApex,
    /// It is the apex, without any digit.
    IsApex,
    /// A label under the apex is not one digit.
    NotADigit,
    /// The digits are no number: more than [`MAX_DIGITS`], or the first is 0.
    Number(NumberError),
}

//----------- DomainError ----------------------------------------------------

/// Why a name in text stands for no number.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DomainError {
    /// It is no domain name.
    #[error("not a domain name: {0}")]
    Name(#[from] NameError),
    /// It does not end in the apex.
    #[error("not under {apex}")]
    NotUnderApex {
        /// The apex asked for.
        apex: String,
    },
    /// It is the apex, without any digit.
    #[error("the apex itself has no number: 1 to {MAX_DIGITS} labels of one digit stand before it")]
    IsApex,
    /// A label under the apex is not one digit.
    #[error("label {label:?} is not one digit")]
    NotADigit {
        /// The label as written.
        label: String,
    },
    /// The digits are no number.
    #[error(transparent)]
    Number(NumberError),
}

impl DomainError {
    /// A stable short name for programs; a bad label is named behind `label:`.
    pub fn code(&self) -> String {
        match self {
            Self::Name(error) => error.code().to_owned(),
            Self::NotUnderApex { .. } => "not-under-suffix".to_owned(),
            Self::IsApex => "apex".to_owned(),
            Self::NotADigit { label } => format!("label:{label}"),
            Self::Number(error) => error.code().to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_number_reads_back_from_its_name_in_any_case(digits in "[1-9][0-9]{0,14}", upper: bool) {
            let apex = Apex::new("e164.arpa").unwrap();
            let number = Number::from_digits(digits.as_bytes()).unwrap();
            let mut name = apex.owner_name(number).unwrap();
            if upper {
                name.make_ascii_uppercase();
            }
            prop_assert_eq!(Ok(number), apex.number_of(&name));
            prop_assert_eq!(Ok(number), apex.number(&name::to_wire(&name).unwrap()));
        }

        #[test]
        fn wire_and_text_agree_on_any_name(text in "([0-9a-z]{1,2}\\.){0,18}(e164\\.arpa|E164\\.ARPA|xe164\\.arpa|arpa)?") {
            let apex = Apex::new("e164.arpa").unwrap();
            if let Ok(wire) = name::to_wire(&text) {
                prop_assert_eq!(apex.number(&wire).ok(), apex.number_of(&text).ok());
            }
        }

        #[test]
        fn labels_read_together_are_what_they_are_one_by_one(
            digits in "[0-9]{1,17}",
            changed in prop::option::of((0..40usize, any::<u8>())),
        ) {
            let apex = Apex::new("arpa").unwrap();
            let mut labels: Vec<u8> = digits.bytes().rev().flat_map(|digit| [1, digit]).collect();
            if let Some((place, octet)) = changed {
                if let Some(at) = labels.get_mut(place) {
                    *at = octet;
                }
            }
            // One by one: as text, where every label is a digit.
            let is_digits = labels.chunks(2).all(|pair| matches!(pair, [1, b'0'..=b'9']));
            let text: Vec<u8> = labels.chunks(2).rev().filter_map(|pair| pair.get(1).copied()).collect();
            let expected = Number::from_digits(&text).ok().filter(|_| is_digits);
            let name = [&labels[..], b"\x04arpa\0"].concat();
            prop_assert_eq!(expected, apex.number(&name).ok());
        }

        #[test]
        fn any_octets_are_judged_without_panic(name: Vec<u8>) {
            let _ = Apex::new("e164.arpa").unwrap().number(&name);
            let _ = Apex::new(".").unwrap().number(&name);
        }
    }

    #[test]
    fn a_suffix_inside_a_label_is_not_the_apex() {
        let apex = Apex::new("e164.arpa").unwrap();
        // A label of 12 octets whose tail spells the apex's wire form.
        let name = b"\x011\x0cx\x04e164\x04arpa\0\0";
        assert!(apex.number(name).is_err());
    }
}
