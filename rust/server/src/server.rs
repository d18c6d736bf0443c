//! The server as a whole: what is bound, which threads run, and how they end.

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::bind;
use crate::current::State;
use crate::error::StartError;
use crate::metrics::{Counters, Metrics};
use crate::tcp::{Places, TcpLimits, TcpWorker, WorkerContext};
use crate::udp::UdpWorker;
use crate::worker::Shared;

/// More workers than any machine this runs on has CPUs; each is two threads.
const MAX_WORKERS: usize = 1024;

/// Clients notice more.
const MAX_GATHER: Duration = Duration::from_millis(1);

//----------- Settings -------------------------------------------------------

/// What cannot change while a server runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Addresses to serve, each over UDP and TCP. Port 0 lets the system choose one for both. A wildcard
    /// address stands for all of its family only: `[::]` does not serve IPv4.
    pub listen: Vec<SocketAddr>,
    /// UDP threads, and as many TCP threads; 0 = one per CPU. At most 1024.
    pub workers: usize,
    /// How long a worker that is busy and falls behind lets datagrams gather before it takes them; zero: never.
    /// At most a millisecond: more counts as that.
    pub gather: Duration,
    /// What TCP peers may cost.
    pub tcp: TcpLimits,
}

impl Default for Settings {
    /// 127.0.0.1:5300, one worker per CPU, which lets datagrams gather for 50 µs.
    fn default() -> Settings {
        let listen = vec![SocketAddr::from(([127, 0, 0, 1], 5300))];
        Settings { listen, workers: 0, gather: Duration::from_micros(50), tcp: TcpLimits::default() }
    }
}

impl Settings {
    fn worker_count(&self) -> Result<usize, StartError> {
        match self.workers {
            // Where the number of CPUs cannot be told, one worker serves.
            0 => Ok(thread::available_parallelism().map_or(1, usize::from).min(MAX_WORKERS)),
            workers if workers <= MAX_WORKERS => Ok(workers),
            workers => Err(StartError::TooManyWorkers { workers, most: MAX_WORKERS }),
        }
    }
}

//----------- Server ---------------------------------------------------------

/// A running server. Dropping it stops it.
pub struct Server {
    addresses: Vec<SocketAddr>,
    gather: Duration,
    shared: Arc<Shared>,
    places: Arc<Places>,
    metrics: Vec<Arc<Metrics>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

/// A thread that is ready to start: name and work.
type Ready = (String, Box<dyn FnOnce() + Send>);

//--- Life

impl Server {
    /// Binds every address, then starts the threads. When this returns, queries are answered.
    ///
    /// Threads are called `udp-0`, `udp-1`, … and `tcp-0`, `tcp-1`, ….
    ///
    /// # Errors
    ///
    /// Settings that cannot be, an address that cannot be had (in use, not ours, not permitted), or a lack of
    /// threads or file descriptors. Nothing is left running or bound then.
    pub fn start(settings: Settings, state: State) -> Result<Server, StartError> {
        settings.tcp.check()?;
        let workers = settings.worker_count()?;
        let addresses = bind::free_addresses(&settings.listen)?;
        let mut server = Server {
            addresses,
            gather: settings.gather.min(MAX_GATHER),
            shared: Arc::new(Shared::new(state)),
            places: Places::new(settings.tcp.max_connections),
            metrics: Vec::new(),
            threads: Mutex::new(Vec::new()),
        };
        let mut ready = Vec::new();
        for number in 0..workers {
            ready.push(server.udp_worker(number)?);
            ready.push(server.tcp_worker(number, settings.tcp)?);
        }
        for (name, work) in ready {
            // On an error, dropping the server stops the threads that run already.
            server.spawn(name, work)?;
        }
        Ok(server)
    }

    /// Stops: what has been received is answered, then the threads end, which this waits for. It takes less
    /// than a second; TCP peers that do not read their answers are cut off after 0.4 s.
    ///
    /// Idempotent, and safe to call from several threads: each returns when all has ended.
    pub fn stop(&self) {
        self.shared.raise_stop();
        self.places.nudge_all();
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        for thread in threads.drain(..) {
            // An error is a panic, reported by the panic hook when it happened; the thread has ended anyway.
            let _ = thread.join();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("addresses", &self.addresses).finish_non_exhaustive()
    }
}

//--- Use

impl Server {
    /// The addresses served, in the settings' order, with the ports in fact bound.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.addresses.clone()
    }

    /// Serves `state` from now on. No query is lost, and after this returns every answer comes from it
    /// (it waits up to half a second for batches that are being answered from the old one).
    pub fn reload(&self, state: State) {
        self.shared.current.replace(state);
    }

    /// The state in force.
    pub fn state(&self) -> State {
        self.shared.current.load().as_ref().clone()
    }

    /// What has been counted since the start, over all workers. Costs some loads per worker.
    pub fn counters(&self) -> Counters {
        let mut sum = Counters::default();
        for metrics in &self.metrics {
            metrics.add_to(&mut sum);
        }
        sum.workers_lost = self.workers_lost();
        sum
    }

    fn workers_lost(&self) -> u64 {
        // While `stop` holds the lock, threads end because they shall.
        match self.threads.try_lock() {
            Ok(threads) if !self.shared.stopping() => {
                threads.iter().filter(|thread| thread.is_finished()).count() as u64
            }
            _ => 0,
        }
    }
}

//--- Workers

impl Server {
    fn udp_worker(&mut self, number: usize) -> Result<Ready, StartError> {
        let sockets = self.addresses.iter().map(|&address| bind::udp_socket(address));
        let worker = UdpWorker {
            sockets: sockets.collect::<Result<_, _>>()?,
            shared: Arc::clone(&self.shared),
            metrics: self.new_metrics(),
            gather: self.gather,
        };
        Ok((format!("udp-{number}"), Box::new(move || worker.run())))
    }

    fn tcp_worker(&mut self, number: usize, limits: TcpLimits) -> Result<Ready, StartError> {
        let listeners = self.addresses.iter().map(|&address| bind::tcp_listener(address));
        let listeners = listeners.collect::<Result<_, _>>()?;
        let context = WorkerContext {
            shared: Arc::clone(&self.shared),
            places: Arc::clone(&self.places),
            limits,
            metrics: self.new_metrics(),
        };
        let name = format!("tcp-{number}");
        match TcpWorker::new(listeners, context) {
            Ok(worker) => Ok((name, Box::new(move || worker.run()))),
            Err(source) => Err(StartError::Thread { name, source }),
        }
    }

    fn new_metrics(&mut self) -> Arc<Metrics> {
        let metrics = Arc::<Metrics>::default();
        self.metrics.push(Arc::clone(&metrics));
        metrics
    }

    fn spawn(&self, name: String, work: impl FnOnce() + Send + 'static) -> Result<(), StartError> {
        match thread::Builder::new().name(name.clone()).spawn(work) {
            Ok(thread) => {
                self.threads.lock().unwrap_or_else(PoisonError::into_inner).push(thread);
                Ok(())
            }
            Err(source) => Err(StartError::Thread { name, source }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::support::{open_state, settings, until};

    #[test]
    fn lost_worker_is_counted_and_does_not_hold_up_the_stop() {
        let server = Server::start(settings(&["127.0.0.1:0"]), open_state()).unwrap();
        assert_eq!(0, server.counters().workers_lost);
        server.spawn("udp-x".to_owned(), || panic!("on purpose")).unwrap();
        until("it is counted", || server.counters().workers_lost == 1);
        server.stop();
        assert_eq!(0, server.counters().workers_lost);
    }
}
