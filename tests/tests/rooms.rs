//! The rules of the rooms, which ARCHITECTURE.md states: who may use whom, and who alone may name what.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;
use std::process::Command;

use hearken_tests::hearken::workspace_root;
use serde_json::Value;

/// Each room and the rooms that it may use. Ingest and query never see each other.
const MAY_USE: [(&str, &[&str]); 14] = [
    ("model", &[]),
    ("geoip", &["model"]),
    ("analysis", &["model"]),
    ("billing", &["model"]),
    ("privacy", &["model"]),
    ("config", &["model", "billing"]),
    ("index", &["model"]),
    ("index/memory", &["model", "index"]),
    ("index/opensearch", &["model", "index"]),
    ("index/tantivy", &["model", "index"]),
    ("ingest", &["model", "geoip", "analysis", "billing", "privacy", "config", "index"]),
    ("query", &["model", "index"]),
    ("web", &["model", "query"]),
    (
        "server",
        &[
            "model",
            "geoip",
            "analysis",
            "billing",
            "config",
            "index",
            "index-opensearch",
            "index-tantivy",
            "ingest",
            "query",
            "web",
        ],
    ),
];

/// What is named in few places, and the beginnings of the paths that may. Tests beside the code are not bound.
const NAMED_ONLY_IN: [(&str, &[&str]); 9] = [
    ("tantivy::", &["index/tantivy/src"]),
    ("hearken_index_opensearch::", &["index/opensearch/src", "server/src"]),
    ("hearken_index_tantivy::", &["index/tantivy/src", "server/src"]),
    ("rdkafka::", &["ingest/src/kafka"]),
    ("axum::", &["query/src", "web/src", "server/src/demo"]),
    ("std::env::", &["server/src"]),
    ("env::var", &["server/src"]),
    ("tokio::signal", &["server/src"]),
    ("process::exit", &["server/src"]),
];

#[test]
fn a_room_uses_only_the_rooms_below_it() {
    for (room, allowed) in MAY_USE {
        let manifest = fs::read_to_string(workspace_root().join(room).join("Cargo.toml")).unwrap();
        let dependencies = manifest.split("[dev-dependencies]").next().unwrap_or_default();
        let used = dependencies
            .lines()
            .filter_map(|line| line.trim().strip_prefix("hearken-")?.split(['.', ' ', '=']).next());
        for used in used.filter(|used| *used != room) {
            assert!(allowed.contains(&used), "`{room}` must not use `{used}`");
        }
    }
}

#[test]
fn engines_the_environment_and_the_process_are_named_only_where_they_belong() {
    let mut num_files = 0;
    for (room, _) in MAY_USE {
        each_source(&workspace_root().join(room).join("src"), &mut |path, source| {
            num_files += 1;
            let path = path.strip_prefix(workspace_root()).unwrap().to_str().unwrap();
            for (name, places) in NAMED_ONLY_IN {
                let allowed = places.iter().any(|place| path.starts_with(place));
                let named = source.lines().any(|line| is_named(line, name));
                assert!(allowed || !named, "{path} names `{name}`, which only {places:?} may");
            }
        });
    }
    assert!(num_files > MAY_USE.len(), "{num_files} sources");
}

/// Clippy's `incompatible_msrv` watches what our own code uses of the standard library.
#[test]
fn no_dependency_needs_a_newer_rust_than_the_workspace_promises() {
    let metadata = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked", "--offline"])
        .current_dir(workspace_root())
        .output()
        .unwrap();
    assert!(metadata.status.success(), "{}", String::from_utf8_lossy(&metadata.stderr));
    let metadata: Value = serde_json::from_slice(&metadata.stdout).unwrap();
    let version = |text: &str| {
        let mut parts = text.split('.').map(|part| part.parse::<u32>().unwrap());
        [(); 3].map(|()| parts.next().unwrap_or(0))
    };
    let packages = metadata["packages"].as_array().unwrap();
    let promised = packages.iter().find(|package| package["name"] == "hearken").unwrap();
    let promised = promised["rust_version"].as_str().unwrap();
    assert!(packages.len() > 100, "{} packages", packages.len());
    for package in packages {
        let Some(needed) = package["rust_version"].as_str() else { continue };
        assert!(
            version(needed) <= version(promised),
            "{} {} needs Rust {needed}, but `rust-version` in Cargo.toml is {promised}",
            package["name"],
            package["version"]
        );
    }
}

/// Whether a line of code names a crate's path; a module of ours may have the crate's name, or a name that ends alike.
fn is_named(line: &str, name: &str) -> bool {
    let comment = line.trim_start().starts_with("//");
    let goes_on = |before: &str| before.ends_with(|c: char| c == '_' || c.is_alphanumeric());
    let begins_at = |at: usize| !line[..at].ends_with("::") && !goes_on(&line[..at]);
    !comment && line.match_indices(name).any(|(at, _)| begins_at(at))
}

/// Calls `look` with each source under `dir`, without its tests.
fn each_source(dir: &Path, look: &mut impl FnMut(&Path, &str)) {
    let parents = [dir.join("lib.rs"), dir.join("mod.rs"), dir.with_extension("rs")];
    let parents: String = parents.iter().filter_map(|parent| fs::read_to_string(parent).ok()).collect();
    for entry in fs::read_dir(dir).unwrap().map(Result::unwrap) {
        let path = entry.path();
        let module = path.file_stem().unwrap().to_str().unwrap();
        if parents.contains(&format!("#[cfg(test)]\nmod {module};")) {
            continue;
        }
        if path.is_dir() {
            each_source(&path, look);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let source = fs::read_to_string(&path).unwrap();
            look(&path, source.split("#[cfg(test)]\nmod ").next().unwrap_or_default());
        }
    }
}
