//! Batches of datagrams: many in with one system call, many out with another.
//!
//! ```text
//! receive(socket) ──> portion(): requests ──> push an answer for each ──> send(socket)
//! ```
//!
//! The kernel hands over datagrams of one peer that came together as one message (UDP_GRO), and takes answers
//! of one length to one peer as one, which it cuts itself (UDP_SEGMENT): on busy paths most of a datagram's cost
//! is the way through the kernel.

use std::io;
use std::net::SocketAddr;
use std::os::fd::BorrowedFd;

use arrayvec::ArrayVec;
use numdip_core::respond::MAX_UDP_RESPONSE;

use super::groups::ANSWERS;
use super::incoming::{Incoming, Wait};
use super::outgoing::{Outgoing, Way};

/// Octets shown of a datagram. A query with one question and its EDNS options is a few hundred.
const REQUEST_OCTETS: usize = 4096;

//----------- Batch ----------------------------------------------------------

/// Buffers for messages in and answers out. Belongs to the thread that made it.
pub(crate) struct Batch {
    incoming: Incoming,
    outgoing: Outgoing,
    /// The next datagram to answer: which message, and how many of its octets are passed.
    message: usize,
    passed: usize,
}

/// A datagram as it came.
pub(crate) struct Request<'a> {
    /// Who sent it; `None` if the system gave an address of another family.
    pub(crate) source: Option<SocketAddr>,
    /// What it holds; cut if `oversized`.
    pub(crate) octets: &'a [u8],
    /// It was longer than the longest that is shown whole.
    pub(crate) oversized: bool,
    way: Way,
}

/// Datagrams of a portion at most: there is room for as many answers.
pub(crate) const PORTION: usize = ANSWERS;

/// Datagrams that are answered before any answer is sent.
pub(crate) type Portion<'a> = ArrayVec<Request<'a>, PORTION>;

/// Takes the answers to a portion.
pub(crate) struct Answers<'a>(&'a mut Outgoing);

impl Batch {
    pub(crate) fn new() -> Batch {
        Batch { incoming: Incoming::new(), outgoing: Outgoing::new(), message: 0, passed: 0 }
    }

    /// Receives messages in place of the ones held.
    ///
    /// # Errors
    ///
    /// The system's; `WouldBlock` if nothing came. Nothing is held then.
    pub(crate) fn receive(&mut self, socket: BorrowedFd<'_>, wait: Wait) -> io::Result<()> {
        (self.message, self.passed) = (0, 0);
        self.incoming.receive(socket, wait)
    }

    /// The datagrams received that come next, as many as there is room for answers to, with what takes those.
    /// Answers wait for [`send`](Self::send), which must come before the next portion; an empty one is the end.
    pub(crate) fn portion(&mut self) -> (Portion<'_>, Answers<'_>) {
        let mut portion = Portion::new();
        while let Some(message) = self.incoming.message(self.message).filter(|_| !portion.is_full()) {
            let mut rest = message.octets.get(self.passed..).unwrap_or_default();
            loop {
                let (datagram, behind) = rest.split_at_checked(message.segment).unwrap_or((rest, &[]));
                let request = Request {
                    source: message.source,
                    octets: datagram.get(..REQUEST_OCTETS).unwrap_or(datagram),
                    oversized: message.cut || datagram.len() > REQUEST_OCTETS,
                    way: message.way,
                };
                if portion.try_push(request).is_err() {
                    break;
                }
                self.passed += datagram.len();
                rest = behind;
                if rest.is_empty() {
                    (self.message, self.passed) = (self.message + 1, 0);
                    break;
                }
            }
        }
        (portion, Answers(&mut self.outgoing))
    }

    /// Sends the answers and gives the number that could not be sent. There are none then.
    pub(crate) fn send(&mut self, socket: BorrowedFd<'_>) -> u64 {
        self.outgoing.send(socket)
    }
}

