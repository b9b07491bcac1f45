//! One request to an OpenAI-compatible endpoint.

use std::time::Duration;

use chrono::{DateTime, Utc};
use hearken_model::{Assessment, Usage};
use reqwest::header::{AUTHORIZATION, HeaderValue, RETRY_AFTER};
use reqwest::{Response, StatusCode, redirect};
use serde::Deserialize;

use super::answer::{self, Unusable};
use super::excerpt::Excerpt;
use super::question;
use crate::Taxonomy;

/// Most bytes of a response; a longer one cannot be what was asked for.
const RESPONSE_BYTES_MAX: usize = 1024 * 1024;
/// Most characters of the endpoint's error code that are quoted.
const CODE_CHARS_MAX: usize = 60;
/// About this many bytes make a token in English, fewer in other languages; used if the endpoint reports no
/// usage.
const BYTES_PER_TOKEN: u64 = 3;
/// Most tokens in an answer that follows the schema, without reasoning.
const ANSWER_TOKENS: u64 = 1_000;

/// Where to find the model.
#[derive(Clone)]
pub struct Endpoint {
    /// Base of the API, `http` or `https`, without a trailing slash: `<url>/chat/completions` is called.
    pub url: String,
    /// The model to ask for.
    pub model: String,
    /// The key, sent as a bearer token; `None` sends none.
    pub api_key: Option<String>,
    /// Applies to one request.
    pub timeout: Duration,
}

/// Why an endpoint cannot be used at all.
#[derive(Debug, thiserror::Error)]
pub enum EndpointError {
    /// The key has characters that a header cannot carry. The error never holds the key.
    #[error(
        "the API key of the LLM endpoint has characters that cannot be sent in a header; is it the right file?"
    )]
    Key,
    /// TLS or the resolver cannot be set up.
    #[error("cannot set up the client of the LLM endpoint")]
    Client(#[source] reqwest::Error),
}

/// Asks one model at one endpoint. Cheap to clone. No `Debug` output and no error contains the key.
#[derive(Debug, Clone)]
pub struct LlmClient {
    http: reqwest::Client,
    url: String,
    model: String,
    authorization: Option<HeaderValue>,
    instructions: String,
}

/// The endpoint's response to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The analysis, or why the response is not one.
    pub answer: Result<Assessment, Unusable>,
    /// The tokens used, as the endpoint counts them.
    pub usage: Option<Usage>,
}

/// Why there is no reply.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AskError {
    /// The endpoint cannot be reached, is overloaded or broken, or took too long: a retry may succeed.
    #[error("the LLM endpoint is not available: {reason}")]
    Unavailable {
        /// What happened.
        reason: String,
        /// How long the endpoint asks to wait.
        retry_after: Option<Duration>,
        /// Whether the request probably arrived and may be charged for, although nothing came back.
        may_be_billed: bool,
    },
    /// The endpoint rejects the request: a wrong key, an unknown model, an unsupported feature.
    #[error("the LLM endpoint rejects the request: status {status}{}", code.as_ref().map(|code| format!(", `{code}`")).unwrap_or_default())]
    Rejected {
        /// The HTTP status.
        status: u16,
        /// The endpoint's own error code.
        code: Option<String>,
    },
}

impl AskError {
    /// How long the endpoint asks to wait, if it does.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            AskError::Unavailable { retry_after, .. } => *retry_after,
            AskError::Rejected { .. } => None,
        }
    }
}

/// The parts of a chat completion that matter.
#[derive(Deserialize)]
struct Completion {
    choices: Vec<Choice>,
    usage: Option<RawUsage>,
}

#[derive(Deserialize)]
struct Choice {
    finish_reason: Option<String>,
    message: RawMessage,
}

#[derive(Deserialize)]
struct RawMessage {
    content: Option<String>,
    refusal: Option<String>,
}

/// `prompt_tokens` includes the cached ones, `completion_tokens` those spent on reasoning.
#[derive(Deserialize)]
struct RawUsage {
    #[serde(default)]
    prompt_tokens: u64,
    #[serde(default)]
    completion_tokens: u64,
    prompt_tokens_details: Option<RawDetails>,
}

