//! What a telephone number is: 1 to 15 ASCII digits, the first not 0 (ITU-T E.164, RFC 6116 §3.1).
//!
//! Possible is not assigned: a [`Number`] says nothing about whether any plan holds it.

use std::fmt;

/// The most digits an E.164 number has, country code included.
pub const MAX_DIGITS: usize = 15;

/// Ten to the power of the index.
#[allow(clippy::indexing_slicing, reason = "evaluated when compiled: out of bounds would not build")]
const POWERS: [u64; MAX_DIGITS + 1] = {
    let mut powers = [1u64; MAX_DIGITS + 1];
    let mut n = 1;
    while n <= MAX_DIGITS {
        powers[n] = powers[n - 1] * 10;
        n += 1;
    }
    powers
};

//----------- Number ---------------------------------------------------------

/// An E.164 number, or the digits that a range of them starts with.
///
/// Packed in 64 bits: the first digit in the top nibble, the count of digits in the lowest, unused
/// nibbles 0. So numbers compare as their digit strings do (`+44` < `+441` < `+45`), a digit is
/// one shift away, and no [`Number`] is 0.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Number(u64);

/// A [`Number`] in the role of the digits that a range starts with.
pub type Prefix = Number;

/// How much of the text around a number is taken for granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A leading `+` or `tel:+` is required: dialled strings are no numbers (RFC 6116 §2).
    Strict,
    /// Bare digits are taken as the full international number too, as MSISDNs are written.
    Msisdn,
}

impl Number {
    /// Reads a number from text.
    ///
    /// Separators are blank `-` `.` `(` `)` (RFC 3966 §3, E.123); anything else is an error,
    /// letters and other scripts' digits included: dropping them would make another number.
    #[inline]
    pub fn parse(text: &str, form: Form) -> Result<Self, NumberError> {
        match Self::parse_plain(text.as_bytes(), form) {
            Some(number) => Ok(number),
            None => Self::parse_any(text, form),
        }
    }

    /// The number in `octets`, or `None` where [`parse`](Self::parse) has an error, or where they are not UTF-8.
    #[inline]
    pub fn parse_octets(octets: &[u8], form: Form) -> Option<Self> {
        #[cold]
        fn any(octets: &[u8], form: Form) -> Option<Number> {
            Number::parse_any(std::str::from_utf8(octets).ok()?, form).ok()
        }
        Self::parse_plain(octets, form).or_else(|| any(octets, form))
    }

    /// The usual number, digits with no more than a `+` before them; `None` says nothing about others.
    #[inline]
    fn parse_plain(octets: &[u8], form: Form) -> Option<Self> {
        match (octets, form) {
            ([b'+', digits @ ..], _) | (digits, Form::Msisdn) => wide_number(digits),
            (_, Form::Strict) => None,
        }
    }

    /// Character by character.
    fn parse_any(text: &str, form: Form) -> Result<Self, NumberError> {
        let body = text.trim_matches(' ');
        let unschemed = match body.get(..4) {
            Some(scheme) if scheme.eq_ignore_ascii_case("tel:") => &body[4..],
            _ => body,
        };
        let digits = match (unschemed.strip_prefix('+'), form) {
            (Some(digits), _) => digits,
            (None, Form::Msisdn) if unschemed.len() == body.len() => body,
            (None, _) => return Err(NumberError::NoPlus),
        };
        let mut number = Builder::new();
        for c in digits.chars() {
            match c {
                '0'..='9' => number.push(c as u8 - b'0')?,
                ' ' | '-' | '.' | '(' | ')' => {}
                _ => return Err(NumberError::BadCharacter { found: c }),
            }
        }
        number.finish()
    }

    /// Reads a number from its digits, without a sign or separators.
    pub fn from_digits(digits: &[u8]) -> Result<Self, NumberError> {
        let mut number = Builder::new();
        for &octet in digits {
            match octet {
                b'0'..=b'9' => number.push(octet - b'0')?,
                _ => return Err(NumberError::BadCharacter { found: octet as char }),
            }
        }
        number.finish()
    }

