//! `hearken top`: what a server is doing right now, from its metrics, and the slowest searches of the last hour.

mod samples;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use clap::Args;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};
use ratatui::layout::{Constraint, Layout};
use ratatui::style::{Color, Style, Stylize as _};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, Sparkline};
use ratatui::{Frame, Terminal};
use serde::Deserialize;

use self::samples::Samples;
use crate::client::Client;
use crate::terminal::clean;

/// How many rates are kept for the graph; more than a terminal is wide.
const RATES_MAX: usize = 400;
/// Size of the frame that `--once` prints.
const ONCE: (u16, u16) = (100, 40);
/// Most routes and searches to list.
const ROUTES_MAX: usize = 5;
const SEARCHES_MAX: usize = 5;

/// `hearken top`
#[derive(Debug, Args)]
pub struct TopArgs {
    /// Print one frame as text and exit
    #[arg(long)]
    once: bool,
    /// How long to wait between samples, such as `500ms`; rates and percentiles cover the time in between
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = humantime::parse_duration)]
    every: Duration,
}

/// One of the slowest searches, as the server reports it.
#[derive(Debug, Deserialize)]
struct SlowSearch {
    seconds: f64,
    total: Option<u64>,
    shape: String,
    q: Option<String>,
}

#[derive(Deserialize)]
struct SlowSearches {
    searches: Vec<SlowSearch>,
}

/// Shows the server until `q` is pressed.
///
/// # Errors
/// The first request fails, or the key does not grant `metrics`. Later failures are waited out.
pub fn run(client: &Client, args: &TopArgs) -> anyhow::Result<()> {
    let mut top = Top {
        url: clean(client.url()),
        before: look(client)?,
        now: None,
        searches: slowest(client),
        rates: VecDeque::new(),
        trouble: None,
    };
    if args.once {
        std::thread::sleep(args.every);
        top.take(look(client), slowest(client));
        if let Some(trouble) = top.trouble {
            anyhow::bail!(trouble);
        }
        return print(&top);
    }
    let mut terminal = ratatui::try_init().context("this is not a terminal; use `--once`")?;
    let watched = watch(&mut terminal, client, args.every, &mut top);
    ratatui::restore();
    watched
}

fn look(client: &Client) -> anyhow::Result<Samples> {
    let text = client.get("/metrics", &[])?.text()?;
    Ok(Samples::parse(&text, Instant::now()))
}

/// `None` if only metrics are served, as at `http.metrics_listen`.
fn slowest(client: &Client) -> Option<Vec<SlowSearch>> {
    let answer: SlowSearches = client.get("/v1/searches/slowest", &[]).ok()?.json().ok()?;
    Some(answer.searches)
}

fn watch(
    terminal: &mut ratatui::DefaultTerminal,
    client: &Client,
    every: Duration,
    top: &mut Top,
) -> anyhow::Result<()> {
    let mut next = Instant::now();
    loop {
        if Instant::now() >= next {
            top.take(look(client), slowest(client));
            next = Instant::now() + every;
        }
        terminal.draw(|frame| top.draw(frame))?;
        if event::poll(next.saturating_duration_since(Instant::now()))?
            && let Event::Key(key) = event::read()?
            && key.kind == KeyEventKind::Press
        {
            let interrupts = key.modifiers.contains(KeyModifiers::CONTROL) && key.code == KeyCode::Char('c');
            if interrupts || matches!(key.code, KeyCode::Char('q') | KeyCode::Esc) {
                return Ok(());
            }
        }
    }
}

/// Prints one frame as text.
fn print(top: &Top) -> anyhow::Result<()> {
    let mut terminal = Terminal::new(TestBackend::new(ONCE.0, ONCE.1))?;
    terminal.draw(|frame| top.draw(frame))?;
    let cells = terminal.backend().buffer().content();
    let lines =
        cells.chunks(usize::from(ONCE.0)).map(|row| row.iter().map(|cell| cell.symbol()).collect::<String>());
    let mut lines: Vec<_> = lines.map(|line| line.trim_end().to_owned()).collect();
    while lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    crate::pager::print(&lines)
}

