//! Many questions at once: so many in flight, each row's outcome in its place.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use numdip_core::apex::Apex;
use numdip_core::exchange::{Outcome, Question};
use numdip_core::number::Number;

use crate::rows::Rows;
use crate::shared::{Closed, lock};

//----------- Progress -------------------------------------------------------

/// What the caller and the worker share of a job.
#[derive(Default)]
struct Progress {
    done: AtomicUsize,
    is_cancelled: AtomicBool,
    result: Mutex<Option<Result<Rows, Closed>>>,
    finished: Condvar,
}

/// A job that the worker has; dropped, it is given up.
pub struct JobHandle(Arc<Progress>);

impl JobHandle {
    /// How many rows have an outcome.
    pub fn done(&self) -> usize {
        self.0.done.load(Ordering::Relaxed)
    }

    /// The rows, once all have an outcome; `None` after `timeout`.
    pub fn wait(&self, timeout: Duration) -> Option<Result<Rows, Closed>> {
        let result = lock(&self.0.result);
        let waited = self.0.finished.wait_timeout_while(result, timeout, |result| result.is_none());
        let (mut result, _) = waited.unwrap_or_else(PoisonError::into_inner);
        result.take()
    }
}

impl Drop for JobHandle {
    fn drop(&mut self) {
        self.0.is_cancelled.store(true, Ordering::Relaxed);
    }
}

//----------- Job ------------------------------------------------------------

/// A job as the worker has it.
pub(crate) struct Job {
    numbers: Vec<Option<Number>>,
    apex: Apex,
    lenient: bool,
    /// How many questions may be in flight.
    pub(crate) window: usize,
    pub(crate) in_flight: usize,
    next: usize,
    rows: Rows,
    progress: Arc<Progress>,
}

impl Job {
    pub(crate) fn new(
        numbers: Vec<Option<Number>>,
        apex: Apex,
        window: usize,
        lenient: bool,
    ) -> (Self, JobHandle) {
        let progress = Arc::<Progress>::default();
        let rows = Rows::new(numbers.len());
        let handle = JobHandle(progress.clone());
        (
            Self { numbers, apex, lenient, window: window.max(1), in_flight: 0, next: 0, rows, progress },
            handle,
        )
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.progress.is_cancelled.load(Ordering::Relaxed)
    }

    /// Whether there is room for a question, and one to ask.
    pub(crate) fn wants(&self) -> bool {
        self.in_flight < self.window && self.next < self.numbers.len()
    }

    /// Whether every row has its outcome.
    pub(crate) fn is_done(&self) -> bool {
        self.in_flight == 0 && self.next >= self.numbers.len()
    }

    /// The next question and its row; rows without a number are settled on the way.
    pub(crate) fn next(&mut self) -> Option<(usize, Question)> {
        while let Some(number) = self.numbers.get(self.next) {
            let row = self.next;
            self.next += 1;
            match number.map(|number| Question::of_number(number, &self.apex)) {
                Some(Ok(question)) => {
                    self.in_flight += 1;
                    return Some((row, question));
                }
                Some(Err(_)) | None => {
                    self.rows.set_invalid(row);
                    self.progress.done.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
        None
    }

    pub(crate) fn take(&mut self, row: usize, outcome: &Outcome) {
        self.in_flight -= 1;
        if let Some(Some(number)) = self.numbers.get(row) {
            self.rows.set(row, *number, outcome, self.lenient);
        }
        self.progress.done.fetch_add(1, Ordering::Relaxed);
    }

    /// Hands the rows over, or says that there are none.
    pub(crate) fn finish(self, is_closed: bool) {
        let result = if is_closed { Err(Closed) } else { Ok(self.rows) };
        *lock(&self.progress.result) = Some(result);
        self.progress.finished.notify_all();
    }
}
