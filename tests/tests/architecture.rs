//! The shape of the house, read from its files: which crate may import which, how a file looks, what it may not say.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use harness::repository;

/// Production code longer than this is two things in one file.
const LINES_MAX: usize = 500;

/// Which crates of the workspace each crate may name, in production and in its tests.
const ARROWS: &[(&str, &[&str])] = &[
    ("cesql", &[]),
    ("schemas", &["cesql"]),
    ("journal", &[]),
    ("broker", &["journal", "schemas"]),
    ("sources", &["broker", "schemas"]),
    ("dispatcher", &["broker", "schemas"]),
    // The binary wires all of it, but sees the journal only through the broker.
    ("heddle", &["sources", "dispatcher", "broker", "schemas"]),
];

/// Crates that may import anything, and that nothing imports.
const ABOVE_ALL: &[&str] = &["tests", "bench", "bench/micro"];

#[test]
fn arrows_between_crates_run_one_way() {
    let crates: BTreeSet<&str> = ARROWS.iter().map(|&(name, _)| name).collect();
    for &(name, allowed) in ARROWS {
        let manifest = repository::read(format!("{name}/Cargo.toml"));
        for imported in dependencies(&manifest) {
            let allowed = !crates.contains(imported.as_str()) || allowed.contains(&imported.as_str());
            assert!(allowed, "{name}/Cargo.toml: {name} may not import {imported}");
            assert!(
                !ABOVE_ALL.contains(&imported.as_str()),
                "{name}/Cargo.toml: nothing imports {imported}"
            );
        }
    }
}

#[test]
fn every_crate_of_the_workspace_has_its_arrows() {
    let manifest = repository::read("Cargo.toml");
    let members = manifest
        .lines()
        .find_map(|line| line.strip_prefix("members = ["))
        .expect("the members in a line");
    for member in members.trim_end_matches(']').split(',') {
        let member = member.trim().trim_matches('"');
        let known = ARROWS.iter().any(|&(name, _)| name == member) || ABOVE_ALL.contains(&member);
        assert!(known, "the crate {member} has no place among the arrows");
        let lints = repository::read(format!("{member}/Cargo.toml"));
        assert!(
            lints.contains("[lints]\nworkspace = true"),
            "{member} follows the workspace's lints"
        );
    }
}

#[test]
fn the_journal_knows_no_async_runtime_and_no_events() {
    let manifest = repository::read("journal/Cargo.toml");
    let imported = dependencies(&manifest);
    for stranger in ["tokio", "cloudevents-sdk", "hyper", "axum", "sled"] {
        assert!(!imported.contains(stranger), "the journal imports {stranger}");
    }
}

#[test]
fn modules_lie_beside_their_folder() {
    let strays: Vec<_> = rust_files()
        .into_iter()
        .filter(|path| path.ends_with("mod.rs"))
        .collect();
    assert!(
        strays.is_empty(),
        "foo.rs beside foo/, not foo/mod.rs: {strays:?}"
    );
}

#[test]
fn no_file_of_production_code_is_too_long() {
    let long = |path: &PathBuf| {
        let lines = repository::read(path).lines().count();
        (lines > LINES_MAX).then(|| format!("{} has {lines} lines", path.display()))
    };
    let long: Vec<_> = rust_files()
        .iter()
        .filter(|path| is_production(path))
        .filter_map(long)
        .collect();
    assert!(long.is_empty(), "over {LINES_MAX} lines: {long:?}");
}

#[test]
fn every_file_says_what_it_is_for() {
    let silent = |path: &PathBuf| !repository::read(path).starts_with("//! ");
    let silent: Vec<_> = rust_files()
        .into_iter()
        .filter(|path| is_production(path))
        .filter(silent)
        .collect();
    assert!(silent.is_empty(), "no purpose in the first line: {silent:?}");
}

#[test]
fn no_test_is_switched_off() {
    let mark = concat!("#[", "ignore");
    let off: Vec<_> = rust_files()
        .into_iter()
        .filter(|path| repository::read(path).contains(mark))
        .collect();
    assert!(off.is_empty(), "a test that does not run proves nothing: {off:?}");
}

