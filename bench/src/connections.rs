//! Whether everybody else is answered while some hold thousands of connections: each has begun a request, never ends it,
//! and is renewed when the server closes it.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use hearken_tests::{Hearken, HearkenConfig};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;

use crate::report::{self, Table};
use crate::usage;

/// Whoever waits longer was not answered.
const PATIENCE: Duration = Duration::from_secs(5);
/// Between two questions of the others.
const PAUSE: Duration = Duration::from_millis(20);

/// Who holds what.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Connections that are held, or renewed
    #[arg(long, default_value_t = 10_000)]
    connections: u32,
    /// Addresses on loopback that they come from, in turn
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u8).range(1..))]
    addresses: u8,
    /// Milliseconds until one that was closed is opened again
    #[arg(long, default_value_t = 1_000)]
    renew_after: u64,
    /// Seconds during which others ask, before and meanwhile
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    seconds: u32,
}

/// Runs the benchmark and prints its table.
///
/// # Errors
/// The server cannot be started, or so many connections cannot be opened: `ulimit -n` has to be larger than their number.
pub(crate) fn run(args: &Args) -> Result<()> {
    let hearken = Hearken::start(&HearkenConfig::default())?;
    let address: SocketAddr = hearken.base_url().trim_start_matches("http://").parse()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let rows = runtime.block_on(async {
        let calm = others(address, args.seconds).await;
        let opened = Arc::new(AtomicU64::new(0));
        let mut holders = JoinSet::new();
        for number in 0..args.connections {
            let from = Ipv4Addr::new(127, 0, 1, (number % u32::from(args.addresses)) as u8 + 1);
            let renew_after = Duration::from_millis(args.renew_after);
            holders.spawn(hold(from, address, renew_after, Arc::clone(&opened)));
        }
        let started = Instant::now();
        while opened.load(Ordering::Relaxed) < u64::from(args.connections) {
            ensure!(
                started.elapsed() < 12 * PATIENCE,
                "too few connections could be opened; see `ulimit -n`"
            );
            tokio::time::sleep(PAUSE).await;
        }
        let before = opened.load(Ordering::Relaxed);
        let stormy = others(address, args.seconds).await;
        let renewed = opened.load(Ordering::Relaxed) - before;
        Ok([("none", 0, calm), ("all", renewed, stormy)])
    })?;
    let mut table = Table::new([
        "connections held",
        "renewed a second",
        "others asked",
        "answered",
        "p50, ms",
        "p99, ms",
        "longest, ms",
    ]);
    for (held, renewed, asked) in rows {
        let held = if held == "all" { args.connections.to_string() } else { held.to_owned() };
        let at = |percent: usize| {
            let time = asked.times.get(asked.times.len().saturating_sub(1) * percent / 100);
            time.map_or("–".to_owned(), |time| format!("{:.1}", time.as_secs_f64() * 1e3))
        };
        table.row([
            held,
            (renewed / u64::from(args.seconds)).to_string(),
            asked.num_asked.to_string(),
            asked.times.len().to_string(),
            at(50),
            at(99),
            at(100),
        ]);
    }
    report::print(&format!("{}\n\n{}", usage::machine(), table.to_markdown()))
}

/// What became of the others.
struct Asked {
    num_asked: usize,
    /// Of those that were answered, the shortest first.
    times: Vec<Duration>,
}

/// Somebody asks again and again, over a connection of their own each time.
async fn others(address: SocketAddr, seconds: u32) -> Asked {
    let (started, mut num_asked, mut times) = (Instant::now(), 0, Vec::new());
    while started.elapsed() < Duration::from_secs(seconds.into()) {
        let asked_at = Instant::now();
        num_asked += 1;
        if let Ok(Ok(())) = tokio::time::timeout(PATIENCE, ask(address)).await {
            times.push(asked_at.elapsed());
        }
        tokio::time::sleep(PAUSE).await;
    }
    times.sort_unstable();
    Asked { num_asked, times }
}

async fn ask(address: SocketAddr) -> Result<()> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET /v1/interactions HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    ensure!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    Ok(())
}

/// Holds a connection for ever: one after the other.
async fn hold(from: Ipv4Addr, address: SocketAddr, renew_after: Duration, opened: Arc<AtomicU64>) {
    loop {
        if let Ok(mut stream) = half_open(from, address).await {
            opened.fetch_add(1, Ordering::Relaxed);
            let _ = stream.read(&mut [0; 64]).await; // until it is closed
        }
        tokio::time::sleep(renew_after).await;
    }
}

async fn half_open(from: Ipv4Addr, address: SocketAddr) -> Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::new(from.into(), 0)).context("no port is free")?;
    let mut stream = socket.connect(address).await?;
    stream.write_all(b"GET /v1/interactions HTTP/1.1\r\nhost: loc").await?;
    Ok(stream)
}