#[derive(Deserialize)]
struct RawDetails {
    cached_tokens: Option<u64>,
}

#[derive(Deserialize)]
struct RawError {
    error: RawErrorBody,
}

#[derive(Deserialize)]
struct RawErrorBody {
    code: Option<serde_json::Value>,
    #[serde(rename = "type")]
    kind: Option<serde_json::Value>,
}

impl LlmClient {
    /// A client that offers the taxonomy's topics to the model.
    ///
    /// # Errors
    /// See [`EndpointError`]; this sends nothing.
    pub fn new(endpoint: Endpoint, taxonomy: &Taxonomy) -> Result<Self, EndpointError> {
        let authorization = endpoint.api_key.map(|key| {
            let mut value = HeaderValue::try_from(format!("Bearer {key}")).map_err(|_| EndpointError::Key)?;
            value.set_sensitive(true);
            Ok(value)
        });
        let http = reqwest::Client::builder()
            .timeout(endpoint.timeout)
            // Conversations go only where the operator said.
            .redirect(redirect::Policy::none())
            .user_agent(concat!("hearken/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(EndpointError::Client)?;
        Ok(LlmClient {
            http,
            url: format!("{}/chat/completions", endpoint.url.trim_end_matches('/')),
            model: endpoint.model,
            authorization: authorization.transpose()?,
            instructions: question::instructions(taxonomy.topics.iter().map(|topic| topic.name.as_str())),
        })
    }

    /// The model's name.
    pub fn model(&self) -> &str {
        &self.model
    }

    /// What a request with this excerpt probably uses, if the endpoint reports no usage.
    pub fn estimate(&self, excerpt: &Excerpt) -> Usage {
        let bytes = (self.instructions.len() + excerpt.as_json().len()) as u64;
        Usage { input_tokens: bytes / BYTES_PER_TOKEN, cached_input_tokens: 0, output_tokens: ANSWER_TOKENS }
    }

    /// Asks once.
    ///
    /// # Errors
    /// There is no reply. A reply that is not an analysis is no error here, because it has used tokens.
    pub async fn ask(&self, excerpt: &Excerpt) -> Result<Reply, AskError> {
        let body = question::request(&self.model, &self.instructions, excerpt);
        let mut request = self.http.post(&self.url).json(&body);
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization.clone());
        }
        let response = request.send().await.map_err(unavailable)?;
        let status = response.status();
        if status.is_success() {
            return Ok(read_reply(&read_body(response).await?));
        }
        let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| wait_of(value, Utc::now()));
        if is_passing(status) {
            let reason = format!("status {}", status.as_u16());
            return Err(AskError::Unavailable { reason, retry_after, may_be_billed: false });
        }
        let body = read_body(response).await.unwrap_or_default();
        Err(AskError::Rejected {
            status: status.as_u16(),
            code: error_code(&body, self.authorization.as_ref()),
        })
    }
}

/// 408 and 429 ask to wait, and a server error may soon be fixed.
fn is_passing(status: StatusCode) -> bool {
    status.is_server_error() || matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT)
}

fn unavailable(error: reqwest::Error) -> AskError {
    let what = match () {
        () if error.is_timeout() => "it took too long",
        () if error.is_connect() => "it cannot be reached",
        () => "the connection broke",
    };
    // The innermost cause is the most specific (`Connection refused`, `certificate verify failed`).
    let mut cause: &dyn std::error::Error = &error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    let reason = match error.is_timeout() {
        true => what.to_owned(),
        false => format!("{what}: {}", cause.to_string().chars().take(200).collect::<String>()),
    };
    AskError::Unavailable { reason, retry_after: None, may_be_billed: !error.is_connect() }
}

async fn read_body(mut response: Response) -> Result<Vec<u8>, AskError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(unavailable)? {
        body.extend_from_slice(&chunk);
        if body.len() > RESPONSE_BYTES_MAX {
            body.truncate(RESPONSE_BYTES_MAX); // no longer valid JSON, and refused as such
            break;
        }
    }
    Ok(body)
}

