//! Which servers a SIP URI leads to (RFC 3263 §4).

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use super::service::led_to;
use super::step::Server;
use super::{Kind, Lead, PassedOver, Question, Todo, Verdict, addresses};
use crate::dns::name::{self, NameError};
use crate::naptr::Naptr;
use crate::naptr::services::SipTransport;

/// The most octets of a SIP URI that is read.
const MAX_URI: usize = 2048;

//----------- SipTarget ------------------------------------------------------

/// What of a SIP URI says where to send a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SipTarget {
    host: Host,
    port: Option<u16>,
    transport: Option<SipTransport>,
    is_secure: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Host {
    Name(String),
    Address(IpAddr),
}

impl SipTarget {
    /// Reads `sip:` and `sips:` URIs (RFC 3261 §19.1.1).
    pub fn parse(uri: &str) -> Result<Self, SipFault> {
        let (scheme, rest) = uri.split_once(':').ok_or(SipFault::Scheme)?;
        let is_secure = match scheme.to_ascii_lowercase().as_str() {
            "sip" => false,
            "sips" => true,
            _ => return Err(SipFault::Scheme),
        };
        if uri.len() > MAX_URI {
            return Err(SipFault::TooLong);
        }
        // The user may hold ; and ? but no @, and what follows the host holds none either.
        let rest = rest.rsplit_once('@').map_or(rest, |(_, rest)| rest);
        let rest = rest.split_once('?').map_or(rest, |(rest, _)| rest);
        let mut parts = rest.split(';');
        let (host, port) = host_and_port(parts.next().unwrap_or_default())?;
        let mut target = Self { host, port, transport: None, is_secure };
        for parameter in parts {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            match name.to_ascii_lowercase().as_str() {
                "transport" => target.transport = Some(transport(value, is_secure)?),
                // It stands in for the host (RFC 3263 §4).
                "maddr" => target.host = host_and_port(value)?.0,
                _ => {}
            }
        }
        Ok(target)
    }

    /// The transport where none is asked for: UDP, or TLS of a SIPS URI; the first that the client has if it
    /// lacks that.
    fn usual(&self, transports: &[SipTransport]) -> SipTransport {
        let usual = if self.is_secure { SipTransport::Tls } else { SipTransport::Udp };
        let first = transports.iter().find(|transport| transport.is_secure() || !self.is_secure);
        match transports.contains(&usual) {
            true => usual,
            false => first.copied().unwrap_or(usual),
        }
    }
}

fn host_and_port(text: &str) -> Result<(Host, Option<u16>), SipFault> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (address, after) = rest.split_once(']').ok_or(SipFault::NoHost)?;
            let address: Ipv6Addr = address.parse().map_err(|_| SipFault::NoHost)?;
            let port = match after {
                "" => None,
                after => Some(after.strip_prefix(':').ok_or(SipFault::Port)?),
            };
            (Host::Address(address.into()), port)
        }
        None => {
            let (host, port) = match text.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (text, None),
            };
            let is_of_host = |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'.' | b'_');
            if host.is_empty() || host == "." || !host.bytes().all(is_of_host) {
                return Err(SipFault::NoHost);
            }
            let host = match host.parse() {
                Ok(address) => Host::Address(IpAddr::V4(address)),
                Err(_) => {
                    // Room for the labels of an SRV name.
                    name::to_wire(&format!("_sips._sctp.{host}")).map_err(SipFault::Name)?;
                    Host::Name(host.to_owned())
                }
            };
            (host, port)
        }
    };
    let port = match port {
        None => None,
        Some(digits) if !digits.is_empty() && digits.bytes().all(|octet| octet.is_ascii_digit()) => {
            Some(digits.parse().map_err(|_| SipFault::Port)?)
        }
        Some(_) => return Err(SipFault::Port),
    };
    Ok((host, port))
}

fn transport(value: &str, is_secure: bool) -> Result<SipTransport, SipFault> {
    Ok(match (value.to_ascii_lowercase().as_str(), is_secure) {
        ("udp", false) => SipTransport::Udp,
        ("tcp", false) => SipTransport::Tcp,
        // transport=tls is an old way to say what sips says (RFC 3261 §26.2.2).
        ("tcp", true) | ("tls", _) => SipTransport::Tls,
        ("sctp", false) => SipTransport::Sctp,
        ("sctp", true) | ("tls-sctp", _) => SipTransport::SctpTls,
        ("ws", false) => SipTransport::Ws,
        ("ws", true) | ("wss", _) => SipTransport::Wss,
        _ => return Err(SipFault::Transport),
    })
}

/// Where SRV records of a transport stand below a domain (RFC 3263 §4.1, RFC 4168, RFC 7118).
fn labels(transport: SipTransport) -> &'static str {
    match transport {
        SipTransport::Udp => "_sip._udp",
        SipTransport::Tcp => "_sip._tcp",
        SipTransport::Tls => "_sips._tcp",
        SipTransport::Sctp => "_sip._sctp",
        SipTransport::SctpTls => "_sips._sctp",
        SipTransport::Ws => "_sip._ws",
        SipTransport::Wss => "_sips._ws",
    }
}

