//! Why a server did not start, in one line that names the address and the mend.

use std::fmt;
use std::io;
use std::net::SocketAddr;

//----------- Protocol -------------------------------------------------------

/// Over what an address is served; written after it, as in `127.0.0.1:5300/udp`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// Datagrams.
    Udp,
    /// Connections.
    Tcp,
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Protocol::Udp => "udp",
            Protocol::Tcp => "tcp",
        })
    }
}

//----------- StartError -----------------------------------------------------

/// Why a server did not start. Nothing of it is left running.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The list of addresses is empty.
    #[error("no address to listen on: name at least one, for example 127.0.0.1:5300")]
    NoAddress,
    /// One address is listed more than once.
    #[error("{address} is listed twice: remove one of the two")]
    Twice {
        /// The address.
        address: SocketAddr,
    },
    /// More workers than a server can use.
    #[error("{workers} workers are too many: use at most {most}, or 0 for one per CPU")]
    TooManyWorkers {
        /// The number asked for.
        workers: usize,
        /// The largest possible.
        most: usize,
    },
    /// A limit for TCP is zero or beyond what is possible.
    #[error("TCP limit {name} is {found}: use {expected}")]
    Limit {
        /// The field of [`TcpLimits`](crate::TcpLimits).
        name: &'static str,
        /// Its value.
        found: String,
        /// What it may be.
        expected: &'static str,
    },
    /// Somebody else has the port, possibly another numdip server.
    #[error("{address}/{protocol} is in use by another program: stop it or listen on another port")]
    InUse {
        /// The address.
        address: SocketAddr,
        /// The protocol whose port it is.
        protocol: Protocol,
    },
    /// The port needs a privilege.
    #[error(
        "no permission to listen on {address}/{protocol}: ports below 1024 need root or CAP_NET_BIND_SERVICE, \
         or listen on another port"
    )]
    Permission {
        /// The address.
        address: SocketAddr,
        /// The protocol that was tried.
        protocol: Protocol,
    },
    /// No interface has the address.
    #[error(
        "{address}/{protocol} is not an address of this machine: use one that it has, \
         or {} for all of them",
        wildcard(address)
    )]
    NotOurs {
        /// The address.
        address: SocketAddr,
        /// The protocol that was tried.
        protocol: Protocol,
    },
    /// The machine has no IPv6, or no IPv4.
    #[error(
        "{address}/{protocol} cannot be served: this machine has no {}; switch it on or remove the address",
        family(address)
    )]
    NoFamily {
        /// The address.
        address: SocketAddr,
        /// The protocol that was tried.
        protocol: Protocol,
    },
    /// An address that holds on one link only, and the link is not named.
    #[error(
        "{address}/{protocol} is a link-local address without its interface: \
         write the interface's index with it, as in [fe80::1%2]:5300"
    )]
    NoInterface {
        /// The address.
        address: SocketAddr,
        /// The protocol that was tried.
        protocol: Protocol,
    },
    /// Too many files are open for another socket.
    #[error(
        "too many open files to listen on {address}/{protocol}: raise the limit (ulimit -n) or use fewer workers"
    )]
    TooManyFiles {
        /// The address.
        address: SocketAddr,
        /// The protocol that was tried.
        protocol: Protocol,
    },
    /// The system chose ports for port 0 and each was taken for the other protocol.
    #[error("no port of {address} is free for both UDP and TCP: name a port instead of 0")]
    NoCommonPort {
        /// The address with port 0.
        address: SocketAddr,
    },
    /// Anything else that a socket may suffer.
    #[error("cannot listen on {address}/{protocol}: {source}")]
    Socket {
        /// The address.
        address: SocketAddr,
        /// The protocol that was tried.
        protocol: Protocol,
        /// What the system says.
        source: io::Error,
    },
    /// A thread, or what it needs, could not be had.
    #[error(
        "cannot start thread {name}: {source}: use fewer workers or raise the limits on threads and open files"
    )]
    Thread {
        /// The thread's name, such as `udp-3`.
        name: String,
        /// What the system says.
        source: io::Error,
    },
}

impl StartError {
    /// Names what `source` means for someone who wants to listen on `address`.
    pub(crate) fn socket(address: SocketAddr, protocol: Protocol, source: io::Error) -> StartError {
        match source.raw_os_error() {
            Some(libc::EADDRINUSE) => StartError::InUse { address, protocol },
            Some(libc::EACCES | libc::EPERM) => StartError::Permission { address, protocol },
            Some(libc::EADDRNOTAVAIL) => StartError::NotOurs { address, protocol },
            Some(libc::EAFNOSUPPORT) => StartError::NoFamily { address, protocol },
            Some(libc::EINVAL) if lacks_interface(address) => StartError::NoInterface { address, protocol },
            Some(libc::EMFILE | libc::ENFILE) => StartError::TooManyFiles { address, protocol },
            _ => StartError::Socket { address, protocol, source },
        }
    }
}

fn wildcard(address: &SocketAddr) -> &'static str {
    if address.is_ipv4() { "0.0.0.0" } else { "[::]" }
}

fn family(address: &SocketAddr) -> &'static str {
    if address.is_ipv4() { "IPv4" } else { "IPv6" }
}

fn lacks_interface(address: SocketAddr) -> bool {
    match address {
        SocketAddr::V4(_) => false,
        SocketAddr::V6(address) => address.ip().is_unicast_link_local() && address.scope_id() == 0,
    }
}
