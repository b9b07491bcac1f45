//! What documents, comments, errors and pages name exists: routes, commands, settings, metrics, files and their headings.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use hearken_tests::hearken::{hearken_binary, workspace_root};
use regex::Regex;

/// Texts of the project by their paths from its root.
type Texts = BTreeMap<String, String>;

#[test]
fn every_route_exists() {
    let routes = routes();
    let exists = |named: &str| {
        let (method, path) = named.split_once(' ').unwrap_or(("", named));
        let path: Vec<&str> = path.trim_matches(['/', '.', ',', ':']).split('/').collect();
        routes.iter().any(|(route_method, route)| {
            let route: Vec<&str> = route.trim_start_matches('/').split('/').collect();
            // A beginning is enough: `format!("/v1/views/{}", …)`, and prose about all of a kind.
            (method.is_empty() || method == route_method)
                && path.len() <= route.len()
                && path.iter().zip(&route).all(|(name, part)| name == part || part.starts_with('{'))
        })
    };
    let of_api = Regex::new(r"/v1/[\w%.,:{}<>/-]*").unwrap();
    let quoted = Regex::new(r"`((?:[A-Z]+ )?/[a-z][\w.{}<>/-]*)(?:\?[^`]*)?`").unwrap();
    let named = |text: &str| {
        let mut named = matches(&of_api, text);
        named.extend(captures(&quoted, text));
        named
    };
    // An example, and what looks like a path.
    let others = ["/v1/things", "/proc", "/regex/"];
    let texts = documents().into_iter().chain(shipped());
    assert_all_exist(texts.collect(), named, |named| others.contains(&named) || exists(named));
}

