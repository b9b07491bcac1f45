//! Keys: who may do what.
//!
//! A key is `hk_<id>_<secret>`, with 192 random bits of secret, shown once when it is created. Only its hash is kept,
//! in a small separate file ([`KeyFile`]), which `hearken keys` changes and a running server reloads ([`LiveKeys`]).
//!
//! The hash is plain BLAKE3. Slow hashes protect secrets that can be guessed, such as passwords; nobody can guess 192
//! random bits, however fast they try, while every request would pay for a slow hash. Hashes are compared in constant
//! time, and an id that does not exist costs the same comparison.

mod file;
mod live;
mod permission;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use hearken_index::{Access, Organizations};
use hearken_model::Timestamp;
use serde::{Deserialize, Serialize};

pub use file::{KeyFile, KeyFileError, LastUses};
pub use live::LiveKeys;
pub use permission::{Permission, Permissions};

/// Longest name of a key, in characters.
pub const NAME_CHARS_MAX: usize = 80;
/// Most organizations of one key.
pub const ORGANIZATIONS_MAX: usize = 1_000;
/// Most keys of a server.
pub const KEYS_MAX: usize = 10_000;
/// The prefix of every key, so that secret scanners recognise it.
const PREFIX: &str = "hk_";
/// Bytes of an id and of a secret, two hexadecimal digits each.
const ID_BYTES: usize = 4;
const SECRET_BYTES: usize = 24;
/// Stands for every organization.
const EVERY_ORGANIZATION: &str = "*";

/// One key, without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// The public part of the key.
    pub id: String,
    /// Its name; unique, ignoring case.
    pub name: String,
    /// Which interactions it may see.
    pub access: Access,
    /// What it permits.
    pub permissions: Permissions,
    /// When it was created.
    pub created: Timestamp,
    /// When it expires.
    pub expires: Option<Timestamp>,
    hash: blake3::Hash,
}

impl Key {
    /// Whether it is valid at this time.
    pub fn is_valid_at(&self, now: Timestamp) -> bool {
        self.expires.is_none_or(|expires| now < expires)
    }

    /// The organizations in written form: their names, or `*`.
    pub fn organizations(&self) -> Vec<String> {
        names_of(&self.access)
    }
}

/// An access's organizations in written form: their names, or `*`.
pub(crate) fn names_of(access: &Access) -> Vec<String> {
    match access {
        Access::All => vec![EVERY_ORGANIZATION.to_owned()],
        Access::Only(organizations) => organizations.iter().map(str::to_owned).collect(),
    }
}

/// The description of a key to create.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewKey {
    /// See [`Key::name`].
    pub name: String,
    /// Names, or `*` alone for every organization.
    pub organizations: Vec<String>,
    /// See [`Key::permissions`].
    pub permissions: Permissions,
    /// See [`Key::expires`].
    pub expires: Option<Timestamp>,
}

/// A key as its holder presents it. It cannot be printed by accident.
#[derive(Clone, PartialEq, Eq)]
pub struct BearerToken(String);

impl BearerToken {
    /// The key itself, to show to whoever created it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    fn new(id: &str, secret: &[u8; SECRET_BYTES]) -> Self {
        BearerToken(format!("{PREFIX}{id}_{}", hex(secret)))
    }
}

impl fmt::Debug for BearerToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BearerToken([redacted])")
    }
}

/// The id in a text, if it has the form of a key; the key need not exist.
pub fn id_of(token: &str) -> Option<&str> {
    let (id, _) = token.strip_prefix(PREFIX)?.split_once('_')?;
    (id.len() == 2 * ID_BYTES && id.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(id)
}

/// What is wrong with a key's description.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKey {
    /// The name is empty, too long, or not on one line.
    #[error("a key's name has 1 to {NAME_CHARS_MAX} characters on one line")]
    Name,
    /// No organization, too many, or `*` along with others.
    #[error("name 1 to {ORGANIZATIONS_MAX} organizations, or `*` alone for all of them")]
    Organizations,
    /// No permission.
    #[error("name at least one permission")]
    NoPermission,
    /// Another key has the name or the id.
    #[error("there is already a key named `{0}`")]
    Taken(String),
    /// There are too many keys.
    #[error("there are already {KEYS_MAX} keys; revoke one that is no longer needed")]
    TooMany,
    /// The hash is malformed.
    #[error("`hash` of the key `{0}` is not a hash")]
    Hash(String),
    /// There is no permission with this name.
    #[error(
        "there is no permission `{0}`; the permissions are search, read, metadata, ingest, erase and metrics"
    )]
    Permission(String),
}

