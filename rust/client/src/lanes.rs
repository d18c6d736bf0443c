//! UDP sockets: connected, so that the kernel drops what comes from elsewhere, at ports that nobody can guess.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use mio::net::UdpSocket;
use mio::{Interest, Registry, Token};
use numdip_core::exchange::Question;

use crate::entropy::Entropy;
use crate::worker::Key;

/// Sockets of one server that are in use at once.
const LANES: usize = 16;
/// Questions that one socket sends before another takes its place.
const USES: u32 = 4096;
/// Questions without an answer that one socket has at most: far fewer than there are ids.
const MAX_FLIGHTS: usize = 4096;
/// Octets that wait to be read, as far as the system allows.
const RECEIVE_BUFFER: usize = 1 << 20;

//----------- Lane -----------------------------------------------------------

/// One socket and the questions that went through it.
pub(crate) struct Lane {
    pub(crate) socket: UdpSocket,
    pub(crate) peer: usize,
    pub(crate) flights: HashMap<u16, Flight>,
    used: u32,
    is_retired: bool,
}

/// A question without an answer. It stays after its call is over: an answer that comes late says that the
/// server lives, and how quick it is.
pub(crate) struct Flight {
    pub(crate) question: Arc<Question>,
    pub(crate) call: Key,
    pub(crate) attempt: u16,
    pub(crate) sent: Duration,
}

//----------- Lanes ----------------------------------------------------------

/// All sockets. A lane's place is its token.
pub(crate) struct Lanes {
    addresses: Vec<SocketAddr>,
    lanes: Vec<Option<Lane>>,
    /// For each server the lanes that questions go through.
    in_use: Vec<[Option<usize>; LANES]>,
}

impl Lanes {
    pub(crate) fn new(addresses: Vec<SocketAddr>) -> Self {
        let in_use = vec![[None; LANES]; addresses.len()];
        Self { addresses, lanes: Vec::new(), in_use }
    }

    pub(crate) fn get(&mut self, place: usize) -> Option<&mut Lane> {
        self.lanes.get_mut(place)?.as_mut()
    }

    /// A lane for the next question to a server, drawn at random; its place and an id that is free there.
    pub(crate) fn pick(
        &mut self,
        peer: usize,
        registry: &Registry,
        entropy: &mut Entropy,
    ) -> io::Result<(usize, u16)> {
        let slot = usize::from(entropy.number()?) % LANES;
        let known = self.in_use.get(peer).and_then(|lanes| lanes.get(slot)).copied().flatten();
        let is_good = |lane: &Lane| lane.used < USES && lane.flights.len() < MAX_FLIGHTS;
        let usable = known.filter(|place| self.get(*place).is_some_and(|lane| is_good(lane)));
        let place = match usable {
            Some(place) => place,
            None => match self.open(peer, registry, entropy) {
                Ok(place) => {
                    if let Some(old) = known.and_then(|old| self.get(old)) {
                        old.is_retired = true;
                    }
                    if let Some(slot) = self.in_use.get_mut(peer).and_then(|lanes| lanes.get_mut(slot)) {
                        *slot = Some(place);
                    }
                    place
                }
                // Without another socket, as where too many files are open, one that there is has to do.
                Err(error) => {
                    let lanes = self.in_use.get(peer).into_iter().flatten().copied().flatten();
                    let mut lanes: Vec<usize> = lanes.collect();
                    lanes.retain(|place| {
                        self.get(*place).is_some_and(|lane| lane.flights.len() < MAX_FLIGHTS)
                    });
                    *lanes.first().ok_or(error)?
                }
            },
        };
        let lane = self.get(place).ok_or(io::ErrorKind::NotFound)?;
        // At most one id in sixteen is taken.
        let mut id = entropy.number()?;
        while lane.flights.contains_key(&id) {
            id = entropy.number()?;
        }
        lane.used += 1;
        Ok((place, id))
    }

    fn open(&mut self, peer: usize, registry: &Registry, entropy: &mut Entropy) -> io::Result<usize> {
        let address = self.addresses.get(peer).copied().ok_or(io::ErrorKind::NotFound)?;
        let socket = bind_to_random_port(address, entropy)?;
        // What the system gives is enough for a single question.
        let _ = socket2::SockRef::from(&socket).set_recv_buffer_size(RECEIVE_BUFFER);
        socket.set_nonblocking(true)?;
        socket.connect(address)?;
        let mut socket = UdpSocket::from_std(socket);
        let place = match self.lanes.iter().position(Option::is_none) {
            Some(place) => place,
            None => {
                self.lanes.push(None);
                self.lanes.len() - 1
            }
        };
        registry.register(&mut socket, Token(place), Interest::READABLE)?;
        let lane = Lane { socket, peer, flights: HashMap::new(), used: 0, is_retired: false };
        if let Some(slot) = self.lanes.get_mut(place) {
            *slot = Some(lane);
        }
        Ok(place)
    }

    /// Closes a lane whose socket is of no use any more, and gives what was in flight.
    pub(crate) fn close(&mut self, place: usize, registry: &Registry) -> Option<Lane> {
        for slot in self.in_use.iter_mut().flatten().filter(|slot| **slot == Some(place)) {
            *slot = None;
        }
        let mut lane = self.lanes.get_mut(place)?.take()?;
        let _ = registry.deregister(&mut lane.socket);
        Some(lane)
    }

    /// Forgets questions that were sent before `time`, and closes retired sockets that have none left.
    pub(crate) fn sweep(&mut self, time: Duration, registry: &Registry) {
        let mut empty = Vec::new();
        for (place, lane) in self.lanes.iter_mut().enumerate() {
            let Some(lane) = lane else { continue };
            lane.flights.retain(|_, flight| flight.sent >= time);
            if lane.is_retired && lane.flights.is_empty() {
                empty.push(place);
            }
        }
        for place in empty {
            self.close(place, registry);
        }
    }

    /// Whether there is anything to sweep.
    pub(crate) fn is_quiet(&self) -> bool {
        self.lanes.iter().flatten().all(|lane| lane.flights.is_empty() && !lane.is_retired)
    }
}

/// A socket at a port that cannot be guessed (RFC 5452 §9.2). Kernels draw ports from a smaller range.
fn bind_to_random_port(to: SocketAddr, entropy: &mut Entropy) -> io::Result<std::net::UdpSocket> {
    let any = match to {
        SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    for _ in 0..8 {
        let port = entropy.number()?;
        if port < 1024 {
            continue;
        }
        // In use, or forbidden.
        if let Ok(socket) = std::net::UdpSocket::bind((any, port)) {
            return Ok(socket);
        }
    }
    std::net::UdpSocket::bind((any, 0))
}
