//! The checked answer: the endpoint may send anything.

use hearken_model::{Assessment, Sentiment};
use serde::Deserialize;

/// Bounds on the answer's texts, in characters. Longer ones are refused rather than cut: they are not what
/// was asked for.
pub(super) const DESCRIPTION_CHARS_MAX: usize = 500;
/// See [`DESCRIPTION_CHARS_MAX`].
pub(super) const TOPIC_CHARS_MAX: usize = 100;
/// See [`DESCRIPTION_CHARS_MAX`].
pub(super) const SUMMARY_CHARS_MAX: usize = 1_500;
/// See [`DESCRIPTION_CHARS_MAX`].
const KEYWORD_CHARS_MAX: usize = 100;
/// Most keywords.
pub(super) const KEYWORDS_MAX: usize = 12;

/// Why an answer that arrived cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// It does not follow the schema, or exceeds a bound.
    #[error("the answer is not what was asked for: {0}")]
    Garbage(String),
    /// It was cut off.
    #[error("the answer was cut off")]
    Truncated,
    /// The model, or a filter in front of it, refused to answer.
    #[error("the model refuses to answer")]
    Refused,
}

/// The answer as the schema describes it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawAnswer {
    sentiment: Sentiment,
    sentiment_description: String,
    csat: Option<u8>,
    csat_description: Option<String>,
    topic: String,
    summary: String,
    keywords: Vec<String>,
}

/// Reads an answer's text: an assessment within bounds that has every value, except perhaps `csat` and its
/// description.
pub(super) fn read(text: &str) -> Result<Assessment, Unusable> {
    let raw: RawAnswer = serde_json::from_str(text).map_err(|error| {
        // The error's own text quotes what it rejects, which is made of what people said; so leave it out.
        let place = (error.line(), error.column());
        Unusable::Garbage(format!("not JSON that follows the schema: line {}, column {}", place.0, place.1))
    })?;
    if raw.csat.is_some_and(|csat| !(1..=5).contains(&csat)) {
        return Err(Unusable::Garbage("`csat` is not from 1 to 5".to_owned()));
    }
    if raw.keywords.len() > KEYWORDS_MAX {
        return Err(Unusable::Garbage(format!("more than {KEYWORDS_MAX} keywords")));
    }
    let mut keywords: Vec<String> = Vec::new();
    for keyword in &raw.keywords {
        let keyword = bounded("keywords", keyword, KEYWORD_CHARS_MAX)?;
        if !keywords.iter().any(|known| known.to_lowercase() == keyword.to_lowercase()) {
            keywords.push(keyword);
        }
    }
    let csat_description = raw.csat_description.filter(|text| raw.csat.is_some() && !is_blank(text));
    Ok(Assessment {
        sentiment: Some(raw.sentiment),
        sentiment_description: Some(bounded(
            "sentiment_description",
            &raw.sentiment_description,
            DESCRIPTION_CHARS_MAX,
        )?),
        csat: raw.csat,
        csat_description: csat_description
            .map(|text| bounded("csat_description", &text, DESCRIPTION_CHARS_MAX))
            .transpose()?,
        topic: Some(bounded("topic", &raw.topic, TOPIC_CHARS_MAX)?),
        summary: Some(bounded("summary", &raw.summary, SUMMARY_CHARS_MAX)?),
        keywords: Some(keywords),
    })
}

fn is_blank(text: &str) -> bool {
    text.chars().all(|c| c.is_whitespace() || c.is_control())
}

/// The text on one line, without control characters; an error if it is blank or too long.
fn bounded(name: &str, text: &str, chars_max: usize) -> Result<String, Unusable> {
    if is_blank(text) {
        return Err(Unusable::Garbage(format!("`{name}` is blank")));
    }
    if text.chars().count() > chars_max {
        return Err(Unusable::Garbage(format!("`{name}` has more than {chars_max} characters")));
    }
    let plain: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    Ok(plain.split_whitespace().collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::{Value, json};

    fn good() -> Value {
        json!({"sentiment": "negative", "sentiment_description": "The parcel\n is late.", "csat": 2,
            "csat_description": "Nothing was resolved.", "topic": "Late delivery", "summary": "Asked for a parcel.",
            "keywords": ["late parcel", "Late Parcel", "refund"]})
    }

    fn with(name: &str, value: Value) -> Result<Assessment, Unusable> {
        let mut answer = good();
        answer[name] = value;
        read(&answer.to_string())
    }

    #[test]
    fn an_answer_of_the_schema_is_read_in_one_line_and_each_keyword_once() {
        let answer = read(&good().to_string()).unwrap();
        assert_eq!(answer.sentiment_description.as_deref(), Some("The parcel is late."));
        assert_eq!((answer.sentiment, answer.csat), (Some(Sentiment::Negative), Some(2)));
        assert_eq!(answer.keywords.unwrap(), ["late parcel", "refund"]);
        let unjudged = with("csat", Value::Null).unwrap();
        assert_eq!((unjudged.csat, unjudged.csat_description), (None, None), "no number, so no description");
    }

    #[test]
    fn anything_else_is_refused() {
        let long = "x".repeat(2_000);
        let wrong = [
            ("csat", json!(6)),
            ("csat", json!(0)),
            ("csat", json!("5")),
            ("csat", json!(4.5)),
            ("sentiment", json!("angry")),
            ("sentiment", Value::Null),
            ("topic", json!("")),
            ("topic", json!(" \u{0}\n")),
            ("topic", json!(long)),
            ("summary", json!(long)),
            ("summary", json!(["a"])),
            ("keywords", json!(["ok", 1])),
            ("keywords", json!([long])),
            ("keywords", json!(vec!["word"; 13])),
            ("rating", json!(5)),
        ];
        for (name, value) in wrong {
            assert!(matches!(with(name, value.clone()), Err(Unusable::Garbage(_))), "{name}: {value}");
        }
        for text in
            ["", "null", "[]", "Sure! Here is the JSON: {}", "```json\n{}\n```", "{\"sentiment\": \"pos"]
        {
            assert!(matches!(read(text), Err(Unusable::Garbage(_))), "{text}");
        }
    }
}
