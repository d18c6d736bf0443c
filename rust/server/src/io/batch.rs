//! Batches of datagrams: one recvmmsg, one sendmmsg, buffers allocated once and never cleared.
//!
//! ```text
//! receive(socket) ──> answer(|request, reply| length) for each ──> send(socket)
//! ```
//!
//! Answers of one length to one peer leave as one message that the kernel cuts (see [`groups`](super::groups)).
//!
//! With its neighbours the only file of this crate with `unsafe`. What makes it sound is kept together here: the
//! kernel is given addresses into memory that [`Batch`] owns, and no reference into that memory lives across a call.

#![allow(unsafe_code)]

use std::ffi::c_uint;
use std::io;
use std::mem;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr::{self, NonNull};

use numdip_core::respond::MAX_UDP_RESPONSE;

use super::control::{CONTROL_OCTETS, Control, Local, add_segment, source, turn_round};
use super::groups::{BATCH, Groups};
use super::socket::cuts_segments;

/// Octets kept of a datagram. A query with one question and its EDNS options is a few hundred.
const REQUEST_OCTETS: usize = 4096;

//----------- Slot -----------------------------------------------------------

/// The memory of one datagram and of the answer to it.
#[repr(C, align(64))]
struct Slot {
    peer: libc::sockaddr_storage,
    control: Control,
    request_part: libc::iovec,
    request: [u8; REQUEST_OCTETS],
    reply: [u8; MAX_UDP_RESPONSE],
}

// An odd number of cache lines: were it a large power of two, the beginnings of all slots, which is what
// short messages use, would compete for a few sets of the first-level cache.
const _: () = assert!((size_of::<Slot>() / 64) % 2 == 1);

//----------- Batch ----------------------------------------------------------

/// Buffers and headers for up to 64 datagrams in and as many out. Belongs to the thread that made it.
pub(crate) struct Batch {
    /// `BATCH` slots, from `Box::into_raw`; freed by `Drop`. Reached through this pointer only, so that
    /// the addresses in the headers below stay valid.
    slots: NonNull<Slot>,
    /// One header per slot, for receiving into it.
    incoming: Vec<libc::mmsghdr>,
    /// One header per slot, for sending its reply; it has no parts yet.
    outgoing: Vec<libc::mmsghdr>,
    /// One per slot: where its reply lies, and how long it is.
    replies: Vec<libc::iovec>,
    /// Where each answer goes: to whom, from which address, with how many octets of control.
    ways: [Way; BATCH],
    /// Which answers go together.
    groups: Groups,
    /// The answers' places and lengths, those of one group next to each other. Its room never moves.
    parts: Vec<libc::iovec>,
    /// The messages to send, one for each group.
    queue: Vec<libc::mmsghdr>,
    /// For each message, what sending its answers one by one takes.
    apart: Vec<Apart>,
    /// Whether the kernel cuts messages into datagrams; unknown before the first are sent.
    cuts: Option<bool>,
    /// How many slots the last receive filled.
    count: usize,
}

/// Where an answer goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Way {
    peer: Option<SocketAddr>,
    local: Local,
    control: usize,
}

impl Way {
    fn hash(&self) -> u32 {
        let address = match self.peer.map(|peer| peer.ip()) {
            None => 0,
            Some(IpAddr::V4(address)) => address.to_bits(),
            Some(IpAddr::V6(address)) => {
                let bits = address.to_bits();
                (bits ^ bits >> 32 ^ bits >> 64 ^ bits >> 96) as u32
            }
        };
        address ^ u32::from(self.peer.map_or(0, |peer| peer.port())).wrapping_mul(0x0101_0101)
    }
}

/// A message's answers, for sending them one by one.
#[derive(Clone, Copy, Debug)]
struct Apart {
    /// Where they begin among the parts, and how many they are.
    start: usize,
    count: usize,
    /// Octets of control without the message that has them cut.
    control: usize,
}

