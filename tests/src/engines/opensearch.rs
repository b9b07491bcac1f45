//! OpenSearch: the minimal distribution without security, one node or several.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};

use super::{TestDir, cache, free_port, java};
use crate::outcome::Unavailable;
use crate::process::{Process, Server};

const VERSION: &str = "3.6.0";
/// The environment variable that names another version, to see what is different there.
const VERSION_VARIABLE: &str = "HEARKEN_TEST_OPENSEARCH";
/// Before this version the distribution has no modules but that for the network.
const COMPLETE_SINCE: u32 = 3;
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
    num_nodes: usize,
    java: PathBuf,
}

impl OpenSearch {
    /// Starts an empty node and waits until its cluster is yellow; takes about half a minute.
    pub fn start() -> Result<OpenSearch, Unavailable> {
        Self::start_with_heap(HEAP_MIB)
    }

    /// The same with this many MiB of heap, for measurements.
    pub fn start_with_heap(heap_mib: u32) -> Result<OpenSearch, Unavailable> {
        let mut nodes = start_cluster(1, heap_mib).map_err(unavailable)?;
        nodes.pop().ok_or_else(|| unavailable(anyhow!("no node")))
    }

    /// Starts the nodes of one cluster, `node-1` and so on, all at the same time, and waits until each knows the others.
    pub fn start_cluster(num_nodes: usize, heap_mib: u32) -> Result<Vec<OpenSearch>, Unavailable> {
        start_cluster(num_nodes, heap_mib).map_err(unavailable)
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
        let mut command = as_unprivileged("bash");
        command
            .arg(self.home.join("bin/opensearch"))
            .current_dir(&dir)
            .env("OPENSEARCH_PATH_CONF", dir.join("config"))
            .env("OPENSEARCH_TMPDIR", dir.join("tmp"))
            .env("OPENSEARCH_JAVA_HOME", java_home(&self.java)?);
        let health = format!(
            "{}/_cluster/health?wait_for_nodes={}&wait_for_status=yellow&timeout=1s",
            self.base_url(),
            self.num_nodes
        );
        let log = dir.join("opensearch.log");
        self.server.run(("OpenSearch", &mut command), &log, START_PATIENCE, || {
            let status = reqwest::blocking::get(&health)?.status();
            if status.is_success() { Ok(()) } else { Err(anyhow!("{health} answers {status}")) }
        })
    }
}

fn unavailable(why: anyhow::Error) -> Unavailable {
    let remedy = "it needs a JDK 21 or newer, `apt-get install maven` and Maven Central";
    Unavailable::new("OpenSearch", why, remedy)
}

/// The unpacked distribution, and the Java that runs it.
fn distribution() -> Result<(PathBuf, PathBuf)> {
    let version = std::env::var(VERSION_VARIABLE).unwrap_or_else(|_| VERSION.to_owned());
    let major: u32 = version.split('.').next().unwrap_or_default().parse().context("not a version")?;
    // Version 2 wants the security manager, which newer ones do not have.
    let java = java::java(if major < COMPLETE_SINCE { 17 } else { 21 })?;
    let name = format!("opensearch-{version}");
    let dir = cache::fetched_once(&cache_dir()?, &name, |dir| {
        let artifact =
            format!("-Dartifact=org.opensearch.distribution.integ-test-zip:opensearch:{version}:zip");
        let output = format!("-DoutputDirectory={}", dir.display());
        cache::maven(dir, "", "unpack", &[artifact, output])?;
        if major < COMPLETE_SINCE { add_analysis(dir, &name, &version) } else { Ok(()) }
    })?;
    Ok((dir.join(name), java))
}

/// Adds the module with the tokenizers and filters.
fn add_analysis(dir: &Path, name: &str, version: &str) -> Result<()> {
    let module = dir.join(name).join("modules/analysis-common");
    let dependency = format!(
        "<dependency><groupId>org.opensearch.plugin</groupId><artifactId>analysis-common</artifactId>\
         <version>{version}</version></dependency>"
    );
    let output = format!("-DoutputDirectory={}", module.display());
    cache::maven(dir, &dependency, "copy-dependencies", &["-DexcludeTransitive=true".into(), output])?;
    let descriptor = format!(
        "name=analysis-common\ndescription=Analyzers\nversion={version}\nopensearch.version={version}\njava.version=11\n\
         classname=org.opensearch.analysis.common.CommonAnalysisPlugin\nextended.plugins=\n\
         has.native.controller=false\ncustom.foldername=\n"
    );
    fs::write(module.join("plugin-descriptor.properties"), descriptor)?;
    Ok(())
}

