//! The `hearken` binary under test.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Output};
use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, anyhow, bail};
use serde_json::Value;

use crate::engines::TestDir;
use crate::process::Process;

/// The one line that `hearken serve` prints on stdout once it listens, before the address.
const LISTENING: &str = "listening on ";
const START_PATIENCE: Duration = Duration::from_secs(60);
const STOP_PATIENCE: Duration = Duration::from_secs(60);

/// What a test sets; everything else keeps its default. `listen` is always a free port on loopback.
#[derive(Debug, Clone, Default)]
pub struct HearkenConfig {
    /// `kafka.bootstrap_servers`; without it there is no `[kafka]`.
    pub bootstrap_servers: Option<String>,
    /// Whether that broker is the one inside librdkafka, which answers a fetch that finds nothing only when its time is up.
    pub is_in_process: bool,
    /// `geoip.database`; without it there is no `[geoip]`.
    pub geoip_database: Option<PathBuf>,
    /// More lines of `[http]`.
    pub http: String,
    /// More TOML, after the sections above.
    pub more: String,
    /// Files beside the configuration, by name, that it may refer to.
    pub files: Vec<(String, String)>,
    /// Environment variables of every start.
    pub environment: Vec<(String, String)>,
    /// More arguments of `hearken serve`.
    pub arguments: Vec<String>,
}

impl HearkenConfig {
    /// A server that reads `interactions` from this broker.
    pub fn for_kafka(bootstrap_servers: impl Into<String>) -> HearkenConfig {
        HearkenConfig { bootstrap_servers: Some(bootstrap_servers.into()), ..HearkenConfig::default() }
    }

    /// A server that reads `interactions` from the broker that ships inside librdkafka.
    pub fn for_in_process_broker(bootstrap_servers: impl Into<String>) -> HearkenConfig {
        HearkenConfig { is_in_process: true, ..HearkenConfig::for_kafka(bootstrap_servers) }
    }

    fn to_toml(&self, dir: &Path) -> String {
        let quoted = |text: &str| Value::from(text).to_string(); // JSON strings are TOML strings
        let path = |path: &Path| quoted(&path.display().to_string());
        let mut toml = format!(
            "[http]\nlisten = \"127.0.0.1:0\"\n{}\n\n[index]\npath = {}\n",
            self.http,
            path(&dir.join("index"))
        );
        if let Some(servers) = &self.bootstrap_servers {
            toml +=
                &format!("\n[kafka]\nbootstrap_servers = {}\ntopics = [\"interactions\"]\n", quoted(servers));
            if self.is_in_process {
                toml += "librdkafka = { \"fetch.wait.max.ms\" = \"5\" }\n";
            }
        }
        if let Some(database) = &self.geoip_database {
            toml += &format!("\n[geoip]\ndatabase = {}\n", path(database));
        }
        toml + "\n" + &self.more
    }
}

/// A running `hearken serve`, or a stopped one that [`Hearken::restart`] brings back on its index.
#[derive(Debug)]
pub struct Hearken {
    process: Option<Process>, // before the directory, so that the server is gone before its files are
    dir: TestDir,
    client: reqwest::blocking::Client,
    base_url: String,
    num_starts: u32,
    environment: Vec<(String, String)>,
    arguments: Vec<String>,
}

impl Hearken {
    /// Starts the server with an empty index and waits until it listens, which is before it is ready.
    pub fn start(config: &HearkenConfig) -> Result<Hearken> {
        let mut hearken = Hearken::stopped(config)?;
        hearken.run()?;
        Ok(hearken)
    }

    /// A server that was never started, for [`Hearken::command`] and [`Hearken::restart`].
    pub fn stopped(config: &HearkenConfig) -> Result<Hearken> {
        let dir = TestDir::new("hearken-")?;
        fs::write(dir.path().join("hearken.toml"), config.to_toml(&dir.path()))?;
        for (name, text) in &config.files {
            fs::write(dir.path().join(name), text)?;
        }
        let client = reqwest::blocking::Client::builder().timeout(Duration::from_secs(60)).build()?;
        Ok(Hearken {
            process: None,
            dir,
            client,
            base_url: String::new(),
            num_starts: 0,
            environment: config.environment.clone(),
            arguments: config.arguments.clone(),
        })
    }

    /// Where the server listens, `http://127.0.0.1:PORT`; changes with every start.
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// The directory of its configuration, index and logs.
    pub fn dir(&self) -> PathBuf {
        self.dir.path()
    }

    /// The process id of the running server.
    pub fn process_id(&self) -> Option<u32> {
        self.process.as_ref().map(Process::id)
    }

    /// `GET path`: status and body.
    pub fn get(&self, path: &str) -> Result<(u16, String)> {
        let response = self.client.get(format!("{}{path}", self.base_url)).send()?;
        Ok((response.status().as_u16(), response.text()?))
    }

