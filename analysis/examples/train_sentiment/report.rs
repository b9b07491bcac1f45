//! Precision, recall, F1 and calibration per source; speed.

use std::time::Instant;

use hearken_analysis::sentiment::{Sentiment, SentimentModel};

use crate::data::{Part, Row, SOURCES, load};

/// Confusion counts and calibration of one source.
#[derive(Default)]
struct Tally {
    confusion: [[u32; 3]; 3],
    /// For ten bins of confidence: rows, right answers, summed confidence.
    bins: [(u32, u32, f32); 10],
    loss: f32,
}

impl Tally {
    fn add(&mut self, label: usize, probabilities: [f32; 3]) {
        let guess =
            (0..3).fold(1, |best, idx| if probabilities[idx] > probabilities[best] { idx } else { best });
        self.confusion[label][guess] += 1;
        self.loss -= probabilities[label].max(1e-6).ln();
        let bin = &mut self.bins[((probabilities[guess] * 10.0) as usize).min(9)];
        bin.0 += 1;
        bin.1 += u32::from(guess == label);
        bin.2 += probabilities[guess];
    }

    fn total(&self) -> u32 {
        self.confusion.iter().flatten().sum()
    }

    /// Precision, recall and F1 of a label.
    fn scores(&self, label: usize) -> (f32, f32, f32) {
        let right = self.confusion[label][label] as f32;
        let guessed: u32 = self.confusion.iter().map(|row| row[label]).sum();
        let actual: u32 = self.confusion[label].iter().sum();
        let precision = right / (guessed as f32).max(1.0);
        let recall = right / (actual as f32).max(1.0);
        (precision, recall, 2.0 * precision * recall / (precision + recall).max(1e-9))
    }

    fn macro_f1(&self) -> f32 {
        (0..3).map(|label| self.scores(label).2).sum::<f32>() / 3.0
    }

    /// Expected calibration error: how far confidence is from being right, on average.
    fn calibration_error(&self) -> f32 {
        let off: f32 =
            self.bins.iter().map(|(_, right, confidence)| (*right as f32 - confidence).abs()).sum();
        off / (self.total() as f32).max(1.0)
    }
}

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

/// The embedded model on the rows that training never saw.
pub(crate) fn evaluate() -> Result<(), String> {
    let rows = load()?;
    let model = SentimentModel::built_in();
    print_table("test rows, embedded model", &rows, Part::Test, |row| {
        match model.score(&row.text, Some("en")) {
            // No answer counts as neutral.
            None => [0.0, 1.0, 0.0],
            Some(found) => {
                let rest = 1.0 - found.confidence;
                match found.sentiment {
                    Sentiment::Negative => [found.confidence, rest * 0.5, rest * 0.5],
                    Sentiment::Neutral => [rest * 0.5, found.confidence, rest * 0.5],
                    Sentiment::Positive => [rest * 0.5, rest * 0.5, found.confidence],
                }
            }
        }
    });
    Ok(())
}

/// Messages a second on one core, over real customer turns.
pub(crate) fn speed() -> Result<(), String> {
    let rows = load()?;
    let texts: Vec<&str> =
        rows.iter().filter(|row| row.source == 6 || row.source < 2).map(|row| row.text.as_str()).collect();
    let bytes: usize = texts.iter().map(|text| text.len()).sum();
    let model = SentimentModel::built_in();
    for language in [Some("en"), None, Some("de")] {
        let started = Instant::now();
        let mut found = 0_usize;
        let mut rounds = 0;
        while started.elapsed().as_secs_f32() < 1.0 {
            found += texts.iter().filter(|text| model.score(text, language).is_some()).count();
            rounds += 1;
        }
        let messages = rounds * texts.len();
        println!(
            "language {:<5} {:>9.0} messages/s ({:.0} bytes a message, {:.1} % answered)",
            language.unwrap_or("-"),
            messages as f32 / started.elapsed().as_secs_f32(),
            bytes as f32 / texts.len() as f32,
            100.0 * found as f32 / messages as f32
        );
    }
    Ok(())
}

/// Prints how many rows there are.
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
