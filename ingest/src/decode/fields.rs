//! Reads typed values out of a JSON object, naming the place and the rule of everything it refuses.
//!
//! `null` and empty text count as absent. Unknown fields are ignored.

use std::collections::BTreeMap;

use hearken_model::event::METADATA_KEYS_MAX;
use hearken_model::{Money, Scalar, Timestamp};
use serde_json::{Map, Value};

use super::{Rejection, RejectionKind};

/// Most characters of a refused value that a reason quotes.
const SHOWN_CHARS_MAX: usize = 80;

/// The fields of one object. Each reader removes its field.
pub(super) struct ObjectFields {
    object: Map<String, Value>,
    /// The prefix of field names in reasons, including the opening quote.
    place: String,
}

impl ObjectFields {
    pub(super) fn new(object: Map<String, Value>, place: impl Into<String>) -> Self {
        ObjectFields { object, place: place.into() }
    }

    /// The field's value, unless it is absent.
    pub(super) fn take(&mut self, name: &str) -> Option<Value> {
        self.object.remove(name).filter(|value| !value.is_null())
    }

    pub(super) fn into_rest(self) -> Map<String, Value> {
        self.object
    }

    fn refuse(&self, name: &str, value: &Value, rule: &str) -> Rejection {
        let mut shown: String = value.to_string().chars().take(SHOWN_CHARS_MAX).collect();
        if shown.len() < value.to_string().len() {
            shown.push('…');
        }
        RejectionKind::InvalidValue.because(format!("{}{name}` is {shown}; it must be {rule}", self.place))
    }

    fn missing(&self, name: &str) -> Rejection {
        RejectionKind::MissingField.because(format!("{}{name}` is missing", self.place))
    }

    fn read<T>(
        &mut self,
        name: &str,
        rule: &str,
        read: impl FnOnce(&mut Value) -> Option<T>,
    ) -> Result<Option<T>, Rejection> {
        let Some(mut value) = self.take(name) else { return Ok(None) };
        match read(&mut value) {
            Some(read) => Ok(Some(read)),
            None => Err(self.refuse(name, &value, rule)),
        }
    }

    /// A text, possibly empty.
    pub(super) fn any_text(&mut self, name: &str) -> Result<Option<String>, Rejection> {
        self.read(name, "a string", |value| match value {
            Value::String(text) => Some(std::mem::take(text)),
            _ => None,
        })
    }

    /// A text; an empty one counts as absent.
    pub(super) fn text(&mut self, name: &str) -> Result<Option<String>, Rejection> {
        Ok(self.any_text(name)?.filter(|text| !text.is_empty()))
    }

    pub(super) fn required_text(&mut self, name: &str) -> Result<String, Rejection> {
        self.text(name)?.ok_or_else(|| self.missing(name))
    }

    pub(super) fn required_any_text(&mut self, name: &str) -> Result<String, Rejection> {
        self.any_text(name)?.ok_or_else(|| self.missing(name))
    }

