//! Languages other than English.
use super::MessageSentiment;
pub(super) fn score(_text: &str, _language: Option<&str>) -> Option<MessageSentiment> {
    None
}
