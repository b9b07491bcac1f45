//! Whose interactions a caller may see: part of every question to the index.

use std::collections::BTreeSet;
use std::sync::Arc;

/// Whose interactions a caller may see. Every way to ask takes one, and nothing in a request widens it. There is no
/// default: whoever asks says on whose behalf.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Access {
    /// Every interaction, also those whose organization is not known (yet) and what is left of erased ones.
    All,
    /// Only interactions of these organizations. One whose organization is not known is not among them.
    Only(Organizations),
}

/// Names of organizations, at least one, letter case included. Clones share them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Organizations(Arc<BTreeSet<String>>);

/// No organization was named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no organization is named")]
pub struct NoOrganizations;

impl Organizations {
    /// These organizations.
    ///
    /// # Errors
    /// There are none: a caller that may see nothing cannot ask.
    pub fn try_new(names: impl IntoIterator<Item = impl Into<String>>) -> Result<Self, NoOrganizations> {
        let names: BTreeSet<String> = names.into_iter().map(Into::into).collect();
        if names.is_empty() { Err(NoOrganizations) } else { Ok(Organizations(Arc::new(names))) }
    }

    /// The names, sorted.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Whether this is one of them.
    pub fn contains(&self, organization: &str) -> bool {
        self.0.contains(organization)
    }
}

impl Access {
    /// Whether an interaction of this organization may be seen; `None` is one whose organization is not known.
    pub fn admits(&self, organization: Option<&str>) -> bool {
        match self {
            Access::All => true,
            Access::Only(organizations) => organization.is_some_and(|name| organizations.contains(name)),
        }
    }

    /// Whether everything that `other` admits is admitted.
    pub fn covers(&self, other: &Access) -> bool {
        match (self, other) {
            (Access::All, _) => true,
            (Access::Only(_), Access::All) => false,
            (Access::Only(ours), Access::Only(theirs)) => theirs.0.is_subset(&ours.0),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn only_those_named_are_admitted_and_an_empty_list_is_not_everybody() {
        let access = Access::Only(Organizations::try_new(["b", "a", "a"]).unwrap());
        assert!(access.admits(Some("a")) && access.admits(Some("b")));
        for stranger in [None, Some(""), Some("A"), Some("*"), Some("ab")] {
            assert!(!access.admits(stranger), "{stranger:?}");
            assert!(Access::All.admits(stranger), "{stranger:?}");
        }
        assert_eq!(Organizations::try_new(Vec::<String>::new()), Err(NoOrganizations));

        let fewer = Access::Only(Organizations::try_new(["a"]).unwrap());
        assert!(access.covers(&fewer) && access.covers(&access) && Access::All.covers(&access));
        assert!(!fewer.covers(&access) && !access.covers(&Access::All));
    }
}
