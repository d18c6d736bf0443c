//! `numdip._native.lint`: what is wrong with the NAPTR records of a file.

use numdip_core::ddds::lint::file;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList};

/// Judges the text of a zone file, or of NAPTR record data a line.
///
/// A dict with findings, records (how many there are), mendable (how many the mended text changes) and mended: the
/// text with what is safe to mend mended, as bytes. A finding is a dict with line, owner (None for record data
/// alone), severity ("note", "warning" or "error"), code, field, start and end (octets of the field), what, mend, and
/// fixed (the record with this mended, or None). apex is the domain below which names are numbers.
#[pyfunction]
pub(crate) fn lint<'py>(py: Python<'py>, text: &[u8], apex: &str) -> PyResult<Bound<'py, PyDict>> {
    let report = py.detach(|| file::check(text, apex));
    let findings = PyList::empty(py);
    for placed in &report.findings {
        let finding = &placed.finding;
        let row = PyDict::new(py);
        row.set_item("line", placed.line)?;
        row.set_item("owner", placed.owner.as_deref())?;
        row.set_item("severity", finding.code.severity().name())?;
        row.set_item("code", finding.code.name())?;
        row.set_item("field", finding.field.name())?;
        row.set_item("start", finding.span.start)?;
        row.set_item("end", finding.span.end)?;
        row.set_item("what", &finding.what)?;
        row.set_item("mend", &finding.mend)?;
        row.set_item("fixed", finding.fixed.as_ref().map(ToString::to_string))?;
        findings.append(row)?;
    }
    let dict = PyDict::new(py);
    dict.set_item("findings", findings)?;
    dict.set_item("records", report.records)?;
    dict.set_item("mendable", report.mendable())?;
    dict.set_item("mended", PyBytes::new(py, &report.mend(text)))?;
    Ok(dict)
}
