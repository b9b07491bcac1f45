//! Progress on stderr, tables on stdout.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use anyhow::Result;
use indicatif::{ProgressBar, ProgressStyle};

/// A bar that counts to `length`; invisible where stderr is no terminal.
pub(crate) fn bar(what: &'static str, length: u64) -> ProgressBar {
    let template = "{prefix:>16} [{bar:40}] {human_pos}/{human_len} {per_sec} {eta}";
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(length).with_style(style.progress_chars("=> ")).with_prefix(what)
}

/// Rows under a header: the first column to the left, the others to the right.
pub(crate) struct Table(Vec<Vec<String>>);

impl Table {
    /// A table with nothing but its header.
    pub(crate) fn new<const N: usize>(header: [&str; N]) -> Table {
        Table(vec![header.map(str::to_owned).to_vec()])
    }

    /// Adds a row with as many cells as the header.
    pub(crate) fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.0.push(cells.to_vec());
    }

    /// The table in Markdown, its columns aligned.
    pub(crate) fn to_markdown(&self) -> String {
        let header = &self.0[0];
        let width_of = |column: usize| {
            self.0.iter().map(|row| row[column].chars().count()).max().unwrap_or_default().max(3)
        };
        let widths: Vec<_> = (0..header.len()).map(width_of).collect();
        let line = |row: &Vec<String>| -> String {
            let cells = row.iter().zip(&widths).enumerate().map(|(column, (cell, width))| {
                if column == 0 { format!(" {cell:width$} |") } else { format!(" {cell:>width$} |") }
            });
            format!("|{}\n", cells.collect::<String>())
        };
        let rule = widths.iter().enumerate().map(|(column, width)| {
            let dashes = "-".repeat(*width);
            if column == 0 { format!(" {dashes} |") } else { format!(" {}: |", &dashes[1..]) }
        });
        let rule = format!("|{}\n", rule.collect::<String>());
        line(header) + &rule + &self.0[1..].iter().map(line).collect::<String>()
    }
}

/// Prints a part of the report.
pub(crate) fn print(text: &str) -> Result<()> {
    Ok(writeln!(std::io::stdout(), "{text}")?)
}

/// Bytes of all files in a directory and below.
pub(crate) fn dir_bytes(dir: &Path) -> Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        bytes += if metadata.is_dir() { dir_bytes(&entry.path())? } else { metadata.len() };
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::Table;

    #[test]
    fn columns_are_aligned_and_the_rule_is_markdown() {
        let mut table = Table::new(["what", "MB/s"]);
        table.row(["bare rdkafka".into(), "123.4".into()]);
        table.row(["c/a".into(), "0.1".into()]);
        let expected = "| what         |  MB/s |\n| ------------ | ----: |\n\
                        | bare rdkafka | 123.4 |\n| c/a          |   0.1 |\n";
        assert_eq!(table.to_markdown(), expected);
    }
}
