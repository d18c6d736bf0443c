//! The access list: who is permitted, and lists that are refused.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use numdip_server::{Access, Acl, AclError, Others};
use proptest::prelude::*;

fn clients(list: &[(&str, &[&str])]) -> Vec<(String, Vec<IpNet>)> {
    let networks = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
    list.iter().map(|&(name, texts)| (name.to_owned(), networks(texts))).collect()
}

fn acl(list: &[(&str, &[&str])]) -> Acl {
    Acl::new(&clients(list), Others::Refuse).unwrap()
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

//----------- Decisions ------------------------------------------------------

#[test]
fn loopback_permits_this_machine_and_refuses_others() {
    let acl = Acl::loopback();
    for own in ["127.0.0.1", "127.255.255.255", "127.0.0.0", "::1", "::ffff:127.0.0.1"] {
        assert_eq!(Access::Permit, acl.decide(ip(own)), "{own}");
    }
    for other in ["126.255.255.255", "128.0.0.0", "::", "::2", "192.0.2.1", "::ffff:192.0.2.1", "::7f00:1"] {
        assert_eq!(Access::Refuse, acl.decide(ip(other)), "{other}");
    }
}

#[test]
fn others_are_refused_or_dropped_as_said() {
    let of = |others| Acl::new(&clients(&[("acme", &["192.0.2.0/24"])]), others).unwrap();
    assert_eq!(Access::Refuse, of(Others::Refuse).decide(ip("198.51.100.1")));
    assert_eq!(Access::Drop, of(Others::Drop).decide(ip("198.51.100.1")));
    assert_eq!(Access::Permit, of(Others::Drop).decide(ip("192.0.2.255")));
}

#[test]
fn empty_list_permits_nobody() {
    let acl = acl(&[("acme", &[])]);
    assert_eq!((Access::Refuse, Access::Refuse), (acl.decide(ip("127.0.0.1")), acl.decide(ip("::1"))));
}

#[test]
fn longest_prefix_says_whose_an_address_is() {
    let acl = acl(&[
        ("wide", &["10.0.0.0/8", "2001:db8::/32"]),
        ("narrow", &["10.1.0.0/16", "2001:db8:1::/48"]),
        ("host", &["10.1.2.3/32"]),
    ]);
    for (address, client) in [
        ("10.0.255.255", Some("wide")),
        ("10.1.0.0", Some("narrow")),
        ("10.1.2.2", Some("narrow")),
        ("10.1.2.3", Some("host")),
        ("10.1.2.4", Some("narrow")),
        ("10.1.255.255", Some("narrow")),
        ("10.2.0.0", Some("wide")),
        ("10.255.255.255", Some("wide")),
        ("11.0.0.0", None),
        ("2001:db8::1", Some("wide")),
        ("2001:db8:1::1", Some("narrow")),
        ("2001:db8:2::", Some("wide")),
        ("2001:db9::", None),
    ] {
        assert_eq!(client, acl.client(ip(address)), "{address}");
    }
}

#[test]
fn ends_of_the_address_space_are_held() {
    let acl = acl(&[
        ("all", &["0.0.0.0/0", "::/0"]),
        ("last", &["255.255.255.255/32", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128"]),
        ("first", &["0.0.0.0/32", "::/128"]),
    ]);
    assert_eq!(Some("first"), acl.client(ip("0.0.0.0")));
    assert_eq!(Some("all"), acl.client(ip("0.0.0.1")));
    assert_eq!(Some("all"), acl.client(ip("255.255.255.254")));
    assert_eq!(Some("last"), acl.client(ip("255.255.255.255")));
    assert_eq!(Some("first"), acl.client(ip("::")));
    assert_eq!(Some("last"), acl.client(ip("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")));
}

#[test]
fn mapped_ipv4_is_ipv4() {
    let acl = acl(&[("mapped", &["::ffff:192.0.2.0/120"]), ("six", &["::/0"])]);
    assert_eq!(Some("mapped"), acl.client(ip("192.0.2.77")));
    assert_eq!(Some("mapped"), acl.client(ip("::ffff:192.0.2.77")));
    // No IPv6 network that is not written as IPv4 holds an IPv4 address.
    assert_eq!(None, acl.client(ip("::ffff:198.51.100.1")));
    assert_eq!(None, acl.client(ip("198.51.100.1")));
    assert_eq!(Some("six"), acl.client(ip("2001:db8::1")));
}

//----------- Lists that are refused -----------------------------------------

#[test]
fn host_bits_are_refused_with_the_mend() {
    let error = Acl::new(&clients(&[("acme", &["192.0.2.1/24"])]), Others::Refuse).unwrap_err();
    assert_eq!("client acme: 192.0.2.1/24 has host bits set: write 192.0.2.0/24", error.to_string());
    let error = Acl::new(&clients(&[("acme", &["2001:db8::1/32"])]), Others::Refuse).unwrap_err();
    assert_eq!("client acme: 2001:db8::1/32 has host bits set: write 2001:db8::/32", error.to_string());
}

#[test]
fn network_listed_twice_is_refused_with_both_clients() {
    let list = clients(&[("acme", &["192.0.2.0/24"]), ("other", &["198.51.100.0/24", "192.0.2.0/24"])]);
    let error = Acl::new(&list, Others::Refuse).unwrap_err();
    assert_eq!(
        "192.0.2.0/24 is listed twice, by client acme and by client other: keep one of them",
        error.to_string()
    );
    let list = clients(&[("acme", &["::1/128", "::1/128"])]);
    assert!(matches!(Acl::new(&list, Others::Drop), Err(AclError::Twice { .. })));
    let list = clients(&[("acme", &["192.0.2.0/24", "::ffff:192.0.2.0/120"])]);
    assert!(matches!(Acl::new(&list, Others::Drop), Err(AclError::Twice { .. })));
}

//----------- Against the plain way ------------------------------------------

/// Networks crowded at few places, so that they nest and touch.
fn network() -> impl Strategy<Value = IpNet> {
    let v4 = (0..=3_u32, 24..=32_u8, any::<u8>()).prop_map(|(place, length, last)| {
        let start = [0, 0x7fff_ff00, 0x8000_0000, 0xffff_ff00][place as usize];
        IpNet::V4(Ipv4Net::new((start | u32::from(last)).into(), length).unwrap().trunc())
    });
    let v6 = (any::<bool>(), 120..=128_u8, any::<u8>()).prop_map(|(high, length, last)| {
        let start = if high { u128::MAX << 8 } else { 0 };
        IpNet::V6(Ipv6Net::new((start | u128::from(last)).into(), length).unwrap().trunc())
    });
    prop_oneof![v4, v6]
}

/// An address in a network or next to it.
fn near(network: &IpNet, step: u8) -> IpAddr {
    match network.network() {
        IpAddr::V4(address) => {
            IpAddr::V4(address.to_bits().wrapping_add(u32::from(step)).wrapping_sub(2).into())
        }
        IpAddr::V6(address) => {
            IpAddr::V6(address.to_bits().wrapping_add(u128::from(step)).wrapping_sub(2).into())
        }
    }
}

proptest! {
    #[test]
    fn decisions_are_those_of_a_linear_search(
        networks in proptest::collection::btree_set(network(), 1..40),
        picks in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..60),
    ) {
        let networks: Vec<IpNet> = networks.into_iter().collect();
        let clients: Vec<(String, Vec<IpNet>)> =
            networks.iter().map(|&network| (network.to_string(), vec![network])).collect();
        let acl = Acl::new(&clients, Others::Drop).unwrap();
        for (pick, step) in picks {
            let address = near(pick.get(&networks), step);
            let longest = networks
                .iter()
                .filter(|network| network.contains(&address))
                .max_by_key(|network| network.prefix_len())
                .map(IpNet::to_string);
            prop_assert_eq!(longest.as_deref(), acl.client(address));
            let access = if longest.is_some() { Access::Permit } else { Access::Drop };
            prop_assert_eq!(access, acl.decide(address));
        }
    }
}
