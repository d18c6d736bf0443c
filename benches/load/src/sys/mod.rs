//! Batched socket calls and io_uring: the only place of this crate with `unsafe`.
//!
//! What makes it sound is the same everywhere: the kernel is given addresses into buffers that the
//! value making the call owns, with lengths within them, and either keeps none of them after the call
//! (`datagrams`) or they stay where they are until the ring is gone (`ring`).

#![allow(unsafe_code)]

mod datagrams;
mod readiness;
mod ring;

use std::ffi::{c_int, c_void};
use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::{AsRawFd, BorrowedFd};

pub use datagrams::{BATCH, Datagram, Inbox, Outbox, Wait};
pub use readiness::Readiness;
pub use ring::reflect as reflect_by_ring;

/// Octets that a reply or query may have.
pub const MESSAGE_OCTETS: usize = 512;

/// Lets the socket take segments of one peer as one datagram (UDP_GRO).
///
/// # Errors
///
/// The system's.
pub fn take_coalesced(socket: BorrowedFd<'_>) -> io::Result<()> {
    set_option(socket, libc::SOL_UDP, libc::UDP_GRO, 1)
}

/// Asks for room of so many octets in both directions; the system gives what it permits.
///
/// # Errors
///
/// The system's.
pub fn ask_for_room(socket: BorrowedFd<'_>, octets: c_int) -> io::Result<()> {
    set_option(socket, libc::SOL_SOCKET, libc::SO_RCVBUF, octets)?;
    set_option(socket, libc::SOL_SOCKET, libc::SO_SNDBUF, octets)
}

fn set_option(socket: BorrowedFd<'_>, level: c_int, name: c_int, value: c_int) -> io::Result<()> {
    let address: *const c_void = (&raw const value).cast();
    let length = size_of::<c_int>() as libc::socklen_t;
    // SAFETY: the address of a live integer, and its size; the kernel reads it and keeps nothing.
    match unsafe { libc::setsockopt(socket.as_raw_fd(), level, name, address, length) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Has this thread's sleeps end within a microsecond; by default the kernel takes 50.
///
/// # Errors
///
/// The system's.
pub fn sleep_precisely() -> io::Result<()> {
    // SAFETY: no argument is an address.
    match unsafe { libc::prctl(libc::PR_SET_TIMERSLACK, 1_000_usize) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// CPU time that this process has used, in seconds.
pub fn cpu_seconds() -> f64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the address of a live timespec, which the kernel fills.
    unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &raw mut time) };
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// Runs this thread on one CPU only.
///
/// # Errors
///
/// The system's: no such CPU, or not permitted.
pub fn pin(cpu: usize) -> io::Result<()> {
    let mut set = [0_u64; 16];
    let word = set.get_mut(cpu / 64).ok_or(io::ErrorKind::InvalidInput)?;
    *word = 1 << (cpu % 64);
    // SAFETY: the address and size of a live array of bits, which is what the call reads.
    match unsafe { libc::sched_setaffinity(0, size_of_val(&set), set.as_ptr().cast()) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

fn no_address() -> libc::sockaddr_in {
    libc::sockaddr_in { sin_family: 0, sin_port: 0, sin_addr: libc::in_addr { s_addr: 0 }, sin_zero: [0; 8] }
}

fn address_of(peer: &libc::sockaddr_in) -> SocketAddrV4 {
    SocketAddrV4::new(Ipv4Addr::from(u32::from_be(peer.sin_addr.s_addr)), u16::from_be(peer.sin_port))
}
