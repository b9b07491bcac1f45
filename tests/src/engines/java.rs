//! Finds a Java that is new enough.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, bail};

/// Where Debian and the vendors' packages put their JDKs.
const JDKS_DIR: &str = "/usr/lib/jvm";

/// The `java` of `JAVA_HOME`, of the path, or of an installed JDK: the first that is of version `at_least`.
pub(super) fn java(at_least: u32) -> Result<PathBuf> {
    let home = std::env::var_os("JAVA_HOME").map(|home| PathBuf::from(home).join("bin/java"));
    let installed = std::fs::read_dir(JDKS_DIR).into_iter().flatten().flatten();
    let mut installed: Vec<_> = installed.map(|jdk| jdk.path().join("bin/java")).collect();
    installed.sort();
    let mut candidates = home.into_iter().chain([PathBuf::from("java")]).chain(installed);
    match candidates.find(|java| version(java).is_some_and(|version| version >= at_least)) {
        Some(java) => Ok(java),
        None => bail!("no Java {at_least} or newer is installed"),
    }
}

/// The major version that `java -version` reports, `None` if it does not run.
fn version(java: &PathBuf) -> Option<u32> {
    let output = Command::new(java).arg("-version").output().ok()?;
    major(&String::from_utf8_lossy(&output.stderr))
}

/// `openjdk version "17.0.15" 2025-04-15` is 17.
fn major(banner: &str) -> Option<u32> {
    let version = banner.split('"').nth(1)?;
    version.split(['.', '-', '+']).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::major;

    #[test]
    fn the_major_version_is_read_from_the_banner() {
        assert_eq!(major("openjdk version \"17.0.15\" 2025-04-15\n"), Some(17));
        assert_eq!(major("openjdk version \"25\" 2025-09-16\n"), Some(25));
        assert_eq!(major("openjdk version \"26-ea\" 2026-03-17\n"), Some(26));
        assert_eq!(major("command not found"), None);
    }
}
