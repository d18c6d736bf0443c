//! Options of sockets, and waiting for several of them.

#![allow(unsafe_code)]

use std::ffi::{c_int, c_void};
use std::io;
use std::marker::PhantomData;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::time::Duration;

//----------- Socket options -------------------------------------------------

/// Asks for the address that each datagram was sent to, for sockets bound to a wildcard address.
///
/// # Errors
///
/// The system's.
pub(crate) fn report_destinations(socket: BorrowedFd<'_>, bound: SocketAddr) -> io::Result<()> {
    match bound {
        SocketAddr::V4(_) => set_option(socket, libc::IPPROTO_IP, libc::IP_PKTINFO, 1),
        SocketAddr::V6(_) => set_option(socket, libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO, 1),
    }
}

/// Sends without path MTU discovery, so that forged ICMP messages cannot shrink what we send
/// (RFC 9715 §3.1, R2); our answers fit every IPv6 link anyway.
///
/// # Errors
///
/// The system's; answers are right without the option, too.
pub(crate) fn keep_path_mtu_out(socket: BorrowedFd<'_>, bound: SocketAddr) -> io::Result<()> {
    match bound {
        SocketAddr::V4(_) => {
            set_option(socket, libc::IPPROTO_IP, libc::IP_MTU_DISCOVER, libc::IP_PMTUDISC_OMIT)
        }
        SocketAddr::V6(_) => {
            set_option(socket, libc::IPPROTO_IPV6, libc::IPV6_MTU_DISCOVER, libc::IPV6_PMTUDISC_OMIT)
        }
    }
}

/// Asks for datagrams of one peer that came together as one message (UDP_GRO; Linux 5.0).
///
/// # Errors
///
/// The system's; without the option each comes by itself.
pub(crate) fn take_segments(socket: BorrowedFd<'_>) -> io::Result<()> {
    set_option(socket, libc::SOL_UDP, libc::UDP_GRO, 1)
}

/// Whether the kernel cuts messages into datagrams (UDP_SEGMENT; Linux 4.18). One that does not know the
/// control message would send what is to be cut as one datagram.
pub(crate) fn cuts_segments(socket: BorrowedFd<'_>) -> bool {
    let mut value: c_int = 0;
    let mut length = size_of::<c_int>() as libc::socklen_t;
    // SAFETY: the addresses of two live integers; the kernel writes at most the size given, and keeps neither.
    let found = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_UDP,
            libc::UDP_SEGMENT,
            (&raw mut value).cast(),
            &raw mut length,
        )
    };
    found == 0
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

//----------- Readiness ------------------------------------------------------

/// Waits for any of several sockets.
pub(crate) struct Readiness<'a> {
    watched: Vec<libc::pollfd>,
    /// The sockets stay open while their descriptors are watched.
    sockets: PhantomData<&'a [UdpSocket]>,
}

impl<'a> Readiness<'a> {
    pub(crate) fn new(sockets: &'a [UdpSocket]) -> Readiness<'a> {
        let watch = |fd: RawFd| libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
        Readiness {
            watched: sockets.iter().map(|socket| watch(socket.as_raw_fd())).collect(),
            sockets: PhantomData,
        }
    }

    /// Waits until a socket has something to read or report, or for `timeout`. Gives, for each socket in
    /// order, whether it has.
    ///
    /// # Errors
    ///
    /// The system's.
    pub(crate) fn wait(&mut self, timeout: Duration) -> io::Result<impl Iterator<Item = bool> + '_> {
        let milliseconds = c_int::try_from(timeout.as_millis()).unwrap_or(c_int::MAX);
        let length = self.watched.len() as libc::nfds_t;
        // SAFETY: `length` initialised entries, borrowed by us alone; the kernel writes their `revents`.
        match unsafe { libc::poll(self.watched.as_mut_ptr(), length, milliseconds) } {
            -1 => Err(io::Error::last_os_error()),
            _ => Ok(self.watched.iter().map(|entry| entry.revents != 0)),
        }
    }
}
