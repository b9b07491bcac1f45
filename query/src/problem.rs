//! Errors as users see them: RFC 9457 problem details with a stable `code`.

use std::time::Duration;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use hearken_index::SearchError;
use hearken_model::error_chain;
use serde::Serialize;

use crate::language::ParseError;
use crate::parameters::{InvalidCursor, ParameterError};

/// Every code that an answer may carry, with its status and title.
pub const CODES: &[(&str, StatusCode, &str)] = &[
    ("invalid_query", StatusCode::BAD_REQUEST, "The query cannot be parsed"),
    ("unknown_field", StatusCode::BAD_REQUEST, "The query names an unknown field"),
    (
        "invalid_query_value",
        StatusCode::BAD_REQUEST,
        "The query compares a field with a value that it cannot hold",
    ),
    ("query_too_large", StatusCode::BAD_REQUEST, "The query is too large"),
    ("query_too_expensive", StatusCode::BAD_REQUEST, "The query would cost too much"),
    ("invalid_search", StatusCode::BAD_REQUEST, "The search is not possible"),
    ("unknown_parameter", StatusCode::BAD_REQUEST, "Unknown parameter"),
    ("invalid_parameter", StatusCode::BAD_REQUEST, "Invalid parameter"),
    ("invalid_body", StatusCode::BAD_REQUEST, "The body cannot be understood"),
    ("invalid_cursor", StatusCode::BAD_REQUEST, "The cursor does not belong to this search"),
    ("cursor_expired", StatusCode::GONE, "The cursor has expired"),
    ("unauthorized", StatusCode::UNAUTHORIZED, "A valid key is needed"),
    ("forbidden", StatusCode::FORBIDDEN, "The key does not permit this"),
    ("too_many_attempts", StatusCode::TOO_MANY_REQUESTS, "Too many wrong keys"),
    ("unknown_host", StatusCode::MISDIRECTED_REQUEST, "This server has another name"),
    ("cross_origin", StatusCode::FORBIDDEN, "Requests from other sites are refused"),
    ("view_exists", StatusCode::CONFLICT, "There is already a view with this name"),
    ("too_many_views", StatusCode::CONFLICT, "There are too many views"),
    ("too_many_matches", StatusCode::CONFLICT, "Too much would be erased at once"),
    ("not_found", StatusCode::NOT_FOUND, "Not found"),
    ("method_not_allowed", StatusCode::METHOD_NOT_ALLOWED, "Method not allowed"),
    ("request_timeout", StatusCode::REQUEST_TIMEOUT, "The body took too long"),
    ("body_too_large", StatusCode::PAYLOAD_TOO_LARGE, "The body is too large"),
    ("unknown_encoding", StatusCode::UNSUPPORTED_MEDIA_TYPE, "The body's encoding is not supported"),
    ("uri_too_long", StatusCode::URI_TOO_LONG, "The address is too long"),
    ("too_many_events", StatusCode::TOO_MANY_REQUESTS, "Too many events per second"),
    ("too_many_searches", StatusCode::TOO_MANY_REQUESTS, "Too many searches at once"),
    ("search_timeout", StatusCode::SERVICE_UNAVAILABLE, "The search took too long"),
    ("index_unavailable", StatusCode::SERVICE_UNAVAILABLE, "The index does not answer"),
    ("audit_unavailable", StatusCode::SERVICE_UNAVAILABLE, "The audit log cannot be written"),
    ("not_durable", StatusCode::SERVICE_UNAVAILABLE, "The events could not be made durable"),
    ("erasure_failed", StatusCode::SERVICE_UNAVAILABLE, "The erasure is not complete"),
    ("internal", StatusCode::INTERNAL_SERVER_ERROR, "Something failed on the server"),
];

/// An error for users. What only operators should know is logged where it is turned into this.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// A short sentence for the code.
    pub title: &'static str,
    /// The HTTP status.
    #[serde(serialize_with = "as_number")]
    pub status: StatusCode,
    /// One of [`CODES`].
    pub code: &'static str,
    /// What is wrong in this case.
    pub detail: String,
    /// Position in `q`, in characters from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<usize>,
    /// How to fix it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// The parameter that is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parameter: Option<Box<str>>,
    /// Seconds to wait before a retry.
    #[serde(skip)]
    pub retry_after: Option<u16>,
}

fn as_number<S: serde::Serializer>(status: &StatusCode, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u16(status.as_u16())
}