/// Keys by id.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Keys {
    by_id: HashMap<String, Arc<Key>>,
}

impl Keys {
    /// The presented key, if it exists and is valid.
    pub fn find(&self, token: &str, now: Timestamp) -> Option<Arc<Key>> {
        let presented = blake3::hash(token.as_bytes());
        let key = id_of(token).and_then(|id| self.by_id.get(id));
        // `blake3::Hash` compares in constant time.
        let is_right = key.map_or(blake3::Hash::from_bytes([0; 32]), |key| key.hash) == presented;
        key.filter(|key| is_right && key.is_valid_at(now)).cloned()
    }

    /// The key with this id, if it is valid.
    pub(crate) fn get(&self, id: &str, now: Timestamp) -> Option<Arc<Key>> {
        self.by_id.get(id).filter(|key| key.is_valid_at(now)).cloned()
    }

    /// Whether this very key is still present and valid, with the same access and permissions.
    pub fn still_holds(&self, key: &Key, now: Timestamp) -> bool {
        self.by_id.get(&key.id).is_some_and(|known| **known == *key) && key.is_valid_at(now)
    }

    /// Every key, oldest first; those of the same millisecond by name.
    pub fn all(&self) -> Vec<Arc<Key>> {
        let mut keys: Vec<_> = self.by_id.values().cloned().collect();
        keys.sort_by(|a, b| (a.created, &a.name).cmp(&(b.created, &b.name)));
        keys
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    fn make(
        &mut self,
        new: NewKey,
        now: Timestamp,
        random: [u8; ID_BYTES + SECRET_BYTES],
    ) -> Result<(Key, BearerToken), InvalidKey> {
        let (id, secret) = random.split_at(ID_BYTES);
        let id = hex(id);
        let secret = secret.try_into().expect("the rest is as long as a secret");
        let token = BearerToken::new(&id, secret);
        let key = Key {
            id,
            name: checked_name(&new.name)?,
            access: access(&new.organizations)?,
            permissions: new.permissions,
            created: now,
            expires: new.expires,
            hash: blake3::hash(token.expose().as_bytes()),
        };
        self.add(key.clone())?;
        Ok((key, token))
    }

    fn add(&mut self, key: Key) -> Result<(), InvalidKey> {
        if key.permissions.is_empty() {
            return Err(InvalidKey::NoPermission);
        }
        let is_same =
            |known: &Key| known.id == key.id || known.name.to_lowercase() == key.name.to_lowercase();
        if self.by_id.values().any(|known| is_same(known)) {
            return Err(InvalidKey::Taken(key.name));
        }
        if self.by_id.len() >= KEYS_MAX {
            return Err(InvalidKey::TooMany);
        }
        self.by_id.insert(key.id.clone(), Arc::new(key));
        Ok(())
    }

    /// Removes the key with this id or name.
    fn remove(&mut self, id_or_name: &str) -> Option<Arc<Key>> {
        let is_meant =
            |key: &Key| key.id == id_or_name || key.name.to_lowercase() == id_or_name.to_lowercase();
        let id = self.by_id.values().find(|key| is_meant(key)).map(|key| key.id.clone())?;
        self.by_id.remove(&id)
    }
}

/// A key as stored in the file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredKey {
    id: String,
    name: String,
    organizations: Vec<String>,
    permissions: Vec<String>,
    created: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires: Option<Timestamp>,
    hash: String,
}

impl From<&Key> for StoredKey {
    fn from(key: &Key) -> Self {
        StoredKey {
            id: key.id.clone(),
            name: key.name.clone(),
            organizations: key.organizations(),
            permissions: key.permissions.iter().map(|permission| permission.name().to_owned()).collect(),
            created: key.created,
            expires: key.expires,
            hash: key.hash.to_hex().to_string(),
        }
    }
}

impl TryFrom<StoredKey> for Key {
    type Error = InvalidKey;

    fn try_from(stored: StoredKey) -> Result<Self, InvalidKey> {
        let permission = |name: &String| {
            Permission::from_name(name).ok_or_else(|| InvalidKey::Permission(name.chars().take(64).collect()))
        };
        let permissions = stored.permissions.iter().map(permission).collect::<Result<_, _>>()?;
        let hash = blake3::Hash::from_hex(&stored.hash);
        Ok(Key {
            name: checked_name(&stored.name)?,
            access: access(&stored.organizations)?,
            permissions,
            created: stored.created,
            expires: stored.expires,
            hash: hash.map_err(|_| InvalidKey::Hash(stored.id.chars().take(64).collect()))?,
            id: stored.id,
        })
    }
}

