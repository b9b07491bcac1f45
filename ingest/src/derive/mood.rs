//! How the customer's mood developed, based on the messages as shown.

use hearken_model::document::DerivedMessage;
use hearken_model::{MoodChange, Role, Sentiment};

use super::Transcript;

/// The score to assume when upstream gave only a label.
const fn assumed_score(sentiment: Sentiment) -> f64 {
    match sentiment {
        Sentiment::Positive => 0.6,
        Sentiment::Neutral => 0.0,
        Sentiment::Negative => -0.6,
    }
}

/// The lowest sentiment of the customer's messages, and how the mood changed.
pub(super) fn course(
    transcript: &Transcript<'_>,
    messages: &[DerivedMessage],
) -> (Option<Sentiment>, Option<MoodChange>) {
    let by_customer = || {
        let said = transcript.iter().zip(messages);
        said.filter(|((_, _, message), _)| message.role == Role::User).map(|(_, derived)| derived)
    };
    // The variants are declared from positive to negative.
    let worst = by_customer().filter_map(|derived| derived.sentiment).max();
    let scores: Vec<f64> = by_customer()
        .filter_map(|derived| derived.sentiment_score.or(derived.sentiment.map(assumed_score)))
        .collect();
    (worst, MoodChange::from_scores(&scores))
}
