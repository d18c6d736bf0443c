//! `numdip.Responder`, the server's brain without a socket, and `numdip._native.Acl`.

use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;
use numdip_core::apex::Apex;
use numdip_core::respond::settings::{MAX_TTL, RecordSettings};
use numdip_core::respond::{
    MAX_MESSAGE, MAX_UDP_RESPONSE, Partial, Profile, Responder as CoreResponder, Settings, Transport,
};
use numdip_server::{Access, Acl as ServerAcl, Others};
use pyo3::buffer::PyBuffer;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyMapping};

use crate::errors::Fault;
use crate::snapshot::Snapshot;

//----------- Acl ------------------------------------------------------------

/// Which source addresses may ask: clients is pairs of a name and CIDR networks; others is what
/// everybody else gets, "refuse" (REFUSED) or "drop" (silence). Raises ConfigError.
#[pyclass(frozen, module = "numdip._native")]
pub(crate) struct Acl(Arc<ServerAcl>);

#[pymethods]
impl Acl {
    #[new]
    #[pyo3(signature = (clients, others = "refuse"))]
    fn new(clients: Vec<(String, Vec<String>)>, others: &str) -> Result<Self, Fault> {
        let others = match others {
            "refuse" => Others::Refuse,
            "drop" => Others::Drop,
            other => return Err(Fault::Config(format!("others is \"refuse\" or \"drop\", not {other:?}"))),
        };
        let clients = clients
            .into_iter()
            .map(|(name, networks)| {
                let networks =
                    networks.iter().map(|network| read_network(network)).collect::<Result<_, _>>()?;
                Ok((name, networks))
            })
            .collect::<Result<Vec<_>, Fault>>()?;
        Ok(Self(Arc::new(ServerAcl::new(&clients, others)?)))
    }

    /// What a source address gets: "permit", "refuse" or "drop".
    fn decide(&self, source: &str) -> Result<&'static str, Fault> {
        Ok(match self.0.decide(read_address(source)?) {
            Access::Permit => "permit",
            Access::Refuse => "refuse",
            Access::Drop => "drop",
        })
    }
}

/// A network in CIDR notation; an address alone is a network of one.
fn read_network(text: &str) -> Result<IpNet, Fault> {
    let network = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
    network.map_err(|_| {
        Fault::Config(format!("{text:?} is no network: write it as 192.0.2.0/24 or 2001:db8::/32"))
    })
}

fn read_address(text: &str) -> PyResult<IpAddr> {
    text.parse().map_err(|_| PyValueError::new_err(format!("source {text:?} is no IP address")))
}

/// The texts of one str or of a sequence of them.
fn one_or_many(value: &Bound<'_, PyAny>) -> PyResult<Vec<String>> {
    match value.extract::<String>() {
        Ok(one) => Ok(vec![one]),
        Err(_) => value.extract(),
    }
}

/// A setting's value as the narrower type that it has on the wire.
fn in_range<T: TryFrom<i64> + std::fmt::Display>(key: &str, value: i64, most: T) -> Result<T, Fault> {
    T::try_from(value).map_err(|_| Fault::Config(format!("{key}: found {value}, expected 0 to {most}")))
}

/// A table of `answer.record`: its keys, and defaults for those that are not there.
fn record_settings(place: usize, table: &Bound<'_, PyMapping>) -> Result<RecordSettings, Fault> {
    let flags = match table.contains("flags")? {
        true => table.get_item("flags")?.extract::<String>()?,
        false => "u".to_owned(),
    };
    let mut record = RecordSettings::with_flags(&flags);
    for item in table.items()? {
        let (name, value): (String, Bound<'_, PyAny>) = item.extract()?;
        let key = format!("answer.record[{place}].{name}");
        match name.as_str() {
            "order" => record.order = in_range(&key, value.extract()?, u16::MAX)?,
            "preference" => record.preference = in_range(&key, value.extract()?, u16::MAX)?,
            "flags" => {}
            "services" => record.services = value.extract()?,
            "regexp" => record.regexp = value.extract()?,
            "replacement" => record.replacement = value.extract()?,
            _ => {
                let known = "expected one of order, preference, flags, services, regexp, replacement";
                return Err(Fault::Config(format!("{key}: unknown key; {known}")));
            }
        }
    }
    Ok(record)
}

//----------- Responder ------------------------------------------------------

/// TTL and the data of records.
type NetworkAnswer<'py> = (u32, Vec<Bound<'py, PyBytes>>);

/// The server's brain without a socket: query octets in, response octets out.
///
/// Takes a Snapshot; the other arguments are the keys of the configuration file, with the same defaults.
/// An answer is one record, of order, preference, services and regexp, or several: record is a list of tables
/// with any of the keys order, preference, flags, services, regexp and replacement.
/// Without acl, loopback addresses are permitted and all others refused. Raises ConfigError, whose text
/// begins with the key.
#[pyclass(frozen, module = "numdip")]
pub(crate) struct Responder {
    inner: Arc<CoreResponder>,
    acl: Arc<ServerAcl>,
}

impl Responder {
    pub(crate) fn state(&self) -> numdip_server::State {
        numdip_server::State { responder: Arc::clone(&self.inner), acl: Arc::clone(&self.acl) }
    }
}

