//! Passes erasures from the API to ingest and the index, which do not know the API.

use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use hearken_index::Maintain;
use hearken_ingest::Eraser;
use hearken_model::InteractionId;
use hearken_query::erasures::{Erase, EraseFailed};

/// The API's eraser, made of ingest's eraser and the index that it writes.
pub(crate) struct ServerErasures {
    pub(crate) eraser: Eraser,
    pub(crate) index: Arc<dyn Maintain>,
}

impl Erase for ServerErasures {
    fn erase(&self, ids: Vec<InteractionId>) -> BoxFuture<'_, Result<(), EraseFailed>> {
        async move { self.eraser.erase(&ids).await.map_err(failed) }.boxed()
    }

    fn clean_files(&self) -> BoxFuture<'_, Result<(), EraseFailed>> {
        let index = Arc::clone(&self.index);
        async move {
            let cleaned = tokio::task::spawn_blocking(move || index.clean_files()).await;
            cleaned.map_err(failed)?.map_err(failed)?;
            self.eraser.clean_log().await.map_err(failed)
        }
        .boxed()
    }

    fn out_of_reach(&self) -> Vec<String> {
        let topics: Vec<_> = self.eraser.topics().iter().map(|topic| format!("`{topic}`")).collect();
        let records = (!topics.is_empty())
            .then(|| format!("records of the Kafka topics {}, until Kafka removes them", topics.join(", ")));
        let copies = "backups, exports and other copies that were made before".to_owned();
        records.into_iter().chain([copies]).collect()
    }
}

fn failed(error: impl std::error::Error + Send + Sync + 'static) -> EraseFailed {
    EraseFailed(format!("{:#}", anyhow::Error::new(error)))
}
