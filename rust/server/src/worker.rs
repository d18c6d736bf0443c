//! What all workers share: the state in force, the word to stop, and how a message is answered.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};

use numdip_core::respond::batch::Asked;
use numdip_core::respond::{Session, Transport};
use tokio::sync::watch;

use crate::acl::Access;
use crate::current::{Current, State};
use crate::metrics::Traffic;

//----------- Shared ---------------------------------------------------------

/// One per server, seen by every worker.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) current: Current,
    stopping: AtomicBool,
    stop: watch::Sender<bool>,
}

impl Shared {
    pub(crate) fn new(state: State) -> Shared {
        Shared {
            current: Current::new(state),
            stopping: AtomicBool::new(false),
            stop: watch::Sender::new(false),
        }
    }

    /// Tells every worker to answer what it has received and to end.
    pub(crate) fn raise_stop(&self) {
        self.stopping.store(true, Ordering::Release);
        self.stop.send_replace(true);
    }

    /// Whether the workers are to end; for loops that come by often.
    pub(crate) fn stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    /// Resolves when the workers are to end; for tasks that wait.
    pub(crate) async fn stopped(&self) {
        // An error would mean that the sender is gone, and it is a field of `self`.
        let _ = self.stop.subscribe().wait_for(|stop| *stop).await;
    }
}

//----------- respond --------------------------------------------------------

/// Answers one message for a peer with `access`, and counts what became of it. `None` is silence.
pub(crate) fn respond(
    session: &Session<'_>,
    access: Access,
    request: &[u8],
    transport: Transport,
    out: &mut [u8],
    counts: &mut Traffic,
) -> Option<usize> {
    let permitted = access == Access::Permit;
    respond_with(|out| session.respond(request, permitted, transport, out), access, out, counts)
}

/// Looks up the numbers of messages that came together, for [`respond_to`]. A panic costs none of them: what
/// was not looked up is when it is answered.
pub(crate) fn look_up(session: &Session<'_>, asked: &mut [Asked<'_>]) {
    // Unwind safe: the session is immutable, and each message is looked up or not.
    let _ = catch_unwind(AssertUnwindSafe(|| session.look_up(asked)));
}

/// [`respond`] to a message that may have been looked up.
pub(crate) fn respond_to(
    session: &Session<'_>,
    access: Access,
    asked: &Asked<'_>,
    transport: Transport,
    out: &mut [u8],
    counts: &mut Traffic,
) -> Option<usize> {
    respond_with(|out| session.respond_to(asked, transport, out), access, out, counts)
}

/// Answers with any responder.
///
/// A panic while answering costs this one message: it is counted, reported by the panic hook, and the worker
/// goes on, because a message that brings the server down would come again.
fn respond_with(
    ask: impl FnOnce(&mut [u8]) -> Option<usize>,
    access: Access,
    out: &mut [u8],
    counts: &mut Traffic,
) -> Option<usize> {
    if access == Access::Drop {
        counts.dropped_acl += 1;
        return None;
    }
    // Unwind safe: the responder is immutable, and what `out` holds after a panic is not sent.
    match catch_unwind(AssertUnwindSafe(|| ask(&mut *out))) {
        Ok(Some(length)) => {
            counts.count_response(out);
            Some(length)
        }
        Ok(None) => {
            counts.dropped_silent += 1;
            None
        }
        Err(_) => {
            counts.panicked += 1;
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panic_costs_one_message_and_is_counted() {
        let mut counts = Traffic::default();
        let mut out = [0; 12];
        let panicking = |_: &mut [u8]| panic!("on purpose");
        assert_eq!(None, respond_with(panicking, Access::Permit, &mut out, &mut counts));
        assert_eq!(Some(12), respond_with(|_| Some(12), Access::Permit, &mut out, &mut counts));
        assert_eq!((1, 1), (counts.panicked, counts.noerror));
    }

    #[test]
    fn those_to_be_dropped_are_not_asked_about() {
        let mut counts = Traffic::default();
        let asked = |_: &mut [u8]| panic!("the access list comes first");
        assert_eq!(None, respond_with(asked, Access::Drop, &mut [0; 12], &mut counts));
        assert_eq!((1, 0), (counts.dropped_acl, counts.panicked));
    }

    #[test]
    fn response_codes_and_truncation_are_counted_by_the_header() {
        let mut counts = Traffic::default();
        for codes in 0..=15 {
            let write = |out: &mut [u8]| {
                out.copy_from_slice(&[0, 0, 0x82, 0xf0 | codes, 0, 0, 0, 0, 0, 0, 0, 0]);
                Some(12)
            };
            respond_with(write, Access::Refuse, &mut [0; 12], &mut counts);
        }
        let Traffic { noerror, servfail, nxdomain, refused, other, truncated, .. } = counts;
        assert_eq!((1, 1, 1, 1, 12, 16), (noerror, servfail, nxdomain, refused, other, truncated));
    }
}
