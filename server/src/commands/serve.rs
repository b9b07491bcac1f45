//! `hearken serve`: runs until SIGTERM or SIGINT.

use std::io::Write as _;

use anyhow::bail;
use hearken_config::{Config, IndexEngine};
use tokio::signal::unix::{SignalKind, signal};
use tracing::info;

use crate::app::{App, Role};
use crate::{fail_points, logging};

/// Configure, build, announce, wait, drain.
///
/// # Errors
/// Anything that keeps the server from starting, or the last flush from succeeding.
pub fn run(config: Config, role: Role) -> anyhow::Result<()> {
    if role != Role::All && matches!(config.index.engine, IndexEngine::Tantivy) {
        bail!(
            "`--role` needs `index.engine = \"opensearch\"`: the index of \"tantivy\" is in the process that writes it, and no \
             other can search it"
        );
    }
    config.http.refuse_exposure()?;
    logging::start(&config.log)?;
    let _fail_points = fail_points::arm()?;
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let app = App::start(config, role).await?;
        // The only line of data: the address, which the system may have chosen (port 0).
        writeln!(std::io::stdout(), "listening on {}", app.url())?;
        tokio::select! {
            _ = terminate.recv() => info!("SIGTERM: stopping"),
            _ = interrupt.recv() => info!("SIGINT: stopping"),
            error = app.failed() => return Err(error),
        }
        app.stop().await
    })
}