/// Whether [`Batch::receive`] waits for the first datagram (as long as the socket's read timeout).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wait {
    /// Until one is there; then takes what else is there.
    ForOne,
    /// Takes what is there.
    No,
}

/// A datagram as it came.
pub(crate) struct Request<'a> {
    /// Who sent it; `None` if the system gave an address of another family.
    pub(crate) source: Option<SocketAddr>,
    /// What it holds; cut if `oversized`.
    pub(crate) octets: &'a [u8],
    /// It was longer than the buffer.
    pub(crate) oversized: bool,
}

//--- Life

impl Batch {
    pub(crate) fn new() -> Batch {
        // SAFETY: a slot is C structures of integers and pointers, and arrays of octets; all of these may be
        // zero.
        let slots: Box<[Slot]> = (0..BATCH).map(|_| unsafe { mem::zeroed() }).collect();
        let slots: *mut [Slot] = Box::into_raw(slots);
        // SAFETY: `Box::into_raw` never gives null.
        let slots = unsafe { NonNull::new_unchecked(slots.cast::<Slot>()) };
        let mut batch = Batch {
            slots,
            incoming: Vec::with_capacity(BATCH),
            outgoing: Vec::with_capacity(BATCH),
            replies: Vec::with_capacity(BATCH),
            ways: [Way::default(); BATCH],
            groups: Groups::new(),
            parts: Vec::with_capacity(BATCH),
            queue: Vec::with_capacity(BATCH),
            apart: Vec::with_capacity(BATCH),
            cuts: None,
            count: 0,
        };
        for index in 0..BATCH {
            let (incoming, outgoing, reply) = headers(batch.slot(index));
            batch.incoming.push(incoming);
            batch.outgoing.push(outgoing);
            batch.replies.push(reply);
        }
        batch
    }

    /// The slot's address; `index` is taken below `BATCH`.
    fn slot(&self, index: usize) -> *mut Slot {
        // Within the allocation by the remainder, whoever calls.
        self.slots.as_ptr().wrapping_add(index % BATCH)
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        let slots = ptr::slice_from_raw_parts_mut(self.slots.as_ptr(), BATCH);
        // SAFETY: this is the pointer and the length that `new` got from `Box::into_raw`, given back once;
        // the headers that hold addresses into it are never used again.
        drop(unsafe { Box::from_raw(slots) });
    }
}

/// The two headers of a slot, and where its reply lies. Sets the slot's own pointer to its request.
fn headers(slot: *mut Slot) -> (libc::mmsghdr, libc::mmsghdr, libc::iovec) {
    // Addresses without references: they keep the allocation's provenance and outlive every reference made
    // into the slot later.
    let field = |offset: usize| slot.wrapping_byte_add(offset);
    let peer = field(mem::offset_of!(Slot, peer));
    let control = field(mem::offset_of!(Slot, control));
    let request = field(mem::offset_of!(Slot, request));
    let reply = field(mem::offset_of!(Slot, reply));
    let request_part = field(mem::offset_of!(Slot, request_part)).cast::<libc::iovec>();
    // SAFETY: the address of a field of a live slot (`Batch::slot`), aligned as that; no reference to it exists.
    unsafe { request_part.write(libc::iovec { iov_base: request.cast(), iov_len: REQUEST_OCTETS }) };

    // SAFETY: a C structure of integers and pointers; the C library's private padding wants zero.
    let mut outgoing: libc::mmsghdr = unsafe { mem::zeroed() };
    outgoing.msg_hdr.msg_name = peer.cast();
    outgoing.msg_hdr.msg_control = control.cast();
    let mut incoming = outgoing;
    incoming.msg_hdr.msg_iov = request_part;
    incoming.msg_hdr.msg_iovlen = 1;
    offer_room(&mut incoming.msg_hdr);
    (incoming, outgoing, libc::iovec { iov_base: reply.cast(), iov_len: 0 })
}

