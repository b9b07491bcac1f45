//! Sign-on by a proxy, which has authenticated the user and names them in headers. The headers only count in requests
//! that a trusted proxy passed on; from anyone else they mean nothing.

use axum::http::{HeaderMap, HeaderName};

use super::proxies::Peer;
use crate::keys::{InvalidKey, Permission, Permissions, access};
use crate::problem::Problem;

use super::caller::Caller;

/// Longest name of a user, in characters.
const USER_CHARS_MAX: usize = 256;

/// What users signed on by a proxy may do, and which headers name them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignOn {
    user_header: HeaderName,
    organizations_header: HeaderName,
    permissions: Permissions,
}

/// Why sign-on cannot be configured this way.
#[derive(Debug, thiserror::Error)]
pub enum InvalidSignOn {
    /// Not a valid header name.
    #[error("`{0}` cannot be the name of a header")]
    Header(String),
    /// An unknown permission, or none at all.
    #[error(transparent)]
    Permissions(#[from] InvalidKey),
}

impl SignOn {
    /// Takes the names of headers and of permissions.
    ///
    /// # Errors
    /// One of them is invalid.
    pub fn new(
        user_header: &str,
        organizations_header: &str,
        permissions: &[String],
    ) -> Result<Self, InvalidSignOn> {
        let header =
            |name: &str| name.parse::<HeaderName>().map_err(|_| InvalidSignOn::Header(name.to_owned()));
        let permissions: Vec<_> = permissions
            .iter()
            .map(|name| Permission::from_name(name).ok_or_else(|| InvalidKey::Permission(name.clone())))
            .collect::<Result<_, _>>()?;
        if permissions.is_empty() {
            return Err(InvalidKey::NoPermission.into());
        }
        Ok(SignOn {
            user_header: header(user_header)?,
            organizations_header: header(organizations_header)?,
            permissions: permissions.into_iter().collect(),
        })
    }

    /// The user named by the proxy; `None` if no trusted proxy named one.
    ///
    /// # Errors
    /// `forbidden`: what the proxy says about the user cannot be understood, or gives them no organization.
    pub(super) fn caller(&self, peer: Option<&Peer>, headers: &HeaderMap) -> Result<Option<Caller>, Problem> {
        if !peer.is_some_and(|peer| peer.is_vouched_for) || !headers.contains_key(&self.user_header) {
            return Ok(None);
        }
        let mut users = headers.get_all(&self.user_header).iter();
        let (Some(user), None) = (users.next(), users.next()) else {
            return Err(refused("the proxy named several users"));
        };
        let user = std::str::from_utf8(user.as_bytes()).map(str::trim).unwrap_or_default();
        if user.is_empty() || user.chars().count() > USER_CHARS_MAX || user.chars().any(char::is_control) {
            return Err(refused("the proxy sent an invalid user name"));
        }
        let lists = headers.get_all(&self.organizations_header).iter();
        let lists = lists.map(|list| std::str::from_utf8(list.as_bytes()).unwrap_or_default());
        let names = lists.flat_map(|list| list.split(',')).map(str::trim).filter(|name| !name.is_empty());
        let names: Vec<String> = names.map(str::to_owned).collect();
        let access = access(&names).map_err(|_| {
            refused("the proxy sent no valid organizations for this user: it must send names, or `*` alone for all")
        })?;
        Ok(Some(Caller::signed_on(user, access, self.permissions)))
    }
}

fn refused(detail: &str) -> Problem {
    let hint = "ask whoever runs the proxy what it sends; see `http.sign_on`".to_owned();
    Problem { hint: Some(hint), ..Problem::new("forbidden", detail) }
}
