//! Typed reads that collect errors instead of stopping at the first.

use std::fmt::Display;
use std::path::PathBuf;
use std::time::Duration;

use rust_decimal::Decimal;

use crate::error::{ConfigError, ConfigErrors, Origin, shown};
use crate::raw::{Located, RawConfig, RawValue, toml_value};

/// Why a text is not what its key wants, as (what it is not, how to write it), to go into
/// "`key` is `text`, which is not …; …".
pub(crate) type Complaint = (String, String);

/// Reads known keys of a raw configuration. A read that fails notes the error and gives `None` or the default,
/// so that all errors come out at once.
pub(crate) struct SettingsReader<'a> {
    pub(crate) raw: &'a RawConfig,
    errors: Vec<ConfigError>,
}

impl<'a> SettingsReader<'a> {
    pub(crate) fn new(raw: &'a RawConfig) -> Self {
        SettingsReader { raw, errors: raw.errors.clone() }
    }

    /// The settings, unless anything was wrong.
    pub(crate) fn finish<T>(self, config: T) -> Result<T, ConfigErrors> {
        ConfigErrors::from_vec(self.errors).map_or(Ok(config), Err)
    }

    /// Notes that something is wrong.
    pub(crate) fn error(
        &mut self,
        origin: Option<Origin>,
        problem: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.errors.push(ConfigError { origin, problem: problem.into(), help: help.into() });
    }

    /// Notes that something is wrong with the value of `key`, where that value stands.
    pub(crate) fn error_at(&mut self, key: &str, problem: impl Into<String>, help: impl Into<String>) {
        self.error(self.origin(key), problem, help);
    }

    /// Where a key is set, or where the nearest section around it begins.
    pub(crate) fn origin(&self, key: &str) -> Option<Origin> {
        if let Some(value) = self.raw.values.get(key) {
            return Some(value.origin.clone());
        }
        key.rmatch_indices('.').find_map(|(dot, _)| self.raw.sections.get(&key[..dot])).cloned()
    }

    pub(crate) fn has_section(&self, section: &str) -> bool {
        self.raw.sections.contains_key(section)
    }

    /// A text. Empty is an error: a variable left empty by a template must not quietly mean the default.
    pub(crate) fn text(&mut self, key: &str) -> Option<String> {
        self.parsed(key, |text| Ok(text.to_owned()))
    }

    /// A text that `parse` turns into a value.
    pub(crate) fn parsed<T>(&mut self, key: &str, parse: impl Fn(&str) -> Result<T, Complaint>) -> Option<T> {
        let located = self.raw.values.get(key)?;
        self.parse_located(key, located, parse)
    }

    /// The same for a value that is part of another one; `key` is only named.
    pub(crate) fn parse_located<T>(
        &mut self,
        key: &str,
        located: &Located<RawValue>,
        parse: impl Fn(&str) -> Result<T, Complaint>,
    ) -> Option<T> {
        let text = match &located.value {
            RawValue::Variable(text) => text.trim(),
            RawValue::String(text) | RawValue::Number(text) => text,
            other => {
                let problem = format!("`{key}` is {}, a text is wanted", describe(other));
                self.error(Some(located.origin.clone()), problem, "write it in quotes");
                return None;
            }
        };
        if text.trim().is_empty() {
            let help = match located.value {
                RawValue::Variable(_) => "give it a value, or unset the variable",
                _ => "give it a value, or leave the key out",
            };
            self.error(Some(located.origin.clone()), format!("`{key}` is empty"), help);
            return None;
        }
        parse(text)
            .map_err(|(not, help)| {
                let problem = format!("`{key}` is `{}`, which is not {not}", shown(text));
                self.error(Some(located.origin.clone()), problem, help);
            })
            .ok()
    }

    /// A list of texts, each with its place: a TOML array, one text, or (in a variable) TOML array syntax or
    /// texts separated by commas.
    pub(crate) fn list(&mut self, key: &str) -> Option<Vec<Located<String>>> {
        let located = self.raw.values.get(key)?;
        let here = |text: &str| Located {
            value: RawValue::String(text.trim().to_owned()),
            origin: located.origin.clone(),
        };
        let items = match &located.value {
            RawValue::Variable(text) if text.trim_start().starts_with('[') => {
                match toml_value(text.trim(), &located.origin) {
                    Some(RawValue::Array(items)) => items,
                    _ => {
                        self.error_at(
                            key,
                            format!("`{key}` is not a TOML array"),
                            "write [\"a\", \"b\"] or a,b",
                        );
                        return None;
                    }
                }
            }
            RawValue::Variable(text) => text.split(',').map(here).collect(),
            RawValue::String(text) => vec![here(text)],
            RawValue::Array(items) => items.clone(),
            other => {
                let problem = format!("`{key}` is {}, a list of texts is wanted", describe(other));
                self.error_at(key, problem, "write [\"a\", \"b\"]");
                return None;
            }
        };
        let texts = items.iter().map(|item| {
            let value = self.parse_located(key, item, |text| Ok(text.to_owned()))?;
            Some(Located { value, origin: item.origin.clone() })
        });
        // Collected first, so that every wrong item is noted.
        texts.collect::<Vec<_>>().into_iter().collect()
    }

