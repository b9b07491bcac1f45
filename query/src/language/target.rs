//! What the name before a colon stands for.

use hearken_index::query::Scope;
use hearken_model::Role;
use hearken_model::field::{FIELDS, Field, FieldKind, METADATA_PREFIX, TEXT_SCOPES, field, nearest};

use super::error::{ErrorAtByte, ParseErrorKind, shown};

/// What a part of a query searches.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Target {
    /// Words.
    Words(Scope),
    /// Whole values of a text field.
    Keyword(&'static Field),
    /// Numbers, money or times.
    Number(&'static Field),
    /// Whole values of `metadata.<key>`, or ranges of numbers.
    Metadata(String),
}

impl Target {
    /// The target with this name.
    pub(super) fn find(name: &str) -> Option<Target> {
        if let Some(scope) = text_scope(name) {
            return Some(Target::Words(scope));
        }
        if name.strip_prefix(METADATA_PREFIX).is_some_and(|key| !key.is_empty()) {
            return Some(Target::Metadata(name.to_owned()));
        }
        field(name).map(|field| match field.kind {
            FieldKind::Keyword => Target::Keyword(field),
            _ => Target::Number(field),
        })
    }

    /// The field's name, as users write it.
    pub(super) fn name(&self) -> &str {
        match self {
            Target::Words(scope) => scope_name(*scope),
            Target::Keyword(field) | Target::Number(field) => field.name,
            Target::Metadata(name) => name,
        }
    }
}

/// The error for `name:value` at this byte, where `name` is no target. The value may be empty.
pub(super) fn unknown(name: &str, value: &str, byte: usize) -> ErrorAtByte {
    let error =
        ErrorAtByte::new(ParseErrorKind::UnknownField, byte, format!("there is no field `{}`", shown(name)));
    let whole = byte..byte + name.len() + 1 + value.len();
    if name == METADATA_PREFIX.trim_end_matches('.') || name == METADATA_PREFIX {
        return error.hint("metadata is searched by key, for instance `metadata.plan:pro`");
    }
    if matches!(name, "_exists_" | "_missing_" | "exists" | "has") {
        let minus = if name == "_missing_" { "-" } else { "" };
        let hint = format!("`{minus}csat:*` finds interactions by whether they have a value");
        let is_field = Target::find(value).is_some();
        let error = if is_field { error.instead(whole, format!("{minus}{value}:*")) } else { error };
        return error.hint(hint);
    }
    let names = FIELDS.iter().map(|field| field.name).chain(TEXT_SCOPES.iter().copied());
    let meant = nearest(&name.to_ascii_lowercase(), names);
    let phrase = format!("\"{name}:{value}\"");
    let quoted = format!("to search for the text, put it in quotation marks: `{}`", shown(&phrase));
    match meant {
        Some(meant) => {
            error.instead(byte..byte + name.len(), meant).hint(format!("search `{meant}:` instead; {quoted}"))
        }
        None => error.instead(whole, phrase + " ").hint(quoted),
    }
}

fn text_scope(name: &str) -> Option<Scope> {
    match name {
        "transcript" => Some(Scope::Transcript),
        "topic" => Some(Scope::Topic),
        "summary" => Some(Scope::Summary),
        "keywords" => Some(Scope::Keywords),
        role => Role::from_name(role).map(Scope::Role),
    }
}

/// The scope's name before the colon; empty for words without one.
pub(super) fn scope_name(scope: Scope) -> &'static str {
    match scope {
        Scope::Default => "",
        Scope::Transcript => "transcript",
        Scope::Role(role) => role.as_str(),
        Scope::Topic => "topic",
        Scope::Summary => "summary",
        Scope::Keywords => "keywords",
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_documented_text_scope_is_one() {
        for name in TEXT_SCOPES {
            assert!(matches!(Target::find(name), Some(Target::Words(_))), "{name}");
            assert_eq!(Target::find(name).unwrap().name(), *name);
        }
    }
}