/// Methods and paths of the API and of the pages.
fn routes() -> Vec<(String, String)> {
    let description = fs::read_to_string(workspace_root().join("query/src/http/openapi.json")).unwrap();
    let description: serde_json::Value = serde_json::from_str(&description).unwrap();
    let mut routes = Vec::new();
    for (path, operations) in description["paths"].as_object().unwrap() {
        let methods = operations.as_object().unwrap().keys();
        routes.extend(methods.map(|method| (method.to_uppercase(), path.clone())));
    }
    let pages = fs::read_to_string(workspace_root().join("web/src/handlers.rs")).unwrap();
    let page = Regex::new(r#"\.(get|post)\("(/[^"]*)""#).unwrap();
    routes.extend(page.captures_iter(&pages).map(|found| (found[1].to_uppercase(), found[2].to_owned())));
    assert!(routes.iter().any(|(_, path)| path == "/overview"), "{routes:?}");
    routes
}

#[test]
fn every_command_and_option_exists() {
    let folder = tempfile::tempdir().unwrap();
    let binary = hearken_binary().unwrap();
    let made = Command::new(binary).arg("man").arg(folder.path()).status().unwrap();
    assert!(made.success());
    // One page for each command: `hearken-index-check.1`.
    let manual: BTreeMap<String, String> = fs::read_dir(folder.path())
        .unwrap()
        .map(|page| page.unwrap().path())
        .map(|page| {
            let name = page.file_stem().unwrap().to_str().unwrap().to_owned();
            (name, fs::read_to_string(page).unwrap().replace("\\-", "-"))
        })
        .collect();
    assert!(manual.len() > 10, "{:?}", manual.keys());
    let quoted = Regex::new(r"`(hearken [^`]+)`").unwrap();
    let in_block = Regex::new(r"(?m)^(?: {4}|\$ )(hearken [^\n]+)$").unwrap();
    let commands = |text: &str| {
        let mut commands = captures(&quoted, text);
        commands.extend(captures(&in_block, text));
        commands
    };
    let texts = documents().into_iter().chain(shipped());
    assert_all_exist(texts.collect(), commands, |command| is_command(command, &manual));
}

/// Whether the manual knows the subcommands of a command line, and on their page its options.
fn is_command(line: &str, manual: &BTreeMap<String, String>) -> bool {
    let end = line.find(['#', ';', '>', '"', '\'']).unwrap_or(line.len());
    let mut page = "hearken".to_owned();
    let mut words = line[..end].split_whitespace().skip(1).peekable();
    while manual.keys().any(|name| name.starts_with(&format!("{page}-"))) {
        // Whatever is said about the program as a whole: `hearken --help`.
        let Some(word) = words.next_if(|word| word.starts_with(|c: char| c.is_ascii_lowercase())) else {
            break;
        };
        let pages: Vec<String> = word.split('|').map(|word| format!("{page}-{word}")).collect();
        if !pages.iter().all(|page| manual.contains_key(page)) {
            return false;
        }
        page = pages[0].clone();
    }
    let options =
        words.filter(|word| word.starts_with("--")).map(|option| option.split('=').next().unwrap_or(option));
    options.into_iter().all(|option| manual[&page].contains(option))
}

#[test]
fn every_setting_and_variable_exists() {
    let keys = settings();
    let sections: BTreeSet<&str> = keys.iter().filter_map(|key| key.split('.').next()).collect();
    let dotted = Regex::new(r"`([a-z]+(?:\.[a-z_]+)+)(?: = [^`]*)?`").unwrap();
    let in_section = Regex::new(r"`\[{1,2}([a-z_.]+)\]{1,2}(?: ([a-z_]+))?").unwrap();
    let variable = Regex::new(r"HEARKEN_[A-Z_]*[A-Z]").unwrap();
    // Of interactions, not of the configuration; and files.
    let others = ["analysis.by", "analysis.version", "analysis.at", "log.rs", "index.rs", "index.rebuilding"];
    let named = |text: &str| {
        let mut named = captures(&dotted, text);
        named.retain(|name| sections.contains(name.split('.').next().unwrap()));
        for found in in_section.captures_iter(text) {
            match found.get(2) {
                Some(key) => named.push(format!("{}.{}", &found[1], key.as_str())),
                // A name in brackets alone may be a placeholder, as `[email]`.
                None if sections.contains(found[1].split('.').next().unwrap()) => {
                    named.push(found[1].to_owned())
                }
                None => {}
            }
        }
        named.retain(|name| !others.contains(&name.as_str()));
        named.extend(matches(&variable, text));
        named
    };
    let read = variables_read();
    let exists = |name: &str| match name.strip_prefix("HEARKEN_") {
        Some(variable) if variable.contains("__") => {
            keys.contains(&variable.to_lowercase().replace("__", "."))
                || variable.starts_with("KAFKA__LIBRDKAFKA__")
        }
        Some(_) => read.contains(name),
        None => keys.contains(name),
    };
    let texts = documents().into_iter().chain(shipped());
    assert_all_exist(texts.collect(), named, exists);
}

/// Every section and every key of the sample, which a test in `config` holds to be all there are.
fn settings() -> BTreeSet<String> {
    let sample = fs::read_to_string(workspace_root().join("config/src/sample.toml")).unwrap();
    let section_line = Regex::new(r"^#?\[{1,2}([a-z_.]+)\]{1,2}$").unwrap();
    let key_line = Regex::new(r"^#?([a-z_]+) = ").unwrap();
    let mut section = String::new();
    let mut keys = BTreeSet::new();
    for line in sample.lines() {
        if let Some(found) = section_line.captures(line) {
            section = found[1].to_owned();
            keys.insert(section.clone());
        } else if let Some(found) = key_line.captures(line) {
            keys.insert(format!("{section}.{}", &found[1]));
        }
    }
    assert!(keys.contains("http.listen") && keys.contains("billing.prices.model"), "{keys:?}");
    keys
}

/// Environment variables that some program of the project reads.
fn variables_read() -> BTreeSet<String> {
    let read = Regex::new(r#"(?:"|\$\{?|process\.env\.)(HEARKEN_[A-Z_]+)"#).unwrap();
    let programs = texts(&[".rs", ".mjs", "run", "justfile"]);
    programs.values().flat_map(|text| captures(&read, text)).collect()
}

#[test]
fn every_metric_exists_and_the_reference_lists_them_all() {
    let registered = Regex::new(r#""(hearken_[a-z_]+)",?\s*\n?\s*(?:"|&)"#).unwrap();
    let mut families: BTreeSet<String> = BTreeSet::new();
    for (path, text) in shipped().iter().filter(|(path, _)| path.ends_with("metrics.rs")) {
        let found = captures(&registered, text);
        assert!(!found.is_empty(), "{path}");
        families.extend(found);
    }
    let named = Regex::new(r"\bhearken_[a-z_]+[a-z]\b").unwrap();
    let ops = texts(&[".yml", ".json"]).into_iter().filter(|(path, _)| path.starts_with("ops/"));
    let texts: Texts = documents().into_iter().chain(ops).collect();
    let manifests = self::texts(&["Cargo.toml"]);
    let package = Regex::new(r#"(?m)^name = "(hearken[a-z-]*)""#).unwrap();
    let crates: Vec<String> = manifests
        .values()
        .flat_map(|text| captures(&package, text))
        .map(|name| name.replace('-', "_"))
        .collect();
    let exists = |name: &str| {
        let family = ["_bucket", "_sum", "_count"].iter().find_map(|part| name.strip_suffix(part));
        families.contains(name)
            || family.is_some_and(|name| families.contains(name))
            || crates.iter().any(|known| known == name)
    };
    assert_all_exist(texts, |text| matches(&named, text), exists);

    let reference = fs::read_to_string(workspace_root().join("docs/reference.md")).unwrap();
    let listed: BTreeSet<String> = matches(&named, &reference).into_iter().collect();
    let unlisted: Vec<_> = families.difference(&listed).collect();
    assert!(unlisted.is_empty(), "docs/reference.md#metrics does not list {unlisted:?}");
}

#[test]
fn every_file_and_heading_exists() {
    let root = workspace_root();
    let link = Regex::new(r"\]\(([^)\s]+)\)").unwrap();
    let path = Regex::new(r"(?:^|[\s`(\x22])((?:[\w.-]+/)+[\w.{},-]+\.(?:rs|md|toml|jsonl|json|yml|mjs|js|css|tsv)\b(?:#[\w-]+)?)").unwrap();
    let top: BTreeSet<String> = fs::read_dir(&root)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_str().unwrap().to_owned())
        .collect();
    let mut missing = Vec::new();
    for (file, text) in texts(&[".md", ".rs", ".toml", ".yml", "justfile", "run"]) {
        let folder = Path::new(&file).parent().unwrap();
        if file.ends_with(".md") {
            for target in captures(&link, &text).iter().filter(|target| !target.contains("://")) {
                let (target, heading) = target.split_once('#').unwrap_or((target, ""));
                let target =
                    if target.is_empty() { root.join(&file) } else { root.join(folder).join(target) };
                if !has(&target, heading) {
                    missing.push(format!("{file} links to {}#{heading}", target.display()));
                }
            }
        }
        let named = captures(&path, &text);
        // Paths in the folder of real data are not ours.
        let is_ours =
            |path: &&String| top.contains(path.split('/').next().unwrap()) && !path.ends_with("ips.jsonl");
        for named in named.iter().filter(is_ours) {
            let (target, heading) = named.split_once('#').unwrap_or((named, ""));
            // `src/…` is that of the room that says so.
            let places =
                |target: &str| folder.ancestors().any(|place| has(&root.join(place).join(target), heading));
            if !alternatives(target).iter().all(|target| places(target)) {
                missing.push(format!("{file} names {named}"));
            }
        }
    }
    assert!(missing.is_empty(), "these do not exist:\n{}", missing.join("\n"));
}

/// Whether there is such a file or folder and, in a document, such a heading; `""` asks for none.
fn has(path: &Path, heading: &str) -> bool {
    if heading.is_empty() {
        return path.exists();
    }
    let Ok(text) = fs::read_to_string(path) else { return false };
    let headings = text.lines().filter(|line| line.starts_with('#'));
    headings.into_iter().any(|line| anchor(line.trim_start_matches('#').trim()) == heading)
}

/// The anchor that a heading gets in rendered Markdown.
fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c.to_ascii_lowercase() }).collect()
}

