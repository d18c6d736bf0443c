//! What the server tests share: a small plan, queries by hand, and clients that fail rather than hang.

#![allow(dead_code, reason = "every test file uses a part of it")]

use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream, UdpSocket};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use numdip_core::plan::{PlanBuilder, Policy, RangeFields};
use numdip_core::respond::{Responder, Settings as ResponderSettings};
use numdip_core::snapshot::{Snapshot, writer};
use numdip_server::{Acl, Others, Server, Settings, State, TcpLimits};
use socket2::{Domain, Socket, Type};

/// In the plan, with a network.
pub(crate) const KNOWN: &str = "13392986156";
/// Well formed and in no range.
pub(crate) const UNKNOWN: &str = "447786852522";

pub(crate) const NOERROR: u8 = 0;
pub(crate) const SERVFAIL: u8 = 2;
pub(crate) const NXDOMAIN: u8 = 3;
pub(crate) const REFUSED: u8 = 5;

/// Longer than anything here takes; when it is over the test has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

//----------- Servers --------------------------------------------------------

/// A responder that knows [`KNOWN`]'s range, on a network with this MNC.
pub(crate) fn responder(mnc: &str) -> Arc<Responder> {
    responder_with(mnc, ResponderSettings::default())
}

/// A responder whose answers are about as long as one NAPTR record can be: over 500 octets.
pub(crate) fn verbose_responder() -> Arc<Responder> {
    let services = format!("E2U+{}", ["pstn:tel"; 28].join("+"));
    let regexp = format!("!^(.*)$!tel:\\1;mcc={{mcc}};mnc={{mnc}};x={}!", "y".repeat(200));
    responder_with("012", ResponderSettings { services, regexp, ..ResponderSettings::default() })
}

fn responder_with(mnc: &str, settings: ResponderSettings) -> Arc<Responder> {
    let mut plan = PlanBuilder::new(Policy::default());
    plan.begin_file("test.csv");
    let range = RangeFields {
        prefix: "1339298",
        min_length: "11",
        max_length: "11",
        mcc: "310",
        mnc,
        ..RangeFields::default()
    };
    plan.add_range(2, &range);
    let (sections, _) = plan.finish("{}").unwrap();
    let mut octets = Vec::new();
    writer::write(&sections, &mut octets).unwrap();
    let snapshot = Arc::new(Snapshot::from_octets(octets).unwrap());
    Arc::new(Responder::new(snapshot, settings).unwrap())
}

pub(crate) fn state(acl: Acl) -> State {
    State { responder: responder("012"), acl: Arc::new(acl) }
}

/// Permits loopback.
pub(crate) fn open_state() -> State {
    state(Acl::loopback())
}

/// Permits nobody.
pub(crate) fn closed_state(others: Others) -> State {
    state(Acl::new(&[], others).unwrap())
}

pub(crate) fn settings(listen: &[&str]) -> Settings {
    let listen = listen.iter().map(|address| address.parse().unwrap()).collect();
    Settings { listen, workers: 2, tcp: patient(), ..Settings::default() }
}

/// Limits that no test reaches by being slow.
pub(crate) fn patient() -> TcpLimits {
    TcpLimits {
        idle_timeout: Duration::from_secs(600),
        message_timeout: Duration::from_secs(600),
        write_timeout: Duration::from_secs(600),
        max_connections: 512,
    }
}

/// A server on one port of 127.0.0.1 that permits loopback, and its address.
pub(crate) fn start() -> (Server, SocketAddr) {
    start_with(settings(&["127.0.0.1:0"]), open_state())
}

pub(crate) fn start_with(settings: Settings, state: State) -> (Server, SocketAddr) {
    let server = Server::start(settings, state).unwrap();
    let address = server.addresses()[0];
    (server, address)
}

/// Waits for something that no event tells of, such as a count.
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < end, "waited in vain until {what}");
        thread::yield_now();
    }
}

//----------- Messages -------------------------------------------------------

