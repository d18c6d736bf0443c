//! Reloading and stopping while queries come.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "server_support.rs"]
mod support;

use std::io::Write;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use numdip_server::{Acl, State};
use support::*;

/// Threads that do `work` until told to stop, and how often they did.
struct Load {
    stop: Arc<AtomicBool>,
    threads: Vec<thread::JoinHandle<u64>>,
}

impl Load {
    fn start(threads: usize, work: impl Fn(&AtomicBool) -> u64 + Send + Sync + 'static) -> Load {
        let (stop, work) = (Arc::new(AtomicBool::new(false)), Arc::new(work));
        let run = |_| {
            let (stop, work) = (Arc::clone(&stop), Arc::clone(&work));
            thread::spawn(move || work(&stop))
        };
        Load { threads: (0..threads).map(run).collect(), stop: Arc::clone(&stop) }
    }

    fn stop(self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        self.threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    }
}

/// Asks over UDP, 16 queries at a time, and wants every one answered by network `12` or `34`.
fn ask_windows(server: SocketAddr, stop: &AtomicBool, done: &AtomicU64) -> u64 {
    const WINDOW: u16 = 16;
    let socket = udp_client(server);
    let mut asked = 0;
    while !stop.load(Ordering::Relaxed) {
        for number in 0..WINDOW {
            socket.send_to(&query(number, KNOWN), server).unwrap();
        }
        let mut ids: Vec<u16> = Vec::new();
        for _ in 0..WINDOW {
            let (answer, _) = receive(&socket);
            assert!(names(&answer, "012") || names(&answer, "034"));
            ids.push(id(&answer));
        }
        ids.sort_unstable();
        assert_eq!((0..WINDOW).collect::<Vec<_>>(), ids);
        asked += u64::from(WINDOW);
        done.fetch_add(u64::from(WINDOW), Ordering::Relaxed);
    }
    asked
}

//----------- Reload ---------------------------------------------------------

#[test]
fn reload_under_load_loses_no_query() {
    let (server, address) = start();
    let done = Arc::new(AtomicU64::new(0));
    let udp = {
        let done = Arc::clone(&done);
        Load::start(3, move |stop| ask_windows(address, stop, &done))
    };
    let tcp = Load::start(2, move |stop| {
        let mut stream = connect(address);
        let mut asked = 0;
        while !stop.load(Ordering::Relaxed) {
            let answer = ask_tcp(&mut stream, &query(9, KNOWN));
            assert!(names(&answer, "012") || names(&answer, "034"));
            asked += 1;
        }
        asked
    });
    let acl = Arc::new(Acl::loopback());
    let states = ["012", "034"].map(|mnc| State { responder: responder(mnc), acl: Arc::clone(&acl) });
    for (round, state) in states.iter().cycle().take(300).enumerate() {
        server.reload(state.clone());
        // Queries in between, not just reloads.
        until("the load goes on", || done.load(Ordering::Relaxed) > round as u64 * 16);
    }
    let (udp, tcp) = (udp.stop(), tcp.stop());
    let counters = server.counters();
    assert_eq!((udp, udp), (counters.udp.received, counters.udp.noerror));
    assert_eq!((tcp, tcp), (counters.tcp.received, counters.tcp.noerror));
}

#[test]
fn after_a_reload_every_answer_is_new_and_the_old_state_is_gone() {
    let (server, address) = start();
    let done = Arc::new(AtomicU64::new(0));
    let load = {
        let done = Arc::clone(&done);
        Load::start(2, move |stop| ask_windows(address, stop, &done))
    };
    let socket = udp_client(address);
    for mnc in ["034", "012"].into_iter().cycle().take(50) {
        let state = State { responder: responder(mnc), acl: Arc::new(Acl::loopback()) };
        let watched = Arc::downgrade(&state.responder);
        server.reload(state);
        socket.send_to(&query(1, KNOWN), address).unwrap();
        assert!(names(&receive(&socket).0, mnc));
        server.reload(open_state());
        assert!(watched.upgrade().is_none(), "a snapshot's memory is given back by the reload");
    }
    load.stop();
}

