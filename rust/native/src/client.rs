//! `numdip._native.Asker`: asks ENUM servers; what came of a question; what came of many.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use numdip_client::{Answered, Client, Closed, Options, Ticket};
use numdip_core::apex::Apex;
use numdip_core::dns::Transport;
use numdip_core::exchange::{
    EdnsUse, End, Network as CoreNetwork, Outcome as CoreOutcome, Question, Settings,
};
use numdip_core::number::{Form, Number};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::bulk;
use crate::errors::Fault;
use crate::exchange::Reply;
use crate::number;
use crate::table::{self, Table};

/// How long Python waits for a Ctrl-C to be heard.
const PATIENCE: Duration = Duration::from_millis(50);

//----------- Asker ----------------------------------------------------------

/// Asks ENUM servers: one thread and one pool of sockets for any number of callers.
///
/// servers are addresses and ports, the primary first. Times are in seconds. What is given is checked by whoever
/// calls.
#[pyclass(frozen, module = "numdip._native")]
pub(crate) struct Asker {
    client: Client,
    apex: Apex,
}

#[pymethods]
impl Asker {
    #[new]
    #[pyo3(signature = (servers, *, apex, timeout, deadline, hedge, balanced, edns, cookies, mixed_case, rate, cache))]
    #[allow(clippy::too_many_arguments, reason = "options are many")]
    fn new(
        servers: Vec<String>,
        apex: &str,
        timeout: f64,
        deadline: f64,
        hedge: bool,
        balanced: bool,
        edns: Option<bool>,
        cookies: bool,
        mixed_case: bool,
        rate: Option<f64>,
        cache: usize,
    ) -> Result<Self, Fault> {
        let servers: Vec<SocketAddr> = servers
            .iter()
            .map(|server| server.parse().map_err(|_| PyValueError::new_err(format!("no address: {server}"))))
            .collect::<PyResult<_>>()?;
        let edns = match edns {
            None => EdnsUse::Remembered,
            Some(true) => EdnsUse::On,
            Some(false) => EdnsUse::Off,
        };
        let (timeout, deadline) = (seconds(timeout)?, seconds(deadline)?);
        let settings = Settings { timeout, deadline, hedge, balanced, edns, cookies, rate };
        let apex = Apex::new(apex)?;
        let client = Client::start(servers, Options { settings, mixed_case, cache }).map_err(PyErr::from)?;
        Ok(Self { client, apex })
    }

    /// Asks for a number's records and waits.
    fn ask(&self, py: Python<'_>, number: &Bound<'_, PyAny>) -> Result<Outcome, Fault> {
        let number = number::read(number, Form::Msisdn)?;
        let ticket = self.client.ask(Question::of_number(number, &self.apex)?);
        Ok(Outcome::new(wait(py, &ticket)?, Some(number)))
    }

    /// Asks for the records of a type (NAPTR, SRV, A, AAAA as numbers) at a name and waits, at most so many seconds;
    /// None: they passed, and the question was given up.
    fn ask_name(
        &self,
        py: Python<'_>,
        name: &str,
        rtype: u16,
        within: f64,
    ) -> Result<Option<Outcome>, Fault> {
        let end = Instant::now().checked_add(seconds(within)?);
        let ticket = self.client.ask(Question::new(name, rtype)?);
        Ok(wait_until(py, &ticket, end)?.map(|result| Outcome::new(result, None)))
    }

    /// Asks for a number's records: the outcome if it is kept, or else the id that it will come with.
    fn submit(&self, number: &Bound<'_, PyAny>) -> Result<Submitted, Fault> {
        let number = number::read(number, Form::Msisdn)?;
        Ok(self.submitted(Question::of_number(number, &self.apex)?, Some(number)))
    }

    /// Asks for the records of a type at a name, as submit does.
    fn submit_name(&self, name: &str, rtype: u16) -> Result<Submitted, Fault> {
        Ok(self.submitted(Question::new(name, rtype)?, None))
    }

