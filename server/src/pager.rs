//! Shows output that is longer than the terminal page by page.

use std::io::{IsTerminal as _, Write as _};
use std::process::{Command, Stdio};

use anyhow::Context as _;
use console::{Term, measure_text_width};

/// The pager unless `PAGER` names another.
const PAGER_DEFAULT: &str = "less";
/// Its options unless `LESS` has others: exit at once if everything fits, and on Ctrl-C; show colours; leave the text
/// on the screen.
const LESS_DEFAULT: &str = "FKRX";
/// The shell's exit code when a program does not exist.
const NO_SUCH_PROGRAM: i32 = 127;

/// The program that pages output.
#[derive(Debug, Clone)]
pub struct Pager {
    command: Option<String>,
    less: String,
}

impl Pager {
    /// From the values of `PAGER`, a shell command, and `LESS`. If empty or `cat`, nothing is paged.
    pub fn new(pager: Option<&str>, less: Option<&str>) -> Self {
        let command = Some(pager.unwrap_or(PAGER_DEFAULT).trim());
        let command = command.filter(|command| !matches!(*command, "" | "cat")).map(str::to_owned);
        Pager { command, less: less.unwrap_or(LESS_DEFAULT).to_owned() }
    }

    /// Prints lines, page by page if they go to a terminal and do not fit.
    ///
    /// # Errors
    /// Standard output cannot be written.
    pub fn print(&self, lines: &[String]) -> anyhow::Result<()> {
        match &self.command {
            Some(command) if is_long(lines) && self.show(command, lines)? => Ok(()),
            _ => print(lines),
        }
    }

    /// Runs the pager; whether it exists.
    fn show(&self, command: &str, lines: &[String]) -> anyhow::Result<bool> {
        let mut shell = Command::new("sh");
        shell.args(["-c", command]).env("LESS", &self.less).stdin(Stdio::piped());
        let mut pager = shell.spawn().with_context(|| format!("cannot run the pager `{command}`"))?;
        if let Some(mut stdin) = pager.stdin.take() {
            // Fails if the reader quits early, which is fine.
            let _ = stdin.write_all((lines.join("\n") + "\n").as_bytes());
        }
        let ended = pager.wait().with_context(|| format!("cannot wait for the pager `{command}`"))?;
        Ok(ended.code() != Some(NO_SUCH_PROGRAM))
    }
}

fn is_long(lines: &[String]) -> bool {
    let terminal = Term::stdout();
    if !std::io::stdout().is_terminal() {
        return false;
    }
    let (height, width) = terminal.size();
    let rows = |line: &String| measure_text_width(line).div_ceil(usize::from(width).max(1)).max(1);
    lines.iter().map(rows).sum::<usize>() >= usize::from(height)
}

/// Prints lines.
///
/// # Errors
/// Standard output cannot be written.
pub fn print(lines: &[String]) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    for line in lines {
        writeln!(out, "{line}")?;
    }
    Ok(out.flush()?)
}
