//! `numdip.TelUri`.

use numdip_core::tel::TelUri as CoreTelUri;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

use crate::errors::Fault;

/// A telephone number with its parameters, as a URI (RFC 3966, RFC 4694, RFC 4759, RFC 4904).
///
/// Raises UriError (a ValueError) when the text is none. Two are equal if they mean the same: visual separators,
/// letter case and the order of parameters do not matter. Immutable, hashable, picklable; str() writes it as the
/// standard wants it.
#[pyclass(frozen, eq, hash, module = "numdip")]
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct TelUri(CoreTelUri);

#[pymethods]
impl TelUri {
    #[new]
    fn new(uri: &str) -> Result<Self, Fault> {
        Ok(Self(CoreTelUri::parse(uri)?))
    }

    /// Reads the number in a SIP URI with user=phone (RFC 3261 §19.1.6).
    #[staticmethod]
    fn from_sip(uri: &str) -> Result<Self, Fault> {
        Ok(Self(CoreTelUri::parse_sip(uri)?))
    }

    /// The number without separators: "+" and digits, or a local one.
    #[getter]
    fn number(&self) -> &str {
        self.0.number()
    }

    /// Whether the number is one of E.164.
    #[getter]
    fn is_global(&self) -> bool {
        self.0.is_global()
    }

    /// The parameters by name in lower case; None stands for one without a value. Values are text: "012" is not "12".
    #[getter]
    fn parameters<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        for (name, value) in self.0.parameters() {
            dict.set_item(name, value)?;
        }
        Ok(dict)
    }

    /// The trunk group and where its name holds; None if one of the two is missing (RFC 4904 §5).
    #[getter]
    fn trunk_group(&self) -> Option<(&str, &str)> {
        self.0.trunk_group()
    }

    /// False if there is a mandatory parameter that is unknown: such a URI must not be used (RFC 3966 §5.4).
    #[getter]
    fn is_usable(&self) -> bool {
        self.0.is_usable()
    }

    /// The SIP URI that says the same at a gateway.
    fn to_sip(&self, gateway: &str) -> String {
        self.0.to_sip(gateway)
    }

    fn __str__(&self) -> String {
        self.0.to_string()
    }

    fn __repr__(&self) -> String {
        format!("TelUri({:?})", self.0.to_string())
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> (Bound<'py, PyAny>, (Bound<'py, PyString>,)) {
        let text = PyString::new(slf.py(), &slf.get().0.to_string());
        (slf.get_type().into_any(), (text,))
    }
}