    /// One of a fixed set of names.
    pub(super) fn named<T>(
        &mut self,
        name: &str,
        names: &[&str],
        from_name: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, Rejection> {
        let rule = format!("one of {}", names.join(", "));
        self.read(name, &rule, |value| {
            value.as_str().filter(|text| names.contains(text)).and_then(&from_name)
        })
    }

    pub(super) fn required<T>(&self, name: &str, value: Option<T>) -> Result<T, Rejection> {
        value.ok_or_else(|| self.missing(name))
    }

    pub(super) fn time(&mut self, name: &str) -> Result<Option<Timestamp>, Rejection> {
        self.read(name, "an RFC 3339 time between 1678 and 2261, such as 2026-05-01T12:00:00Z", |value| {
            Timestamp::parse(value.as_str()?).ok()
        })
    }

    pub(super) fn boolean(&mut self, name: &str) -> Result<Option<bool>, Rejection> {
        self.read(name, "true or false", |value| value.as_bool())
    }

    /// An integer within bounds; `3.0` counts as one.
    pub(super) fn integer(&mut self, name: &str, min: i64, max: i64) -> Result<Option<i64>, Rejection> {
        let rule = match (min, max) {
            (0, i64::MAX) => "a whole number, 0 or more".to_owned(),
            (i64::MIN, i64::MAX) => "a whole number".to_owned(),
            _ => format!("a whole number from {min} to {max}"),
        };
        self.read(name, &rule, |value| whole(value).filter(|number| (min..=max).contains(number)))
    }

    /// A number within bounds.
    pub(super) fn number(&mut self, name: &str, min: f64, max: f64) -> Result<Option<f64>, Rejection> {
        let rule = format!("a number from {min} to {max}");
        self.read(name, &rule, |value| value.as_f64().filter(|number| (min..=max).contains(number)))
    }

    /// A decimal amount, 0 or more, as a string or a JSON number.
    pub(super) fn money(&mut self, name: &str) -> Result<Option<Money>, Rejection> {
        self.read(name, "a decimal amount, 0 or more, such as \"0.0142\"", |value| {
            let text = match value {
                Value::String(text) => text.clone(),
                Value::Number(number) => number.to_string(),
                _ => return None,
            };
            let amount = text.parse::<Money>().or_else(|_| Money::from_scientific(&text)).ok()?;
            (!amount.is_sign_negative() || amount.is_zero()).then_some(amount)
        })
    }

    pub(super) fn texts(&mut self, name: &str) -> Result<Option<Vec<String>>, Rejection> {
        self.read(name, "an array of strings", |value| {
            value.as_array()?.iter().map(|text| text.as_str().map(str::to_owned)).collect()
        })
    }

    /// A nested object, with its own place in reasons.
    pub(super) fn object(&mut self, name: &str) -> Result<Option<ObjectFields>, Rejection> {
        let place = format!("{}{name}.", self.place);
        self.read(name, "an object", |value| match value {
            Value::Object(object) => Some(ObjectFields::new(std::mem::take(object), place)),
            _ => None,
        })
    }

    /// An array of objects, each with its own place in reasons.
    pub(super) fn objects(&mut self, name: &str) -> Result<Option<Vec<ObjectFields>>, Rejection> {
        let Some(value) = self.take(name) else { return Ok(None) };
        let Value::Array(values) = value else {
            return Err(self.refuse(name, &value, "an array of objects"));
        };
        let each = values.into_iter().enumerate().map(|(idx, value)| match value {
            Value::Object(object) => Ok(ObjectFields::new(object, format!("{}{name}[{idx}].", self.place))),
            other => Err(self.refuse(&format!("{name}[{idx}]"), &other, "an object")),
        });
        each.collect::<Result<_, _>>().map(Some)
    }

    /// Metadata: scalars, with nested keys joined by dots, at most [`METADATA_KEYS_MAX`] keys.
    pub(super) fn metadata(&mut self, name: &str) -> Result<BTreeMap<String, Scalar>, Rejection> {
        let mut flat = BTreeMap::new();
        match self.take(name) {
            None => {}
            Some(Value::Object(object)) => self.flatten(name, String::new(), object, &mut flat)?,
            Some(other) => return Err(self.refuse(name, &other, "an object")),
        }
        Ok(flat)
    }

    /// Recursion is bounded by serde_json's own limit of 128 nested values.
    fn flatten(
        &self,
        name: &str,
        prefix: String,
        object: Map<String, Value>,
        flat: &mut BTreeMap<String, Scalar>,
    ) -> Result<(), Rejection> {
        for (key, value) in object {
            let key = format!("{prefix}{key}");
            let scalar = match value {
                Value::Null => continue,
                Value::Object(nested) => {
                    self.flatten(name, format!("{key}."), nested, flat)?;
                    continue;
                }
                Value::Bool(value) => Scalar::Bool(value),
                Value::Number(value) => Scalar::Number(value),
                Value::String(value) => Scalar::Text(value),
                array @ Value::Array(_) => {
                    return Err(self.refuse(
                        &format!("{name}.{key}"),
                        &array,
                        "a string, a number or a boolean",
                    ));
                }
            };
            flat.insert(key, scalar);
            if flat.len() > METADATA_KEYS_MAX {
                return Err(RejectionKind::OverLimit.because(format!(
                    "{}{name}` has more than {METADATA_KEYS_MAX} keys; send fewer",
                    self.place
                )));
            }
        }
        Ok(())
    }
}

/// The kind of a JSON value, for people.
pub(super) fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

fn whole(value: &Value) -> Option<i64> {
    const EXACT_MAX: f64 = 9_007_199_254_740_992.0; // 2^53: beyond it an f64 no longer distinguishes neighbours
    value.as_i64().or_else(|| {
        let number = value.as_f64()?;
        (number.fract() == 0.0 && number.abs() <= EXACT_MAX).then_some(number as i64)
    })
}
