//! Messages in a stream: a two-octet length, then the message (RFC 1035 §4.2.2).

/// Octets read at once: some hundreds of pipelined queries.
const READ: usize = 16 << 10;

/// The longest message.
const MESSAGE: usize = u16::MAX as usize;

/// Octets of a message's length field.
const LENGTH: usize = 2;

/// Octets of answers gathered for one write: the longest message and as much again of shorter ones.
pub(super) const GATHER: usize = 2 * (LENGTH + MESSAGE);

/// Splits the first whole message off `input`, without its length; `None` if it is not all there.
pub(super) fn first_message(input: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = input.split_first_chunk::<LENGTH>()?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))
}

//----------- Scratch --------------------------------------------------------

/// Buffers for whichever connection of a worker has its turn.
pub(super) struct Scratch {
    pub(super) input: Box<[u8]>,
    pub(super) output: Output,
}

impl Scratch {
    pub(super) fn new() -> Scratch {
        let output = Output { octets: vec![0; GATHER].into(), filled: 0 };
        Scratch { input: vec![0; READ].into(), output }
    }
}

//----------- Output ---------------------------------------------------------

/// Answers in a row, each with its length.
pub(super) struct Output {
    octets: Box<[u8]>,
    filled: usize,
}

impl Output {
    /// Whether the longest message fits.
    pub(super) fn has_room(&self) -> bool {
        self.octets.len() - self.filled >= LENGTH + MESSAGE
    }

    /// Appends what `respond` writes to the buffer it is given, if it says how long that is. There must be
    /// room.
    pub(super) fn put(&mut self, respond: impl FnOnce(&mut [u8]) -> Option<usize>) {
        let room = self.octets.get_mut(self.filled..).unwrap_or_default();
        let Some((prefix, rest)) = room.split_first_chunk_mut::<LENGTH>() else { return };
        let Some(message) = rest.get_mut(..MESSAGE) else { return };
        let Some(length) = respond(message) else { return };
        let Ok(octets) = u16::try_from(length) else { return };
        *prefix = octets.to_be_bytes();
        self.filled += LENGTH + length;
    }

    pub(super) fn filled(&self) -> &[u8] {
        self.octets.get(..self.filled).unwrap_or_default()
    }

    pub(super) fn clear(&mut self) {
        self.filled = 0;
    }
}
