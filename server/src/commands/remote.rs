//! `hearken search|show|tail|export|erase`: the HTTP API from a terminal. Data goes to standard output, everything else
//! to standard error.

use std::io::{BufRead as _, BufReader, IsTerminal as _, Write};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::{Args, ValueEnum};
use console::style;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::blocking::Response;
use serde_json::{Value, json};

use crate::client::Client;
use crate::pager::{Pager, print};
use crate::terminal;

/// How long `tail` waits before it reconnects.
const COME_BACK_AFTER: Duration = Duration::from_secs(1);

/// Percent-encodes everything that may not stand for itself in an address.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Selects interactions.
#[derive(Debug, Args)]
pub struct SelectionArgs {
    /// What to search for, in Hearken's query language [default: everything]
    #[arg(value_name = "QUERY", allow_hyphen_values = true)]
    query: Option<String>,
    /// Only interactions with this value of a field, such as `country=Germany`; several values of one field mean any of
    /// them
    #[arg(long = "filter", short = 'f', value_name = "FIELD=VALUE", value_parser = pair, allow_hyphen_values = true)]
    filters: Vec<(String, String)>,
    /// Active at or after this time
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Active before this time
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
}

/// `name=value`.
///
/// # Errors
/// There is no `=`.
pub fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) =
        text.split_once('=').ok_or_else(|| format!("`{text}` is not of the form NAME=VALUE"))?;
    Ok((name.to_owned(), value.to_owned()))
}

impl SelectionArgs {
    fn parameters(&self) -> Vec<(String, String)> {
        let mut parameters = Vec::new();
        let named = [("q", &self.query), ("from", &self.from), ("to", &self.to)];
        parameters
            .extend(named.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value.clone()?))));
        parameters.extend(self.filters.iter().cloned());
        parameters
    }
}

/// `hearken search`
#[derive(Debug, Args)]
pub struct SearchArgs {
    #[command(flatten)]
    selection: SelectionArgs,
    /// Count the values of these fields, such as `country,sentiment`
    #[arg(long, value_name = "FIELDS")]
    facets: Option<String>,
    /// Order, such as `-start_time` or `csat,-duration`
    #[arg(long, value_name = "FIELDS", allow_hyphen_values = true)]
    sort: Option<String>,
    /// Most interactions to show (0 to 100)
    #[arg(long, value_name = "COUNT")]
    limit: Option<u32>,
    /// Continue where an earlier page ended
    #[arg(long, value_name = "CURSOR")]
    cursor: Option<String>,
    /// Print the API's answer unchanged
    #[arg(long)]
    json: bool,
}

/// Shows a page of matches and facet counts.
///
/// # Errors
/// The server cannot be reached, or refuses the query.
pub fn search(client: &Client, args: &SearchArgs, pager: &Pager) -> anyhow::Result<()> {
    let mut parameters = args.selection.parameters();
    let limit = args.limit.map(|limit| limit.to_string());
    let named = [("facets", &args.facets), ("sort", &args.sort), ("limit", &limit), ("cursor", &args.cursor)];
    parameters.extend(named.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value.clone()?))));
    let response = client.get("/v1/interactions", &parameters)?;
    if args.json {
        return copy(response);
    }
    let answer: Value = response.json().context("the server's answer cannot be understood")?;
    for notice in answer["notices"].as_array().into_iter().flatten() {
        eprintln!("note: {}", terminal::text(notice, "/message"));
    }
    let items = answer["items"].as_array().cloned().unwrap_or_default();
    let mut lines = Vec::new();
    if !items.is_empty() {
        lines = terminal::table(&items);
    }
    for (name, values) in answer["facets"].as_object().into_iter().flatten() {
        lines.push(String::new());
        lines.extend(terminal::facet(name, values.as_array().map_or(&[], Vec::as_slice)));
    }
    pager.print(&lines)?;
    eprintln!(
        "{} interactions in {} ms",
        terminal::text(&answer, "/total"),
        terminal::text(&answer, "/took_ms")
    );
    if let Some(cursor) = answer["next_cursor"].as_str() {
        eprintln!("more: --cursor {}", terminal::clean(cursor));
    }
    Ok(())
}

/// `hearken show`
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// The interaction's id
    id: String,
    /// Print the API's answer unchanged
    #[arg(long)]
    json: bool,
}

/// Shows one interaction with its transcript.
///
/// # Errors
/// The server cannot be reached, or there is no such interaction.
pub fn show(client: &Client, args: &ShowArgs, pager: &Pager) -> anyhow::Result<()> {
    let response = client.get(&path_of(&args.id), &[])?;
    if args.json {
        return copy(response);
    }
    let interaction: Value = response.json().context("the server's answer cannot be understood")?;
    pager.print(&terminal::interaction(&interaction))
}

fn path_of(id: &str) -> String {
    format!("/v1/interactions/{}", utf8_percent_encode(id, ESCAPED))
}

/// `hearken tail`
#[derive(Debug, Args)]
pub struct TailArgs {
    #[command(flatten)]
    selection: SelectionArgs,
    /// Print each interaction as one line of JSON
    #[arg(long)]
    json: bool,
}

