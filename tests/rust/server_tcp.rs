//! The server over TCP: pipelining, timeouts, the connection limit (RFC 7766, RFC 9210).

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "server_support.rs"]
mod support;

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use numdip_server::{Acl, Others, Server, State, TcpLimits};
use support::*;

/// Short enough to wait for, long enough for a query between.
const SHORT: Duration = Duration::from_millis(400);

fn start_limited(tcp: TcpLimits) -> (Server, SocketAddr) {
    let mut settings = settings(&["127.0.0.1:0"]);
    settings.tcp = tcp;
    start_with(settings, open_state())
}

//----------- Answers --------------------------------------------------------

#[test]
fn queries_are_answered_one_after_the_other_on_one_connection() {
    let (server, address) = start();
    let mut stream = connect(address);
    for number in 0..20 {
        let answer = ask_tcp(&mut stream, &query(number, KNOWN));
        assert_eq!(number, id(&answer));
        assert!(names(&answer, "012"));
    }
    let counters = server.counters();
    assert_eq!((20, 20), (counters.tcp.received, counters.tcp.noerror));
    assert_eq!((1, 1), (counters.connections.accepted, counters.connections.open()));
    drop(stream);
    until("the connection is closed", || server.counters().connections.open() == 0);
}

#[test]
fn ipv6_is_answered() {
    let (_server, address) = start_with(settings(&["[::1]:0"]), open_state());
    assert!(names(&ask_tcp(&mut connect(address), &query(1, KNOWN)), "012"));
}

#[test]
fn several_addresses_are_each_answered() {
    let (server, _) = start_with(settings(&["127.0.0.1:0", "127.0.0.2:0"]), open_state());
    for address in server.addresses() {
        for number in 0..5 {
            assert_eq!(number, id(&ask_tcp(&mut connect(address), &query(number, KNOWN))));
        }
    }
}

// RFC 7766 §6.2.1.1: a server must be prepared for queries that come before the last one is answered.
#[test]
fn pipelined_queries_are_answered_in_order() {
    let (_server, address) = start();
    let mut stream = connect(address);
    // More than one read takes, so that a message is cut somewhere.
    let queries: Vec<u8> = (0..2000)
        .flat_map(|number| framed(&query(number, if number % 2 == 0 { KNOWN } else { UNKNOWN })))
        .collect();
    stream.write_all(&queries).unwrap();
    for number in 0..2000 {
        let answer = next(&mut stream);
        let expected = if number % 2 == 0 { NOERROR } else { NXDOMAIN };
        assert_eq!((number, expected), (id(&answer), rcode(&answer)));
    }
}

#[test]
fn answers_beyond_what_the_sockets_hold_wait_for_the_reader() {
    const QUERIES: u16 = 20_000;
    let state = State { responder: verbose_responder(), acl: Arc::new(Acl::loopback()) };
    let (server, address) = start_with(settings(&["127.0.0.1:0"]), state);
    let mut stream = connect_narrow(address);
    let mut sending = stream.try_clone().unwrap();
    let sender = thread::spawn(move || {
        let frames: Vec<u8> = (0..QUERIES).flat_map(|number| framed(&query(number, KNOWN))).collect();
        sending.write_all(&frames).unwrap();
    });
    // Not a word is read until the server has stopped reading, which is when its count stands still.
    let mut received = 0;
    until("the server waits for its peer", || {
        thread::sleep(Duration::from_millis(100));
        let before = std::mem::replace(&mut received, server.counters().tcp.received);
        before > 0 && before == received
    });
    assert!(received < QUERIES.into(), "the server should not have read everything");
    for number in 0..QUERIES {
        let answer = next(&mut stream);
        assert_eq!((number, NOERROR), (id(&answer), rcode(&answer)));
        assert!(answer.len() > 500, "{}", answer.len());
    }
    sender.join().unwrap();
}

// RFC 7766 §8: the length and the message may come in any pieces.
#[test]
fn query_in_single_octets_is_answered() {
    let (_server, address) = start();
    let mut stream = connect(address);
    for number in 0..3 {
        for octet in framed(&query(number, KNOWN)) {
            stream.write_all(&[octet]).unwrap();
        }
        assert_eq!(number, id(&next(&mut stream)));
    }
}

#[test]
fn longest_message_is_read_whole() {
    let (server, address) = start();
    let mut stream = connect(address);
    let mut message = query(1, KNOWN);
    message.resize(65_535, 0);
    assert_eq!(SERVFAIL, rcode(&ask_tcp(&mut stream, &message)));
    assert_eq!(2, id(&ask_tcp(&mut stream, &query(2, KNOWN))));
    assert_eq!(2, server.counters().tcp.received);
}

