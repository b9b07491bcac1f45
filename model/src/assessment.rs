//! How an interaction went, as upstream, a language model or detection assesses it.

use serde::{Deserialize, Serialize};

use crate::Sentiment;

/// What upstream, a language model or detection says of a whole interaction. `None` is "not said", or too little to judge
/// by.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assessment {
    /// Satisfaction, 1 to 5.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub csat: Option<u8>,
    /// Why `csat` is what it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub csat_description: Option<String>,
    /// A short name of what it was about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
    /// What was asked, what was done, how it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    /// The customer's mood over the whole interaction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sentiment: Option<Sentiment>,
    /// Why `sentiment` is what it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sentiment_description: Option<String>,
    /// Key phrases, best first. `Some` of an empty list says that there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keywords: Option<Vec<String>>,
}

impl Assessment {
    /// This assessment, completed by another one wherever it says nothing. A description belongs to the value that it
    /// describes: nobody else explains it.
    #[must_use]
    pub fn or(self, other: Assessment) -> Assessment {
        let described = |is_own: bool, own: Option<String>, others: Option<String>| {
            own.or(if is_own { None } else { others })
        };
        Assessment {
            csat_description: described(self.csat.is_some(), self.csat_description, other.csat_description),
            csat: self.csat.or(other.csat),
            topic: self.topic.or(other.topic),
            summary: self.summary.or(other.summary),
            sentiment_description: described(
                self.sentiment.is_some(),
                self.sentiment_description,
                other.sentiment_description,
            ),
            sentiment: self.sentiment.or(other.sentiment),
            keywords: self.keywords.or(other.keywords),
        }
    }

    /// Whether each of the five values is there; descriptions and an empty list of keywords count as little as they say.
    pub fn is_complete(&self) -> bool {
        let Assessment { csat, topic, summary, sentiment, keywords, .. } = self;
        csat.is_some() && topic.is_some() && summary.is_some() && sentiment.is_some() && keywords.is_some()
    }

    /// Whether none of the five values is there.
    pub fn is_empty(&self) -> bool {
        let Assessment { csat, topic, summary, sentiment, keywords, .. } = self;
        csat.is_none() && topic.is_none() && summary.is_none() && sentiment.is_none() && keywords.is_none()
    }
}
