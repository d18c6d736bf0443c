//! Answers out: one sendmmsg, and those to one peer, of one length but for the last, as one message.

#![allow(unsafe_code)]

use std::ffi::c_uint;
use std::io;
use std::mem;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr;

use numdip_core::respond::MAX_UDP_RESPONSE;

use super::control::{self, CONTROL_OCTETS, Control, Local};
use super::groups::{ANSWERS, Groups};
use super::socket::cuts_segments;

//----------- Way ------------------------------------------------------------

/// The longest address that is answered.
const NAME_OCTETS: usize = size_of::<libc::sockaddr_in6>();
/// An IPv4 address.
const SHORT_NAME: usize = size_of::<libc::sockaddr_in>();

/// Where an answer goes: to whom, and from which address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Way {
    /// The peer's address as the kernel has it.
    name: [u8; NAME_OCTETS],
    length: u8,
    local: Local,
}

impl Way {
    /// The way back to who sent a message to `local`. Of the name `length` octets count.
    pub(super) fn new(name: &[u8; NAME_OCTETS], length: libc::socklen_t, local: Local) -> Self {
        let length = (length as usize).min(NAME_OCTETS);
        let mut name = *name;
        // What an older, longer address may have left there makes no difference.
        if length <= SHORT_NAME {
            name[SHORT_NAME..].fill(0);
        }
        Self { name, length: length as u8, local }
    }

    /// Few ways have the same: port and address, the lower half of an IPv6 one.
    fn hash(&self) -> u32 {
        let word = |at: usize| {
            self.name.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |word| u64::from_ne_bytes(*word))
        };
        let bits = (word(0) ^ word(16)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (bits >> 32) as u32
    }
}

//----------- Outgoing -------------------------------------------------------

/// Up to [`ANSWERS`] answers on their way.
pub(super) struct Outgoing {
    /// The answers, one behind the other.
    replies: Box<[[u8; MAX_UDP_RESPONSE]]>,
    lengths: [usize; ANSWERS],
    ways: Box<[Way]>,
    count: usize,
    /// Which answers go together.
    groups: Groups,
    /// The answers of each group of several, one behind the other without gaps.
    packed: Box<[u8]>,
    /// For each group its octets.
    parts: Vec<libc::iovec>,
    /// The messages, one for each group, with their control messages.
    messages: Vec<libc::mmsghdr>,
    controls: Box<[Control]>,
    /// What each message is made of.
    made_of: Vec<MadeOf>,
    /// Whether the kernel cuts messages into datagrams; unknown before the first are sent.
    cuts: Option<bool>,
}

/// The answers of a message.
#[derive(Clone, Copy, Debug)]
struct MadeOf {
    first: usize,
    count: usize,
    /// Octets of each, but for a last one that is shorter.
    length: usize,
}

impl Outgoing {
    pub(super) fn new() -> Self {
        Self {
            replies: vec![[0; MAX_UDP_RESPONSE]; ANSWERS].into_boxed_slice(),
            lengths: [0; ANSWERS],
            ways: vec![Way { name: [0; NAME_OCTETS], length: 0, local: None }; ANSWERS].into_boxed_slice(),
            count: 0,
            groups: Groups::new(),
            packed: vec![0; ANSWERS * MAX_UDP_RESPONSE].into_boxed_slice(),
            parts: Vec::with_capacity(ANSWERS),
            messages: Vec::with_capacity(ANSWERS),
            controls: vec![Control([0; CONTROL_OCTETS]); ANSWERS].into_boxed_slice(),
            made_of: Vec::with_capacity(ANSWERS),
            cuts: None,
        }
    }

    /// Room for the next answer; `None` if they must be sent first.
    pub(super) fn room(&mut self) -> Option<&mut [u8; MAX_UDP_RESPONSE]> {
        self.replies.get_mut(self.count)
    }

