//! How good the ranking is: the real dialogues in one index, questions whose answers the data itself knows, and other
//! weights beside those that are used.
//!
//! Weights are chosen by one half of the questions and judged by the other. Nothing is timed, so any profile will do.

mod collection;
mod judge;
mod labels;
mod question;
mod review;
mod settings;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use anyhow::{Context, Result};
use hearken_index::search::{
    Filter, FilterValue, InvalidRequest, SearchParts, SearchRequest, Selection, Sort,
};
use hearken_index::{Access, Ranking};
use hearken_index_tantivy::IndexReader;
use hearken_query::language;

use self::collection::Collection;
use self::judge::{DEPTH, Quality, interval, judge, mean};
use self::question::{Family, Question};
use self::settings::Setting;
use crate::report::{self, Table};

/// Settings that are shown beside the named ones: the best by the questions for tuning.
const BEST_SHOWN: usize = 8;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Prints the first hits of a support lead's searches for a person to read, and measures nothing.
    #[arg(long)]
    review: bool,
    /// Measures the weights that are used, and no others.
    #[arg(long)]
    without_sweep: bool,
}

/// Runs the benchmark and prints its report.
///
/// # Errors
/// The dialogues are missing, or a search failed.
pub(crate) fn run(args: &Args) -> Result<()> {
    let Collection { dialogues, reader, .. } = &Collection::load()?;
    if args.review {
        return review::print(reader);
    }
    let questions = question::questions(dialogues);
    let present = ask_all(&reader.clone().ranked_by(Ranking::DEFAULT), &questions)?;
    report::print(&of_sources(&questions, &present))?;
    if args.without_sweep {
        return Ok(());
    }
    let tried = try_all(reader, &questions, settings::all())?;
    report::print(&of_settings(&questions, &present, &tried))
}

/// Settings and what they make of the questions.
fn try_all(
    reader: &IndexReader,
    questions: &[Question],
    settings: Vec<Setting>,
) -> Result<Vec<(Setting, Judged)>> {
    let bar = report::bar("ranking", settings.len() as u64);
    let judge = |setting: Setting| {
        bar.inc(1);
        let judged = ask_all(&reader.clone().ranked_by(setting.ranking), questions)?;
        Ok((setting, judged))
    };
    let tried = settings.into_iter().map(judge).collect();
    bar.finish_and_clear();
    tried
}

/// The answer of each question, judged.
type Judged = Vec<Quality>;

fn ask_all(reader: &IndexReader, questions: &[Question]) -> Result<Judged> {
    let num_threads = thread::available_parallelism().map_or(1, usize::from);
    let next = AtomicUsize::new(0);
    let ask_some = || -> Result<Vec<(usize, Quality)>> {
        let mut judged = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(question) = questions.get(at) else { return Ok(judged) };
            judged.push((at, judge(&ask(reader, question)?, &question.relevant)));
        }
    };
    let judged = thread::scope(|scope| {
        let threads: Vec<_> = (0..num_threads).map(|_| scope.spawn(ask_some)).collect();
        let join = threads.into_iter().map(|thread| thread.join().ok().context("a thread panicked")?);
        join.collect::<Result<Vec<_>>>()
    })?;
    let mut judged = judged.concat();
    judged.sort_by_key(|(at, _)| *at);
    Ok(judged.into_iter().map(|(_, quality)| quality).collect())
}

/// The ids of the first hits.
fn ask(reader: &IndexReader, question: &Question) -> Result<Vec<String>> {
    let mut filters = BTreeMap::new();
    if question.family == Family::Topical {
        // Other collections do not say whether they are about it.
        let any_of = vec![FilterValue::Is(question.source.clone())];
        filters.insert("integration".to_owned(), Filter { any_of, ..Filter::default() });
    }
    let query =
        language::parse(&question.words).map_err(|error| anyhow::anyhow!("{}: {error}", question.words))?;
    let answer =
        reader.search(&by_relevance(Selection { filters, ..Selection::new(query, Access::All) }, DEPTH)?)?;
    Ok(answer.hits.iter().map(|hit| hit.id()).collect::<Result<_, _>>()?)
}

fn by_relevance(selection: Selection, limit: usize) -> Result<SearchRequest, InvalidRequest> {
    SearchRequest::try_new(SearchParts {
        selection,
        facets: Vec::new(),
        ranges: Vec::new(),
        facet_size: 1,
        sort: Sort::Relevance,
        limit,
        cursor: None,
        deadline: None,
    })
}

