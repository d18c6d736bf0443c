//! `numdip.Naptr`.

use std::fmt::Write;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Range;
use std::sync::OnceLock;

use numdip_core::ddds::ere::Mode;
use numdip_core::ddds::{Explained, Rule, Skip};
use numdip_core::naptr::services::{
    ApplicationServices, Enumservice, Enumservices, ResolutionServices, SipTransport,
};
use numdip_core::naptr::{self, Naptr as CoreNaptr};
use pyo3::buffer::PyBuffer;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyString};

use crate::errors::Fault;
use crate::number::Number;

/// The data of one NAPTR record (RFC 3403 §4.1).
///
/// flags, services and regexp are str, or bytes as on the wire: one backslash is one octet, and text is
/// encoded as UTF-8. replacement is a domain name, "." if unused. Raises NaptrError (a ValueError) when a
/// string passes 255 octets or the name is none. Immutable, comparable, hashable, picklable.
#[pyclass(frozen, eq, module = "numdip")]
pub(crate) struct Naptr {
    record: CoreNaptr,
    /// The regexp made ready for each mode that it was applied in.
    rules: [OnceLock<Box<Rule>>; Mode::ALL.len()],
}

// What is kept for the next call is no part of the value.
impl PartialEq for Naptr {
    fn eq(&self, other: &Self) -> bool {
        self.record == other.record
    }
}

/// Octet offsets from where to where.
type Span = (usize, usize);

impl From<CoreNaptr> for Naptr {
    fn from(record: CoreNaptr) -> Self {
        Self { record, rules: Default::default() }
    }
}

#[pymethods]
impl Naptr {
    #[new]
    #[pyo3(signature = (*, order, preference, flags = None, services = None, regexp = None, replacement = "."))]
    fn new(
        order: i64,
        preference: i64,
        flags: Option<&Bound<'_, PyAny>>,
        services: Option<&Bound<'_, PyAny>>,
        regexp: Option<&Bound<'_, PyAny>>,
        replacement: &str,
    ) -> Result<Self, Fault> {
        let (order, preference) =
            (CoreNaptr::number("order", order)?, CoreNaptr::number("preference", preference)?);
        let (flags, services, regexp) = (octets(flags)?, octets(services)?, octets(regexp)?);
        Ok(CoreNaptr::new(order, preference, [&flags, &services, &regexp], replacement)?.into())
    }

    /// Reads the six fields as a zone file has them (RFC 1035 §5.1).
    #[staticmethod]
    fn parse(text: &str) -> Result<Self, Fault> {
        Ok(naptr::text::parse(text)?.into())
    }

    /// Reads record data whose replacement is not compressed.
    #[staticmethod]
    fn from_wire(rdata: PyBuffer<u8>, py: Python<'_>) -> Result<Self, Fault> {
        Ok(CoreNaptr::from_wire(&rdata.to_vec(py)?)?.into())
    }

    /// Records are processed from low to high order.
    #[getter]
    fn order(&self) -> u16 {
        self.record.order()
    }

    /// Among records of equal order, low before high.
    #[getter]
    fn preference(&self) -> u16 {
        self.record.preference()
    }

