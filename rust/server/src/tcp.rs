//! A TCP worker: listeners and connections on one thread, driven by a current-thread tokio runtime.
//!
//! ```text
//! accept ──> acl ──> place ──> task: Connection::serve ──> place given back
//! ```
//!
//! TCP is required of a server, and with it connections that stay open and carry several queries
//! (RFC 7766 §5, §6.2.1; RFC 9210 §3). What peers can cost is bounded by [`TcpLimits`].

mod connection;
mod framing;
mod limits;
mod places;

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc;
use tokio::task::{self, JoinSet, LocalSet};
use tokio::time;

use crate::acl::Access;
use crate::metrics::{Connections, Metrics, Traffic};
use crate::worker::Shared;
use connection::Connection;
use framing::Scratch;
pub use limits::TcpLimits;
use places::Place;
pub(crate) use places::Places;

/// How long connections have, once the server stops, to answer what they have received.
const DRAIN: Duration = Duration::from_millis(400);

/// The rest after a failed accept, so that a lack of file descriptors does not burn a CPU.
const PAUSE: Duration = Duration::from_millis(20);

//----------- TcpWorker ------------------------------------------------------

/// What a TCP worker works with; made when everything is bound, run by its thread.
pub(crate) struct TcpWorker {
    runtime: Runtime,
    listeners: Vec<TcpListener>,
    context: WorkerContext,
}

/// The parts of a [`Context`] that may cross to the worker's thread.
pub(crate) struct WorkerContext {
    pub(crate) shared: Arc<Shared>,
    pub(crate) places: Arc<Places>,
    pub(crate) limits: TcpLimits,
    pub(crate) metrics: Arc<Metrics>,
}

/// What the tasks of one worker share.
struct Context {
    worker: WorkerContext,
    /// Buffers for the one task that runs: idle connections need none.
    scratch: RefCell<Scratch>,
}

impl TcpWorker {
    /// Readies a worker for `listeners`, which must be non-blocking.
    ///
    /// # Errors
    ///
    /// The system's, for want of the runtime's own file descriptors.
    pub(crate) fn new(
        listeners: Vec<std::net::TcpListener>,
        context: WorkerContext,
    ) -> io::Result<TcpWorker> {
        let runtime = Builder::new_current_thread().enable_io().enable_time().build()?;
        let entered = runtime.enter();
        let listeners = listeners.into_iter().map(TcpListener::from_std).collect::<io::Result<_>>()?;
        drop(entered);
        Ok(TcpWorker { runtime, listeners, context })
    }

    /// Answers until the server stops.
    pub(crate) fn run(self) {
        let TcpWorker { runtime, listeners, context } = self;
        let context = Rc::new(Context { worker: context, scratch: RefCell::new(Scratch::new()) });
        // Dropping the set ends the connections that are left then.
        let tasks = LocalSet::new();
        runtime.block_on(tasks.run_until(serve(listeners, context)));
    }
}

/// Accepts on every listener until the server stops, then waits for the connections to end.
async fn serve(listeners: Vec<TcpListener>, context: Rc<Context>) {
    // Every task holds a sender and nobody sends: receiving ends when the last task has.
    let (alive, mut ended) = mpsc::channel::<()>(1);
    let mut acceptors = JoinSet::new();
    for listener in listeners {
        acceptors.spawn_local(accept_all(listener, Rc::clone(&context), alive.clone()));
    }
    drop(alive);
    while let Some(acceptor) = acceptors.join_next().await {
        // A panic of ours: end the thread, where it is seen, rather than serve only some addresses.
        if acceptor.is_err() {
            return;
        }
    }
    // Peers that do not read cannot hold up the stop.
    let _ = time::timeout(DRAIN, ended.recv()).await;
}

//----------- Accepting ------------------------------------------------------

async fn accept_all(listener: TcpListener, context: Rc<Context>, alive: mpsc::Sender<()>) {
    let mut stopped = pin!(context.worker.shared.stopped());
    loop {
        let accepted = poll_fn(|cx| match stopped.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(None),
            Poll::Pending => listener.poll_accept(cx).map(Some),
        });
        match accepted.await {
            None => break,
            Some(Ok((stream, peer))) => admit(stream, peer, &context, &alive).await,
            Some(Err(error)) => accept_failed(&error, &context).await,
        }
        // Connections that are there must get their turn while new ones keep coming.
        task::yield_now().await;
    }
    accept_queued(listener, &context, &alive).await;
}

/// Accepts what had connected when the word to stop came: closing the listener would reset it.
async fn accept_queued(listener: TcpListener, context: &Rc<Context>, alive: &mpsc::Sender<()>) {
    let Ok(listener) = listener.into_std() else { return };
    // As many as the server takes; the limit refuses the rest anyway.
    for _ in 0..context.worker.limits.max_connections {
        let Ok((stream, peer)) = listener.accept() else { return };
        if stream.set_nonblocking(true).is_ok() {
            if let Ok(stream) = TcpStream::from_std(stream) {
                admit(stream, peer, context, alive).await;
            }
        }
    }
}

/// Gives a new connection its place and its task, or closes it.
async fn admit(stream: TcpStream, peer: SocketAddr, context: &Rc<Context>, alive: &mpsc::Sender<()>) {
    let worker = &context.worker;
    let refused = Connections { accepted: 1, closed: 1, ..Connections::default() };
    if worker.shared.current.load().acl.decide(peer.ip()) == Access::Drop {
        worker.metrics.connections(&refused);
        worker.metrics.tcp(&Traffic { dropped_acl: 1, ..Traffic::default() });
        return;
    }
    let Some(place) = worker.places.admit().await else {
        worker.metrics.connections(&Connections { refused: 1, ..refused });
        return;
    };
    worker.metrics.connections(&Connections { accepted: 1, ..Connections::default() });
    let admitted = Admitted { context: Rc::clone(context), place, _alive: alive.clone() };
    task::spawn_local(async move {
        let Admitted { context, place, .. } = &admitted;
        let ending = Connection::new(stream, peer.ip(), place, context).serve().await;
        context.worker.metrics.connections(&ending.counted());
    });
}

/// What a connection has from its worker, given back however its task ends.
struct Admitted {
    context: Rc<Context>,
    place: Place,
    /// While this is held the worker does not end.
    _alive: mpsc::Sender<()>,
}

impl Drop for Admitted {
    fn drop(&mut self) {
        // The fields go after this: it is counted before there is room for another.
        self.context.worker.metrics.connections(&Connections { closed: 1, ..Connections::default() });
    }
}

/// Tells a peer's failure from ours: a worker outlives both.
async fn accept_failed(error: &io::Error, context: &Context) {
    match error.kind() {
        // The peer went away before it was accepted, or a signal came.
        io::ErrorKind::ConnectionAborted
        | io::ErrorKind::ConnectionReset
        | io::ErrorKind::Interrupted
        | io::ErrorKind::WouldBlock => {}
        _ => {
            let failed = Connections { accept_errors: 1, ..Connections::default() };
            context.worker.metrics.connections(&failed);
            time::sleep(PAUSE).await;
        }
    }
}
