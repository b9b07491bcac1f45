//! Settings of later versions. They are known, read and checked, and then refused: whoever asks for keys
//! must not run without them and believe otherwise. When a feature arrives, its line goes.

use crate::raw::RawValue;
use crate::reader::Reader;

struct Later {
    /// The key, or the section with all its keys.
    key: &'static str,
    /// The value that asks for nothing.
    harmless: Option<&'static str>,
    /// What works today.
    instead: &'static str,
}

const LATER: &[Later] = &[
    Later { key: "index.engine", harmless: Some("tantivy"), instead: "use \"tantivy\"" },
    Later { key: "index.opensearch", harmless: None, instead: "remove the section" },
];

pub(crate) fn refuse(reader: &mut Reader<'_>) {
    for Later { key, harmless, instead } in LATER {
        let raw = reader.raw;
        let asked = raw.values.range(key.to_string()..).find(|(path, _)| {
            *path == key || path.strip_prefix(key).is_some_and(|rest| rest.starts_with('.'))
        });
        let Some((_, located)) = asked else { continue };
        let asks_nothing = match &located.value {
            RawValue::Variable(text) | RawValue::String(text) => Some(text.trim()) == *harmless,
            _ => false,
        };
        if !asks_nothing {
            reader.error(
                Some(located.origin.clone()),
                format!("`{key}` is not available in this version"),
                *instead,
            );
        }
    }
}
