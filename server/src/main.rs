//! The `hearken` program: arguments, environment and exit codes; everything else is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    hearken::cli::run(std::env::args_os(), std::env::vars())
}
