//! What happened on a walk, as data.

use std::fmt;
use std::net::IpAddr;

use super::srv::Srv;
use super::{MAX_HOPS, Question};
use crate::ddds::{Explained, RuleFault, Skip};
use crate::naptr::Naptr;
use crate::naptr::services::ServicesFault;
use crate::uri::UriFault;

//----------- What is found --------------------------------------------------

/// Where a walk leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// A URI.
    Uri(Uri),
    /// An address of a server.
    Server(Server),
}

/// A URI, and what of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uri {
    /// The URI.
    pub uri: Vec<u8>,
    /// The wanted services of the record, best first: enumservices, or protocols.
    pub services: Vec<String>,
    /// The record.
    pub record: Naptr,
}

/// An address of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// What it speaks: protocols of S-NAPTR, or SIP's transport, such as `TCP/TLS`.
    pub protocols: Vec<String>,
    /// Its name, with the final dot; the address itself where a URI has that.
    pub host: String,
    /// Its port; `None` is the protocol's own.
    pub port: Option<u16>,
    /// Its address.
    pub address: IpAddr,
}

//----------- Step -----------------------------------------------------------

/// One thing that happened on a walk.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step {
    /// A name was asked for.
    Asked {
        /// What was asked.
        question: Question,
        /// How many records came.
        records: usize,
        /// How many of them were left out: a set has its bounds.
        left_out: usize,
    },
    /// A name that was asked for before: the same records are gone through again, for something else.
    Again {
        /// What was asked.
        question: Question,
    },
    /// A record leads on to another name.
    LedOn {
        /// The record.
        record: Naptr,
        /// Where it leads.
        to: Question,
    },
    /// A host is taken in its turn.
    Host {
        /// Its record.
        record: Srv,
    },
    /// A record gave a URI.
    Gave {
        /// The URI, and what of.
        uri: Uri,
        /// How its rule did; `None`: its regexp is no expression, but a URI in a frame.
        explained: Option<Explained>,
    },
    /// An address is to be tried.
    Reached {
        /// The address, and what of.
        server: Server,
    },
    /// A NAPTR record was passed over.
    PassedOver {
        /// The record.
        record: Naptr,
        /// Why.
        reason: PassedOver,
        /// How its rule did, if it came to that.
        explained: Option<Explained>,
    },
    /// An SRV record says that there is no such service.
    NoService {
        /// The record.
        record: Srv,
    },
    /// Nothing of use was found so far; SIP has another way to try.
    Fallback {
        /// Which way, as a sentence.
        why: &'static str,
    },
    /// The walk ended early: it passed its bounds.
    Stopped {
        /// Which bound, as a sentence.
        why: &'static str,
    },
}

//----------- PassedOver -----------------------------------------------------

/// Why a record was passed over.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PassedOver {
    /// Its flags are none that mean something here.
    Flags {
        /// Those that do.
        expected: &'static str,
    },
    /// It gives a URI, and has a replacement too (RFC 3403 §4.1).
    Replacement,
    /// It leads on, but nowhere.
    NoReplacement,
    /// It leads on by its replacement, and has a regexp too (RFC 3958 §6.6).
    Regexp,
    /// Its services are not those of the application.
    Services(ServicesFault),
    /// Its services are those of another application.
    OtherApplication,
    /// None of its services is wanted.
    NotWanted,
    /// It is not secure, and a SIPS URI must not go that way (RFC 3263 §4.1).
    NotSecure,
    /// Its regexp is no rule.
    Rule(RuleFault),
    /// Its rule gives no URI for the number.
    Output(Skip),
    /// Its regexp is not what U-NAPTR has (RFC 4848 §2.2).
    Frame,
    /// What stands in its regexp is no URI.
    NoUri(UriFault),
    /// It leads to a name that was asked for before.
    Loop,
    /// Too many records led on before it.
    TooManyHops,
    /// The set is bound to the order of the record that was accepted (RFC 3403 §4.1).
    OtherOrder,
}

impl PassedOver {
    /// The reason in one stable word.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Flags { .. } => "flags",
            Self::Replacement => "replacement",
            Self::NoReplacement => "no-replacement",
            Self::Regexp => "regexp",
            Self::Services(_) | Self::OtherApplication => "services",
            Self::NotWanted => "not-wanted",
            Self::NotSecure => "not-secure",
            Self::Rule(fault) => fault.code(),
            Self::Output(skip) => skip.code(),
            Self::Frame => "frame",
            Self::NoUri(_) => "no-uri",
            Self::Loop => "loop",
            Self::TooManyHops => "too-many-hops",
            Self::OtherOrder => "other-order",
        }
    }
}

impl fmt::Display for PassedOver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flags { expected } => write!(f, "flags: expected {expected}"),
            Self::Replacement => f.write_str("it has a replacement besides flag u: write . there"),
            Self::NoReplacement => f.write_str("it leads on to its replacement, which is empty"),
            Self::Regexp => f.write_str("it has a regexp besides the replacement that it leads on to"),
            Self::Services(fault) => fault.fmt(f),
            Self::OtherApplication => f.write_str("services: of another application"),
            Self::NotWanted => f.write_str("none of its services is wanted"),
            Self::NotSecure => f.write_str("a sips URI must not go by it: it has no TLS"),
            Self::Rule(fault) => write!(f, "regexp: {fault}"),
            Self::Output(skip) => skip.fmt(f),
            Self::Frame => f.write_str("regexp: expected !.*!, a URI and ! again, as U-NAPTR has it"),
            Self::NoUri(fault) => write!(f, "regexp: what it gives is no URI: {fault}"),
            Self::Loop => f.write_str("it leads to a name that was asked for before"),
            Self::TooManyHops => write!(f, "more than {MAX_HOPS} records lead on to other names"),
            Self::OtherOrder => f.write_str("its order is not that of the record that was accepted"),
        }
    }
}

impl std::error::Error for PassedOver {}