/// `a/{b,c}.rs` written out.
fn alternatives(path: &str) -> Vec<String> {
    match path.split_once('{').and_then(|(before, rest)| Some((before, rest.split_once('}')?))) {
        Some((before, (names, behind))) => {
            names.split(',').map(|name| format!("{before}{name}{behind}")).collect()
        }
        None => vec![path.to_owned()],
    }
}

/// Reasons are stated where they are needed, or in a document of the project: never by the number of something that a
/// reader does not have.
#[test]
fn nothing_is_explained_by_a_text_that_is_not_here() {
    let elsewhere = Regex::new(
        r"(?i)contract's|\bcontract,? (?:section|names|says|defines|\d)|\b(?:by|of|in|see) the contract\b|\bpitfalls? \d|\bdesign\.md|\b(?:section|decision) \d|\bissue #?\d",
    )
    .unwrap();
    // Standards have sections.
    let standard = Regex::new(r"(?i)RFC|UAX|UTS|ISO|ICDE").unwrap();
    let mut found = Vec::new();
    let texts = texts(&[".md", ".rs", ".toml", ".yml", ".js", ".mjs", ".css", "run", "justfile"]);
    for (path, text) in texts.iter().filter(|(path, _)| !path.ends_with("tests/docs.rs")) {
        let lines = text.lines().enumerate();
        let cites =
            |line: &str| elsewhere.is_match(line) && !standard.is_match(line) && !line.contains("\\n");
        found.extend(
            lines
                .filter(|(_, line)| cites(line))
                .map(|(at, line)| format!("{path}:{}: {}", at + 1, line.trim())),
        );
    }
    assert!(found.is_empty(), "point to docs/reference.md or an ADR instead:\n{}", found.join("\n"));
}

