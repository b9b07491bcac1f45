//! `hearken import`: past conversations from files.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use hearken_config::{Config, LogConfig};

use super::remote::pair;
use crate::client::Client;
use crate::engine::refuse_opensearch;
use crate::import::{Destination, FileKind, Import, Mapping, Progress, Speakers};
use crate::logging;

/// The destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum To {
    /// A running server, through its API
    Http,
    /// The first topic of `[kafka]`
    Kafka,
    /// The configured index; its server must be stopped
    Index,
}

/// `hearken import`
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// Files, folders, or `-` for standard input; plain, gzip or zstd
    #[arg(required = true, value_name = "FILE")]
    files: Vec<String>,
    /// Where the conversations go
    #[arg(long, value_enum, default_value = "http")]
    pub to: To,
    /// What the files contain [default: by their names]
    #[arg(long, value_enum)]
    kind: Option<FileKind>,
    /// Which CSV column holds which field, such as `message=Text`
    #[arg(long = "map", value_name = "FIELD=COLUMN", value_parser = pair)]
    columns: Vec<(String, String)>,
    /// A field with the same value in every CSV row, such as `agent=Ada`
    #[arg(long = "set", value_name = "FIELD=VALUE", value_parser = pair)]
    constants: Vec<(String, String)>,
    /// The role of a speaker in transcripts, such as `Bob=assistant`
    #[arg(long = "speaker", value_name = "NAME=ROLE", value_parser = pair)]
    speakers: Vec<(String, String)>,
    /// Start over, even where an earlier import was interrupted
    #[arg(long)]
    again: bool,
    /// Print the summary as JSON
    #[arg(long)]
    json: bool,
}

/// Imports the files. `config` and `client` are called only when needed; progress is kept in `state`.
///
/// # Errors
/// See [`Import::run`].
pub fn run(
    args: ImportArgs,
    config: impl FnOnce() -> anyhow::Result<Config>,
    client: impl FnOnce() -> anyhow::Result<Client>,
    state: PathBuf,
) -> anyhow::Result<()> {
    let (destination, name) = match args.to {
        To::Http => {
            let client = client()?;
            let name = format!("http {}", client.url());
            (Destination::Server(client), name)
        }
        To::Kafka => {
            let config = config()?;
            log_warnings()?;
            let servers =
                config.kafka.as_ref().map(|kafka| kafka.bootstrap_servers.clone()).unwrap_or_default();
            (Destination::kafka(&config)?, format!("kafka {servers}"))
        }
        To::Index => {
            let config = config()?;
            log_warnings()?;
            refuse_opensearch(&config, "use `--to kafka`")?;
            let path = std::path::absolute(&config.index.path)?;
            (Destination::index(&config)?, format!("index {}", path.display()))
        }
    };
    let import = Import {
        paths: args.files,
        kind: args.kind,
        mapping: Mapping { columns: args.columns, constants: args.constants },
        speakers: Speakers(args.speakers),
        again: args.again,
        json: args.json,
    };
    import.run(destination, Progress::new(state.join("imports"), name))
}

/// Logs only warnings and errors of ingest, so that the progress bar stays readable.
fn log_warnings() -> anyhow::Result<()> {
    logging::start(&LogConfig { level: "warn".to_owned(), ..LogConfig::default() })
}
