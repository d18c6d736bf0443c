//! Places for TCP connections: as many as the server's limit, shared by all TCP workers.
//!
//! When every place is taken, the connection that has been waiting longest for a query gives its up. That
//! favours peers that ask over peers that only hold on, which is what exhausting a server by open connections
//! amounts to.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::futures::Notified;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time;

/// The connection is being answered or waits for its peer to read: not to be evicted.
const BUSY: u64 = 0;

/// The connection has been told to end.
const EVICTED: u64 = u64::MAX;

/// How long a newcomer waits for an evicted connection to end. It ends when its worker comes to it.
const PATIENCE: Duration = Duration::from_millis(100);

//----------- Places ---------------------------------------------------------

/// All places of a server.
#[derive(Debug)]
pub(crate) struct Places {
    slots: Vec<Arc<Slot>>,
    /// Slots without a connection; as many as `permits` has, save for moments.
    free: Mutex<Vec<Arc<Slot>>>,
    permits: Arc<Semaphore>,
    /// What times are counted from.
    epoch: Instant,
}

#[derive(Debug, Default)]
struct Slot {
    /// [`BUSY`], [`EVICTED`], or since when the connection waits for a query, in ns after the epoch.
    waiting_since: AtomicU64,
    nudge: Notify,
}

impl Places {
    pub(crate) fn new(number: usize) -> Arc<Places> {
        let slots: Vec<Arc<Slot>> = (0..number).map(|_| Arc::default()).collect();
        Arc::new(Places {
            free: Mutex::new(slots.clone()),
            slots,
            permits: Arc::new(Semaphore::new(number)),
            epoch: Instant::now(),
        })
    }

    /// A place for a new connection; `None` if all are taken and none of their holders is waiting.
    pub(crate) async fn admit(self: &Arc<Self>) -> Option<Place> {
        let permits = Arc::clone(&self.permits);
        let permit = match Arc::clone(&permits).try_acquire_owned() {
            Ok(permit) => permit,
            Err(_) => {
                self.evict()?;
                time::timeout(PATIENCE, permits.acquire_owned()).await.ok()?.ok()?
            }
        };
        let slot = self.free.lock().unwrap_or_else(PoisonError::into_inner).pop()?;
        let place = Place { places: Arc::clone(self), slot, _permit: permit };
        place.waiting();
        Some(place)
    }

    /// Tells the connection that has been waiting longest to end.
    fn evict(&self) -> Option<()> {
        // Another worker may evict the same one, or a query may come for it: look again, a few times.
        for _ in 0..8 {
            let waiting = self.slots.iter().filter_map(|slot| {
                let since = slot.waiting_since.load(Ordering::Acquire);
                (since != BUSY && since != EVICTED).then_some((since, slot))
            });
            let (since, slot) = waiting.min_by_key(|&(since, _)| since)?;
            let evict =
                slot.waiting_since.compare_exchange(since, EVICTED, Ordering::AcqRel, Ordering::Relaxed);
            if evict.is_ok() {
                slot.nudge.notify_one();
                return Some(());
            }
        }
        None
    }

    /// Makes every connection look up, to see that the server stops.
    pub(crate) fn nudge_all(&self) {
        for slot in &self.slots {
            slot.nudge.notify_one();
        }
    }
}

//----------- Place ----------------------------------------------------------

/// One connection's place, given back by dropping it.
#[derive(Debug)]
pub(crate) struct Place {
    places: Arc<Places>,
    slot: Arc<Slot>,
    _permit: OwnedSemaphorePermit,
}

impl Place {
    /// Marks the connection as waiting for a query from now on.
    pub(crate) fn waiting(&self) {
        let since = u64::try_from(self.places.epoch.elapsed().as_nanos()).unwrap_or(EVICTED - 1);
        self.mark(since.clamp(BUSY + 1, EVICTED - 1));
    }

    /// Marks the connection as not to be evicted.
    pub(crate) fn busy(&self) {
        self.mark(BUSY);
    }

    /// Whether the connection is to end to make room.
    pub(crate) fn evicted(&self) -> bool {
        self.slot.waiting_since.load(Ordering::Acquire) == EVICTED
    }

    /// Resolves when the connection is to look whether it is evicted or the server stops. It may resolve
    /// without a reason: a nudge that came too late for the place's last holder is found by the next.
    pub(crate) fn nudged(&self) -> Notified<'_> {
        self.slot.nudge.notified()
    }

    /// An eviction stays, whatever is marked after it.
    fn mark(&self, value: u64) {
        let state = &self.slot.waiting_since;
        let old = state.load(Ordering::Acquire);
        if old != EVICTED {
            // Fails only for an eviction in between.
            let _ = state.compare_exchange(old, value, Ordering::AcqRel, Ordering::Relaxed);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.slot.waiting_since.store(BUSY, Ordering::Release);
        self.places.free.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&self.slot));
        // The permit goes after this, so whoever gets it finds the slot.
    }
}
