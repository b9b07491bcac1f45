//! OpenSearch: the minimal distribution, one node without security.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};

use super::{TestDir, cache, free_port, java};
use crate::outcome::Unavailable;
use crate::process::{Process, Server};

const ARTIFACT: &str = "org.opensearch.distribution.integ-test-zip:opensearch:3.6.0:zip";
const NAME: &str = "opensearch-3.6.0";
/// Enough for a test.
const HEAP_MIB: u32 = 512;
const START_PATIENCE: Duration = Duration::from_secs(240);
/// Lines of the shipped `jvm.options` that are replaced below, or that cost memory and disk a test does not have.
const UNWANTED_OPTIONS: [&str; 6] = ["-Xms", "-Xmx", "gc", "HeapDump", "incubator.vector", "AlwaysPreTouch"];
/// It refuses to run as root; as root it is run as this user and group, which every Debian has.
const UNPRIVILEGED: (&str, &str) = ("nobody", "nogroup");

/// A running OpenSearch node.
#[derive(Debug)]
pub struct OpenSearch {
    server: Server, // before the directory, so that the node is gone before its files are
    dir: TestDir,
    home: PathBuf,
    port: u16,
}

impl OpenSearch {
    /// Starts an empty node and waits until its cluster is yellow; takes about half a minute.
    pub fn start() -> Result<OpenSearch, Unavailable> {
        Self::start_with_heap(HEAP_MIB)
    }

    /// The same with this many MiB of heap, for measurements.
    pub fn start_with_heap(heap_mib: u32) -> Result<OpenSearch, Unavailable> {
        start(heap_mib).map_err(|why| {
            let remedy = "it needs a JDK 21 or newer, `apt-get install maven` and Maven Central";
            Unavailable::new("OpenSearch", why, remedy)
        })
    }

    /// Where its HTTP API is.
    pub fn base_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Its process, while it runs.
    pub fn process_id(&self) -> Option<u32> {
        self.server.process().map(Process::id)
    }

    /// Stops the node in good order; its data stays.
    pub fn stop(&mut self) -> Result<()> {
        self.server.stop()
    }

    /// Kills the node as a power cut would; its data stays.
    pub fn kill(&mut self) {
        self.server.kill();
    }

    /// Brings a stopped or killed node back on the same port with the same data.
    pub fn restart(&mut self) -> Result<()> {
        let dir = self.dir.path();
        let java = java::java(21)?;
        let mut command = as_unprivileged("bash");
        command
            .arg(self.home.join("bin/opensearch"))
            .current_dir(&dir)
            .env("OPENSEARCH_PATH_CONF", dir.join("config"))
            .env("OPENSEARCH_TMPDIR", dir.join("tmp"))
            .env("OPENSEARCH_JAVA_HOME", java_home(&java)?);
        let health =
            format!("{}/_cluster/health?wait_for_nodes=1&wait_for_status=yellow&timeout=1s", self.base_url());
        let log = dir.join("opensearch.log");
        self.server.run(("OpenSearch", &mut command), &log, START_PATIENCE, || {
            let status = reqwest::blocking::get(&health)?.status();
            if status.is_success() { Ok(()) } else { Err(anyhow!("{health} answers {status}")) }
        })
    }
}

fn start(heap_mib: u32) -> Result<OpenSearch> {
    java::java(21)?;
    let home = cache::fetched_once(&cache_dir()?, NAME, |dir| {
        let output = format!("-DoutputDirectory={}", dir.display());
        cache::maven(dir, "", "unpack", &[format!("-Dartifact={ARTIFACT}"), output])
    })?;
    let home = home.join(NAME);
    let (dir, port) = (TestDir::new("hearken-opensearch-")?, free_port()?);
    configure(&dir.path(), &home, heap_mib, port, free_port()?)?;
    let mut node = OpenSearch { server: Server::default(), dir, home, port };
    node.restart()?;
    Ok(node)
}