    /// Takes what was written to the room as an answer of `length` octets.
    pub(super) fn push(&mut self, length: usize, way: &Way) {
        if let (Some(at), Some(to)) = (self.lengths.get_mut(self.count), self.ways.get_mut(self.count)) {
            // Never more than the buffer has, whoever says so: the kernel will read that much.
            (*at, *to) = (length.min(MAX_UDP_RESPONSE), *way);
            self.count += 1;
        }
    }

    /// Sends the answers and gives the number that could not be sent. There are none then.
    ///
    /// A full send buffer blocks for the socket's write timeout and then fails all that is left, since the
    /// next would not fare better. Any other failure is one peer's (no route, a firewall) and costs only it.
    pub(super) fn send(&mut self, socket: BorrowedFd<'_>) -> u64 {
        let cuts = *self.cuts.get_or_insert_with(|| cuts_segments(socket));
        self.group(cuts);
        self.make_messages();
        let failed = self.send_messages(socket);
        self.count = 0;
        failed
    }

    fn group(&mut self, cuts: bool) {
        self.groups.clear();
        for (index, (way, length)) in self.ways.iter().zip(self.lengths).take(self.count).enumerate() {
            let same = |other: usize| cuts && self.ways.get(other) == Some(way);
            self.groups.add(index, length, way.hash(), same);
        }
        if cuts {
            self.groups.join(|one, other| self.ways.get(one) == self.ways.get(other));
        }
    }

    /// Makes a message of each group. They hold addresses into `replies`, `packed`, `ways`, `parts` and `controls`,
    /// none of which is touched again before they are sent.
    fn make_messages(&mut self) {
        self.parts.clear();
        self.messages.clear();
        self.made_of.clear();
        let mut rest = &mut *self.packed;
        for group in self.groups.iter() {
            let octets = if group.count() > 1 {
                // In one piece: the kernel spends more on a part than copying it takes.
                let mut length = 0;
                for index in group.indices() {
                    let reply = reply(&self.replies, &self.lengths, index);
                    if let Some(place) = rest.get_mut(length..length + reply.len()) {
                        place.copy_from_slice(reply);
                        length += reply.len();
                    }
                }
                let (octets, behind) = mem::take(&mut rest).split_at_mut(length);
                rest = behind;
                &*octets
            } else {
                reply(&self.replies, &self.lengths, group.first())
            };
            // The kernel only reads.
            let part = libc::iovec { iov_base: octets.as_ptr().cast_mut().cast(), iov_len: octets.len() };
            self.parts.push(part);
        }
        let parts = self.parts.as_mut_ptr();
        for ((index, group), control) in self.groups.iter().enumerate().zip(&mut self.controls) {
            let Some(way) = self.ways.get(group.first()) else { return };
            let segment = (group.count() > 1).then_some(group.length());
            let controlled = control::write(control, way.local, segment);
            // SAFETY: a C structure of integers and pointers; the C library's private padding wants zero.
            let mut message: libc::mmsghdr = unsafe { mem::zeroed() };
            message.msg_hdr.msg_name = way.name.as_ptr().cast_mut().cast();
            message.msg_hdr.msg_namelen = way.length.into();
            // Within `parts`, which has one for each group.
            message.msg_hdr.msg_iov = parts.wrapping_add(index);
            message.msg_hdr.msg_iovlen = 1;
            if controlled > 0 {
                message.msg_hdr.msg_control = control.0.as_mut_ptr().cast();
                message.msg_hdr.msg_controllen = controlled as _;
            }
            self.messages.push(message);
            let (first, count, length) = (group.first(), group.count(), group.length().into());
            self.made_of.push(MadeOf { first, count, length });
        }
    }

