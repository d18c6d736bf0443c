//! Addresses to sockets: first whether they are free, then one socket per worker.
//!
//! Workers share a port by SO_REUSEPORT, and that lets any program of the same user join in: two servers
//! started by mistake would each get a part of the queries, in silence. So every address is first bound
//! without it, which fails if anybody has the port, and given back; then the workers' sockets are bound.

use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::os::fd::AsFd;

use socket2::{Domain, Socket, Type};

use crate::error::{Protocol, StartError};
use crate::io::{keep_path_mtu_out, report_destinations, take_segments};
use crate::udp::{SEND_PATIENCE, TICK};

/// How often a port chosen by the system is given back because somebody has it for the other protocol.
const PORT_TRIES: usize = 32;

/// Octets of socket buffer asked for, for bursts while a worker is busy. The system gives what its
/// net.core.rmem_max and wmem_max allow.
const UDP_BUFFER: usize = 4 << 20;

/// Octets of socket buffer per TCP connection and direction. Without a limit the system lets it grow to
/// megabytes for a peer that does not read.
const TCP_BUFFER: usize = 256 << 10;

/// Connections that may wait to be accepted. The system's net.core.somaxconn may lower it.
const BACKLOG: i32 = 1024;

//----------- Free addresses -------------------------------------------------

/// Checks that nobody has the addresses, and chooses the ports where 0 is asked for.
///
/// The addresses come back in order, each with the port that UDP and TCP are both to have.
pub(crate) fn free_addresses(listen: &[SocketAddr]) -> Result<Vec<SocketAddr>, StartError> {
    if listen.is_empty() {
        return Err(StartError::NoAddress);
    }
    let mut free: Vec<SocketAddr> = Vec::with_capacity(listen.len());
    // Named ports first: what the system chooses must not be one of them.
    for &address in listen.iter().filter(|address| address.port() != 0) {
        if free.contains(&address) {
            return Err(StartError::Twice { address });
        }
        probe(address)?;
        free.push(address);
    }
    let mut chosen = Vec::new();
    for &address in listen.iter().filter(|address| address.port() == 0) {
        let port = choose(address, &free)?;
        free.push(port);
        chosen.push(port);
    }
    let mut chosen = chosen.into_iter();
    let in_order = |&address: &SocketAddr| match address.port() {
        0 => chosen.next().unwrap_or(address),
        _ => address,
    };
    Ok(listen.iter().map(in_order).collect())
}

/// Lets the system choose a port that is free for both protocols and not in `taken`.
fn choose(address: SocketAddr, taken: &[SocketAddr]) -> Result<SocketAddr, StartError> {
    // Held until a port is found, so that the system does not offer the same one again.
    let mut declined = Vec::new();
    for _ in 0..PORT_TRIES {
        let (udp, candidate) = probe_udp(address)?;
        if !taken.contains(&candidate) {
            match probe_tcp(candidate) {
                Ok(()) => return Ok(candidate),
                Err(StartError::InUse { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        declined.push(udp);
    }
    Err(StartError::NoCommonPort { address })
}

/// Checks that nobody has the address for either protocol.
fn probe(address: SocketAddr) -> Result<(), StartError> {
    probe_udp(address)?;
    probe_tcp(address)
}

/// Binds a UDP socket that will not share, and gives it with the address it got.
fn probe_udp(address: SocketAddr) -> Result<(Socket, SocketAddr), StartError> {
    let bind = || {
        let socket = open(address, Protocol::Udp)?;
        socket.bind(&address.into())?;
        let bound = local_address(&socket)?;
        Ok((socket, bound))
    };
    bind().map_err(|error| StartError::socket(address, Protocol::Udp, error))
}

/// Binds a TCP socket that shares only with what is left of closed connections (TIME_WAIT).
fn probe_tcp(address: SocketAddr) -> Result<(), StartError> {
    let bind = || {
        let socket = open(address, Protocol::Tcp)?;
        socket.set_reuse_address(true)?;
        socket.bind(&address.into())
    };
    bind().map_err(|error| StartError::socket(address, Protocol::Tcp, error))
}

//----------- Workers' sockets -----------------------------------------------

/// A UDP socket for one worker. It blocks, for one tick when reading.
pub(crate) fn udp_socket(address: SocketAddr) -> Result<UdpSocket, StartError> {
    let bind = || {
        let socket = open(address, Protocol::Udp)?;
        socket.set_reuse_port(true)?;
        if address.ip().is_unspecified() {
            report_destinations(socket.as_fd(), address)?;
        }
        socket.set_read_timeout(Some(TICK))?;
        socket.set_write_timeout(Some(SEND_PATIENCE))?;
        // For the better, not for correctness: a system that refuses them is served all the same.
        let _ = keep_path_mtu_out(socket.as_fd(), address);
        let _ = take_segments(socket.as_fd());
        let _ = socket.set_recv_buffer_size(UDP_BUFFER);
        let _ = socket.set_send_buffer_size(UDP_BUFFER);
        socket.bind(&address.into())?;
        Ok(socket.into())
    };
    bind().map_err(|error| StartError::socket(address, Protocol::Udp, error))
}

/// A listening TCP socket for one worker, non-blocking. Connections inherit its options.
pub(crate) fn tcp_listener(address: SocketAddr) -> Result<TcpListener, StartError> {
    let listen = || {
        let socket = open(address, Protocol::Tcp)?;
        socket.set_reuse_address(true)?;
        socket.set_reuse_port(true)?;
        // Answers are gathered before they are written; holding them back gains nothing.
        socket.set_tcp_nodelay(true)?;
        let _ = socket.set_recv_buffer_size(TCP_BUFFER);
        let _ = socket.set_send_buffer_size(TCP_BUFFER);
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        Ok(socket.into())
    };
    listen().map_err(|error| StartError::socket(address, Protocol::Tcp, error))
}

fn open(address: SocketAddr, protocol: Protocol) -> io::Result<Socket> {
    let (kind, number) = match protocol {
        Protocol::Udp => (Type::DGRAM, socket2::Protocol::UDP),
        Protocol::Tcp => (Type::STREAM, socket2::Protocol::TCP),
    };
    let socket = Socket::new(Domain::for_address(address), kind, Some(number))?;
    if address.is_ipv6() {
        // [::] and 0.0.0.0 are listed, and limited, each for itself.
        socket.set_only_v6(true)?;
    }
    Ok(socket)
}

fn local_address(socket: &Socket) -> io::Result<SocketAddr> {
    socket.local_addr()?.as_socket().ok_or_else(|| io::ErrorKind::AddrNotAvailable.into())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ports_the_system_chooses_are_chosen_once() {
        // So many that it offers some of them again.
        let listen = vec![SocketAddr::from(([127, 0, 0, 1], 0)); 1000];
        let free = free_addresses(&listen).unwrap();
        assert_eq!(1000, free.into_iter().collect::<HashSet<_>>().len());
    }
}