/// Shows matching interactions as they change, until interrupted.
///
/// # Errors
/// The server refuses the query, or cannot be reached at first. Later interruptions are retried.
pub fn tail(client: &Client, args: &TailArgs) -> anyhow::Result<()> {
    let parameters = args.selection.parameters();
    let mut last_event_id: Option<String> = None;
    loop {
        let response = match client.stream("/v1/stream", &parameters, last_event_id.as_deref()) {
            Ok(response) => response,
            Err(error) if error.is_passing && last_event_id.is_some() => {
                std::thread::sleep(error.retry_after.unwrap_or(COME_BACK_AFTER));
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        follow(response, &mut last_event_id, args.json)?;
        eprintln!("the connection was closed; connecting again");
        std::thread::sleep(COME_BACK_AFTER);
    }
}

/// Reads server-sent events until the connection ends.
fn follow(response: Response, last_event_id: &mut Option<String>, json: bool) -> anyhow::Result<()> {
    let (mut event, mut data) = (String::new(), String::new());
    for line in BufReader::new(response).lines() {
        let Ok(line) = line else { return Ok(()) };
        if line.is_empty() {
            match event.as_str() {
                "interaction" if json => print(&[std::mem::take(&mut data)])?,
                "interaction" => {
                    let item: Value = serde_json::from_str(&data).unwrap_or_default();
                    print(&[terminal::row(&item)])?;
                }
                "gap" => eprintln!("some changes were missed; search again to see them"),
                _ => {}
            }
            (event, data) = (String::new(), String::new());
            continue;
        }
        let (name, value) = line.split_once(':').unwrap_or((&line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match name {
            "event" => event = value.to_owned(),
            "data" => data.push_str(value),
            "id" => *last_event_id = Some(value.to_owned()),
            _ => {}
        }
    }
    Ok(())
}

/// The formats of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    /// JSON, one interaction per line
    Ndjson,
    /// A table, as comma-separated values
    Csv,
    /// A table in Apache Parquet, for programs
    Parquet,
}

/// `hearken export`
#[derive(Debug, Args)]
pub struct ExportArgs {
    #[command(flatten)]
    selection: SelectionArgs,
    /// The format
    #[arg(long, value_enum, default_value = "ndjson")]
    format: ExportFormat,
    /// The file to write [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Writes every matching interaction.
///
/// # Errors
/// The server cannot be reached, the file cannot be written, or the answer is cut off.
pub fn export(client: &Client, args: &ExportArgs) -> anyhow::Result<()> {
    let mut parameters = args.selection.parameters();
    let format = match args.format {
        ExportFormat::Ndjson => "ndjson",
        ExportFormat::Csv => "csv",
        ExportFormat::Parquet => "parquet",
    };
    if args.format == ExportFormat::Parquet && args.output.is_none() && std::io::stdout().is_terminal() {
        bail!("a Parquet file cannot be shown in a terminal; name a file with `--output FILE`");
    }
    parameters.push(("format".to_owned(), format.to_owned()));
    let mut response = client.stream("/v1/export", &parameters, None)?;
    let cut_off = "the export was cut off";
    match &args.output {
        None => {
            let copied = std::io::copy(&mut response, &mut std::io::stdout().lock());
            copied.map(drop).context(cut_off)
        }
        Some(path) => {
            // The file appears under its name only once it is complete.
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
            let cannot_write = || format!("cannot write `{}`", path.display());
            let file =
                tempfile::NamedTempFile::new_in(folder.unwrap_or(".".as_ref())).with_context(cannot_write)?;
            let num_bytes = std::io::copy(&mut response, &mut file.as_file()).context(cut_off)?;
            file.persist(path).with_context(cannot_write)?;
            eprintln!("{num_bytes} bytes in `{}`", path.display());
            Ok(())
        }
    }
}

/// `hearken erase`
#[derive(Debug, Args)]
pub struct EraseArgs {
    /// The interactions' ids
    #[arg(required_unless_present = "query")]
    ids: Vec<String>,
    /// Erase everything that matches this query instead
    #[arg(long, value_name = "QUERY", conflicts_with = "ids")]
    query: Option<String>,
    /// Do not ask for confirmation
    #[arg(long)]
    yes: bool,
    /// Wait until they are gone from all files of the server, too
    #[arg(long)]
    wait: bool,
    /// Print the API's answer unchanged
    #[arg(long)]
    json: bool,
}

/// Erases interactions for good, after confirmation.
///
/// # Errors
/// The server cannot be reached, the key does not permit it, or the user does not confirm.
pub fn erase(client: &Client, args: &EraseArgs) -> anyhow::Result<()> {
    if !args.yes {
        let count = match &args.query {
            Some(query) => {
                let parameters = [("q".to_owned(), query.clone()), ("limit".to_owned(), "0".to_owned())];
                let counted: Value = client.get("/v1/interactions", &parameters)?.json()?;
                terminal::text(&counted, "/total")
            }
            None => args.ids.len().to_string(),
        };
        confirm(&format!("Erase {count} interactions at {} for good?", client.url()))?;
    }
    let body = match &args.query {
        Some(query) => json!({"q": query}),
        None => json!({"ids": args.ids}),
    };
    let response = client.erase(&body, args.wait)?;
    if args.json {
        return copy(response);
    }
    let answer: Value = response.json().context("the server's answer cannot be understood")?;
    print(&[format!(
        "{} of {} erased; files: {}; erasure {}",
        terminal::text(&answer, "/erased"),
        terminal::text(&answer, "/matched"),
        terminal::text(&answer, "/files"),
        terminal::text(&answer, "/id"),
    )])
}

fn confirm(question: &str) -> anyhow::Result<()> {
    if !std::io::stdin().is_terminal() {
        bail!("this is not a terminal, so nobody can confirm; pass `--yes`");
    }
    eprint!("{} [y/N] ", style(question).bold());
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    if !matches!(answer.trim().to_lowercase().as_str(), "y" | "yes") {
        bail!("nothing was erased");
    }
    Ok(())
}

/// Copies the answer unchanged, followed by a line feed.
fn copy(mut response: Response) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    std::io::copy(&mut response, &mut out)?;
    Ok(writeln!(out)?)
}
