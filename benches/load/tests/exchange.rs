//! The load against servers that are right, wrong and silent, and the reflectors against the load.

use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::Duration;

use numdip_load::drive::{Counts, Drive, Pace, drive};
use numdip_load::lanes::{Coalesced, Lane, TcpLane, UdpLane};
use numdip_load::message::u16_at;
use numdip_load::queries::Queries;
use numdip_load::reflect::{self, Mode};
use numdip_load::reply::{REGEXP, Reply};

static NEVER: AtomicBool = AtomicBool::new(false);
const PATIENCE: Duration = Duration::from_millis(300);

/// Names of different lengths, so that their replies are of different sizes, too.
fn queries() -> Queries {
    let mut file = format!("answer 0 10 50 u E2U+pstn:tel {REGEXP}\n");
    for number in 0..5_000 {
        let digits: Vec<String> = format!("44{number}").chars().map(String::from).collect();
        file.push_str(&format!("{}.e164.arpa 0\n", digits.join(".")));
    }
    Queries::from_lines(file.as_bytes()).unwrap()
}

fn asked<L: Lane>(lanes: Vec<L>, pace: Pace, seconds: f64) -> Counts {
    let how = Drive { pace, seconds, stop: &NEVER, patience: PATIENCE, first: 0 };
    drive(lanes, &queries(), &how).unwrap()
}

fn udp_lanes(server: SocketAddr, coalesced: Coalesced) -> Vec<UdpLane> {
    (0..4).map(|_| UdpLane::open(server, 16, coalesced).unwrap()).collect()
}

/// A server that does to each query's reply what `change` does; `None` is silence.
fn server(mut change: impl FnMut(u64, &mut [u8]) -> Option<()> + Send + 'static) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    thread::spawn(move || {
        let (mut query, mut out) = ([0; 512], [0; 512]);
        for number in 0.. {
            let (length, peer) = socket.recv_from(&mut query).unwrap();
            let length = Reply::new().write(&query[..length], &mut out).unwrap();
            if change(number, &mut out[..length]).is_some() {
                socket.send_to(&out[..length], peer).unwrap();
            }
        }
    });
    address
}

/// Every query is counted once.
fn assert_adds_up(counts: &Counts) {
    assert!(counts.sent > 100, "{}", counts.sent);
    assert_eq!(counts.sent, counts.right + counts.wrong + counts.lost);
}

#[test]
fn wrong_answers_are_counted_as_wrong() {
    // Another MNC; another question; a response code.
    let changes: [fn(&mut [u8]); 3] =
        [|reply| *reply.iter_mut().rev().nth(2).unwrap() ^= 1, |reply| reply[13] ^= 1, |reply| reply[3] |= 2];
    for change in changes {
        let address = server(move |number, reply| {
            if number % 10 == 3 {
                change(reply);
            }
            Some(())
        });
        let counts = asked(udp_lanes(address, Coalesced::default()), Pace::Window(8), 0.2);
        assert_adds_up(&counts);
        assert_eq!(0, counts.lost);
        assert_eq!((counts.sent + 6) / 10, counts.wrong);
        assert!(!counts.examples.is_empty());
    }
}

#[test]
fn answers_that_do_not_come_are_lost_and_others_go_on() {
    let address = server(|number, _| (number % 100 != 7).then_some(()));
    let counts = asked(udp_lanes(address, Coalesced::default()), Pace::Window(8), 0.5);
    assert_adds_up(&counts);
    assert_eq!((0, (counts.sent + 92) / 100), (counts.wrong, counts.lost));
}

#[test]
fn answers_with_another_id_are_nobodys() {
    let address = server(|_, reply| {
        // All ids are given in turn from 0; none of these is near.
        let id = u16_at(reply, 0)? ^ 0x8000;
        reply[..2].copy_from_slice(&id.to_be_bytes());
        Some(())
    });
    let counts = asked(udp_lanes(address, Coalesced::default()), Pace::Window(8), 0.4);
    assert_eq!((0, 0, counts.sent), (counts.right, counts.wrong, counts.lost));
    assert!(counts.unexpected > 0);
}

#[test]
fn time_without_answers_is_a_gap_and_counts_from_when_queries_were_due() {
    let address = server(|number, _| {
        if number == 200 {
            thread::sleep(Duration::from_millis(150));
        }
        Some(())
    });
    let counts = asked(udp_lanes(address, Coalesced::default()), Pace::Rate(1_000.0), 0.5);
    assert_adds_up(&counts);
    assert!((400..=501).contains(&counts.sent), "{}", counts.sent);
    assert!(counts.longest_gap >= 140_000_000, "{}", counts.longest_gap);
    // The 150 queries that came due meanwhile waited 75 ms on average.
    assert!(counts.latency.quantile(0.9) > 50_000_000, "{}", counts.latency.quantile(0.9));
    assert!(counts.latency.quantile(0.3) < 50_000_000, "{}", counts.latency.quantile(0.3));
}

#[test]
fn every_reflector_answers_every_query() {
    let all = Coalesced { output: true, input: true };
    for mode in [Mode::Single, Mode::Batch, Mode::Segment, Mode::Gro, Mode::Uring] {
        for coalesced in [Coalesced::default(), all, Coalesced { output: true, input: false }] {
            let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
            let address = socket.local_addr().unwrap();
            let reflector = thread::spawn(move || reflect::udp(mode, &socket));
            let counts = asked(udp_lanes(address, coalesced), Pace::Window(16), 0.1);
            if mode == Mode::Uring && reflector.is_finished() {
                // A container may not have io_uring.
                eprintln!("io_uring: {:?}", reflector.join());
                continue;
            }
            assert_adds_up(&counts);
            assert_eq!((0, 0), (counts.wrong, counts.lost), "{mode:?}, {coalesced:?}");
        }
    }
}

#[test]
fn tcp_reflector_answers_every_query() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || reflect::tcp(&listener));
    for pace in [Pace::Window(16), Pace::Rate(10_000.0)] {
        let lanes = (0..4).map(|_| TcpLane::open(address).unwrap()).collect();
        let counts = asked::<TcpLane>(lanes, pace, 0.2);
        assert_adds_up(&counts);
        assert_eq!((0, 0), (counts.wrong, counts.lost), "{pace:?}");
    }
}
