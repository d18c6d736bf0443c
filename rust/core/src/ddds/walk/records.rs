//! What a walk asks for, and the records that come.

use std::net::IpAddr;

use super::MAX_RECORDS;
use super::srv::Srv;
use crate::naptr::Naptr;

//----------- Questions and records ------------------------------------------

/// What to ask for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Question {
    /// The name, in lower case with its final dot.
    pub name: String,
    /// The type of the records.
    pub kind: Kind,
}

impl Question {
    pub(super) fn new(name: &str, kind: Kind) -> Self {
        let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
        Self { name: name + ".", kind }
    }
}

/// A type of records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the standards' names")]
pub enum Kind {
    Naptr,
    Srv,
    A,
    Aaaa,
}

impl Kind {
    /// The type's name, such as `NAPTR`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Naptr => "NAPTR",
            Self::Srv => "SRV",
            Self::A => "A",
            Self::Aaaa => "AAAA",
        }
    }
}

/// The records of one name and type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Records {
    /// NAPTR records.
    Naptr(Vec<Naptr>),
    /// SRV records.
    Srv(Vec<Srv>),
    /// Addresses, of A or AAAA records.
    Address(Vec<IpAddr>),
}

impl Records {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Naptr(records) => records.len(),
            Self::Srv(records) => records.len(),
            Self::Address(records) => records.len(),
        }
    }

    /// Takes out what was not asked for and what is too much; gives how many were left out.
    pub(super) fn cut(&mut self, kind: Kind) -> usize {
        let came = self.len();
        let fits = matches!(
            (&*self, kind),
            (Self::Naptr(_), Kind::Naptr)
                | (Self::Srv(_), Kind::Srv)
                | (Self::Address(_), Kind::A | Kind::Aaaa)
        );
        match self {
            _ if !fits => *self = Self::Naptr(Vec::new()),
            Self::Naptr(records) => {
                sort(records);
                records.truncate(MAX_RECORDS);
            }
            Self::Srv(records) => {
                records.sort_by_key(|record| record.priority);
                records.truncate(MAX_RECORDS);
            }
            Self::Address(records) => {
                records.retain(|address| address.is_ipv4() == (kind == Kind::A));
                records.truncate(MAX_RECORDS);
            }
        }
        came - self.len()
    }
}

/// Puts a record set in the order in which it is to be gone through: by order, then by preference.
///
/// Equal ones stay as they are: preference is no weight.
pub fn sort(records: &mut [Naptr]) {
    records.sort_by_key(|record| (record.order(), record.preference()));
}
