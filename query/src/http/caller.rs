//! On whose behalf a request is answered.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use hearken_index::Access;

use super::sessions::SessionGuard;
use crate::keys::{Key, LiveKeys, Permission, Permissions, now};
use crate::problem::Problem;

/// How often a stream asks whether its caller's key is still worth something.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Who asks, and what they may do. A handler gets it by naming it among its arguments; see [`mod@super::routes`].
#[derive(Debug, Clone)]
pub struct Caller {
    access: Access,
    permissions: Permissions,
    holder: Option<Holder>,
}

/// The key that a caller holds, and how they came by it.
#[derive(Debug, Clone)]
struct Holder {
    key: Arc<Key>,
    keys: LiveKeys,
    session: Option<SessionGuard>,
}

impl Caller {
    /// Whoever can reach a server without keys: they may do everything.
    pub(crate) fn anybody() -> Self {
        Caller { access: Access::All, permissions: Permissions::ALL, holder: None }
    }

    pub(super) fn holding(key: Arc<Key>, keys: LiveKeys, session: Option<SessionGuard>) -> Self {
        let (access, permissions) = (key.access.clone(), key.permissions);
        Caller { access, permissions, holder: Some(Holder { key, keys, session }) }
    }

    /// Whose interactions they may see, for every question to the index.
    pub fn access(&self) -> &Access {
        &self.access
    }

    /// The key, unless the server has none.
    pub fn key(&self) -> Option<&Key> {
        self.holder.as_ref().map(|holder| &*holder.key)
    }

    /// Whether a browser sent the request in a session of its own.
    pub fn is_signed_in(&self) -> bool {
        self.holder.as_ref().is_some_and(|holder| holder.session.is_some())
    }

    /// Whether they may do that.
    pub fn may(&self, permission: Permission) -> bool {
        self.permissions.contains(permission)
    }

    /// Refuses who may not.
    ///
    /// # Errors
    /// `forbidden`, naming the permission.
    pub fn require(&self, permission: Permission) -> Result<(), Problem> {
        self.require_any(&[permission])
    }

    /// Refuses who has none of the permissions.
    ///
    /// # Errors
    /// `forbidden`, naming them.
    pub fn require_any(&self, permissions: &[Permission]) -> Result<(), Problem> {
        if permissions.iter().any(|permission| self.may(*permission)) {
            return Ok(());
        }
        let names: Vec<_> = permissions.iter().map(|permission| format!("`{permission}`")).collect();
        Err(Problem::new("forbidden", format!("this needs a key with the permission {}", names.join(" or "))))
    }

    /// Whether the key is still worth what it was when the request came.
    pub fn is_still_admitted(&self) -> bool {
        self.holder.as_ref().is_none_or(|Holder { key, keys, session }| {
            keys.current().still_holds(key, now()) && session.as_ref().is_none_or(SessionGuard::is_open)
        })
    }

    /// Waits until it is not: for ever, when the server has no keys.
    pub(super) async fn dismissed(self) {
        if self.holder.is_none() {
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
        caller.ok_or_else(|| Problem::internal(&std::io::Error::other("this route asks for no caller")))
    }
}
