//! Streams every match of a search as bytes: NDJSON, or one row per interaction as CSV or Parquet.
//!
//! A thread reads matches into a short channel, and the answer's body drains it. So memory does not grow with the
//! number of matches, a slow client slows down the reading, and one that goes away, or takes nothing for
//! [`STALLED_AFTER`], ends it.

mod columns;
mod csv;
mod parquet;

use std::io;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use axum::body::Bytes;
use hearken_index::Search;
use hearken_index::query::Query;
use hearken_index::search::{Selection, Sort, SortKey};
use hearken_model::Interaction;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_stream::{Stream, StreamExt, once};
use tracing::{Span, info};

use self::parquet::Table;
use crate::http::Caller;
use crate::keys::Permission;
use crate::parameters::SearchParameters;
use crate::problem::Problem;
use crate::search::resolve;
use crate::state::AppState;
use crate::words;

/// An export ends when its client has taken nothing for this long.
pub const STALLED_AFTER: Duration = Duration::from_secs(60);
/// A chunk is sent once it has this size.
const CHUNK_BYTES: usize = 64 * 1024;
/// Chunks buffered between the reading thread and the client.
const CHUNKS_MAX: usize = 4;

/// The format of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportFormat {
    /// Whole interactions, one JSON object per line.
    Ndjson,
    /// RFC 4180 with a header.
    Csv {
        /// Begins with a byte order mark, so that Excel recognises UTF-8.
        bom: bool,
    },
    /// Apache Parquet, compressed with Zstandard.
    Parquet,
}

impl ExportFormat {
    /// The format given by the parameters `format` and `bom`; NDJSON by default.
    ///
    /// # Errors
    /// There is no such format, or `bom` is not a boolean for CSV.
    pub fn from_parameters(format: Option<&str>, bom: Option<&str>) -> Result<Self, Problem> {
        let invalid = |parameter: &str, detail: &str| {
            let problem = Problem::new("invalid_parameter", detail);
            Problem { parameter: Some(parameter.into()), ..problem }
        };
        match (format.unwrap_or("ndjson"), bom) {
            ("csv", None | Some("false")) => Ok(ExportFormat::Csv { bom: false }),
            ("csv", Some("true")) => Ok(ExportFormat::Csv { bom: true }),
            ("ndjson", None | Some("false")) => Ok(ExportFormat::Ndjson),
            ("parquet", None | Some("false")) => Ok(ExportFormat::Parquet),
            ("ndjson" | "parquet", Some("true")) => {
                Err(invalid("bom", "a byte order mark only works with `format=csv`"))
            }
            ("csv" | "ndjson" | "parquet", _) => Err(invalid("bom", "`bom` must be `true` or `false`")),
            _ => Err(invalid("format", "`format` must be `ndjson`, `csv` or `parquet`")),
        }
    }

    /// Its media type.
    pub const fn media_type(self) -> &'static str {
        match self {
            ExportFormat::Ndjson => "application/x-ndjson",
            ExportFormat::Csv { .. } => "text/csv; charset=utf-8",
            ExportFormat::Parquet => "application/vnd.apache.parquet",
        }
    }

    /// The default name for the saved file.
    pub const fn file_name(self) -> &'static str {
        match self {
            ExportFormat::Ndjson => "interactions.ndjson",
            ExportFormat::Csv { .. } => "interactions.csv",
            ExportFormat::Parquet => "interactions.parquet",
        }
    }
}