fn start_cluster(num_nodes: usize, heap_mib: u32) -> Result<Vec<OpenSearch>> {
    let (home, java) = distribution()?;
    let transport_ports = (0..num_nodes).map(|_| free_port()).collect::<Result<Vec<_>>>()?;
    let mut nodes = Vec::new();
    for number in 0..num_nodes {
        let (dir, port) = (TestDir::new("hearken-opensearch-")?, free_port()?);
        configure(&dir.path(), &home, heap_mib, port, (&transport_ports, number))?;
        let (server, home, java) = (Server::default(), home.clone(), java.clone());
        nodes.push(OpenSearch { server, dir, home, port, num_nodes, java });
    }
    std::thread::scope(|scope| {
        let starts: Vec<_> = nodes.iter_mut().map(|node| scope.spawn(|| node.restart())).collect();
        starts.into_iter().try_for_each(|start| start.join().map_err(|_| anyhow!("a start has panicked"))?)
    })?;
    Ok(nodes)
}

/// Writes the configuration folder, which the node must be able to write to: it creates a keystore there.
fn configure(
    dir: &Path,
    home: &Path,
    heap_mib: u32,
    port: u16,
    (transport_ports, number): (&[u16], usize),
) -> Result<()> {
    let (config, shipped) = (dir.join("config"), home.join("config"));
    for folder in ["config", "config/jvm.options.d", "data", "logs", "tmp"] {
        fs::create_dir(dir.join(folder))?;
    }
    for file in ["log4j2.properties", "fips_java.security"] {
        let shipped = shipped.join(file);
        // The second came with version 3.
        if shipped.exists() {
            fs::copy(shipped, config.join(file)).with_context(|| format!("cannot copy {file}"))?;
        }
    }
    let options = fs::read_to_string(shipped.join("jvm.options"))?;
    let wanted = options.lines().filter(|line| !UNWANTED_OPTIONS.iter().any(|word| line.contains(word)));
    let heap = ["-Xms", "-Xmx"].map(|option| format!("{option}{heap_mib}m"));
    let ours = heap.iter().map(String::as_str).chain(["-XX:+UseSerialGC", "-XX:-AlwaysPreTouch"]);
    let options: Vec<_> =
        wanted.filter(|line| !line.contains("UseG1GC") && !line.contains("G1Reserve")).chain(ours).collect();
    fs::write(config.join("jvm.options"), options.join("\n") + "\n")?;
    let discovery = if transport_ports.len() == 1 {
        vec![("discovery.type", "single-node".to_owned())]
    } else {
        let nodes: Vec<_> = (1..=transport_ports.len()).map(|number| format!("node-{number}")).collect();
        let seeds: Vec<_> = transport_ports.iter().map(|port| format!("127.0.0.1:{port}")).collect();
        vec![
            ("discovery.seed_hosts", seeds.join(",")),
            ("cluster.initial_cluster_manager_nodes", nodes.join(",")),
        ]
    };
    let settings = [
        ("cluster.name", "hearken-tests".to_owned()),
        ("node.name", format!("node-{}", number + 1)),
        ("path.data", dir.join("data").display().to_string()),
        ("path.logs", dir.join("logs").display().to_string()),
        ("network.host", "127.0.0.1".to_owned()),
        ("http.port", port.to_string()),
        ("transport.port", transport_ports[number].to_string()),
        // A disk that is 90 % full is no reason for a test to fail.
        ("cluster.routing.allocation.disk.threshold_enabled", "false".to_owned()),
    ];
    let settings: String =
        settings.iter().chain(&discovery).map(|(key, value)| format!("{key}: {value}\n")).collect();
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
