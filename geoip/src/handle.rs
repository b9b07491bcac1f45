//! The configured files as one, replaced while lookups go on.

use std::collections::HashMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;

use crate::database::{Database, Stamp};
use crate::error::GeoIpError;
use crate::record::GeoLocation;

/// The configured GeoIP files. Clones are cheap and share the files, so that a reload reaches all of them; lookups never wait.
#[derive(Debug, Clone, Default)]
pub struct GeoIp {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    databases: ArcSwap<Vec<Arc<Database>>>,
    /// Versions of files that were refused, so that each is read and reported once (`None`: the file was gone).
    /// The lock also keeps reloads from overtaking each other.
    refused: Mutex<HashMap<PathBuf, Option<Stamp>>>,
}

impl GeoIp {
    /// Knows no address: no file is configured.
    pub fn empty() -> Self {
        Self::default()
    }

    /// Reads and checks files, one for both address families or one for each. An address is answered by the first file that knows it.
    ///
    /// # Errors
    /// The first file that cannot be read, is damaged, or names neither countries nor cities.
    pub fn open(paths: &[PathBuf]) -> Result<Self, GeoIpError> {
        let databases =
            paths.iter().map(|path| Database::open(path).map(Arc::new)).collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            shared: Arc::new(Shared { databases: ArcSwap::from_pointee(databases), ..Shared::default() }),
        })
    }

    /// True if no file is configured, so that no lookup can find anything.
    pub fn is_empty(&self) -> bool {
        self.shared.databases.load().is_empty()
    }

    /// Where an address is, or `None` if no file knows it. An IPv4-mapped IPv6 address is looked up as IPv4.
    pub fn lookup(&self, ip: IpAddr) -> Option<GeoLocation> {
        let ip = ip.to_canonical();
        self.shared.databases.load().iter().find_map(|database| database.lookup(ip))
    }

    /// Reloads files that were replaced or rewritten since they were read; true if any was. Call it every few seconds from a
    /// thread that may block: the check is one `stat` per file, but a changed file is read and checked whole. Lookups continue during a reload.
    ///
    /// # Errors
    /// The first new version that is refused; its predecessor stays in use. Each refused version is reported once, and retried
    /// only when the file changes again. Other files are reloaded anyway.
    pub fn reload_if_changed(&self) -> Result<bool, GeoIpError> {
        let mut refused = self.shared.refused.lock().unwrap_or_else(PoisonError::into_inner);
        let mut databases = self.shared.databases.load().as_ref().clone();
        let (mut changed, mut first_error) = (false, None);
        for database in &mut databases {
            let path = database.path().to_owned();
            let stamp = Stamp::read(&path);
            let version = stamp.as_ref().ok().cloned();
            if version.as_ref() == Some(database.stamp()) {
                refused.remove(&path);
                continue;
            }
            if refused.get(&path) == Some(&version) {
                continue;
            }
            match stamp.and_then(|_| Database::open(&path)) {
                Ok(replacement) => {
                    *database = Arc::new(replacement);
                    refused.remove(&path);
                    changed = true;
                }
                Err(error) => {
                    refused.insert(path, version);
                    first_error.get_or_insert(error);
                }
            }
        }
        if changed {
            self.shared.databases.store(Arc::new(databases));
        }
        first_error.map_or(Ok(changed), Err)
    }
}
