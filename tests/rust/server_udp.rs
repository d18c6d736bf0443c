//! The server over UDP, asked by real sockets on loopback.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "server_support.rs"]
mod support;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use numdip_server::{Acl, Others, Settings, State};
use support::*;

//----------- Answers --------------------------------------------------------

#[test]
fn known_number_is_answered_with_its_network() {
    let (server, address) = start();
    let answer = ask_udp(address, &query(0x1234, KNOWN));
    assert_eq!((0x1234, NOERROR), (id(&answer), rcode(&answer)));
    assert!(names(&answer, "012"));
    assert_eq!(1, server.counters().udp.noerror);
}

#[test]
fn unknown_number_and_bad_query_get_their_response_codes() {
    let (server, address) = start();
    assert_eq!(NXDOMAIN, rcode(&ask_udp(address, &query(1, UNKNOWN))));
    let mut other_type = query(2, KNOWN);
    let type_low = other_type.len() - 3;
    other_type[type_low] = 1;
    assert_eq!(SERVFAIL, rcode(&ask_udp(address, &other_type)));
    let counters = server.counters();
    assert_eq!((1, 1, 2), (counters.udp.nxdomain, counters.udp.servfail, counters.udp.received));
}

#[test]
fn ipv6_is_answered() {
    let (_server, address) = start_with(settings(&["[::1]:0"]), open_state());
    assert!(names(&ask_udp(address, &query(1, KNOWN)), "012"));
}

#[test]
fn several_addresses_are_each_answered() {
    let (server, _) = start_with(settings(&["127.0.0.1:0", "127.0.0.2:0", "[::1]:0"]), open_state());
    // More often than there are workers, and in turns.
    for round in 0..10 {
        for address in server.addresses() {
            assert_eq!(round, id(&ask_udp(address, &query(round, KNOWN))));
        }
    }
}

#[test]
fn burst_is_answered_whole() {
    const BURST: u16 = 150;
    let (_server, address) = start();
    let socket = udp_client(address);
    for number in 0..BURST {
        socket.send_to(&query(number, KNOWN), address).unwrap();
    }
    let mut answered: Vec<u16> = (0..BURST).map(|_| id(&receive(&socket).0)).collect();
    answered.sort_unstable();
    assert_eq!((0..BURST).collect::<Vec<_>>(), answered);
}

#[test]
fn flood_is_answered_whole_with_rests_of_any_length() {
    const WINDOW: usize = 100;
    const QUERIES: usize = 60_000;
    for (gather, listen) in
        [(1_000, &["127.0.0.1:0"][..]), (50, &["127.0.0.1:0", "127.0.0.2:0"]), (0, &["127.0.0.1:0"])]
    {
        let gather = Duration::from_micros(gather);
        let (server, address) = start_with(Settings { workers: 1, gather, ..settings(listen) }, open_state());
        let socket = udp_client(address);
        let (mut sent, mut answered) = (0, 0);
        while answered < QUERIES {
            while sent < QUERIES.min(answered + WINDOW) {
                socket.send_to(&query(sent as u16, KNOWN), address).unwrap();
                sent += 1;
            }
            assert_eq!(NOERROR, rcode(&receive(&socket).0));
            answered += 1;
        }
        assert_eq!(QUERIES as u64, server.counters().udp.noerror);
    }
}

//----------- Access ---------------------------------------------------------

#[test]
fn stranger_is_refused() {
    let (server, address) = start_with(settings(&["127.0.0.1:0"]), closed_state(Others::Refuse));
    let answer = ask_udp(address, &query(7, KNOWN));
    assert_eq!((7, REFUSED), (id(&answer), rcode(&answer)));
    assert!(!names(&answer, "012"));
    assert_eq!(1, server.counters().udp.refused);
}

#[test]
fn stranger_is_dropped_in_silence() {
    let (server, address) = start_with(settings(&["127.0.0.1:0"]), closed_state(Others::Drop));
    let socket = udp_client(address);
    socket.send_to(&query(1, KNOWN), address).unwrap();
    until("the query is dropped", || server.counters().udp.dropped_acl == 1);
    server.reload(open_state());
    socket.send_to(&query(2, KNOWN), address).unwrap();
    // The first answer to come is the second query's.
    assert_eq!(2, id(&receive(&socket).0));
}

#[test]
fn client_network_decides_not_the_listen_address() {
    let clients = [("here".to_owned(), vec!["127.0.0.1/32".parse().unwrap()])];
    let acl = Acl::new(&clients, Others::Refuse).unwrap();
    let (_server, address) = start_with(settings(&["0.0.0.0:0"]), state(acl));
    let ask_from = |own: &str| {
        let socket = std::net::UdpSocket::bind(own).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.send_to(&query(1, KNOWN), ("127.0.0.1", address.port())).unwrap();
        rcode(&receive(&socket).0)
    };
    assert_eq!((NOERROR, REFUSED), (ask_from("127.0.0.1:0"), ask_from("127.0.0.2:0")));
}

//----------- Silence and garbage --------------------------------------------

#[test]
fn responses_and_short_messages_get_no_answer() {
    let (server, address) = start();
    let socket = udp_client(address);
    socket.send_to(&response(1), address).unwrap();
    socket.send_to(&query(2, KNOWN)[..11], address).unwrap();
    socket.send_to(&[], address).unwrap();
    socket.send_to(&query(3, KNOWN), address).unwrap();
    assert_eq!(3, id(&receive(&socket).0));
    assert_eq!(3, server.counters().udp.dropped_silent);
}

#[test]
fn datagram_beyond_the_buffer_is_answered_as_malformed() {
    let (server, address) = start();
    let mut message = query(0x0102, KNOWN);
    message.resize(5000, 0);
    let answer = ask_udp(address, &message);
    assert_eq!((0x0102, SERVFAIL), (id(&answer), rcode(&answer)));
    assert_eq!(1, server.counters().udp.oversized);
}

