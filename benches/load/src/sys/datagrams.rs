//! Many datagrams by one call, coalesced ones too.

use std::ffi::c_uint;
use std::io;
use std::mem;
use std::net::SocketAddrV4;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr;

use super::{MESSAGE_OCTETS, address_of, no_address};

/// Datagrams per system call.
pub const BATCH: usize = 64;

/// Segments that the kernel makes of one message at most (UDP_MAX_SEGMENTS of the older kernels).
const MAX_SEGMENTS: usize = 64;

/// Octets of a coalesced datagram.
const COALESCED_OCTETS: usize = 0xFFFF;

/// Room for a control message with a segment's size; CMSG_SPACE(4) is 24 octets.
#[derive(Clone, Copy)]
#[repr(C, align(16))]
struct Control([u8; 32]);

/// Whether a receive call waits for the first datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    ForOne,
    No,
}

//----------- Inbox ----------------------------------------------------------

/// Takes datagrams, up to [`BATCH`] by one call.
pub struct Inbox {
    octets: Vec<u8>,
    room: usize,
    peers: Vec<libc::sockaddr_in>,
    controls: Vec<Control>,
    parts: Vec<libc::iovec>,
    headers: Vec<libc::mmsghdr>,
    count: usize,
}

/// What came from one peer: one message, or several of `segment` octets each and a shorter last one.
#[derive(Debug, Clone, Copy)]
pub struct Datagram<'a> {
    pub peer: SocketAddrV4,
    pub octets: &'a [u8],
    pub segment: usize,
}

impl Inbox {
    /// With room for `count` messages, or for as many coalesced datagrams.
    pub fn new(count: usize, coalesced: bool) -> Inbox {
        let count = count.clamp(1, BATCH);
        let room = if coalesced { COALESCED_OCTETS } else { MESSAGE_OCTETS };
        Inbox {
            octets: vec![0; count * room],
            room,
            peers: vec![no_address(); count],
            controls: vec![Control([0; 32]); count],
            parts: Vec::with_capacity(count),
            headers: Vec::with_capacity(count),
            count: 0,
        }
    }

    /// Takes datagrams in place of the ones held and gives their number.
    ///
    /// # Errors
    ///
    /// The system's; `WouldBlock` if nothing came.
    pub fn receive(&mut self, socket: BorrowedFd<'_>, wait: Wait) -> io::Result<usize> {
        self.count = 0;
        self.parts.clear();
        self.headers.clear();
        let coalesced = self.room == COALESCED_OCTETS;
        for octets in self.octets.chunks_exact_mut(self.room) {
            self.parts.push(libc::iovec { iov_base: octets.as_mut_ptr().cast(), iov_len: octets.len() });
        }
        // From here on, addresses into the vectors are taken once and no reference is made until the call is over.
        let (parts, peers) = (self.parts.as_mut_ptr(), self.peers.as_mut_ptr());
        let controls = self.controls.as_mut_ptr();
        for index in 0..self.peers.len() {
            let mut header = no_header();
            header.msg_hdr.msg_name = peers.wrapping_add(index).cast();
            header.msg_hdr.msg_namelen = size_of::<libc::sockaddr_in>() as libc::socklen_t;
            header.msg_hdr.msg_iov = parts.wrapping_add(index);
            header.msg_hdr.msg_iovlen = 1;
            if coalesced {
                header.msg_hdr.msg_control = controls.wrapping_add(index).cast();
                header.msg_hdr.msg_controllen = size_of::<Control>() as _;
            }
            self.headers.push(header);
        }
        let flags = if wait == Wait::No { libc::MSG_DONTWAIT } else { libc::MSG_WAITFORONE };
        let (headers, length) = (self.headers.as_mut_ptr(), self.headers.len() as c_uint);
        // SAFETY: `length` headers, each with the addresses and sizes of its own elements of vectors that `self`
        // owns and that are not touched during the call; the kernel writes within those sizes and keeps no address.
        let received =
            unsafe { libc::recvmmsg(socket.as_raw_fd(), headers, length, flags as _, ptr::null_mut()) };
        self.count = usize::try_from(received).map_err(|_| io::Error::last_os_error())?;
        Ok(self.count)
    }

