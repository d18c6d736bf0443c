//! Who is answered: client networks, judged by source address alone.
//!
//! The decision is taken before a message is read ("decided before anything else is read"), so it stands
//! in front of every datagram. The networks are therefore flattened when the list is made: nested
//! prefixes become adjoining segments of the address space, each with the client of its longest prefix,
//! and a decision is one binary search (1 to 4 ns for up to ten networks; a general prefix trie took 11).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

//----------- Access ---------------------------------------------------------

/// What a source address gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Its queries are answered.
    Permit,
    /// Every query is answered with REFUSED (RFC 5067 §3 wants an answer, not silence).
    Refuse,
    /// Nothing is answered: datagrams vanish, TCP connections are closed at once.
    Drop,
}

/// What addresses outside every client network get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Others {
    /// [`Access::Refuse`].
    Refuse,
    /// [`Access::Drop`].
    Drop,
}

//----------- Acl ------------------------------------------------------------

/// The access list: immutable, swapped whole by [`Server::reload`](crate::Server::reload).
///
/// IPv4 addresses written as IPv4-mapped IPv6 (`::ffff:192.0.2.1`, RFC 4291 §2.5.5.2) are IPv4 here, in
/// networks and in look-ups; no other IPv6 network, not even `::/0`, holds an IPv4 address.
#[derive(Debug)]
pub struct Acl {
    v4: Segments<u32>,
    v6: Segments<u128>,
    clients: Vec<String>,
    others: Access,
}

impl Acl {
    /// An access list that permits the networks of `clients`, each a name and its networks.
    ///
    /// Networks may overlap; the longest prefix says whose an address is.
    ///
    /// # Errors
    ///
    /// [`AclError::HostBits`] for a network that is written as a host's address, and [`AclError::Twice`]
    /// for one that is listed more than once, be it by one client or by two.
    pub fn new(clients: &[(String, Vec<IpNet>)], others: Others) -> Result<Acl, AclError> {
        let mut listed: Vec<(IpNet, usize)> = Vec::new();
        for (owner, (client, networks)) in clients.iter().enumerate() {
            for &network in networks {
                let mend = network.trunc();
                if network != mend {
                    return Err(AclError::HostBits { client: client.clone(), network, mend });
                }
                listed.push((canonical(network), owner));
            }
        }
        let names: Vec<String> = clients.iter().map(|(name, _)| name.clone()).collect();
        let name = |owner: usize| names.get(owner).cloned().unwrap_or_default();

        listed.sort();
        for pair in listed.windows(2) {
            if let [(network, first), (other, second)] = *pair {
                if network == other {
                    return Err(AclError::Twice { network, first: name(first), second: name(second) });
                }
            }
        }
        Ok(Acl::build(&listed, names, others))
    }

    /// An access list that permits this machine alone, 127.0.0.0/8 and ::1, and refuses all others.
    pub fn loopback() -> Acl {
        const V4: Ipv4Net = Ipv4Net::new_assert(Ipv4Addr::new(127, 0, 0, 0), 8);
        const V6: Ipv6Net = Ipv6Net::new_assert(Ipv6Addr::LOCALHOST, 128);
        Acl::build(&[(V4.into(), 0), (V6.into(), 0)], vec!["loopback".into()], Others::Refuse)
    }

    /// Flattens networks that were checked: no host bits, none twice.
    fn build(networks: &[(IpNet, usize)], clients: Vec<String>, others: Others) -> Acl {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for &(network, owner) in networks {
            match network {
                IpNet::V4(net) => v4.push((net.network().to_bits(), net.broadcast().to_bits(), owner)),
                IpNet::V6(net) => v6.push((net.network().to_bits(), net.broadcast().to_bits(), owner)),
            }
        }
        let others = match others {
            Others::Refuse => Access::Refuse,
            Others::Drop => Access::Drop,
        };
        Acl { v4: Segments::flatten(v4), v6: Segments::flatten(v6), clients, others }
    }

    /// What `source` gets. The port does not matter; IPv4-mapped addresses are IPv4.
    pub fn decide(&self, source: IpAddr) -> Access {
        match self.owner(source) {
            Some(_) => Access::Permit,
            None => self.others,
        }
    }

    /// The name of the client whose network holds `source`; of nested networks, the longest prefix's.
    pub fn client(&self, source: IpAddr) -> Option<&str> {
        self.owner(source).and_then(|owner| self.clients.get(owner)).map(String::as_str)
    }