    /// `GET path`, which must answer 200 with JSON.
    pub fn get_json(&self, path: &str) -> Result<Value> {
        match self.get(path)? {
            (200, body) => {
                serde_json::from_str(&body).with_context(|| format!("`{path}` does not answer JSON: {body}"))
            }
            (status, body) => bail!("`{path}` answers {status}: {body}"),
        }
    }

    /// `GET /v1/interactions` with these parameters, which must be accepted.
    pub fn search(&self, parameters: &[(&str, &str)]) -> Result<Value> {
        let query: String =
            url::form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
        self.get_json(&format!("/v1/interactions?{query}"))
    }

    /// Waits for `/readyz` to answer 200: everything that was on the broker at start is searchable.
    pub fn wait_ready(&mut self, patience: Duration) -> Result<()> {
        let (client, url) = (self.client.clone(), format!("{}/readyz", self.base_url));
        let process = self.process.as_mut().context("the server is not running")?;
        process.wait_ready(patience, || {
            let response = client.get(&url).send()?;
            let status = response.status();
            if status.is_success() {
                Ok(())
            } else {
                Err(anyhow!("/readyz answers {status}: {}", response.text()?))
            }
        })
    }

    /// The sum of a metric's samples that have all these labels, 0 without any.
    pub fn metric(&self, name: &str, labels: &[(&str, &str)]) -> Result<f64> {
        let (status, body) = self.get("/metrics")?;
        if status != 200 {
            bail!("/metrics answers {status}");
        }
        Ok(sum_of_samples(&body, name, labels))
    }

    /// Stops the server with SIGTERM; it must drain and exit with 0.
    pub fn terminate(&mut self) -> Result<()> {
        let Some(mut process) = self.process.take() else { return Ok(()) };
        let status = process.terminate(STOP_PATIENCE)?;
        if status.code() != Some(0) {
            bail!("after SIGTERM the server ended with {status}; its log ends:\n{}", process.log_tail());
        }
        Ok(())
    }

    /// Kills the server with SIGKILL.
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// Starts a stopped or killed server again on the same index and configuration.
    pub fn restart(&mut self) -> Result<()> {
        self.terminate()?;
        self.run()
    }

    /// Gives every later start and command these environment variables and arguments instead of those before; the directory
    /// stays.
    pub fn reconfigure(&mut self, environment: Vec<(String, String)>, arguments: Vec<String>) {
        (self.environment, self.arguments) = (environment, arguments);
    }

    /// Stops the server from running, as a machine that is overloaded would, until [`Hearken::resume`].
    pub fn pause(&self) -> Result<()> {
        self.process.as_ref().context("the server is not running")?.signal("STOP")
    }

    /// Lets a paused server run on.
    pub fn resume(&self) -> Result<()> {
        self.process.as_ref().context("the server is not running")?.signal("CONT")
    }

    /// How the server ended, if it has ended on its own.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        self.process.as_mut().map_or(Ok(None), Process::ended)
    }

    /// Everything this start of the server has logged.
    pub fn log(&self) -> String {
        self.process.as_ref().map(Process::log).unwrap_or_default()
    }

    /// Runs `hearken ARGUMENTS --config …` beside the server or, as `index` commands want it, while it is stopped.
    pub fn command(&self, arguments: &[&str]) -> Result<Output> {
        let config = self.dir().join("hearken.toml");
        let mut command = Command::new(hearken_binary()?);
        command.args(arguments).arg("--config").arg(config).envs(self.environment.iter().cloned());
        command.output().context("cannot run `hearken`")
    }

    fn run(&mut self) -> Result<()> {
        self.spawn(&[])?;
        self.wait_listening()
    }

    /// Starts a stopped or killed server with these environment variables and waits for nothing.
    pub fn spawn(&mut self, environment: &[(&str, &str)]) -> Result<()> {
        let dir = self.dir.path();
        let mut command = Command::new(hearken_binary()?);
        command.args(["serve", "--config"]).arg(dir.join("hearken.toml")).args(&self.arguments);
        command.current_dir(&dir).envs(self.environment.iter().cloned()).envs(environment.iter().copied());
        self.num_starts += 1;
        // A log per start, so that the address found is that of this start.
        let log = dir.join(format!("hearken-{}.log", self.num_starts));
        self.process = Some(Process::spawn("hearken", &mut command, &log)?);
        Ok(())
    }

    /// Waits until a spawned server listens.
    pub fn wait_listening(&mut self) -> Result<()> {
        let log = self.dir.path().join(format!("hearken-{}.log", self.num_starts));
        let process = self.process.as_mut().context("the server is not running")?;
        self.base_url = process.wait_ready(START_PATIENCE, || address_in(&fs::read_to_string(&log)?))?;
        Ok(())
    }

    /// Whether a spawned server listens already.
    pub fn is_listening(&mut self) -> bool {
        match address_in(&self.log()) {
            Ok(address) => self.base_url = address,
            Err(_) => return false,
        }
        true
    }
}