    /// "u" if the regexp gives a URI (RFC 6116 §3.4.2).
    #[getter]
    fn flags<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        text(py, self.record.flags())
    }

    /// What the record is for, such as E2U+sip (RFC 6116 §3.4.3).
    #[getter]
    fn services<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        text(py, self.record.services())
    }

    /// The enumservices of services in lower case, best first, such as ["voice:tel", "sms:tel"]; empty if the
    /// field is not ENUM's. The old form sip+E2U (RFC 2916) is read too.
    #[getter]
    fn enumservices(&self) -> Vec<String> {
        let services =
            Enumservices::parse(self.record.services()).map(|found| found.services).unwrap_or_default();
        services.iter().map(ToString::to_string).collect()
    }

    /// What services says to an application, as a dict; names are in lower case.
    ///
    /// "ENUM" (RFC 6116 §3.4.3): form, "rfc6116" or the old "rfc2916", and services, each with type and subtypes.
    /// "URI-RES" (RFC 3404 §4.4): protocol and rs. "S-NAPTR" (RFC 3958 §6.5, and U-NAPTR): app_service and
    /// app_protocols. "SIP" (RFC 3263 §4.1): protocol and transport. Raises NaptrError where services is not of that
    /// application.
    fn read_services<'py>(&self, py: Python<'py>, application: &str) -> Result<Bound<'py, PyDict>, Fault> {
        let (field, dict) = (self.record.services(), PyDict::new(py));
        match application {
            "ENUM" => {
                let read = Enumservices::parse(field)?;
                dict.set_item("form", if read.is_old { "rfc2916" } else { "rfc6116" })?;
                let services: PyResult<Vec<_>> =
                    read.services.iter().map(|one| enumservice(py, one)).collect();
                dict.set_item("services", services?)?;
            }
            "URI-RES" => {
                let read = ResolutionServices::parse(field)?;
                dict.set_item("protocol", read.protocol)?;
                dict.set_item("rs", read.services)?;
            }
            "S-NAPTR" => {
                let read = ApplicationServices::parse(field)?;
                dict.set_item("app_service", read.service)?;
                dict.set_item("app_protocols", read.protocols)?;
            }
            "SIP" => {
                let read = SipTransport::parse(field)?;
                dict.set_item("protocol", if read.is_secure() { "sips" } else { "sip" })?;
                dict.set_item("transport", read.name())?;
            }
            other => {
                let names = "expected one of ENUM, URI-RES, S-NAPTR, SIP";
                return Err(PyValueError::new_err(format!("application: found {other:?}, {names}")).into());
            }
        }
        Ok(dict)
    }

    /// A substitution expression (RFC 3402 §3.2), or nothing. Octets that are not UTF-8 are surrogates.
    #[getter]
    fn regexp<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        text(py, self.record.regexp())
    }

    /// The next domain name, "." if unused.
    #[getter]
    fn replacement(&self) -> String {
        self.record.replacement()
    }

    /// The record data on the wire.
    fn to_wire<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.record.to_wire())
    }

    /// The six fields as a zone file has them.
    fn to_text(&self) -> String {
        self.record.to_string()
    }

    /// Applies the regexp to an Application Unique String such as "+447786852522" (RFC 3402 §3.2).
    ///
    /// Gives the URI; None if the expression does not match, or the output is empty. With uri=False the output may
    /// be any text: rules that are not terminal can give names. mode says whose idea of a match to follow:
    /// "posix", or what "glibc" or "perl" would do. Raises RuleError when the regexp is no valid rule, or what it
    /// gives is no absolute URI or too long: a client passes such a record over (RFC 6116 §5.2).
    #[pyo3(signature = (aus, *, mode = "posix", uri = true))]
    fn apply<'py>(
        &self,
        py: Python<'py>,
        aus: &Bound<'py, PyAny>,
        mode: &str,
        uri: bool,
    ) -> Result<Option<Bound<'py, PyAny>>, Fault> {
        let (rule, aus) = (self.rule(mode)?, subject(aus)?);
        match py.detach(|| if uri { rule.apply(&aus) } else { rule.rewrite(&aus) }) {
            Ok(output) => Ok(Some(text(py, &output)?)),
            Err(Skip::NoMatch | Skip::EmptyOutput) => Ok(None),
            Err(skip) => Err(skip.into()),
        }
    }

    /// What the regexp's expression and each of its groups take of a string, as pairs of octet offsets.
    ///
    /// The first is the whole match; None stands for a group without part in it. None if there is no match.
    /// Raises RuleError when the regexp is no valid rule, or too costly for that string.
    #[pyo3(signature = (aus, *, mode = "posix"))]
    fn groups(
        &self,
        py: Python<'_>,
        aus: &Bound<'_, PyAny>,
        mode: &str,
    ) -> Result<Option<Vec<Option<Span>>>, Fault> {
        let (rule, aus) = (self.rule(mode)?, subject(aus)?);
        let groups = py.detach(|| rule.find(&aus)).map_err(Skip::Expression)?;
        let span = |group: Option<Range<usize>>| group.map(|group| (group.start, group.end));
        Ok(groups.map(|groups| groups.into_iter().map(span).collect()))
    }

    /// What the regexp does with a string, part by part, as a dict of text.
    ///
    /// delimiter, expression, replacement, ignore_case; groups: what the whole expression and each group took, None
    /// for one without part in the match, or None if there is no match; output: the URI, or None, and then code and
    /// reason say why not. Raises RuleError when the regexp is no valid rule.
    #[pyo3(signature = (aus, *, mode = "posix"))]
    fn explain<'py>(
        &self,
        py: Python<'py>,
        aus: &Bound<'py, PyAny>,
        mode: &str,
    ) -> Result<Bound<'py, PyDict>, Fault> {
        let (mode, aus) = (mode_of(mode)?, subject(aus)?);
        let told = py.detach(|| Explained::of(self.record.regexp(), &aus, mode))?;
        Ok(explained(py, &told)?)
    }

    fn __str__(&self) -> String {
        self.record.to_string()
    }

    fn __repr__(&self) -> String {
        format!("Naptr.parse({:?})", self.record.to_string())
    }

    fn __hash__(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.record.hash(&mut hasher);
        hasher.finish()
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyAny>, (Bound<'py, PyBytes>,))> {
        Ok((slf.get_type().getattr("from_wire")?, (slf.get().to_wire(slf.py()),)))
    }
}