//----------- Stop -----------------------------------------------------------

#[test]
fn datagrams_received_before_the_stop_are_answered() {
    for workers in [1, 3] {
        let mut settings = settings(&["127.0.0.1:0", "127.0.0.2:0"]);
        settings.workers = workers;
        let (server, _) = start_with(settings, open_state());
        let clients: Vec<UdpSocket> = server.addresses().into_iter().map(udp_client).collect();
        for (client, address) in clients.iter().zip(server.addresses()) {
            for number in 0..60 {
                client.send_to(&query(number, KNOWN), address).unwrap();
            }
        }
        server.stop();
        for client in &clients {
            let mut ids: Vec<u16> = (0..60).map(|_| id(&receive(client).0)).collect();
            ids.sort_unstable();
            assert_eq!((0..60).collect::<Vec<_>>(), ids);
        }
    }
}

#[test]
fn messages_received_over_tcp_before_the_stop_are_answered() {
    let (server, address) = start();
    let mut old = connect(address);
    ask_tcp(&mut old, &query(0, KNOWN));
    // One connection is established in the server, the others perhaps only in the kernel.
    let mut streams: Vec<_> = (0..10).map(|_| connect(address)).collect();
    streams.push(old);
    for stream in &mut streams {
        let frames: Vec<u8> = (0..60).flat_map(|number| framed(&query(number, KNOWN))).collect();
        stream.write_all(&frames).unwrap();
        // The beginning of another is not waited for.
        stream.write_all(&[0, 40, 1]).unwrap();
    }
    server.stop();
    for stream in &mut streams {
        for number in 0..60 {
            assert_eq!(number, id(&next(stream)));
        }
        expect_closed(stream);
    }
}

#[test]
fn stop_under_load_takes_less_than_a_second() {
    let (server, address) = start();
    // Datagrams without end, and nobody reads the answers.
    let flood = Load::start(2, move |stop| {
        let socket = udp_client(address);
        let message = query(1, KNOWN);
        let mut sent = 0;
        while !stop.load(Ordering::Relaxed) {
            sent += u64::from(socket.send_to(&message, address).is_ok());
        }
        sent
    });
    let pipelining = Load::start(1, move |stop| {
        let mut stream = connect(address);
        let frames: Vec<u8> = (0..100).flat_map(|number| framed(&query(number, KNOWN))).collect();
        // Ends when the server does, or never reads again.
        stream.set_write_timeout(Some(Duration::from_millis(100))).unwrap();
        while !stop.load(Ordering::Relaxed) && stream.write_all(&frames).is_ok() {}
        // Held open, unread, to be in the way.
        while !stop.load(Ordering::Relaxed) {
            thread::yield_now();
        }
        0
    });
    let mut idle: Vec<_> = (0..20).map(|_| connect(address)).collect();
    for stream in &mut idle {
        ask_tcp(stream, &query(1, KNOWN));
    }
    until("the load is on", || {
        let counters = server.counters();
        counters.udp.received > 10_000 && counters.tcp.received > 1000
    });
    let begin = Instant::now();
    server.stop();
    let took = begin.elapsed();
    flood.stop();
    pipelining.stop();
    assert!(took < Duration::from_secs(1), "{took:?}");
    for stream in &mut idle {
        expect_closed(stream);
    }
}

#[test]
fn stop_can_be_said_twice_and_at_once() {
    let (server, address) = start();
    ask_udp(address, &query(1, KNOWN));
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                server.stop();
                // Whoever returns finds the port free.
                UdpSocket::bind(address).map(drop).or_else(in_use_by_a_sibling).unwrap();
            });
        }
    });
    server.stop();
    assert_eq!(0, server.counters().workers_lost);
    assert_eq!(1, server.counters().udp.noerror);
}

/// The threads of the test try to bind at the same time.
fn in_use_by_a_sibling(error: std::io::Error) -> std::io::Result<()> {
    if error.kind() == std::io::ErrorKind::AddrInUse { Ok(()) } else { Err(error) }
}

#[test]
fn dropping_stops() {
    let (server, address) = start();
    drop(server);
    UdpSocket::bind(address).unwrap();
}