impl Answers<'_> {
    /// Takes the answer to a request: `write` writes it to the buffer given and says how long it is, or `None` for
    /// silence.
    #[inline]
    pub(crate) fn push(
        &mut self,
        request: &Request<'_>,
        write: impl FnOnce(&mut [u8; MAX_UDP_RESPONSE]) -> Option<usize>,
    ) {
        // There is as much room as a portion has requests.
        if let Some(length) = self.0.room().and_then(write) {
            self.0.push(length, &request.way);
        }
    }
}

#[cfg(test)]
impl<'a> Request<'a> {
    /// As if it had come from there.
    pub(crate) fn of(source: Option<SocketAddr>, octets: &'a [u8], oversized: bool) -> Self {
        Request { source, octets, oversized, way: Way::new(&[0; 28], 0, None) }
    }
}

#[cfg(test)]
impl Batch {
    /// What takes answers, without requests.
    pub(crate) fn answers(&mut self) -> Answers<'_> {
        Answers(&mut self.outgoing)
    }
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;
    use std::os::fd::AsFd;
    use std::time::Duration;

    use super::*;
    use crate::io::{report_destinations, take_segments};

    /// A socket bound to `bound` as the server binds it, and one that asks it.
    fn sockets(bound: &str, peer: &str) -> (UdpSocket, UdpSocket) {
        let bound: SocketAddr = bound.parse().unwrap();
        let (socket, client) = (UdpSocket::bind(bound).unwrap(), UdpSocket::bind(peer).unwrap());
        report_destinations(socket.as_fd(), bound).unwrap();
        take_segments(socket.as_fd()).unwrap();
        client
            .connect(SocketAddr::new(client.local_addr().unwrap().ip(), socket.local_addr().unwrap().port()))
            .unwrap();
        client.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        (socket, client)
    }

    /// Sends datagrams of these lengths and receives them.
    fn received(bound: &str, peer: &str, lengths: &[usize]) -> (UdpSocket, UdpSocket, Batch) {
        let (socket, client) = sockets(bound, peer);
        for &length in lengths {
            client.send(&vec![7; length]).unwrap();
        }
        let mut batch = Batch::new();
        batch.receive(socket.as_fd(), Wait::ForOne).unwrap();
        (socket, client, batch)
    }

    #[test]
    fn datagrams_come_with_source_length_and_whether_they_were_cut() {
        let lengths = [0, 1, 600, REQUEST_OCTETS, REQUEST_OCTETS + 1, 60_000];
        let (_socket, client, mut batch) = received("127.0.0.1:0", "127.0.0.1:0", &lengths);
        let from = client.local_addr().unwrap();
        let mut seen = Vec::new();
        for request in batch.portion().0 {
            assert_eq!(Some(from), request.source);
            assert!(request.octets.iter().all(|&octet| octet == 7));
            seen.push((request.octets.len(), request.oversized));
        }
        let cut = (REQUEST_OCTETS, true);
        assert_eq!(vec![(0, false), (1, false), (600, false), (REQUEST_OCTETS, false), cut, cut], seen);
        assert!(batch.portion().0.is_empty());
    }

    #[test]
    fn answers_leave_each_once_and_silence_leaves_no_gap() {
        let (socket, client, mut batch) = received("127.0.0.1:0", "127.0.0.1:0", &[1; 10]);
        let (requests, mut answers) = batch.portion();
        for (request, number) in requests.into_iter().zip(1..) {
            answers.push(&request, |reply| {
                reply.fill(number);
                (number % 2 == 0).then_some(usize::from(number))
            });
        }
        assert_eq!(0, batch.send(socket.as_fd()));
        let mut came: Vec<Vec<u8>> = (0..5)
            .map(|_| {
                let mut octets = [0; 64];
                let length = client.recv(&mut octets).unwrap();
                octets[..length].to_vec()
            })
            .collect();
        came.sort();
        assert_eq!([2, 4, 6, 8, 10].map(|number: u8| vec![number; number.into()]).to_vec(), came);
    }

    #[test]
    fn answers_in_both_families_come_from_the_address_that_was_asked() {
        for (bound, peer) in [("0.0.0.0:0", "127.0.0.1:0"), ("[::]:0", "[::1]:0")] {
            let (socket, client, mut batch) = received(bound, peer, &[1, 1, 1]);
            let (requests, mut answers) = batch.portion();
            for (request, length) in requests.into_iter().zip([5, 5, 6]) {
                answers.push(&request, |_| Some(length));
            }
            assert_eq!(0, batch.send(socket.as_fd()));
            // The client is connected: an answer from elsewhere does not reach it.
            let mut came: Vec<usize> = (0..3).map(|_| client.recv(&mut [0; 64]).unwrap()).collect();
            came.sort_unstable();
            assert_eq!(vec![5, 5, 6], came);
        }
    }

    #[test]
    fn more_than_a_batch_waits_for_the_next() {
        let (socket, _client, mut batch) = received("127.0.0.1:0", "127.0.0.1:0", &[1; 67]);
        assert_eq!(64, batch.portion().0.len());
        batch.receive(socket.as_fd(), Wait::No).unwrap();
        assert_eq!(3, batch.portion().0.len());
        let nothing = batch.receive(socket.as_fd(), Wait::No).unwrap_err();
        assert_eq!(io::ErrorKind::WouldBlock, nothing.kind());
        assert!(batch.portion().0.is_empty(), "nothing is held");
    }

    #[test]
    fn datagrams_that_came_as_one_message_are_answered_each() {
        let (socket, client) = sockets("127.0.0.1:0", "127.0.0.1:0");
        // 130 datagrams of different contents, in messages that the kernel cuts; the last one is shorter.
        for message in 0..3_u8 {
            let numbers: Vec<u8> =
                (0..50).map(|number| message * 50 + number).filter(|number| *number < 130).collect();
            let mut octets: Vec<u8> = numbers.iter().flat_map(|number| [*number; 40]).collect();
            if message == 2 {
                octets.truncate(octets.len() - 1);
            }
            send_cut(&client, &octets, 40);
        }
        let mut batch = Batch::new();
        batch.receive(socket.as_fd(), Wait::ForOne).unwrap();
        let mut asked = Vec::new();
        let mut rounds = 0;
        loop {
            let (requests, mut answers) = batch.portion();
            if requests.is_empty() {
                break;
            }
            rounds += 1;
            for request in requests {
                asked.push((request.octets[0], request.octets.len()));
                assert!(request.octets.iter().all(|octet| *octet == request.octets[0]));
                answers.push(&request, |reply| {
                    reply[..2].copy_from_slice(&[request.octets[0], 1]);
                    Some(2)
                });
            }
            assert_eq!(0, batch.send(socket.as_fd()));
        }
        let expected = |number| (number, if number == 129 { 39 } else { 40 });
        assert_eq!((0..130).map(expected).collect::<Vec<_>>(), asked);
        assert_eq!(3, rounds, "64 answers at a time");
        let mut answered: Vec<u8> = (0..130)
            .map(|_| {
                let mut octets = [0; 64];
                assert_eq!(2, client.recv(&mut octets).unwrap());
                octets[0]
            })
            .collect();
        answered.sort_unstable();
        assert_eq!((0..130).collect::<Vec<_>>(), answered);
    }

    /// Sends `octets` on a connected socket, cut into datagrams of `length`.
    #[allow(unsafe_code)]
    fn send_cut(socket: &UdpSocket, octets: &[u8], length: libc::c_int) {
        use std::os::fd::AsRawFd;
        let option = (&raw const length).cast();
        // SAFETY: the address of a live integer, and its size.
        let set =
            unsafe { libc::setsockopt(socket.as_raw_fd(), libc::SOL_UDP, libc::UDP_SEGMENT, option, 4) };
        assert_eq!(0, set);
        assert_eq!(octets.len(), socket.send(octets).unwrap());
    }
}