/// Fails with every place that names what does not exist.
fn assert_all_exist(texts: Texts, named: impl Fn(&str) -> Vec<String>, exists: impl Fn(&str) -> bool) {
    let mut num_named = 0;
    let mut missing = Vec::new();
    for (path, text) in texts {
        let names = named(&text);
        num_named += names.len();
        missing.extend(names.iter().filter(|name| !exists(name)).map(|name| format!("{path}: {name}")));
    }
    assert!(num_named > 10, "only {num_named} names were found");
    assert!(missing.is_empty(), "these do not exist:\n{}", missing.join("\n"));
}

/// The documents; without the changelog and what is said about other projects, which also name what is gone.
fn documents() -> Texts {
    let mut documents = texts(&[".md"]);
    documents.retain(|path, _| !["CHANGELOG.md", "docs/tried.md"].contains(&path.as_str()));
    documents
}

/// What users may meet: the sources of the program without its tests, its pages, its sample, its alerts.
fn shipped() -> Texts {
    const ROOMS: [&str; 10] =
        ["model", "geoip", "analysis", "billing", "privacy", "config", "index", "ingest", "query", "web"];
    let mut shipped = texts(&[".rs", ".js", ".toml", ".yml"]);
    shipped.retain(|path, _| {
        let is_room = ROOMS.iter().chain(["server"].iter()).any(|room| path.starts_with(&format!("{room}/")));
        let is_test = path.contains("/tests") || path.ends_with("tests.rs") || path.contains("/conformance");
        (is_room || path.starts_with("ops/")) && !is_test && !path.ends_with("Cargo.toml")
    });
    for text in shipped.values_mut() {
        let end = text.find("#[cfg(test)]\nmod tests {").unwrap_or(text.len());
        text.truncate(end);
    }
    shipped
}

/// All of the project's own texts whose names end so.
fn texts(endings: &[&str]) -> Texts {
    fn collect(folder: &Path, endings: &[&str], texts: &mut Texts) {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let (path, name) = (entry.path(), entry.file_name().into_string().unwrap());
            if path.is_dir() {
                let is_ours = !["target", "node_modules", ".git"].contains(&name.as_str())
                    && !path.join(".git").exists();
                if is_ours {
                    collect(&path, endings, texts);
                }
            } else if endings.iter().any(|ending| name.ends_with(ending)) {
                let from_root = path.strip_prefix(workspace_root()).unwrap().to_str().unwrap().to_owned();
                texts.insert(from_root, fs::read_to_string(&path).unwrap());
            }
        }
    }
    let mut texts = Texts::new();
    collect(&workspace_root(), endings, &mut texts);
    assert!(!texts.is_empty(), "{endings:?}");
    texts
}

fn matches(pattern: &Regex, text: &str) -> Vec<String> {
    pattern.find_iter(text).map(|found| found.as_str().to_owned()).collect()
}

/// The first group of every match.
fn captures(pattern: &Regex, text: &str) -> Vec<String> {
    pattern.captures_iter(text).map(|found| found[1].to_owned()).collect()
}