    /// The datagrams held.
    pub fn datagrams(&self) -> impl Iterator<Item = Datagram<'_>> {
        let held = self.headers.iter().zip(&self.peers).zip(self.octets.chunks_exact(self.room));
        held.take(self.count).map(|((header, peer), octets)| {
            let octets = &octets[..octets.len().min(header.msg_len as usize)];
            let segment = segment_size(&header.msg_hdr).unwrap_or(octets.len());
            Datagram { peer: address_of(peer), octets, segment: segment.max(1) }
        })
    }
}

/// The size of the segments that the kernel coalesced, if it says one.
fn segment_size(header: &libc::msghdr) -> Option<usize> {
    // SAFETY: the kernel has set the control length to what it wrote to the control buffer, which is alive:
    // `Inbox` owns it. The call gives null or the address of a whole header within it.
    let message = unsafe { libc::CMSG_FIRSTHDR(header) };
    if message.is_null() {
        return None;
    }
    // SAFETY: as said, a whole, aligned header that the kernel has written.
    let libc::cmsghdr { cmsg_level, cmsg_type, .. } = unsafe { message.read() };
    if (cmsg_level, cmsg_type) != (libc::SOL_UDP, libc::UDP_GRO) {
        return None;
    }
    // SAFETY: the address behind a header that lies in the control buffer.
    let data = unsafe { libc::CMSG_DATA(message) };
    // SAFETY: a message of this type holds one int, and the buffer had room for it.
    let size = unsafe { data.cast::<libc::c_int>().read_unaligned() };
    usize::try_from(size).ok()
}

//----------- Outbox ---------------------------------------------------------

/// Messages to send by one call.
pub struct Outbox {
    octets: Vec<u8>,
    used: usize,
    messages: Vec<Message>,
    peers: Vec<libc::sockaddr_in>,
    controls: Vec<Control>,
    parts: Vec<libc::iovec>,
    headers: Vec<libc::mmsghdr>,
}

#[derive(Clone, Copy)]
struct Message {
    peer: Option<SocketAddrV4>,
    start: usize,
    length: usize,
    /// The kernel makes datagrams of this size of it.
    segment: Option<u16>,
}

impl Default for Outbox {
    fn default() -> Outbox {
        Outbox::new()
    }
}

impl Outbox {
    pub fn new() -> Outbox {
        Outbox {
            octets: Vec::new(),
            used: 0,
            messages: Vec::new(),
            peers: Vec::new(),
            controls: Vec::new(),
            parts: Vec::new(),
            headers: Vec::new(),
        }
    }

    /// Adds a datagram; `write` gets its buffer and says how long it is. For a connected socket, `peer` is
    /// `None`.
    pub fn push(&mut self, peer: Option<SocketAddrV4>, write: impl FnOnce(&mut [u8]) -> usize) {
        let start = self.used;
        self.make_room(MESSAGE_OCTETS);
        let buffer = &mut self.octets[start..start + MESSAGE_OCTETS];
        let length = write(buffer).min(MESSAGE_OCTETS);
        self.used += length;
        self.messages.push(Message { peer, start, length, segment: None });
    }

    /// Adds datagrams of one size to one peer, which the kernel cuts from one message (UDP_SEGMENT). `write`
    /// gets each one's buffer.
    pub fn push_segments(
        &mut self,
        peer: Option<SocketAddrV4>,
        size: usize,
        count: usize,
        mut write: impl FnMut(usize, &mut [u8]),
    ) {
        let mut done = 0;
        while done < count {
            let some = (count - done).min(MAX_SEGMENTS).min(COALESCED_OCTETS / 2 / size.max(1)).max(1);
            let start = self.used;
            self.make_room(size * some);
            self.used += size * some;
            for (index, buffer) in self.octets[start..self.used].chunks_exact_mut(size).enumerate() {
                write(done + index, buffer);
            }
            done += some;
            let segment = u16::try_from(size).ok().filter(|_| some > 1);
            self.messages.push(Message { peer, start, length: size * some, segment });
        }
    }

    fn make_room(&mut self, octets: usize) {
        if self.octets.len() < self.used + octets {
            self.octets.resize(2 * (self.used + octets), 0);
        }
    }

