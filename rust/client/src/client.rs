//! What can be asked for.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use mio::{Poll, Waker};
use numdip_core::apex::Apex;
use numdip_core::exchange::{PeerState, Peers, Question, Settings};
use numdip_core::number::Number;

use crate::cache::Cache;
use crate::entropy::Entropy;
use crate::job::{Job, JobHandle};
use crate::shared::{Answered, Closed, Inbox, New, Queue, Shared, Sink, Slot, lock};
use crate::worker::{WAKER, Worker};

/// How a client asks.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Which server is asked when.
    pub settings: Settings,
    /// Whether letters are sent in random case, which answers must repeat.
    pub mixed_case: bool,
    /// How many answers are kept for their TTL.
    pub cache: usize,
}

//----------- Client ---------------------------------------------------------

/// A client of some servers: one thread, one pool of sockets, for any number of callers.
pub struct Client {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
    ids: AtomicU64,
    caches: bool,
    /// Where the thread is.
    process: u32,
}

impl Client {
    /// Starts the thread; nothing is sent yet.
    ///
    /// # Errors
    ///
    /// The system has no thread, descriptors or random octets to give.
    pub fn start(servers: Vec<SocketAddr>, options: Options) -> io::Result<Self> {
        let mut entropy = Entropy::new()?;
        // RFC 7873 §4.1: a cookie of its own for each server.
        let cookies = servers.iter().map(|_| entropy.octets()).collect::<io::Result<Vec<[u8; 8]>>>()?;
        let peers = Peers::new(options.settings, &cookies);
        let poll = Poll::new()?;
        let shared = Arc::new(Shared {
            inbox: Mutex::new(Inbox::default()),
            waker: Waker::new(poll.registry(), WAKER)?,
            queue: Queue::new()?,
            cache: Mutex::new(Cache::new(options.cache)),
            states: Mutex::new(peers.states().collect()),
            open: AtomicUsize::new(0),
            start: Instant::now(),
        });
        let caches = options.cache > 0;
        let flags = [options.mixed_case, caches];
        let mut worker = Worker::new(shared.clone(), poll, servers, peers, entropy, flags);
        let thread =
            std::thread::Builder::new().name("numdip-client".to_owned()).spawn(move || worker.run())?;
        Ok(Self {
            shared,
            thread: Mutex::new(Some(thread)),
            ids: AtomicU64::new(1),
            caches,
            process: std::process::id(),
        })
    }

    /// Asks a question that the caller waits for.
    pub fn ask(&self, question: Question) -> Ticket {
        let slot = Arc::<Slot>::default();
        let id = self.ids.fetch_add(1, Ordering::Relaxed);
        match self.kept(&question) {
            Some(answered) => slot.fill(Ok(answered)),
            None => self.put(New { id, question, sink: Sink::Slot(slot.clone()) }),
        }
        Ticket { slot, id, shared: self.shared.clone() }
    }

    /// Asks a question whose outcome will be among those [`completed`](Self::completed), or is there already.
    pub fn submit(&self, question: Question) -> Result<Answered, u64> {
        let id = self.ids.fetch_add(1, Ordering::Relaxed);
        match self.kept(&question) {
            Some(answered) => Ok(answered),
            None => {
                self.put(New { id, question, sink: Sink::Queue(id) });
                Err(id)
            }
        }
    }

    /// Gives up a question.
    pub fn cancel(&self, id: u64) {
        self.shared.cancel(id);
    }

    /// The outcomes of submitted questions since the last call.
    pub fn completed(&self) -> Vec<(u64, Result<Answered, Closed>)> {
        self.shared.queue.take()
    }

    /// Becomes readable when there are outcomes of submitted questions.
    pub fn signal(&self) -> RawFd {
        self.shared.queue.reader.as_raw_fd()
    }

    /// Asks for many numbers, no more than `window` of them at a time.
    pub fn ask_many(
        &self,
        numbers: Vec<Option<Number>>,
        apex: &Apex,
        window: usize,
        lenient: bool,
    ) -> JobHandle {
        let (job, handle) = Job::new(numbers, apex.clone(), window, lenient);
        let mut inbox = lock(&self.shared.inbox);
        if inbox.is_closing {
            job.finish(true);
        } else {
            inbox.jobs.push(job);
            drop(inbox);
            let _ = self.shared.waker.wake();
        }
        handle
    }

    /// What is known of each server.
    pub fn states(&self) -> Vec<PeerState> {
        lock(&self.shared.states).clone()
    }

    /// How many single questions have no outcome yet.
    pub fn open(&self) -> usize {
        self.shared.open.load(Ordering::Relaxed)
    }

    /// How many answers are kept.
    pub fn kept_answers(&self) -> usize {
        lock(&self.shared.cache).len()
    }

    /// Forgets the answers that are kept.
    pub fn forget(&self) {
        lock(&self.shared.cache).clear();
    }

    /// Ends the thread; whoever waits is told.
    pub fn close(&self) {
        if std::process::id() != self.process {
            // In a forked child there is no such thread. Its handle may by now be that of another, which must be
            // neither waited for nor detached.
            std::mem::forget(lock(&self.thread).take());
            return;
        }
        lock(&self.shared.inbox).is_closing = true;
        let _ = self.shared.waker.wake();
        if let Some(thread) = lock(&self.thread).take() {
            let _ = thread.join();
        }
    }

    fn kept(&self, question: &Question) -> Option<Answered> {
        if !self.caches {
            return None;
        }
        let (outcome, age) = lock(&self.shared.cache).get(question, self.shared.now())?;
        Some(Answered { outcome, cached: Some(age) })
    }

    fn put(&self, new: New) {
        let mut inbox = lock(&self.shared.inbox);
        if inbox.is_closing {
            drop(inbox);
            return new.sink.give(&self.shared, Err(Closed));
        }
        self.shared.open.fetch_add(1, Ordering::Relaxed);
        inbox.new.push(new);
        // One call wakes the thread for all that have come by then.
        let is_first = inbox.new.len() == 1;
        drop(inbox);
        if is_first {
            let _ = self.shared.waker.wake();
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.close();
    }
}

impl Shared {
    fn cancel(&self, id: u64) {
        lock(&self.inbox).cancelled.push(id);
        let _ = self.waker.wake();
    }
}

//----------- Ticket ---------------------------------------------------------

/// A question that somebody waits for; dropped, it is given up.
pub struct Ticket {
    slot: Arc<Slot>,
    id: u64,
    shared: Arc<Shared>,
}

impl Ticket {
    /// What came of it; `None`: nothing within `timeout`.
    pub fn wait(&self, timeout: Duration) -> Option<Result<Answered, Closed>> {
        self.slot.wait(timeout)
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if self.slot.wait(Duration::ZERO).is_none() {
            self.shared.cancel(self.id);
        }
    }
}
