//! Numbers that nobody can guess: ids, ports, cookies (RFC 5452 §9.2, RFC 7873 §4.1).

use std::io;

use rustix::rand::{GetRandomFlags, getrandom};

/// Random octets of the system, some thousand at a time.
pub(crate) struct Entropy {
    octets: Box<[u8; 4096]>,
    used: usize,
}

impl Entropy {
    /// # Errors
    ///
    /// The system has none.
    pub(crate) fn new() -> io::Result<Self> {
        let mut entropy = Self { octets: Box::new([0; 4096]), used: 0 };
        entropy.fill()?;
        Ok(entropy)
    }

    fn fill(&mut self) -> io::Result<()> {
        let mut filled = 0;
        while let Some(rest) = self.octets.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match getrandom(rest, GetRandomFlags::empty()) {
                Ok(count) => filled += count,
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.used = 0;
        Ok(())
    }

    pub(crate) fn octets<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        if self.used + N > self.octets.len() {
            self.fill()?;
        }
        let octets = self.octets.get(self.used..).and_then(<[u8]>::first_chunk).copied();
        self.used += N;
        octets.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }

    pub(crate) fn number(&mut self) -> io::Result<u16> {
        self.octets().map(u16::from_ne_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_differ() {
        let mut entropy = Entropy::new().unwrap();
        let mut seen: Vec<u16> = (0..10_000).map(|_| entropy.number().unwrap()).collect();
        seen.sort_unstable();
        seen.dedup();
        // 65,536 × (1 − e^(−10,000/65,536)) = 9,276 are expected; the deviation is some 24.
        assert!((9_000..9_600).contains(&seen.len()), "{}", seen.len());
    }
}
