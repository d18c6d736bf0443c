//! `numdip._native.Walk`: ways through record sets, sans I/O.

use std::net::IpAddr;

use numdip_core::ddds::walk::enumservice::Wanted;
use numdip_core::ddds::walk::service::Discovery;
use numdip_core::ddds::walk::sip::SipTarget;
use numdip_core::ddds::walk::srv::Srv;
use numdip_core::ddds::walk::{Found, Kind, Move, Records, Server, Step, Uri, Walk as CoreWalk};
use numdip_core::naptr::services::{Enumservice, SipTransport};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::errors::Fault;
use crate::naptr::{Naptr, explained, mode_of, printable};

/// The way from a number, a service or a SIP URI through record sets (RFC 3402 §3.3).
///
/// step() says what to ask for; answer() takes the records; what is found comes from step() as well, the best first.
#[pyclass(module = "numdip._native")]
pub(crate) struct Walk(CoreWalk);

type Dict<'py> = Bound<'py, PyDict>;

#[pymethods]
impl Walk {
    /// From a number's domain to URIs (RFC 6116 §5.2). services are the enumservices wanted, such as "sip" or
    /// "voice:tel"; None: all but private ones.
    #[staticmethod]
    #[pyo3(signature = (aus, domain, *, services = None, mode = "posix"))]
    fn of_number(aus: &str, domain: &str, services: Option<Vec<String>>, mode: &str) -> Result<Self, Fault> {
        let wanted = match services {
            None => Wanted::Any,
            Some(services) => {
                let services = services.iter().map(|service| Enumservice::parse(service.as_bytes()));
                Wanted::Some(services.collect::<Result<_, _>>()?)
            }
        };
        Ok(Self(CoreWalk::of_number(aus.as_bytes(), domain, wanted, mode_of(mode)?)))
    }

    /// From a domain to the servers of a service (RFC 3958); with uris to URIs too (RFC 4848).
    #[staticmethod]
    #[pyo3(signature = (domain, service, protocols = vec![], *, uris = false, seed))]
    fn of_service(
        domain: &str,
        service: &str,
        protocols: Vec<String>,
        uris: bool,
        seed: u64,
    ) -> Result<Self, Fault> {
        let protocols: Vec<&str> = protocols.iter().map(String::as_str).collect();
        Ok(Self(CoreWalk::of_service(domain, Discovery::new(service, &protocols, uris)?, seed)))
    }

    /// From a SIP URI to servers (RFC 3263 §4). transports are the client's, as services such as "SIPS+D2T", the one
    /// that it likes best first.
    #[staticmethod]
    #[pyo3(signature = (uri, transports, *, seed))]
    fn of_sip(uri: &str, transports: Vec<String>, seed: u64) -> Result<Self, Fault> {
        let transports = transports.iter().map(|service| SipTransport::parse(service.as_bytes()));
        let transports: Vec<SipTransport> = transports.collect::<Result<_, _>>()?;
        Ok(Self(CoreWalk::of_sip(&SipTarget::parse(uri)?, &transports, seed)))
    }