impl Problem {
    /// A problem with this code, which must be one of [`CODES`].
    pub fn new(code: &'static str, detail: impl Into<String>) -> Self {
        let known = CODES.iter().find(|(known, ..)| *known == code);
        debug_assert!(known.is_some(), "`{code}` is missing in CODES");
        let (status, title) = known.map_or((StatusCode::INTERNAL_SERVER_ERROR, ""), |(_, s, t)| (*s, *t));
        Problem {
            title,
            status,
            code,
            detail: detail.into(),
            position: None,
            hint: None,
            parameter: None,
            retry_after: None,
        }
    }

    /// There is no such interaction, or none that the caller may know about.
    pub fn no_such_interaction() -> Self {
        Problem::new("not_found", "there is no interaction with this id")
    }

    /// A sender exceeds its rate of events.
    pub fn too_many_events(wait: Duration) -> Self {
        let detail =
            "this key sent more events than `http.events_per_second` allows; none of these were accepted";
        let seconds = u16::try_from(wait.as_secs_f64().ceil() as u64).unwrap_or(u16::MAX);
        Problem { retry_after: Some(seconds), ..Problem::new("too_many_events", detail) }
    }

    /// The search pool is full.
    pub fn too_many_searches() -> Self {
        let detail = "all places to run or wait for a search are taken; try again in a moment";
        Problem { retry_after: Some(1), ..Problem::new("too_many_searches", detail) }
    }

    /// All places for exports or event streams are taken.
    pub fn too_many(what: &str, max: usize) -> Self {
        let detail = format!("all {max} places for {what} are taken; try again when one has ended");
        Problem { retry_after: Some(5), ..Problem::new("too_many_searches", detail) }
    }

    /// The search passed its deadline.
    pub fn search_timeout() -> Self {
        let detail = "the search was stopped at its deadline; narrow it by time, filters or rarer words";
        Problem { retry_after: Some(5), ..Problem::new("search_timeout", detail) }
    }

    /// Events could not be made durable, or not in time.
    pub fn not_durable(detail: impl Into<String>) -> Self {
        let hint = "send them again; duplicates count once";
        Problem { retry_after: Some(1), ..Problem::new("not_durable", detail).hint(Some(hint.to_owned())) }
    }

    /// A route with a single parameter was given another one.
    pub(crate) fn only_parameter(known: &str, asked: &str) -> Self {
        let problem = Problem::new("unknown_parameter", format!("only `{known}` is allowed here"));
        Problem { parameter: Some(asked.chars().take(64).collect()), ..problem }
    }

    /// A failure that users can do nothing about. The cause is logged, not shown.
    pub fn internal(cause: &dyn std::error::Error) -> Self {
        tracing::error!(cause = error_chain(cause), "a request failed");
        Problem::new("internal", "the cause is in the server's log")
    }

    fn hint(mut self, hint: Option<String>) -> Self {
        self.hint = hint;
        self
    }
}

impl From<ParseError> for Problem {
    fn from(error: ParseError) -> Self {
        let problem = Problem::new(error.kind.code(), error.message).hint(error.hint);
        Problem { position: Some(error.position), parameter: Some("q".into()), ..problem }
    }
}

impl From<ParameterError> for Problem {
    fn from(error: ParameterError) -> Self {
        let problem = Problem::new(error.kind.code(), error.message).hint(error.hint);
        Problem { parameter: error.parameter.map(String::into_boxed_str), ..problem }
    }
}

impl From<InvalidCursor> for Problem {
    fn from(error: InvalidCursor) -> Self {
        let problem = Problem::new("invalid_cursor", error.to_string());
        let hint = "keep the query, filters and sort unchanged, or start without a cursor";
        Problem { parameter: Some("cursor".into()), ..problem.hint(Some(hint.to_owned())) }
    }
}

impl From<SearchError> for Problem {
    fn from(error: SearchError) -> Self {
        match &error {
            SearchError::DeadlineExceeded => Problem::search_timeout(),
            SearchError::TooExpensive(reason) => Problem::new("query_too_expensive", reason.clone()),
            SearchError::CursorExpired => Problem::new(
                "cursor_expired",
                "cursors of pages by relevance expire after 60 s; search again",
            ),
            SearchError::Invalid(reason) => Problem::new("invalid_search", reason.clone()),
            SearchError::Unavailable(_) => {
                tracing::warn!(cause = error_chain(&error), "the index does not answer");
                let detail =
                    "the cluster that holds the index is unreachable or too busy; try again in a moment";
                Problem { retry_after: Some(5), ..Problem::new("index_unavailable", detail) }
            }
            SearchError::Engine(_) => Problem::internal(&error),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let mut response = (self.status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"hearken\""));
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
