//! What a key permits.

use std::fmt;

/// What a key permits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Permission {
    /// Search in what people said, count, follow, and export without transcripts.
    Search,
    /// Read transcripts and whole interactions.
    Read,
    /// See everything about interactions except the words people said.
    Metadata,
    /// Send events.
    Ingest,
    /// Erase interactions.
    Erase,
    /// Read the server's metrics.
    Metrics,
}

impl Permission {
    /// Every permission.
    pub const ALL: [Permission; 6] = [
        Permission::Search,
        Permission::Read,
        Permission::Metadata,
        Permission::Ingest,
        Permission::Erase,
        Permission::Metrics,
    ];

    /// Its name in commands, files and answers.
    pub const fn name(self) -> &'static str {
        match self {
            Permission::Search => "search",
            Permission::Read => "read",
            Permission::Metadata => "metadata",
            Permission::Ingest => "ingest",
            Permission::Erase => "erase",
            Permission::Metrics => "metrics",
        }
    }

    /// The permission with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Permission::ALL.into_iter().find(|permission| permission.name() == name)
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A set of permissions.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Permissions(u8);

impl Permissions {
    /// All of them.
    pub const ALL: Permissions = Permissions((1 << Permission::ALL.len()) - 1);

    /// Whether it contains this permission.
    pub const fn contains(self, permission: Permission) -> bool {
        self.0 & (1 << permission as u8) != 0
    }

    /// Whether there is none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Each permission, in the order of [`Permission::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Permission> {
        Permission::ALL.into_iter().filter(move |permission| self.contains(*permission))
    }
}

impl FromIterator<Permission> for Permissions {
    fn from_iter<I: IntoIterator<Item = Permission>>(permissions: I) -> Self {
        Permissions(permissions.into_iter().fold(0, |set, permission| set | (1 << permission as u8)))
    }
}

impl fmt::Debug for Permissions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}