    /// Whether nothing waits to be sent.
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// Sends all messages; one that cannot be sent is left out. Gives the number of calls.
    pub fn send(&mut self, socket: BorrowedFd<'_>) -> u64 {
        self.peers.clear();
        self.controls.clear();
        self.parts.clear();
        self.headers.clear();
        let octets = self.octets.as_mut_ptr();
        for message in &self.messages {
            self.peers.push(message.peer.map_or_else(no_address, |peer| libc::sockaddr_in {
                sin_family: libc::AF_INET as libc::sa_family_t,
                sin_port: peer.port().to_be(),
                sin_addr: libc::in_addr { s_addr: u32::from(*peer.ip()).to_be() },
                sin_zero: [0; 8],
            }));
            // Within the buffer: `push` and `push_segments` have written there.
            let start = octets.wrapping_add(message.start);
            self.parts.push(libc::iovec { iov_base: start.cast(), iov_len: message.length });
            self.controls.push(Control([0; 32]));
        }
        let (parts, peers) = (self.parts.as_mut_ptr(), self.peers.as_mut_ptr());
        let controls = self.controls.as_mut_ptr();
        for (index, message) in self.messages.iter().enumerate() {
            let mut header = no_header();
            if message.peer.is_some() {
                header.msg_hdr.msg_name = peers.wrapping_add(index).cast();
                header.msg_hdr.msg_namelen = size_of::<libc::sockaddr_in>() as libc::socklen_t;
            }
            header.msg_hdr.msg_iov = parts.wrapping_add(index);
            header.msg_hdr.msg_iovlen = 1;
            if let Some(size) = message.segment {
                header.msg_hdr.msg_control = controls.wrapping_add(index).cast();
                header.msg_hdr.msg_controllen = size_of::<Control>() as _;
                ask_for_segments(&mut header.msg_hdr, size);
            }
            self.headers.push(header);
        }
        let calls = self.send_headers(socket);
        self.messages.clear();
        self.used = 0;
        calls
    }

    fn send_headers(&mut self, socket: BorrowedFd<'_>) -> u64 {
        let (mut calls, mut next) = (0, 0);
        while next < self.headers.len() {
            let rest = &mut self.headers[next..];
            let (address, length) = (rest.as_mut_ptr(), rest.len() as c_uint);
            // SAFETY: `length` headers made by `send`, with the addresses and sizes of elements of vectors that
            // `self` owns and that are not touched during the call; the kernel reads those, writes only each header's
            // `msg_len`, and keeps no address.
            let sent = unsafe { libc::sendmmsg(socket.as_raw_fd(), address, length, 0) };
            calls += 1;
            // A refused message (a full buffer, a peer that is gone) is lost like any datagram.
            next += usize::try_from(sent).unwrap_or(1).max(1);
        }
        calls
    }
}

/// Writes the control message that says UDP_SEGMENT to the header's control buffer.
fn ask_for_segments(header: &mut libc::msghdr, size: u16) {
    // SAFETY: the control buffer is a live `Control`, zeroed, aligned and larger than one header with two octets.
    let message = unsafe { libc::CMSG_FIRSTHDR(header) };
    if message.is_null() {
        return;
    }
    // SAFETY: arithmetic on a length of two octets; neither call reads memory.
    let length = unsafe { libc::CMSG_LEN(2) };
    // SAFETY: as above.
    let space = unsafe { libc::CMSG_SPACE(2) };
    let head =
        libc::cmsghdr { cmsg_len: length as _, cmsg_level: libc::SOL_UDP, cmsg_type: libc::UDP_SEGMENT };
    // SAFETY: `message` is the aligned address of a whole header within the control buffer, which nothing else
    // refers to now.
    unsafe { message.write(head) };
    // SAFETY: the address behind a header that lies in the control buffer.
    let data = unsafe { libc::CMSG_DATA(message) };
    // SAFETY: two octets behind the header; the buffer has sixteen there.
    unsafe { data.cast::<u16>().write_unaligned(size) };
    header.msg_controllen = space as _;
}

fn no_header() -> libc::mmsghdr {
    // SAFETY: a C structure of integers and pointers, all of which may be zero; the C library's private padding
    // wants that.
    unsafe { mem::zeroed() }
}
