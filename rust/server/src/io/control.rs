//! Addresses and control messages, as the kernel writes and reads them beside a datagram.

#![allow(unsafe_code)]

use std::ffi::{c_int, c_uint};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::ptr;

/// Room for control messages: IPv6's destination takes 40 octets, the length of segments 24.
pub(super) const CONTROL_OCTETS: usize = 64;

#[repr(C, align(16))]
pub(super) struct Control(pub(super) [u8; CONTROL_OCTETS]);

//----------- Addresses ------------------------------------------------------

/// Reads the address that the kernel wrote.
pub(super) fn source(peer: &libc::sockaddr_storage, length: libc::socklen_t) -> Option<SocketAddr> {
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

/// The address that a datagram was sent to, with the link of an IPv6 one that means nothing without it.
pub(super) type Local = Option<(IpAddr, u32)>;

/// Makes the control message that told where a datagram was sent to into one that sends from there, and
/// gives its length and that address; 0 if there is none, and the system chooses the address.
///
/// RFC 2181 §4.1: a reply must come from the address that was asked.
pub(super) fn turn_round(header: &libc::msghdr) -> (usize, Local) {
    // SAFETY: control pointer and length are as the kernel left them: it wrote that many octets there.
    let message = unsafe { libc::CMSG_FIRSTHDR(header) };
    if message.is_null() {
        return (0, None);
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
            // SAFETY: as above.
            let address = u32::from_be(unsafe { (*info).ipi_spec_dst.s_addr });
            (control_space(size_of::<libc::in_pktinfo>()), Some((Ipv4Addr::from(address).into(), 0)))
        }
        (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => {
            let info = data.cast::<libc::in6_pktinfo>();
            // SAFETY: as above, for in6_pktinfo, which is read whole.
            let libc::in6_pktinfo { ipi6_addr, ipi6_ifindex: link } = unsafe { info.read_unaligned() };
            let address = Ipv6Addr::from(ipi6_addr.s6_addr);
            let length = control_space(size_of::<libc::in6_pktinfo>());
            // A link-local address means nothing without its link; for all others the route chooses.
            if address.is_unicast_link_local() {
                return (length, Some((address.into(), link)));
            }
            // SAFETY: as above.
            unsafe { (*info).ipi6_ifindex = 0 };
            (length, Some((address.into(), 0)))
        }
        _ => (0, None),
    }
}

/// Adds the control message that has the kernel cut a message into datagrams of `length` octets
/// (UDP_SEGMENT), behind the `used` octets of `control`. Gives the length of all; `None` if there is no room.
pub(super) fn add_segment(control: &mut Control, used: usize, length: u16) -> Option<usize> {
    let (head, data) = (size_of::<libc::cmsghdr>(), size_of::<u16>());
    let space = control_space(data);
    let place = control.0.get_mut(used..used + space)?;
    place.fill(0);
    // SAFETY: arithmetic on a length of a few octets; it reads no memory.
    let message_length = unsafe { libc::CMSG_LEN(data as c_uint) } as usize;
    // The C structure, field by field: length, level, type, then data.
    let fields = [
        (0, &message_length.to_ne_bytes()[..]),
        (size_of::<usize>(), &libc::SOL_UDP.to_ne_bytes()),
        (size_of::<usize>() + size_of::<c_int>(), &libc::UDP_SEGMENT.to_ne_bytes()),
        (head, &length.to_ne_bytes()),
    ];
    for (at, octets) in fields {
        place.get_mut(at..at + octets.len())?.copy_from_slice(octets);
    }
    Some(used + space)
}

// What add_segment relies on: where the C library has the fields.
const _: () = assert!(
    std::mem::offset_of!(libc::cmsghdr, cmsg_level) == size_of::<usize>()
        && std::mem::offset_of!(libc::cmsghdr, cmsg_type) == size_of::<usize>() + size_of::<c_int>()
        && size_of::<libc::cmsghdr>() == size_of::<usize>() + 2 * size_of::<c_int>()
);

fn control_space(octets: usize) -> usize {
    // SAFETY: arithmetic on a length of a few octets; it reads no memory.
    let space = unsafe { libc::CMSG_SPACE(octets as c_uint) } as usize;
    space.min(CONTROL_OCTETS)
}
