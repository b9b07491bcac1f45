//! Precision, recall, F1 and calibration of three labels. Shared by the trainer and by the test that sets a
//! floor.

use hearken_analysis::sentiment::{MessageSentiment, Sentiment};

/// Confusion counts and calibration of one source.
#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) confusion: [[u32; 3]; 3],
    /// Per tenth of confidence: rows, right answers, summed confidence.
    bins: [(u32, u32, f32); 10],
    /// Summed log loss.
    pub(crate) loss: f32,
}

impl Tally {
    pub(crate) fn add(&mut self, label: usize, probabilities: [f32; 3]) {
        let guess =
            (0..3).fold(1, |best, idx| if probabilities[idx] > probabilities[best] { idx } else { best });
        self.confusion[label][guess] += 1;
        self.loss -= probabilities[label].max(1e-6).ln();
        let bin = &mut self.bins[((probabilities[guess] * 10.0) as usize).min(9)];
        bin.0 += 1;
        bin.1 += u32::from(guess == label);
        bin.2 += probabilities[guess];
    }

    pub(crate) fn total(&self) -> u32 {
        self.confusion.iter().flatten().sum()
    }

    /// Precision, recall and F1 of a label.
    pub(crate) fn scores(&self, label: usize) -> (f32, f32, f32) {
        let right = self.confusion[label][label] as f32;
        let guessed: u32 = self.confusion.iter().map(|row| row[label]).sum();
        let actual: u32 = self.confusion[label].iter().sum();
        let precision = right / (guessed as f32).max(1.0);
        let recall = right / (actual as f32).max(1.0);
        (precision, recall, 2.0 * precision * recall / (precision + recall).max(1e-9))
    }

    pub(crate) fn macro_f1(&self) -> f32 {
        (0..3).map(|label| self.scores(label).2).sum::<f32>() / 3.0
    }

    /// Expected calibration error: the mean gap between confidence and accuracy.
    pub(crate) fn calibration_error(&self) -> f32 {
        let off: f32 =
            self.bins.iter().map(|(_, right, confidence)| (*right as f32 - confidence).abs()).sum();
        off / (self.total() as f32).max(1.0)
    }
}

/// An answer as probabilities of negative, neutral and positive; no answer counts as a certain neutral.
pub(crate) fn spread(found: Option<MessageSentiment>) -> [f32; 3] {
    let Some(found) = found else { return [0.0, 1.0, 0.0] };
    let rest = 0.5 * (1.0 - found.confidence);
    match found.sentiment {
        Sentiment::Negative => [found.confidence, rest, rest],
        Sentiment::Neutral => [rest, found.confidence, rest],
        Sentiment::Positive => [rest, rest, found.confidence],
    }
}