impl Naptr {
    /// The regexp made ready, once for each mode: it takes longer than to apply it.
    fn rule(&self, mode: &str) -> Result<&Rule, Fault> {
        let mode = mode_of(mode)?;
        let [posix, glibc, perl] = &self.rules;
        let kept = match mode {
            Mode::Posix => posix,
            Mode::Glibc => glibc,
            Mode::Perl => perl,
        };
        if let Some(rule) = kept.get() {
            return Ok(rule);
        }
        let rule = Box::new(Rule::compile(self.record.regexp(), mode)?);
        Ok(kept.get_or_init(|| rule))
    }

    /// The record.
    pub(crate) fn core(&self) -> &CoreNaptr {
        &self.record
    }
}

fn enumservice<'py>(py: Python<'py>, service: &Enumservice) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("type", &service.kind)?;
    dict.set_item("subtypes", &service.subtypes)?;
    Ok(dict)
}

/// The mode of this name.
pub(crate) fn mode_of(name: &str) -> PyResult<Mode> {
    Mode::of_name(name).ok_or_else(|| {
        let names = Mode::ALL.map(Mode::name).join(", ");
        PyValueError::new_err(format!("mode: found {name:?}, expected one of {names}"))
    })
}

/// What a rule does, as a dict. It is for people: octets that are no text are written as `\xNN`.
pub(crate) fn explained<'py>(py: Python<'py>, told: &Explained) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("delimiter", printable(&[told.delimiter]))?;
    dict.set_item("expression", printable(&told.expression))?;
    dict.set_item("replacement", printable(&told.replacement))?;
    dict.set_item("ignore_case", told.ignore_case)?;
    let taken = |group: &Option<Vec<u8>>| group.as_deref().map(printable);
    let groups: Option<Vec<_>> = told.groups.as_ref().map(|groups| groups.iter().map(taken).collect());
    dict.set_item("groups", groups)?;
    let skip = told.output.as_ref().err();
    dict.set_item("output", told.output.as_deref().ok().map(printable))?;
    dict.set_item("code", skip.map(Skip::code))?;
    dict.set_item("reason", skip.map(ToString::to_string))?;
    Ok(dict)
}

/// Octets as text; those that are none, and those that no terminal should be sent, as `\xNN`.
pub(crate) fn printable(octets: &[u8]) -> String {
    let mut printed = String::new();
    for chunk in octets.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c.is_control() {
                true => printed.extend(c.escape_default()),
                false => printed.push(c),
            }
        }
        chunk.invalid().iter().for_each(|octet| {
            let _ = write!(printed, "\\x{octet:02x}");
        });
    }
    printed
}

/// The octets of an Application Unique String given as str, bytes or Number.
fn subject(value: &Bound<'_, PyAny>) -> Result<Vec<u8>, Fault> {
    if value.is_instance_of::<Number>() {
        return Ok(value.str()?.extract::<String>()?.into_bytes());
    }
    Ok(octets(Some(value))?)
}

/// A field as str; octets that are not UTF-8 become surrogates, so nothing is lost.
fn text<'py>(py: Python<'py>, octets: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    PyBytes::new(py, octets).call_method1("decode", ("utf-8", "surrogateescape"))
}

/// The octets of a field given as str or bytes.
fn octets(value: Option<&Bound<'_, PyAny>>) -> PyResult<Vec<u8>> {
    let Some(value) = value else { return Ok(Vec::new()) };
    if let Ok(bytes) = value.cast::<PyBytes>() {
        return Ok(bytes.as_bytes().to_vec());
    }
    if let Ok(text) = value.cast::<PyString>() {
        // Surrogates stand for the octets that `regexp` decoded to them.
        let arguments = PyDict::new(value.py());
        arguments.set_item("errors", "surrogateescape")?;
        return text.call_method("encode", ("utf-8",), Some(&arguments))?.extract();
    }
    Err(PyTypeError::new_err(format!("a field is str or bytes, not {}", value.get_type().name()?)))
}
