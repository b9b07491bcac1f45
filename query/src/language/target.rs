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
    pub(super) fn find(name: &str, byte: usize) -> Result<Target, ErrorAtByte> {
        if let Some(scope) = text_scope(name) {
            return Ok(Target::Words(scope));
        }
        if name.strip_prefix(METADATA_PREFIX).is_some_and(|key| !key.is_empty()) {
            return Ok(Target::Metadata(name.to_owned()));
        }
        match field(name) {
            Some(field) if field.kind == FieldKind::Keyword => Ok(Target::Keyword(field)),
            Some(field) => Ok(Target::Number(field)),
            None => Err(unknown(name, byte)),
        }
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

fn unknown(name: &str, byte: usize) -> ErrorAtByte {
    let error =
        ErrorAtByte::new(ParseErrorKind::UnknownField, byte, format!("there is no field `{}`", shown(name)));
    if name == METADATA_PREFIX.trim_end_matches('.') || name == METADATA_PREFIX {
        return error.hint("metadata is searched by key, for instance `metadata.plan:pro`");
    }
    if matches!(name, "_exists_" | "_missing_" | "exists" | "has") {
        let minus = if name == "_missing_" { "-" } else { "" };
        return error.hint(format!("`{minus}csat:*` finds interactions by whether they have a value"));
    }
    let names = FIELDS.iter().map(|field| field.name).chain(TEXT_SCOPES.iter().copied());
    let meant = nearest(&name.to_ascii_lowercase(), names);
    let quoted = format!("to search for the text, put it in quotation marks: `\"{}:\"`", shown(name));
    match meant {
        Some(meant) => {
            error.instead(byte..byte + name.len(), meant).hint(format!("search `{meant}:` instead; {quoted}"))
        }
        None => error.hint(quoted),
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
            assert!(matches!(Target::find(name, 0), Ok(Target::Words(_))), "{name}");
            assert_eq!(Target::find(name, 0).unwrap().name(), *name);
        }
    }
}
