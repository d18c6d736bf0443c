//! Times as Python has them. `numdip.times` reads and makes them, so that every calendar question has one
//! answer.

use numdip_core::snapshot::lineage::Time;
use pyo3::prelude::*;

/// The time that a str, date or datetime means.
pub(crate) fn read(at: &Bound<'_, PyAny>) -> PyResult<Time> {
    let seconds = at.py().import("numdip.times")?.call_method1("to_seconds", (at,))?;
    Ok(Time(seconds.extract()?))
}

/// A datetime in UTC, or None for a time that is not known.
pub(crate) fn write(py: Python<'_>, time: Time) -> PyResult<Bound<'_, PyAny>> {
    py.import("numdip.times")?.call_method1("from_seconds", (time.0,))
}