/// What is known about the server: the last two samples of its metrics, earlier rates, and the slowest searches.
struct Top {
    url: String,
    before: Samples,
    now: Option<Samples>,
    searches: Option<Vec<SlowSearch>>,
    rates: VecDeque<u64>,
    trouble: Option<String>,
}

impl Top {
    fn take(&mut self, looked: anyhow::Result<Samples>, searches: Option<Vec<SlowSearch>>) {
        match looked {
            Err(error) => self.trouble = Some(format!("{error:#}")),
            Ok(samples) => {
                self.trouble = None;
                self.searches = searches;
                if let Some(before) = self.now.replace(samples) {
                    self.before = before;
                }
                let rate = self.rate("hearken_ingest_records_total", &[]).unwrap_or(0.0);
                self.rates.push_front(rate.round() as u64);
                self.rates.truncate(RATES_MAX);
            }
        }
    }

    fn now(&self) -> &Samples {
        self.now.as_ref().unwrap_or(&self.before)
    }

    fn rate(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        self.now().rate(&self.before, name, labels)
    }

    fn quantile(&self, name: &str, labels: &[(&str, &str)], part: f64) -> String {
        self.now().quantile(&self.before, name, labels, part).map_or("–".to_owned(), duration)
    }

    fn draw(&self, frame: &mut Frame<'_>) {
        let lines = self.lines();
        let num_lines = u16::try_from(lines.len()).unwrap_or(u16::MAX);
        let areas = Layout::vertical([Constraint::Length(num_lines), Constraint::Max(6)]).split(frame.area());
        frame.render_widget(Paragraph::new(lines), areas[0]);
        let rates: Vec<u64> = self.rates.iter().copied().take(usize::from(areas[1].width)).collect();
        frame.render_widget(Sparkline::default().data(&rates).style(Style::new().fg(Color::Cyan)), areas[1]);
    }

    fn lines(&self) -> Vec<Line<'static>> {
        let now = self.now();
        let count = |name: &str, labels: &[(&str, &str)]| number(now.sum(name, labels));
        let percentiles = |name: &str| {
            format!("p50 {}  p99 {}", self.quantile(name, &[], 0.5), self.quantile(name, &[], 0.99))
        };
        let outcome = |outcome| count("hearken_ingest_records_total", &[("outcome", outcome)]);
        let version = now.values("hearken_build_info", "version");
        let version = version.first().copied().unwrap_or_default();
        let state = match &self.trouble {
            None => Span::raw(""),
            Some(trouble) => Span::raw(clean(trouble)).red(),
        };
        let mut lines = vec![
            Line::from(vec![
                Span::raw(format!("hearken {}", clean(version))).bold(),
                format!("  {}  ", self.url).into(),
                state,
            ]),
            Line::default(),
            row(
                "rate",
                format!(
                    "{} records/s  {}/s",
                    number(self.rate("hearken_ingest_records_total", &[])),
                    bytes(self.rate("hearken_ingest_bytes_total", &[]))
                ),
            ),
            row(
                "records",
                format!(
                    "{} applied  {} duplicate  {} ignored  {} erased  {} dead letters",
                    outcome("applied"),
                    outcome("duplicate"),
                    outcome("ignored"),
                    outcome("erased"),
                    outcome("dead_letter")
                ),
            ),
            row(
                "lag",
                format!(
                    "{} records to searchable  {} to durable",
                    count("hearken_ingest_lag_records", &[]),
                    count("hearken_ingest_durable_lag_records", &[])
                ),
            ),
            row("freshness", percentiles("hearken_ingest_freshness_seconds")),
            row(
                "tiers",
                format!(
                    "{} live  {} on disk",
                    bytes(now.sum("hearken_index_live_bytes", &[])),
                    bytes(now.sum("hearken_index_bytes", &[]))
                ),
            ),
            row(
                "index",
                format!(
                    "{} interactions, {} in progress  {} segments  {} merges",
                    count("hearken_index_documents", &[]),
                    count("hearken_ingest_open_interactions", &[]),
                    count("hearken_index_segments", &[]),
                    count("hearken_index_merges", &[])
                ),
            ),
            row("refresh", percentiles("hearken_index_refresh_seconds")),
            row("flush", percentiles("hearken_index_flush_seconds")),
            row(
                "searches",
                format!(
                    "{}/s  {}",
                    number(self.rate("hearken_search_duration_seconds_count", &[])),
                    percentiles("hearken_search_duration_seconds")
                ),
            ),
            Line::default(),
        ];
        if let Some(searches) = &self.searches {
            let heading = format!("{:>10}{:>12}  {}", "took", "found", "slowest searches of the last hour");
            lines.push(Line::from(heading).dim());
            lines.extend(searches.iter().take(SEARCHES_MAX).map(line_of_search));
            lines.push(Line::default());
        }
        let heading =
            format!("{:44}{:>10}{:>10}{:>10}{:>10}", "slowest routes", "p99", "p50", "each s", "errors");
        lines.push(Line::from(heading).dim());
        lines.extend(self.routes());
        lines.push(Line::default());
        lines.push(Line::from("records/s, newest first").dim());
        lines
    }

    /// The routes with the slowest requests.
    fn routes(&self) -> Vec<Line<'static>> {
        const NAME: &str = "hearken_http_request_duration_seconds";
        const COUNT: &str = "hearken_http_request_duration_seconds_count";
        let now = self.now();
        let slowest =
            |route: &str| now.quantile(&self.before, NAME, &[("route", route)], 0.99).unwrap_or(0.0);
        let mut routes: Vec<_> =
            now.values(COUNT, "route").into_iter().map(|route| (slowest(route), route)).collect();
        routes.sort_by(|(one, _), (other, _)| other.total_cmp(one));
        let line = |route: &str| {
            let labels = [("route", route)];
            let statuses = now.values(COUNT, "status");
            let failed = statuses.iter().filter(|status| status.starts_with('5'));
            let errors: f64 =
                failed.filter_map(|status| now.sum(COUNT, &[("route", route), ("status", status)])).sum();
            let shown: String = clean(route).chars().take(43).collect();
            let (p99, p50) = (self.quantile(NAME, &labels, 0.99), self.quantile(NAME, &labels, 0.5));
            let (rate, errors) = (number(self.rate(COUNT, &labels)), number(Some(errors)));
            Line::from(format!("{shown:44}{p99:>10}{p50:>10}{rate:>10}{errors:>10}"))
        };
        routes.into_iter().take(ROUTES_MAX).map(|(_, route)| line(route)).collect()
    }
}

