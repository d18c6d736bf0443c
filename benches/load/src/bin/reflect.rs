//! Answers every query with the same record: the floor below any server.

use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::process::ExitCode;

use numdip_load::arguments::Arguments;
use numdip_load::reflect::{self, Mode};
use numdip_load::sys;

const USAGE: &str = "\
reflect MODE --listen ADDRESS:PORT [--cpu N]

  single   one call for each datagram
  batch    recvmmsg and sendmmsg
  segment  as batch; replies of one size to one peer leave coalesced (UDP_SEGMENT)
  gro      as segment; coalesced queries are taken (UDP_GRO)
  gather   as segment; rests for 50 µs after few queries, for more to come
  uring    io_uring
  tcp      all queries that a read gives, one write";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("{fault}\n\n{USAGE}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<(), String> {
    let mut arguments = Arguments::of_process();
    let mode: Mode = arguments.word("MODE")?.parse()?;
    let listen: SocketAddr = arguments.needed("--listen")?;
    if let Some(cpu) = arguments.option("--cpu")? {
        sys::pin(cpu).map_err(|error| format!("--cpu {cpu}: {error}"))?;
    }
    arguments.done()?;
    let said = |error: std::io::Error| format!("{listen}: {error}");
    if mode == Mode::Tcp {
        let listener = TcpListener::bind(listen).map_err(said)?;
        println!("ready {}", listener.local_addr().map_err(said)?);
        reflect::tcp(&listener).map_err(said)
    } else {
        let socket = UdpSocket::bind(listen).map_err(said)?;
        println!("ready {}", socket.local_addr().map_err(said)?);
        reflect::udp(mode, &socket).map_err(said)
    }
}
