//! A reflector by io_uring: each slot receives a datagram, sends the reply, and receives again.

use std::io;
use std::mem;
use std::net::UdpSocket;
use std::os::fd::AsRawFd;

use io_uring::{IoUring, opcode, squeue, types};

use super::{BATCH, MESSAGE_OCTETS, no_address};

/// The memory of one request under way.
#[repr(C, align(64))]
struct Slot {
    peer: libc::sockaddr_in,
    part: libc::iovec,
    header: libc::msghdr,
    octets: [u8; MESSAGE_OCTETS],
}

/// Which of a slot's two operations is over, in the user data's lowest bit.
const SENT: u64 = 1;

/// Reflects until the system refuses: `respond` makes a message of `length` octets its own reply and
/// gives the reply's length.
///
/// # Errors
///
/// The system's; the ring's slots live on then, as nothing tells when the kernel is done with them.
pub fn reflect(socket: &UdpSocket, respond: impl Fn(&mut [u8], usize) -> Option<usize>) -> io::Result<()> {
    let mut ring: IoUring = IoUring::builder()
        .setup_single_issuer()
        .setup_coop_taskrun()
        .setup_defer_taskrun()
        .build(2 * BATCH as u32)?;
    // Never freed: the kernel may use the memory as long as the ring has operations under way.
    let slots: &'static mut [Slot] = (0..BATCH).map(|_| empty()).collect::<Vec<_>>().leak();
    let slots = slots.as_mut_ptr();
    let descriptor = types::Fd(socket.as_raw_fd());
    for index in 0..BATCH {
        let entry = receive(descriptor, slots.wrapping_add(index), index);
        // SAFETY: what the entry points to is a leaked slot, which nothing else uses until its completion.
        unsafe { ring.submission().push(&entry) }.map_err(io::Error::other)?;
    }
    let mut over: Vec<(u64, i32)> = Vec::with_capacity(2 * BATCH);
    loop {
        match ring.submit_and_wait(1) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        }
        over.extend(ring.completion().map(|entry| (entry.user_data(), entry.result())));
        for (data, result) in over.drain(..) {
            let index = (data >> 1) as usize % BATCH;
            let slot = slots.wrapping_add(index);
            let length = usize::try_from(result).ok().filter(|_| data & SENT == 0);
            let entry = match length.and_then(|length| reply(slot, length, &respond)) {
                Some(()) => opcode::SendMsg::new(descriptor, header_of(slot))
                    .build()
                    .user_data((index as u64) << 1 | SENT),
                None => receive(descriptor, slot, index),
            };
            // SAFETY: as above; the operation that used the slot before is complete. A completion makes one entry and
            // the queue has two for each slot, so there is room.
            unsafe { ring.submission().push(&entry) }.map_err(io::Error::other)?;
        }
    }
}

/// Turns the slot's message into its reply.
fn reply(slot: *mut Slot, length: usize, respond: impl Fn(&mut [u8], usize) -> Option<usize>) -> Option<()> {
    // SAFETY: a leaked slot whose operation is complete: the kernel does not use it, and this is the only reference.
    let slot = unsafe { &mut *slot };
    slot.part.iov_len = respond(&mut slot.octets, length.min(MESSAGE_OCTETS))?.min(MESSAGE_OCTETS);
    Some(())
}

/// The operation that receives into a slot; sets the slot's pointers to itself.
fn receive(descriptor: types::Fd, slot: *mut Slot, index: usize) -> squeue::Entry {
    let octets = slot.wrapping_byte_add(mem::offset_of!(Slot, octets));
    let peer = slot.wrapping_byte_add(mem::offset_of!(Slot, peer));
    let part = slot.wrapping_byte_add(mem::offset_of!(Slot, part)).cast::<libc::iovec>();
    let header = header_of(slot);
    // SAFETY: a field of a leaked slot that the kernel does not use now, aligned as that; no reference to it exists.
    unsafe { part.write(libc::iovec { iov_base: octets.cast(), iov_len: MESSAGE_OCTETS }) };
    // SAFETY: a C structure of integers and pointers, all of which may be zero.
    let mut empty: libc::msghdr = unsafe { mem::zeroed() };
    empty.msg_name = peer.cast();
    empty.msg_namelen = size_of::<libc::sockaddr_in>() as libc::socklen_t;
    empty.msg_iov = part;
    empty.msg_iovlen = 1;
    // SAFETY: as for `part`.
    unsafe { header.write(empty) };
    opcode::RecvMsg::new(descriptor, header).build().user_data((index as u64) << 1)
}

fn header_of(slot: *mut Slot) -> *mut libc::msghdr {
    slot.wrapping_byte_add(mem::offset_of!(Slot, header)).cast()
}

fn empty() -> Slot {
    let part = libc::iovec { iov_base: std::ptr::null_mut(), iov_len: 0 };
    // SAFETY: a C structure of integers and pointers, all of which may be zero.
    let header = unsafe { mem::zeroed() };
    Slot { peer: no_address(), part, header, octets: [0; MESSAGE_OCTETS] }
}