    /// The number whose digits are labels of one octet on the wire, the last digit first (RFC 6116 §3.2).
    ///
    /// `None` for whatever is not 4 to 15 such labels of which the last is not 0: whoever asks finds out why.
    #[inline]
    pub(crate) fn from_reversed_labels(labels: &[u8]) -> Option<Self> {
        let len = labels.len() / 2;
        if labels.len() % 2 != 0 || !(4..=MAX_DIGITS).contains(&len) {
            return None;
        }
        // Four labels are a word. The last word overlaps the one before, which puts the same digits there again.
        let mut nibbles = 0;
        for four in 0..len / 4 {
            nibbles |= four_labels(labels.get(8 * four..)?.first_chunk()?)? << (16 * four);
        }
        nibbles |= four_labels(labels.last_chunk()?)? << (4 * (len - 4));
        (nibbles >> (4 * (len - 1)) != 0).then_some(Self(nibbles << (64 - 4 * len) | len as u64))
    }

    /// The number whose digits are the decimal form of `value`.
    #[inline]
    pub fn from_integer(value: u64) -> Result<Self, NumberError> {
        match value {
            0 => Err(NumberError::LeadingZero),
            1..1_000_000_000_000_000 => {
                let nibbles = sixteen_digits(value);
                let unused = nibbles.leading_zeros() & !3;
                Ok(Self(nibbles << unused | u64::from(16 - unused / 4)))
            }
            _ => Err(NumberError::TooLong { digits: value.ilog10() as usize + 1 }),
        }
    }

    /// The number packed in `bits`, or `None` if they do not pack one.
    pub fn from_bits(bits: u64) -> Option<Self> {
        let number = Self(bits);
        let well_formed = (1..=MAX_DIGITS).contains(&number.len())
            && number.digit(0) != 0
            && (0..number.len()).all(|place| number.digit(place) <= 9)
            && (bits & !0xf) & (u64::MAX >> (4 * number.len())) == 0;
        well_formed.then_some(number)
    }

    /// The packed form; see the type.
    pub fn to_bits(self) -> u64 {
        self.0
    }

    /// How many digits there are, 1 to 15.
    #[inline]
    #[allow(clippy::len_without_is_empty, reason = "a number is never empty")]
    pub fn len(self) -> usize {
        (self.0 & 0xf) as usize
    }

    /// The digit at `place`, 0 to 9, counted from the left; 0 past the end.
    #[inline]
    pub fn digit(self, place: usize) -> usize {
        debug_assert!(place < 16);
        ((self.0 & !0xf) >> (60 - 4 * (place & 15)) & 0xf) as usize
    }

    /// The digits from the top nibble on, and behind them nibbles that are no digit.
    #[inline]
    pub(crate) fn ended(self) -> u64 {
        self.0 & !0xf | u64::MAX >> (4 * self.len())
    }

    /// The first `len` digits; the whole number when it has no more than that. `len` 0 gives 1.
    pub fn prefix(self, len: usize) -> Prefix {
        let len = len.clamp(1, self.len());
        Self(self.0 & !(u64::MAX >> (4 * len)) | len as u64)
    }

    /// Whether the digits begin with those of `prefix`.
    pub fn starts_with(self, prefix: Prefix) -> bool {
        prefix.len() <= self.len() && self.prefix(prefix.len()) == prefix
    }

    /// The number with one more digit (0 to 9) at its end, or `None` past 15 digits.
    pub fn child(self, digit: u8) -> Option<Self> {
        let len = self.len();
        (len < MAX_DIGITS && digit <= 9)
            .then(|| Self((self.0 & !0xf) | u64::from(digit) << (60 - 4 * len) | (len + 1) as u64))
    }

    /// The digits as an integer, without its leading `+`.
    #[inline]
    pub fn to_integer(self) -> u64 {
        // A nibble per digit, the last digit lowest; then neighbours are joined, twice as many each time.
        let mut value = (self.0 & !0xf) >> (64 - 4 * self.len().clamp(1, MAX_DIGITS));
        let mut join = |mask: u64, bits: u32, weight: u64| {
            value = (value & mask) + (value >> bits & mask) * weight;
        };
        join(0x0f0f_0f0f_0f0f_0f0f, 4, 10);
        join(0x00ff_00ff_00ff_00ff, 8, 100);
        join(0x0000_ffff_0000_ffff, 16, 10_000);
        join(0x0000_0000_ffff_ffff, 32, 100_000_000);
        value
    }

