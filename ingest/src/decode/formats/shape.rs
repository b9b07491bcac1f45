//! Marks, by which a format's payloads are recognised.

use serde_json::Value;

use super::json::{at, shown};

/// A field by which a format is recognised.
pub(super) struct Mark {
    /// Any of these fields; nested ones with dots.
    paths: &'static [&'static str],
    /// What the field must hold.
    holds: Holds,
}

/// What a marked field must hold.
#[derive(Clone, Copy)]
enum Holds {
    Something,
    Text,
    /// A text that starts with one of these.
    Beginning(&'static [&'static str]),
    /// One of these texts.
    OneOf(&'static [&'static str]),
    Number,
    List,
    Object,
}

impl Mark {
    const fn new(paths: &'static [&'static str], holds: Holds) -> Self {
        Mark { paths, holds }
    }

    /// Any value except `null`.
    pub(super) const fn something(paths: &'static [&'static str]) -> Self {
        Mark::new(paths, Holds::Something)
    }

    /// A non-empty text.
    pub(super) const fn text(paths: &'static [&'static str]) -> Self {
        Mark::new(paths, Holds::Text)
    }

    /// A text that starts with one of these.
    pub(super) const fn beginning(
        paths: &'static [&'static str],
        beginnings: &'static [&'static str],
    ) -> Self {
        Mark::new(paths, Holds::Beginning(beginnings))
    }

    /// One of these texts.
    pub(super) const fn one_of(paths: &'static [&'static str], texts: &'static [&'static str]) -> Self {
        Mark::new(paths, Holds::OneOf(texts))
    }

    /// A number.
    pub(super) const fn number(paths: &'static [&'static str]) -> Self {
        Mark::new(paths, Holds::Number)
    }

    /// An array.
    pub(super) const fn list(paths: &'static [&'static str]) -> Self {
        Mark::new(paths, Holds::List)
    }

    /// An object.
    pub(super) const fn object(paths: &'static [&'static str]) -> Self {
        Mark::new(paths, Holds::Object)
    }

    fn is_on(&self, body: &Value) -> bool {
        self.paths.iter().any(|path| {
            let value = at(body, path);
            match self.holds {
                Holds::Something => !value.is_null(),
                Holds::Text => value.as_str().is_some_and(|text| !text.is_empty()),
                Holds::Beginning(all) => {
                    value.as_str().is_some_and(|text| all.iter().any(|beginning| text.starts_with(beginning)))
                }
                Holds::OneOf(all) => value.as_str().is_some_and(|text| all.contains(&text)),
                Holds::Number => value.is_number(),
                Holds::List => value.is_array(),
                Holds::Object => value.is_object(),
            }
        })
    }

    fn rule(&self) -> String {
        match self.holds {
            Holds::Something => "must be there".to_owned(),
            Holds::Text => "must be a string".to_owned(),
            Holds::Beginning(all) => format!("must begin with one of {}", all.join(", ")),
            Holds::OneOf(all) => format!("must be one of {}", all.join(", ")),
            Holds::Number => "must be a number".to_owned(),
            Holds::List => "must be an array".to_owned(),
            Holds::Object => "must be an object".to_owned(),
        }
    }
}

/// How far an object is from matching a format.
pub(super) struct Miss {
    /// The number of marks present.
    pub(super) matched: usize,
    /// Why the first missing mark does not match.
    pub(super) reason: String,
}

/// The first missing mark; `None` if all are present.
pub(super) fn missing(marks: &[Mark], body: &Value) -> Option<Miss> {
    let first = marks.iter().find(|mark| !mark.is_on(body))?;
    let matched = marks.iter().filter(|mark| mark.is_on(body)).count();
    let path = first.paths.join("` or `");
    let found = first.paths.iter().map(|path| at(body, path)).find(|value| !value.is_null());
    let reason = match found {
        None => format!("`{path}` is missing"),
        Some(value) => format!("`{path}` is {} and {}", shown(value), first.rule()),
    };
    Some(Miss { matched, reason })
}
