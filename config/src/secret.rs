//! Text that cannot be printed by accident.

use std::fmt;
use std::io;
use std::path::Path;

/// A password or an API key. `Debug` shows `[redacted]`, and there is no `Display`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a text.
    pub fn new(text: impl Into<String>) -> Self {
        Secret(text.into())
    }

    /// Reads a file that holds a secret and nothing else; white space around it (an editor's last newline) is
    /// not part of it.
    ///
    /// # Errors
    /// The file cannot be read, is not UTF-8 or is empty. The error never holds the text.
    pub fn from_file(path: &Path) -> io::Result<Self> {
        let text = std::fs::read_to_string(path)?;
        match text.trim() {
            "" => Err(io::Error::new(io::ErrorKind::InvalidData, "the file is empty")),
            secret => Ok(Secret::new(secret)),
        }
    }

    /// The text itself, for the one place that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_secret_file_loses_its_last_newline_and_must_hold_something() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        std::fs::write(&path, "sk-1234\n").unwrap();
        assert_eq!(Secret::from_file(&path).unwrap().expose(), "sk-1234");
        std::fs::write(&path, " \n").unwrap();
        assert!(Secret::from_file(&path).is_err());
    }
}
