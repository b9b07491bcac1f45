//! The commented sample file that is the manual.

/// Every key with its meaning and its default, as TOML that loads and changes nothing. Keys without a default
/// are commented out with an example (`#key = …`).
pub fn sample() -> &'static str {
    include_str!("sample.toml")
}
