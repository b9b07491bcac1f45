//! Who gets in.

use axum::http::request::Parts;

use super::caller::Caller;
use crate::problem::Problem;

/// Tells who sent a request.
#[derive(Debug, Default)]
pub struct Gate {}

impl Gate {
    /// Who sent this request.
    ///
    /// # Errors
    /// `unauthorized`.
    pub(super) fn caller(&self, _: &Parts) -> Result<Caller, Problem> {
        Ok(Caller::anybody())
    }
}
