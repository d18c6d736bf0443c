//! Batches of datagrams: one recvmmsg, one sendmmsg, buffers allocated once and never cleared.
//!
//! ```text
//! receive(socket) ──> answer(|request, reply| length) for each ──> send(socket)
//! ```
//!
//! The only file of this crate with `unsafe`. What makes it sound is kept together here: the kernel is
//! given addresses into memory that [`Batch`] owns, and no reference into that memory lives across a call.

#![allow(unsafe_code)]

use std::ffi::{c_int, c_uint, c_void};
use std::io;
use std::marker::PhantomData;
use std::mem;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, SocketAddrV6, UdpSocket};
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::ptr::{self, NonNull};
use std::time::Duration;

use numdip_core::respond::MAX_UDP_RESPONSE;

/// Datagrams per system call. Beyond some dozens the call's own cost no longer shows.
const BATCH: usize = 64;

/// Octets kept of a datagram. A query with one question and its EDNS options is a few hundred.
const REQUEST_OCTETS: usize = 4096;

/// Room for one control message; the larger, IPv6's, takes 40 octets.
const CONTROL_OCTETS: usize = 64;

//----------- Slot -----------------------------------------------------------

/// The memory of one datagram and of the answer to it.
#[repr(C, align(64))]
struct Slot {
    peer: libc::sockaddr_storage,
    control: Control,
    request_part: libc::iovec,
    reply_part: libc::iovec,
    request: [u8; REQUEST_OCTETS],
    reply: [u8; MAX_UDP_RESPONSE],
}

