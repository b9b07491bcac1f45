//! `[index]` and `[index.opensearch]`.

use std::path::PathBuf;
use std::time::Duration;

use crate::raw::Located;
use crate::reader::Reader;
use crate::settings::{IndexConfig, IndexEngine, OpenSearchConfig};

use super::DAY;
use super::formats::web_url;

pub(super) fn index(reader: &mut Reader<'_>) -> IndexConfig {
    let default = IndexConfig::default();
    let opensearch =
        reader.choice("index.engine", &[("tantivy", false), ("opensearch", true)]).unwrap_or(false);
    // Read whichever engine is chosen, so that mistakes are found before the switch.
    let settings = OpenSearchConfig {
        urls: reader.list("index.opensearch.urls").map(|urls| web_urls(reader, urls)).unwrap_or_default(),
        index_prefix: reader.text("index.opensearch.index_prefix").unwrap_or_else(|| "hearken".to_owned()),
        credentials: credentials(reader),
        ca_file: reader.path("index.opensearch.ca_file"),
    };
    if opensearch && settings.urls.is_empty() {
        reader.required("index.opensearch.urls", None::<()>, "urls = [\"https://localhost:9200\"]");
    }
    IndexConfig {
        engine: if opensearch { IndexEngine::OpenSearch(settings) } else { IndexEngine::Tantivy },
        path: reader.path("index.path").unwrap_or(default.path),
        retention: reader.duration("index.retention", Duration::from_secs(60 * 60), 36_500 * DAY),
    }
}

fn web_urls(reader: &mut Reader<'_>, urls: Vec<Located<String>>) -> Vec<String> {
    let key = "index.opensearch.urls";
    if urls.is_empty() {
        reader.error_at(key, format!("`{key}` names no address"), "name at least one");
    }
    let mut checked = Vec::with_capacity(urls.len());
    for Located { value, origin } in urls {
        match web_url(&value) {
            Ok(url) => checked.push(url),
            // Without the text, which may hold a password.
            Err((not, help)) => {
                reader.error(Some(origin), format!("`{key}` has an entry that is not {not}"), help);
            }
        }
    }
    checked
}

fn credentials(reader: &mut Reader<'_>) -> Option<(String, PathBuf)> {
    let username = reader.text("index.opensearch.username");
    let password_file = reader.path("index.opensearch.password_file");
    match (username, password_file) {
        (Some(username), Some(password_file)) => Some((username, password_file)),
        (None, None) => None,
        (Some(_), None) => {
            let problem = "`index.opensearch.username` stands alone";
            reader.error_at("index.opensearch.username", problem, "set `password_file` too");
            None
        }
        (None, Some(_)) => {
            let problem = "`index.opensearch.password_file` stands alone";
            reader.error_at("index.opensearch.password_file", problem, "set `username` too");
            None
        }
    }
}
