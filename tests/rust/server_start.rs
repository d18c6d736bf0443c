//! Starting: which ports are had, and what is said when they cannot be.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "server_support.rs"]
mod support;

use std::collections::HashSet;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::time::Duration;

use numdip_server::{Protocol, Server, Settings, StartError, TcpLimits};
use support::*;

fn failure(settings: Settings) -> String {
    let error = Server::start(settings, open_state()).expect_err("it should not have started");
    let text = error.to_string();
    assert!(!text.contains('\n'), "one line: {text}");
    text
}

fn on(address: SocketAddr) -> Settings {
    settings(&[&address.to_string()])
}

//----------- Ports ----------------------------------------------------------

#[test]
fn port_0_gives_every_worker_the_same_port_for_both_protocols() {
    let mut settings = settings(&["127.0.0.1:0", "127.0.0.1:0", "[::1]:0"]);
    settings.workers = 4;
    let (server, _) = start_with(settings, open_state());
    let addresses = server.addresses();
    assert_eq!(3, addresses.iter().collect::<HashSet<_>>().len());
    for &address in &addresses {
        assert_ne!(0, address.port());
        // The kernel spreads these over all workers; none may be without its sockets.
        for number in 0..32 {
            assert_eq!(number, id(&ask_udp(address, &query(number, KNOWN))));
            assert_eq!(number, id(&ask_tcp(&mut connect(address), &query(number, KNOWN))));
        }
    }
}

#[test]
fn addresses_come_back_in_order() {
    let (first, second) = (start(), "127.0.0.3:0");
    let free = first.1;
    drop(first);
    let (server, _) = start_with(settings(&[second, &free.to_string()]), open_state());
    let addresses = server.addresses();
    assert_eq!("127.0.0.3", addresses[0].ip().to_string());
    assert_eq!(free, addresses[1]);
}

#[test]
fn port_is_free_again_after_stop_even_with_closed_connections_about() {
    let (server, address) = start();
    let mut stream = connect(address);
    ask_tcp(&mut stream, &query(1, KNOWN));
    // The server closes first, so its end goes through TIME_WAIT.
    server.stop();
    expect_closed(&mut stream);
    drop(stream);
    let (_again, _) = start_with(on(address), open_state());
    assert_eq!(2, id(&ask_tcp(&mut connect(address), &query(2, KNOWN))));
    assert_eq!(3, id(&ask_udp(address, &query(3, KNOWN))));
}

//----------- Ports that are taken -------------------------------------------

#[test]
fn port_taken_for_udp_is_named() {
    let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let expected = format!("{address}/udp is in use by another program: stop it or listen on another port");
    assert_eq!(expected, failure(on(address)));
}

#[test]
fn port_taken_for_tcp_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let expected = format!("{address}/tcp is in use by another program: stop it or listen on another port");
    assert_eq!(expected, failure(on(address)));
}

#[test]
fn port_of_a_program_that_would_share_it_is_not_shared() {
    use socket2::{Domain, Socket, Type};
    for (kind, protocol) in [(Type::DGRAM, "udp"), (Type::STREAM, "tcp")] {
        let socket = Socket::new(Domain::IPV4, kind, None).unwrap();
        socket.set_reuse_port(true).unwrap();
        socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
        if protocol == "tcp" {
            socket.listen(1).unwrap();
        }
        let address = socket.local_addr().unwrap().as_socket().unwrap();
        let text = failure(on(address));
        assert!(text.starts_with(&format!("{address}/{protocol} is in use")), "{text}");
    }
}

#[test]
fn port_of_another_server_is_not_shared() {
    let (server, address) = start();
    let text = failure(on(address));
    assert!(text.starts_with(&format!("{address}/udp is in use")), "{text}");
    // A wildcard would take a part of the queries as well.
    let wildcard = SocketAddr::from(([0, 0, 0, 0], address.port()));
    assert!(failure(on(wildcard)).contains("is in use"));
    assert_eq!(1, id(&ask_udp(address, &query(1, KNOWN))));
    drop(server);
}

#[test]
fn failed_start_leaves_nothing_behind() {
    let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().map(|address| (taken, address)).unwrap();
    let (server, free) = start();
    drop(server);
    failure(settings(&[&free.to_string(), &taken.1.to_string()]));
    // Neither socket of the address that was free is held.
    UdpSocket::bind(free).unwrap();
    TcpListener::bind(free).unwrap();
}

//----------- Addresses that cannot be ---------------------------------------

#[test]
fn address_of_another_machine_is_named() {
    let text = failure(settings(&["192.0.2.1:5300"]));
    assert!(text.starts_with("192.0.2.1:5300/udp is not an address of this machine"), "{text}");
    assert!(text.contains("0.0.0.0"), "{text}");
    let text = failure(settings(&["[2001:db8::1]:5300"]));
    assert!(text.starts_with("[2001:db8::1]:5300/udp is not an address of this machine"), "{text}");
    assert!(text.contains("[::]"), "{text}");
}

#[test]
fn link_local_address_wants_its_interface() {
    let text = failure(settings(&["[fe80::1]:5300"]));
    assert!(text.starts_with("[fe80::1]:5300/udp is a link-local address without its interface"), "{text}");
}

#[test]
fn address_listed_twice_is_refused() {
    let text = failure(settings(&["127.0.0.1:5399", "127.0.0.1:5399"]));
    assert_eq!("127.0.0.1:5399 is listed twice: remove one of the two", text);
}

#[test]
fn no_address_is_refused() {
    assert_eq!(
        "no address to listen on: name at least one, for example 127.0.0.1:5300",
        failure(settings(&[]))
    );
}

#[test]
fn port_without_permission_is_named() {
    // Whether a port needs permission depends on who runs this; the text does not.
    let error = StartError::Permission { address: "127.0.0.1:53".parse().unwrap(), protocol: Protocol::Udp };
    assert_eq!(
        "no permission to listen on 127.0.0.1:53/udp: ports below 1024 need root or CAP_NET_BIND_SERVICE, \
         or listen on another port",
        error.to_string()
    );
}

//----------- Settings that cannot be ----------------------------------------

#[test]
fn too_many_workers_are_refused() {
    let mut settings = settings(&["127.0.0.1:0"]);
    settings.workers = 1025;
    assert_eq!("1025 workers are too many: use at most 1024, or 0 for one per CPU", failure(settings));
}

#[test]
fn limits_under_which_nothing_is_answered_are_refused() {
    let with = |tcp: TcpLimits| {
        let mut settings = settings(&["127.0.0.1:0"]);
        settings.tcp = tcp;
        failure(settings)
    };
    assert_eq!(
        "TCP limit idle_timeout is 0ns: use 1 ms to 1 day",
        with(TcpLimits { idle_timeout: Duration::ZERO, ..TcpLimits::default() })
    );
    assert_eq!(
        "TCP limit write_timeout is 90000s: use 1 ms to 1 day",
        with(TcpLimits { write_timeout: Duration::from_secs(90_000), ..TcpLimits::default() })
    );
    assert_eq!(
        "TCP limit max_connections is 0: use 1 to 1,000,000",
        with(TcpLimits { max_connections: 0, ..TcpLimits::default() })
    );
}

#[test]
fn workers_0_is_one_per_cpu() {
    let mut settings = settings(&["127.0.0.1:0"]);
    settings.workers = 0;
    let (_server, address) = start_with(settings, open_state());
    assert_eq!(1, id(&ask_udp(address, &query(1, KNOWN))));
}
