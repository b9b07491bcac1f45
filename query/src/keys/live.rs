//! The keys of a running server, kept up to date with their file.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use hearken_model::Timestamp;

use super::file::FileVersion;
use super::{Key, KeyFile, KeyFileError, Keys, LastUses, now};
use crate::reload::{Reloaded, reload_on_change};

/// How often the file is checked: a revoked key stops working within this time.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Checks between two writes of last uses.
const LOOKS_PER_WRITE: u32 = 60;

/// The keys of a running server. Clones share them.
#[derive(Debug, Clone)]
pub struct LiveKeys {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    file: KeyFile,
    keys: ArcSwap<Keys>,
    seen: Mutex<Seen>,
    uses: Mutex<Uses>,
}

/// The file as of the last check.
#[derive(Debug)]
struct Seen {
    version: Option<FileVersion>,
    /// The text that `keys` were read from.
    content: Option<String>,
}

#[derive(Debug)]
struct Uses {
    last: HashMap<String, Timestamp>,
    is_written: bool,
}

impl LiveKeys {
    /// Reads the keys. Without a file there are none yet, and every request is refused.
    ///
    /// # Errors
    /// The file cannot be read, or holds something else.
    pub fn open(file: KeyFile) -> Result<Self, KeyFileError> {
        let version = file.version();
        let content = file.content()?;
        let keys = content.as_deref().map_or(Ok(Keys::default()), |text| file.parse(text))?;
        let uses = Uses { last: file.last_uses().into_iter().collect(), is_written: true };
        let inner = Inner {
            file,
            keys: ArcSwap::from_pointee(keys),
            seen: Mutex::new(Seen { version, content }),
            uses: Mutex::new(uses),
        };
        Ok(LiveKeys { inner: Arc::new(inner) })
    }

    /// The file.
    pub fn file(&self) -> &KeyFile {
        &self.inner.file
    }

    /// The current keys.
    pub fn current(&self) -> Arc<Keys> {
        self.inner.keys.load_full()
    }

    /// The presented key, if it exists and is valid. An unknown one may just have been created, so a changed file is
    /// read again before the key is refused.
    pub fn find(&self, token: &str, now: Timestamp) -> Option<Arc<Key>> {
        let found = self.current().find(token, now);
        // This applies to a wrong secret as well as to an unknown id, so that the time taken does not reveal which it
        // was. The file is read once per change, however many wrong keys come.
        if found.is_some() || self.seen().version == self.inner.file.version() {
            return found;
        }
        match self.reload() {
            Ok(_) => self.current().find(token, now),
            Err(_) => None, // the periodic reload reports the error
        }
    }

    /// Reloads a changed file, and says whether it changed. If it cannot be read, the keys stay as they are.
    ///
    /// # Errors
    /// The file cannot be read, is gone, or holds something else.
    pub fn reload(&self) -> Result<bool, KeyFileError> {
        let Inner { file, keys, .. } = &*self.inner;
        let mut seen = self.seen();
        seen.version = file.version();
        let read = file.content()?;
        if read == seen.content {
            return Ok(false);
        }
        let Some(text) = &read else {
            let gone = std::io::Error::from(std::io::ErrorKind::NotFound);
            return Err(KeyFileError::Unreadable(file.path().to_owned(), gone));
        };
        keys.store(Arc::new(file.parse(text)?));
        seen.content = read;
        tracing::info!(keys = self.current().by_id.len(), "reloaded the keys");
        Ok(true)
    }

    /// Watches for changes as long as the server runs, and records when keys were used.
    pub async fn keep_current(self) {
        let (live, mut num_looks) = (self.clone(), 0_u32);
        let reload = move || {
            num_looks = num_looks.wrapping_add(1);
            if num_looks % LOOKS_PER_WRITE == 0 {
                live.write_uses();
            }
            live.reload()
        };
        reload_on_change(LOOK_EVERY, reload, |reloaded| match reloaded {
            Reloaded::Changed => {} // `reload` has already logged it
            Reloaded::Readable => tracing::info!("the keys file is readable again, with the same keys"),
            Reloaded::Failed(error) => {
                tracing::error!(error, "the keys cannot be read; the old ones stay in use, revoked or not");
            }
        })
        .await;
    }

    /// Marks a key as used.
    pub(crate) fn used(&self, key: &Key) {
        let now = now();
        let mut uses = self.uses();
        match uses.last.get_mut(&key.id) {
            // A resolution of one second is enough.
            Some(last) if now.millis_since(*last) < 1_000 => return,
            Some(last) => *last = now,
            None => drop(uses.last.insert(key.id.clone(), now)),
        }
        uses.is_written = false;
    }

    /// Records when keys were used, if any were.
    pub fn write_uses(&self) {
        let keys = self.current();
        let uses: LastUses = {
            let mut uses = self.uses();
            if std::mem::replace(&mut uses.is_written, true) {
                return;
            }
            uses.last.retain(|id, _| keys.by_id.contains_key(id));
            uses.last.iter().map(|(id, at)| (id.clone(), *at)).collect()
        };
        if let Err(error) = self.inner.file.write_last_uses(&uses) {
            tracing::warn!(%error, "cannot record when keys were used");
        }
    }

    fn seen(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.inner.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn uses(&self) -> std::sync::MutexGuard<'_, Uses> {
        self.inner.uses.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::keys::{NewKey, Permission};

    #[test]
    fn changes_are_taken_up_and_a_broken_file_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let file = KeyFile::new(folder.path().join("keys.toml"));
        let live = LiveKeys::open(file.clone()).unwrap();
        assert!(live.current().is_empty() && !live.reload().unwrap());
        let permissions = [Permission::Read].into_iter().collect();
        let new = NewKey {
            name: "a".to_owned(),
            organizations: vec!["acme".to_owned()],
            permissions,
            expires: None,
        };
        let (_, token) = file.create(new).unwrap();
        assert!(live.reload().unwrap() && !live.reload().unwrap());
        let key = live.current().find(token.expose(), now()).unwrap();

        let good = std::fs::read_to_string(file.path()).unwrap();
        for broken in ["", "version = 1\n[[keys]]\n"] {
            std::fs::write(file.path(), broken).unwrap();
            assert!(live.reload().is_err());
            assert!(live.current().still_holds(&key, now()));
        }
        std::fs::remove_file(file.path()).unwrap();
        assert!(live.reload().is_err());
        assert!(live.current().still_holds(&key, now()));

        // However often a wrong key comes, an unchanged file is not read again, even if it is broken or gone.
        assert!(live.find("hk_00000000_0", now()).is_none() && live.seen().version.is_none());

        live.used(&key);
        live.write_uses();
        assert!(file.last_uses().contains_key(&key.id));
        std::fs::write(file.path(), good).unwrap();
        live.reload().unwrap();
        file.revoke("a").unwrap();
        assert!(live.reload().unwrap());
        assert_eq!(live.find(token.expose(), now()), None);
    }

    #[test]
    fn a_key_works_from_the_moment_it_is_created() {
        let folder = tempfile::tempdir().unwrap();
        let file = KeyFile::new(folder.path().join("keys.toml"));
        let live = LiveKeys::open(file.clone()).unwrap();
        for name in ["a", "b"] {
            let new = NewKey {
                name: name.to_owned(),
                organizations: vec!["*".to_owned()],
                permissions: [Permission::Read].into_iter().collect(),
                expires: None,
            };
            let (key, token) = file.create(new).unwrap();
            assert_eq!(live.find(token.expose(), now()).unwrap().id, key.id);
        }
        assert!(live.find("hk_00000000_0", now()).is_none() && !live.reload().unwrap());
    }
}