#[test]
fn responses_and_short_messages_get_no_answer_and_reading_goes_on() {
    let (server, address) = start();
    let mut stream = connect(address);
    for message in [response(1), query(2, KNOWN)[..11].to_vec(), Vec::new(), query(3, KNOWN)] {
        send(&mut stream, &message);
    }
    assert_eq!(3, id(&next(&mut stream)));
    assert_eq!(3, server.counters().tcp.dropped_silent);
}

#[test]
fn queries_before_the_end_of_sending_are_answered() {
    let (_server, address) = start();
    let mut stream = connect(address);
    for number in 0..10 {
        send(&mut stream, &query(number, KNOWN));
    }
    stream.shutdown(Shutdown::Write).unwrap();
    for number in 0..10 {
        assert_eq!(number, id(&next(&mut stream)));
    }
    expect_closed(&mut stream);
}

#[test]
fn peers_that_vanish_cost_nothing() {
    let (server, address) = start();
    for number in 0..50 {
        let mut stream = connect(address);
        let frame = framed(&query(number, KNOWN));
        stream.write_all(&frame[..usize::from(number) % frame.len()]).unwrap();
    }
    until("all are gone", || {
        let connections = server.counters().connections;
        connections.accepted == 50 && connections.open() == 0
    });
    assert_eq!(1, id(&ask_tcp(&mut connect(address), &query(1, KNOWN))));
}

//----------- Access ---------------------------------------------------------

#[test]
fn stranger_is_refused() {
    let (_server, address) = start_with(settings(&["127.0.0.1:0"]), closed_state(Others::Refuse));
    let mut stream = connect(address);
    for number in 0..3 {
        let answer = ask_tcp(&mut stream, &query(number, KNOWN));
        assert_eq!((number, REFUSED), (id(&answer), rcode(&answer)));
    }
}

#[test]
fn stranger_to_be_dropped_is_closed_at_once() {
    let (server, address) = start_with(settings(&["127.0.0.1:0"]), closed_state(Others::Drop));
    expect_closed(&mut connect(address));
    until("it is counted", || server.counters().tcp.dropped_acl == 1);
    assert_eq!(0, server.counters().connections.open());
}

#[test]
fn reload_reaches_open_connections() {
    let (server, address) = start();
    let mut stream = connect(address);
    assert_eq!(NOERROR, rcode(&ask_tcp(&mut stream, &query(1, KNOWN))));
    server.reload(closed_state(Others::Refuse));
    assert_eq!(REFUSED, rcode(&ask_tcp(&mut stream, &query(2, KNOWN))));
    server.reload(closed_state(Others::Drop));
    send(&mut stream, &query(3, KNOWN));
    expect_closed(&mut stream);
}

//----------- Timeouts -------------------------------------------------------

#[test]
fn idle_connection_is_closed() {
    let (server, address) = start_limited(TcpLimits { idle_timeout: SHORT, ..patient() });
    let (mut silent, mut asking) = (connect(address), connect(address));
    ask_tcp(&mut asking, &query(1, KNOWN));
    expect_closed(&mut silent);
    expect_closed(&mut asking);
    until("both are counted", || server.counters().connections.timed_out == 2);
}

// RFC 7766 §6.2.3: parts of a message do not start the timeout anew.
#[test]
fn message_that_never_ends_is_closed() {
    let (server, address) = start_limited(TcpLimits { message_timeout: SHORT, ..patient() });
    let mut stream = connect(address);
    let frame = framed(&vec![0; 60_000]);
    let mut octets = frame.iter();
    while !closed_by_now(&mut stream) {
        // The connection may be closed between the look and the write.
        let _ = stream.write_all(&[*octets.next().expect("it should have been closed long ago")]);
    }
    until("it is counted", || server.counters().connections.timed_out == 1);
}

#[test]
fn message_timeout_is_not_for_whole_messages() {
    let (_server, address) = start_limited(TcpLimits { message_timeout: SHORT, ..patient() });
    let mut stream = connect(address);
    let (first, second) = (framed(&query(1, KNOWN)), framed(&query(2, KNOWN)));
    // A whole message and the beginning of the next, whose clock starts now; then its rest, and silence for
    // longer than the timeout.
    stream.write_all(&[&first[..], &second[..5]].concat()).unwrap();
    assert_eq!(1, id(&next(&mut stream)));
    stream.write_all(&second[5..]).unwrap();
    assert_eq!(2, id(&next(&mut stream)));
    stream.set_read_timeout(Some(2 * SHORT)).unwrap();
    let silence = stream.read(&mut [0]).unwrap_err().kind();
    assert!(matches!(silence, ErrorKind::WouldBlock | ErrorKind::TimedOut), "{silence:?}");
}