#[test]
fn garbage_is_survived() {
    // One worker, so that a query's answer tells that all before it has been dealt with.
    let mut settings = settings(&["127.0.0.1:0"]);
    settings.workers = 1;
    let (server, address) = start_with(settings, open_state());
    let (garbage, good) = (udp_client(address), udp_client(address));
    let mut random = Random(1);
    for round in 0..400_u16 {
        for _ in 0..25 {
            let message = random.message();
            garbage.send_to(&message, address).unwrap();
        }
        good.send_to(&query(round, KNOWN), address).unwrap();
        let (answer, _) = receive(&good);
        assert_eq!((round, NOERROR), (id(&answer), rcode(&answer)));
    }
    let counters = server.counters();
    assert_eq!(26 * 400, counters.udp.received);
    assert_eq!((0, 0, 0), (counters.udp.panicked, counters.udp.receive_errors, counters.workers_lost));
    let silent = counters.udp.dropped_silent + counters.udp.dropped_acl;
    assert_eq!(counters.udp.received, counters.udp.answered() + silent);
}

/// Numbers by xorshift: the same in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// Noise of any length, or a query with some of its octets changed, or one cut short or lengthened.
    fn message(&mut self) -> Vec<u8> {
        let mut message = query(self.next() as u16, KNOWN);
        match self.next() % 4 {
            0 => message = (0..self.next() % 600).map(|_| self.next() as u8).collect(),
            1 => message.resize((self.next() % 5000) as usize, 0xc0),
            _ => {
                for _ in 0..=self.next() % 4 {
                    let place = (self.next() as usize) % message.len();
                    message[place] = self.next() as u8;
                }
            }
        }
        message
    }
}

//----------- Addresses ------------------------------------------------------

// RFC 2181 §4.1: the answer comes from the address that was asked.
#[test]
fn wildcard_socket_answers_from_the_address_asked() {
    let (_server, address) = start_with(settings(&["0.0.0.0:0"]), open_state());
    let socket = udp_client("127.0.0.1:0".parse().unwrap());
    for asked in ["127.0.0.2", "127.0.0.1", "127.9.8.7"] {
        let asked = SocketAddr::new(asked.parse().unwrap(), address.port());
        socket.send_to(&query(1, KNOWN), asked).unwrap();
        assert_eq!(asked, receive(&socket).1);
    }
}

#[test]
fn wildcard_socket_answers_each_of_a_batch_from_its_own_address() {
    let (_server, address) = start_with(settings(&["0.0.0.0:0"]), open_state());
    let socket = udp_client("127.0.0.1:0".parse().unwrap());
    for number in 1..=100_u8 {
        let asked = SocketAddr::from(([127, 0, 0, number], address.port()));
        socket.send_to(&query(number.into(), KNOWN), asked).unwrap();
    }
    for _ in 1..=100 {
        let (answer, from) = receive(&socket);
        assert_eq!(SocketAddr::from(([127, 0, 0, id(&answer) as u8], address.port())), from);
    }
}

#[test]
fn ipv6_wildcard_answers_from_the_address_asked() {
    let (_server, address) = start_with(settings(&["[::]:0"]), open_state());
    let asked = SocketAddr::new("::1".parse().unwrap(), address.port());
    assert!(names(&ask_udp(asked, &query(1, KNOWN)), "012"));
}

#[test]
fn wildcards_of_both_families_share_a_port() {
    let (_v4, address) = start_with(settings(&["0.0.0.0:0"]), open_state());
    let v6 = format!("[::]:{}", address.port());
    let (_v6, _) = start_with(settings(&[&v6]), closed_state(Others::Refuse));
    // IPv4 is the first server's affair, IPv6 the second's.
    let port = address.port();
    assert_eq!(NOERROR, rcode(&ask_udp(SocketAddr::from(([127, 0, 0, 1], port)), &query(1, KNOWN))));
    let ipv6 = SocketAddr::new("::1".parse().unwrap(), port);
    assert_eq!(REFUSED, rcode(&ask_udp(ipv6, &query(1, KNOWN))));
}

//----------- Counting -------------------------------------------------------

#[test]
fn counters_have_stable_names_and_what_was_answered_is_counted() {
    let (server, address) = start();
    ask_udp(address, &query(1, KNOWN));
    let counted: Vec<(&str, u64)> = server.counters().iter().filter(|&(_, value)| value != 0).collect();
    assert_eq!([("udp_received", 1), ("udp_noerror", 1)].as_slice(), counted);

    let names: Vec<&str> = server.counters().iter().map(|(name, _)| name).collect();
    let transport = [
        "received",
        "noerror",
        "servfail",
        "nxdomain",
        "refused",
        "other",
        "dropped_acl",
        "dropped_silent",
        "truncated",
        "oversized",
        "panicked",
        "send_errors",
        "receive_errors",
    ];
    let connections = ["accepted", "closed", "refused", "evicted", "timed_out", "accept_errors", "open"];
    let mut expected: Vec<String> = Vec::new();
    expected.extend(transport.map(|name| format!("udp_{name}")));
    expected.extend(transport.map(|name| format!("tcp_{name}")));
    expected.extend(connections.map(|name| format!("tcp_connections_{name}")));
    expected.push("workers_lost".to_owned());
    assert_eq!(expected, names);
}

#[test]
fn reload_changes_the_next_answer() {
    let (server, address) = start();
    assert!(names(&ask_udp(address, &query(1, KNOWN)), "012"));
    server.reload(State { responder: responder("34"), acl: Arc::new(Acl::loopback()) });
    assert!(names(&ask_udp(address, &query(2, KNOWN)), "34"));
}
