//! Prometheus: Debian's package.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use serde_json::Value;

use super::{TestDir, free_port};
use crate::outcome::Unavailable;
use crate::process::Process;

const START_PATIENCE: Duration = Duration::from_secs(60);
const REMEDY: &str = "`apt-get install prometheus`";

/// A running Prometheus that scrapes one target every 200 ms.
#[derive(Debug)]
pub struct Prometheus {
    _process: Process, // before the directory, so that the server is gone before its files are
    _dir: TestDir,
    base_url: String,
}

impl Prometheus {
    /// Starts a server that scrapes `http://TARGET/metrics`, where `target` is `host:port`, with the given rule files.
    pub fn start(target: &str, rule_files: &[&Path]) -> Result<Prometheus, Unavailable> {
        start(target, rule_files).map_err(|why| Unavailable::new("Prometheus", why, REMEDY))
    }

    /// The result of a PromQL query: `data.result` of the answer, an array.
    pub fn query(&self, promql: &str) -> Result<Vec<Value>> {
        let url =
            url::Url::parse_with_params(&format!("{}/api/v1/query", self.base_url), [("query", promql)])?;
        let answer: Value = reqwest::blocking::get(url)?.json()?;
        match answer.pointer("/data/result") {
            Some(Value::Array(result)) => Ok(result.clone()),
            _ => bail!("Prometheus refused `{promql}`: {answer}"),
        }
    }

    /// The value of a query that has exactly one series.
    pub fn query_value(&self, promql: &str) -> Result<f64> {
        let result = self.query(promql)?;
        let [series] = result.as_slice() else { bail!("`{promql}` has {} series, not one", result.len()) };
        let value = series.pointer("/value/1").and_then(Value::as_str).context("a sample has a value")?;
        value.parse().with_context(|| format!("`{value}` is not a sample"))
    }
}

/// Runs `promtool` with `arguments`, giving it `input` on its standard input.
pub fn promtool(arguments: &[&str], input: &str) -> Result<Output, Unavailable> {
    let dir = TestDir::new("hearken-promtool-");
    let run = dir.and_then(|dir| {
        let path = dir.path().join("input");
        fs::write(&path, input)?;
        Command::new("promtool")
            .args(arguments)
            .stdin(fs::File::open(&path)?)
            .output()
            .context("cannot run `promtool`")
    });
    run.map_err(|why| Unavailable::new("promtool", why, REMEDY))
}

fn start(target: &str, rule_files: &[&Path]) -> Result<Prometheus> {
    let dir = TestDir::new("hearken-prometheus-")?;
    let rules: Vec<_> = rule_files.iter().map(|path| path.display().to_string()).collect();
    let config = serde_json::json!({ // YAML reads JSON
        "global": {"scrape_interval": "200ms", "scrape_timeout": "200ms", "evaluation_interval": "200ms"},
        "rule_files": rules,
        "scrape_configs": [{"job_name": "hearken", "static_configs": [{"targets": [target]}]}],
    });
    let config_path = dir.path().join("prometheus.yml");
    fs::write(&config_path, serde_json::to_string_pretty(&config)?)?;

    let base_url = format!("http://127.0.0.1:{}", free_port()?);
    let listen = base_url.trim_start_matches("http://");
    let mut command = Command::new("prometheus");
    command
        .arg(format!("--config.file={}", config_path.display()))
        .arg(format!("--storage.tsdb.path={}", dir.path().join("data").display()))
        .arg(format!("--web.listen-address={listen}"));
    let mut process = Process::spawn("Prometheus", &mut command, &dir.path().join("prometheus.log"))?;
    let ready = format!("{base_url}/-/ready");
    process.wait_ready(START_PATIENCE, || {
        let status = reqwest::blocking::get(&ready)?.status();
        if status.is_success() { Ok(()) } else { Err(anyhow!("{ready} answers {status}")) }
    })?;
    Ok(Prometheus { _process: process, _dir: dir, base_url })
}
