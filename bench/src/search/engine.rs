//! Asking an engine: several clients, each with its own connection, each sending the next question after the answer.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::question::Question;

/// What is measured.
pub(crate) trait SearchSystem: Sync {
    /// A question in its own form, ready to be sent.
    type Prepared: Sync;
    /// One client's connection.
    type Client;

    /// In the report.
    fn name(&self) -> &'static str;
    /// Puts a question into its form; may search for the place of a cursor.
    fn prepare(&self, question: &Question) -> Result<Self::Prepared>;
    /// A connection.
    fn connect(&self) -> Result<Self::Client>;
    /// Asks, waits for the whole answer and says how many matches it counts, 0 where it was not read.
    fn ask(&self, client: &mut Self::Client, prepared: &Self::Prepared) -> Result<u64>;
    /// The number of matches, read from the answer.
    fn count(&self, client: &mut Self::Client, prepared: &Self::Prepared) -> Result<u64> {
        self.ask(client, prepared)
    }
}

/// What the searches of one kind took.
#[derive(Debug, Clone, Default)]
pub(crate) struct Measured {
    /// Every answer's time, ascending.
    pub(crate) times: Vec<Duration>,
    /// Answers a second, all clients together.
    pub(crate) per_second: f64,
    /// Mean number of matches.
    pub(crate) matches: f64,
}

impl Measured {
    /// Milliseconds that this share of the answers stayed below.
    pub(crate) fn percentile(&self, share: f64) -> f64 {
        let last = self.times.len().saturating_sub(1);
        self.times
            .get((last as f64 * share).round() as usize)
            .map_or(f64::NAN, |time| time.as_secs_f64() * 1e3)
    }
}

/// Asks for that long with this many clients, after counting the matches of the first questions.
pub(crate) fn measure<E: SearchSystem>(
    engine: &E,
    questions: &[E::Prepared],
    num_clients: usize,
    lasting: Duration,
) -> Result<Measured> {
    ensure!(!questions.is_empty(), "there is nothing to ask");
    let mut client = engine.connect()?;
    let counted = questions.len().min(20);
    let mut matches = 0;
    for question in &questions[..counted] {
        matches += engine.count(&mut client, question)?;
    }
    let next = AtomicUsize::new(0);
    let started = Instant::now();
    let times = thread::scope(|scope| {
        let clients: Vec<_> = (0..num_clients)
            .map(|_| {
                scope.spawn(|| -> Result<Vec<Duration>> {
                    let mut client = engine.connect()?;
                    let mut times = Vec::new();
                    while started.elapsed() < lasting {
                        let question = &questions[next.fetch_add(1, Ordering::Relaxed) % questions.len()];
                        let asked = Instant::now();
                        engine.ask(&mut client, question)?;
                        times.push(asked.elapsed());
                    }
                    Ok(times)
                })
            })
            .collect();
        let times = clients.into_iter().map(|client| client.join().ok().context("a client panicked")?);
        times.collect::<Result<Vec<_>>>()
    })?;
    let elapsed = started.elapsed();
    let mut times = times.concat();
    times.sort_unstable();
    let per_second = times.len() as f64 / elapsed.as_secs_f64();
    Ok(Measured { times, per_second, matches: matches as f64 / counted as f64 })
}