    fn send_messages(&mut self, socket: BorrowedFd<'_>) -> u64 {
        let mut failed = 0;
        let mut next = 0;
        while let Some(rest) = self.messages.get_mut(next..).filter(|rest| !rest.is_empty()) {
            let length = rest.len() as c_uint;
            // SAFETY: `rest` are initialised headers from `make_messages`: name, part and control point into memory of
            // `self` that nothing has touched since, with lengths at most those fields' sizes, and each part's address
            // and length are those of a reply or of a stretch of `packed`. The kernel reads those and writes only each header's `msg_len`.
            let sent = unsafe { libc::sendmmsg(socket.as_raw_fd(), rest.as_mut_ptr(), length, 0) };
            match usize::try_from(sent) {
                Ok(sent) if sent > 0 => next += sent,
                _ => match io::Error::last_os_error().raw_os_error() {
                    Some(libc::EINTR) => {}
                    Some(libc::EAGAIN | libc::ENOBUFS | libc::ENOMEM) => {
                        let left = self.made_of.get(next..).unwrap_or_default();
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
        failed
    }

    /// Sends the answers of a message one by one, since the kernel refused it as a whole with `error`. Gives
    /// the number that could not be sent.
    fn send_apart(&mut self, socket: BorrowedFd<'_>, message: usize, error: Option<i32>) -> u64 {
        let (Some(header), Some(part), Some(made_of)) =
            (self.messages.get(message), self.parts.get(message), self.made_of.get(message))
        else {
            return 0;
        };
        let MadeOf { first, count, length } = *made_of;
        if count == 1 {
            return 1;
        }
        // What a device or a system that cannot cut says of every message; other errors are about this one.
        if matches!(error, Some(libc::EIO | libc::EOPNOTSUPP | libc::ENOPROTOOPT)) {
            self.cuts = Some(false);
        }
        let mut header = header.msg_hdr;
        let mut control = Control([0; CONTROL_OCTETS]);
        let controlled = control::write(&mut control, self.ways.get(first).and_then(|way| way.local), None);
        header.msg_control = if controlled > 0 { control.0.as_mut_ptr().cast() } else { ptr::null_mut() };
        header.msg_controllen = controlled as _;
        let mut failed = 0;
        for start in (0..part.iov_len).step_by(length.max(1)) {
            let mut one = libc::iovec {
                iov_base: part.iov_base.wrapping_byte_add(start),
                iov_len: length.min(part.iov_len - start),
            };
            header.msg_iov = &raw mut one;
            // SAFETY: as in `send_messages`, with one part, which lives here as the control buffer does and lies within
            // that of the whole message.
            let sent = unsafe { libc::sendmsg(socket.as_raw_fd(), &raw const header, 0) };
            failed += u64::from(sent < 0);
        }
        failed
    }
}

/// The octets of an answer.
fn reply<'a>(replies: &'a [[u8; MAX_UDP_RESPONSE]], lengths: &[usize; ANSWERS], index: usize) -> &'a [u8] {
    let reply = replies.get(index).zip(lengths.get(index));
    reply.and_then(|(reply, length)| reply.get(..*length)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, UdpSocket};
    use std::os::fd::AsFd;
    use std::time::Duration;

    use super::*;

    /// Two sockets that wait ten seconds for what never comes.
    fn sockets() -> [UdpSocket; 2] {
        [(); 2].map(|()| {
            let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
            socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
            socket
        })
    }

    /// The way to a socket, from an address of 127/8 or any.
    fn way(to: &UdpSocket, local: Option<Ipv4Addr>) -> Way {
        let port = to.local_addr().unwrap().port().to_be_bytes();
        let mut name = [0; NAME_OCTETS];
        name[..2].copy_from_slice(&(libc::AF_INET as u16).to_ne_bytes());
        name[2..4].copy_from_slice(&port);
        name[4..8].copy_from_slice(&[127, 0, 0, 1]);
        Way::new(&name, 16, local.map(|address| (address.into(), 0)))
    }

    /// Takes answers of these lengths, each filled with its number, and gives what they are.
    fn push_numbered(outgoing: &mut Outgoing, lengths: &[usize], way: &Way) -> Vec<Vec<u8>> {
        for (number, length) in (1..).zip(lengths) {
            outgoing.room().unwrap().fill(number);
            outgoing.push(*length, way);
        }
        (1..).zip(lengths).map(|(number, length)| vec![number; *length]).collect()
    }

    fn received(socket: &UdpSocket, count: usize) -> Vec<Vec<u8>> {
        let mut received: Vec<Vec<u8>> = (0..count)
            .map(|_| {
                let mut octets = [0; 2_000];
                let length = socket.recv(&mut octets).unwrap();
                octets[..length].to_vec()
            })
            .collect();
        received.sort();
        received
    }

    #[test]
    fn answers_of_one_length_to_one_peer_leave_as_one_message() {
        let [server, client] = sockets();
        let lengths = [100, 40, 100, 1_232, 40, 100, 1_232, 0, 0];
        for local in [None, Some(Ipv4Addr::LOCALHOST)] {
            let mut outgoing = Outgoing::new();
            for _ in 0..2 {
                let mut expected = push_numbered(&mut outgoing, &lengths, &way(&client, local));
                expected.sort();
                assert_eq!(0, outgoing.send(server.as_fd()));
                assert_eq!(expected, received(&client, lengths.len()));
                assert_eq!(Some(true), outgoing.cuts, "this system cuts messages");
                assert_eq!(5, outgoing.messages.len(), "empty ones by themselves");
            }
        }
    }

    #[test]
    fn a_system_that_cuts_nothing_gets_them_one_by_one() {
        let [server, client] = sockets();
        let mut outgoing = Outgoing::new();
        outgoing.cuts = Some(false);
        let expected = push_numbered(&mut outgoing, &[70; 5], &way(&client, None));
        assert_eq!(0, outgoing.send(server.as_fd()));
        assert_eq!(expected, received(&client, 5));
        assert_eq!(5, outgoing.messages.len());
    }

    #[test]
    fn answers_of_a_refused_message_leave_one_by_one() {
        let [server, client] = sockets();
        for local in [None, Some(Ipv4Addr::LOCALHOST)] {
            let mut outgoing = Outgoing::new();
            let expected = push_numbered(&mut outgoing, &[200; 10], &way(&client, local));
            outgoing.group(true);
            outgoing.make_messages();
            // Cut so small, there would be more datagrams than the system makes of a message.
            control::write(&mut outgoing.controls[0], outgoing.ways[0].local, Some(1));
            assert_eq!(0, outgoing.send_messages(server.as_fd()));
            assert_eq!(1, outgoing.messages.len());
            assert_eq!(expected, received(&client, 10));
        }
    }

    #[test]
    fn answers_to_different_peers_or_from_different_addresses_do_not_mix() {
        let [server, client] = sockets();
        let [_, other] = sockets();
        drop(server);
        let server = UdpSocket::bind("0.0.0.0:0").unwrap();
        let mut outgoing = Outgoing::new();
        let [one, two] = [Ipv4Addr::LOCALHOST, Ipv4Addr::new(127, 0, 0, 2)].map(Some);
        for (to, local) in [(&client, one), (&other, one), (&client, two), (&client, one)] {
            push_numbered(&mut outgoing, &[30], &way(to, local));
        }
        assert_eq!(0, outgoing.send(server.as_fd()));
        assert_eq!(3, outgoing.messages.len());
        let mut sources: Vec<_> = (0..3).map(|_| client.recv_from(&mut [0; 64]).unwrap().1.ip()).collect();
        sources.sort();
        assert_eq!(vec![one.unwrap(), one.unwrap(), two.unwrap()], sources);
        assert_eq!(1, received(&other, 1).len());
    }

    #[test]
    fn answer_that_cannot_be_sent_costs_only_itself() {
        let [server, client] = sockets();
        let mut outgoing = Outgoing::new();
        let good = way(&client, None);
        // A name that is no address: the system refuses it.
        for (length, way) in [(7, good), (8, Way { length: 1, ..good }), (9, good)] {
            outgoing.room().unwrap().fill(length as u8);
            outgoing.push(length, &way);
        }
        assert_eq!(1, outgoing.send(server.as_fd()));
        assert_eq!(vec![vec![7; 7], vec![9; 9]], received(&client, 2));
    }
}
