//! Errors as people read them.

/// An error and all its causes in one line: `cannot read the index: no such file`. For logs and messages; programs look at
/// the error itself.
pub fn error_chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |error| error.source());
    causes.fold(error.to_string(), |line, cause| format!("{line}: {cause}"))
}
