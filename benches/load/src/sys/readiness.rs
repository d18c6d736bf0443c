//! Which of several sockets have something to read.

use std::ffi::c_int;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::time::Duration;

/// An epoll descriptor over sockets, each with a number of the caller's.
pub struct Readiness {
    descriptor: OwnedFd,
    events: Vec<libc::epoll_event>,
}

impl Readiness {
    /// # Errors
    ///
    /// The system's.
    pub fn new() -> io::Result<Readiness> {
        // SAFETY: no argument is an address.
        let descriptor = unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) };
        if descriptor < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: a descriptor that was made above and that nobody else has.
        let descriptor = unsafe { OwnedFd::from_raw_fd(descriptor) };
        Ok(Readiness { descriptor, events: vec![libc::epoll_event { events: 0, u64: 0 }; 256] })
    }

    /// Watches a socket for input under a number; it ends when the socket is closed.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn watch(&self, socket: BorrowedFd<'_>, number: usize) -> io::Result<()> {
        let mut event = libc::epoll_event { events: libc::EPOLLIN as u32, u64: number as u64 };
        let (epoll, socket) = (self.descriptor.as_raw_fd(), socket.as_raw_fd());
        // SAFETY: the address of a live event, which the kernel copies.
        match unsafe { libc::epoll_ctl(epoll, libc::EPOLL_CTL_ADD, socket, &raw mut event) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }

    /// The numbers of the sockets that have something, after waiting for one for so long at most.
    ///
    /// # Errors
    ///
    /// The system's, but not an interruption: nothing is ready then.
    pub fn wait(&mut self, patience: Duration) -> io::Result<impl Iterator<Item = usize> + '_> {
        let milliseconds = c_int::try_from(patience.as_millis()).unwrap_or(c_int::MAX);
        let (events, length) = (self.events.as_mut_ptr(), self.events.len() as c_int);
        // SAFETY: the address of `length` initialised events that `self` owns; the kernel writes as many at most.
        let count = unsafe { libc::epoll_wait(self.descriptor.as_raw_fd(), events, length, milliseconds) };
        let count = match usize::try_from(count) {
            Ok(count) => count,
            Err(_) => match io::Error::last_os_error() {
                error if error.kind() == io::ErrorKind::Interrupted => 0,
                error => return Err(error),
            },
        };
        Ok(self.events.iter().take(count).map(|event| event.u64 as usize))
    }
}