/// Where the server with this log listens.
fn address_in(log: &str) -> Result<String> {
    let complete_lines = log.split_inclusive('\n').filter(|line| line.ends_with('\n'));
    let mut addresses = complete_lines.filter_map(|line| line.trim_end().strip_prefix(LISTENING));
    addresses.next().map(str::to_owned).context("no line `listening on http://…` yet")
}

/// The `hearken` binary of this build, at least as new as every source it is made of.
///
/// `cargo test --workspace` builds it along with its integration tests. Cargo has no stable way to make the tests
/// of one package wait for the binary of another, so a missing or old one is built here, once.
/// `HEARKEN_TEST_BINARY` names another one to be tested instead, for instance that of a package.
pub fn hearken_binary() -> Result<PathBuf> {
    if let Some(binary) = std::env::var_os("HEARKEN_TEST_BINARY") {
        return Ok(binary.into());
    }
    static BINARY: OnceLock<std::result::Result<PathBuf, String>> = OnceLock::new();
    BINARY
        .get_or_init(|| find_or_build().map_err(|error| format!("{error:#}")))
        .clone()
        .map_err(anyhow::Error::msg)
}

fn find_or_build() -> Result<PathBuf> {
    let profile_dir = profile_dir()?;
    let binary = profile_dir.join("hearken");
    let built_at = fs::metadata(&binary).and_then(|meta| meta.modified()).ok();
    if built_at
        .is_some_and(|built_at| newest_source(&workspace_root()).is_none_or(|newest| newest <= built_at))
    {
        return Ok(binary);
    }
    let mut build = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // The whole workspace, so that features unify as in `cargo test --workspace` and nothing is built twice.
    build.args(["build", "--quiet", "--workspace", "--bin", "hearken"]).current_dir(workspace_root());
    if profile_dir.ends_with("release") {
        build.arg("--release"); // what is measured has no fail points
    } else {
        build.args(["--features", "hearken-tests/failpoints"]);
    }
    let status = build.status().context("cannot run cargo")?;
    if !status.success() {
        bail!("the `hearken` binary cannot be built");
    }
    Ok(binary)
}

/// The directory `target/<profile>` that this program was built into: a test is in its `deps`, a benchmark in itself.
pub(crate) fn profile_dir() -> Result<PathBuf> {
    let exe = std::env::current_exe().context("cannot find this program's own path")?;
    let dir = exe.parent().filter(|dir| !dir.ends_with("deps")).or(exe.ancestors().nth(2));
    dir.map(Path::to_owned).context("this program is not in a target directory")
}

/// The root of the workspace.
pub fn workspace_root() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package).to_owned()
}

/// When a source of the binary last changed. Only rooms are looked at: what is built and what tests it is not in it.
fn newest_source(dir: &Path) -> Option<SystemTime> {
    const NOT_IN_THE_BINARY: [&str; 6] = ["target", "tests", "bench", "benches", "docs", "ops"];
    // Sources, and what they embed.
    const IN_THE_BINARY: [&str; 7] = [".rs", ".toml", ".css", ".js", ".svg", ".json", ".bin"];
    let entries = fs::read_dir(dir).ok()?.flatten();
    let newest = entries.filter_map(|entry| {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') || NOT_IN_THE_BINARY.contains(&name.as_str()) {
            return None;
        }
        match entry.file_type().ok()? {
            kind if kind.is_dir() => newest_source(&entry.path()),
            _ if IN_THE_BINARY.iter().any(|end| name.ends_with(end)) => {
                entry.metadata().ok()?.modified().ok()
            }
            _ => None,
        }
    });
    newest.max()
}

fn sum_of_samples(exposition: &str, name: &str, labels: &[(&str, &str)]) -> f64 {
    let samples = exposition.lines().filter_map(|line| {
        let rest = line.strip_prefix(name)?;
        if !rest.starts_with(['{', ' ']) {
            return None;
        }
        let has_all = labels.iter().all(|(label, value)| rest.contains(&format!("{label}=\"{value}\"")));
        let value = rest.rsplit(' ').next()?;
        has_all.then(|| value.parse::<f64>().ok())?
    });
    samples.sum()
}

#[cfg(test)]
mod tests {
    use super::sum_of_samples;

    #[test]
    fn samples_are_summed_by_exact_name_and_labels() {
        let text = "# TYPE x_total counter\nx_total{topic=\"a\",outcome=\"applied\"} 3\n\
                    x_total{topic=\"b\",outcome=\"applied\"} 4\nx_total_more 100\nx 7\n";
        assert_eq!(sum_of_samples(text, "x_total", &[("outcome", "applied")]), 7.0);
        assert_eq!(sum_of_samples(text, "x_total", &[("topic", "b")]), 4.0);
        assert_eq!(sum_of_samples(text, "x", &[]), 7.0);
        assert_eq!(sum_of_samples(text, "y", &[]), 0.0);
    }
}
