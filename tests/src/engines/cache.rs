//! What is fetched from Maven once, into `target/engines`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use anyhow::{Context, Result, bail};
use fs4::fs_std::FileExt as _;

/// The plugin is pinned so that a new release cannot change what the tests run.
const DEPENDENCY_PLUGIN: &str = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1";

/// Threads of one process share an advisory file lock's owner, so they need a lock of their own.
static THREADS: Mutex<()> = Mutex::new(());

/// The directory `target/engines` of this build, wherever the target directory is.
pub(super) fn engines_dir() -> Result<PathBuf> {
    let profile_dir = crate::hearken::profile_dir()?;
    let target = profile_dir.parent().context("this program is not in a target directory")?;
    Ok(target.join("engines"))
}

/// The directory `name` under `cache`, filled by `fill` if it is not there yet.
///
/// Safe under parallel threads and test binaries: one fills at a time, and a half-filled directory is never seen
/// because it gets its name at the end.
pub(super) fn fetched_once(
    cache: &Path,
    name: &str,
    fill: impl FnOnce(&Path) -> Result<()>,
) -> Result<PathBuf> {
    let wanted = cache.join(name);
    let _threads = THREADS.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    fs::create_dir_all(cache).with_context(|| format!("cannot create {}", cache.display()))?;
    let lock = fs::File::create(cache.join(format!("{name}.lock")))?;
    lock.lock_exclusive().context("cannot lock the cache of engines")?; // released when `lock` is closed
    if !wanted.exists() {
        let partial = cache.join(format!("{name}.partial"));
        if partial.exists() {
            fs::remove_dir_all(&partial)?;
        }
        fs::create_dir_all(&partial)?;
        fill(&partial)?;
        fs::rename(&partial, &wanted)?;
    }
    Ok(wanted)
}

/// Runs one goal of Maven's dependency plugin in `dir`, with a pom whose `<dependencies>` is `dependencies`.
pub(super) fn maven(dir: &Path, dependencies: &str, goal: &str, settings: &[String]) -> Result<()> {
    let pom = format!(
        "<project xmlns=\"http://maven.apache.org/POM/4.0.0\"><modelVersion>4.0.0</modelVersion>\
         <groupId>hearken.tests</groupId><artifactId>engine</artifactId><version>1</version>\
         <dependencies>{dependencies}</dependencies></project>\n"
    );
    fs::write(dir.join("pom.xml"), pom)?;
    let output = Command::new("mvn")
        .current_dir(dir)
        .args(["-q", "-B"])
        .arg(format!("{DEPENDENCY_PLUGIN}:{goal}"))
        .args(settings)
        .output()
        .context("cannot run `mvn`")?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stdout);
        let lines: Vec<_> = text.lines().filter(|line| line.contains("ERROR")).take(5).collect();
        bail!("`mvn {goal}` failed: {}", lines.join(" "));
    }
    Ok(())
}
