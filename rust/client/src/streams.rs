//! TCP, for answers that are too long for a datagram: one connection a question (RFC 7766 §5).

use std::collections::{HashMap, VecDeque};
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use numdip_core::exchange::Question;

use crate::worker::Key;

/// Tokens from here on are connections.
pub(crate) const FIRST_TOKEN: usize = 1 << 24;
/// Connections at once. Further questions wait, as long as their time lasts.
const MAX_STREAMS: usize = 200;

//----------- Stream ---------------------------------------------------------

/// A question over a connection of its own.
pub(crate) struct Stream {
    pub(crate) peer: usize,
    pub(crate) question: Arc<Question>,
    pub(crate) message_id: u16,
    pub(crate) call: Key,
    pub(crate) attempt: u16,
    pub(crate) sent: Duration,
    address: SocketAddr,
    /// Length and query (RFC 7766 §8), and how much of it is sent.
    query: Vec<u8>,
    written: usize,
    received: Vec<u8>,
    connection: Option<TcpStream>,
}

impl Stream {
    #[allow(clippy::too_many_arguments, reason = "it is a record of all of these")]
    pub(crate) fn new(
        address: SocketAddr,
        peer: usize,
        question: Arc<Question>,
        message_id: u16,
        call: Key,
        attempt: u16,
        sent: Duration,
        query: &[u8],
    ) -> Self {
        let length = u16::try_from(query.len()).unwrap_or(u16::MAX);
        let query = [&length.to_be_bytes()[..], query].concat();
        let (written, received, connection) = (0, Vec::new(), None);
        Self {
            peer,
            question,
            message_id,
            call,
            attempt,
            sent,
            address,
            query,
            written,
            received,
            connection,
        }
    }

    /// Goes on as far as the connection lets it: the answer's octets once they are all there.
    fn go_on(&mut self) -> io::Result<Option<Vec<u8>>> {
        let Some(connection) = &mut self.connection else { return Ok(None) };
        if let Some(error) = connection.take_error()? {
            return Err(error);
        }
        while let Some(rest) = self.query.get(self.written..).filter(|rest| !rest.is_empty()) {
            match connection.write(rest) {
                Ok(count) => self.written += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if is_for_later(&error) => return Ok(None),
                Err(error) => return Err(error),
            }
        }
        let mut octets = [0; 4096];
        loop {
            if let Some((length, message)) = self.received.split_first_chunk::<2>() {
                if let Some(message) = message.get(..usize::from(u16::from_be_bytes(*length))) {
                    return Ok(Some(message.to_vec()));
                }
            }
            match connection.read(&mut octets) {
                Ok(0) => {
                    let text = "the server closed the connection before its answer was whole";
                    return Err(io::Error::new(io::ErrorKind::UnexpectedEof, text));
                }
                Ok(count) => self.received.extend_from_slice(octets.get(..count).unwrap_or_default()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if is_for_later(&error) => return Ok(None),
                Err(error) => return Err(error),
            }
        }
    }
}

fn is_for_later(error: &io::Error) -> bool {
    // A socket that is not connected yet says so.
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::NotConnected)
}

/// A connection that could not be begun, and why.
pub(crate) type Unbegun = Box<(Stream, io::Error)>;

//----------- Streams --------------------------------------------------------

/// All connections, and the questions that wait for one.
#[derive(Default)]
pub(crate) struct Streams {
    open: HashMap<usize, Stream>,
    waiting: VecDeque<Stream>,
    next: usize,
}

impl Streams {
    /// Begins a connection; one that fails at once is given back.
    pub(crate) fn add(&mut self, stream: Stream, registry: &Registry) -> Result<(), Unbegun> {
        if self.open.len() >= MAX_STREAMS {
            self.waiting.push_back(stream);
            return Ok(());
        }
        self.connect(stream, registry)
    }

    fn connect(&mut self, mut stream: Stream, registry: &Registry) -> Result<(), Unbegun> {
        let token = FIRST_TOKEN + self.next;
        let begun = TcpStream::connect(stream.address).and_then(|mut connection| {
            registry.register(&mut connection, Token(token), Interest::READABLE | Interest::WRITABLE)?;
            Ok(connection)
        });
        match begun {
            Ok(connection) => {
                stream.connection = Some(connection);
                self.next = (self.next + 1) % FIRST_TOKEN;
                self.open.insert(token, stream);
                Ok(())
            }
            Err(error) => Err(Box::new((stream, error))),
        }
    }

    /// Goes on with a connection; gives it back with its answer, or with why there is none.
    pub(crate) fn go_on(
        &mut self,
        token: usize,
        registry: &Registry,
    ) -> Option<(Stream, io::Result<Vec<u8>>)> {
        let result = match self.open.get_mut(&token)?.go_on() {
            Ok(None) => return None,
            Ok(Some(octets)) => Ok(octets),
            Err(error) => Err(error),
        };
        self.close(token, registry).map(|stream| (stream, result))
    }

    fn close(&mut self, token: usize, registry: &Registry) -> Option<Stream> {
        let mut stream = self.open.remove(&token)?;
        if let Some(connection) = &mut stream.connection {
            let _ = registry.deregister(connection);
        }
        Some(stream)
    }

    /// Closes connections whose question is over, or began before `time`.
    pub(crate) fn sweep(&mut self, time: Duration, is_over: impl Fn(Key) -> bool, registry: &Registry) {
        let is_left = |stream: &Stream| stream.sent < time || is_over(stream.call);
        let tokens: Vec<usize> =
            self.open.iter().filter(|(_, stream)| is_left(stream)).map(|(token, _)| *token).collect();
        for token in tokens {
            self.close(token, registry);
        }
        self.waiting.retain(|stream| !is_left(stream));
    }

    /// Begins the next connection that waits, if there is room.
    pub(crate) fn begin_waiting(&mut self, registry: &Registry) -> Option<Unbegun> {
        while self.open.len() < MAX_STREAMS {
            let stream = self.waiting.pop_front()?;
            if let Err(failed) = self.connect(stream, registry) {
                return Some(failed);
            }
        }
        None
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.open.is_empty() && self.waiting.is_empty()
    }
}
