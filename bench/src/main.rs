//! Benchmarks: the whole product against its bare parts, in one run on one machine.
//!
//! - [`ingest`]: Kafka → searchable, against bare rdkafka consumption and bare tantivy indexing.
//! - [`freshness`]: how long after the broker's acknowledgement a search finds an event.
//! - [`import`]: a file into an index whose server is stopped.
//! - [`load`]: what a steady stream costs server and broker, without searches.
//! - [`cluster`]: the same over OpenSearch, with several ingest processes.
//! - [`recovery`]: how long after SIGKILL the server is ready again.
//! - [`connections`]: whether others are answered while thousands of connections are held.
//! - [`pages`]: what the pages cost beyond the searches that they show, on a running server.
//! - [`search`]: how long searches take, against bare tantivy and OpenSearch.
//! - [`relevance`]: how good the ranking is, and would be with other weights; the one that measures no time.
//! - [`broker`], [`stream`], [`server`]: what is measured against, what with, and what.
//! - [`peer`], [`busy_disk`]: OpenSearch with the same events, and a disk with other work.
//! - [`usage`], [`report`]: processor time and memory from `/proc`, and the tables.
//!
//! Tables go to stdout, everything else to stderr. `docs/benchmarks.md` says how to read them.

mod bare;
mod broker;
mod busy_disk;
mod cluster;
mod connections;
mod freshness;
mod import;
mod ingest;
mod load;
mod pages;
mod peer;
mod recovery;
mod relevance;
mod report;
mod search;
mod server;
mod stream;
mod usage;

use clap::{Parser, Subcommand};

/// Measures Hearken against its bare parts.
#[derive(Parser)]
#[command(name = "hearken-bench", version)]
struct Cli {
    #[command(subcommand)]
    benchmark: Benchmark,
}

#[derive(Subcommand)]
enum Benchmark {
    /// A backlog on Kafka until all of it can be searched, against bare rdkafka and bare tantivy.
    Ingest(ingest::Args),
    /// From the broker's acknowledgement to the first search that finds the event, at a steady rate.
    Freshness(freshness::Args),
    /// A million messages from a file into a searchable index.
    Import(import::Args),
    /// Processor time of server and broker at steady rates, without searches.
    Load(load::Args),
    /// Processor time of ingest processes and OpenSearch, in a backlog and at steady rates.
    Cluster(cluster::Args),
    /// From SIGKILL until the server is ready again.
    Recovery(recovery::Args),
    /// Whether others are answered while thousands of connections are held.
    Connections(connections::Args),
    /// The list of a running server against the same searches of its API: time and bytes.
    Pages(pages::Args),
    /// Ten kinds of search over many interactions, against bare tantivy and OpenSearch.
    Search(search::Args),
    /// How well results are ranked, by questions whose answers the dialogues' labels know.
    Relevance(relevance::Args),
}

fn main() -> anyhow::Result<()> {
    match Cli::parse().benchmark {
        Benchmark::Ingest(args) => ingest::run(&args),
        Benchmark::Freshness(args) => freshness::run(&args),
        Benchmark::Import(args) => import::run(&args),
        Benchmark::Load(args) => load::run(&args),
        Benchmark::Cluster(args) => cluster::run(&args),
        Benchmark::Recovery(args) => recovery::run(&args),
        Benchmark::Connections(args) => connections::run(&args),
        Benchmark::Pages(args) => pages::run(&args),
        Benchmark::Search(args) => search::run(&args),
        Benchmark::Relevance(args) => relevance::run(&args),
    }
}
