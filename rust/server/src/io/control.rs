//! Control messages beside a datagram: where it was sent to, and in which lengths it was or is to be cut.
//!
//! They are read and written as octets, in the layout of the C library's `cmsghdr`: length, level, type, data,
//! each message at a multiple of a word.

use std::ffi::c_int;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Room for control messages: IPv6's destination takes 40 octets, the length of segments 24.
pub(super) const CONTROL_OCTETS: usize = 64;

const WORD: usize = size_of::<usize>();
const HEAD: usize = size_of::<libc::cmsghdr>();

const _: () = assert!(
    std::mem::offset_of!(libc::cmsghdr, cmsg_level) == WORD
        && std::mem::offset_of!(libc::cmsghdr, cmsg_type) == WORD + size_of::<c_int>()
        && HEAD == WORD + 2 * size_of::<c_int>()
);

#[derive(Clone, Copy, Debug)]
#[repr(C, align(16))]
pub(super) struct Control(pub(super) [u8; CONTROL_OCTETS]);

/// The address that a datagram was sent to, with the link of an IPv6 one that means nothing without it.
pub(super) type Local = Option<(IpAddr, u32)>;

//----------- Reading --------------------------------------------------------

/// What the kernel says beside a datagram.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Arrival {
    /// `None` if it was not asked for, and the system chooses where answers come from.
    pub(super) local: Local,
    /// The datagram is several, each but the last as long as this (UDP_GRO).
    pub(super) segment: Option<usize>,
}

/// Reads what the kernel wrote.
pub(super) fn read(mut octets: &[u8]) -> Arrival {
    let mut arrival = Arrival::default();
    while let Some((head, _)) = octets.split_at_checked(HEAD) {
        let length = head.first_chunk().map_or(0, |length| usize::from_ne_bytes(*length));
        let Some(data) = octets.get(HEAD..length) else { break };
        let integer = |at: usize| data.get(at..)?.first_chunk().map(|octets| c_int::from_ne_bytes(*octets));
        let level = head.get(WORD..).and_then(<[u8]>::first_chunk).map(|level| c_int::from_ne_bytes(*level));
        match (level, head.last_chunk().map(|kind| c_int::from_ne_bytes(*kind))) {
            (Some(libc::IPPROTO_IP), Some(libc::IP_PKTINFO)) => {
                // in_pktinfo: link, address to answer from, address of the header.
                let address = data.get(4..8).and_then(<[u8]>::first_chunk::<4>);
                // The route, not the link of arrival, shall choose the way back.
                arrival.local = address.map(|address| (Ipv4Addr::from(*address).into(), 0));
            }
            (Some(libc::IPPROTO_IPV6), Some(libc::IPV6_PKTINFO)) => {
                let address = data.first_chunk::<16>().map(|address| Ipv6Addr::from(*address));
                // A link-local address means nothing without its link; for all others the route chooses.
                let link = |address: &Ipv6Addr| match address.is_unicast_link_local() {
                    true => integer(16).unwrap_or(0) as u32,
                    false => 0,
                };
                arrival.local = address.map(|address| (address.into(), link(&address)));
            }
            (Some(libc::SOL_UDP), Some(libc::UDP_GRO)) => {
                arrival.segment = integer(0).and_then(|length| usize::try_from(length).ok());
            }
            _ => {}
        }
        octets = octets.get(length.next_multiple_of(WORD)..).unwrap_or_default();
    }
    arrival
}

//----------- Writing --------------------------------------------------------

/// Writes what has the kernel send from `local` (RFC 2181 §4.1: a reply must come from the address that was
/// asked), and cut the message into datagrams of `segment` octets (UDP_SEGMENT). Gives its length.
pub(super) fn write(control: &mut Control, local: Local, segment: Option<u16>) -> usize {
    let mut used = 0;
    match local {
        Some((IpAddr::V4(address), link)) => {
            let data = [link.to_ne_bytes(), address.octets(), [0; 4]];
            used = add(control, used, [libc::IPPROTO_IP, libc::IP_PKTINFO], data.as_flattened());
        }
        Some((IpAddr::V6(address), link)) => {
            let mut data = [0; 20];
            data[..16].copy_from_slice(&address.octets());
            data[16..].copy_from_slice(&link.to_ne_bytes());
            used = add(control, used, [libc::IPPROTO_IPV6, libc::IPV6_PKTINFO], &data);
        }
        None => {}
    }
    match segment {
        Some(length) => add(control, used, [libc::SOL_UDP, libc::UDP_SEGMENT], &length.to_ne_bytes()),
        None => used,
    }
}

/// Adds a message behind the `used` octets and gives the length of all. There is room for the two that
/// there can be.
fn add(control: &mut Control, used: usize, [level, kind]: [c_int; 2], data: &[u8]) -> usize {
    let space = HEAD + data.len().next_multiple_of(WORD);
    let Some(place) = control.0.get_mut(used..used + space) else { return used };
    place.fill(0);
    let length = (HEAD + data.len()).to_ne_bytes();
    let octets = length.into_iter().chain(level.to_ne_bytes()).chain(kind.to_ne_bytes());
    for (to, from) in place.iter_mut().zip(octets.chain(data.iter().copied())) {
        *to = from;
    }
    used + space
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_octets_are_read(octets in prop::collection::vec(any::<u8>(), 0..=CONTROL_OCTETS)) {
            read(&octets);
        }

        #[test]
        fn what_is_written_is_read(v4: bool, bits: u128, link: u32, segment: Option<u16>) {
            let local = match v4 {
                true => (IpAddr::V4(Ipv4Addr::from_bits(bits as u32)), 0),
                false => {
                    let address = Ipv6Addr::from_bits(bits);
                    (IpAddr::V6(address), if address.is_unicast_link_local() { link } else { 0 })
                }
            };
            let mut control = Control([0xff; CONTROL_OCTETS]);
            let length = write(&mut control, Some(local), segment);
            let space = |data: usize| {
                // SAFETY: arithmetic on a length of a few octets; it reads no memory.
                #[allow(unsafe_code)]
                let space = unsafe { libc::CMSG_SPACE(data as u32) };
                space as usize
            };
            prop_assert_eq!(length, space(if v4 { 12 } else { 20 }) + segment.map_or(0, |_| space(2)));
            prop_assert_eq!(Some(local), read(&control.0[..length]).local);
        }
    }
}
