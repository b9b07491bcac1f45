//! What can go wrong between Hearken and a cluster.

use hearken_index::SearchError;

/// Why an index on a cluster cannot be used or made.
#[derive(Debug, thiserror::Error)]
pub enum OpenSearchError {
    /// No client can be made of the options: an address, a certificate or a secret is malformed. Secrets are never shown.
    #[error("cannot set up the client of OpenSearch: {0}")]
    Options(String),
    /// No node answers, or one answers with an error.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// The index was never made.
    #[error("the cluster has no index with the alias `{0}`; run `hearken index prepare`")]
    NotPrepared(String),
    /// A new index was to be made, and one of its name is there.
    #[error(
        "the index `{0}` is there already, left by a rebuild that did not end; delete it on the cluster, unless that \
        rebuild is still running"
    )]
    LeftBehind(String),
    /// The index has other fields than this version of Hearken writes.
    #[error("the index `{index}` does not fit this version of Hearken: {}; run `hearken index rebuild`",
        differences.join("; "))]
    DoesNotFit {
        /// Its name.
        index: String,
        /// Where it differs.
        differences: Vec<String>,
    },
}

/// Why a request came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// No node answers.
    #[error("no node of the cluster answers: {0}")]
    Unreachable(String),
    /// The caller's time is up.
    #[error("the request took too long")]
    DeadlineExceeded,
    /// A node answers with an error.
    #[error("OpenSearch answers {status}: {kind}: {reason}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The error's type, or the types of its causes.
        kind: String,
        /// What it says.
        reason: String,
    },
    /// The answer is not what was expected.
    #[error("cannot read the answer of OpenSearch: {0}")]
    Unreadable(String),
}

/// What the errors are called that refuse a query for its cost.
const TOO_EXPENSIVE: [&str; 6] = [
    "too_many_clauses",
    "too_many_nested_clauses",
    "too_many_buckets",
    "too_complex_to_determinize",
    "circuit_breaking",
    "maxClauseCount",
];

impl From<RequestError> for SearchError {
    fn from(error: RequestError) -> SearchError {
        match &error {
            RequestError::DeadlineExceeded => SearchError::DeadlineExceeded,
            RequestError::Refused { kind, reason, .. }
                if TOO_EXPENSIVE.iter().any(|word| kind.contains(word) || reason.contains(word)) =>
            {
                SearchError::TooExpensive(
                    "a `*`, `~` or range stands for too many words, or there are too many conditions"
                        .to_owned(),
                )
            }
            RequestError::Unreachable(_) | RequestError::Refused { status: 429 | 503, .. } => {
                SearchError::Unavailable(Box::new(error))
            }
            RequestError::Refused { .. } | RequestError::Unreadable(_) => {
                SearchError::Engine(Box::new(error))
            }
        }
    }
}
