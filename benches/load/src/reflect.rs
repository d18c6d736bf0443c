//! Reflectors: what it costs to receive and send, and nothing else.

use std::io::{self, Read, Write};
use std::net::{SocketAddrV4, TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsFd;
use std::str::FromStr;
use std::thread;
use std::time::Duration;

use crate::lanes::Stream;
use crate::reply::Reply;
use crate::sys::{self, BATCH, Datagram, Inbox, MESSAGE_OCTETS, Outbox, Wait};

/// Coalesced datagrams by one call: each may hold a thousand queries.
const COALESCED_BATCH: usize = 8;

/// How long datagrams are let gather, and of how many they need not be more.
const REST: Duration = Duration::from_micros(50);
const MANY: usize = 32;

/// How a reflector receives and sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// One call for each datagram.
    Single,
    /// recvmmsg and sendmmsg.
    Batch,
    /// As `Batch`, replies of one size to one peer as one message (UDP_SEGMENT).
    Segment,
    /// As `Segment`, and coalesced input is taken (UDP_GRO).
    Gro,
    /// As `Segment`, and what is to come is let gather.
    Gather,
    /// io_uring, 64 operations under way.
    Uring,
    /// TCP: all queries that a read gives, one write.
    Tcp,
}

/// The modes by their names.
pub const MODES: [(&str, Mode); 7] = [
    ("single", Mode::Single),
    ("batch", Mode::Batch),
    ("segment", Mode::Segment),
    ("gro", Mode::Gro),
    ("gather", Mode::Gather),
    ("uring", Mode::Uring),
    ("tcp", Mode::Tcp),
];

impl FromStr for Mode {
    type Err = String;

    fn from_str(text: &str) -> Result<Mode, String> {
        let found = MODES.iter().find(|(name, _)| *name == text);
        found.map(|(_, mode)| *mode).ok_or_else(|| format!("there is no mode {text}"))
    }
}

/// Reflects on a socket until the system refuses.
///
/// # Errors
///
/// The system's.
pub fn udp(mode: Mode, socket: &UdpSocket) -> io::Result<()> {
    let reply = Reply::new();
    sys::ask_for_room(socket.as_fd(), 4 << 20)?;
    match mode {
        Mode::Single => single(socket, &reply),
        Mode::Uring => sys::reflect_by_ring(socket, |octets, length| reply.append(octets, length)),
        Mode::Batch => batched(socket, Inbox::new(BATCH, false), None, |inbox, outbox| {
            for Datagram { peer, octets, .. } in inbox.datagrams() {
                if reply.length(octets).is_some() {
                    outbox.push(Some(peer), |buffer| reply.write(octets, buffer).unwrap_or_default());
                }
            }
        }),
        Mode::Gro => {
            sys::take_coalesced(socket.as_fd())?;
            segmented(socket, Inbox::new(COALESCED_BATCH, true), None, &reply)
        }
        Mode::Gather => {
            sys::sleep_precisely()?;
            segmented(socket, Inbox::new(BATCH, false), Some(REST), &reply)
        }
        Mode::Segment | Mode::Tcp => segmented(socket, Inbox::new(BATCH, false), None, &reply),
    }
}

fn single(socket: &UdpSocket, reply: &Reply) -> io::Result<()> {
    let mut octets = [0; MESSAGE_OCTETS];
    loop {
        let (length, peer) = socket.recv_from(&mut octets)?;
        if let Some(length) = reply.append(&mut octets, length) {
            // A peer that is gone costs only its reply.
            let _ = socket.send_to(&octets[..length], peer);
        }
    }
}