#[repr(C, align(16))]
struct Control([u8; CONTROL_OCTETS]);

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
    /// One header per slot, for sending its reply.
    outgoing: Vec<libc::mmsghdr>,
    /// The headers to send, gathered by [`Batch::answer`].
    queue: Vec<libc::mmsghdr>,
    /// How many slots the last receive filled.
    count: usize,
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
            queue: Vec::with_capacity(BATCH),
            count: 0,
        };
        for index in 0..BATCH {
            let (incoming, outgoing) = headers(batch.slot(index));
            batch.incoming.push(incoming);
            batch.outgoing.push(outgoing);
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

/// The two headers of a slot. Sets the slot's own pointers to its buffers.
fn headers(slot: *mut Slot) -> (libc::mmsghdr, libc::mmsghdr) {
    // Addresses without references: they keep the allocation's provenance and outlive every reference made
    // into the slot later.
    let field = |offset: usize| slot.wrapping_byte_add(offset);
    let peer = field(mem::offset_of!(Slot, peer));
    let control = field(mem::offset_of!(Slot, control));
    let request = field(mem::offset_of!(Slot, request));
    let reply = field(mem::offset_of!(Slot, reply));
    let request_part = field(mem::offset_of!(Slot, request_part)).cast::<libc::iovec>();
    let reply_part = field(mem::offset_of!(Slot, reply_part)).cast::<libc::iovec>();
    // SAFETY: the address of a field of a live slot (`Batch::slot`), aligned as that; no reference to it exists.
    unsafe { request_part.write(libc::iovec { iov_base: request.cast(), iov_len: REQUEST_OCTETS }) };
    // SAFETY: as above.
    unsafe { reply_part.write(libc::iovec { iov_base: reply.cast(), iov_len: 0 }) };

    let header = |part: *mut libc::iovec| {
        // SAFETY: a C structure of integers and pointers; the C library's private padding wants zero.
        let mut header: libc::mmsghdr = unsafe { mem::zeroed() };
        header.msg_hdr.msg_name = peer.cast();
        header.msg_hdr.msg_control = control.cast();
        header.msg_hdr.msg_iov = part;
        header.msg_hdr.msg_iovlen = 1;
        header
    };
    let mut incoming = header(request_part);
    offer_room(&mut incoming.msg_hdr);
    (incoming, header(reply_part))
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
    /// long it is, or `None` for silence. The answers are queued in order, for [`Batch::send`].
    pub(crate) fn answer(&mut self, mut respond: impl FnMut(Request<'_>, &mut [u8]) -> Option<usize>) {
        self.queue.clear();
        for index in 0..self.count {
            let slot = self.slot(index);
            let (Some(incoming), Some(outgoing)) = (self.incoming.get(index), self.outgoing.get(index))
            else {
                return;
            };
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
            slot.reply_part.iov_len = length.min(MAX_UDP_RESPONSE);
            let mut outgoing = *outgoing;
            outgoing.msg_hdr.msg_namelen = incoming.msg_hdr.msg_namelen;
            outgoing.msg_hdr.msg_controllen = turn_round(&incoming.msg_hdr) as _;
            self.queue.push(outgoing);
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
            // SAFETY: `rest` are initialised headers, copied from `outgoing`: name, control and part point into live
            // slots with lengths at most those fields' sizes, and no reference into the slots exists (see
            // `receive`). The kernel reads those and writes only each header's `msg_len`.
            let sent = unsafe { libc::sendmmsg(socket.as_raw_fd(), rest.as_mut_ptr(), length, 0) };
            match usize::try_from(sent) {
                Ok(sent) if sent > 0 => next += sent,
                _ => match io::Error::last_os_error().raw_os_error() {
                    Some(libc::EINTR) => {}
                    Some(libc::EAGAIN | libc::ENOBUFS | libc::ENOMEM) => {
                        failed += u64::from(length);
                        break;
                    }
                    _ => {
                        failed += 1;
                        next += 1;
                    }
                },
            }
        }
        self.queue.clear();
        failed
    }
}

//----------- Addresses ------------------------------------------------------

/// Reads the address that the kernel wrote.
fn source(peer: &libc::sockaddr_storage, length: libc::socklen_t) -> Option<SocketAddr> {
    let length = length as usize;
    match c_int::from(peer.ss_family) {
        libc::AF_INET if length >= size_of::<libc::sockaddr_in>() => {
            // SAFETY: sockaddr_storage is at least as large and as aligned as every socket address, it is initialised
            // throughout, and sockaddr_in is integers: any octets make one.
            let peer = unsafe { &*ptr::from_ref(peer).cast::<libc::sockaddr_in>() };
            let address = Ipv4Addr::from(u32::from_be(peer.sin_addr.s_addr));
            Some(SocketAddrV4::new(address, u16::from_be(peer.sin_port)).into())
        }
        libc::AF_INET6 if length >= size_of::<libc::sockaddr_in6>() => {
            // SAFETY: as above, for sockaddr_in6.
            let peer = unsafe { &*ptr::from_ref(peer).cast::<libc::sockaddr_in6>() };
            let address = peer.sin6_addr.s6_addr.into();
            Some(SocketAddrV6::new(address, u16::from_be(peer.sin6_port), 0, peer.sin6_scope_id).into())
        }
        _ => None,
    }
}

/// Makes the control message that told where a datagram was sent to into one that sends from there, and
/// gives its length; 0 if there is none, and the system chooses the address.
///
/// RFC 2181 §4.1: a reply must come from the address that was asked.
fn turn_round(header: &libc::msghdr) -> usize {
    // SAFETY: control pointer and length are as the kernel left them: it wrote that many octets there.
    let message = unsafe { libc::CMSG_FIRSTHDR(header) };
    if message.is_null() {
        return 0;
    }
    // SAFETY: CMSG_FIRSTHDR gives null or the address of a whole header within the control buffer, which is
    // aligned for it; the kernel has initialised it.
    let libc::cmsghdr { cmsg_level, cmsg_type, .. } = unsafe { message.read() };
    // SAFETY: `message` is a header in the control buffer; the address behind it is not used before level and
    // type have told what is there.
    let data = unsafe { libc::CMSG_DATA(message) };
    match (cmsg_level, cmsg_type) {
        (libc::IPPROTO_IP, libc::IP_PKTINFO) => {
            let info = data.cast::<libc::in_pktinfo>();
            // SAFETY: the kernel writes a whole in_pktinfo in a message of this type; the control buffer has room, so
            // it was not cut. The field is an integer in initialised memory that no reference covers now.
            // The route, not the interface of arrival, shall choose the way back.
            unsafe { (*info).ipi_ifindex = 0 };
            control_space(size_of::<libc::in_pktinfo>())
        }
        (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => {
            let info = data.cast::<libc::in6_pktinfo>();
            // SAFETY: as above, for in6_pktinfo.
            let address = std::net::Ipv6Addr::from(unsafe { (*info).ipi6_addr.s6_addr });
            // A link-local address means nothing without its link; for all others the route chooses.
            if !address.is_unicast_link_local() {
                // SAFETY: as above.
                unsafe { (*info).ipi6_ifindex = 0 };
            }
            control_space(size_of::<libc::in6_pktinfo>())
        }
        _ => 0,
    }
}

fn control_space(octets: usize) -> usize {
    // SAFETY: arithmetic on a length of a few octets; it reads no memory.
    let space = unsafe { libc::CMSG_SPACE(octets as c_uint) } as usize;
    space.min(CONTROL_OCTETS)
}

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

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use super::*;

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
        assert_eq!(lengths.len().min(BATCH), batch.receive(socket.as_fd(), Wait::ForOne).unwrap());
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

    #[test]
    fn answers_in_both_families_say_where_they_come_from() {
        for (bound, peer) in [("0.0.0.0:0", "127.0.0.1:0"), ("[::]:0", "[::1]:0")] {
            let (_socket, _client, mut batch) = received(bound, peer, &[1, 1]);
            batch.answer(|_, _| Some(1));
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
        batch.answer(|_, _| Some(9));
        // A name that is no address: the system refuses it.
        batch.queue[1].msg_hdr.msg_namelen = 1;
        assert_eq!(1, batch.send(socket.as_fd()));
        for _ in 0..2 {
            assert_eq!(9, client.recv(&mut [0; 64]).unwrap());
        }
    }
}
