//! The house rules that a machine can hold. Each test names every place that breaks its rule.
//!
//! Looked at is what git tracks or would track; without git, everything below the root but `target`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use local::functions::{FUNCTIONS, PUSHES, TICKS};
use shared::pubsub::Topic;

/// Longest Rust file, in lines.
const LINES_MAX: usize = 600;

/// A file of the project.
struct File {
    /// From the root, with `/` on every machine.
    path: String,
    text: String,
}

impl File {
    fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// Its lines by number, without comments.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(n, line)| (n + 1, line.split("//").next().unwrap_or("")))
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package lies below the root").to_path_buf()
}

fn files() -> Vec<File> {
    let root = root();
    let listed = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(&root)
        .output()
        .ok()
        .filter(|output| output.status.success())
        .map(|output| String::from_utf8_lossy(&output.stdout).lines().map(str::to_string).collect());
    let mut paths: Vec<String> = listed.unwrap_or_else(|| walk(&root, &root));
    paths.sort();
    // What is not text has no rules; what was deleted and not yet committed neither.
    let read = |path: String| Some(File { text: std::fs::read_to_string(root.join(&path)).ok()?, path });
    let files: Vec<File> = paths.into_iter().filter_map(read).collect();
    assert!(files.iter().any(|f| f.path == "Cargo.toml"), "the rules look at nothing");
    files
}

fn walk(root: &Path, folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        if path.is_dir() {
            if name != "target" && name != ".git" {
                found.extend(walk(root, &path));
            }
        } else if let Ok(below) = path.strip_prefix(root) {
            found.push(below.to_string_lossy().replace('\\', "/"));
        }
    }
    found
}

/// Whether `word` stands in `line` by itself.
fn has_word(line: &str, word: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        let (before, after) = (&line[..at], &line[at + word.len()..]);
        !before.ends_with(part) && !after.starts_with(part)
    })
}

#[track_caller]
fn assert_none(rule: &str, found: Vec<String>) {
    assert!(found.is_empty(), "{rule}:\n  {}", found.join("\n  "));
}

/// Places at which one of `words` stands in the code of the files that `of` keeps.
fn words_in_code(of: impl Fn(&File) -> bool, words: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for file in files().iter().filter(|f| f.is_rust() && of(f)) {
        for (number, line) in file.code() {
            let bad = words.iter().filter(|word| has_word(line, word));
            found.extend(bad.map(|word| format!("{}:{number} {word}", file.path)));
        }
    }
    found
}

#[test]
fn the_domain_is_pure() {
    let words = [
        "sqlx",
        "redis",
        "reqwest",
        "axum",
        "tokio",
        "tracing",
        "std::env",
        "std::fs",
        "std::net",
        "SystemTime",
        "Instant",
        "Utc::now",
        "Local::now",
        "rand",
        "fastrand",
        "new_v4",
        "async",
        "await",
        "println",
        "eprintln",
    ];
    let found = words_in_code(|f| f.path.starts_with("shared/src/domain/"), &words);
    assert_none("shared/src/domain has no I/O, no clock, no async, no randomness", found);
}

#[test]
fn the_environment_is_read_in_one_place() {
    let words = ["env::var", "env::vars", "env::var_os", "env::vars_os", "env::set_var"];
    let found =
        words_in_code(|f| f.path != "shared/src/runtime/env.rs" && !f.path.ends_with("/tidy.rs"), &words);
    assert_none("the environment is read in shared/src/runtime/env.rs alone", found);
}

#[test]
fn no_file_is_named_for_nothing() {
    let empty = ["utils", "util", "common", "helpers", "helper", "manager", "misc"];
    let mut found = Vec::new();
    for file in files() {
        let parts = file.path.split('/').map(|part| part.split('.').next().unwrap_or(part));
        if parts.into_iter().any(|part| empty.contains(&part)) {
            found.push(file.path.clone());
        }
        for (number, line) in file.code().filter(|_| file.is_rust()) {
            let words: Vec<&str> = line.split([' ', ';', '{']).collect();
            if words.windows(2).any(|w| w[0] == "mod" && empty.contains(&w[1])) {
                found.push(format!("{}:{number} {line}", file.path));
            }
        }
    }
    assert_none("a module is named for what it is about", found);
}