fn read_reply(body: &[u8]) -> Reply {
    let completion: Completion = match serde_json::from_slice(body) {
        Ok(completion) => completion,
        Err(_) => {
            let why = "the body is not a chat completion".to_owned();
            return Reply { answer: Err(Unusable::Garbage(why)), usage: None };
        }
    };
    let usage = completion.usage.map(|usage| Usage {
        input_tokens: usage.prompt_tokens,
        cached_input_tokens: usage
            .prompt_tokens_details
            .and_then(|details| details.cached_tokens)
            .unwrap_or(0),
        output_tokens: usage.completion_tokens,
    });
    Reply { answer: read_choice(completion.choices.into_iter().next()), usage }
}

fn read_choice(choice: Option<Choice>) -> Result<Assessment, Unusable> {
    let Some(Choice { finish_reason, message }) = choice else {
        return Err(Unusable::Garbage("it has no choices".to_owned()));
    };
    match (finish_reason.as_deref(), message) {
        (Some("length"), _) => Err(Unusable::Truncated),
        (Some("content_filter"), _) => Err(Unusable::Refused),
        (_, RawMessage { refusal: Some(refusal), .. }) if !refusal.is_empty() => Err(Unusable::Refused),
        (_, RawMessage { content: Some(content), .. }) => answer::read(&content),
        (_, RawMessage { content: None, .. }) => Err(Unusable::Garbage("it has no text".to_owned())),
    }
}

/// Parses `Retry-After`: seconds, or an HTTP date.
fn wait_of(value: &HeaderValue, now: DateTime<Utc>) -> Option<Duration> {
    let text = value.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = DateTime::parse_from_rfc2822(text).ok()?;
    Some((until.with_timezone(&Utc) - now).to_std().unwrap_or_default())
}

/// The code or type of the endpoint's error, if it looks like one. The error's message is not quoted: some
/// repeat the request, and with it what people said.
fn error_code(body: &[u8], authorization: Option<&HeaderValue>) -> Option<String> {
    let RawErrorBody { code, kind } = serde_json::from_slice::<RawError>(body).ok()?.error;
    let is_code = |text: &&str| {
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        !text.is_empty() && text.len() <= CODE_CHARS_MAX && text.chars().all(fits)
    };
    let is_key = |text: &&str| {
        authorization.is_some_and(|value| String::from_utf8_lossy(value.as_bytes()).contains(text))
    };
    let texts = [&code, &kind].map(|value| value.as_ref().and_then(|value| value.as_str()));
    texts.into_iter().flatten().find(|text| is_code(text) && !is_key(text)).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_patience_that_is_asked_for_is_read_in_both_forms() {
        let now = DateTime::parse_from_rfc3339("2026-05-01T12:00:00Z").unwrap().with_timezone(&Utc);
        let wait = |text: &str| wait_of(&HeaderValue::from_str(text).unwrap(), now);
        assert_eq!(wait("7"), Some(Duration::from_secs(7)));
        assert_eq!(wait("Fri, 01 May 2026 12:00:30 GMT"), Some(Duration::from_secs(30)));
        assert_eq!(wait("Fri, 01 May 2026 11:00:00 GMT"), Some(Duration::ZERO), "already over");
        assert_eq!(wait("soon"), None);
    }

    #[test]
    fn an_error_code_is_repeated_only_if_it_is_one_and_not_the_key() {
        let code =
            |body: &str| error_code(body.as_bytes(), Some(&HeaderValue::from_static("Bearer sk-secret-1")));
        assert_eq!(code(r#"{"error": {"code": "model_not_found"}}"#).as_deref(), Some("model_not_found"));
        assert_eq!(code(r#"{"error": {"code": 404, "type": "not_found"}}"#).as_deref(), Some("not_found"));
        assert_eq!(code(r#"{"error": {"code": "sk-secret-1", "type": "my card is 4111"}}"#), None);
        assert_eq!(code("<html>"), None);
    }
}
