//! The raw form: file and environment as one flat list of located values.
//!
//! Keys are dotted paths (`index.opensearch.urls`). Whether a key exists is decided here; what a value must look
//! like is decided by `reader` and `resolve`.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeInteger, DeTable, DeValue};

use crate::error::{ConfigError, ConfigErrors, Origin, shown};
use crate::keys::{self, LIBRDKAFKA, PathKind};

const PREFIX: &str = "HEARKEN_";
const SEPARATOR: &str = "__";

/// A value and where it stands.
#[derive(Debug, Clone)]
pub(crate) struct Located<T> {
    pub(crate) value: T,
    pub(crate) origin: Origin,
}

/// A value as written.
#[derive(Debug, Clone)]
pub(crate) enum RawValue {
    /// The text of an environment variable: whatever type the key wants is read from it.
    Variable(String),
    /// A TOML string.
    String(String),
    /// A TOML integer or float: its digits, never a binary float.
    Number(String),
    /// A TOML boolean.
    Boolean(bool),
    /// A TOML date or time, as text.
    Datetime(String),
    /// A TOML array.
    Array(Vec<Located<RawValue>>),
    /// A TOML table, each name with its place.
    Table(Vec<(Located<String>, Located<RawValue>)>),
}

/// What was written, known keys only. No `Debug`: passwords are among the values and the variables.
#[derive(Default)]
pub(crate) struct RawConfig {
    /// By dotted path; the keys of librdkafka are `kafka.librdkafka.<its own dotted name>`.
    pub(crate) values: BTreeMap<String, Located<RawValue>>,
    /// The sections that were mentioned, to distinguish an empty `[kafka]` from none.
    pub(crate) sections: BTreeMap<String, Origin>,
    /// Every variable, for `api_key_env`, which names one that is not configuration itself.
    pub(crate) variables: BTreeMap<String, String>,
    /// Unknown keys and the like.
    pub(crate) errors: Vec<ConfigError>,
}

impl RawConfig {
    /// Reads both layers; `Err` only for a file that is not TOML, because then nothing else can be checked.
    pub(crate) fn read(
        file: Option<(&Path, &str)>,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigErrors> {
        let mut raw = RawConfig { variables: variables.into_iter().collect(), ..RawConfig::default() };
        if let Some((path, text)) = file {
            let places = Places { path: path.display().to_string().into(), text };
            let (document, errors) = DeTable::parse_recoverable(text);
            if let Some(errors) =
                ConfigErrors::from_vec(errors.iter().map(|e| syntax_error(&places, e)).collect())
            {
                return Err(errors);
            }
            raw.read_table("", document.get_ref(), &places);
        }
        for (name, text) in raw.variables.clone() {
            raw.read_variable(&name, text);
        }
        Ok(raw)
    }

    /// Walks a table down to the known keys.
    fn read_table(&mut self, prefix: &str, table: &DeTable<'_>, places: &Places<'_>) {
        for (name, value) in table {
            let path = join(prefix, name.get_ref());
            let origin = places.at(name.span());
            // A quoted `"http.listen"` is one name with a dot in it, which no key has.
            let known = if name.get_ref().contains('.') { PathKind::Unknown } else { keys::known(&path) };
            match (known, value.get_ref()) {
                (PathKind::Section, DeValue::Table(inner)) => {
                    self.sections.entry(path.clone()).or_insert(origin);
                    self.read_table(&path, inner, places);
                }
                (PathKind::Section, _) => self.errors.push(not_a_section(&path, origin)),
                (PathKind::Key, DeValue::Table(inner)) if path == LIBRDKAFKA => {
                    self.read_librdkafka(&path, inner, places);
                }
                (PathKind::Key, value_ref) => {
                    let value =
                        Located { value: raw_value(value_ref, places), origin: places.at(value.span()) };
                    self.values.insert(path, value);
                }
                (PathKind::Unknown, _) => {
                    let nearest = keys::nearest(&path);
                    self.errors.push(unknown_key(&path, nearest, origin));
                }
            }
        }
    }

    /// `sasl.mechanism = "PLAIN"` without quotes is a table in TOML: both spellings mean the dotted name.
    fn read_librdkafka(&mut self, prefix: &str, table: &DeTable<'_>, places: &Places<'_>) {
        for (name, value) in table {
            let path = join(prefix, name.get_ref());
            let origin = places.at(name.span());
            if let DeValue::Table(inner) = value.get_ref() {
                self.read_librdkafka(&path, inner, places);
                continue;
            }
            let value = Located { value: raw_value(value.get_ref(), places), origin: origin.clone() };
            if self.values.insert(path.clone(), value).is_some() {
                self.errors.push(ConfigError {
                    origin: Some(origin),
                    problem: format!("`{}` is set twice", shown(&path)),
                    help: "keep one of them".to_owned(),
                });
            }
        }
    }

    /// One variable on top of the file. Only names of the form `HEARKEN_<SECTION>__<KEY>` are configuration.
    fn read_variable(&mut self, name: &str, text: String) {
        let Some(rest) = name.strip_prefix(PREFIX).filter(|rest| rest.contains(SEPARATOR)) else { return };
        let origin = Origin::Variable(name.to_owned());
        let lower = rest.to_ascii_lowercase().replace(SEPARATOR, ".");
        // All of librdkafka's names are words joined by dots, which a variable's name cannot have.
        let path = match lower.strip_prefix("kafka.librdkafka.") {
            Some(own) => format!("{LIBRDKAFKA}.{}", own.replace('_', ".")),
            None => lower,
        };
        let under_librdkafka = path.len() > LIBRDKAFKA.len() && path.starts_with(LIBRDKAFKA);
        match keys::known(&path) {
            PathKind::Key => {}
            PathKind::Unknown if under_librdkafka => {}
            PathKind::Section => return self.errors.push(not_a_section(&path, origin)),
            PathKind::Unknown => {
                let nearest = keys::variable(keys::nearest(&path));
                return self.errors.push(unknown_key(name, &nearest, origin));
            }
        }
        for (dot, _) in path.match_indices('.') {
            if keys::known(&path[..dot]) == PathKind::Section {
                self.sections.entry(path[..dot].to_owned()).or_insert_with(|| origin.clone());
            }
        }
        let value = Located { value: RawValue::Variable(text), origin: origin.clone() };
        if let Some(Located { origin: Origin::Variable(first), .. }) = self.values.insert(path, value) {
            self.errors.push(ConfigError {
                origin: Some(origin),
                problem: format!("sets the same key as `{}`", shown(&first)),
                help: "keep one of them".to_owned(),
            });
        }
    }
}

/// Reads the TOML of a variable's text, such as `["a", "b"]`; every part stands at the variable.
pub(crate) fn toml_value(text: &str, origin: &Origin) -> Option<RawValue> {
    let value = DeValue::parse(text).ok()?;
    Some(raw_value(value.get_ref(), origin))
}

/// Turns byte ranges into origins.
trait Locate {
    fn at(&self, span: Range<usize>) -> Origin;
}

struct Places<'a> {
    path: Arc<str>,
    text: &'a str,
}

