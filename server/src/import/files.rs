//! Finds the files to import and reads their text.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, bail};
use indicatif::ProgressBar;

/// The kinds of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum FileKind {
    /// Events, or payloads of the systems that Hearken knows: one per line, in an array, or a single one
    Json,
    /// One message per row
    Csv,
    /// One conversation, lines of `Speaker: text`
    Transcript,
}

/// A file to import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ImportFile {
    /// The name the user gave it.
    pub(super) name: String,
    /// `None` is standard input.
    pub(super) path: Option<PathBuf>,
    pub(super) kind: FileKind,
    /// The file's name without folders and extensions.
    pub(super) stem: String,
    pub(super) size_bytes: u64,
    /// When the file was last modified, in microseconds since 1970 UTC.
    pub(super) modified_us: i64,
}

/// The files, in the order given and by name within folders, and how many files in folders are of no known kind.
pub(super) fn list(paths: &[String], kind: Option<FileKind>) -> anyhow::Result<(Vec<ImportFile>, usize)> {
    let (mut sources, mut num_ignored) = (Vec::new(), 0);
    for path in paths {
        if path == "-" {
            sources.push(ImportFile {
                name: "standard input".to_owned(),
                path: None,
                kind: kind.unwrap_or(FileKind::Json),
                stem: "stdin".to_owned(),
                size_bytes: 0,
                modified_us: microseconds(SystemTime::now()),
            });
            continue;
        }
        let path = Path::new(path);
        let metadata =
            std::fs::metadata(path).with_context(|| format!("cannot read `{}`", path.display()))?;
        if metadata.is_dir() {
            walk(path, kind, &mut sources, &mut num_ignored)?;
        } else {
            sources.push(source(path, kind.or(kind_of(path)).unwrap_or(FileKind::Json))?);
        }
    }
    if sources.is_empty() {
        bail!("there is nothing to import; name files, folders, or `-` for standard input");
    }
    Ok((sources, num_ignored))
}

fn walk(
    folder: &Path,
    kind: Option<FileKind>,
    sources: &mut Vec<ImportFile>,
    num_ignored: &mut usize,
) -> anyhow::Result<()> {
    let entries = std::fs::read_dir(folder).with_context(|| format!("cannot read `{}`", folder.display()))?;
    let mut paths = entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>()?;
    paths.sort();
    for path in paths {
        // A link to a folder may form a loop; a link to a file is a file.
        if path.is_dir() {
            if !path.is_symlink() {
                walk(&path, kind, sources, num_ignored)?;
            }
        } else {
            match kind_of(&path) {
                Some(named) => sources.push(source(&path, kind.unwrap_or(named))?),
                None => *num_ignored += 1,
            }
        }
    }
    Ok(())
}

fn source(path: &Path, kind: FileKind) -> anyhow::Result<ImportFile> {
    let metadata = std::fs::metadata(path).with_context(|| format!("cannot read `{}`", path.display()))?;
    Ok(ImportFile {
        name: path.display().to_string(),
        path: Some(path.to_owned()),
        kind,
        stem: plain_name(path).split('.').next().unwrap_or_default().to_owned(),
        size_bytes: metadata.len(),
        modified_us: microseconds(metadata.modified().unwrap_or(UNIX_EPOCH)),
    })
}

/// The file's name without its compression extension.
fn plain_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    for ending in [".gz", ".zst", ".zstd"] {
        if let Some(plain) = name.strip_suffix(ending) {
            return plain.to_owned();
        }
    }
    name
}

fn kind_of(path: &Path) -> Option<FileKind> {
    match plain_name(path).rsplit('.').next()?.to_ascii_lowercase().as_str() {
        "json" | "jsonl" | "ndjson" => Some(FileKind::Json),
        "csv" => Some(FileKind::Csv),
        "txt" => Some(FileKind::Transcript),
        _ => None,
    }
}

fn microseconds(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

impl ImportFile {
    /// The text, decompressed according to its first bytes. `bar` advances as the file is read.
    pub(super) fn open(&self, bar: &ProgressBar) -> anyhow::Result<Box<dyn BufRead>> {
        let cannot_read = || format!("cannot read `{}`", self.name);
        let mut bytes: Box<dyn BufRead> = match &self.path {
            None => Box::new(BufReader::new(bar.wrap_read(std::io::stdin()))),
            Some(path) => {
                let file = File::open(path).with_context(cannot_read)?;
                Box::new(BufReader::with_capacity(256 * 1024, bar.wrap_read(file)))
            }
        };
        let start = bytes.fill_buf().with_context(cannot_read)?;
        Ok(if start.starts_with(&[0x1f, 0x8b]) {
            Box::new(BufReader::new(flate2::bufread::MultiGzDecoder::new(bytes)))
        } else if start.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
            Box::new(BufReader::new(zstd::Decoder::with_buffer(bytes).with_context(cannot_read)?))
        } else {
            bytes
        })
    }
}