/// Streams every match. The parameters `limit`, `cursor` and facets have no effect; the order is newest first unless
/// fields are given.
///
/// # Errors
/// An invalid search fails before the first byte; a later failure cuts the stream short.
pub async fn export(
    state: &AppState,
    parameters: SearchParameters,
    caller: &Caller,
    format: ExportFormat,
) -> Result<impl Stream<Item = io::Result<Bytes>> + Send + use<>, Problem> {
    let sort = sort(parameters.sort.as_ref())?;
    let caller = caller.clone();
    let place = state.export_place()?;
    let (chunks_tx, mut chunks_rx) = mpsc::channel(CHUNKS_MAX);
    let reader = state.reader().clone();
    let runtime = Handle::current();
    let (started, slow, span) = (Instant::now(), state.limits().slow_search, Span::current());
    tokio::task::spawn_blocking(move || {
        let _in_request = span.enter();
        let mut chunks = Chunks { chunks_tx, runtime, buffer: Vec::new() };
        let exported = parameters
            .text()
            .map_or(Ok(Query::All), |text| resolve(&*reader, text, caller.access()))
            .and_then(|query| {
                words::refuse(&caller, &query, &parameters)?;
                let selection = parameters.selection(query, caller.access().clone());
                write_all(&*reader, &selection, &sort, &caller, format, &mut chunks)
            });
        match exported {
            Ok(()) => drop(chunks.flush()),
            Err(problem) => drop(chunks.send(Err(problem))),
        }
        drop(place);
        if started.elapsed() >= slow {
            info!(seconds = started.elapsed().as_secs_f64(), "an export took long");
        }
    });
    // The first chunk decides whether the answer is an export or a problem.
    let first = match chunks_rx.recv().await {
        Some(Ok(first)) => first,
        Some(Err(problem)) => return Err(problem),
        None => Bytes::new(),
    };
    let broken = |problem: Problem| io::Error::other(problem.detail);
    Ok(once(Ok(first)).chain(ReceiverStream::new(chunks_rx).map(move |chunk| chunk.map_err(broken))))
}

fn sort(sort: Option<&Sort>) -> Result<Vec<SortKey>, Problem> {
    match sort {
        None => Ok(vec![SortKey { field: "start_time".to_owned(), descending: true }]),
        Some(Sort::Fields(keys)) => Ok(keys.clone()),
        Some(Sort::Relevance) => {
            let problem = Problem::new("invalid_parameter", "an export cannot be sorted by relevance");
            Err(Problem { parameter: Some("sort".into()), ..problem })
        }
    }
}

fn write_all(
    reader: &dyn Search,
    selection: &Selection,
    sort: &[SortKey],
    caller: &Caller,
    format: ExportFormat,
    chunks: &mut Chunks,
) -> Result<(), Problem> {
    let mut table = None;
    match format {
        ExportFormat::Ndjson => {}
        ExportFormat::Csv { bom } => {
            if bom {
                chunks.buffer.extend_from_slice("\u{FEFF}".as_bytes());
            }
            csv::write_header(&mut chunks.buffer);
        }
        ExportFormat::Parquet => table = Some(Table::new().map_err(|error| Problem::internal(&error))?),
    }
    let mut failed = None;
    reader.for_each(selection, sort, &mut |document| {
        let mut interaction = document.interaction();
        if !caller.may(Permission::Search) {
            words::take_out(&mut interaction);
        } else if !caller.may(Permission::Read) {
            interaction.transcript = None;
        }
        match (format, &mut table) {
            (_, Some(table)) => {
                if let Err(error) = table.write(&interaction, &mut chunks.buffer) {
                    failed = Some(Problem::internal(&error));
                    return ControlFlow::Break(());
                }
            }
            (ExportFormat::Csv { .. }, None) => csv::write_row(&interaction, &mut chunks.buffer),
            (_, None) => write_line(&interaction, &mut chunks.buffer),
        }
        if chunks.buffer.len() < CHUNK_BYTES { ControlFlow::Continue(()) } else { chunks.flush() }
    })?;
    if let Some(problem) = failed {
        return Err(problem);
    }
    if let Some(table) = table {
        table.finish(&mut chunks.buffer).map_err(|error| Problem::internal(&error))?;
    }
    Ok(())
}

fn write_line(interaction: &Interaction, buffer: &mut Vec<u8>) {
    serde_json::to_writer(&mut *buffer, interaction)
        .expect("interactions have only string keys and plain values");
    buffer.push(b'\n');
}

/// The reading end of the channel.
struct Chunks {
    chunks_tx: mpsc::Sender<Result<Bytes, Problem>>,
    runtime: Handle,
    buffer: Vec<u8>,
}

impl Chunks {
    /// Breaks if nobody reads any more.
    fn flush(&mut self) -> ControlFlow<()> {
        let chunk = Bytes::from(std::mem::take(&mut self.buffer));
        self.send(Ok(chunk))
    }

    fn send(&mut self, chunk: Result<Bytes, Problem>) -> ControlFlow<()> {
        let sent = self.runtime.block_on(tokio::time::timeout(STALLED_AFTER, self.chunks_tx.send(chunk)));
        if matches!(sent, Ok(Ok(()))) { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    }
}