#[test]
fn limits_are_one_file_a_crate() {
    one_file_a_crate("limits", "limits.rs", |line| {
        let line = line.trim_start();
        let constant = line
            .strip_prefix("pub const ")
            .or_else(|| line.strip_prefix("pub(crate) const "));
        constant.is_some_and(|rest| rest.split(':').next().is_some_and(|name| name.ends_with("_MAX")))
    });
}

#[test]
fn metric_names_are_one_file_a_crate() {
    one_file_a_crate("metric names", "metrics.rs", |line| {
        let code = line.split("//").next().unwrap_or(line);
        code.contains("\"heddle_")
    });
}

#[test]
fn the_repository_speaks_of_itself_alone() {
    // Spelled in two halves each, so that this file does not say them either.
    let halves = [
        ("/wo", "rk/"),
        ("shared", "/"),
        ("helper-", "common"),
        ("crates", ".io"),
        ("pypi", ".org"),
        ("npmjs", ".org"),
        ("maven", ".org"),
        ("debian", ".org"),
        ("proxy.gol", "ang"),
        ("TO", "DO"),
        ("FIX", "ME"),
    ];
    let words: Vec<String> = halves
        .iter()
        .map(|(left, right)| format!("{left}{right}"))
        .collect();
    let mut said = Vec::new();
    for path in tracked_files() {
        let Ok(text) = std::fs::read_to_string(repository::top().join(&path)) else {
            continue;
        };
        for (number, line) in text.lines().enumerate() {
            let found = words.iter().find(|word| line.contains(word.as_str()));
            said.extend(found.map(|word| format!("{}:{}: {word}", path.display(), number + 1)));
        }
    }
    assert!(said.is_empty(), "words of another place:\n{}", said.join("\n"));
}

/// Fails when lines like these are found in a crate's production code outside its one file of this name.
fn one_file_a_crate(what: &str, home: &str, is_one: impl Fn(&str) -> bool) {
    let mut found: BTreeMap<String, BTreeSet<PathBuf>> = BTreeMap::new();
    for path in rust_files().into_iter().filter(|path| is_production(path)) {
        let text = repository::read(&path);
        let production = text.split("#[cfg(test)]").next().unwrap_or(&text);
        if production.lines().any(&is_one) {
            let owner = path
                .iter()
                .next()
                .expect("a path in the repository")
                .to_string_lossy()
                .into_owned();
            found.entry(owner).or_default().insert(path);
        }
    }
    found.retain(|_, files| files.len() > 1 || files.iter().any(|path| !path.ends_with(home)));
    assert!(
        found.is_empty(),
        "{what} belong into one {home} a crate: {found:?}"
    );
}

/// The names in a manifest's dependency tables.
fn dependencies(manifest: &str) -> BTreeSet<String> {
    let mut inside = false;
    let mut names = BTreeSet::new();
    for line in manifest.lines() {
        if let Some(table) = line.strip_prefix('[') {
            inside = table.trim_end_matches(']').ends_with("dependencies");
            if let Some((_, name)) = table.trim_end_matches(']').split_once("dependencies.") {
                names.insert(name.to_owned());
            }
        } else if inside {
            let name = line.split(['=', '.', ' ']).next().unwrap_or_default();
            if !name.is_empty() && !name.starts_with('#') {
                names.insert(name.to_owned());
            }
        }
    }
    names
}

/// Neither a crate's tests nor the crates that are tests themselves.
fn is_production(path: &Path) -> bool {
    let in_tests = path.iter().any(|part| part == "tests" || part == "benches");
    !in_tests
        && !["tests.rs", "testing.rs", "build.rs"]
            .iter()
            .any(|name| path.ends_with(name))
}

fn rust_files() -> Vec<PathBuf> {
    let mut files = tracked_files();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "rs"));
    assert!(!files.is_empty(), "the repository has Rust files");
    files
}

/// Every file that git knows and that is there, relative to the top. Lock files name where packages come from: that
/// is their purpose, and they are left out.
fn tracked_files() -> Vec<PathBuf> {
    let mut git = Command::new("git");
    git.args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(repository::top());
    let output = git.output().expect("git runs");
    assert!(
        output.status.success(),
        "git lists the files: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let listed = String::from_utf8(output.stdout).expect("the repository's paths are text");
    let paths = listed.lines().map(PathBuf::from);
    paths
        .filter(|path| !path.ends_with("Cargo.lock") && repository::top().join(path).is_file())
        .collect()
}