/// Writes the configuration folder, which the node must be able to write to: it creates a keystore there.
fn configure(dir: &Path, home: &Path, heap_mib: u32, port: u16, transport_port: u16) -> Result<()> {
    let (config, shipped) = (dir.join("config"), home.join("config"));
    for folder in ["config", "config/jvm.options.d", "data", "logs", "tmp"] {
        fs::create_dir(dir.join(folder))?;
    }
    for file in ["log4j2.properties", "fips_java.security"] {
        fs::copy(shipped.join(file), config.join(file)).with_context(|| format!("cannot copy {file}"))?;
    }
    let options = fs::read_to_string(shipped.join("jvm.options"))?;
    let wanted = options.lines().filter(|line| !UNWANTED_OPTIONS.iter().any(|word| line.contains(word)));
    let heap = ["-Xms", "-Xmx"].map(|option| format!("{option}{heap_mib}m"));
    let ours = heap.iter().map(String::as_str).chain(["-XX:+UseSerialGC", "-XX:-AlwaysPreTouch"]);
    let options: Vec<_> =
        wanted.filter(|line| !line.contains("UseG1GC") && !line.contains("G1Reserve")).chain(ours).collect();
    fs::write(config.join("jvm.options"), options.join("\n") + "\n")?;
    let settings = [
        ("cluster.name", "hearken-tests".to_owned()),
        ("node.name", "node-1".to_owned()),
        ("path.data", dir.join("data").display().to_string()),
        ("path.logs", dir.join("logs").display().to_string()),
        ("network.host", "127.0.0.1".to_owned()),
        ("http.port", port.to_string()),
        ("transport.port", transport_port.to_string()),
        ("discovery.type", "single-node".to_owned()),
        // A disk that is 90 % full is no reason for a test to fail.
        ("cluster.routing.allocation.disk.threshold_enabled", "false".to_owned()),
    ];
    let settings: String = settings.iter().map(|(key, value)| format!("{key}: {value}\n")).collect();
    fs::write(config.join("opensearch.yml"), settings)?;

    if is_root(dir)? {
        let (user, group) = UNPRIVILEGED;
        let owned = Command::new("chown").arg("-R").arg(format!("{user}:{group}")).arg(dir).status()?;
        if !owned.success() {
            bail!("cannot give {} to {user}", dir.display());
        }
    }
    Ok(())
}

/// Where the distribution is unpacked: beside the other engines, unless the unprivileged user cannot get there.
fn cache_dir() -> Result<PathBuf> {
    let usual = cache::engines_dir()?;
    fs::create_dir_all(&usual)?;
    let reachable = |dir: &Path| fs::metadata(dir).is_ok_and(|meta| meta.permissions().mode() & 0o001 != 0);
    if is_root(&usual)? && !usual.ancestors().all(reachable) {
        return Ok(std::env::temp_dir().join("hearken-engines"));
    }
    Ok(usual)
}

/// Whether this process is root, judged by the owner of a file it has just created.
fn is_root(made_here: &Path) -> Result<bool> {
    let probe = tempfile::tempfile_in(made_here)?;
    Ok(probe.metadata()?.uid() == 0)
}

fn as_unprivileged(program: &str) -> Command {
    let root = is_root(&std::env::temp_dir()).unwrap_or(false);
    if !root {
        return Command::new(program);
    }
    let (user, group) = UNPRIVILEGED;
    let mut command = Command::new("setpriv");
    command.arg(format!("--reuid={user}")).arg(format!("--regid={group}")).args(["--clear-groups", program]);
    command
}

/// The JDK that a `java` belongs to: two levels above the executable that the name leads to.
fn java_home(java: &Path) -> Result<PathBuf> {
    let found = if java.components().count() > 1 {
        java.to_owned()
    } else {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let mut found = std::env::split_paths(&path).map(|dir| dir.join(java)).filter(|java| java.is_file());
        found.next().context("no `java` on the path")?
    };
    let real = found.canonicalize()?;
    Ok(real.ancestors().nth(2).context("`java` is not in a JDK")?.to_owned())
}