#[test]
fn nothing_is_left_for_later() {
    // Put together, so that this file does not break its own rule.
    let macros = [["to", "do!"], ["unimple", "mented!"], ["db", "g!"], ["#[ig", "nore"]].map(|p| p.concat());
    let marks = [["TO", "DO"], ["FIX", "ME"], ["XX", "X"]].map(|p| p.concat());
    let source = [".rs", ".toml", ".sh", ".json", ".md", ".html", ".js", ".css", ".sql", ".tf", ".php"];
    let mut found = Vec::new();
    for file in files().iter().filter(|f| source.iter().any(|end| f.path.ends_with(end))) {
        for (number, line) in file.text.lines().enumerate() {
            let bad = macros.iter().filter(|m| file.is_rust() && line.contains(m.as_str()));
            let bad = bad.chain(marks.iter().filter(|mark| has_word(line, mark)));
            found.extend(bad.map(|word| format!("{}:{} {word}", file.path, number + 1)));
        }
    }
    assert_none("what is not done is an issue, not a mark in the source", found);
}

#[test]
fn every_rust_file_can_be_read_in_one_sitting() {
    let lengths = files().into_iter().filter(File::is_rust).map(|f| (f.text.lines().count(), f.path));
    let long = lengths.filter(|(lines, _)| *lines >= LINES_MAX);
    assert_none(
        "a Rust file has fewer than 600 lines",
        long.map(|(n, path)| format!("{path}: {n}")).collect(),
    );
}

/// The names of a crate's dependencies that are crates of this workspace.
fn workspace_dependencies(manifest: &str, members: &BTreeSet<String>) -> Vec<String> {
    let mut found = Vec::new();
    let mut section = "";
    for line in manifest.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('[').and_then(|l| l.strip_suffix(']')) {
            section = name;
        } else if section.ends_with("dependencies")
            && let Some((name, _)) = line.split_once(['.', '='])
            && members.contains(name.trim())
        {
            found.push(name.trim().to_string());
        }
    }
    found
}

#[test]
fn a_function_depends_on_shared_alone() {
    let files = files();
    let manifest = |path: &str| files.iter().find(|f| f.path == path).map_or("", |f| f.text.as_str());
    let mut members: BTreeSet<String> = FUNCTIONS.iter().map(ToString::to_string).collect();
    members.extend(["shared", "local", "simulation", "suitex-sync"].map(str::to_string));
    let mut found = Vec::new();
    for function in FUNCTIONS {
        let path = format!("functions/{function}/Cargo.toml");
        let others = workspace_dependencies(manifest(&path), &members);
        if others != ["shared"] {
            found.push(format!("{path}: {others:?}"));
        }
    }
    assert!(
        workspace_dependencies(manifest("local/Cargo.toml"), &members).len() > FUNCTIONS.len(),
        "it looks at nothing"
    );
    assert_none("a function depends on shared alone of this workspace", found);
}

#[test]
fn shipped_crates_cannot_link_the_simulators() {
    let members = ["local", "suiteql", "simulation"].map(str::to_string).into();
    let manifest = std::fs::read_to_string(root().join("shared/Cargo.toml")).expect("shared has a manifest");
    assert_none("shared depends on no simulator", workspace_dependencies(&manifest, &members));
}

