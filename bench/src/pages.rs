//! What the pages cost beyond the searches that they show: the list of a running server against the API's answer to
//! the same search with the same facets, asked in turn over one kept connection.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::Args as ClapArgs;
use reqwest::blocking::Client;
use reqwest::header::ACCEPT_ENCODING;

use crate::report::{self, Table};

#[derive(ClapArgs)]
pub(crate) struct Args {
    /// Address of a running server, for instance http://127.0.0.1:8080; what it holds is what is measured
    #[arg(long)]
    url: String,
    /// Searches to measure, as query strings of the list
    #[arg(long, default_values_t = ["".to_owned(), "q=order".to_owned(), "q=order&sentiment=negative".to_owned(), "since=30d".to_owned()])]
    query: Vec<String>,
    /// How often each is asked
    #[arg(long, default_value_t = 50)]
    rounds: usize,
}

/// Measures and prints the table.
///
/// # Errors
/// The server cannot be reached or refuses a search.
pub(crate) fn run(args: &Args) -> Result<()> {
    ensure!(args.rounds > 0, "at least one round is needed");
    let server =
        Server { client: Client::builder().timeout(Duration::from_secs(60)).build()?, url: args.url.clone() };
    let mut table = Table::new([
        "list",
        "interactions",
        "search p50, ms",
        "page p50, ms",
        "page p99, ms",
        "page − search, ms",
        "KiB over the wire",
    ]);
    for query in &args.query {
        table.row(measure(&server, query, args.rounds).with_context(|| format!("`/?{query}`"))?);
    }
    report::print(&table.to_markdown())
}

struct Server {
    client: Client,
    url: String,
}

impl Server {
    /// Time until the last byte, and the body as it came over the wire.
    fn get(&self, target: &str) -> Result<(Duration, Vec<u8>)> {
        let started = Instant::now();
        let request = self.client.get(format!("{}{target}", self.url)).header(ACCEPT_ENCODING, "gzip");
        let body = request.send()?.error_for_status()?.bytes()?.to_vec();
        Ok((started.elapsed(), body))
    }

    fn get_plain(&self, target: &str) -> Result<String> {
        Ok(self.client.get(format!("{}{target}", self.url)).send()?.error_for_status()?.text()?)
    }
}

fn measure(server: &Server, query: &str, rounds: usize) -> Result<[String; 7]> {
    let page = format!("/?{query}");
    let html = server.get_plain(&page)?;
    let (search, facets) = searched(&html)?;
    let search = format!("{search}&facets={}&facet_size=101", facets.join(","));
    let answer: serde_json::Value = serde_json::from_str(&server.get_plain(&search)?)?;

    let (mut searches, mut pages, mut wire_bytes) = (Vec::new(), Vec::new(), 0);
    for _ in 0..rounds {
        searches.push(server.get(&search)?.0);
        let (took, body) = server.get(&page)?;
        pages.push(took);
        wire_bytes = body.len();
    }
    searches.sort_unstable();
    pages.sort_unstable();
    let at =
        |times: &[Duration], percent: usize| times[(times.len() - 1) * percent / 100].as_secs_f64() * 1e3;
    let beyond = at(&pages, 50) - at(&searches, 50);
    Ok([
        format!("`/?{query}`"),
        answer["total"].to_string(),
        format!("{:.1}", at(&searches, 50)),
        format!("{:.1}", at(&pages, 50)),
        format!("{:.1}", at(&pages, 99)),
        format!("{beyond:.1}"),
        format!("{:.1}", wire_bytes as f64 / 1024.0),
    ])
}

/// The search of the API that a list shows, and the facets that it counts.
fn searched(html: &str) -> Result<(String, Vec<&str>)> {
    let search = html.split("data-search=\"").nth(1).and_then(|rest| rest.split('"').next());
    let search = search.context("the page names no search")?.replace("&amp;", "&");
    let search = if search.contains('?') { search } else { search + "?limit=20" };
    let facets = html.split("data-facet=\"").skip(1).filter_map(|rest| rest.split('"').next());
    Ok((search, facets.collect()))
}
