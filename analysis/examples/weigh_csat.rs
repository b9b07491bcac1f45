//! Prints the basis for the weights of CSAT's signs: their means and spreads for `src/csat/signs.rs`, how
//! each correlates with what people said, and whether learned weights would do better on an unseen source.
//!
//! ```text
//! cargo run --release -p hearken-analysis --example weigh_csat
//! ```
//!
//! Reads the labelled dialogues in place (`HEARKEN_TEST_DATA`, else `../shared/data` beside the project). Nothing is
//! random.
#![allow(clippy::print_stdout, clippy::unwrap_used, dead_code)] // a command for people; its table is its purpose

#[path = "../tests/quality/data.rs"]
mod data;
#[path = "../tests/quality/spearman.rs"]
mod spearman;

use data::{DIALOGUE_FILES, Dialogue, Half, dialogues, folder};
use hearken_analysis::{Analyzer, Conversation, Utterance};
use hearken_model::{Role, Status};
use spearman::{ranks, spearman};

/// Dialogues per source that go into the means and spreads, so that all sources count alike.
const SPREAD_DIALOGUES: usize = 300;

/// A sign counts for at most this many spreads, as in `src/csat/signs.rs`.
const DEVIATION_MAX: f64 = 2.5;

/// How strongly learned weights are pulled towards equal ones.
const RIDGES: [f64; 4] = [0.1, 1.0, 10.0, 100.0];

/// What somebody said about a dialogue, or about its outcome.
struct Label {
    name: &'static str,
    file: &'static str,
    of: fn(&Dialogue) -> Option<f64>,
    /// Whether the other of the two speakers is the customer.
    swapped: bool,
}

const LABELS: [Label; 4] = [
    Label {
        name: "casino, one side's satisfaction",
        file: "casino",
        of: |dialogue| dialogue.labels["csat_user"].as_f64(),
        swapped: false,
    },
    Label {
        name: "casino, the other's",
        file: "casino",
        of: |dialogue| dialogue.labels["csat_assistant"].as_f64(),
        swapped: true,
    },
    Label {
        name: "sgd, booking worked",
        file: "sgd",
        of: |dialogue| match dialogue.labels["last_transaction"].as_str()? {
            "success" => Some(1.0),
            "failure" => Some(0.0),
            _ => None,
        },
        swapped: false,
    },
    Label {
        name: "traces, last step right",
        file: "taskmaster_traces",
        of: |dialogue| dialogue.labels["last_step_correct"].as_bool().map(|is| f64::from(u8::from(is))),
        swapped: false,
    },
];

/// The label and the signs' deviations for each dialogue.
struct Source {
    label: &'static Label,
    signs: Vec<Vec<f64>>,
    said: Vec<f64>,
    halves: Vec<Half>,
}

fn main() {
    let Some(folder) = folder() else { return };
    let analyzer = Analyzer::built_in();
    let mut samples: Vec<Vec<f64>> = Vec::new();
    for name in DIALOGUE_FILES {
        let all = dialogues(&folder, name);
        let step = (all.len() / SPREAD_DIALOGUES).max(1);
        let both_sides = |dialogue: &&Dialogue| {
            [Role::User, Role::Assistant].iter().all(|role| dialogue.turns.iter().any(|turn| turn.0 == *role))
        };
        samples.extend(all.iter().filter(both_sides).step_by(step).map(|one| signs(&analyzer, one, false)));
    }
    let names = analyzer.signs(&conversation(&[])).map(|(name, ..)| name);
    let spreads: Vec<(f64, f64)> = (0..names.len()).map(|n| mean_and_spread(&samples, n)).collect();
    let sources: Vec<Source> = LABELS
        .iter()
        .map(|label| source(&analyzer, label, &dialogues(&folder, label.file), &spreads))
        .collect();

    println!("            sign    mean  spread   rank correlation by label");
    for (n, name) in names.iter().enumerate() {
        let by_source: Vec<String> =
            sources.iter().map(|source| format!("{:6.2}", source.follows(|signs| signs[n], None))).collect();
        println!("{name:>16} {:7.2} {:7.2}   {}", spreads[n].0, spreads[n].1, by_source.join(" "));
    }
    println!("\nall signs alike (read half, unread half, both):");
    for source in &sources {
        let sum = |signs: &[f64]| signs.iter().sum::<f64>();
        let [read, unread, both] =
            [Some(Half::Read), Some(Half::Unread), None].map(|half| source.follows(sum, half));
        println!("{:>32} {read:6.3} {unread:6.3} {both:6.3}", source.label.name);
    }
    println!("\nlearned on the other files, drawn to equal weights by a ridge of {RIDGES:?}:");
    for source in &sources {
        let others: Vec<&Source> =
            sources.iter().filter(|other| other.label.file != source.label.file).collect();
        let by_ridge = RIDGES.map(|ridge| {
            let weights = learn(&others, ridge);
            source.follows(|signs| signs.iter().zip(&weights).map(|(sign, weight)| sign * weight).sum(), None)
        });
        let printed = by_ridge.map(|value| format!("{value:6.3}")).join(" ");
        println!("{:>32} {printed}", source.label.name);
    }
}