/// Tells the kernel how much room a header's name and control buffers have; it overwrites both.
fn offer_room(header: &mut libc::msghdr) {
    header.msg_namelen = size_of::<libc::sockaddr_storage>() as libc::socklen_t;
    header.msg_controllen = CONTROL_OCTETS as _;
}

//--- Receiving, answering, sending

impl Batch {
    /// Receives up to a batch of datagrams in place of the ones held, and gives their number.
    ///
    /// # Errors
    ///
    /// The system's; `WouldBlock` if nothing came. Nothing is held then.
    pub(crate) fn receive(&mut self, socket: BorrowedFd<'_>, wait: Wait) -> io::Result<usize> {
        for header in self.incoming.iter_mut().take(self.count.max(1)) {
            offer_room(&mut header.msg_hdr);
        }
        self.count = 0;
        self.queue.clear();
        self.cuts.get_or_insert_with(|| cuts_segments(socket));
        let flags = match wait {
            Wait::ForOne => libc::MSG_WAITFORONE,
            Wait::No => libc::MSG_DONTWAIT,
        };
        let headers = self.incoming.as_mut_ptr();
        // SAFETY: `headers` are BATCH initialised headers. Each one's name, control and part point into a slot
        // that lives as long as `self`, with the sizes of those fields, and no reference into the slots exists:
        // `answer` ends all that it makes. The kernel writes within those sizes and keeps no address.
        let received = unsafe {
            libc::recvmmsg(socket.as_raw_fd(), headers, BATCH as c_uint, flags as _, ptr::null_mut())
        };
        self.count = usize::try_from(received).map_err(|_| io::Error::last_os_error())?;
        Ok(self.count)
    }

