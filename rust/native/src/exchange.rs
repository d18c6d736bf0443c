//! `numdip._native.Exchange`: the client's half, sans I/O.

use numdip_core::apex::Apex;
use numdip_core::exchange::{Exchange as CoreExchange, Reply as CoreReply};
use numdip_core::number::Form;
use pyo3::buffer::PyBuffer;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};

use crate::errors::Fault;
use crate::naptr::Naptr;
use crate::number;

/// One ENUM question: octets out, octets in (RFC 6116 §3).
///
/// message_id must be hard to guess (RFC 5452 §9.2). Without edns the query has no additional record.
#[pyclass(frozen, module = "numdip._native")]
pub(crate) struct Exchange(CoreExchange);

#[pymethods]
impl Exchange {
    #[new]
    #[pyo3(signature = (number, *, apex = "e164.arpa", message_id, edns = true))]
    fn new(number: &Bound<'_, PyAny>, apex: &str, message_id: u16, edns: bool) -> Result<Self, Fault> {
        let number = number::read(number, Form::Msisdn)?;
        Ok(Self(CoreExchange::new(number, &Apex::new(apex)?, message_id, edns)?))
    }

    /// The domain name asked for, with its final dot.
    #[getter]
    fn name(&self) -> &str {
        self.0.name()
    }

    /// The octets to send.
    fn query<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.0.query())
    }

    /// What a response says, or None if it is none to this question.
    fn read(&self, py: Python<'_>, response: PyBuffer<u8>) -> PyResult<Option<Reply>> {
        Ok(self.0.read(&response.to_vec(py)?).map(Reply))
    }
}

/// What a server answered.
#[pyclass(frozen, module = "numdip._native")]
pub(crate) struct Reply(CoreReply);

impl Reply {
    pub(crate) fn new(reply: CoreReply) -> Self {
        Self(reply)
    }
}

#[pymethods]
impl Reply {
    /// The response code's name: NOERROR, NXDOMAIN, SERVFAIL, REFUSED, …
    #[getter]
    fn rcode(&self) -> String {
        self.0.rcode_name()
    }

    /// Whether the answer was cut and should be asked for over TCP.
    #[getter]
    fn truncated(&self) -> bool {
        self.0.truncated
    }

    /// Pairs of TTL in seconds and record, by order and preference.
    #[getter]
    fn records(&self) -> Vec<(u32, Naptr)> {
        self.0.records.iter().map(|(ttl, naptr)| (*ttl, Naptr::from(naptr.clone()))).collect()
    }

    /// TTL in seconds, priority, weight, port and target of SRV records, as they came.
    #[getter]
    fn servers(&self) -> Vec<(u32, u16, u16, u16, String)> {
        self.0.servers.clone()
    }

    /// Pairs of TTL in seconds and address, as they came.
    #[getter]
    fn addresses(&self) -> Vec<(u32, String)> {
        self.0.addresses.iter().map(|(ttl, address)| (*ttl, address.to_string())).collect()
    }

    /// Extended errors: pairs of code and text (RFC 8914).
    #[getter]
    fn extended(&self) -> Vec<(u16, String)> {
        self.0.extended.clone()
    }

    /// mcc, mnc and whatever else the first record's rule says as ;name=value.
    #[getter]
    fn parameters<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        for (name, value) in self.0.parameters() {
            dict.set_item(name, value)?;
        }
        Ok(dict)
    }
}