#[test]
fn messages_that_deserve_no_answer_keep_no_connection_open() {
    let (server, address) = start_limited(TcpLimits { idle_timeout: SHORT, ..patient() });
    let mut stream = connect(address);
    while !closed_by_now(&mut stream) {
        let _ = stream.write_all(&framed(&response(1)));
    }
    until("it is counted", || server.counters().connections.timed_out == 1);
}

#[test]
fn peer_that_does_not_read_is_closed() {
    let (server, address) = start_limited(TcpLimits { write_timeout: SHORT, ..patient() });
    let mut stream = connect(address);
    // Until the server has stopped reading, because nobody reads its answers, and then closes.
    let frames: Vec<u8> = (0..1000).flat_map(|number| framed(&query(number, KNOWN))).collect();
    while stream.write_all(&frames).is_ok() {}
    until("it is counted", || server.counters().connections.timed_out == 1);
}

//----------- The limit ------------------------------------------------------

#[test]
fn at_the_limit_the_oldest_idle_connection_gives_way() {
    let (server, address) = start_limited(TcpLimits { max_connections: 3, ..patient() });
    let mut streams: Vec<TcpStream> = Vec::new();
    for number in 0..3 {
        let mut stream = connect(address);
        ask_tcp(&mut stream, &query(number, KNOWN));
        streams.push(stream);
    }
    // The first has asked again, so the second has waited longest.
    ask_tcp(&mut streams[0], &query(3, KNOWN));
    let mut newcomer = connect(address);
    assert_eq!(4, id(&ask_tcp(&mut newcomer, &query(4, KNOWN))));
    expect_closed(&mut streams[1]);
    assert_eq!(5, id(&ask_tcp(&mut streams[0], &query(5, KNOWN))));
    assert_eq!(6, id(&ask_tcp(&mut streams[2], &query(6, KNOWN))));
    until("the eviction is counted", || server.counters().connections.evicted == 1);
    assert_eq!((3, 0), (server.counters().connections.open(), server.counters().connections.refused));
}

#[test]
fn incomplete_messages_hold_no_place_at_the_limit() {
    let (_server, address) = start_limited(TcpLimits { max_connections: 2, ..patient() });
    let mut holders: Vec<TcpStream> = (0..2).map(|_| connect(address)).collect();
    for stream in &mut holders {
        stream.write_all(&[0xff]).unwrap();
    }
    for number in 0..2 {
        let mut stream = connect(address);
        assert_eq!(number, id(&ask_tcp(&mut stream, &query(number, KNOWN))));
        holders.push(stream);
    }
}

#[test]
fn at_the_limit_with_all_busy_the_newcomer_is_closed() {
    let (server, address) = start_limited(TcpLimits { max_connections: 1, ..patient() });
    let mut busy = connect(address);
    // It asks and does not read until the server can write no more.
    busy.set_write_timeout(Some(Duration::from_millis(200))).unwrap();
    let frame = framed(&query(7, KNOWN));
    let mut sent = 0;
    while let Ok(written) = busy.write(&frame[sent % frame.len()..]) {
        sent += written;
    }
    expect_closed(&mut connect(address));
    until("it is counted", || server.counters().connections.refused == 1);
    assert_eq!((1, 0), (server.counters().connections.open(), server.counters().connections.evicted));
    // The busy one is answered when it reads again.
    for _ in 0..sent / frame.len() {
        assert_eq!(7, id(&next(&mut busy)));
    }
    busy.write_all(&frame[sent % frame.len()..]).unwrap();
    assert_eq!(7, id(&next(&mut busy)));
    drop(busy);
    until("the place is free", || server.counters().connections.open() == 0);
    assert_eq!(1, id(&ask_tcp(&mut connect(address), &query(1, KNOWN))));
}

#[test]
fn limit_holds_while_connections_come_and_go() {
    let (server, address) = start_limited(TcpLimits { max_connections: 8, ..patient() });
    let mut streams: Vec<TcpStream> = Vec::new();
    for number in 0..200 {
        let mut stream = connect(address);
        assert_eq!(number, id(&ask_tcp(&mut stream, &query(number, KNOWN))));
        assert!(server.counters().connections.open() <= 8);
        streams.push(stream);
        if number % 3 == 0 {
            streams.swap_remove(usize::from(number) / 4);
        }
    }
    let counters = server.counters();
    assert_eq!((200, 0), (counters.tcp.noerror, counters.connections.refused));
}
