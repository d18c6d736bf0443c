//! What the workers serve at this moment, swapped whole.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use arc_swap::{ArcSwap, Guard};
use numdip_core::respond::Responder;

use crate::acl::Acl;

//----------- State ----------------------------------------------------------

/// All that an answer depends on.
#[derive(Clone)]
pub struct State {
    /// The protocol's brain over one snapshot.
    pub responder: Arc<Responder>,
    /// Who is answered.
    pub acl: Arc<Acl>,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State").field("acl", &self.acl).finish_non_exhaustive()
    }
}

//----------- Current --------------------------------------------------------

/// The [`State`] in force. Readers take no lock; one look serves a whole batch.
#[derive(Debug)]
pub(crate) struct Current {
    state: ArcSwap<State>,
}

impl Current {
    pub(crate) fn new(state: State) -> Current {
        Current { state: ArcSwap::from_pointee(state) }
    }

    /// The state in force; hold it for one batch, never while waiting for a socket.
    pub(crate) fn load(&self) -> Guard<Arc<State>> {
        self.state.load()
    }

    /// Puts `state` in force and waits until no batch works with its predecessor.
    ///
    /// After that every answer comes from the new state, and the old one dies here: unmapping gigabytes
    /// takes milliseconds, which the caller of a reload has and a worker has not. A worker that is held up
    /// for longer than the wait finishes its batch with the old state and lets it go itself.
    pub(crate) fn replace(&self, state: State) {
        const STEP: Duration = Duration::from_micros(200);
        const STEPS: u32 = 2500;
        let old = self.state.swap(Arc::new(state));
        // `swap` has turned every reader's hold into a counted one: the count is the truth.
        for _ in 0..STEPS {
            if Arc::strong_count(&old) == 1 {
                break;
            }
            thread::sleep(STEP);
        }
    }
}
