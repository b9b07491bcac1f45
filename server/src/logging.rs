//! Log lines: text for people, JSON for machines, on stderr.

use std::io;

use hearken_config::{LogConfig, LogFormat};
use tracing_subscriber::EnvFilter;

/// Starts logging. Further calls in the same process have no effect.
///
/// # Errors
/// tracing does not understand the configured level.
pub fn start(config: &LogConfig) -> anyhow::Result<()> {
    // rmcp logs the start and end of every request, and repeats what strangers sent. The configured level comes later,
    // so it can override this, and whatever the tantivy crate keeps quiet.
    let filter = EnvFilter::try_new(format!("rmcp=error,{},{}", hearken_index_tantivy::QUIET, config.level))?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    let lines = lines.with_ansi(console::colors_enabled_stderr()); // none in files, nor with NO_COLOR
    // An error means that logging has already started, which is fine.
    let _ = match config.format {
        LogFormat::Text => lines.with_writer(|| OneLine(io::stderr())).try_init(),
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    };
    Ok(())
}

/// Writes each event as one line of visible characters. A line break in a value, which a stranger may have sent, could
/// otherwise fake a log line, and an escape sequence could control the terminal. JSON escapes both.
struct OneLine<W>(W);

impl<W: io::Write> io::Write for OneLine<W> {
    /// Takes one event as tracing passes it on: whole, with a trailing line break.
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        let line = text.strip_suffix('\n').unwrap_or(&text);
        if line.chars().any(char::is_control) {
            self.0.write_all(visible(line).as_bytes())?;
        } else {
            self.0.write_all(event)?;
        }
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// The line with its control characters escaped, except those that set colours.
fn visible(line: &str) -> String {
    let mut shown = String::with_capacity(line.len() + 16);
    for (at, c) in line.char_indices() {
        let is_colour = || {
            let rest = line[at..].strip_prefix("\u{1b}[");
            rest.is_some_and(|rest| {
                rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';').starts_with('m')
            })
        };
        if c.is_control() && c != '\t' && !is_colour() {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    shown.push('\n');
    shown
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn text_from_strangers_cannot_start_a_line_or_move_the_cursor() {
        let written = Written::default();
        let to = written.clone();
        let lines = tracing_subscriber::fmt().with_writer(move || OneLine(to.clone())).finish();
        let hostile = "x\r\n2026-01-01T00:00:00Z  INFO hearken: signed in\u{1b}[2K\u{7}";
        tracing::subscriber::with_default(lines, || {
            tracing::warn!(reason = %hostile, quoted = hostile, "refused {hostile}");
            tracing::warn!("the next event");
        });
        let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
        assert_eq!(text.lines().count(), 2, "{text:?}");
        assert!(text.ends_with("the next event\n") && text.contains("signed in"), "{text:?}");
        assert!(!text.contains(['\r', '\u{7}']) && !text.contains("\u{1b}[2K"), "{text:?}");
    }
}
