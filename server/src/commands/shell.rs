//! `hearken completions` and `hearken man`: shell completions and manual pages.

use std::path::Path;

use anyhow::Context as _;
use clap::Command;
use clap_complete::Shell;

/// Prints the completions of a shell.
///
/// # Errors
/// Standard output cannot be written.
pub fn completions(mut command: Command, shell: Shell) -> anyhow::Result<()> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut command, "hearken", &mut text);
    Ok(std::io::Write::write_all(&mut std::io::stdout().lock(), &text)?)
}

/// Writes a manual page for the program and each of its commands.
///
/// # Errors
/// The folder cannot be written.
pub fn man(command: Command, folder: &Path) -> anyhow::Result<()> {
    let cannot_write = || format!("cannot write manual pages into `{}`", folder.display());
    std::fs::create_dir_all(folder).with_context(cannot_write)?;
    clap_mangen::generate_to(command, folder).with_context(cannot_write)
}
