//! `numdip._native.Server`: the sockets and threads of `numdip-server`, started and stopped by Python.

use std::net::SocketAddr;
use std::time::Duration;

use numdip_server::{Server as NetServer, Settings};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::errors::Fault;
use crate::responder::Responder;

/// A running server. It stops when stop is called or the object goes.
#[pyclass(frozen, module = "numdip._native")]
pub(crate) struct Server(NetServer);

#[pymethods]
impl Server {
    /// Binds UDP and TCP on every address of listen ("127.0.0.1:5300", "[::1]:5300"; port 0 is any free
    /// one) and starts workers threads, 0 for one per CPU. A busy one lets datagrams gather for so many
    /// microseconds, at most 1000, before it takes them; 0 for never.
    ///
    /// Raises ServerError when an address cannot be bound, and leaves nothing running then.
    #[staticmethod]
    #[pyo3(signature = (responder, *, listen, workers = 0, gather = 50))]
    fn start(
        py: Python<'_>,
        responder: &Bound<'_, Responder>,
        listen: Vec<String>,
        workers: usize,
        gather: u64,
    ) -> Result<Self, Fault> {
        let listen = listen
            .iter()
            .map(|text| {
                text.parse::<SocketAddr>().map_err(|_| {
                    let expected = "expected an IP address and a port, as 127.0.0.1:5300 or [::1]:5300";
                    Fault::Config(format!("server.listen: found {text:?}, {expected}"))
                })
            })
            .collect::<Result<_, _>>()?;
        let gather = Duration::from_micros(gather);
        let settings = Settings { listen, workers, gather, ..Settings::default() };
        let state = responder.get().state();
        Ok(Self(py.detach(|| NetServer::start(settings, state))?))
    }

    /// The addresses that are served, with their real ports.
    #[getter]
    fn addresses(&self) -> Vec<String> {
        self.0.addresses().iter().map(SocketAddr::to_string).collect()
    }

    /// Answers from another responder from the next batch on; no query is lost.
    fn reload(&self, responder: &Bound<'_, Responder>) {
        self.0.reload(responder.get().state());
    }

    /// What was received, answered, dropped and so on since the start; and of the plan in force plan_sequence
    /// (layers applied to it so far), plan_time (from when on it holds, seconds since 1970 UTC, 0 if that is
    /// not known) and plan_layers (layers over its file).
    fn counters<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        for (name, value) in self.0.counters().iter() {
            dict.set_item(name, value)?;
        }
        let state = self.0.state();
        let snapshot = state.responder.snapshot();
        dict.set_item("plan_sequence", snapshot.lineage().sequence())?;
        dict.set_item("plan_time", snapshot.lineage().time().0)?;
        dict.set_item("plan_layers", snapshot.open_layers())?;
        Ok(dict)
    }

    /// Answers what was received, then ends all threads. Calling it again does nothing.
    fn stop(&self, py: Python<'_>) {
        py.detach(|| self.0.stop());
    }
}
