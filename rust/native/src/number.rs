//! `numdip.Number`, and reading a number from whatever Python holds it in.

use numdip_core::number::{Form, Number as CoreNumber, NumberError};
use pyo3::exceptions::{PyOverflowError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyInt, PyString};

use crate::errors::Fault;

/// An E.164 number: 1 to 15 ASCII digits, the first not 0 (RFC 6116 §3.1).
///
/// Takes text with a leading "+" or "tel:+", in which blanks and - . ( ) are separators, an int, or a
/// Number. With msisdn=True bare digits are taken as well. Raises NumberError (a ValueError) otherwise;
/// its code is no-plus, bad-char, cc-zero or too-long. Immutable, ordered as digit strings are, hashable.
#[pyclass(frozen, eq, ord, hash, module = "numdip")]
#[derive(PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Number(CoreNumber);

#[pymethods]
impl Number {
    #[new]
    #[pyo3(signature = (text, *, msisdn = false))]
    fn new(text: &Bound<'_, PyAny>, msisdn: bool) -> Result<Self, Fault> {
        read(text, if msisdn { Form::Msisdn } else { Form::Strict }).map(Self)
    }

    /// The digits, without the leading +.
    #[getter]
    fn digits(&self) -> String {
        self.0.digits()
    }

    /// The Application Unique String: + and the digits (RFC 6116 §3.1).
    #[getter]
    fn aus(&self) -> String {
        self.0.aus()
    }

    fn __int__(&self) -> u64 {
        self.0.to_integer()
    }

    fn __index__(&self) -> u64 {
        self.0.to_integer()
    }

    fn __str__(&self) -> String {
        self.0.aus()
    }

    fn __repr__(&self) -> String {
        format!("Number('{}')", self.0)
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> (Bound<'py, PyAny>, (String,)) {
        (slf.get_type().into_any(), (slf.get().0.aus(),))
    }
}

/// The number in a str, an int or a Number.
pub(crate) fn read(value: &Bound<'_, PyAny>, form: Form) -> Result<CoreNumber, Fault> {
    if let Ok(text) = value.cast::<PyString>() {
        return Ok(CoreNumber::parse(text.to_str()?, form)?);
    }
    if let Ok(number) = value.cast::<Number>() {
        return Ok(number.get().0);
    }
    if value.is_instance_of::<PyBool>() || !(value.is_instance_of::<PyInt>() || value.hasattr("__index__")?) {
        let kind = value.get_type().name()?;
        return Err(PyTypeError::new_err(format!("a number is a str, an int or a Number, not {kind}")).into());
    }
    match value.extract::<u64>() {
        Ok(integer) => Ok(CoreNumber::from_integer(integer)?),
        // Negative, or more than 64 bits.
        Err(error) if error.is_instance_of::<PyOverflowError>(value.py()) => Err(if value.lt(0)? {
            NumberError::BadCharacter { found: '-' }
        } else {
            NumberError::TooLong { digits: 16 }
        }
        .into()),
        Err(error) => Err(error.into()),
    }
}
