//! Listening, until told to stop.

use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, SocketAddr};
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
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tower::ServiceExt as _;

use super::connections::{Answering, Connections, Place};

/// How long the head of a request may take from when it could begin, so also how long a connection may be quiet.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// Most bytes of a request's head.
const HEAD_BYTES_MAX: usize = 96 * 1024;
/// How long nothing is taken after the system could not: it lacks descriptors, most likely.
const TAKE_AGAIN_AFTER: Duration = Duration::from_millis(100);

/// Where a request came from: an extension of every request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer {
    /// The client.
    pub address: IpAddr,
    /// Whether nobody could read the request on its way.
    pub is_encrypted: bool,
}

/// Serves `router` until `stopping` says true, then finishes the requests under way. There are at most `connections_max`
/// connections; see [`super::connections`] for whose end when there are more.
///
/// # Errors
/// None today: a listener that fails is tried again.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    connections_max: usize,
    mut stopping: watch::Receiver<bool>,
) -> io::Result<()> {
    let connections = Connections::new(connections_max);
    let mut tasks = JoinSet::new();
    loop {
        let (stream, peer) = tokio::select! {
            () = stopped(&mut stopping) => break,
            Some(_) = tasks.join_next() => continue,
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "cannot take a connection");
                    tokio::time::sleep(TAKE_AGAIN_AFTER).await;
                    continue;
                }
            },
        };
        let Some(place) = connections.place(peer.ip()) else { continue };
        let number = place.number();
        let task = tasks.spawn(connection(stream, peer, router.clone(), place, stopping.clone()));
        connections.served_by(number, task);
    }
    drop(listener);
    while tasks.join_next().await.is_some() {}
    Ok(())
}

/// Waits until the server is to stop.
async fn stopped(stopping: &mut watch::Receiver<bool>) {
    // An error says that the sender is gone, which means the same.
    let _ = stopping.wait_for(|stopping| *stopping).await;
}

/// Serves one connection.
async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    place: Place,
    mut stopping: watch::Receiver<bool>,
) {
    // Answers go out at once: each is written as a whole.
    let _ = stream.set_nodelay(true);
    let peer = Peer { address: peer.ip().to_canonical(), is_encrypted: false };
    let place = Arc::new(place);
    let service = service_fn(move |request| answer(router.clone(), peer, place.answering(), request));
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT).max_buf_size(HEAD_BYTES_MAX);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
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

async fn answer(
    router: Router,
    peer: Peer,
    answering: Answering,
    request: hyper::Request<Incoming>,
) -> Result<Response, Infallible> {
    let mut request: Request = request.map(Body::new);
    request.extensions_mut().insert(peer);
    let response = router.oneshot(request).await?;
    Ok(response.map(|body| Body::new(Answer { body, _answering: answering })))
}

/// The body of an answer, which is under way until it ends.
struct Answer {
    body: Body,
    _answering: Answering,
}

impl HttpBody for Answer {
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