    /// The key numbers are indexed by: 10^length + digits.
    ///
    /// It tells +43150564 from +43150564164321 and `1` from `01`, sorts by length and then by
    /// digits, and keeps decimal blocks of ten thousand aligned.
    pub fn key(self) -> u64 {
        POWERS.get(self.len()).copied().unwrap_or(0) + self.to_integer()
    }

    /// The number that [`key`](Self::key) gives `key` for, or `None` if there is none.
    pub fn from_key(key: u64) -> Option<Self> {
        let len = key.checked_ilog10()? as usize;
        let integer = key.checked_sub(*POWERS.get(len)?)?;
        Self::from_integer(integer).ok().filter(|number| number.len() == len)
    }

    /// The digits as ASCII: a buffer, of which the first [`len`](Self::len) octets count.
    pub fn ascii(self) -> [u8; MAX_DIGITS] {
        std::array::from_fn(|place| b'0' + self.digit(place) as u8)
    }

    /// The Application Unique String: `+` and the digits (RFC 6116 §3.1).
    pub fn aus(self) -> String {
        self.to_string()
    }

    /// The digits alone.
    pub fn digits(self) -> String {
        (0..self.len()).map(|place| (b'0' + self.digit(place) as u8) as char).collect()
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "+{}", self.digits())
    }
}

impl fmt::Debug for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Number({self})")
    }
}

//----------- Eight digits at a time -----------------------------------------

/// The number with these ASCII digits, if they are 8 to 15; `None` says nothing about others.
#[inline]
fn wide_number(digits: &[u8]) -> Option<Number> {
    let len = digits.len();
    // The first and the last eight meet or overlap; digits read twice are the same both times.
    let first = u64::from_be_bytes(*digits.first_chunk()?);
    let last = u64::from_be_bytes(*digits.last_chunk()?);
    if len > MAX_DIGITS || !(are_digits(first) & are_digits(last)) {
        return None;
    }
    let nibbles = nibbles(first) << 32 | nibbles(last) << (64 - 4 * len);
    (nibbles >> 60 != 0).then_some(Number(nibbles | len as u64))
}

/// Whether all eight octets are ASCII digits.
#[inline]
fn are_digits(octets: u64) -> bool {
    // `0` to `9` are 30 to 39: six more and the upper nibble is still 3. Of octets that carry into
    // their neighbour the upper nibble is none.
    const UPPER: u64 = 0xf0f0_f0f0_f0f0_f0f0;
    let carried = octets.wrapping_add(0x0606_0606_0606_0606);
    (octets & UPPER) | ((carried & UPPER) >> 4) == 0x3333_3333_3333_3333
}

/// The lower nibbles of eight octets, side by side.
#[inline]
fn nibbles(octets: u64) -> u64 {
    let pairs = octets & 0x0f0f_0f0f_0f0f_0f0f;
    let pairs = (pairs | pairs >> 4) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs | pairs >> 8) & 0x0000_ffff_0000_ffff;
    (fours | fours >> 16) & 0xffff_ffff
}

/// The sixteen decimal digits of `value`, a nibble each. `value` is below 10^16.
#[inline]
fn sixteen_digits(value: u64) -> u64 {
    eight_digits(value / 100_000_000) << 32 | eight_digits(value % 100_000_000)
}

/// The eight decimal digits of `value`, a nibble each: halved into fours, twos and single ones, all
/// lanes at once. The factors and shifts divide exactly in each lane's bounds.
#[inline]
fn eight_digits(value: u64) -> u64 {
    let fours = ((value / 10_000) << 32) | (value % 10_000);
    let hundreds = (fours * 10_486) >> 20 & 0x0000_007f_0000_007f;
    let twos = hundreds << 16 | (fours - 100 * hundreds);
    let tens = (twos * 103) >> 10 & 0x000f_000f_000f_000f;
    let pairs = tens << 4 | (twos - 10 * tens);
    let fours = (pairs | pairs >> 8) & 0x0000_ffff_0000_ffff;
    (fours | fours >> 16) & 0xffff_ffff
}