    /// One of a closed set of names.
    pub(crate) fn choice<T: Copy>(&mut self, key: &str, choices: &[(&str, T)]) -> Option<T> {
        self.parsed(key, |text| {
            choices.iter().find(|(name, _)| *name == text).map(|(_, value)| *value).ok_or_else(|| {
                let names: Vec<_> = choices.iter().map(|(name, _)| format!("\"{name}\"")).collect();
                ("a choice here".to_owned(), format!("write one of {}", names.join(", ")))
            })
        })
    }

    pub(crate) fn boolean(&mut self, key: &str) -> Option<bool> {
        match &self.raw.values.get(key)?.value {
            RawValue::Boolean(boolean) => Some(*boolean),
            RawValue::Variable(_) => self.choice(key, &[("true", true), ("false", false)]),
            other => {
                let problem = format!("`{key}` is {}, true or false is wanted", describe(other));
                self.error_at(key, problem, "write true or false without quotes");
                None
            }
        }
    }

    /// A whole number within bounds, both included.
    pub(crate) fn number(&mut self, key: &str, min: u32, max: u32) -> Option<u32> {
        self.parsed(key, |text| match text.parse() {
            Ok(number) if (min..=max).contains(&number) => Ok(number),
            _ => Err((
                format!("a whole number from {min} to {max}"),
                "write it without quotes, such as 4".into(),
            )),
        })
    }

    /// A length of time within bounds, both included.
    pub(crate) fn duration(&mut self, key: &str, min: Duration, max: Duration) -> Option<Duration> {
        let located = self.raw.values.get(key)?;
        self.duration_of(key, located, min, max)
    }

    /// The same for a value that is part of another one; `key` is only named.
    pub(crate) fn duration_of(
        &mut self,
        key: &str,
        located: &Located<RawValue>,
        min: Duration,
        max: Duration,
    ) -> Option<Duration> {
        self.parse_located(key, located, |text| {
            let duration = humantime::parse_duration(text).map_err(|_| {
                (
                    "a length of time".to_owned(),
                    "write a number and a unit, such as \"20ms\", \"30min\" or \"90d\"".to_owned(),
                )
            })?;
            if (min..=max).contains(&duration) {
                return Ok(duration);
            }
            let bounds = [min, max].map(humantime::format_duration);
            Err((
                format!("between {} and {}", bounds[0], bounds[1]),
                "choose a value within these bounds".into(),
            ))
        })
    }

    /// An amount of money: decimal digits, never negative.
    pub(crate) fn amount(&mut self, key: &str) -> Option<Decimal> {
        self.parsed(key, parse_amount)
    }

    pub(crate) fn path(&mut self, key: &str) -> Option<PathBuf> {
        self.text(key).map(PathBuf::from)
    }

    /// The value of a key that must be set once its section is there.
    pub(crate) fn required<T>(&mut self, key: &str, value: Option<T>, example: impl Display) -> Option<T> {
        if value.is_none() && !self.raw.values.contains_key(key) {
            let section = key.rsplit_once('.').map_or(key, |(section, _)| section);
            self.error_at(
                key,
                format!("`{key}` is missing, `[{section}]` needs it"),
                format!("write {example}"),
            );
        }
        value
    }
}

/// Exact decimal digits; also `1e-7`, which TOML allows.
pub(crate) fn parse_amount(text: &str) -> Result<Decimal, Complaint> {
    let parsed = Decimal::from_str_exact(text).or_else(|_| Decimal::from_scientific(text));
    parsed.ok().filter(|amount| !amount.is_sign_negative()).map(|amount| amount.normalize()).ok_or_else(
        || {
            (
                "an amount of money".to_owned(),
                "write a decimal number that is not negative, such as \"2.50\"".to_owned(),
            )
        },
    )
}

/// A value's type for a message, without the value.
fn describe(value: &RawValue) -> &'static str {
    match value {
        RawValue::Variable(_) | RawValue::String(_) => "a text",
        RawValue::Number(_) => "a number",
        RawValue::Boolean(_) => "a boolean",
        RawValue::Datetime(_) => "a date",
        RawValue::Array(_) => "a list",
        RawValue::Table(_) => "a table",
    }
}
