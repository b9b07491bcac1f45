//! Listening, until told to stop.

use axum::Router;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// Serves `router` until `stopping` says true, then finishes the requests under way.
///
/// # Errors
/// The listener fails.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    mut stopping: watch::Receiver<bool>,
) -> std::io::Result<()> {
    let stop = async move {
        // An error says that the sender is gone, which means the same.
        let _ = stopping.wait_for(|stopping| *stopping).await;
    };
    axum::serve(listener, router).with_graceful_shutdown(stop).await
}