/// The digits of four labels of one octet each, the first lowest, or `None` if they are none.
#[inline]
fn four_labels(labels: &[u8; 8]) -> Option<u64> {
    const EACH: u64 = 0x0001_0001_0001_0001;
    let word = u64::from_le_bytes(*labels);
    // A digit or more in each 16 bits; what is more than 9 carries beyond a nibble when 6 is added.
    let digits = (word >> 8 & (EACH * 0xff)) ^ (EACH * 0x30);
    let beyond = (digits | (digits + EACH * 6)) & (EACH * 0xf0);
    if word & (EACH * 0xff) != EACH || beyond != 0 {
        return None;
    }
    let pairs = (digits | digits >> 12) & 0x0000_00ff_0000_00ff;
    Some((pairs | pairs >> 24) & 0xffff)
}

//----------- Builder --------------------------------------------------------

/// Digits pushed one by one from the left, judged as they come and once at the end.
#[derive(Clone, Copy)]
pub(crate) struct Builder {
    nibbles: u64,
    len: usize,
}

impl Builder {
    pub(crate) fn new() -> Self {
        Self { nibbles: 0, len: 0 }
    }

    /// Adds a digit, 0 to 9.
    #[inline]
    pub(crate) fn push(&mut self, digit: u8) -> Result<(), NumberError> {
        debug_assert!(digit <= 9);
        if self.len == 0 && digit == 0 {
            return Err(NumberError::LeadingZero);
        }
        if self.len == MAX_DIGITS {
            return Err(NumberError::TooLong { digits: MAX_DIGITS + 1 });
        }
        self.nibbles |= u64::from(digit) << (60 - 4 * self.len);
        self.len += 1;
        Ok(())
    }

    pub(crate) fn finish(self) -> Result<Number, NumberError> {
        match self.len {
            0 => Err(NumberError::Empty),
            len => Ok(Number(self.nibbles | len as u64)),
        }
    }
}

//----------- NumberError ----------------------------------------------------

/// Why a text is no E.164 number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NumberError {
    /// Neither `+` nor `tel:+` leads, so the text may be a dialled string.
    #[error("a number starts with + and its country code; for bare digits say msisdn=True")]
    NoPlus,
    /// There is no digit.
    #[error("no digits: write + and 1 to 15 digits")]
    Empty,
    /// Something other than ASCII digits and the separators blank - . ( ).
    #[error("{found:?} is not an ASCII digit or one of the separators blank - . ( )")]
    BadCharacter {
        /// The character found.
        found: char,
    },
    /// No country code starts with 0.
    #[error("no country code starts with 0: leave out dialling prefixes such as 0 or 00")]
    LeadingZero,
    /// More than 15 digits; counting stops at 16.
    #[error("more than {MAX_DIGITS} digits: E.164 numbers have at most {MAX_DIGITS}")]
    TooLong {
        /// How many digits were counted.
        digits: usize,
    },
}