/// The port where no record says one (RFC 3261 §19.1.2, RFC 7118 §5).
fn usual_port(transport: SipTransport) -> u16 {
    match transport {
        SipTransport::Udp | SipTransport::Tcp | SipTransport::Sctp => 5060,
        SipTransport::Tls | SipTransport::SctpTls => 5061,
        SipTransport::Ws => 80,
        SipTransport::Wss => 443,
    }
}

//----------- SipSearch ------------------------------------------------------

/// The search for a target's servers.
#[derive(Clone, Debug)]
pub(super) struct SipSearch {
    target: SipTarget,
    transports: Vec<SipTransport>,
    /// The name of the transport that a NAPTR record led to first.
    pub(super) led_by: Option<String>,
    /// Whether there was an SRV record, if only to say that there is no service.
    pub(super) met_srv: bool,
}

/// What to do once nothing better was found.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fallback {
    /// SRV records of each transport.
    Srv,
    /// Addresses of the host itself.
    Host,
}

impl SipSearch {
    /// The search, and what to do first; the next stands last.
    pub(super) fn begin(target: &SipTarget, transports: &[SipTransport]) -> (Self, Vec<Todo>) {
        let search =
            Self { target: target.clone(), transports: transports.to_vec(), led_by: None, met_srv: false };
        let transport = target.transport.unwrap_or_else(|| target.usual(transports));
        let todo = match &target.host {
            Host::Address(address) => {
                let port = Some(target.port.unwrap_or_else(|| usual_port(transport)));
                let protocols = vec![transport.name().to_owned()];
                vec![Todo::Give(Server { protocols, host: address.to_string(), port, address: *address })]
            }
            Host::Name(host) if target.port.is_some() => addresses(host, lead(transport, target.port)).into(),
            Host::Name(host) if target.transport.is_some() => {
                vec![Todo::Fallback(Fallback::Host), srv(host, transport)]
            }
            Host::Name(host) => vec![
                Todo::Fallback(Fallback::Host),
                Todo::Fallback(Fallback::Srv),
                Todo::Ask(Question::new(host, Kind::Naptr), Arc::default()),
            ],
        };
        (search, todo)
    }

    /// Judges one record.
    pub(super) fn judge(&self, record: &Naptr) -> Result<Verdict, PassedOver> {
        let transport = SipTransport::parse(record.services()).map_err(|_| PassedOver::OtherApplication)?;
        if self.target.is_secure && !transport.is_secure() {
            return Err(PassedOver::NotSecure);
        }
        if !self.transports.contains(&transport) {
            return Err(PassedOver::NotWanted);
        }
        let kind = match record.flags() {
            [b's' | b'S'] => Kind::Srv,
            _ => return Err(PassedOver::Flags { expected: "s" }),
        };
        Ok(Verdict::Next { to: led_to(record, kind)?, protocols: vec![transport.name().to_owned()] })
    }

    /// What to do where nothing better was found: why, and what; the next stands last.
    pub(super) fn fall_back(&self, fallback: Fallback) -> Option<(&'static str, Vec<Todo>)> {
        let Host::Name(host) = &self.target.host else { return None };
        match fallback {
            Fallback::Srv if self.led_by.is_none() => {
                let fit = |transport: &&SipTransport| transport.is_secure() || !self.target.is_secure;
                let questions = self.transports.iter().rev().filter(fit);
                let why = "no NAPTR record is of use: SRV records are asked for, of each transport";
                Some((why, questions.map(|transport| srv(host, *transport)).collect()))
            }
            Fallback::Host if !self.met_srv => {
                let led_by = |transport: &&SipTransport| self.led_by.as_deref() == Some(transport.name());
                let transport = self.target.transport.or(self.transports.iter().find(led_by).copied());
                let transport = transport.unwrap_or_else(|| self.target.usual(&self.transports));
                let why = "there are no SRV records: the host's own addresses are asked for";
                Some((why, addresses(host, lead(transport, Some(usual_port(transport)))).into()))
            }
            _ => None,
        }
    }
}

fn lead(transport: SipTransport, port: Option<u16>) -> Lead {
    Lead { path: Vec::new(), protocols: vec![transport.name().to_owned()], port }
}

fn srv(host: &str, transport: SipTransport) -> Todo {
    let name = format!("{}.{host}", labels(transport));
    Todo::Ask(Question::new(&name, Kind::Srv), Arc::new(lead(transport, None)))
}

//----------- SipFault -------------------------------------------------------

/// Why a text is no SIP URI that requests can be sent to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SipFault {
    /// It begins with neither `sip:` nor `sips:`.
    #[error("it begins with neither sip: nor sips:")]
    Scheme,
    /// It is too long.
    #[error("it has more than {MAX_URI} octets")]
    TooLong,
    /// There is no host in it.
    #[error("there is no host name or address behind the @")]
    NoHost,
    /// The host is no domain name.
    #[error("the host is no domain name: {0}")]
    Name(NameError),
    /// The port is none.
    #[error("the port is no number from 0 to 65535")]
    Port,
    /// The transport is unknown, or not for sips.
    #[error("transport: expected udp (not for sips), tcp, tls, sctp or ws")]
    Transport,
}

impl SipFault {
    /// The fault in one stable word.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Scheme => "scheme",
            Self::TooLong => "too-long",
            Self::NoHost => "no-host",
            Self::Name(fault) => fault.code(),
            Self::Port => "port",
            Self::Transport => "transport",
        }
    }
}
