//! The caller on whose behalf a request is answered.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use hearken_index::Access;

use super::sessions::SessionGuard;
use crate::keys::{Key, LiveKeys, Permission, Permissions, names_of, now};
use crate::problem::Problem;

/// How often a stream checks that its caller's key is still valid.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Who is asking, and what they may do. A handler gets it by taking it as an argument; see [`mod@super::routes`].
#[derive(Debug, Clone)]
pub struct Caller {
    access: Access,
    permissions: Permissions,
    who: Who,
}

/// How a caller is identified.
#[derive(Debug, Clone)]
enum Who {
    /// Not at all: the server requires no keys.
    Anybody,
    /// A key.
    Holder(Holder),
    /// The name given by a trusted proxy.
    User(Arc<str>),
}

/// The key that a caller holds, and how they presented it.
#[derive(Debug, Clone)]
struct Holder {
    key: Arc<Key>,
    keys: LiveKeys,
    session: Option<SessionGuard>,
}

impl Caller {
    /// Anyone who can reach a server without keys; they may do everything.
    pub(crate) fn anybody() -> Self {
        Caller { access: Access::All, permissions: Permissions::ALL, who: Who::Anybody }
    }

    pub(super) fn holding(key: Arc<Key>, keys: LiveKeys, session: Option<SessionGuard>) -> Self {
        let (access, permissions) = (key.access.clone(), key.permissions);
        Caller { access, permissions, who: Who::Holder(Holder { key, keys, session }) }
    }

    pub(super) fn signed_on(user: &str, access: Access, permissions: Permissions) -> Self {
        Caller { access, permissions, who: Who::User(user.into()) }
    }

    /// Which interactions they may see; every query to the index needs it.
    pub fn access(&self) -> &Access {
        &self.access
    }

    /// The key, if they showed one.
    pub fn key(&self) -> Option<&Key> {
        self.holder().map(|holder| &*holder.key)
    }

    /// The user, if a trusted proxy signed them on.
    pub fn user(&self) -> Option<&str> {
        match &self.who {
            Who::User(name) => Some(name),
            Who::Anybody | Who::Holder(_) => None,
        }
    }

    /// What to call them: the name of their key or of the user; `None` if the server requires no keys.
    pub fn name(&self) -> Option<&str> {
        self.user().or(self.key().map(|key| key.name.as_str()))
    }

    /// The organizations they may see: their names, or `*`.
    pub fn organizations(&self) -> Vec<String> {
        names_of(&self.access)
    }

    /// What they may do.
    pub fn permissions(&self) -> Permissions {
        self.permissions
    }

    fn holder(&self) -> Option<&Holder> {
        match &self.who {
            Who::Holder(holder) => Some(holder),
            Who::Anybody | Who::User(_) => None,
        }
    }

    /// Whether the request came from a browser session.
    pub fn is_signed_in(&self) -> bool {
        self.holder().is_some_and(|holder| holder.session.is_some())
    }

    /// Whether they have this permission.
    pub fn may(&self, permission: Permission) -> bool {
        self.permissions.contains(permission)
    }

    /// Refuses callers without this permission.
    ///
    /// # Errors
    /// `forbidden`, which names the permission.
    pub fn require(&self, permission: Permission) -> Result<(), Problem> {
        self.require_any(&[permission])
    }

    /// Refuses callers with none of these permissions.
    ///
    /// # Errors
    /// `forbidden`, which names them.
    pub fn require_any(&self, permissions: &[Permission]) -> Result<(), Problem> {
        if permissions.iter().any(|permission| self.may(*permission)) {
            return Ok(());
        }
        let names: Vec<_> = permissions.iter().map(|permission| format!("`{permission}`")).collect();
        Err(Problem::new("forbidden", format!("this needs a key with the permission {}", names.join(" or "))))
    }

    /// Whether the key still grants what it did when the request arrived.
    pub fn is_still_admitted(&self) -> bool {
        self.holder().is_none_or(|Holder { key, keys, session }| {
            keys.current().still_holds(key, now()) && session.as_ref().is_none_or(SessionGuard::is_open)
        })
    }

    /// Waits until the key no longer grants it; never returns if there is no key.
    pub(super) async fn dismissed(self) {
        if self.holder().is_none() {
            std::future::pending::<()>().await;
        }
        while self.is_still_admitted() {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let caller = parts.extensions.get::<Caller>().cloned();
        caller.ok_or_else(|| Problem::internal(&std::io::Error::other("this route has no caller")))
    }
}
