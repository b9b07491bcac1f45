//! TOML and environment → checked settings.
//!
//! One TOML file, and every key of it also as `HEARKEN_<SECTION>__<KEY>`; the environment wins. Nothing is read
//! from the machine here: `server` passes the text of the file and the variables in, so this room is pure.
//!
//! ```
//! use hearken_config::Config;
//!
//! let variables = [("HEARKEN_HTTP__LISTEN".to_owned(), "127.0.0.1:9000".to_owned())];
//! let config = Config::load(None, variables).expect("the address is well formed");
//! assert_eq!(config.http.listen.port(), 9000);
//! ```
//!
//! In reading order:
//!
//! - [`settings`]: what the other rooms get, each value already checked, with its default.
//! - [`sample`]: the commented sample file that is the manual.
//! - `keys`: the table of every known key, and the nearest one to a wrong name.
//! - `raw`: file and environment as one flat list of located values, the file's below the environment's.
//! - `reader`: typed reads that collect errors instead of stopping at the first.
//! - `resolve`: raw → settings, section by section.
//! - [`error`]: what is wrong, where, and how to fix it.
//! - [`secret`]: text that cannot be printed by accident.

pub mod error;
mod keys;
mod raw;
mod reader;
mod resolve;
mod sample;
pub mod secret;
pub mod settings;

use std::path::Path;

pub use error::{ConfigError, ConfigErrors, Origin};
pub use sample::sample;
pub use secret::Secret;
pub use settings::*;

impl Config {
    /// Settings from the text of a file (with the path to name in errors) and from environment variables.
    ///
    /// Variables whose name is not `HEARKEN_<SECTION>__<KEY>` are ignored, except one that
    /// `analysis.openai.api_key_env` names. A key set in both takes the environment's value.
    ///
    /// # Errors
    /// Everything that is wrong, at once: syntax errors of the file, or else unknown keys, values outside their
    /// type or bounds and values that contradict each other.
    pub fn load(
        file: Option<(&Path, &str)>,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Config, ConfigErrors> {
        let raw = raw::RawConfig::read(file, variables)?;
        let mut reader = reader::SettingsReader::new(&raw);
        let config = resolve::resolve(&mut reader);
        reader.finish(config)
    }
}
