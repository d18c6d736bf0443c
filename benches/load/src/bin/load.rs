//! Asks a DNS server as fast as it answers, or at a rate, judges every answer, and prints one JSON object.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use numdip_load::arguments::Arguments;
use numdip_load::drive::{Counts, Drive, Pace, drive};
use numdip_load::lanes::{Coalesced, TcpLane, UdpLane};
use numdip_load::queries::Queries;
use numdip_load::sys;
use serde_json::json;

const USAGE: &str = "\
load --server ADDRESS:PORT --queries FILE [--sockets 4] [--window 32 | --rate QUERIES_PER_SECOND]
     [--tcp] [--seconds 3] [--until-eof] [--patience SECONDS] [--first PLACE] [--cpu N] [--segment] [--gro]

  --window    queries under way on each socket; the next leaves when an answer comes
  --rate      queries a second, evenly and whatever comes back; latency counts from when each was due
  --until-eof ends when standard input does, if that is before the time is over
  --patience  how long an answer may take before it is lost, default 2
  --first     where in FILE to begin, so that two runs ask different names
  --cpu       the one CPU to run on
  --segment   queries leave coalesced (UDP_SEGMENT)
  --gro       answers are taken coalesced (UDP_GRO)

FILE: lines `answer N ORDER PREFERENCE FLAGS SERVICES REGEXP`, then `NAME N`, or `NAME -` for NXDOMAIN.
The exit code is 0 if every answer was right, however many were lost, and 1 if one was wrong.";

/// Standard input has ended.
static STOP: AtomicBool = AtomicBool::new(false);

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(fault) => {
            eprintln!("{fault}\n\n{USAGE}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<bool, String> {
    let mut arguments = Arguments::of_process();
    let server: SocketAddr = arguments.needed("--server")?;
    let file: PathBuf = arguments.needed("--queries")?;
    let sockets: usize = arguments.option("--sockets")?.unwrap_or(4).clamp(1, 10_000);
    let window: usize = arguments.option("--window")?.unwrap_or(32).clamp(1, 4_096);
    let rate: Option<f64> = arguments.option("--rate")?;
    let tcp = arguments.flag("--tcp");
    let coalesced = Coalesced { output: arguments.flag("--segment"), input: arguments.flag("--gro") };
    let seconds: f64 = arguments.option("--seconds")?.unwrap_or(3.0);
    let until_eof = arguments.flag("--until-eof");
    let patience: f64 = arguments.option("--patience")?.unwrap_or(2.0);
    let first: usize = arguments.option("--first")?.unwrap_or(0);
    if let Some(cpu) = arguments.option("--cpu")? {
        sys::pin(cpu).map_err(|error| format!("--cpu {cpu}: {error}"))?;
    }
    arguments.done()?;
    if !(seconds > 0.0 && patience > 0.0 && rate.is_none_or(|rate| rate > 0.0)) {
        return Err("times and rates are above 0".to_owned());
    }

    let queries = Queries::read(&file)?;
    let how = Drive {
        pace: rate.map_or(Pace::Window(window), Pace::Rate),
        seconds,
        stop: &STOP,
        patience: Duration::from_secs_f64(patience),
        first,
    };
    if until_eof {
        std::thread::spawn(|| {
            let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
            STOP.store(true, Ordering::Relaxed);
        });
    }
    let cpu = sys::cpu_seconds();
    let said = |error: std::io::Error| format!("{server}: {error}");
    let counts = if tcp {
        let lanes = (0..sockets).map(|_| TcpLane::open(server)).collect::<Result<_, _>>().map_err(said)?;
        drive::<TcpLane>(lanes, &queries, &how)
    } else {
        let open = |_| UdpLane::open(server, window, coalesced);
        let lanes = (0..sockets).map(open).collect::<Result<_, _>>().map_err(said)?;
        drive::<UdpLane>(lanes, &queries, &how)
    };
    let counts = counts.map_err(said)?;
    println!("{}", as_json(&counts, sys::cpu_seconds() - cpu));
    Ok(counts.wrong == 0)
}

fn as_json(counts: &Counts, cpu_seconds: f64) -> serde_json::Value {
    let microseconds = |nanoseconds: u64| nanoseconds as f64 / 1e3;
    let latency = |share: f64| microseconds(counts.latency.quantile(share));
    json!({
        "seconds": counts.seconds,
        "qps": counts.answered as f64 / counts.seconds,
        "offered_qps": counts.sent as f64 / counts.seconds,
        "sent": counts.sent,
        "answered": counts.right + counts.wrong,
        "right": counts.right,
        "hits": counts.hits,
        "wrong": counts.wrong,
        "lost": counts.lost,
        "unexpected": counts.unexpected,
        "latency_us": {
            "p1": latency(0.01),
            "p10": latency(0.1),
            "p50": latency(0.5),
            "p90": latency(0.9),
            "p99": latency(0.99),
            "p99.9": latency(0.999),
            "max": microseconds(counts.latency.largest()),
        },
        "longest_gap_ms": counts.longest_gap as f64 / 1e6,
        "gap_began_s": counts.gap_began as f64 / 1e9,
        "cpu_seconds": cpu_seconds,
        "idle_share": counts.idle_seconds / counts.seconds,
        "examples": counts.examples,
    })
}