impl NumberError {
    /// A stable short name for programs: `no-plus`, `bad-char`, `cc-zero` or `too-long`.
    pub fn code(self) -> &'static str {
        match self {
            Self::NoPlus => "no-plus",
            Self::Empty | Self::BadCharacter { .. } => "bad-char",
            Self::LeadingZero => "cc-zero",
            Self::TooLong { .. } => "too-long",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn digits_of_other_scripts_are_refused() {
        for text in ["+\u{664}\u{664}16", "+\u{ff14}\u{ff14}16"] {
            assert_eq!(Err("bad-char"), Number::parse(text, Form::Strict).map_err(NumberError::code));
        }
    }

    #[test]
    fn a_tel_uri_needs_its_plus_in_msisdn_form_too() {
        assert_eq!(Err(NumberError::NoPlus), Number::parse("tel:7042", Form::Msisdn));
    }

    #[test]
    fn a_prefix_sorts_before_what_it_starts() {
        let number = |text| Number::parse(text, Form::Strict).unwrap();
        assert!(number("+44") < number("+440"));
        assert!(number("+440") < number("+441"));
        assert!(number("+449999") < number("+45"));
    }

    #[test]
    fn integers_at_the_edges_of_powers_of_ten_read_back() {
        for power in 0..=15 {
            let edge = 10u64.pow(power);
            for value in [edge - 1, edge, edge + 1, 9 * edge, edge / 2 + 1] {
                let read =
                    Number::from_integer(value).map(|number| (number.digits(), number.to_bits() & 0xf));
                match value.to_string() {
                    zero if value == 0 => assert_eq!(Err(NumberError::LeadingZero), read, "{zero}"),
                    long if long.len() > 15 => {
                        assert_eq!(Err(NumberError::TooLong { digits: long.len() }), read);
                    }
                    text => assert_eq!(Ok((text.clone(), text.len() as u64)), read),
                }
            }
        }
        assert_eq!(Err(NumberError::TooLong { digits: 20 }), Number::from_integer(u64::MAX));
        // Every content of a lane, in all of them.
        for four in 1..10_000u64 {
            let value = four * 100_010_001 + four % 1_000 * 1_000_000_000_000;
            assert_eq!(Ok(value.to_string()), Number::from_integer(value).map(Number::digits));
        }
    }

    proptest! {
        #[test]
        fn wide_and_character_by_character_agree(
            text in "\\+?[0-9]{0,18}", place in 0..18usize, other: u8, form in prop_oneof![Just(Form::Strict), Just(Form::Msisdn)],
        ) {
            prop_assert_eq!(Number::parse_any(&text, form), Number::parse(&text, form));
            // With any octet in any place; so few octets are digits that two such places prove no more.
            let mut octets = text.into_bytes();
            if let Some(octet) = octets.get_mut(place) {
                *octet = other;
            }
            let read = std::str::from_utf8(&octets).ok().and_then(|text| Number::parse_any(text, form).ok());
            prop_assert_eq!(read, Number::parse_octets(&octets, form));
        }

        #[test]
        fn integers_are_written_as_their_text_is(value in 1..1_000_000_000_000_000u64, shift in 0..50u32) {
            let value = (value >> shift).max(1);
            prop_assert_eq!(Number::from_digits(value.to_string().as_bytes()), Number::from_integer(value));
        }

        #[test]
        fn every_form_of_a_number_reads_back(text in "[1-9][0-9]{0,14}") {
            let number = Number::from_digits(text.as_bytes()).unwrap();
            prop_assert_eq!(&text, &number.digits());
            prop_assert_eq!(text.len(), number.len());
            prop_assert_eq!(text.parse::<u64>().unwrap(), number.to_integer());
            prop_assert_eq!(Ok(number), Number::from_integer(number.to_integer()));
            prop_assert_eq!(Some(number), Number::from_key(number.key()));
            prop_assert_eq!(Some(number), Number::from_bits(number.to_bits()));
            prop_assert_eq!(Ok(number), Number::parse(&number.aus(), Form::Strict));
            prop_assert_eq!(Ok(number), Number::parse(&text, Form::Msisdn));
            prop_assert_eq!(text.as_bytes(), &number.ascii()[..number.len()]);
        }

        #[test]
        fn order_and_prefix_are_those_of_strings(a in "[1-9][0-9]{0,14}", b in "[1-9][0-9]{0,14}", len in 1usize..16) {
            let (x, y) = (Number::from_digits(a.as_bytes()).unwrap(), Number::from_digits(b.as_bytes()).unwrap());
            prop_assert_eq!(a.cmp(&b), x.cmp(&y));
            prop_assert_eq!(a.starts_with(&b), x.starts_with(y));
            prop_assert_eq!(&a[..len.min(a.len())], x.prefix(len).digits());
        }

        #[test]
        fn arbitrary_bits_are_judged_without_panic(bits: u64) {
            if let Some(number) = Number::from_bits(bits) {
                prop_assert_eq!(Ok(number), Number::from_digits(number.digits().as_bytes()));
            }
        }
    }
}
