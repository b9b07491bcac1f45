//! The reader of a page: what they may not do is not offered.

use hearken_query::http::Caller;
use hearken_query::keys::{Permission, Permissions};
use maud::{Markup, html};

/// The reader of a page.
#[derive(Debug, Clone)]
pub(crate) struct CurrentUser {
    /// What to call them; `None` if the server asks for no keys.
    pub(crate) name: Option<String>,
    /// The organizations they may see, or `*`.
    pub(crate) organizations: Vec<String>,
    /// What they may do.
    pub(crate) permissions: Permissions,
}

impl CurrentUser {
    pub(crate) fn new(caller: &Caller) -> Self {
        CurrentUser {
            name: caller.name().map(str::to_owned),
            organizations: caller.organizations(),
            permissions: caller.permissions(),
        }
    }

    pub(crate) fn may(&self, permission: Permission) -> bool {
        self.permissions.contains(permission)
    }

    /// Whether they may open an interaction at all.
    pub(crate) fn opens_interactions(&self) -> bool {
        self.may(Permission::Read) || self.may(Permission::Metadata)
    }

    /// Their organizations, in a few words.
    fn scope(&self) -> String {
        match self.organizations.as_slice() {
            [all] if all == "*" => "all organizations".to_owned(),
            [one] => one.clone(),
            several => format!("{} organizations", several.len()),
        }
    }

    /// The link to the account page.
    pub(crate) fn account(user: Option<&CurrentUser>) -> Markup {
        let known = user.and_then(|user| Some((user, user.name.as_deref()?)));
        html! {
            @match known {
                Some((user, name)) => a.quiet.reader href="/account" title={ "Signed in for " (user.organizations.join(", ")) } {
                    bdi { (name) } span.faint { " · " bdi { (user.scope()) } }
                },
                None => a.quiet href="/account" { "Account" },
            }
        }
    }
}
