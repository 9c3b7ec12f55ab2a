use bytes::Bytes;
use serde_json::json;

use super::*;
use crate::event::DataForm;

fn event(content_type: Option<&str>, data: Option<&str>) -> Event {
    let mut builder = Event::builder().id("1").source("/s").ty("t");
    if let Some(content_type) = content_type {
        builder = builder.data_content_type(content_type);
    }
    if let Some(data) = data {
        builder = builder.data(DataForm::Binary, Bytes::copy_from_slice(data.as_bytes()));
    }
    builder.build().unwrap()
}

fn compiled(schema: &Value) -> DataSchema {
    DataSchema::compile(schema).unwrap()
}

/// What is said about JSON data.
fn said(schema: &Value, data: &str) -> Vec<String> {
    let checked = compiled(schema).check(&event(Some("application/json"), Some(data)));
    let misfits = checked.err().unwrap_or_default();
    misfits.iter().map(ToString::to_string).collect()
}

#[test]
fn a_failure_names_the_place_and_the_rule_and_not_the_value() {
    let schema = json!({
        "type": "object",
        "required": ["id"],
        "properties": {"order": {"properties": {"total": {"type": "number"}, "card": {"pattern": "^[0-9]+$"}}}},
    });
    assert_eq!(
        said(&schema, r#"{"id": 1, "order": {"total": 1.5}}"#),
        Vec::<String>::new()
    );
    let misfits = said(&schema, r#"{"order": {"total": "much", "card": "hunter2"}}"#);
    assert_eq!(misfits.len(), 3, "{misfits:?}");
    assert!(
        misfits
            .iter()
            .any(|misfit| misfit.starts_with("/data/order/total: the value is not of type")),
        "{misfits:?}"
    );
    assert!(
        misfits.iter().any(|misfit| misfit.starts_with("/data: \"id\"")),
        "{misfits:?}"
    );
    assert!(
        !misfits.concat().contains("hunter2") && !misfits.concat().contains("much"),
        "{misfits:?}"
    );
}

#[test]
fn the_number_of_failures_told_is_bounded_and_their_length_too() {
    let schema = json!({"items": {"type": "string"}, "additionalProperties": false});
    assert_eq!(
        said(&schema, &json!(vec![0; 1000]).to_string()).len(),
        SCHEMA_FAILURES_MAX
    );
    let large = json!(vec![0; SCHEMA_EVERY_FAILURE_BYTES_MAX]).to_string();
    assert_eq!(
        said(&schema, &large).len(),
        1,
        "of large data only the first is looked for"
    );
    let long = format!(r#"{{"{}": 1}}"#, "k".repeat(10_000));
    assert!(said(&schema, &long)[0].chars().count() < 2 * SCHEMA_FAILURE_CHARS_MAX + 20);
}

#[test]
fn data_that_is_not_json_or_not_there_fits_no_schema() {
    let anything = compiled(&json!(true));
    let at = |event: Event| anything.check(&event).map_err(|misfits| misfits[0].at.clone());
    assert_eq!(at(event(Some("application/json"), Some("[1]"))), Ok(()));
    assert_eq!(
        at(event(Some("application/vnd.x+json; charset=utf-8"), Some("[1]"))),
        Ok(())
    );
    assert_eq!(at(event(None, Some("[1]"))), Ok(()), "no content type means JSON");
    assert_eq!(
        at(event(Some("text/plain"), Some("[1]"))),
        Err("/datacontenttype".to_owned())
    );
    assert_eq!(
        at(event(Some("application/json"), Some("[1"))),
        Err("/data".to_owned())
    );
    assert_eq!(at(event(Some("application/json"), None)), Err("/data".to_owned()));
    let deep = "[".repeat(10_000);
    assert_eq!(
        at(event(Some("application/json"), Some(&deep))),
        Err("/data".to_owned())
    );
}

#[test]
fn the_draft_is_the_one_that_the_schema_names_and_else_2020_12() {
    let tuple = |draft: &str| json!({"$schema": draft, "items": [{"type": "string"}]});
    assert_eq!(
        said(&tuple("http://json-schema.org/draft-07/schema#"), "[1]").len(),
        1
    );
    let prefix = json!({"prefixItems": [{"type": "string"}]});
    assert_eq!(said(&prefix, "[1]").len(), 1);
    assert!(DataSchema::compile(&tuple("https://example.com/my-own-draft")).is_err());
}

#[test]
fn a_schema_that_cannot_be_used_says_where_and_why() {
    let refused = |schema: Value| DataSchema::compile(&schema).err().unwrap();
    assert!(
        matches!(refused(json!({"properties": {"a": {"type": "strin"}}})), BadSchema::Invalid { at, .. } if at == "/properties/a/type")
    );
    for remote in ["https://example.com/order.json", "file:///etc/passwd"] {
        assert!(
            matches!(refused(json!({"$ref": remote})), BadSchema::Invalid { .. }),
            "{remote}"
        );
    }
    let mut deep = json!({});
    for _ in 0..SCHEMA_DEPTH_MAX {
        deep = json!({"not": deep});
    }
    assert_eq!(refused(deep), BadSchema::TooDeep);
    let large = json!({"description": "x".repeat(SCHEMA_BYTES_MAX)});
    assert!(matches!(refused(large), BadSchema::TooLarge { .. }));
}

#[test]
fn a_pattern_that_would_backtrack_is_refused_and_others_take_linear_time() {
    let look_around = json!({"pattern": "^(?!x).*$"});
    assert!(DataSchema::compile(&look_around).is_err(), "{look_around}");
    let huge = json!({"pattern": "((a{100}){100}){100}"});
    assert!(DataSchema::compile(&huge).is_err(), "{huge}");
    let catastrophic = json!({"pattern": "^(a+)+$"});
    let data = json!(format!("{}b", "a".repeat(50_000))).to_string();
    assert_eq!(said(&catastrophic, &data).len(), 1);
}
