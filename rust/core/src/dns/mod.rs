//! The octets of DNS messages, as far as the hot path needs them: no allocation, every read bounded,
//! the caller's buffers (RFC 1035 §4.1, RFC 6891 §6.1).
//!
//! - [`query`]: reads the one shape that nearly all queries have
//! - [`response`]: writes responses
//! - [`message`]: reads what servers answer, record by record
//! - [`name`]: domain names, wire and text
//!
//! Queries of any other shape are for hickory-proto; see [`respond`](crate::respond).

pub mod message;
pub mod name;
pub mod query;
pub mod response;

/// Octets of a message header (RFC 1035 §4.1.1).
pub const HEADER: usize = 12;
/// The most octets of a message (RFC 1035 §4.2.2: a TCP message has a 16-bit length).
pub const MAX_MESSAGE: usize = 65_535;
/// UDP response limit of clients that say nothing (RFC 1035 §4.2.1), and the least that an EDNS
/// client can say (RFC 6891 §6.2.3).
pub const MIN_UDP_LIMIT: usize = 512;
/// The most octets sent in one UDP response, and the UDP size that responses advertise: below what
/// RFC 9715 §3 allows (1400), as DNS flag day 2020 has it, so that no path fragments it.
pub const MAX_UDP_LIMIT: usize = 1232;

/// Resource record type A (RFC 1035 §3.4.1).
pub const TYPE_A: u16 = 1;
/// Resource record type CNAME (RFC 1035 §3.3.1).
pub const TYPE_CNAME: u16 = 5;
/// Resource record type SOA (RFC 1035 §3.3.13).
pub const TYPE_SOA: u16 = 6;
/// Resource record type AAAA (RFC 3596 §2.1).
pub const TYPE_AAAA: u16 = 28;
/// Resource record type SRV (RFC 2782).
pub const TYPE_SRV: u16 = 33;
/// Resource record type DNAME (RFC 6672 §2.1).
pub const TYPE_DNAME: u16 = 39;
/// Resource record type NAPTR (RFC 3403 §4.1).
pub const TYPE_NAPTR: u16 = 35;
/// Pseudo record type OPT (RFC 6891 §6.1.1).
pub const TYPE_OPT: u16 = 41;
/// Class IN (RFC 1035 §3.2.4).
pub const CLASS_IN: u16 = 1;

//----------- Rcode ----------------------------------------------------------

/// Response codes that numdip sends (RFC 1035 §4.1.1, RFC 6891 §9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
#[allow(missing_docs, reason = "the standard's names")]
pub enum Rcode {
    NoError = 0,
    ServFail = 2,
    NxDomain = 3,
    Refused = 5,
    BadVers = 16,
}

//----------- Transport ------------------------------------------------------

/// How a message came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Transport {
    Udp,
    Tcp,
}

impl Transport {
    /// The most octets of a response over this transport to a client that offers `udp_size`.
    #[inline]
    pub fn limit(self, udp_size: Option<u16>) -> usize {
        match self {
            Self::Udp => usize::from(udp_size.unwrap_or(0)).clamp(MIN_UDP_LIMIT, MAX_UDP_LIMIT),
            Self::Tcp => MAX_MESSAGE,
        }
    }
}
