//! The kinds: what a minimal and a full one come to, and every rule that can be broken, with where and how it is said.

mod broken;
mod description;
mod event_types;
mod full;
mod minimal;
mod order;
mod pages;

use super::{Decoded, Resource, decode};
use crate::yaml::Problem;

/// Decodes one file and checks all its problems, as `line:column: severity: message`, with ` (help)` behind it.
fn check(yaml: &str, expected: &[&str]) -> Decoded {
    let decoded = decode("f.yaml", yaml);
    let shown: Vec<String> = decoded.problems.iter().map(show).collect();
    assert_eq!(shown, expected, "\n{yaml}");
    decoded
}

/// Decodes one file with one resource and no mistakes.
fn one(yaml: &str) -> Resource {
    let mut decoded = check(yaml, &[]);
    assert_eq!(decoded.resources.len(), 1, "\n{yaml}");
    decoded.resources.remove(0)
}

/// Checks the problems of a resource of this kind whose `spec` is given, indented by two, from line 4 on.
fn check_spec(version: &str, kind: &str, spec: &str, expected: &[&str]) -> Decoded {
    check(&document(version, kind, spec), expected)
}

fn document(version: &str, kind: &str, spec: &str) -> String {
    format!("apiVersion: {version}\nkind: {kind}\nmetadata: {{name: x}}\nspec:\n{spec}")
}

fn show(problem: &Problem) -> String {
    let help = problem
        .help
        .as_ref()
        .map(|help| format!(" ({help})"))
        .unwrap_or_default();
    format!("{}{help}", problem.to_string().trim_start_matches("f.yaml:"))
}

macro_rules! expect_kind {
    ($resource:expr, $kind:ident) => {
        match $resource {
            Resource::$kind(resource) => *resource,
            other => panic!("{} was expected, not {other:?}", stringify!($kind)),
        }
    };
}
use expect_kind;