fn conversation<'a>(utterances: &'a [Utterance<'a>]) -> Conversation<'a> {
    Conversation { utterances, status: Status::Finished, ended: true, end_reason: None, language: None }
}

fn signs(analyzer: &Analyzer, dialogue: &Dialogue, swapped: bool) -> Vec<f64> {
    let role_of = |role: Role| match role {
        Role::User if swapped => Role::Assistant,
        Role::Assistant if swapped => Role::User,
        other => other,
    };
    let utterances: Vec<Utterance<'_>> = dialogue
        .turns
        .iter()
        .map(|(role, text)| Utterance { id: "", role: role_of(*role), text, at_ms: 0, given_mood: None })
        .collect();
    analyzer.signs(&conversation(&utterances)).map(|(.., value)| f64::from(value)).to_vec()
}

fn mean_and_spread(samples: &[Vec<f64>], n: usize) -> (f64, f64) {
    let count = samples.len() as f64;
    let mean = samples.iter().map(|sample| sample[n]).sum::<f64>() / count;
    let variance = samples.iter().map(|sample| (sample[n] - mean).powi(2)).sum::<f64>() / count;
    (mean, variance.sqrt())
}

fn source(
    analyzer: &Analyzer,
    label: &'static Label,
    dialogues: &[Dialogue],
    spreads: &[(f64, f64)],
) -> Source {
    let mut source = Source { label, signs: Vec::new(), said: Vec::new(), halves: Vec::new() };
    for dialogue in dialogues {
        let Some(said) = (label.of)(dialogue) else { continue };
        let deviation = |(value, (mean, spread)): (f64, &(f64, f64))| {
            ((value - mean) / spread).clamp(-DEVIATION_MAX, DEVIATION_MAX)
        };
        let values = signs(analyzer, dialogue, label.swapped);
        source.signs.push(values.into_iter().zip(spreads).map(deviation).collect());
        source.said.push(said);
        source.halves.push(dialogue.half());
    }
    source
}

impl Source {
    /// How well an estimate correlates with the label, over one half or over all.
    fn follows(&self, estimate: impl Fn(&[f64]) -> f64, half: Option<Half>) -> f64 {
        let rows = self.signs.iter().zip(&self.said).zip(&self.halves);
        let pairs: Vec<(f64, f64)> = rows
            .filter(|(_, of)| half.is_none_or(|half| half == **of))
            .map(|((signs, said), _)| (*said, estimate(signs)))
            .collect();
        spearman(&pairs)
    }
}

/// Weights by least squares on the ranks of the labels: none below zero, and each source counts alike.
fn learn(sources: &[&Source], ridge: f64) -> Vec<f64> {
    let count = sources[0].signs[0].len();
    let equal = 1.0 / count as f64;
    let mut products = vec![vec![0.0; count]; count];
    let mut targets = vec![ridge * equal; count];
    (0..count).for_each(|n| products[n][n] = ridge);
    for source in sources {
        let rows = source.signs.len() as f64;
        let means: Vec<f64> =
            (0..count).map(|n| source.signs.iter().map(|signs| signs[n]).sum::<f64>() / rows).collect();
        let said = ranks(source.said.clone());
        let middle = said.iter().sum::<f64>() / rows;
        let spread = (said.iter().map(|rank| (rank - middle).powi(2)).sum::<f64>() / rows).sqrt();
        for (signs, rank) in source.signs.iter().zip(&said) {
            let centred: Vec<f64> = signs.iter().zip(&means).map(|(sign, mean)| sign - mean).collect();
            let aim = (rank - middle) / spread;
            for n in 0..count {
                targets[n] += centred[n] * aim / rows;
                (0..count).for_each(|m| products[n][m] += centred[n] * centred[m] / rows);
            }
        }
    }
    // Projected gradient descent; the trace bounds the largest eigenvalue.
    let step = 1.0 / (0..count).map(|n| products[n][n]).sum::<f64>();
    let mut weights = vec![equal; count];
    for _ in 0..20_000 {
        let slopes: Vec<f64> = (0..count)
            .map(|n| products[n].iter().zip(&weights).map(|(product, weight)| product * weight).sum::<f64>())
            .collect();
        for n in 0..count {
            weights[n] = (weights[n] - step * (slopes[n] - targets[n])).max(0.0);
        }
    }
    weights
}