    /// The outcomes of submitted questions since the last call, with their ids; None: the client was closed.
    fn completed(&self) -> Vec<(u64, Option<Outcome>)> {
        let completed = self.client.completed().into_iter();
        completed
            .map(|(id, result)| (id, result.ok().map(|answered| Outcome::new(Ok(answered), None))))
            .collect()
    }

    /// Gives up a submitted question.
    fn cancel(&self, id: u64) {
        self.client.cancel(id);
    }

    /// The descriptor that becomes readable when there are outcomes of submitted questions.
    fn fileno(&self) -> i32 {
        self.client.signal()
    }

    /// Asks for many numbers, no more than window at a time. progress is called with how many are done.
    #[pyo3(signature = (numbers, *, window, lenient, servers, progress = None))]
    fn ask_many(
        &self,
        py: Python<'_>,
        numbers: &Bound<'_, PyAny>,
        window: usize,
        lenient: bool,
        servers: Vec<String>,
        progress: Option<Bound<'_, PyAny>>,
    ) -> Result<Option<Table>, Fault> {
        let numbers: Vec<Option<Number>> = bulk::numbers(py, numbers)?;
        let job = py.detach(|| self.client.ask_many(numbers, &self.apex, window, lenient));
        let mut told = Instant::now();
        loop {
            if let Some(result) = py.detach(|| job.wait(PATIENCE)) {
                let Ok(rows) = result else { return Ok(None) };
                if let Some(progress) = &progress {
                    progress.call1((job.done(),))?;
                }
                return table::of_rows(rows, &servers)
                    .map(Some)
                    .map_err(|error| PyValueError::new_err(error.to_string()).into());
            }
            py.check_signals()?;
            if let Some(progress) = progress.as_ref().filter(|_| told.elapsed() > PATIENCE * 2) {
                progress.call1((job.done(),))?;
                told = Instant::now();
            }
        }
    }

    /// A dict for each server: alive, p95 (seconds), edns, cookie, asked, answered.
    fn states<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyDict>>> {
        let dict = |state: &numdip_core::exchange::PeerState| {
            let dict = PyDict::new(py);
            dict.set_item("alive", state.alive)?;
            dict.set_item("p95", state.p95.map(|p95| p95.as_secs_f64()))?;
            dict.set_item("edns", state.edns)?;
            dict.set_item("cookie", state.cookie)?;
            dict.set_item("asked", state.asked)?;
            dict.set_item("answered", state.answered)?;
            Ok(dict)
        };
        self.client.states().iter().map(dict).collect()
    }

    /// How many single questions have no outcome yet.
    #[getter]
    fn open(&self) -> usize {
        self.client.open()
    }

    /// How many answers are kept.
    #[getter]
    fn kept(&self) -> usize {
        self.client.kept_answers()
    }

    /// Forgets the answers that are kept.
    fn forget(&self) {
        self.client.forget();
    }

    /// Ends the thread; whoever waits is told.
    fn close(&self, py: Python<'_>) {
        py.detach(|| self.client.close());
    }
}

impl Asker {
    fn submitted(&self, question: Question, number: Option<Number>) -> Submitted {
        match self.client.submit(question) {
            Ok(answered) => Submitted::Kept(Outcome::new(Ok(answered), number)),
            Err(id) => Submitted::Id(id),
        }
    }
}

/// What comes of handing in a question.
#[derive(IntoPyObject)]
enum Submitted {
    Kept(Outcome),
    Id(u64),
}

fn seconds(seconds: f64) -> PyResult<Duration> {
    Duration::try_from_secs_f64(seconds)
        .map_err(|error| PyValueError::new_err(format!("{seconds} s: {error}")))
}

/// Waits without the interpreter, which is asked now and then whether to go on.
fn wait(py: Python<'_>, ticket: &Ticket) -> PyResult<Result<Answered, Closed>> {
    Ok(wait_until(py, ticket, None)?.unwrap_or(Err(Closed)))
}

