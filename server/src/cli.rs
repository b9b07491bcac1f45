//! The command line. Exit codes: 0 done, 1 failed, 2 wrong use. Progress goes to stderr, data to stdout.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, CommandFactory as _, Parser, Subcommand, ValueEnum};
use hearken_config::{Config, Secret};

use crate::app::Role;
use crate::client::{Address, Client};
use crate::commands;
use crate::commands::remote;
use crate::pager::Pager;

/// Streaming ingestion and search for the conversations that AI agents have with people.
#[derive(Debug, Parser)]
#[command(name = "hearken", version, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Args)]
struct ConfigArgs {
    /// The configuration file [default: $HEARKEN_CONFIG, else hearken.toml]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Which server to talk to.
#[derive(Debug, Args)]
struct ServerArgs {
    /// The server's address [default: $HEARKEN_URL, else the profile's, else the configuration's, else
    /// http://127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS")]
    url: Option<String>,
    /// The profile with address and key_file, in ~/.config/hearken/profiles.toml [default: $HEARKEN_PROFILE, else
    /// `default`]. A key in $HEARKEN_KEY takes precedence
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
    #[command(flatten)]
    config: ConfigArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Try it out: an in-process broker, bundled conversations, ingest, index and API; no setup needed
    Demo {
        /// Replay everything at full speed, print a summary and exit
        #[arg(long)]
        exit: bool,
        /// Where to listen [default: 127.0.0.1:8080, or any free port if that is taken]
        #[arg(long, value_name = "ADDRESS")]
        listen: Option<SocketAddr>,
    },
    /// Ingest from Kafka and answer queries, in one process or in several
    Serve {
        #[command(flatten)]
        config: ConfigArgs,
        /// Do only this part; other processes do the rest, on an index in OpenSearch
        #[arg(long, value_enum)]
        role: Option<ServeRole>,
    },
    /// Import past conversations from files
    Import {
        #[command(flatten)]
        args: commands::import::ImportArgs,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Search a server's interactions
    Search {
        #[command(flatten)]
        args: remote::SearchArgs,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Show an interaction with its transcript
    Show {
        #[command(flatten)]
        args: remote::ShowArgs,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Follow interactions as they change, until interrupted
    Tail {
        #[command(flatten)]
        args: remote::TailArgs,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Write all matching interactions as NDJSON, CSV or Parquet
    Export {
        #[command(flatten)]
        args: remote::ExportArgs,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Offer an AI agent the server's tools, over the Model Context Protocol on standard input and output
    Mcp(ServerArgs),
    /// Watch a server: rates, lag, freshness, the index, searches
    Top {
        #[command(flatten)]
        args: commands::top::TopArgs,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Erase interactions for good
    Erase {
        #[command(flatten)]
        args: remote::EraseArgs,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Print shell completions
    Completions {
        /// The shell
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
    /// Write manual pages
    Man {
        /// The folder to write them into
        folder: PathBuf,
    },
    /// Maintain the index while the server is stopped
    Index {
        #[command(subcommand)]
        command: IndexCommand,
    },
    /// Create, list and revoke API keys; a running server picks up changes
    Keys {
        #[command(subcommand)]
        command: KeysCommand,
    },
    /// Copy the index while the server runs, or restore a copy
    Backup {
        #[command(subcommand)]
        command: BackupCommand,
    },
    /// Check the audit log
    Audit {
        #[command(subcommand)]
        command: AuditCommand,
    },
    /// Explain a configuration file, or print the commented sample
    Config {
        #[command(subcommand)]
        command: ConfigCommand,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ServeRole {
    /// Read Kafka and write the index
    Ingest,
    /// Answer queries
    Query,
}

#[derive(Debug, Subcommand)]
enum IndexCommand {
    /// Create the index on an OpenSearch cluster; an existing one must match
    Prepare(ConfigArgs),
    /// Copy the index of one engine into that of another, and compare them
    Copy {
        #[command(flatten)]
        config: ConfigArgs,
        /// The engine to copy from
        #[arg(long, value_enum)]
        from: commands::index::CopyFrom,
        /// The engine to copy to, which is `index.engine`
        #[arg(long, value_enum)]
        to: commands::index::CopyTo,
    },
    /// Verify every checksum and count
    Check(ConfigArgs),
    /// Rewrite every document with the current schema and analysis
    Rebuild(ConfigArgs),
    /// Print sizes and counts
    Stats {
        #[command(flatten)]
        config: ConfigArgs,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Set where to continue reading a partition, after its topic was recreated or retention passed the index
    ResetOffset {
        #[command(flatten)]
        config: ConfigArgs,
        /// The topic
        #[arg(long)]
        topic: String,
        /// The partition
        #[arg(long)]
        partition: i32,
        /// `earliest`, or the next offset to read
        #[arg(long, value_name = "earliest|OFFSET")]
        to: commands::index::ResetTo,
    },
}

#[derive(Debug, Subcommand)]
enum KeysCommand {
    /// Create a key and print it once
    Create {
        #[command(flatten)]
        config: ConfigArgs,
        #[command(flatten)]
        new: commands::keys::NewKeyArgs,
        /// Print JSON, with what is stored about the key
        #[arg(long)]
        json: bool,
    },
    /// List the keys, without their secrets
    List {
        #[command(flatten)]
        config: ConfigArgs,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Revoke a key; its streams and sessions end within seconds
    Revoke {
        #[command(flatten)]
        config: ConfigArgs,
        /// The key's id or name
        #[arg(value_name = "ID|NAME")]
        key: String,
    },
}

#[derive(Debug, Subcommand)]
enum BackupCommand {
    /// Copy what is durable now into a new directory, and verify the copy
    Create {
        #[command(flatten)]
        config: ConfigArgs,
        /// The directory
        dir: PathBuf,
    },
    /// Restore a backup where there is no index; a damaged one is refused
    Restore {
        #[command(flatten)]
        config: ConfigArgs,
        /// The directory
        dir: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
enum AuditCommand {
    /// Follow the log's chain, and report how far it goes or where it breaks
    Check(ConfigArgs),
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Report what is wrong with a configuration file, and on which line
    Check {
        /// The file
        file: PathBuf,
    },
    /// Print the commented sample
    Sample,
}

/// Runs the program and returns its exit code.
pub fn run(
    args: impl IntoIterator<Item = OsString>,
    variables: impl IntoIterator<Item = (String, String)>,
) -> ExitCode {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(message) => {
            let code = if message.use_stderr() { 2 } else { 0 }; // `--help` and `--version` are not errors
            let _ = message.print(); // a closed pipe is not a failure
            return ExitCode::from(code);
        }
    };
    let environment = Environment(variables.into_iter().collect());
    match dispatch(cli.command, &environment) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if is_closed_pipe(&error) => ExitCode::SUCCESS, // the reader has seen enough
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let causes = error.chain().filter_map(|cause| cause.downcast_ref::<std::io::Error>());
    causes.into_iter().any(|cause| cause.kind() == std::io::ErrorKind::BrokenPipe)
}

fn dispatch(command: Command, environment: &Environment) -> anyhow::Result<()> {
    match command {
        Command::Demo { exit, listen } => commands::demo::run(exit, listen),
        Command::Serve { config, role } => {
            let role = match role {
                None => Role::All,
                Some(ServeRole::Ingest) => Role::Ingest,
                Some(ServeRole::Query) => Role::Query,
            };
            commands::serve::run(environment.config(&config)?, role)
        }
        Command::Import { args, server } => {
            let client = || environment.client(&server);
            let config = || environment.config(&server.config);
            commands::import::run(args, config, client, environment.state_folder())
        }
        Command::Search { args, server } => {
            remote::search(&environment.client(&server)?, &args, &environment.pager())
        }
        Command::Show { args, server } => {
            remote::show(&environment.client(&server)?, &args, &environment.pager())
        }
        Command::Tail { args, server } => remote::tail(&environment.client(&server)?, &args),
        Command::Export { args, server } => remote::export(&environment.client(&server)?, &args),
        Command::Erase { args, server } => remote::erase(&environment.client(&server)?, &args),
        Command::Mcp(server) => commands::mcp::run(&environment.client(&server)?),
        Command::Top { args, server } => commands::top::run(&environment.client(&server)?, &args),
        Command::Completions { shell } => commands::shell::completions(Cli::command(), shell),
        Command::Man { folder } => commands::shell::man(Cli::command(), &folder),
        Command::Index { command } => match command {
            IndexCommand::Prepare(args) => commands::index::prepare(&environment.config(&args)?),
            IndexCommand::Copy { config, from, to } => {
                commands::index::copy(&environment.config(&config)?, from, to)
            }
            IndexCommand::Check(args) => commands::index::check(&environment.config(&args)?),
            IndexCommand::Rebuild(args) => commands::index::rebuild(&environment.config(&args)?),
            IndexCommand::Stats { config, json } => {
                commands::index::stats(&environment.config(&config)?, json)
            }
            IndexCommand::ResetOffset { config, topic, partition, to } => {
                commands::index::reset_offset(&environment.config(&config)?, &topic, partition, to)
            }
        },
        Command::Keys { command } => match command {
            KeysCommand::Create { config, new, json } => {
                commands::keys::create(&environment.config(&config)?, new, json)
            }
            KeysCommand::List { config, json } => commands::keys::list(&environment.config(&config)?, json),
            KeysCommand::Revoke { config, key } => {
                commands::keys::revoke(&environment.config(&config)?, &key)
            }
        },
        Command::Backup { command } => match command {
            BackupCommand::Create { config, dir } => {
                commands::backup::create(&environment.config(&config)?, &dir)
            }
            BackupCommand::Restore { config, dir } => {
                commands::backup::restore(&environment.config(&config)?, &dir)
            }
        },
        Command::Audit { command: AuditCommand::Check(args) } => {
            commands::audit::check(&environment.config(&args)?)
        }
        Command::Config { command } => match command {
            ConfigCommand::Check { file } => commands::config::check(&file, &environment.0),
            ConfigCommand::Sample => commands::config::sample(),
        },
    }
}

/// The environment's variables, read once.
struct Environment(Vec<(String, String)>);

impl Environment {
    /// The value of a variable, if it is set and not empty.
    fn get(&self, name: &str) -> Option<&str> {
        let (_, value) = self.0.iter().find(|(known, value)| known == name && !value.is_empty())?;
        Some(value)
    }

    /// A client for the server that a command talks to.
    fn client(&self, args: &ServerArgs) -> anyhow::Result<Client> {
        let given =
            |flag: &Option<String>, name: &str| flag.clone().or_else(|| self.get(name).map(str::to_owned));
        let config = self.local_config(&args.config)?;
        Client::new(Address {
            url: given(&args.url, "HEARKEN_URL"),
            key: self.get("HEARKEN_KEY").map(Secret::new),
            profile: given(&args.profile, "HEARKEN_PROFILE"),
            listen: config.as_ref().map(|config| config.http.listen),
            is_encrypted: config.is_some_and(|config| config.http.tls.is_some()),
            profiles: self
                .user_folder("XDG_CONFIG_HOME", ".config")
                .map(|folder| folder.join("profiles.toml")),
        })
    }

    /// The pager for long output.
    fn pager(&self) -> Pager {
        let value =
            |name: &str| self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        Pager::new(value("PAGER"), value("LESS"))
    }

    /// The configuration of a local server, if there is one.
    fn local_config(&self, args: &ConfigArgs) -> anyhow::Result<Option<Config>> {
        let is_named = args.config.is_some() || self.get("HEARKEN_CONFIG").is_some();
        if !is_named && !Path::new("hearken.toml").exists() {
            return Ok(None);
        }
        Ok(Some(self.config(args)?))
    }

    /// Where commands keep their state.
    fn state_folder(&self) -> PathBuf {
        let folder = self.user_folder("XDG_STATE_HOME", ".local/state");
        folder.unwrap_or_else(|| std::env::temp_dir().join("hearken"))
    }

    fn user_folder(&self, variable: &str, below_home: &str) -> Option<PathBuf> {
        let base = self.get(variable).map(PathBuf::from);
        let base = base.or_else(|| Some(Path::new(self.get("HOME")?).join(below_home)))?;
        Some(base.join("hearken"))
    }

    /// The configuration: `--config`, else `HEARKEN_CONFIG`, else `hearken.toml` if it exists.
    fn config(&self, args: &ConfigArgs) -> anyhow::Result<Config> {
        let named = args.config.clone().or_else(|| {
            let (_, path) =
                self.0.iter().find(|(name, path)| name == "HEARKEN_CONFIG" && !path.is_empty())?;
            Some(PathBuf::from(path))
        });
        let default = Path::new("hearken.toml");
        let path = match &named {
            Some(path) => Some(path.as_path()),
            None => default.exists().then_some(default),
        };
        match path {
            None => Ok(Config::load(None, self.0.clone())?),
            Some(path) => {
                let text = read_config(path)?;
                Ok(Config::load(Some((path, &text)), self.0.clone())?)
            }
        }
    }
}

/// Reads a configuration file.
pub(crate) fn read_config(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| {
        format!(
            "cannot read the configuration file `{}`; `hearken config sample` prints one to begin with",
            path.display()
        )
    })
}
