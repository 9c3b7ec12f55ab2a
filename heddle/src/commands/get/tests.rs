use std::ffi::OsString;

use serde_json::json;

use super::*;
use crate::cli::{self, Command};

fn get(line: &str) -> GetArgs {
    let cli = cli::parse(line.split_whitespace().map(OsString::from)).expect("a valid line");
    let Command::Get(args) = cli.command else {
        panic!("{line} is no get")
    };
    args
}

fn document(value: Value) -> Document {
    Document {
        text: value.to_string(),
        value,
    }
}

#[test]
fn a_name_without_namespace_is_in_default() {
    for (line, expected) in [
        (
            "heddle get trigger echo",
            "/api/v1/triggers/default/echo?held-keys=true",
        ),
        (
            "heddle get triggers shop/echo",
            "/api/v1/triggers/shop/echo?held-keys=true",
        ),
        (
            "heddle get trigger echo --wait-idle 30s",
            "/api/v1/triggers/default/echo?wait-idle=30000ms&held-keys=true",
        ),
        ("heddle get brokers", "/api/v1/brokers"),
        ("heddle get triggers --all", "/api/v1/triggers?all=true"),
    ] {
        assert_eq!(path(&get(line)), expected, "{line}");
    }
}

#[test]
fn json_of_one_resource_is_that_resource_alone() {
    let trigger = json!({"name": "echo", "delivered": 3});
    let printed = rendered(
        &get("heddle get trigger echo --output json"),
        &document(trigger.clone()),
    );
    assert_eq!(serde_json::from_str::<Value>(&printed).unwrap(), trigger);
}

#[test]
fn an_empty_list_says_so() {
    assert_eq!(
        rendered(&get("heddle get triggers"), &document(json!({"items": []}))),
        "no triggers\n"
    );
}

#[test]
fn a_trigger_that_is_not_idle_is_named_with_what_it_waits_for() {
    let trigger = json!({"namespace": "default", "name": "echo", "backlog": 2, "waitingRetry": 1});
    let failure = not_idle(&trigger, Duration::from_secs(30));
    assert_eq!(failure.exit(), Exit::Io);
    let text = failure.to_string();
    assert!(
        text.contains("default/echo") && text.contains("backlog 2") && text.contains("waitingRetry 1"),
        "{text}"
    );
}
