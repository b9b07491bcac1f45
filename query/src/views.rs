//! Saved views: named searches, kept in a small JSON file next to the index.
//!
//! A view belongs to the organizations of the key that saved it, and exists only for keys that may see all of them,
//! because its name and search may reveal something about each. So names are unique among views of the same
//! organizations.
//!
//! Every change rewrites and syncs the whole file before it is answered, so that after a crash the file holds either
//! the old views or the new ones.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use hearken_index::{Access, Organizations};
use serde::{Deserialize, Serialize};

use crate::durable::{Readable, replace};
use crate::problem::Problem;

/// Most views of the same organizations, so that people still find theirs and the file stays small.
pub const VIEWS_MAX: usize = 200;
/// Longest name, in characters.
pub const NAME_CHARS_MAX: usize = 80;
/// Longest query string, in bytes.
pub const QUERY_BYTES_MAX: usize = 8 * 1024;

/// One named search.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedView {
    /// Unique among the views of the same organizations, ignoring case.
    pub name: String,
    /// The search: the query string of the list's address.
    pub query: String,
}

/// A change to a view.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ViewChange {
    /// Its new name.
    #[serde(default)]
    pub name: Option<String>,
    /// Its new search.
    #[serde(default)]
    pub query: Option<String>,
}

/// A server's views.
#[derive(Debug, Default)]
pub struct SavedViews {
    /// `None` keeps them in memory only.
    path: Option<PathBuf>,
    /// Sorted by name.
    views: Mutex<Vec<OwnedView>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct OwnedView {
    view: SavedView,
    /// The organizations visible to the key that saved it.
    owner: Access,
}

/// Why views could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenViewsError {
    /// The file cannot be read.
    #[error("cannot read the saved views in `{}`", .0.display())]
    Unreadable(PathBuf, #[source] io::Error),
    /// The file holds something else.
    #[error("`{}` does not hold saved views; fix the file, or move it away to start without any", .0.display())]
    Damaged(PathBuf, #[source] serde_json::Error),
}

#[derive(Serialize, Deserialize)]
struct ViewsFile {
    /// The version of the file format.
    version: u8,
    views: Vec<StoredView>,
}

#[derive(Serialize, Deserialize)]
struct StoredView {
    #[serde(flatten)]
    view: SavedView,
    /// Absent means all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    organizations: Option<Vec<String>>,
}

impl From<&OwnedView> for StoredView {
    fn from(OwnedView { view, owner }: &OwnedView) -> Self {
        let organizations = match owner {
            Access::All => None,
            Access::Only(organizations) => Some(organizations.iter().map(str::to_owned).collect()),
        };
        StoredView { view: view.clone(), organizations }
    }
}

impl From<StoredView> for OwnedView {
    fn from(StoredView { view, organizations }: StoredView) -> Self {
        // An empty list can only come from manual editing; this way nobody else loses anything.
        let organizations = organizations.and_then(|names| Organizations::try_new(names).ok());
        OwnedView { view, owner: organizations.map_or(Access::All, Access::Only) }
    }
}

const VERSION: u8 = 1;

impl SavedViews {
    /// Opens the views in a file, which need not exist yet.
    ///
    /// # Errors
    /// The file cannot be read, or holds something else.
    pub fn open(path: PathBuf) -> Result<Self, OpenViewsError> {
        let mut views = match fs::read(&path) {
            Ok(bytes) => match serde_json::from_slice::<ViewsFile>(&bytes) {
                Ok(stored) => stored.views.into_iter().map(OwnedView::from).collect(),
                Err(error) => return Err(OpenViewsError::Damaged(path, error)),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(OpenViewsError::Unreadable(path, error)),
        };
        sort(&mut views);
        Ok(SavedViews { path: Some(path), views: Mutex::new(views) })
    }

    /// All views whose organizations may be seen, by name.
    pub fn all(&self, access: &Access) -> Vec<SavedView> {
        let views = self.lock();
        views.iter().filter(|kept| access.covers(&kept.owner)).map(|kept| kept.view.clone()).collect()
    }

    /// The view with this name.
    pub fn get(&self, name: &str, access: &Access) -> Option<SavedView> {
        let views = self.lock();
        position(&views, name, access).ok().map(|idx| views[idx].view.clone())
    }

    /// Saves a new view. Blocks until it is on disk.
    ///
    /// # Errors
    /// The name is taken or empty, the search is too long, there are too many views, or the file cannot be written.
    pub fn create(&self, view: SavedView, access: &Access) -> Result<SavedView, Problem> {
        let view = checked(view)?;
        self.change(|views| {
            let own = || views.iter().filter(|known| known.owner == *access);
            if own().any(|known| is_same(&known.view.name, &view.name)) {
                return Err(exists(&view.name));
            }
            if own().count() >= VIEWS_MAX {
                let problem = Problem::new("too_many_views", format!("there are already {VIEWS_MAX} views"));
                return Err(Problem {
                    hint: Some("delete one that is no longer needed".to_owned()),
                    ..problem
                });
            }
            views.push(OwnedView { view: view.clone(), owner: access.clone() });
            Ok(view.clone())
        })
    }

    /// Renames a view, changes its search, or both. Blocks until it is on disk.
    ///
    /// # Errors
    /// There is no such view, and the errors of [`SavedViews::create`].
    pub fn update(&self, name: &str, change: ViewChange, access: &Access) -> Result<SavedView, Problem> {
        self.change(|views| {
            let idx = position(views, name, access)?;
            let OwnedView { view: old, owner } = views[idx].clone();
            let changed = checked(SavedView {
                name: change.name.clone().unwrap_or(old.name),
                query: change.query.clone().unwrap_or(old.query),
            })?;
            let is_other = |(at, known): (usize, &OwnedView)| {
                at != idx && known.owner == owner && is_same(&known.view.name, &changed.name)
            };
            if views.iter().enumerate().any(is_other) {
                return Err(exists(&changed.name));
            }
            views[idx].view = changed.clone();
            Ok(changed)
        })
    }

    /// Deletes a view. Blocks until it is gone from disk.
    ///
    /// # Errors
    /// There is no such view, or the file cannot be written.
    pub fn delete(&self, name: &str, access: &Access) -> Result<SavedView, Problem> {
        self.change(|views| position(views, name, access).map(|idx| views.remove(idx).view))
    }

    /// Changes a copy, writes it, and only then publishes it.
    fn change<T>(
        &self,
        change: impl FnOnce(&mut Vec<OwnedView>) -> Result<T, Problem>,
    ) -> Result<T, Problem> {
        let mut views = self.lock();
        let mut changed = views.clone();
        let done = change(&mut changed)?;
        sort(&mut changed);
        if let Some(path) = &self.path {
            write(path, &changed).map_err(|error| Problem::internal(&error))?;
        }
        *views = changed;
        Ok(done)
    }

    /// The list is replaced as a whole, so a thread that panicked has left the previous one.
    fn lock(&self) -> MutexGuard<'_, Vec<OwnedView>> {
        self.views.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where the views of an index are kept: next to its directory, under its name.
pub fn path_beside(index: &Path) -> PathBuf {
    let mut name = index.file_name().unwrap_or("index".as_ref()).to_owned();
    name.push(".views.json");
    index.with_file_name(name)
}

fn is_same(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}

fn sort(views: &mut [OwnedView]) {
    views.sort_by_cached_key(|OwnedView { view, .. }| (view.name.to_lowercase(), view.name.clone()));
}

/// The view with this name: the caller's own, else one of fewer organizations.
fn position(views: &[OwnedView], name: &str, access: &Access) -> Result<usize, Problem> {
    let find = |may: &dyn Fn(&Access) -> bool| {
        views.iter().position(|known| is_same(&known.view.name, name) && may(&known.owner))
    };
    let found = find(&|owner| owner == access).or_else(|| find(&|owner| access.covers(owner)));
    found.ok_or_else(|| Problem::new("not_found", "there is no view with this name"))
}

fn exists(name: &str) -> Problem {
    let problem = Problem::new("view_exists", format!("there is already a view `{name}`"));
    Problem { parameter: Some("name".into()), ..problem }
}

/// The view with a trimmed name.
fn checked(view: SavedView) -> Result<SavedView, Problem> {
    let invalid = |parameter: &str, detail: String| Problem {
        parameter: Some(parameter.into()),
        ..Problem::new("invalid_parameter", detail)
    };
    let name = view.name.trim();
    // A name is used in addresses, where browsers resolve `.` and `..`.
    let is_named = !matches!(name, "" | "." | "..") && name.chars().count() <= NAME_CHARS_MAX;
    if !is_named || name.chars().any(char::is_control) {
        let detail =
            format!("a view's name has 1 to {NAME_CHARS_MAX} characters on one line, and is not `.` or `..`");
        return Err(invalid("name", detail));
    }
    let query = view.query.trim_start_matches('?');
    if query.len() > QUERY_BYTES_MAX {
        return Err(invalid("query", format!("a view's search has at most {QUERY_BYTES_MAX} bytes")));
    }
    Ok(SavedView { name: name.to_owned(), query: query.to_owned() })
}

fn write(path: &Path, views: &[OwnedView]) -> io::Result<()> {
    let json = serde_json::to_vec_pretty(&ViewsFile {
        version: VERSION,
        views: views.iter().map(StoredView::from).collect(),
    })?;
    replace(path, &json, Readable::ByMask)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn view(name: &str, query: &str) -> SavedView {
        SavedView { name: name.to_owned(), query: query.to_owned() }
    }

    fn names(views: &SavedViews) -> Vec<String> {
        views.all(&Access::All).into_iter().map(|view| view.name).collect()
    }

    #[test]
    fn views_are_there_again_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let path = path_beside(&folder.path().join("index"));
        assert_eq!(path, folder.path().join("index.views.json"));
        let views = SavedViews::open(path.clone()).unwrap();
        views.create(view(" refunds ", "?q=refund&since=7d"), &Access::All).unwrap();
        views.create(view("Angry", "sentiment=negative"), &Access::All).unwrap();
        views.create(view("gone", ""), &Access::All).unwrap();
        views
            .update("REFUNDS", ViewChange { name: Some("Refunds".into()), query: None }, &Access::All)
            .unwrap();
        views.delete("gone", &Access::All).unwrap();
        drop(views);
        let views = SavedViews::open(path).unwrap();
        assert_eq!(
            views.all(&Access::All),
            [view("Angry", "sentiment=negative"), view("Refunds", "q=refund&since=7d")]
        );
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else is left behind");
    }

    #[test]
    fn names_are_unique_and_searches_bounded() {
        let views = SavedViews::default();
        views.create(view("A", "q=1"), &Access::All).unwrap();
        views.create(view("B", "q=2"), &Access::All).unwrap();
        let code = |result: Result<SavedView, Problem>| result.unwrap_err().code;
        assert_eq!(code(views.create(view("a", "q=3"), &Access::All)), "view_exists");
        let rename = ViewChange { name: Some("b".into()), query: None };
        assert_eq!(code(views.update("A", rename, &Access::All)), "view_exists");
        assert_eq!(code(views.update("C", ViewChange::default(), &Access::All)), "not_found");
        assert_eq!(code(views.delete("C", &Access::All)), "not_found");
        for (name, query) in
            [("", ""), (" ", ""), ("a\nb", ""), (&"x".repeat(81), ""), ("x", &"q".repeat(9_000))]
        {
            assert_eq!(code(views.create(view(name, query), &Access::All)), "invalid_parameter", "{name:?}");
        }
        assert_eq!(names(&views), ["A", "B"]);
        for number in 2..VIEWS_MAX {
            views.create(view(&number.to_string(), ""), &Access::All).unwrap();
        }
        assert_eq!(code(views.create(view("one more", ""), &Access::All)), "too_many_views");
    }

    #[test]
    fn views_of_other_organizations_are_not_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("index.views.json");
        let views = SavedViews::open(path.clone()).unwrap();
        let of = |names: &[&str]| Access::Only(Organizations::try_new(names.iter().copied()).unwrap());
        let (acme, globex, both) = (of(&["acme"]), of(&["globex"]), of(&["acme", "globex"]));
        views.create(view("a", "q=1"), &acme).unwrap();
        views.create(view("a", "q=2"), &globex).unwrap();
        views.create(view("every", "q=3"), &Access::All).unwrap();
        drop(views);
        let views = SavedViews::open(path).unwrap();
        assert_eq!(views.all(&acme), [view("a", "q=1")]);
        assert_eq!(views.all(&both), [view("a", "q=1"), view("a", "q=2")]);
        assert_eq!(views.all(&Access::All).len(), 3);
        assert_eq!(views.get("a", &globex), Some(view("a", "q=2")));
        assert_eq!(views.get("every", &both), None);
        assert_eq!(views.delete("every", &acme).unwrap_err(), views.delete("never", &acme).unwrap_err());
        let rename = ViewChange { name: Some("b".into()), query: None };
        assert_eq!(views.update("a", rename, &acme).unwrap(), view("b", "q=1"));
        views.delete("a", &globex).unwrap();
        assert_eq!(views.all(&both), [view("b", "q=1")]);
    }

    #[test]
    fn a_view_that_cannot_be_written_is_not_shown() {
        let folder = tempfile::tempdir().unwrap();
        let views = SavedViews::open(folder.path().join("gone").join("views.json")).unwrap();
        assert_eq!(views.create(view("a", ""), &Access::All).unwrap_err().code, "internal");
        assert_eq!(views.all(&Access::All), []);
    }

    #[test]
    fn a_damaged_file_is_reported_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("index.views.json");
        fs::write(&path, "[]").unwrap();
        let error = SavedViews::open(path.clone()).unwrap_err();
        assert!(error.to_string().contains("index.views.json"), "{error}");
        assert_eq!(fs::read(&path).unwrap(), b"[]");
    }
}
