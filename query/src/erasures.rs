//! Erasure: the caller learns when something is gone from every search result, and can ask later whether it is gone
//! from every file. Receipts are kept in a small JSON file next to the index, without any of what was erased, not even
//! ids.

use std::collections::{BTreeSet, VecDeque};
use std::fs;
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use futures::future::BoxFuture;
use hearken_index::query::Query;
use hearken_index::search::SortKey;
use hearken_index::{Access, Search, SearchError};
use hearken_model::{Document, InteractionId, Timestamp};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use uuid::Uuid;

use crate::durable;
use crate::parameters::SearchParameters;
use crate::problem::Problem;
use crate::search::resolve;

/// Most interactions that one request may erase.
pub const MATCHES_MAX: usize = 100_000;
/// Most receipts to keep; the oldest verified ones go first.
const RECEIPTS_MAX: usize = 10_000;
/// How long to wait before the files are checked again after a failure.
const RETRY_INTERVAL: Duration = Duration::from_secs(10);

/// Why nothing, or not everything, was erased. It is safe to retry.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct EraseFailed(pub String);

/// Erases for good. Implemented by whatever writes the index.
pub trait Erase: Send + Sync {
    /// Resolves once these interactions are gone from every answer, even after a crash.
    fn erase(&self, ids: Vec<InteractionId>) -> BoxFuture<'_, Result<(), EraseFailed>>;

    /// Resolves once no file of the index holds anything that was erased before.
    fn clean_files(&self) -> BoxFuture<'_, Result<(), EraseFailed>>;

    /// Where there may be copies that this server cannot reach, for the receipt.
    fn out_of_reach(&self) -> Vec<String>;
}

/// Whether the files still hold what was erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErasureFiles {
    /// They may.
    Pending,
    /// They do not: every file was checked.
    Verified,
}

/// The outcome of an erasure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErasureReceipt {
    /// Identifies the erasure.
    pub id: String,
    /// When it was gone from every answer.
    pub erased_at: Timestamp,
    /// Interactions that were requested and found.
    pub matched: u64,
    /// Those of them that this request erased; the others had been erased before.
    pub erased: u64,
    /// Whether the index's files still hold them.
    pub files: ErasureFiles,
    /// When they were first verified to hold nothing of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified_at: Option<Timestamp>,
    /// Where there may be copies that this server cannot reach.
    pub out_of_reach: Vec<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct KeptReceipt {
    #[serde(flatten)]
    receipt: ErasureReceipt,
    /// The organizations of the key that erased; `None` means all.
    organizations: Option<Vec<String>>,
}

#[derive(Default, Serialize, Deserialize)]
struct ErasuresFile {
    receipts: VecDeque<KeptReceipt>,
}

/// A server's erasures.
pub struct Erasures {
    eraser: Option<Arc<dyn Erase>>,
    /// `None` keeps receipts in memory only.
    path: Option<PathBuf>,
    receipts: Mutex<VecDeque<KeptReceipt>>,
    /// Counts changes, for those waiting for one.
    changed: watch::Sender<u64>,
}