impl Locate for Places<'_> {
    fn at(&self, span: Range<usize>) -> Origin {
        // A span always starts at a character boundary; the fallback keeps a parser bug from panicking.
        let before = self.text.get(..span.start).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Origin::File {
            path: self.path.clone(),
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        }
    }
}

impl Locate for Origin {
    fn at(&self, _: Range<usize>) -> Origin {
        self.clone()
    }
}

fn raw_value(value: &DeValue<'_>, places: &impl Locate) -> RawValue {
    let located = |value: &Spanned<DeValue<'_>>| Located {
        value: raw_value(value.get_ref(), places),
        origin: places.at(value.span()),
    };
    match value {
        DeValue::String(text) => RawValue::String(text.to_string()),
        DeValue::Integer(integer) => RawValue::Number(integer_text(integer)),
        DeValue::Float(float) => RawValue::Number(float.as_str().to_owned()),
        DeValue::Boolean(boolean) => RawValue::Boolean(*boolean),
        DeValue::Datetime(datetime) => RawValue::Datetime(datetime.to_string()),
        DeValue::Array(items) => RawValue::Array(items.iter().map(located).collect()),
        DeValue::Table(table) => RawValue::Table(
            table
                .iter()
                .map(|(name, value)| {
                    let name = Located { value: name.get_ref().to_string(), origin: places.at(name.span()) };
                    (name, located(value))
                })
                .collect(),
        ),
    }
}

/// Decimal digits, also of `0xff`.
fn integer_text(integer: &DeInteger<'_>) -> String {
    i128::from_str_radix(integer.as_str(), integer.radix())
        .map_or_else(|_| integer.to_string(), |number| number.to_string())
}

fn join(prefix: &str, name: &str) -> String {
    if prefix.is_empty() { name.to_owned() } else { format!("{prefix}.{name}") }
}

/// Keeps the parser's message and position, never the line itself: it may contain a password.
fn syntax_error(places: &Places<'_>, error: &toml::de::Error) -> ConfigError {
    ConfigError {
        origin: Some(places.at(error.span().unwrap_or(0..0))),
        problem: format!("not TOML: {}", shown(error.message())),
        help: "see https://toml.io, or compare with `hearken config sample`".to_owned(),
    }
}

fn unknown_key(path: &str, nearest: &str, origin: Origin) -> ConfigError {
    ConfigError {
        origin: Some(origin),
        problem: format!("unknown key `{}`", shown(path)),
        help: format!("the nearest known key is `{nearest}`"),
    }
}

fn not_a_section(path: &str, origin: Origin) -> ConfigError {
    ConfigError {
        origin: Some(origin),
        problem: format!("`{path}` is a section, not a key"),
        help: format!(
            "set its keys, such as `{}`",
            keys::KEYS.iter().find(|key| key.starts_with(path)).unwrap_or(&path)
        ),
    }
}