#[test]
fn every_function_has_the_same_shape() {
    let paths: BTreeSet<String> = files().into_iter().map(|f| f.path).collect();
    let mut found = Vec::new();
    for function in FUNCTIONS {
        for file in ["lib.rs", "handler.rs"] {
            let path = format!("functions/{function}/src/{file}");
            if !paths.contains(&path) {
                found.push(format!("{path} is missing"));
            }
        }
    }
    let crates = paths.iter().filter_map(|p| p.strip_prefix("functions/")?.strip_suffix("/Cargo.toml"));
    found.extend(
        crates.filter(|c| !FUNCTIONS.contains(c)).map(|c| format!("{c} is not in local/src/functions.rs")),
    );
    assert_none("a function has lib.rs and handler.rs, and its place in the table", found);
}

#[test]
fn topics_and_subscriptions_are_named_once() {
    let files = files();
    let table = files.iter().find(|f| f.path == "local/src/functions.rs").expect("the table of functions");
    let mut found = Vec::new();
    let mut names = BTreeSet::new();
    for push in PUSHES {
        let times = table.text.matches(&format!("\"{}\"", push.subscription)).count();
        if times != 1 || !names.insert(push.subscription) {
            found.push(format!("subscription {} stands {times} times in its table", push.subscription));
        }
        if !FUNCTIONS.contains(&push.function) {
            found.push(format!("subscription {} pushes to {}", push.subscription, push.function));
        }
    }
    for topic in Topic::ALL {
        if !PUSHES.iter().any(|push| push.topic == topic) {
            found.push(format!("topic {} has no subscription", topic.as_str()));
        }
        let name = format!("\"{}\"", topic.as_str());
        let is_test = |f: &File| {
            f.path.contains("/tests/") || f.path.ends_with("tests.rs") || f.path.starts_with("tests/")
        };
        let naming = files.iter().filter(|f| f.is_rust() && !is_test(f) && f.text.contains(&name));
        let naming: Vec<&str> = naming.map(|f| f.path.as_str()).collect();
        if naming != ["shared/src/pubsub/mod.rs"] {
            found.push(format!("topic {name} is spelled out in {naming:?}"));
        }
    }
    found
        .extend(TICKS.iter().filter(|(f, _)| !FUNCTIONS.contains(f)).map(|(f, _)| format!("a tick for {f}")));
    assert_none("a name of the bus stands in one place", found);
}

#[test]
fn documents_speak_of_the_product_alone() {
    let paths = ["/work/", "/root/", "/home/", "/Users/"];
    let words = ["agent", "agents", "session", "sessions", "workplace", "sandbox"];
    let mut found = Vec::new();
    for file in files().iter().filter(|f| f.path.ends_with(".md")) {
        for (number, line) in file.text.lines().enumerate() {
            let lower = line.to_lowercase();
            let bad = paths
                .iter()
                .filter(|p| line.contains(*p))
                .chain(words.iter().filter(|w| has_word(&lower, w)));
            found.extend(bad.map(|word| format!("{}:{} {word}", file.path, number + 1)));
        }
    }
    assert_none("a document says what the product is, wherever it is read", found);
}

#[test]
fn no_file_names_a_package_registry() {
    let hosts = [
        ["crates", ".io"],
        ["npmjs", ".org"],
        ["pypi", ".org"],
        ["deb.debian", ".org"],
        ["packagist", ".org"],
    ];
    let hosts = hosts.map(|parts| parts.concat());
    let is_lock = |f: &File| f.path.ends_with(".lock") || f.path.ends_with("-lock.json");
    let mut found = Vec::new();
    for file in files().iter().filter(|f| !is_lock(f)) {
        for (number, line) in file.text.lines().enumerate() {
            let bad = hosts.iter().filter(|host| line.contains(host.as_str()));
            found.extend(bad.map(|host| format!("{}:{} {host}", file.path, number + 1)));
        }
    }
    assert_none("where packages come from is the package manager's business", found);
}

#[test]
fn words_are_found_by_themselves() {
    assert!(has_word("use rand::Rng;", "rand") && has_word("(async move)", "async"));
    assert!(
        !has_word("operand", "rand") && !has_word("rand_core", "rand") && !has_word("asynchronous", "async")
    );
}
