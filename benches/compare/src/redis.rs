//! Redis, over a Unix socket: a server of our own, started and ended here.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::structures::{Built, Structure};
use crate::{BATCH, Data, Measured, Subject};

pub(crate) fn build_all(data: &Data, subjects: &mut Vec<Box<dyn Measured>>) {
    for layout in [Layout::Strings, Layout::hashes(data)] {
        match Redis::build(data, layout) {
            Some(built) => subjects.push(Box::new(Subject::new(built, &data.sample))),
            None => return eprintln!("Redis is missing: apt-get install redis-server"),
        }
    }
}

/// How numbers lie in Redis.
#[derive(Clone, Copy)]
enum Layout {
    /// A key for each number.
    Strings,
    /// A hash for so many adjoining numbers: small ones lie packed in one piece.
    Hashes(u64),
}

impl Layout {
    /// Hashes as wide as to stay small: in 512 fields, of which a hundred are filled on average.
    fn hashes(data: &Data) -> Self {
        let mut widths = [100, 1_000, 10_000, 100_000].into_iter().rev();
        let wide = |width: &u64| {
            let mut hashes: Vec<u64> = data.rows.iter().map(|(number, _)| number / width).collect();
            hashes.sort_unstable();
            hashes.chunk_by(|a, b| a == b).all(|hash| hash.len() <= 256)
        };
        Self::Hashes(widths.find(wide).unwrap_or(100))
    }

    /// The octets of a command about a number.
    fn command(self, number: u64, network: Option<u32>) -> Vec<u8> {
        let (number, network) = (number, network.map(|network| network.to_string()));
        let mut words = match self {
            Self::Strings => {
                vec![if network.is_some() { "SET" } else { "GET" }.to_owned(), number.to_string()]
            }
            Self::Hashes(width) => vec![
                if network.is_some() { "HSET" } else { "HGET" }.to_owned(),
                (number / width).to_string(),
                (number % width).to_string(),
            ],
        };
        words.extend(network);
        let mut octets = format!("*{}\r\n", words.len()).into_bytes();
        for word in words {
            octets.extend(format!("${}\r\n{word}\r\n", word.len()).into_bytes());
        }
        octets
    }
}

struct Redis {
    stream: BufReader<UnixStream>,
    layout: Layout,
    line: Vec<u8>,
    out: Vec<u8>,
    /// Ends with this.
    _server: Server,
}

/// A running server, ended when it goes.
struct Server {
    process: Child,
    folder: tempfile::TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Server {
    /// Starts a server without persistence, or `None` if there is no Redis.
    fn start() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let process = Command::new("redis-server")
            .args(["--port", "0", "--save", "", "--appendonly", "no", "--hash-max-listpack-entries", "512"])
            .args(["--unixsocket", "redis.sock", "--daemonize", "no", "--dir"])
            .arg(folder.path())
            .stdout(Stdio::null())
            .spawn()
            .ok()?;
        Some(Self { process, folder })
    }

    fn connect(&self) -> UnixStream {
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            match UnixStream::connect(self.folder.path().join("redis.sock")) {
                Ok(stream) => return stream,
                Err(error) => assert!(Instant::now() < deadline, "redis-server does not answer: {error}"),
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Redis {
    fn build(data: &Data, layout: Layout) -> Option<Built<Self>> {
        let server = Server::start()?;
        let stream = BufReader::with_capacity(1 << 16, server.connect());
        let mut redis = Self { stream, layout, line: Vec::new(), out: Vec::new(), _server: server };
        let before = redis.used_memory();
        let start = Instant::now();
        for rows in data.rows.chunks(BATCH) {
            redis.out.clear();
            for (number, network) in rows {
                redis.out.extend(layout.command(*number, Some(*network)));
            }
            redis.send();
            for _ in rows {
                redis.read_line();
                assert!(matches!(redis.line.first(), Some(b'+' | b':')), "Redis refuses a number");
            }
        }
        let seconds = start.elapsed().as_secs_f64();
        let octets = redis.used_memory() - before;
        let (name, note) = match layout {
            Layout::Strings => {
                ("Redis, a key a number", "Unix socket; GET, 1,000 in a pipeline; used_memory")
            }
            Layout::Hashes(_) => ("Redis, packed hashes", "as before; HGET of hashes of up to 256 numbers"),
        };
        Some(Built { structure: redis, name, note, octets, seconds: Some(seconds) })
    }

    fn send(&mut self) {
        self.stream.get_mut().write_all(&self.out).unwrap();
    }

    /// Reads one line without its end.
    fn read_line(&mut self) {
        self.line.clear();
        self.stream.read_until(b'\n', &mut self.line).unwrap();
        self.line.truncate(self.line.len().saturating_sub(2));
    }

    /// The network in the next answer.
    fn read_network(&mut self) -> Option<u32> {
        self.read_line();
        match self.line.as_slice() {
            b"$-1" => return None,
            [b'$', ..] => self.read_line(),
            other => panic!("Redis answers {:?}", String::from_utf8_lossy(other)),
        }
        std::str::from_utf8(&self.line).ok()?.parse().ok()
    }

    fn used_memory(&mut self) -> usize {
        self.stream.get_mut().write_all(b"*2\r\n$4\r\nINFO\r\n$6\r\nmemory\r\n").unwrap();
        self.read_line();
        let length: usize = std::str::from_utf8(&self.line[1..]).unwrap().parse().unwrap();
        let mut text = vec![0; length + 2];
        self.stream.read_exact(&mut text).unwrap();
        let text = String::from_utf8(text).unwrap();
        text.lines().find_map(|line| line.strip_prefix("used_memory:")).unwrap().parse().unwrap()
    }
}

impl Structure for Redis {
    type Key = Vec<u8>;
    const SINGLE_QUERIES: usize = 5_000;

    fn key(&self, number: u64) -> Vec<u8> {
        self.layout.command(number, None)
    }

    fn find(&mut self, key: &Vec<u8>) -> Option<u32> {
        self.stream.get_mut().write_all(key).unwrap();
        self.read_network()
    }

    fn find_many(&mut self, keys: &[Vec<u8>], networks: &mut [Option<u32>]) {
        self.out.clear();
        for key in keys {
            self.out.extend_from_slice(key);
        }
        self.send();
        for network in networks {
            *network = self.read_network();
        }
    }
}
