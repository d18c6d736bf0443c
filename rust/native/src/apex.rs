//! `numdip.to_domain` and `numdip.from_domain`.

use numdip_core::apex::Apex;
use numdip_core::number::Form;
use pyo3::prelude::*;

use crate::errors::Fault;
use crate::number;

/// The domain name that a number's records are published under (RFC 6116 §3.2), without a final dot.
///
/// Takes a str with a leading + or without, an int, or a Number. Raises NumberError, or DomainError if
/// the apex is no domain name.
#[pyfunction]
#[pyo3(signature = (number, apex = "e164.arpa"))]
pub(crate) fn to_domain(number: &Bound<'_, PyAny>, apex: &str) -> Result<String, Fault> {
    let number = number::read(number, Form::Msisdn)?;
    let mut name = Apex::new(apex)?.owner_name(number)?;
    name.truncate(name.trim_end_matches('.').len());
    Ok(name)
}

/// The number, with its leading +, that a domain name stands for (RFC 6116 §3.2).
///
/// Letter case and a final dot do not matter. Raises DomainError (a ValueError); its code is apex,
/// not-under-suffix, empty-label, name-too-long, label: and the label that is not one digit, or that of
/// a NumberError.
#[pyfunction]
#[pyo3(signature = (name, apex = "e164.arpa"))]
pub(crate) fn from_domain(name: &str, apex: &str) -> Result<String, Fault> {
    Ok(Apex::new(apex)?.number_of(name)?.aus())
}
