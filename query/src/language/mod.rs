//! The query language: text in, a [`Query`](hearken_index::query::Query) out, and back.
//!
//! ```text
//! query   = or
//! or      = and (("OR" | "||") and)*
//! and     = not (["AND" | "&&"] not)*     adjacent words are all required
//! not     = "+" not                       `+`, `-` and `!` only at the beginning of a word
//!         | ("NOT" | "-" | "!") not
//!         | item
//! item    = "(" or ")" | name ":" value | words
//! words   = word | word"*" | word"~"[1|2] | "*" | '"' phrase '"' ["~" slop]
//! value   = "(" or ")" | words            the name applies to everything in the parentheses
//!         | "*"                           any value at all
//!         | ("<" | "<=" | ">" | ">=" | "=") bound
//!         | ("[" | "{") bound "TO" bound ("]" | "}")
//! ```
//!
//! `NOT` binds tighter than `AND`; `AND` and mere juxtaposition bind tighter than `OR`: `a b OR c` is `(a AND b) OR c`.
//! The three keywords are upper case. `+` marks what follows as required, which it is anyway. A backslash takes the
//! next character literally. Curly quotation marks count as quotation marks. `?` and other punctuation separate words
//! and mean nothing; a part without any word is left out, and a query with nothing else is an error, never
//! "everything". Only an empty query and `*` mean that. Where other languages give a meaning to `or`, `refund^2`,
//! `re?und` or `/regex/`, they are read as words here, with a [`Notice`].
//!
//! `word~` allows two edits, as in Lucene. Dates stand for the whole day (`2026-05-01`), month (`2026-05`) or year
//! (`2026`) in UTC; durations are seconds, or `90s`, `5m`, `1h`.
//!
//! Parsing takes linear time. [`QUERY_BYTES_MAX`], [`DEPTH_MAX`] and [`LEAVES_MAX`] bound its input.

mod bounds;
mod doubts;
mod error;
mod lexer;
mod parser;
mod print;
mod target;
#[cfg(test)]
mod tests;

pub(crate) use bounds::{boundaries, span};
pub use doubts::{NOTICES_MAX, Notice};
pub use error::{ParseError, ParseErrorKind};
pub use parser::{notices, parse, parse_range};
pub use print::print;
pub(crate) use print::{HIDDEN, shape, shown_field};

/// Longest query, in bytes.
pub const QUERY_BYTES_MAX: usize = 8 * 1024;
/// Deepest nesting of parentheses and `NOT`.
pub const DEPTH_MAX: usize = 64;
/// Most words, phrases, values and ranges in one query.
pub const LEAVES_MAX: usize = 1024;
/// Most edits of `word~`.
pub const EDITS_MAX: u8 = 2;