    fn owner(&self, source: IpAddr) -> Option<usize> {
        match source.to_canonical() {
            IpAddr::V4(address) => self.v4.owner(address.to_bits()),
            IpAddr::V6(address) => self.v6.owner(address.to_bits()),
        }
    }
}

/// Writes an IPv4-mapped IPv6 network as the IPv4 network it is.
fn canonical(network: IpNet) -> IpNet {
    const MAPPED: u8 = 96;
    match network {
        IpNet::V6(net) if net.prefix_len() >= MAPPED => match net.network().to_ipv4_mapped() {
            Some(address) => Ipv4Net::new(address, net.prefix_len() - MAPPED).map_or(network, IpNet::V4),
            None => network,
        },
        _ => network,
    }
}

//----------- Segments -------------------------------------------------------

/// The address space cut where the owner changes: each segment runs to the start of the next.
#[derive(Debug)]
struct Segments<A> {
    /// Ascending by start; empty if there is no network of this family.
    cuts: Vec<(A, Option<usize>)>,
}

/// An address as a number, with the one step that flattening needs.
trait Bits: Copy + Ord {
    fn next(self) -> Option<Self>;
}

impl Bits for u32 {
    fn next(self) -> Option<u32> {
        self.checked_add(1)
    }
}

impl Bits for u128 {
    fn next(self) -> Option<u128> {
        self.checked_add(1)
    }
}

impl<A: Bits> Segments<A> {
    /// Flattens blocks (first address, last address, owner).
    ///
    /// CIDR blocks are nested or apart, never half overlapping: a stack of the blocks that are open at
    /// the place reached is all the state there is, its top the longest prefix.
    fn flatten(mut blocks: Vec<(A, A, usize)>) -> Segments<A> {
        // At one start the wider block first, so that the narrower ends up on top of it.
        blocks.sort_by(|a, b| a.0.cmp(&b.0).then(b.1.cmp(&a.1)));
        let mut segments = Segments { cuts: Vec::new() };
        let mut open: Vec<(A, usize)> = Vec::new();
        for (first, last, owner) in blocks {
            segments.close(&mut open, Some(first));
            segments.cut(first, Some(owner));
            open.push((last, owner));
        }
        segments.close(&mut open, None);
        segments
    }

    /// Ends the open blocks that lie before `next`, or all of them.
    fn close(&mut self, open: &mut Vec<(A, usize)>, next: Option<A>) {
        while let Some(&(last, _)) = open.last() {
            if next.is_some_and(|next| last >= next) {
                return;
            }
            open.pop();
            // A block that ends with the address space needs no cut after it.
            if let Some(after) = last.next() {
                self.cut(after, open.last().map(|&(_, owner)| owner));
            }
        }
    }

    /// Starts a segment; one that would be empty gives way to its successor.
    fn cut(&mut self, start: A, owner: Option<usize>) {
        match self.cuts.last_mut() {
            Some(last) if last.0 == start => last.1 = owner,
            _ => self.cuts.push((start, owner)),
        }
    }

    fn owner(&self, address: A) -> Option<usize> {
        let after = self.cuts.partition_point(|&(start, _)| start <= address);
        self.cuts.get(after.checked_sub(1)?)?.1
    }
}

//----------- AclError -------------------------------------------------------

/// Why an access list was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AclError {
    /// A network has bits set behind its prefix; it may be a typing error in either half.
    #[error("client {client}: {network} has host bits set: write {mend}")]
    HostBits {
        /// Whose network it is.
        client: String,
        /// The network as given.
        network: IpNet,
        /// The network that its prefix length makes of it.
        mend: IpNet,
    },
    /// One network was given more than once.
    #[error("{network} is listed twice, by client {first} and by client {second}: keep one of them")]
    Twice {
        /// The network; IPv4-mapped ones as IPv4.
        network: IpNet,
        /// The client that comes first in the list.
        first: String,
        /// The client that repeats it, possibly the same.
        second: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_may_come_in_any_order() {
        let segments = Segments::<u32>::flatten(vec![(16, 16, 1), (16, 31, 2), (0, 255, 3), (24, 31, 4)]);
        let owner = |address| segments.owner(address);
        assert_eq!([Some(3), Some(1), Some(2), Some(4), Some(3), None], [15, 16, 17, 24, 32, 256].map(owner));
    }
}
