//! Datagrams in: one recvmmsg, buffers allocated once and never cleared.

#![allow(unsafe_code)]

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::ffi::{c_int, c_uint};
use std::io;
use std::mem;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr::{self, NonNull};

use super::control::{self, CONTROL_OCTETS, Control};
use super::outgoing::Way;

/// Messages per system call. Beyond some dozens the call's own cost no longer shows.
const MESSAGES: usize = 64;

/// Room for a message: the kernel may hand over several datagrams of one peer as one (UDP_GRO), 64 KiB at most.
const MESSAGE_OCTETS: usize = (1 << 16) + 64;

//----------- Slot -----------------------------------------------------------

/// The memory of one message. Only what is used of it takes memory of the machine.
#[repr(C, align(64))]
struct Slot {
    peer: libc::sockaddr_storage,
    control: Control,
    part: libc::iovec,
    octets: [u8; MESSAGE_OCTETS],
}

// An odd number of cache lines: were it a large power of two, the beginnings of all slots, which is what
// short messages use, would compete for a few sets of the first-level cache.
const _: () = assert!((size_of::<Slot>() / 64) % 2 == 1);

/// The memory of all slots.
const SLOTS: Layout = match Layout::array::<Slot>(MESSAGES) {
    Ok(layout) => layout,
    Err(_) => panic!("slots fit the address space"),
};

//----------- Incoming -------------------------------------------------------

/// Buffers and headers for up to 64 messages.
pub(super) struct Incoming {
    /// `MESSAGES` slots in memory of layout `SLOTS`; freed by `Drop`. Reached through this pointer only, so
    /// that the addresses in the headers below stay valid.
    slots: NonNull<Slot>,
    /// One header per slot, for receiving into it.
    headers: Vec<libc::mmsghdr>,
    /// How many slots the last receive filled.
    count: usize,
}

/// Whether receiving waits for the first message (as long as the socket's read timeout).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wait {
    /// Until one is there; then takes what else is there.
    ForOne,
    /// Takes what is there.
    No,
}

/// A message as it came: a datagram, or several of one peer.
pub(super) struct Message<'a> {
    pub(super) source: Option<SocketAddr>,
    /// Where answers go.
    pub(super) way: Way,
    pub(super) octets: &'a [u8],
    /// What did not fit was cut off.
    pub(super) cut: bool,
    /// The length of its datagrams but the last.
    pub(super) segment: usize,
}

impl Incoming {
    pub(super) fn new() -> Self {
        // SAFETY: the layout's size is not 0.
        let slots = unsafe { alloc_zeroed(SLOTS) }.cast::<Slot>();
        let Some(slots) = NonNull::new(slots) else { handle_alloc_error(SLOTS) };
        let mut incoming = Self { slots, headers: Vec::with_capacity(MESSAGES), count: 0 };
        for index in 0..MESSAGES {
            let header = header(incoming.slot(index));
            incoming.headers.push(header);
        }
        incoming
    }

    /// The slot's address; `index` is taken below `MESSAGES`.
    fn slot(&self, index: usize) -> *mut Slot {
        // Within the allocation by the remainder, whoever calls.
        self.slots.as_ptr().wrapping_add(index % MESSAGES)
    }

    /// Receives up to 64 messages in place of the ones held.
    ///
    /// # Errors
    ///
    /// The system's; `WouldBlock` if nothing came. Nothing is held then.
    pub(super) fn receive(&mut self, socket: BorrowedFd<'_>, wait: Wait) -> io::Result<()> {
        for header in self.headers.iter_mut().take(self.count.max(1)) {
            offer_room(&mut header.msg_hdr);
        }
        self.count = 0;
        let flags = match wait {
            Wait::ForOne => libc::MSG_WAITFORONE,
            Wait::No => libc::MSG_DONTWAIT,
        };
        let headers = self.headers.as_mut_ptr();
        // SAFETY: `headers` are MESSAGES initialised headers. Each one's name, control and part point into a slot
        // that lives as long as `self`, with the sizes of those fields, and no reference into the slots exists: the
        // borrow of `self` has ended those that `message` gave. The kernel writes within those sizes and keeps no
        // address.
        let received = unsafe {
            libc::recvmmsg(socket.as_raw_fd(), headers, MESSAGES as c_uint, flags as _, ptr::null_mut())
        };
        self.count = usize::try_from(received).map_err(|_| io::Error::last_os_error())?;
        Ok(())
    }

