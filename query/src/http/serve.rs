//! Listens and serves until told to stop.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::response::Response;
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tower::ServiceExt as _;

use super::connections::{Answering, ConnectionPermit, Connections};
use super::proxies::Proxies;
use super::tls::LiveTls;

/// Largest head of a request, in bytes.
const HEAD_BYTES_MAX: usize = 96 * 1024;
/// How long to wait after a failed accept: most likely the process has run out of descriptors.
const TAKE_AGAIN_AFTER: Duration = Duration::from_millis(100);

/// How a router is served.
#[derive(Debug, Clone)]
pub struct ServeOptions {
    /// Most connections, at least 1; [`super::connections`] says which one ends when there are more.
    pub connections_max: usize,
    /// Proxies trusted to say who a client is.
    pub proxies: Proxies,
    /// Encrypts every connection.
    pub tls: Option<LiveTls>,
    /// Time limit for a TLS handshake.
    pub handshake_timeout: Duration,
    /// Time limit for a request's head, counted from when it could begin; so also how long a connection may be idle.
    pub head_timeout: Duration,
}

impl Default for ServeOptions {
    /// One connection at a time, unencrypted, trusting no proxy.
    fn default() -> Self {
        ServeOptions {
            connections_max: 1,
            proxies: Proxies::default(),
            tls: None,
            handshake_timeout: Duration::from_secs(10),
            head_timeout: Duration::from_secs(30),
        }
    }
}

/// Serves `router` until `stopping` turns true, then finishes the requests in progress.
///
/// # Errors
/// None today: accepting is retried after a failure.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    options: ServeOptions,
    mut stopping: watch::Receiver<bool>,
) -> io::Result<()> {
    let connections = Connections::new(options.connections_max);
    let mut tasks = JoinSet::new();
    loop {
        let (stream, peer) = tokio::select! {
            () = stopped(&mut stopping) => break,
            Some(_) = tasks.join_next() => continue,
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(TAKE_AGAIN_AFTER).await;
                    continue;
                }
            },
        };
        let is_proxy = options.proxies.trust(peer.ip());
        let Some(place) = connections.place(peer.ip(), is_proxy) else { continue };
        let number = place.number();
        let task =
            tasks.spawn(connection(stream, peer, router.clone(), place, options.clone(), stopping.clone()));
        connections.served_by(number, task);
    }
    drop(listener);
    while tasks.join_next().await.is_some() {}
    Ok(())
}

/// Waits until the server is to stop.
async fn stopped(stopping: &mut watch::Receiver<bool>) {
    // An error means that the sender is gone, which means the same.
    let _ = stopping.wait_for(|stopping| *stopping).await;
}

/// Serves one connection.
async fn connection(
    stream: TcpStream,
    from: SocketAddr,
    router: Router,
    place: ConnectionPermit,
    options: ServeOptions,
    stopping: watch::Receiver<bool>,
) {
    // Send answers without delay: each is written as a whole.
    let _ = stream.set_nodelay(true);
    let ServeOptions { proxies, tls, handshake_timeout, head_timeout, .. } = options;
    let is_encrypted = tls.is_some();
    let place = Arc::new(place);
    let answer = move |request: hyper::Request<Incoming>| {
        let peer = proxies.peer(from.ip(), is_encrypted, request.headers());
        let mut request: Request = request.map(Body::new);
        request.extensions_mut().insert(peer);
        answer(router.clone(), place.answering(peer.address), request)
    };
    let Some(tls) = tls else { return requests(stream, answer, head_timeout, stopping).await };
    // The connection already holds its slot: a slow handshake counts, and gives way like any connection without a
    // request.
    match tokio::time::timeout(handshake_timeout, tls.acceptor().accept(stream)).await {
        Ok(Ok(stream)) => requests(stream, answer, head_timeout, stopping).await,
        Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
        Err(_) => tracing::debug!("a TLS handshake took too long"),
    }
}

/// Answers the requests on a connection.
async fn requests<S, A, F>(stream: S, answer: A, head_timeout: Duration, mut stopping: watch::Receiver<bool>)
where
    S: AsyncRead + AsyncWrite + Unpin,
    A: Fn(hyper::Request<Incoming>) -> F,
    F: Future<Output = Result<Response, Infallible>>,
{
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(head_timeout).max_buf_size(HEAD_BYTES_MAX);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service_fn(answer)));
    let served = tokio::select! {
        served = &mut connection => served,
        () = stopped(&mut stopping) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = served {
        tracing::debug!(%error, "a connection broke off");
    }
}

async fn answer(router: Router, answering: Answering, request: Request) -> Result<Response, Infallible> {
    let response = router.oneshot(request).await?;
    Ok(response.map(|body| Body::new(AnswerBody { body, _answering: answering })))
}

/// The body of an answer, which is in progress until the body ends.
struct AnswerBody {
    body: Body,
    _answering: Answering,
}

impl HttpBody for AnswerBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