/// A NAPTR query for a number under e164.arpa, as dig sends it without EDNS.
pub(crate) fn query(id: u16, number: &str) -> Vec<u8> {
    let mut message = id.to_be_bytes().to_vec();
    message.extend([0x01, 0x00, 0, 1, 0, 0, 0, 0, 0, 0]);
    for digit in number.bytes().rev() {
        message.extend([1, digit]);
    }
    message.extend(b"\x04e164\x04arpa\x00\x00\x23\x00\x01");
    message
}

/// A message that must not be answered, or two servers could keep each other busy.
pub(crate) fn response(id: u16) -> Vec<u8> {
    let mut message = query(id, KNOWN);
    message[2] |= 0x80;
    message
}

pub(crate) fn id(message: &[u8]) -> u16 {
    u16::from_be_bytes([message[0], message[1]])
}

pub(crate) fn rcode(message: &[u8]) -> u8 {
    assert!(message[2] & 0x80 != 0, "a response has QR set");
    message[3] & 0x0f
}

/// Whether the answer names the network 310/`mnc`.
pub(crate) fn names(message: &[u8], mnc: &str) -> bool {
    let wanted = format!("mcc=310;mnc={mnc}!");
    message.windows(wanted.len()).any(|part| part == wanted.as_bytes())
}

//----------- UDP clients ----------------------------------------------------

/// An unconnected UDP socket on a loopback address of its own family.
pub(crate) fn udp_client(server: SocketAddr) -> UdpSocket {
    let own: IpAddr = match server {
        SocketAddr::V4(_) => "127.0.0.1".parse().unwrap(),
        SocketAddr::V6(_) => "::1".parse().unwrap(),
    };
    let socket = UdpSocket::bind((own, 0)).expect("loopback addresses of both families are needed");
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
}

pub(crate) fn receive(socket: &UdpSocket) -> (Vec<u8>, SocketAddr) {
    let mut octets = vec![0; 65_535];
    let (length, from) = socket.recv_from(&mut octets).expect("no answer came");
    octets.truncate(length);
    (octets, from)
}

/// Asks from a new socket; checks that the answer comes from where the query went.
pub(crate) fn ask_udp(server: SocketAddr, message: &[u8]) -> Vec<u8> {
    let socket = udp_client(server);
    socket.send_to(message, server).unwrap();
    let (answer, from) = receive(&socket);
    assert_eq!(server, from);
    answer
}

//----------- TCP clients ----------------------------------------------------

pub(crate) fn connect(server: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(server).unwrap();
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// A connection whose receive buffer does not grow to megabytes.
pub(crate) fn connect_narrow(server: SocketAddr) -> TcpStream {
    let socket = Socket::new(Domain::for_address(server), Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(64 << 10).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.set_write_timeout(Some(PATIENCE)).unwrap();
    socket.connect(&server.into()).unwrap();
    socket.into()
}

/// A message with its length before it.
pub(crate) fn framed(message: &[u8]) -> Vec<u8> {
    let mut frame = u16::try_from(message.len()).unwrap().to_be_bytes().to_vec();
    frame.extend(message);
    frame
}

pub(crate) fn send(stream: &mut TcpStream, message: &[u8]) {
    stream.write_all(&framed(message)).unwrap();
}

pub(crate) fn next(stream: &mut TcpStream) -> Vec<u8> {
    let mut length = [0; 2];
    stream.read_exact(&mut length).expect("no answer came");
    let mut message = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut message).expect("the answer broke off");
    message
}

pub(crate) fn ask_tcp(stream: &mut TcpStream, message: &[u8]) -> Vec<u8> {
    send(stream, message);
    next(stream)
}

/// Waits until the server has closed the connection without sending anything more.
pub(crate) fn expect_closed(stream: &mut TcpStream) {
    match stream.read(&mut [0; 16]) {
        Ok(0) => {}
        // What the server had not read when it closed makes it a reset.
        Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
        other => panic!("expected the connection to be closed, got {other:?}"),
    }
}

/// Whether the server has closed the connection; waits a moment for it.
pub(crate) fn closed_by_now(stream: &mut TcpStream) -> bool {
    stream.set_read_timeout(Some(Duration::from_millis(5))).unwrap();
    match stream.read(&mut [0; 16]) {
        Ok(0) => true,
        Err(error) => !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
        Ok(_) => panic!("an answer came where none was expected"),
    }
}