    /// The message with this index, of those received last.
    pub(super) fn message(&self, index: usize) -> Option<Message<'_>> {
        let header = self.headers.get(index).filter(|_| index < self.count)?;
        // SAFETY: a live slot. It is written by the kernel alone, in `receive`, for which the borrow of `self` that
        // this reference holds must have ended. Octets that the kernel did not write are zero or an older
        // message's, so all of it is initialised.
        let slot = unsafe { &*self.slot(index) };
        let received = usize::try_from(header.msg_len).unwrap_or(usize::MAX).min(MESSAGE_OCTETS);
        let octets = slot.octets.get(..received).unwrap_or_default();
        let controlled = header.msg_hdr.msg_controllen.min(CONTROL_OCTETS);
        let arrival = control::read(slot.control.0.get(..controlled).unwrap_or_default());
        Some(Message {
            source: source(&slot.peer, header.msg_hdr.msg_namelen),
            way: Way::new(name(&slot.peer), header.msg_hdr.msg_namelen, arrival.local),
            octets,
            cut: header.msg_hdr.msg_flags & libc::MSG_TRUNC != 0,
            segment: arrival.segment.filter(|length| *length > 0).unwrap_or(usize::MAX),
        })
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        // SAFETY: the pointer that `new` got for this layout, given back once; the headers that hold addresses
        // into it are never used again. Slots have nothing to drop.
        unsafe { dealloc(self.slots.as_ptr().cast(), SLOTS) };
    }
}

/// The header for receiving into a slot. Sets the slot's own pointer to its buffer.
fn header(slot: *mut Slot) -> libc::mmsghdr {
    // Addresses without references: they keep the allocation's provenance and outlive every reference made
    // into the slot later.
    let field = |offset: usize| slot.wrapping_byte_add(offset);
    let octets = field(mem::offset_of!(Slot, octets));
    let part = field(mem::offset_of!(Slot, part)).cast::<libc::iovec>();
    // SAFETY: the address of a field of a live slot, aligned as that; no reference to it exists.
    unsafe { part.write(libc::iovec { iov_base: octets.cast(), iov_len: MESSAGE_OCTETS }) };
    // SAFETY: a C structure of integers and pointers; the C library's private padding wants zero.
    let mut header: libc::mmsghdr = unsafe { mem::zeroed() };
    header.msg_hdr.msg_name = field(mem::offset_of!(Slot, peer)).cast();
    header.msg_hdr.msg_control = field(mem::offset_of!(Slot, control)).cast();
    header.msg_hdr.msg_iov = part;
    header.msg_hdr.msg_iovlen = 1;
    offer_room(&mut header.msg_hdr);
    header
}

/// Tells the kernel how much room a header's name and control buffers have; it overwrites both.
fn offer_room(header: &mut libc::msghdr) {
    header.msg_namelen = size_of::<libc::sockaddr_storage>() as libc::socklen_t;
    header.msg_controllen = CONTROL_OCTETS as _;
}

//----------- Addresses ------------------------------------------------------

/// The octets of the address that the kernel wrote, as many as the longest that is answered has.
fn name(peer: &libc::sockaddr_storage) -> &[u8; size_of::<libc::sockaddr_in6>()] {
    // SAFETY: sockaddr_storage is larger, initialised throughout, and any octets make an array of octets.
    unsafe { &*ptr::from_ref(peer).cast() }
}

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