#[pymethods]
impl Responder {
    #[new]
    #[pyo3(signature = (
        snapshot,
        *,
        profile = "number-lookup",
        acl = None,
        apex = None,
        ttl = 3,
        order = 10,
        preference = 50,
        services = "E2U+pstn:tel",
        regexp = r"!^(.*)$!tel:\1;mcc={mcc};mnc={mnc}!",
        record = Vec::new(),
        partial = "nxdomain",
    ))]
    #[allow(clippy::too_many_arguments, reason = "the keys of the configuration file")]
    fn new(
        py: Python<'_>,
        snapshot: &Bound<'_, Snapshot>,
        profile: &str,
        acl: Option<&Bound<'_, Acl>>,
        apex: Option<&Bound<'_, PyAny>>,
        ttl: i64,
        order: i64,
        preference: i64,
        services: &str,
        regexp: &str,
        record: Vec<Bound<'_, PyMapping>>,
        partial: &str,
    ) -> Result<Self, Fault> {
        let apexes = match apex {
            None => Settings::default().apexes,
            Some(names) => one_or_many(names)?
                .iter()
                .map(|name| {
                    Apex::new(name).map_err(|error| Fault::Config(format!("server.apex: {name:?}: {error}")))
                })
                .collect::<Result<_, _>>()?,
        };
        let settings = Settings {
            profile: match profile {
                "number-lookup" => Profile::NumberLookup,
                other => {
                    let known = "this version knows \"number-lookup\"";
                    return Err(Fault::Config(format!("server.profile: found {other:?}, {known}")));
                }
            },
            apexes,
            ttl: in_range("answer.ttl", ttl, MAX_TTL)?,
            order: in_range("answer.order", order, u16::MAX)?,
            preference: in_range("answer.preference", preference, u16::MAX)?,
            services: services.to_owned(),
            regexp: regexp.to_owned(),
            records: record
                .iter()
                .enumerate()
                .map(|(place, table)| record_settings(place, table))
                .collect::<Result<_, _>>()?,
            partial: match partial {
                "nxdomain" => Partial::NxDomain,
                "answer" => Partial::Answer,
                other => {
                    let known = "expected \"nxdomain\" or \"answer\"";
                    return Err(Fault::Config(format!("answer.partial: found {other:?}, {known}")));
                }
            },
        };
        let faults = settings.faults();
        if !faults.is_empty() {
            return Err(Fault::Settings(faults));
        }
        let snapshot = Arc::clone(snapshot.get().inner());
        let inner = py.detach(|| CoreResponder::new(snapshot, settings))?;
        let acl = acl.map_or_else(|| Arc::new(ServerAcl::loopback()), |acl| Arc::clone(&acl.get().0));
        Ok(Self { inner: Arc::new(inner), acl })
    }

    /// TTL and data (wire form) of the records that answer for the numbers of each network, in the order of
    /// list_networks; None for a network of which too little is known for an answer.
    ///
    /// Raises ConfigError if an answer names the number, so that it is another one for each.
    fn network_answers<'py>(&self, py: Python<'py>) -> Result<Vec<Option<NetworkAnswer<'py>>>, Fault> {
        let count = self.inner.snapshot().view().all_networks().count() as u32;
        let mut answers = Vec::new();
        for network in 0..count {
            let found = self.inner.network_answer(network);
            if found.is_some_and(|(_, names_number)| names_number) {
                return Err(Fault::Config(
                    "answer.regexp: {number} is another one for each number, and one record is to answer for \
                     all of a network; write it by a group, as in !^(.*)$!tel:\\1!"
                        .to_owned(),
                ));
            }
            answers.push(found.and_then(|(set, _)| {
                let ttl = set.records().next()?.ttl;
                Some((ttl, set.records().map(|record| PyBytes::new(py, record.rdata)).collect()))
            }));
        }
        Ok(answers)
    }

    /// The response to a query, or None where the server would be silent.
    ///
    /// source is the address that the query came from; transport, "udp" or "tcp", bounds the length.
    #[pyo3(signature = (query, source = "127.0.0.1", *, transport = "udp"))]
    fn respond<'py>(
        &self,
        py: Python<'py>,
        query: &Bound<'py, PyAny>,
        source: &str,
        transport: &str,
    ) -> Result<Option<Bound<'py, PyBytes>>, Fault> {
        let copy;
        let query = match query.cast::<PyBytes>() {
            Ok(bytes) => bytes.as_bytes(),
            Err(_) => {
                copy = PyBuffer::<u8>::get(query)?.to_vec(py)?;
                &copy
            }
        };
        let permitted = match self.acl.decide(read_address(source)?) {
            Access::Permit => true,
            Access::Refuse => false,
            Access::Drop => return Ok(None),
        };
        let respond = |transport, out: &mut [u8]| {
            let length = self.inner.respond(query, permitted, transport, out)?;
            out.get(..length).map(|response| PyBytes::new(py, response))
        };
        Ok(match transport {
            "udp" => respond(Transport::Udp, &mut [0; MAX_UDP_RESPONSE]),
            "tcp" => respond(Transport::Tcp, &mut vec![0; MAX_MESSAGE]),
            other => {
                return Err(
                    PyValueError::new_err(format!("transport is \"udp\" or \"tcp\", not {other:?}")).into()
                );
            }
        })
    }
}