fn checked_name(name: &str) -> Result<String, InvalidKey> {
    let name = name.trim();
    let is_one_line = !name.chars().any(char::is_control);
    let fits = (1..=NAME_CHARS_MAX).contains(&name.chars().count());
    if is_one_line && fits { Ok(name.to_owned()) } else { Err(InvalidKey::Name) }
}

/// The access that organization names stand for: names, or `*` alone for all.
pub(crate) fn access(organizations: &[String]) -> Result<Access, InvalidKey> {
    if organizations == [EVERY_ORGANIZATION] {
        return Ok(Access::All);
    }
    let is_name = |name: &String| !name.is_empty() && name != EVERY_ORGANIZATION;
    if organizations.len() > ORGANIZATIONS_MAX || !organizations.iter().all(is_name) {
        return Err(InvalidKey::Organizations);
    }
    let organizations = Organizations::try_new(organizations).map_err(|_| InvalidKey::Organizations)?;
    Ok(Access::Only(organizations))
}

/// The time against which keys are checked, in whole milliseconds as people read it.
pub fn now() -> Timestamp {
    Timestamp::from(SystemTime::now()).floor_millis()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn new_key(name: &str) -> NewKey {
        NewKey {
            name: name.to_owned(),
            organizations: vec!["acme".to_owned()],
            permissions: [Permission::Search, Permission::Read].into_iter().collect(),
            expires: None,
        }
    }

    #[test]
    fn only_the_whole_key_opens_and_only_until_it_expires() {
        let mut keys = Keys::default();
        let at = Timestamp::from_millis;
        let until = NewKey { expires: Some(at(100)), ..new_key("until") };
        let (key, token) = keys.make(until, at(0), [7; ID_BYTES + SECRET_BYTES]).unwrap();
        let token = token.expose();
        assert_eq!(keys.find(token, at(99)).unwrap().id, key.id);
        assert_eq!(keys.find(token, at(100)), None);
        let other_secret = format!("hk_{}_{}", key.id, "0".repeat(2 * SECRET_BYTES));
        for wrong in
            ["", "hk_", &token[..token.len() - 1], &token.to_uppercase(), &format!("{token} "), &other_secret]
        {
            assert_eq!(keys.find(wrong, at(0)), None, "{wrong}");
        }
        assert!(keys.still_holds(&key, at(0)) && !keys.still_holds(&key, at(100)));
        assert!(!keys.still_holds(&Key { access: Access::All, ..key.clone() }, at(0)), "the key was widened");
        keys.remove("UNTIL").unwrap();
        assert!(!keys.still_holds(&key, at(0)));
    }

    #[test]
    fn nothing_but_the_hash_of_a_key_is_kept_or_printed() {
        let mut keys = Keys::default();
        let random: [u8; ID_BYTES + SECRET_BYTES] = std::array::from_fn(|idx| idx as u8);
        let (key, token) = keys.make(new_key("a"), Timestamp::EPOCH, random).unwrap();
        let secret = token.expose().rsplit('_').next().unwrap();
        assert_eq!(secret.len() * 4, 192);
        let stored = toml::to_string(&StoredKey::from(&key)).unwrap();
        for text in [stored, format!("{key:?} {token:?} {keys:?}")] {
            assert!(!text.contains(secret), "{text}");
        }
    }

    #[test]
    fn a_meaningless_key_cannot_be_created() {
        let mut keys = Keys::default();
        let mut random = 0;
        let mut make = |new: NewKey| {
            random += 1;
            keys.make(new, Timestamp::EPOCH, [random; ID_BYTES + SECRET_BYTES]).map(drop)
        };
        make(new_key("a")).unwrap();
        assert_eq!(make(new_key(" A ")), Err(InvalidKey::Taken("A".to_owned())));
        for name in ["", " ", "a\nb", &"x".repeat(81)] {
            assert_eq!(make(new_key(name)), Err(InvalidKey::Name), "{name:?}");
        }
        for organizations in [&[][..], &["*", "acme"], &[""]] {
            let organizations = organizations.iter().map(|name| (*name).to_owned()).collect();
            let new = NewKey { organizations, ..new_key("b") };
            assert_eq!(make(new), Err(InvalidKey::Organizations));
        }
        let new = NewKey { permissions: Permissions::default(), ..new_key("c") };
        assert_eq!(make(new), Err(InvalidKey::NoPermission));
    }
}
