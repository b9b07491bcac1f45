//! The file of the keys: human-readable TOML, replaced as a whole and readable by its owner only.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hearken_model::Timestamp;
use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};

use super::{BearerToken, ID_BYTES, InvalidKey, Key, Keys, NewKey, SECRET_BYTES, StoredKey, now};
use crate::durable::{Readable, folder_of, replace};

/// Larger files are refused: even ten thousand keys with several organizations take far less.
const BYTES_MAX: u64 = 16 * 1024 * 1024;
const VERSION: u8 = 1;
const COMMENT: &str = "\
# Made and changed by `hearken keys create|revoke`; a running server picks changes up.
# It holds hashes only: no key can be told from it.
";

/// A key file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyFile {
    path: PathBuf,
}

/// When keys were last used, by id.
pub type LastUses = BTreeMap<String, Timestamp>;

/// Tells a file from its predecessor. A key file is replaced as a whole, so there is no need to read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FileVersion {
    inode: u64,
    bytes: u64,
    changed: (i64, i64),
}

/// Why keys could not be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// The file cannot be read.
    #[error("cannot read the keys in `{}`", .0.display())]
    Unreadable(PathBuf, #[source] io::Error),
    /// The file is larger than any key file can be.
    #[error("`{}` is larger than {} MiB, too large for a key file", .0.display(), BYTES_MAX >> 20)]
    TooLarge(PathBuf),
    /// The file is not TOML, or not a key file.
    #[error("`{}` holds no keys: {reason}; fix it, or move it away and create new keys", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A key in the file cannot be used.
    #[error("a key in `{}` cannot be used: {reason}", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What is wrong with the key.
        reason: InvalidKey,
    },
    /// The file cannot be written.
    #[error("cannot write the keys to `{}`", .0.display())]
    Unwritable(PathBuf, #[source] io::Error),
    /// The new key is invalid.
    #[error(transparent)]
    Refused(#[from] InvalidKey),
    /// There is no such key.
    #[error("there is no key `{0}`; `hearken keys list` shows them")]
    Unknown(String),
    /// The system provides no random numbers.
    #[error("the system provides no random numbers")]
    NoRandomness(#[source] io::Error),
}

#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeysFile {
    /// The version of the file format.
    version: u8,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    keys: Vec<StoredKey>,
}

impl KeyFile {
    /// The key file at this path, which need not exist yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        KeyFile { path: path.into() }
    }

    /// The path of the file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its keys; none if there is no file.
    ///
    /// # Errors
    /// It cannot be read, or holds something else.
    pub fn read(&self) -> Result<Keys, KeyFileError> {
        self.content()?.map_or(Ok(Keys::default()), |text| self.parse(&text))
    }

    /// Creates a key. The token is stored nowhere: if it is lost, create another key.
    ///
    /// # Errors
    /// The key is invalid, or the file cannot be read or written.
    pub fn create(&self, new: NewKey) -> Result<(Key, BearerToken), KeyFileError> {
        let mut random = [0; ID_BYTES + SECRET_BYTES];
        getrandom::fill(&mut random).map_err(|error| KeyFileError::NoRandomness(error.into()))?;
        self.change(|keys| Ok(keys.make(new, now(), random)?))
    }

    /// Revokes a key by id or name.
    ///
    /// # Errors
    /// There is no such key, or the file cannot be read or written.
    pub fn revoke(&self, id_or_name: &str) -> Result<Arc<Key>, KeyFileError> {
        self.change(|keys| {
            keys.remove(id_or_name).ok_or_else(|| KeyFileError::Unknown(id_or_name.to_owned()))
        })
    }

    /// When keys were last used, as last recorded by a server: to the minute.
    pub fn last_uses(&self) -> LastUses {
        // Only for display, never relied upon.
        fs::read(self.beside("used"))
            .ok()
            .and_then(|json| serde_json::from_slice(&json).ok())
            .unwrap_or_default()
    }

    pub(super) fn write_last_uses(&self, uses: &LastUses) -> io::Result<()> {
        replace(&self.beside("used"), &serde_json::to_vec_pretty(uses)?, Readable::ByOwner)
    }

    /// The version of the current file; `None` if there is no readable one.
    pub(super) fn version(&self) -> Option<FileVersion> {
        let metadata = fs::metadata(&self.path).ok()?;
        let changed = (metadata.ctime(), metadata.ctime_nsec());
        Some(FileVersion { inode: metadata.ino(), bytes: metadata.len(), changed })
    }

    pub(super) fn content(&self) -> Result<Option<String>, KeyFileError> {
        let unreadable = |error| KeyFileError::Unreadable(self.path.clone(), error);
        match fs::metadata(&self.path) {
            Ok(metadata) if metadata.len() > BYTES_MAX => {
                return Err(KeyFileError::TooLarge(self.path.clone()));
            }
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(unreadable(error)),
        }
        fs::read_to_string(&self.path).map(Some).map_err(unreadable)
    }

    pub(super) fn parse(&self, text: &str) -> Result<Keys, KeyFileError> {
        let damaged =
            |message: &str| KeyFileError::Damaged { path: self.path.clone(), reason: message.to_owned() };
        // The parser's message without the line it refers to.
        let stored: KeysFile = toml::from_str(text).map_err(|error| damaged(error.message()))?;
        if stored.version != VERSION {
            return Err(damaged("it was written by another version of Hearken"));
        }
        let invalid = |reason| KeyFileError::Invalid { path: self.path.clone(), reason };
        let mut keys = Keys::default();
        for stored in stored.keys {
            keys.add(stored.try_into().map_err(invalid)?).map_err(invalid)?;
        }
        Ok(keys)
    }

    /// Changes the keys while nobody else does.
    fn change<T>(
        &self,
        change: impl FnOnce(&mut Keys) -> Result<T, KeyFileError>,
    ) -> Result<T, KeyFileError> {
        let unwritable = |error| KeyFileError::Unwritable(self.path.clone(), error);
        fs::create_dir_all(folder_of(&self.path)).map_err(unwritable)?;
        let _lock = self.lock().map_err(unwritable)?;
        let mut keys = self.read()?;
        let done = change(&mut keys)?;
        let keys = keys.all().iter().map(|key| StoredKey::from(&**key)).collect();
        let text = toml::to_string(&KeysFile { version: VERSION, keys })
            .map_err(|error| unwritable(io::Error::other(error)))?;
        replace(&self.path, format!("{COMMENT}{text}").as_bytes(), Readable::ByOwner).map_err(unwritable)?;
        Ok(done)
    }

    /// Takes a lock, held until dropped. It is on a separate file, because the key file is replaced.
    fn lock(&self) -> io::Result<File> {
        let lock = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(self.beside("lock"))?;
        flock(&lock, FlockOperation::LockExclusive)?;
        Ok(lock)
    }

    fn beside(&self, suffix: &str) -> PathBuf {
        let mut name = self.path.file_name().unwrap_or_default().to_owned();
        name.push(".");
        name.push(suffix);
        self.path.with_file_name(name)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::keys::Permission;

    fn new_key(name: &str) -> NewKey {
        let permissions = [Permission::Search].into_iter().collect();
        NewKey { name: name.to_owned(), organizations: vec!["*".to_owned()], permissions, expires: None }
    }

    #[test]
    fn keys_are_there_again_and_only_the_owner_may_read_them() {
        let folder = tempfile::tempdir().unwrap();
        let file = KeyFile::new(folder.path().join("deep").join("keys.toml"));
        assert!(file.read().unwrap().is_empty());
        let (a, token) = file.create(new_key("a")).unwrap();
        let (b, _) = file.create(NewKey { organizations: vec!["acme".to_owned()], ..new_key("b") }).unwrap();
        assert_eq!(
            file.read().unwrap().all().iter().map(|key| (**key).clone()).collect::<Vec<_>>(),
            [a.clone(), b]
        );
        assert_eq!(file.read().unwrap().find(token.expose(), now()).as_deref(), Some(&a));
        assert_eq!(fs::metadata(file.path()).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(matches!(file.create(new_key("A")), Err(KeyFileError::Refused(InvalidKey::Taken(_)))));
        file.revoke(&a.id).unwrap();
        assert_eq!(file.read().unwrap().find(token.expose(), now()), None);
        assert!(matches!(file.revoke("a"), Err(KeyFileError::Unknown(_))));
    }

    #[test]
    fn keys_made_at_the_same_time_are_all_kept() {
        let folder = tempfile::tempdir().unwrap();
        let file = KeyFile::new(folder.path().join("keys.toml"));
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let file = &file;
                scope.spawn(move || {
                    (0..8).for_each(|key| drop(file.create(new_key(&format!("{thread}-{key}"))).unwrap()));
                });
            }
        });
        assert_eq!(file.read().unwrap().all().len(), 32);
    }

    #[test]
    fn a_damaged_file_is_reported_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let file = KeyFile::new(folder.path().join("keys.toml"));
        file.create(new_key("a")).unwrap();
        let good = fs::read_to_string(file.path()).unwrap();
        for (was, is) in [
            ("version = 1", "version = 2"),
            ("\"search\"", "\"everything\""),
            ("hash", "hush"),
            ("[\"*\"]", "[]"),
        ] {
            let bad = good.replace(was, is);
            assert_ne!(bad, good);
            fs::write(file.path(), &bad).unwrap();
            let error = file.create(new_key("b")).unwrap_err();
            assert!(error.to_string().contains("keys.toml"), "{error}");
            assert_eq!(fs::read_to_string(file.path()).unwrap(), bad);
        }
    }
}