/// Waits as [`wait`] does; `None`: nothing came before `end`.
fn wait_until(
    py: Python<'_>,
    ticket: &Ticket,
    end: Option<Instant>,
) -> PyResult<Option<Result<Answered, Closed>>> {
    loop {
        let left = end.map(|end| end.saturating_duration_since(Instant::now()));
        let patience = left.map_or(PATIENCE, |left| left.min(PATIENCE));
        if let Some(result) = py.detach(|| ticket.wait(patience)) {
            return Ok(Some(result));
        }
        py.check_signals()?;
        if left.is_some_and(|left| left.is_zero()) {
            return Ok(None);
        }
    }
}

//----------- Outcome --------------------------------------------------------

/// What came of a question.
#[pyclass(frozen, module = "numdip._native")]
pub(crate) struct Outcome {
    /// `None`: the client was closed.
    outcome: Option<Arc<CoreOutcome>>,
    cached: Option<Duration>,
    number: Option<Number>,
}

impl Outcome {
    fn new(result: Result<Answered, Closed>, number: Option<Number>) -> Self {
        match result {
            Ok(Answered { outcome, cached }) => Self { outcome: Some(outcome), cached, number },
            Err(Closed) => Self { outcome: None, cached: None, number },
        }
    }

    fn end(&self) -> Option<&End> {
        self.outcome.as_ref().map(|outcome| &outcome.end)
    }
}

#[pymethods]
impl Outcome {
    /// How it ended: reply, timeout, unreachable or closed.
    #[getter]
    fn end_name(&self) -> &'static str {
        match self.end() {
            Some(End::Reply { .. }) => "reply",
            Some(End::Silence) => "timeout",
            Some(End::Unreachable) => "unreachable",
            None => "closed",
        }
    }

    /// What was said, if anything.
    #[getter]
    fn reply(&self) -> Option<Reply> {
        match self.end()? {
            End::Reply { reply, .. } => Some(Reply::new(reply.clone())),
            _ => None,
        }
    }

    /// Place of the server among those that were named.
    #[getter]
    fn server(&self) -> Option<usize> {
        match self.end()? {
            End::Reply { peer, .. } => Some(*peer),
            _ => None,
        }
    }

    /// udp or tcp.
    #[getter]
    fn transport(&self) -> Option<&'static str> {
        match self.end()? {
            End::Reply { transport: Transport::Udp, .. } => Some("udp"),
            End::Reply { transport: Transport::Tcp, .. } => Some("tcp"),
            _ => None,
        }
    }

    /// From the first octet asked to the last one read.
    #[getter]
    fn milliseconds(&self) -> Option<f64> {
        match self.end()? {
            End::Reply { took, .. } => Some(took.as_secs_f64() * 1000.0),
            _ => None,
        }
    }

    /// For how many seconds the answer was kept; None if servers were asked.
    #[getter]
    fn cached(&self) -> Option<f64> {
        self.cached.map(|age| age.as_secs_f64())
    }

    /// Place of a server and what it did instead of answering, in order.
    #[getter]
    fn failures(&self) -> Vec<(usize, String)> {
        let failures = self.outcome.iter().flat_map(|outcome| &outcome.failures);
        failures.map(|failure| (failure.peer, numdip_client::why(&failure.why))).collect()
    }

    /// What the records say of the number's network: (output, is a URI, parameters, TTL, place of the record,
    /// read leniently), or text that says why they cannot be read. None: there are no records.
    #[pyo3(signature = (number, *, lenient))]
    fn network(&self, number: &Bound<'_, PyAny>, lenient: bool) -> Result<Option<Told>, Fault> {
        let number = number::read(number, Form::Msisdn)?;
        debug_assert!(self.number.is_none_or(|asked| asked == number));
        let Some(End::Reply { reply, .. }) = self.end() else { return Ok(None) };
        Ok(CoreNetwork::read(reply, &number.aus(), lenient).map(|read| match read {
            Ok(CoreNetwork { output, is_uri, parameters, ttl, record, lenient }) => {
                Told::Network((output, is_uri, parameters, ttl, record, lenient))
            }
            Err(fault) => Told::Unreadable(fault.to_string()),
        }))
    }
}

type Pairs = Vec<(String, Option<String>)>;

#[derive(IntoPyObject)]
enum Told {
    Network((String, bool, Pairs, u32, usize, bool)),
    Unreadable(String),
}
