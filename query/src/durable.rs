//! Replaces small files as a whole.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// Who may read a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Readable {
    /// Only the user that Hearken runs as.
    ByOwner,
    /// As the process's umask says.
    ByMask,
}

/// Replaces a file and syncs it; a crash leaves either the old one or the new one. One at a time.
pub(crate) fn replace(path: &Path, content: &[u8], readable: Readable) -> io::Result<()> {
    let mut new = path.file_name().unwrap_or_default().to_owned();
    new.push(".new");
    let new = path.with_file_name(new);
    // A file left by an interruption would keep its own mode.
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mode = match readable {
        Readable::ByOwner => 0o600,
        Readable::ByMask => 0o666,
    };
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&new)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    File::open(folder_of(path))?.sync_all()
}

/// The folder of a file.
pub(crate) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