/// What the questions of one half are worth, family by family: the order of many relevant hits, or the place of the only
/// one.
fn worths(questions: &[Question], judged: &Judged, for_tuning: bool) -> [Vec<f64>; 3] {
    Family::ALL.map(|family| {
        let half = questions
            .iter()
            .zip(judged)
            .filter(|(question, _)| question.family == family && question.is_for_tuning() == for_tuning);
        half.map(|(_, quality)| match family {
            Family::Topical => quality.ndcg,
            Family::Opening | Family::Passing => quality.reciprocal_rank,
        })
        .collect()
    })
}

/// What each family counts in a choice: topics as much as known items.
const SHARES: [f64; 3] = [0.5, 0.25, 0.25];

/// One number for the three families.
fn overall(worths: &[Vec<f64>; 3]) -> f64 {
    worths.iter().zip(SHARES).map(|(worths, share)| share * mean(worths.iter().copied())).sum()
}

/// The weights that are used, collection by collection, over all questions.
fn of_sources(questions: &[Question], judged: &Judged) -> String {
    let sources: BTreeSet<&str> = questions.iter().map(|question| question.source.as_str()).collect();
    let mut table = Table::new(["collection", "topical", "nDCG@10", "precision@10", "known items", "MRR@10"]);
    for source in sources.iter().map(|source| Some(*source)).chain([None]) {
        let of = |is_topical: bool| {
            let all = questions.iter().zip(judged);
            all.filter(move |(question, _)| {
                (question.family == Family::Topical) == is_topical
                    && source.is_none_or(|source| source == question.source)
            })
            .map(|(_, quality)| quality)
        };
        table.row([
            source.unwrap_or("all questions").to_owned(),
            of(true).count().to_string(),
            shown(mean(of(true).map(|quality| quality.ndcg))),
            shown(mean(of(true).map(|quality| quality.precision))),
            of(false).count().to_string(),
            shown(mean(of(false).map(|quality| quality.reciprocal_rank))),
        ]);
    }
    table.to_markdown()
}

fn shown(value: f64) -> String {
    if value.is_nan() { String::new() } else { format!("{value:.3}") }
}

/// Other weights beside those that are used.
fn of_settings(questions: &[Question], present: &Judged, tried: &[(Setting, Judged)]) -> String {
    let tuned = |judged: &Judged| overall(&worths(questions, judged, true));
    let mut best: Vec<&(Setting, Judged)> = tried.iter().collect();
    best.sort_by(|(_, one), (_, other)| tuned(other).total_cmp(&tuned(one)));
    best.truncate(BEST_SHOWN);

    let mut table = Table::new([
        "topic, keywords, summary",
        "tuning",
        "held out",
        "topical nDCG",
        "opening MRR",
        "passing MRR",
        "less present, 95 %",
    ]);
    let present_held_out = worths(questions, present, false);
    let mut row = |ranking: &Ranking, name: &str, judged: &Judged| {
        let held_out = worths(questions, judged, false);
        let differences = held_out.iter().zip(&present_held_out).zip(SHARES).map(|((one, other), share)| {
            one.iter().zip(other).map(|(one, other)| share * (one - other)).collect()
        });
        let (low, high) = interval(&differences.collect::<Vec<Vec<f64>>>());
        let difference = overall(&held_out) - overall(&present_held_out);
        let Ranking { topic, keywords, summary, .. } = ranking;
        let [topical, opening, passing] =
            held_out.each_ref().map(|worths| shown(mean(worths.iter().copied())));
        table.row([
            format!("{topic}, {keywords}, {summary}: {name}"),
            shown(tuned(judged)),
            shown(overall(&held_out)),
            topical,
            opening,
            passing,
            format!("{difference:+.4} [{low:+.4}, {high:+.4}]"),
        ]);
    };
    row(&Ranking::DEFAULT, "present", present);
    for (setting, judged) in tried {
        if let Some(name) = setting.name {
            row(&setting.ranking, name, judged);
        }
    }
    for (place, (setting, judged)) in best.into_iter().enumerate() {
        row(&setting.ranking, &format!("{} by tuning", place + 1), judged);
    }
    table.to_markdown()
}

/// FNV-1a: spreads names evenly, and always in the same way.
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}
