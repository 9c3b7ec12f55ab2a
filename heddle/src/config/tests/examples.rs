//! Every file in `examples/` is valid, alone where it can be and with its folder.

use std::path::{Path, PathBuf};

use super::super::load::load;
use super::super::plan::{Plan, Sink};
use super::super::resolve::resolve;

fn example(name: &str) -> (Plan, Vec<String>) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../examples")
        .join(name);
    let mut loaded = load(&[path]).expect("the example is there");
    loaded.environment.clear(); // Only what the files themselves say counts.
    let resolved = resolve(&loaded);
    let problems: Vec<String> = resolved
        .report
        .problems()
        .iter()
        .map(|problem| problem.message.clone())
        .collect();
    (
        resolved.plan.unwrap_or_else(|| panic!("{name}: {problems:#?}")),
        problems,
    )
}

#[test]
fn the_first_example_prints_what_comes() {
    let (plan, problems) = example("first");
    assert_eq!(problems, Vec::<String>::new());
    assert_eq!(plan.brokers[0].name.to_string(), "default/default");
    assert!(matches!(&plan.triggers[0].subscriber, Sink::Echo(name) if name.name() == "echo"));
}

#[test]
fn the_sources_are_one_file_each_and_work_together() {
    let (plan, problems) = example("sources");
    assert_eq!(problems, Vec::<String>::new());
    assert_eq!(plan.sources.len(), 5);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/sources");
    let files: Vec<PathBuf> = std::fs::read_dir(&folder)
        .expect("it is there")
        .map(|entry| entry.expect("it can be read").path())
        .collect();
    for file in files {
        let loaded = load(&[folder.join("broker.yaml"), file]).expect("both are there");
        assert!(resolve(&loaded).plan.is_some());
    }
}

#[test]
fn a_login_in_a_secret_reaches_the_kafka_source() {
    let (plan, problems) = example("kafka-tls");
    assert_eq!(problems, Vec::<String>::new());
    assert_eq!(plan.sources.len(), 1);
}

#[test]
fn a_page_from_a_cluster_works_with_endpoints_beside_it() {
    let (plan, problems) = example("knative");
    assert_eq!((plan.triggers.len(), plan.sources.len()), (2, 1));
    assert_eq!(
        problems,
        [
            "Namespace \"greetings\" (v1) does nothing here",
            "Deployment \"display\" (apps/v1) does nothing here",
            "Service \"display\" (v1) does nothing here",
            "Service \"translate\" (serving.knative.dev/v1) does nothing here",
            "spec.config is ignored: the embedded engine needs none",
        ]
    );
    let sink = plan.triggers[0]
        .delivery
        .dead_letter_sink
        .as_ref()
        .expect("the broker's");
    assert_eq!(super::url_of(sink), "http://127.0.0.1:8081/undelivered");
}

#[test]
fn a_page_from_a_cluster_alone_says_which_endpoints_it_needs() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/knative/getting-started.yaml");
    let resolved = resolve(&load(&[path]).expect("the example is there"));
    let errors: Vec<&str> = resolved
        .report
        .problems()
        .iter()
        .filter(|problem| problem.severity == schemas::yaml::Severity::Error)
        .map(|problem| problem.message.as_str())
        .collect();
    assert_eq!(
        errors,
        [
            "no Endpoint stands for the Service \"display\" in namespace \"greetings\"",
            "no Endpoint stands for the Service \"translate\" in namespace \"greetings\"",
            "no Endpoint stands for the Service \"display\" in namespace \"greetings\"",
        ]
    );
}
