//! Whether other clients are answered while some hold thousands of connections: each starts something, never finishes it, and
//! is renewed when the server closes it.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use hearken_tests::{Hearken, HearkenConfig};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::report::{self, Table};
use crate::usage;

/// The name of the server, in requests and in its certificate.
const NAME: &str = "localhost";
/// A client that waits longer counts as not answered.
const PATIENCE: Duration = Duration::from_secs(5);
/// Between two requests of the others.
const PAUSE: Duration = Duration::from_millis(20);

/// How clients reach the server, and what those that hold connections start and never finish.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Way {
    /// HTTP: the head of a request.
    Plain,
    /// HTTPS by the server: a handshake. The others complete one for each request.
    Tls,
    /// HTTP through a trusted proxy, which has a connection for each of its clients: the body of a request.
    Proxy,
}

/// What is held.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Connections that are held, or renewed
    #[arg(long, default_value_t = 10_000)]
    connections: u32,
    /// How the server is reached
    #[arg(long, value_enum, default_value_t = Way::Plain)]
    way: Way,
    /// Addresses that they come from, in turn
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
/// The server cannot be started, or too few connections can be opened: `ulimit -n` has to be larger than their number.
pub(crate) fn run(args: &Args) -> Result<()> {
    let (hearken, roots) = started(args.way)?;
    let authority = hearken.base_url().split_once("://").map(|(_, authority)| authority);
    let address: SocketAddr = authority.context("the server's address has no scheme")?.parse()?;
    let server = Arc::new(Server { address, way: args.way, tls: tls_client(roots)? });
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let rows = runtime.block_on(async {
        let calm = others(&server, args.seconds).await;
        let opened = Arc::new(AtomicU64::new(0));
        let mut holders = JoinSet::new();
        for number in 0..args.connections {
            let client = (number % u32::from(args.addresses)) as u8 + 1;
            let renew_after = Duration::from_millis(args.renew_after);
            holders.spawn(hold(client, Arc::clone(&server), renew_after, Arc::clone(&opened)));
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
        let stormy = others(&server, args.seconds).await;
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

/// How the others fared.
struct Asked {
    num_asked: usize,
    /// Of those that were answered, the shortest first.
    times: Vec<Duration>,
}

/// The server, and how it is reached.
struct Server {
    address: SocketAddr,
    way: Way,
    tls: TlsConnector,
}

/// A server that is reached in this way, and the certificates to trust.
fn started(way: Way) -> Result<(Hearken, RootCertStore)> {
    let mut hearken = Hearken::start(&HearkenConfig::default())?;
    let mut roots = RootCertStore::empty();
    let environment: &[_] = match way {
        Way::Plain => return Ok((hearken, roots)),
        Way::Tls => {
            let made = rcgen::generate_simple_self_signed(vec![NAME.to_owned()])?;
            roots.add(made.cert.der().clone())?;
            std::fs::write(hearken.dir().join("tls.crt"), made.cert.pem())?;
            std::fs::write(hearken.dir().join("tls.key"), made.signing_key.serialize_pem())?;
            &[("HEARKEN_HTTP__TLS__CERTIFICATE", "tls.crt"), ("HEARKEN_HTTP__TLS__KEY", "tls.key")]
        }
        Way::Proxy => &[("HEARKEN_HTTP__TRUSTED_PROXIES", "127.0.0.1")],
    };
    hearken.terminate()?;
    hearken.spawn(environment)?;
    hearken.wait_listening()?;
    Ok((hearken, roots))
}

fn tls_client(roots: RootCertStore) -> Result<TlsConnector> {
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

/// Requests one after the other, each over a new connection.
async fn others(server: &Server, seconds: u32) -> Asked {
    let (started, mut num_asked, mut times) = (Instant::now(), 0, Vec::new());
    while started.elapsed() < Duration::from_secs(seconds.into()) {
        let asked_at = Instant::now();
        num_asked += 1;
        if let Ok(Ok(())) = tokio::time::timeout(PATIENCE, ask(server)).await {
            times.push(asked_at.elapsed());
        }
        tokio::time::sleep(PAUSE).await;
    }
    times.sort_unstable();
    Asked { num_asked, times }
}

async fn ask(server: &Server) -> Result<()> {
    let stream = TcpStream::connect(server.address).await?;
    match server.way {
        Way::Plain | Way::Proxy => answered(stream).await,
        Way::Tls => answered(server.tls.connect(NAME.try_into()?, stream).await?).await,
    }
}

async fn answered(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> Result<()> {
    // The address that a proxy would say; without one it means nothing.
    let request = format!(
        "GET /v1/interactions HTTP/1.1\r\nhost: {NAME}\r\nx-forwarded-for: 198.51.100.1\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    ensure!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    Ok(())
}

/// Holds one connection after the other, forever.
async fn hold(client: u8, server: Arc<Server>, renew_after: Duration, opened: Arc<AtomicU64>) {
    loop {
        if let Ok(mut stream) = begun(client, &server).await {
            opened.fetch_add(1, Ordering::Relaxed);
            let _ = stream.read(&mut [0; 64]).await; // until it is closed
        }
        tokio::time::sleep(renew_after).await;
    }
}

/// A connection on which something has begun.
async fn begun(client: u8, server: &Server) -> Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    let (from, begin) = match server.way {
        Way::Plain => (
            [127, 0, 1, client],
            format!("GET /v1/interactions HTTP/1.1\r\nhost: {NAME}\r\nx-a: b").into_bytes(),
        ),
        Way::Tls => ([127, 0, 1, client], vec![0x16, 0x03, 0x01, 0x02]), // as every handshake begins
        Way::Proxy => {
            let head = format!(
                "POST /v1/search HTTP/1.1\r\nhost: {NAME}\r\nx-forwarded-for: 192.0.2.{client}\r\ncontent-length: 100\r\n\r\n{{"
            );
            ([127, 0, 0, 1], head.into_bytes())
        }
    };
    socket.bind(SocketAddr::new(Ipv4Addr::from(from).into(), 0)).context("no port is free")?;
    let mut stream = socket.connect(server.address).await?;
    stream.write_all(&begin).await?;
    Ok(stream)
}
