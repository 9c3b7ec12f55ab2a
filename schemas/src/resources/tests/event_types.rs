//! Schemas and EventTypes: what they come to, and what is said about mistakes in them.

use super::super::schema::{SchemaMode, SchemaText, compile_file};
use super::{Resource, check, check_spec, document, expect_kind, one};
use crate::yaml::Place;

const TYPE: &str = "eventing.knative.dev/v1beta3";

fn schema(spec: &str, expected: &[&str]) {
    check_spec("heddle.dev/v1", "Schema", spec, expected);
}

#[test]
fn a_schema_with_all_its_fields() {
    let spec = "  broker: orders
  match: {type: 'order.*', dataschema: 'https://example.com/order.json'}
  mode: warn
  schema:
    $schema: http://json-schema.org/draft-07/schema#
    properties: {total: {type: number, minimum: 0.5, default: null}, big: {const: 12345678901234567890}}
";
    let found = expect_kind!(one(&document("heddle.dev/v1", "Schema", spec)), Schema);
    assert_eq!(found.broker.as_ref().unwrap().value.to_string(), "default/orders");
    assert_eq!(found.mode, SchemaMode::Warn);
    assert!(found.events.ty.as_ref().unwrap().matches("order.placed"));
    assert_eq!(
        found.events.data_schema.as_deref(),
        Some("https://example.com/order.json")
    );
    assert!(matches!(found.schema, SchemaText::Inline(_)));
}

#[test]
fn a_schema_refuses_unless_it_says_otherwise_and_stands_at_every_door_of_its_namespace() {
    let spec = "  match: {type: t}\n  schema: true\n";
    let found = expect_kind!(one(&document("heddle.dev/v1", "Schema", spec)), Schema);
    assert_eq!(found.mode, SchemaMode::Reject);
    let broker = |namespace| crate::names::ResourceName::new(namespace, "b").unwrap();
    assert!(found.is_for(&broker("default")) && !found.is_for(&broker("other")));
}

#[test]
fn what_is_wrong_in_a_schema_is_told_at_its_line() {
    schema(
        "  match: {}\n  mode: rejct\n",
        &[
            "4:1: error: spec needs one of schema, file",
            "5:3: error: spec.match needs type or dataschema (type: '*' stands for every event)",
            "6:9: error: spec.mode cannot be \"rejct\" (did you mean \"reject\"?)",
        ],
    );
    schema(
        "  match: {type: t}\n  schema:\n    properties:\n      a: {minimum: 0x10}\n",
        &[
            "8:20: error: spec.schema.properties.a.minimum: 0x10 is no number of JSON (write it as decimal digits, or in quotes if it is a text)",
        ],
    );
    let decoded = super::decode(
        "f.yaml",
        &document(
            "heddle.dev/v1",
            "Schema",
            "  match: {type: t}\n  schema:\n    properties:\n      a:\n        type: strin\n",
        ),
    );
    let [problem] = decoded.problems.as_slice() else {
        panic!("{:?}", decoded.problems)
    };
    assert_eq!(
        (problem.line, &*problem.path),
        (9, "spec.schema.properties.a.type"),
        "{problem}"
    );
    let decoded = super::decode(
        "f.yaml",
        &document(
            "heddle.dev/v1",
            "Schema",
            "  match: {type: t}\n  schema: {$ref: 'https://example.com/x'}\n",
        ),
    );
    assert!(
        decoded.problems[0].message.contains("example.com"),
        "{:?}",
        decoded.problems
    );
}

#[test]
fn a_schema_in_a_file_is_json_or_yaml_and_its_mistakes_name_the_file() {
    let place = Place {
        file: "f.yaml".into(),
        mark: crate::yaml::Mark { line: 6, column: 9 },
        path: "spec.file".into(),
    };
    assert!(compile_file(&place, "a.json", r#"{"type": "object"}"#).is_ok());
    assert!(compile_file(&place, "a.yaml", "type: object\n").is_ok());
    for (path, text, said) in [
        ("a.json", "type: object", "it is not JSON"),
        ("a.yaml", "type: strin", "/type: "),
        ("a.yml", "a: [", "a.yml:"),
        ("a.yml", "--- {}\n--- {}", "one document"),
    ] {
        let problem = compile_file(&place, path, text).unwrap_err();
        assert!(
            problem.message.contains(said) && problem.message.contains(path),
            "{problem}"
        );
        assert_eq!((problem.line, &*problem.file), (6, "f.yaml"));
    }
}

#[test]
fn an_event_type_of_each_version() {
    let old = "  type: order.placed\n  source: /orders\n  schema: https://example.com/s\n  broker: b\n  description: an order\n";
    let new = "  description: an order
  reference: {apiVersion: eventing.knative.dev/v1, kind: Broker, name: b}
  attributes:
  - {name: type, required: true, value: order.placed}
  - {name: source, required: true, value: /orders}
  - {name: dataschema, value: 'https://example.com/s'}
  - {name: id, required: true}
";
    for (version, spec) in [
        ("eventing.knative.dev/v1beta1", old),
        ("eventing.knative.dev/v1beta2", old),
        (TYPE, new),
    ] {
        let found = expect_kind!(one(&document(version, "EventType", spec)), EventType);
        assert_eq!(
            (found.ty.as_str(), found.source.as_deref()),
            ("order.placed", Some("/orders")),
            "{version}"
        );
        assert_eq!(found.schema.as_deref(), Some("https://example.com/s"));
        assert_eq!(found.description.as_deref(), Some("an order"));
        assert_eq!(found.broker.unwrap().value.to_string(), "default/b");
    }
    let elsewhere = "  type: t\n  reference: {apiVersion: v1, kind: KafkaSource, name: b}\n";
    assert!(
        expect_kind!(one(&document(TYPE, "EventType", elsewhere)), EventType)
            .broker
            .is_none()
    );
    check(
        &document(TYPE, "EventType", "  attributes: [{name: source, value: /x}]\n"),
        &["4:1: error: missing required field \"type\" in spec"],
    );
}
