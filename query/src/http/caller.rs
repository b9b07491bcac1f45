//! On whose behalf a request is answered.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use hearken_index::Access;

use crate::keys::{Permission, Permissions};
use crate::problem::Problem;

/// Who asks, and what they may do. A handler gets it by naming it among its arguments; see [`super::routes`].
#[derive(Debug, Clone)]
pub struct Caller {
    access: Access,
    permissions: Permissions,
}

impl Caller {
    /// Whoever can reach a server without keys: they may do everything.
    pub(super) fn anybody() -> Self {
        Caller { access: Access::All, permissions: Permissions::ALL }
    }

    /// Whose interactions they may see, for every question to the index.
    pub fn access(&self) -> &Access {
        &self.access
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
    /// `forbidden`, naming the first.
    pub fn require_any(&self, permissions: &[Permission]) -> Result<(), Problem> {
        if permissions.iter().any(|permission| self.may(*permission)) {
            return Ok(());
        }
        let wanted = permissions.first().map_or("", |permission| permission.name());
        let problem = Problem::new("forbidden", format!("this needs a key with the permission `{wanted}`"));
        let hint = format!("make one: `hearken keys create --permissions {wanted} …`");
        Err(Problem { hint: Some(hint), ..problem })
    }
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let caller = parts.extensions.get::<Caller>().cloned();
        caller.ok_or_else(|| Problem::internal(&std::io::Error::other("this route asks for no caller")))
    }
}
