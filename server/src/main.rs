//! The `hearken` program: arguments, environment and exit codes; everything else is in the library.

use std::process::ExitCode;

/// At every refresh, tantivy allocates and drops a table of 4 MB and more, on a thread that ends with it; the system
/// allocator returns such memory to the kernel each time. docs/adr/0005 has the measurement.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    hearken::cli::run(std::env::args_os(), std::env::vars())
}
