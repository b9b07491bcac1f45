//! Precision, recall, F1 and calibration per source; speed.

use std::time::Instant;

use hearken_analysis::sentiment::SentimentModel;

use crate::data::{Part, Row, SOURCES, load};
use crate::tally::{Tally, spread};

/// Prints one line per source.
pub(crate) fn print_table(title: &str, rows: &[Row], part: Part, judge: impl Fn(&Row) -> [f32; 3]) {
    println!("{title}");
    println!(
        "source               rows  macro-F1  accuracy   ECE   negative P/R/F1    neutral P/R/F1     positive P/R/F1"
    );
    for (source, name) in SOURCES.iter().enumerate() {
        let mut tally = Tally::default();
        for row in rows.iter().filter(|row| row.source == source && row.part == part) {
            tally.add(row.label, judge(row));
        }
        if tally.total() == 0 {
            continue;
        }
        let right: u32 = (0..3).map(|label| tally.confusion[label][label]).sum();
        print!(
            "{name:<18} {:>6}     {:.3}     {:.3}  {:.3}",
            tally.total(),
            tally.macro_f1(),
            right as f32 / tally.total() as f32,
            tally.calibration_error()
        );
        for label in 0..3 {
            let (precision, recall, f1) = tally.scores(label);
            print!("   {precision:.2}/{recall:.2}/{f1:.2}");
        }
        println!("  loss {:.4}", tally.loss / tally.total() as f32);
    }
}

/// Reports on the embedded model with the rows that training never saw.
pub(crate) fn evaluate() -> Result<(), String> {
    let rows = load()?;
    let model = SentimentModel::built_in();
    print_table("test rows, embedded model", &rows, Part::Test, |row| {
        spread(model.score(&row.text, Some("en")))
    });
    Ok(())
}

/// Messages per second on one core, over real customer turns.
pub(crate) fn speed() -> Result<(), String> {
    let rows = load()?;
    let texts: Vec<&str> =
        rows.iter().filter(|row| row.source == 6 || row.source < 2).map(|row| row.text.as_str()).collect();
    let bytes: usize = texts.iter().map(|text| text.len()).sum();
    let model = SentimentModel::built_in();
    for language in [Some("en"), None, Some("de")] {
        let started = Instant::now();
        let busy = cpu_seconds();
        let mut found = 0_usize;
        let mut rounds = 0;
        while started.elapsed().as_secs_f32() < 2.0 {
            found += texts.iter().filter(|text| model.score(text, language).is_some()).count();
            rounds += 1;
        }
        let messages = rounds * texts.len();
        // The machine is shared, so only this thread's CPU time counts.
        let seconds = match (busy, cpu_seconds()) {
            (Some(before), Some(after)) => after - before,
            _ => started.elapsed().as_secs_f64(),
        };
        println!(
            "language {:<5} {:>9.0} messages/s ({:.0} bytes a message, {:.1} % answered)",
            language.unwrap_or("-"),
            messages as f64 / seconds,
            bytes as f32 / texts.len() as f32,
            100.0 * found as f32 / messages as f32
        );
    }
    Ok(())
}

/// CPU seconds of this thread, if Linux reports them.
fn cpu_seconds() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    Some(status.split(' ').next()?.parse::<f64>().ok()? / 1e9)
}

/// Prints the number of rows.
pub(crate) fn rows() -> Result<(), String> {
    let rows = load()?;
    for (source, name) in SOURCES.iter().enumerate() {
        let count = |part: Part| rows.iter().filter(|row| row.source == source && row.part == part).count();
        println!(
            "{name:<18} train {:>6} tune {:>5} test {:>5}",
            count(Part::Train),
            count(Part::Tune),
            count(Part::Test)
        );
    }
    Ok(())
}

/// Judges lines of standard input, `language<TAB>text`, to try the model by hand.
pub(crate) fn judge() -> Result<(), String> {
    for line in std::io::stdin().lines() {
        let line = line.map_err(|err| err.to_string())?;
        let (language, text) = line.split_once('\t').unwrap_or(("", &line));
        let found = SentimentModel::built_in().score(text, Some(language).filter(|tag| !tag.is_empty()));
        match found {
            Some(found) => {
                println!("{:+.2} {:.2} {:?}\t{line}", found.score, found.confidence, found.sentiment)
            }
            None => println!("-\t{line}"),
        }
    }
    Ok(())
}
