//! From text to plan: references, values, defaults, and how all mistakes are shown.

mod examples;
mod mistakes;
mod plans;
mod reports;

use std::path::PathBuf;

use super::load::{Loaded, from_texts};
use super::plan::{Plan, Sink};
use super::resolve::{Resolved, resolve};

/// A broker `default/default` in two lines and its separator, so that what follows begins in line 5.
const BROKER: &str = "\
apiVersion: eventing.knative.dev/v1
kind: Broker
metadata: {name: default}
---
";

const TO_BROKER: &str = "sink: {ref: {apiVersion: eventing.knative.dev/v1, kind: Broker, name: default}}";

/// One file, with an environment.
fn loaded(yaml: &str, environment: &[(&str, &str)]) -> Loaded {
    let mut loaded = from_texts([("f.yaml", yaml)]);
    loaded.environment = environment
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    loaded
}

/// Files that values name, as they would have been read.
fn with_files(mut loaded: Loaded, files: &[(&str, Result<&str, &str>)]) -> Loaded {
    let read = files.iter().map(|(path, content)| {
        (
            PathBuf::from(path),
            content.map(str::to_owned).map_err(str::to_owned),
        )
    });
    loaded.files = read.collect();
    loaded
}

/// Checks all problems, as `line:column: severity: message` with ` (help)` behind it.
fn check(loaded: &Loaded, expected: &[&str]) -> Resolved {
    let resolved = resolve(loaded);
    let shown: Vec<String> = resolved
        .report
        .problems()
        .iter()
        .map(|problem| {
            let help = problem
                .help
                .as_ref()
                .map(|help| format!(" ({help})"))
                .unwrap_or_default();
            format!("{}{help}", problem.to_string().trim_start_matches("f.yaml:"))
        })
        .collect();
    assert_eq!(shown, expected);
    assert_eq!(resolved.plan.is_some(), !resolved.report.has_errors());
    resolved
}

/// The plan of a configuration without problems.
fn plan(loaded: &Loaded) -> Plan {
    check(loaded, &[]).plan.expect("there are no errors")
}

fn url_of(sink: &Sink) -> &str {
    match sink {
        Sink::Http(http) => http.url.as_str(),
        other => panic!("a server was expected, not {other:?}"),
    }
}