/// The shape shows why it was slow, the query which search it was.
fn line_of_search(search: &SlowSearch) -> Line<'static> {
    let found = search.total.map_or("timed out".to_owned(), |total| number(Some(total as f64)));
    let shape = clean(&search.shape);
    let asked = search.q.as_deref().map_or(String::new(), |q| format!("   q={}", clean(q)));
    Line::from(format!("{:>10}{found:>12}  {shape}{asked}", duration(search.seconds)))
}

fn row(name: &str, value: String) -> Line<'static> {
    Line::from(vec![Span::raw(format!("{name:11}")).dim(), value.into()])
}

/// With thousands separators, and one decimal below 100.
fn number(value: Option<f64>) -> String {
    let Some(value) = value else { return "–".to_owned() };
    let value = value + 0.0; // an empty sum is -0
    if value.fract() != 0.0 && value < 100.0 {
        return format!("{value:.1}");
    }
    let digits = format!("{value:.0}");
    let mut shown = String::new();
    for (idx, digit) in digits.chars().enumerate() {
        if idx > 0 && (digits.len() - idx) % 3 == 0 {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

fn bytes(value: Option<f64>) -> String {
    value.map_or("–".to_owned(), |value| indicatif::HumanBytes(value.max(0.0) as u64).to_string())
}

fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 0.001 => format!("{:.0} µs", s * 1e6),
        s if s < 0.01 => format!("{:.1} ms", s * 1e3),
        s if s < 1.0 => format!("{:.0} ms", s * 1e3),
        s => format!("{s:.1} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        assert_eq!(
            ["–", "0", "1.5", "150", "1,234,567"].map(str::to_owned),
            [None, Some(-0.0), Some(1.5), Some(149.7), Some(1_234_567.0)].map(number)
        );
        assert_eq!(
            ["250 µs", "2.5 ms", "25 ms", "2.5 s"].map(str::to_owned),
            [0.00025, 0.0025, 0.025, 2.5].map(duration)
        );
    }
}
