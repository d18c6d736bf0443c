//! What callers and the worker share: questions in, outcomes out.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use mio::Waker;
use numdip_core::exchange::{Outcome, PeerState, Question};

use crate::cache::Cache;
use crate::job::Job;

//----------- Answers --------------------------------------------------------

/// What came of a question.
#[derive(Clone, Debug)]
pub struct Answered {
    /// The outcome.
    pub outcome: Arc<Outcome>,
    /// For how long it was kept, if nobody was asked.
    pub cached: Option<Duration>,
}

/// The client was closed before there was an outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closed;

/// Where one outcome is waited for.
#[derive(Default)]
pub(crate) struct Slot {
    result: Mutex<Option<Result<Answered, Closed>>>,
    filled: Condvar,
}

impl Slot {
    pub(crate) fn wait(&self, timeout: Duration) -> Option<Result<Answered, Closed>> {
        let result = lock(&self.result);
        let waited = self.filled.wait_timeout_while(result, timeout, |result| result.is_none());
        let (result, _) = waited.unwrap_or_else(PoisonError::into_inner);
        result.clone()
    }

    pub(crate) fn fill(&self, result: Result<Answered, Closed>) {
        lock(&self.result).get_or_insert(result);
        self.filled.notify_all();
    }
}

//----------- Sink -----------------------------------------------------------

/// Who gets an outcome.
pub(crate) enum Sink {
    /// A caller that waits.
    Slot(Arc<Slot>),
    /// An event loop that collects outcomes.
    Queue(u64),
    /// A row of a job: which job, and which row.
    Row(usize, usize),
}

impl Sink {
    pub(crate) fn give(&self, shared: &Shared, result: Result<Answered, Closed>) {
        match self {
            Self::Slot(slot) => slot.fill(result),
            Self::Queue(id) => shared.queue.push(*id, result),
            Self::Row(..) => {}
        }
    }
}

//----------- Queue ----------------------------------------------------------

/// Outcomes for an event loop, and the socket that becomes readable when there are some.
pub(crate) struct Queue {
    done: Mutex<Vec<(u64, Result<Answered, Closed>)>>,
    pub(crate) reader: UnixStream,
    writer: UnixStream,
}

impl Queue {
    pub(crate) fn new() -> std::io::Result<Self> {
        let (reader, writer) = UnixStream::pair()?;
        reader.set_nonblocking(true)?;
        writer.set_nonblocking(true)?;
        Ok(Self { done: Mutex::default(), reader, writer })
    }

    fn push(&self, id: u64, result: Result<Answered, Closed>) {
        let mut done = lock(&self.done);
        done.push((id, result));
        if done.len() == 1 {
            // It holds one octet at most, so there is room.
            let _ = (&self.writer).write(&[0]);
        }
    }

    pub(crate) fn take(&self) -> Vec<(u64, Result<Answered, Closed>)> {
        let mut done = lock(&self.done);
        let _ = (&self.reader).read(&mut [0; 8]);
        std::mem::take(&mut done)
    }
}

//----------- Shared ---------------------------------------------------------

/// A question for the worker.
pub(crate) struct New {
    pub(crate) id: u64,
    pub(crate) question: Question,
    pub(crate) sink: Sink,
}

#[derive(Default)]
pub(crate) struct Inbox {
    pub(crate) new: Vec<New>,
    pub(crate) cancelled: Vec<u64>,
    pub(crate) jobs: Vec<Job>,
    pub(crate) is_closing: bool,
}

pub(crate) struct Shared {
    pub(crate) inbox: Mutex<Inbox>,
    pub(crate) waker: Waker,
    pub(crate) queue: Queue,
    pub(crate) cache: Mutex<Cache>,
    pub(crate) states: Mutex<Vec<PeerState>>,
    /// Questions that have no outcome yet.
    pub(crate) open: AtomicUsize,
    /// What times are counted from.
    pub(crate) start: Instant,
}

impl Shared {
    pub(crate) fn now(&self) -> Duration {
        self.start.elapsed()
    }
}

/// The value, also where a thread that held it has panicked: each is whole between any two statements.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