    /// What to do next: {"ask": name, "type": …}, or what was found: {"uri": …} or {"address": …}; None at the end.
    fn step<'py>(&mut self, py: Python<'py>) -> PyResult<Option<Dict<'py>>> {
        match py.detach(|| self.0.step()) {
            Move::Ask(question) => {
                let dict = PyDict::new(py);
                dict.set_item("ask", question.name)?;
                dict.set_item("type", question.kind.name())?;
                Ok(Some(dict))
            }
            Move::Found(Found::Uri(found)) => uri(py, &found).map(Some),
            Move::Found(Found::Server(found)) => server(py, &found).map(Some),
            Move::Done => Ok(None),
        }
    }

    /// Hands in the records that were asked for: Naptr; SRV as (priority, weight, port, target); addresses as text.
    fn answer(&mut self, records: Vec<Bound<'_, PyAny>>) -> Result<(), Fault> {
        let records = match self.0.open().map(|question| question.kind) {
            None => return Ok(()),
            Some(Kind::Naptr) => Records::Naptr(
                records
                    .iter()
                    .map(|record| Ok(record.cast::<Naptr>()?.get().core().clone()))
                    .collect::<PyResult<_>>()?,
            ),
            Some(Kind::Srv) => Records::Srv(
                records
                    .iter()
                    .map(|record| -> Result<Srv, Fault> {
                        let (priority, weight, port, target): (u16, u16, u16, String) = record.extract()?;
                        Ok(Srv::new(priority, weight, port, &target)?)
                    })
                    .collect::<Result<_, _>>()?,
            ),
            Some(Kind::A | Kind::Aaaa) => Records::Address(
                records
                    .iter()
                    .map(|record| address(&record.extract::<String>()?))
                    .collect::<PyResult<_>>()?,
            ),
        };
        self.0.answer(records);
        Ok(())
    }

    /// Says that the last URI was accepted: only records of the same order are considered from now on.
    fn accept(&mut self) {
        self.0.accept();
    }

    /// What happened so far, a dict each; "step" says what: asked, again, led-on, host, gave, reached, passed-over,
    /// no-service, fallback, stopped.
    #[getter]
    fn steps<'py>(&self, py: Python<'py>) -> PyResult<Vec<Dict<'py>>> {
        self.0.steps().iter().map(|step| told(py, step)).collect()
    }
}

fn address(text: &str) -> PyResult<IpAddr> {
    text.parse().map_err(|_| PyValueError::new_err(format!("found {text:?}, expected an IP address")))
}

fn uri<'py>(py: Python<'py>, found: &Uri) -> PyResult<Dict<'py>> {
    let dict = PyDict::new(py);
    dict.set_item("uri", printable(&found.uri))?;
    dict.set_item("services", &found.services)?;
    dict.set_item("record", found.record.to_string())?;
    Ok(dict)
}

fn server<'py>(py: Python<'py>, found: &Server) -> PyResult<Dict<'py>> {
    let dict = PyDict::new(py);
    dict.set_item("address", found.address.to_string())?;
    dict.set_item("port", found.port)?;
    dict.set_item("host", &found.host)?;
    dict.set_item("protocols", &found.protocols)?;
    Ok(dict)
}

/// A step as text and numbers.
fn told<'py>(py: Python<'py>, step: &Step) -> PyResult<Dict<'py>> {
    let dict = match step {
        Step::Gave { uri: found, .. } => uri(py, found)?,
        Step::Reached { server: found } => server(py, found)?,
        _ => PyDict::new(py),
    };
    let name = match step {
        Step::Asked { .. } => "asked",
        Step::Again { .. } => "again",
        Step::LedOn { .. } => "led-on",
        Step::Host { .. } => "host",
        Step::Gave { .. } => "gave",
        Step::Reached { .. } => "reached",
        Step::PassedOver { .. } => "passed-over",
        Step::NoService { .. } => "no-service",
        Step::Fallback { .. } => "fallback",
        _ => "stopped",
    };
    dict.set_item("step", name)?;
    match step {
        Step::Asked { question, .. } | Step::Again { question } | Step::LedOn { to: question, .. } => {
            dict.set_item("name", &question.name)?;
            dict.set_item("type", question.kind.name())?;
        }
        _ => {}
    }
    match step {
        Step::Asked { records, left_out, .. } => {
            dict.set_item("records", records)?;
            dict.set_item("left_out", left_out)?;
        }
        Step::LedOn { record, .. } => dict.set_item("record", record.to_string())?,
        Step::Host { record } | Step::NoService { record } => {
            let Srv { priority, weight, port, target } = record;
            dict.set_item("record", format!("{priority} {weight} {port} {target}"))?;
        }
        Step::Gave { explained: rule, .. } => {
            dict.set_item("rule", rule.as_ref().map(|rule| explained(py, rule)).transpose()?)?;
        }
        Step::PassedOver { record, reason, explained: rule } => {
            dict.set_item("record", record.to_string())?;
            dict.set_item("code", reason.code())?;
            dict.set_item("reason", reason.to_string())?;
            dict.set_item("rule", rule.as_ref().map(|rule| explained(py, rule)).transpose()?)?;
        }
        Step::Fallback { why } | Step::Stopped { why } => dict.set_item("why", why)?,
        _ => {}
    }
    Ok(dict)
}