    /// Shows each datagram received to `respond`, which writes its answer to the buffer given and says how
    /// long it is, or `None` for silence. The answers are queued for [`Batch::send`].
    pub(crate) fn answer(&mut self, mut respond: impl FnMut(Request<'_>, &mut [u8]) -> Option<usize>) {
        self.groups.clear();
        let cuts = self.cuts == Some(true);
        for index in 0..self.count {
            let slot = self.slot(index);
            let Some(incoming) = self.incoming.get(index) else { break };
            // SAFETY: a live slot, reached by nothing else while this reference lives: it ends with this pass of
            // the loop, and only system calls use the addresses in the headers. Octets that the kernel did not
            // write are zero or an older message's, so all of it is initialised.
            let slot = unsafe { &mut *slot };
            let received = usize::try_from(incoming.msg_len).unwrap_or(usize::MAX).min(REQUEST_OCTETS);
            let request = Request {
                source: source(&slot.peer, incoming.msg_hdr.msg_namelen),
                octets: slot.request.get(..received).unwrap_or_default(),
                oversized: incoming.msg_hdr.msg_flags & libc::MSG_TRUNC != 0,
            };
            let Some(length) = respond(request, &mut slot.reply) else { continue };

            // Never more than the buffer has, whatever `respond` says: the kernel will read that much.
            let length = length.min(MAX_UDP_RESPONSE);
            if let Some(reply) = self.replies.get_mut(index) {
                reply.iov_len = length;
            }
            let peer = source(&slot.peer, incoming.msg_hdr.msg_namelen);
            let (control, local) = turn_round(&incoming.msg_hdr);
            let way = Way { peer, local, control };
            let same = |other: usize| cuts && peer.is_some() && self.ways.get(other) == Some(&way);
            self.groups.add(index, length, way.hash(), same);
            if let Some(place) = self.ways.get_mut(index) {
                *place = way;
            }
        }
        self.queue_groups();
    }

    /// Makes a message of each group.
    fn queue_groups(&mut self) {
        self.queue.clear();
        self.apart.clear();
        self.parts.clear();
        for group in self.groups.iter() {
            self.parts.extend(group.indices().filter_map(|index| self.replies.get(index)));
        }
        let parts = self.parts.as_mut_ptr();
        let mut start = 0;
        for group in self.groups.iter() {
            let (first, count) = (group.first(), group.count());
            let (Some(incoming), Some(outgoing), Some(way)) =
                (self.incoming.get(first), self.outgoing.get(first), self.ways.get(first))
            else {
                return;
            };
            let mut outgoing = *outgoing;
            // Within `parts`: all groups together have as many answers as it has parts.
            outgoing.msg_hdr.msg_iov = parts.wrapping_add(start);
            outgoing.msg_hdr.msg_iovlen = count as _;
            outgoing.msg_hdr.msg_namelen = incoming.msg_hdr.msg_namelen;
            outgoing.msg_hdr.msg_controllen = way.control as _;
            if count > 1 {
                // SAFETY: a live slot, reached by nothing else while this reference lives, which ends here.
                let control = unsafe { &mut (*self.slot(first)).control };
                // There is room for the two messages that there can be.
                let with_length = add_segment(control, way.control, group.length()).unwrap_or(way.control);
                outgoing.msg_hdr.msg_controllen = with_length as _;
            }
            self.queue.push(outgoing);
            self.apart.push(Apart { start, count, control: way.control });
            start += count;
        }
    }

    /// Sends the answers queued and gives the number that could not be sent. The queue is empty then.
    ///
    /// A full send buffer blocks for the socket's write timeout and then fails all that is left, since the
    /// next would not fare better. Any other failure is one peer's (no route, a firewall) and costs only it.
    pub(crate) fn send(&mut self, socket: BorrowedFd<'_>) -> u64 {
        let mut failed = 0;
        let mut next = 0;
        while let Some(rest) = self.queue.get_mut(next..).filter(|rest| !rest.is_empty()) {
            let length = rest.len() as c_uint;
            // SAFETY: `rest` are initialised headers, copied from `outgoing`: name and control point into live slots
            // with lengths at most those fields' sizes, parts to as many initialised entries of `self.parts`, whose
            // addresses and lengths are those of live slots' replies. No reference into any of them exists (see
            // `receive`). The kernel reads those and writes only each header's `msg_len`.
            let sent = unsafe { libc::sendmmsg(socket.as_raw_fd(), rest.as_mut_ptr(), length, 0) };
            match usize::try_from(sent) {
                Ok(sent) if sent > 0 => next += sent,
                _ => match io::Error::last_os_error().raw_os_error() {
                    Some(libc::EINTR) => {}
                    Some(libc::EAGAIN | libc::ENOBUFS | libc::ENOMEM) => {
                        let left = self.apart.get(next..).unwrap_or_default();
                        failed += left.iter().map(|message| message.count as u64).sum::<u64>();
                        break;
                    }
                    error => {
                        failed += self.send_apart(socket, next, error);
                        next += 1;
                    }
                },
            }
        }
        self.queue.clear();
        failed
    }

    /// Sends the answers of a message one by one, since the kernel refused it as a whole with `error`. Gives
    /// the number that could not be sent.
    fn send_apart(&mut self, socket: BorrowedFd<'_>, message: usize, error: Option<i32>) -> u64 {
        let (Some(header), Some(apart)) = (self.queue.get(message), self.apart.get(message)) else {
            return 0;
        };
        if apart.count == 1 {
            return 1;
        }
        // What a device or a system that cannot cut says of every message; other errors are about this one.
        if matches!(error, Some(libc::EIO | libc::EOPNOTSUPP | libc::ENOPROTOOPT)) {
            self.cuts = Some(false);
        }
        let mut header = header.msg_hdr;
        header.msg_iovlen = 1;
        header.msg_controllen = apart.control as _;
        let mut failed = 0;
        for part in apart.start..apart.start + apart.count {
            header.msg_iov = self.parts.as_mut_ptr().wrapping_add(part);
            // SAFETY: as in `send`, with one part.
            let sent = unsafe { libc::sendmsg(socket.as_raw_fd(), &raw const header, 0) };
            failed += u64::from(sent < 0);
        }
        failed
    }
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;
    use std::os::fd::AsFd;
    use std::time::Duration;

    use super::*;
    use crate::io::report_destinations;

    /// Sends datagrams of these lengths to a socket bound to `bound` and receives them.
    fn received(bound: &str, peer: &str, lengths: &[usize]) -> (UdpSocket, UdpSocket, Batch) {
        let bound: SocketAddr = bound.parse().unwrap();
        let (socket, client) = (UdpSocket::bind(bound).unwrap(), UdpSocket::bind(peer).unwrap());
        report_destinations(socket.as_fd(), bound).unwrap();
        let to = SocketAddr::new(client.local_addr().unwrap().ip(), socket.local_addr().unwrap().port());
        for &length in lengths {
            client.send_to(&vec![7; length], to).unwrap();
        }
        let mut batch = Batch::new();
        if !lengths.is_empty() {
            assert_eq!(lengths.len().min(BATCH), batch.receive(socket.as_fd(), Wait::ForOne).unwrap());
        }
        (socket, client, batch)
    }

    #[test]
    fn datagrams_come_with_source_length_and_whether_they_were_cut() {
        let lengths = [0, 1, 600, REQUEST_OCTETS, REQUEST_OCTETS + 1, 60_000];
        let (_socket, client, mut batch) = received("127.0.0.1:0", "127.0.0.1:0", &lengths);
        let from = client.local_addr().unwrap();
        let mut seen = Vec::new();
        batch.answer(|request, _| {
            assert_eq!(Some(from), request.source);
            assert!(request.octets.iter().all(|&octet| octet == 7));
            seen.push((request.octets.len(), request.oversized));
            None
        });
        let cut = (REQUEST_OCTETS, true);
        assert_eq!(vec![(0, false), (1, false), (600, false), (REQUEST_OCTETS, false), cut, cut], seen);
    }

    #[test]
    fn answers_leave_in_order_and_silence_leaves_no_gap() {
        let (socket, client, mut batch) = received("127.0.0.1:0", "127.0.0.1:0", &[1; 10]);
        let mut number = 0;
        batch.answer(|_, reply| {
            number += 1;
            reply.fill(number);
            (number % 2 == 0).then_some(usize::from(number))
        });
        assert_eq!(0, batch.send(socket.as_fd()));
        for number in [2_u8, 4, 6, 8, 10] {
            let mut octets = [0; 64];
            let length = client.recv(&mut octets).unwrap();
            assert_eq!(vec![number; number.into()], octets[..length]);
        }
    }

    /// Answers of a batch, each of these lengths and filled with its number, as `client` receives them.
    fn exchanged(
        socket: &UdpSocket,
        client: &UdpSocket,
        batch: &mut Batch,
        lengths: &[usize],
    ) -> Vec<Vec<u8>> {
        client.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        assert_eq!(0, batch.send(socket.as_fd()));
        let mut received: Vec<Vec<u8>> = lengths
            .iter()
            .map(|_| {
                let mut octets = [0; 2_000];
                let length = client.recv(&mut octets).unwrap();
                octets[..length].to_vec()
            })
            .collect();
        received.sort();
        received
    }

    fn answer_numbered(batch: &mut Batch, lengths: &[usize]) -> Vec<Vec<u8>> {
        let mut number = 0;
        batch.answer(|_, reply| {
            number += 1;
            reply.fill(number as u8);
            Some(lengths[number - 1])
        });
        (1..).zip(lengths).map(|(number, length)| vec![number; *length]).collect()
    }

    #[test]
    fn answers_of_one_length_to_one_peer_leave_as_one_message() {
        let lengths = [100, 40, 100, 1_232, 40, 100, 1_232];
        for (bound, peer) in
            [("127.0.0.1:0", "127.0.0.1:0"), ("0.0.0.0:0", "127.0.0.1:0"), ("[::]:0", "[::1]:0")]
        {
            let (socket, client, mut batch) = received(bound, peer, &[1; 7]);
            let expected = answer_numbered(&mut batch, &lengths);
            assert_eq!(Some(true), batch.cuts, "this system cuts messages");
            assert_eq!(3, batch.queue.len());
            assert_eq!(expected, exchanged(&socket, &client, &mut batch, &lengths), "{bound}");
        }
    }

    #[test]
    fn answers_of_a_refused_message_leave_one_by_one() {
        let (socket, client, mut batch) = received("0.0.0.0:0", "127.0.0.1:0", &[1; 10]);
        let expected = answer_numbered(&mut batch, &[200; 10]);
        assert_eq!(1, batch.queue.len());
        // Cut so small, there would be more datagrams than the system makes of a message.
        let used = batch.apart[0].control;
        let first = batch.slot(0);
        // SAFETY: a live slot, reached by nothing else while this reference lives.
        add_segment(unsafe { &mut (*first).control }, used, 1).unwrap();
        assert_eq!(expected, exchanged(&socket, &client, &mut batch, &[200; 10]));
        assert_eq!(Some(true), batch.cuts);
    }

    #[test]
    fn answers_to_different_peers_or_from_different_addresses_do_not_mix() {
        let (socket, client, mut batch) = received("0.0.0.0:0", "127.0.0.1:0", &[]);
        let other = UdpSocket::bind("127.0.0.1:0").unwrap();
        let port = socket.local_addr().unwrap().port();
        for (from, to) in [(&client, [127, 0, 0, 1]), (&other, [127, 0, 0, 1]), (&client, [127, 0, 0, 2])] {
            for _ in 0..2 {
                from.send_to(&[7], (IpAddr::from(to), port)).unwrap();
            }
        }
        assert_eq!(6, batch.receive(socket.as_fd(), Wait::ForOne).unwrap());
        batch.answer(|_, _| Some(30));
        assert_eq!(3, batch.queue.len());
        assert_eq!(0, batch.send(socket.as_fd()));
        let mut sources: Vec<IpAddr> =
            (0..4).map(|_| client.recv_from(&mut [0; 64]).unwrap().1.ip()).collect();
        sources.sort();
        let [one, two] = [IpAddr::from([127, 0, 0, 1]), IpAddr::from([127, 0, 0, 2])];
        assert_eq!(vec![one, one, two, two], sources);
    }

    #[test]
    fn answers_in_both_families_say_where_they_come_from() {
        for (bound, peer) in [("0.0.0.0:0", "127.0.0.1:0"), ("[::]:0", "[::1]:0")] {
            let (_socket, _client, mut batch) = received(bound, peer, &[1, 1]);
            let mut length = 0;
            batch.answer(|_, _| {
                length += 1;
                Some(length)
            });
            assert_eq!(2, batch.queue.len());
            assert!(batch.queue.iter().all(|header| header.msg_hdr.msg_controllen > 0), "{bound}");
        }
    }

    #[test]
    fn more_than_a_batch_waits_for_the_next() {
        let (socket, _client, mut batch) = received("127.0.0.1:0", "127.0.0.1:0", &[1; BATCH + 3]);
        assert_eq!(3, batch.receive(socket.as_fd(), Wait::No).unwrap());
        let nothing = batch.receive(socket.as_fd(), Wait::No).unwrap_err();
        assert_eq!(io::ErrorKind::WouldBlock, nothing.kind());
        batch.answer(|_, _| panic!("nothing is held"));
    }

    #[test]
    fn answer_that_cannot_be_sent_costs_only_itself() {
        let (socket, client, mut batch) = received("127.0.0.1:0", "127.0.0.1:0", &[1; 3]);
        answer_numbered(&mut batch, &[7, 8, 9]);
        // A name that is no address: the system refuses it.
        batch.queue[1].msg_hdr.msg_namelen = 1;
        assert_eq!(1, batch.send(socket.as_fd()));
        for length in [7, 9] {
            assert_eq!(length, client.recv(&mut [0; 64]).unwrap());
        }
    }
}