fn batched(
    socket: &UdpSocket,
    mut inbox: Inbox,
    rest: Option<Duration>,
    mut respond: impl FnMut(&Inbox, &mut Outbox),
) -> io::Result<()> {
    let mut outbox = Outbox::new();
    loop {
        match inbox.receive(socket.as_fd(), Wait::ForOne) {
            Ok(count) => {
                respond(&inbox, &mut outbox);
                outbox.send(socket.as_fd());
                if let Some(rest) = rest.filter(|_| (2..MANY).contains(&count)) {
                    thread::sleep(rest);
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn segmented(socket: &UdpSocket, inbox: Inbox, rest: Option<Duration>, reply: &Reply) -> io::Result<()> {
    let mut groups = Groups::default();
    batched(socket, inbox, rest, |inbox, outbox| {
        for Datagram { peer, octets, segment } in inbox.datagrams() {
            for query in octets.chunks(segment) {
                if let Some(size) = reply.length(query) {
                    groups.add(peer, size, query);
                }
            }
        }
        for group in groups.used() {
            outbox.push_segments(Some(group.peer), group.size, group.count, |index, buffer| {
                let query = &group.queries[index * MESSAGE_OCTETS..];
                let _ = reply.write(query, buffer);
            });
        }
        groups.clear();
    })
}

//----------- Groups ---------------------------------------------------------

/// The queries of a batch whose replies may travel together: same peer, same size.
#[derive(Default)]
struct Groups {
    groups: Vec<Group>,
    count: usize,
}

struct Group {
    peer: SocketAddrV4,
    size: usize,
    /// Queries in places of [`MESSAGE_OCTETS`].
    queries: Vec<u8>,
    count: usize,
}

impl Groups {
    fn add(&mut self, peer: SocketAddrV4, size: usize, query: &[u8]) {
        let used = &self.groups[..self.count];
        let same =
            |group: &Group| group.peer.port() == peer.port() && group.size == size && group.peer == peer;
        let place = used.iter().position(same).unwrap_or_else(|| {
            if self.count == self.groups.len() {
                self.groups.push(Group { peer, size, queries: Vec::new(), count: 0 });
            }
            let group = &mut self.groups[self.count];
            (group.peer, group.size, group.count) = (peer, size, 0);
            self.count += 1;
            self.count - 1
        });
        let group = &mut self.groups[place];
        let start = group.count * MESSAGE_OCTETS;
        if group.queries.len() < start + MESSAGE_OCTETS {
            group.queries.resize(2 * (start + MESSAGE_OCTETS), 0);
        }
        let query = &query[..query.len().min(MESSAGE_OCTETS)];
        group.queries[start..start + query.len()].copy_from_slice(query);
        group.count += 1;
    }

    fn used(&self) -> &[Group] {
        &self.groups[..self.count]
    }

    fn clear(&mut self) {
        self.count = 0;
    }
}

//----------- TCP ------------------------------------------------------------

/// Reflects on every connection by one thread, until the system refuses.
///
/// # Errors
///
/// The system's.
pub fn tcp(listener: &TcpListener) -> io::Result<()> {
    let reply = Reply::new();
    let mut readiness = sys::Readiness::new()?;
    readiness.watch(listener.as_fd(), 0)?;
    let mut connections: Vec<Option<(TcpStream, Stream)>> = Vec::new();
    let (mut ready, mut out) = (Vec::new(), Vec::new());
    loop {
        ready.extend(readiness.wait(Duration::from_secs(1))?);
        for number in ready.drain(..) {
            if number == 0 {
                let (stream, _) = listener.accept()?;
                stream.set_nodelay(true)?;
                connections.push(Some((stream, Stream::default())));
                if let Some(Some((stream, _))) = connections.last() {
                    readiness.watch(stream.as_fd(), connections.len())?;
                }
            } else if let Some(place) = connections.get_mut(number - 1) {
                let goes_on = place.as_mut().is_some_and(|(stream, input)| {
                    exchange(stream, input, &reply, &mut out).unwrap_or_default()
                });
                if !goes_on {
                    *place = None;
                }
            }
        }
    }
}

/// One read, all replies, one write. Says whether the connection goes on.
fn exchange(
    stream: &mut (impl Read + Write),
    input: &mut Stream,
    reply: &Reply,
    out: &mut Vec<u8>,
) -> io::Result<bool> {
    if input.read_from(stream)? == 0 {
        return Ok(false);
    }
    out.clear();
    input.messages(|query| {
        if let Some(length) = reply.length(query) {
            let start = out.len() + 2;
            out.extend_from_slice(&(length as u16).to_be_bytes());
            out.resize(start + length, 0);
            let _ = reply.write(query, &mut out[start..]);
        }
    });
    stream.write_all(out)?;
    Ok(true)
}
