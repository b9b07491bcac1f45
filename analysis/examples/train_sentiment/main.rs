//! Trains, measures and times the built-in sentiment model.
//!
//! ```text
//! cargo run --release -p hearken-analysis --example train_sentiment -- train      # writes models/sentiment.bin
//! cargo run --release -p hearken-analysis --example train_sentiment -- evaluate   # prints docs/analysis.md's table
//! cargo run --release -p hearken-analysis --example train_sentiment -- speed      # messages a second, one core
//! cargo run --release -p hearken-analysis --example train_sentiment -- tune       # the tuning rows' table, writes nothing
//! cargo run --release -p hearken-analysis --example train_sentiment -- judge      # lines of standard input: language, tab, text
//! ```
//!
//! Reads the labelled rows in place (`HEARKEN_TEST_DATA`, else `../shared/data` beside the project) and the project's
//! own customer messages in `analysis/training`. Nothing is random: the same rows give the same file on one machine.
#![allow(clippy::print_stdout)] // a command for people; its table is its purpose

mod customer;
mod data;
mod fit;
mod report;
mod tally;

use std::path::Path;

fn main() {
    let command = std::env::args().nth(1).unwrap_or_default();
    let result = match command.as_str() {
        "train" => train(true),
        "tune" => train(false),
        "evaluate" => report::evaluate(),
        "speed" => report::speed(),
        "rows" => report::rows(),
        "judge" => report::judge(),
        _ => Err("usage: train_sentiment train|evaluate|speed|tune|judge|rows".to_owned()),
    };
    if let Err(reason) = result {
        eprintln!("train_sentiment: {reason}");
        std::process::exit(1);
    }
}

fn train(write: bool) -> Result<(), String> {
    let rows = data::load()?;
    // First without the tuning rows, which choose the temperature; then with them, at that temperature.
    let trial = fit::fit(rows.iter().filter(|row| row.part == data::Part::Train));
    let temperature = trial.temperature(rows.iter().filter(|row| row.part == data::Part::Tune));
    report::print_table("tuning rows, model without them", &rows, data::Part::Tune, |row| {
        trial.probabilities(&row.text, temperature)
    });
    println!("temperature {temperature:.3}");
    if !write {
        return Ok(());
    }
    let model = fit::fit(rows.iter().filter(|row| row.part != data::Part::Test));
    let bytes = model.to_bytes(temperature);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/sentiment.bin");
    std::fs::write(&path, &bytes).map_err(|err| format!("{}: {err}", path.display()))?;
    println!("wrote models/sentiment.bin, {} bytes; build again to embed it", bytes.len());
    Ok(())
}