/// Why receipts could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenErasuresError {
    /// The file cannot be read.
    #[error("cannot read the erasure receipts in `{}`", .0.display())]
    Unreadable(PathBuf, #[source] io::Error),
    /// The file holds something else.
    #[error("`{}` does not hold erasure receipts; fix the file, or move it away to start without them", .0.display())]
    Damaged(PathBuf, #[source] serde_json::Error),
}

/// Where the receipts of the index in that folder are kept.
pub fn path_beside(index: &Path) -> PathBuf {
    let mut name = index.file_name().unwrap_or("index".as_ref()).to_owned();
    name.push(".erasures.json");
    index.with_file_name(name)
}

impl Default for Erasures {
    /// Nothing can be erased.
    fn default() -> Self {
        Erasures { eraser: None, path: None, receipts: Mutex::default(), changed: watch::Sender::new(0) }
    }
}

impl Erasures {
    /// Erases through `eraser` and keeps receipts in a file, which need not exist yet. Erasures that were pending when
    /// the server last stopped are taken up again. Needs a runtime.
    ///
    /// # Errors
    /// The file cannot be read, or holds something else.
    pub fn open(eraser: Arc<dyn Erase>, path: PathBuf) -> Result<Arc<Self>, OpenErasuresError> {
        let stored = match fs::read(&path) {
            Ok(bytes) => match serde_json::from_slice::<ErasuresFile>(&bytes) {
                Ok(stored) => stored,
                Err(error) => return Err(OpenErasuresError::Damaged(path, error)),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => ErasuresFile::default(),
            Err(error) => return Err(OpenErasuresError::Unreadable(path, error)),
        };
        let erasures = Erasures {
            eraser: Some(eraser),
            path: Some(path),
            receipts: Mutex::new(stored.receipts),
            changed: watch::Sender::new(0),
        };
        let erasures = Arc::new(erasures);
        tokio::spawn(clean_up(Arc::downgrade(&erasures)));
        Ok(erasures)
    }

    /// Erases the interactions that [`Matches`] found.
    ///
    /// # Errors
    /// `erasure_failed`: some may be erased, others not; it is safe to retry.
    pub async fn erase(&self, matches: Matches, access: &Access) -> Result<ErasureReceipt, Problem> {
        let Some(eraser) = &self.eraser else {
            return Err(Problem::new("erasure_failed", "this server cannot erase"));
        };
        let erased = matches.ids.len() as u64;
        if !matches.ids.is_empty() {
            eraser.erase(matches.ids).await.map_err(|EraseFailed(reason)| Problem {
                retry_after: Some(5),
                ..Problem::new("erasure_failed", reason)
            })?;
        }
        let erased_at = now();
        let receipt = ErasureReceipt {
            id: new_id(erased_at),
            erased_at,
            matched: matches.matched,
            erased,
            // The files of earlier erasures may be pending, too.
            files: if matches.matched == 0 { ErasureFiles::Verified } else { ErasureFiles::Pending },
            verified_at: (matches.matched == 0).then_some(erased_at),
            out_of_reach: eraser.out_of_reach(),
        };
        let organizations = match access {
            Access::All => None,
            Access::Only(organizations) => Some(organizations.iter().map(str::to_owned).collect()),
        };
        tracing::info!(erasure = receipt.id, receipt.matched, receipt.erased, "erased");
        self.change(|receipts| {
            receipts.push_back(KeptReceipt { receipt: receipt.clone(), organizations });
            while receipts.len() > RECEIPTS_MAX {
                let oldest = receipts.iter().position(|kept| kept.receipt.files == ErasureFiles::Verified);
                receipts.remove(oldest.unwrap_or(0));
            }
        });
        Ok(receipt)
    }

    /// The receipt of that erasure, if its caller could see no more than this one.
    pub fn receipt(&self, id: &str, access: &Access) -> Option<ErasureReceipt> {
        let may_see = |kept: &&KeptReceipt| match (&kept.organizations, access) {
            (_, Access::All) => true,
            (None, Access::Only(_)) => false,
            (Some(names), Access::Only(organizations)) => {
                names.iter().all(|name| organizations.contains(name))
            }
        };
        let receipts = self.lock();
        receipts.iter().find(|kept| kept.receipt.id == id).filter(may_see).map(|kept| kept.receipt.clone())
    }

    /// Waits until the files are verified, but no longer than `patience`.
    pub async fn wait_for_files(&self, receipt: ErasureReceipt, patience: Duration) -> ErasureReceipt {
        let mut changed = self.changed.subscribe();
        let id = receipt.id.clone();
        let verified = async {
            loop {
                let found = self.receipt(&id, &Access::All);
                if let Some(found) = found.filter(|found| found.files == ErasureFiles::Verified) {
                    return Some(found);
                }
                changed.changed().await.ok()?;
            }
        };
        tokio::time::timeout(patience, verified).await.ok().flatten().unwrap_or(receipt)
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<KeptReceipt>> {
        self.receipts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the receipts in memory and on disk. A failing disk costs receipts, not erasures.
    fn change(&self, change: impl FnOnce(&mut VecDeque<KeptReceipt>)) {
        let mut receipts = self.lock();
        change(&mut receipts);
        if let Some(path) = &self.path
            && let Err(error) = write(path, &receipts)
        {
            tracing::error!(%error, path = %path.display(), "could not save the erasure receipts");
        }
        drop(receipts);
        self.changed.send_modify(|count| *count += 1);
    }

    /// The erasures with pending files.
    fn pending(&self) -> Vec<String> {
        let receipts = self.lock();
        let pending = receipts.iter().filter(|kept| kept.receipt.files == ErasureFiles::Pending);
        pending.map(|kept| kept.receipt.id.clone()).collect()
    }
}

/// Cleans the files whenever erasures are pending, once for all of them.
async fn clean_up(erasures: std::sync::Weak<Erasures>) {
    let Some(mut changed) = erasures.upgrade().map(|erasures| erasures.changed.subscribe()) else { return };
    loop {
        let Some(strong) = erasures.upgrade() else { return };
        changed.mark_unchanged();
        let pending = strong.pending();
        if pending.is_empty() {
            drop(strong);
            if changed.changed().await.is_err() {
                return;
            }
            continue;
        }
        let Some(eraser) = strong.eraser.clone() else { return };
        match eraser.clean_files().await {
            Ok(()) => {
                let verified_at = Some(now());
                strong.change(|receipts| {
                    for kept in receipts.iter_mut().filter(|kept| pending.contains(&kept.receipt.id)) {
                        kept.receipt.files = ErasureFiles::Verified;
                        kept.receipt.verified_at = verified_at;
                    }
                });
            }
            Err(EraseFailed(reason)) => {
                tracing::warn!(reason, "the files still hold what was erased; trying again");
                drop(strong);
                tokio::time::sleep(RETRY_INTERVAL).await;
            }
        }
    }
}

/// The interactions to erase, out of those the caller may see.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Matches {
    /// Interactions found, including those erased before.
    pub matched: u64,
    /// Those still to be erased.
    pub ids: Vec<InteractionId>,
}

impl Matches {
    /// Those of these ids that exist.
    ///
    /// # Errors
    /// The index fails.
    pub fn of_ids(
        reader: &dyn Search,
        ids: impl IntoIterator<Item = String>,
        access: &Access,
    ) -> Result<Self, SearchError> {
        let mut matches = Matches::default();
        let ids: BTreeSet<String> = ids.into_iter().collect();
        for id in ids {
            let Ok(id) = InteractionId::try_new(id) else { continue };
            let Some(document) = reader.get(&id, access)?.filter(is_interaction) else { continue };
            matches.matched += 1;
            if !document.state.erased {
                matches.ids.push(id);
            }
        }
        Ok(matches)
    }

    /// Those that a search finds.
    ///
    /// # Errors
    /// Those of the search; `too_many_matches` above [`MATCHES_MAX`].
    pub fn of_search(
        reader: &dyn Search,
        parameters: &SearchParameters,
        access: Access,
    ) -> Result<Self, Problem> {
        let query = parameters.text().map_or(Ok(Query::All), |text| resolve(reader, text, &access))?;
        let selection = parameters.selection(query, access);
        let order = [SortKey { field: "start_time".to_owned(), descending: true }];
        let mut ids = Vec::new();
        reader.for_each(&selection, &order, &mut |document| {
            ids.push(document.id().clone());
            if ids.len() > MATCHES_MAX { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        if ids.len() > MATCHES_MAX {
            let detail = format!("more than {MATCHES_MAX} interactions match; nothing was erased");
            let problem = Problem::new("too_many_matches", detail);
            return Err(Problem { hint: Some("erase in parts, by `from` and `to`".to_owned()), ..problem });
        }
        Ok(Matches { matched: ids.len() as u64, ids })
    }
}

/// Whether it is, or was, an interaction rather than a log from which interactions are made.
fn is_interaction(document: &Document) -> bool {
    document.state.erased || !document.state.is_hidden()
}

fn write(path: &Path, receipts: &VecDeque<KeptReceipt>) -> io::Result<()> {
    let stored = serde_json::json!({ "receipts": receipts });
    durable::replace(path, stored.to_string().as_bytes(), durable::Readable::ByOwner)
}

fn now() -> Timestamp {
    SystemTime::now().into()
}

fn new_id(at: Timestamp) -> String {
    static COUNT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
    let count = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let name = format!("{} {count} {}", at.as_nanos(), std::process::id());
    Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes()).to_string()
}
