//! The ways that queries travel: a UDP socket or a TCP connection (RFC 1035 §4.2).

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use crate::sys::{self, BATCH, Inbox, MESSAGE_OCTETS, Outbox, Wait};

/// How long a connection may take to come about.
const PATIENCE: Duration = Duration::from_secs(5);

/// Something that queries are sent and answers received on.
pub trait Lane {
    /// Whether every answer comes, however late: then no id is given anew before it has.
    const LOSES_NOTHING: bool;

    fn socket(&self) -> BorrowedFd<'_>;

    /// Adds a query, which `write` writes to a buffer and says the length of.
    fn queue(&mut self, write: impl FnOnce(&mut [u8]) -> usize);

    /// Sends what was queued.
    ///
    /// # Errors
    ///
    /// The connection is over.
    fn send(&mut self) -> io::Result<()>;

    /// Shows each message that has come; does not wait for any.
    ///
    /// # Errors
    ///
    /// The connection is over.
    fn receive(&mut self, each: impl FnMut(&[u8])) -> io::Result<()>;
}

/// How a UDP lane sends and receives.
#[derive(Debug, Clone, Copy, Default)]
pub struct Coalesced {
    /// Queries leave as segments of one message.
    pub output: bool,
    /// Answers are taken coalesced.
    pub input: bool,
}

//----------- UDP ------------------------------------------------------------

pub struct UdpLane {
    socket: UdpSocket,
    inbox: Inbox,
    outbox: Outbox,
    segments: Option<Vec<Vec<u8>>>,
}

impl UdpLane {
    /// # Errors
    ///
    /// The system's.
    pub fn open(server: SocketAddr, window: usize, coalesced: Coalesced) -> io::Result<UdpLane> {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
        sys::ask_for_room(socket.as_fd(), 4 << 20)?;
        if coalesced.input {
            sys::take_coalesced(socket.as_fd())?;
        }
        socket.connect(server)?;
        Ok(UdpLane {
            socket,
            inbox: Inbox::new(if coalesced.input { 8 } else { window.min(BATCH) }, coalesced.input),
            outbox: Outbox::new(),
            segments: coalesced.output.then(Vec::new),
        })
    }

    /// Moves the queries of one size into one message each.
    fn coalesce(&mut self) {
        let Some(waiting) = &mut self.segments else { return };
        waiting.sort_by_key(Vec::len);
        for same in waiting.chunk_by(|a, b| a.len() == b.len()) {
            self.outbox.push_segments(None, same[0].len(), same.len(), |index, buffer| {
                buffer.copy_from_slice(&same[index]);
            });
        }
        waiting.clear();
    }
}

impl Lane for UdpLane {
    const LOSES_NOTHING: bool = false;

    fn socket(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    fn queue(&mut self, write: impl FnOnce(&mut [u8]) -> usize) {
        match &mut self.segments {
            None => self.outbox.push(None, write),
            Some(waiting) => {
                let mut query = vec![0; MESSAGE_OCTETS];
                let length = write(&mut query);
                query.truncate(length);
                waiting.push(query);
            }
        }
    }

    fn send(&mut self) -> io::Result<()> {
        self.coalesce();
        if !self.outbox.is_empty() {
            self.outbox.send(self.socket.as_fd());
        }
        Ok(())
    }

    fn receive(&mut self, mut each: impl FnMut(&[u8])) -> io::Result<()> {
        // A datagram socket is never over: what fails now (nothing there, no server now) may work later.
        if self.inbox.receive(self.socket.as_fd(), Wait::No).is_ok() {
            for datagram in self.inbox.datagrams() {
                datagram.octets.chunks(datagram.segment).for_each(&mut each);
            }
        }
        Ok(())
    }
}

//----------- TCP ------------------------------------------------------------

pub struct TcpLane {
    stream: TcpStream,
    input: Stream,
    /// Queries that the connection has not taken yet.
    output: Vec<u8>,
}

impl TcpLane {
    /// # Errors
    ///
    /// The system's.
    pub fn open(server: SocketAddr) -> io::Result<TcpLane> {
        let stream = TcpStream::connect_timeout(&server, PATIENCE)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        Ok(TcpLane { stream, input: Stream::default(), output: Vec::new() })
    }
}

impl Lane for TcpLane {
    const LOSES_NOTHING: bool = true;

    fn socket(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }

    fn queue(&mut self, write: impl FnOnce(&mut [u8]) -> usize) {
        let start = self.output.len();
        self.output.resize(start + 2 + MESSAGE_OCTETS, 0);
        let length = write(&mut self.output[start + 2..]);
        self.output[start..start + 2].copy_from_slice(&(length as u16).to_be_bytes());
        self.output.truncate(start + 2 + length);
    }

    fn send(&mut self) -> io::Result<()> {
        while !self.output.is_empty() {
            match self.stream.write(&self.output) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(sent) => drop(self.output.drain(..sent)),
                // The rest goes with the next queries, or after the next answers.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn receive(&mut self, each: impl FnMut(&[u8])) -> io::Result<()> {
        match self.input.read_from(&mut self.stream) {
            Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(_) => {
                self.input.messages(each);
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// Octets of a TCP connection as they come, cut into messages.
pub struct Stream {
    octets: Vec<u8>,
    filled: usize,
}

impl Default for Stream {
    fn default() -> Stream {
        // Room for the longest message and its length.
        Stream { octets: vec![0; 2 << 16], filled: 0 }
    }
}

impl Stream {
    /// Reads what is there and gives its length; 0 is the end.
    ///
    /// # Errors
    ///
    /// The stream's.
    pub fn read_from(&mut self, stream: &mut impl Read) -> io::Result<usize> {
        let count = stream.read(&mut self.octets[self.filled..])?;
        self.filled += count;
        Ok(count)
    }

    /// Shows each whole message and keeps the rest.
    pub fn messages(&mut self, mut each: impl FnMut(&[u8])) {
        let (mut rest, mut done) = (&self.octets[..self.filled], 0);
        while let Some((length, behind)) = rest.split_first_chunk() {
            let length = usize::from(u16::from_be_bytes(*length));
            let Some((message, behind)) = behind.split_at_checked(length) else { break };
            each(message);
            done += 2 + length;
            rest = behind;
        }
        self.octets.copy_within(done..self.filled, 0);
        self.filled -= done;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_the_same_however_the_stream_is_cut() {
        let sent: Vec<Vec<u8>> =
            [0, 1, 300, 65_535, 7].iter().map(|&length| vec![length as u8; length]).collect();
        let octets: Vec<u8> = sent
            .iter()
            .flat_map(|message| [&(message.len() as u16).to_be_bytes(), message.as_slice()].concat())
            .collect();
        for piece in [1, 2, 3, 299, 65_537, octets.len()] {
            let (mut stream, mut seen) = (Stream::default(), Vec::new());
            for mut piece in octets.chunks(piece) {
                while !piece.is_empty() {
                    assert!(stream.read_from(&mut piece).unwrap() > 0);
                    stream.messages(|message| seen.push(message.to_vec()));
                }
            }
            assert!(seen == sent, "{piece}");
        }
    }
}
