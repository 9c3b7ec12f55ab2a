use std::time::Duration;

use serde_json::json;

use super::*;

fn name(name: &str) -> ResourceName {
    ResourceName::new("default", name).unwrap()
}

fn rule(rule_name: &str, ty: &str, refuses: bool, schema: serde_json::Value) -> SchemaRule {
    SchemaRule {
        name: name(rule_name),
        brokers: vec![name("b")],
        ty: Some(Wildcard::from(ty.to_owned())),
        data_schema: None,
        refuses,
        schema: Arc::new(DataSchema::compile(&schema).unwrap()),
    }
}

fn event(ty: &str, data: &str) -> Event {
    let builder = Event::builder().id("1").source("/s").ty(ty);
    builder
        .data_schema("https://example.com/a.json")
        .data_content_type("application/json")
        .json(data.to_owned())
        .build()
        .unwrap()
}

/// Which schema refuses the event at the door of a broker.
fn refused_by(gate: &SchemaGate, broker: &str, event: &Event) -> Option<String> {
    let mismatch = gate.check(&name(broker), event).err()?;
    assert!(!mismatch.misfits.is_empty());
    Some(mismatch.schema.name().to_owned())
}

#[test]
fn a_schema_is_put_to_the_types_and_brokers_that_it_is_for() {
    let number = json!({"type": "number"});
    let gate = SchemaGate::new(vec![
        rule("exact", "order.placed", true, number.clone()),
        rule("wild", "invoice.*", true, number),
    ]);
    assert_eq!(
        refused_by(&gate, "b", &event("order.placed", "\"x\"")),
        Some("exact".into())
    );
    assert_eq!(refused_by(&gate, "b", &event("order.placed", "1")), None);
    assert_eq!(refused_by(&gate, "b", &event("order.placed2", "\"x\"")), None);
    assert_eq!(
        refused_by(&gate, "b", &event("invoice.sent", "\"x\"")),
        Some("wild".into())
    );
    assert_eq!(refused_by(&gate, "other", &event("order.placed", "\"x\"")), None);
    let counts: Vec<(u64, u64)> = gate
        .counts()
        .iter()
        .map(|one| (one.checked, one.failed))
        .collect();
    assert_eq!(counts, [(2, 1), (1, 1)]);
}

#[test]
fn a_schema_for_a_dataschema_is_put_to_events_that_name_it() {
    let of = |uri: &str| {
        let mut rule = rule("by-uri", "*", true, json!(false));
        rule.data_schema = Some(uri.to_owned());
        SchemaGate::new(vec![rule])
    };
    let event = event("t", "1");
    assert_eq!(
        refused_by(&of("https://example.com/a.json"), "b", &event),
        Some("by-uri".into())
    );
    assert_eq!(refused_by(&of("https://example.com/b.json"), "b", &event), None);
}

#[test]
fn one_that_warns_counts_and_lets_pass_and_one_that_refuses_beside_it_still_does() {
    let warns = rule("warns", "t", false, json!(false));
    let gate = SchemaGate::new(vec![warns.clone()]);
    assert_eq!(refused_by(&gate, "b", &event("t", "1")), None);
    assert_eq!(gate.counts()[0].failed, 1);
    let gate = SchemaGate::new(vec![warns, rule("refuses", "*", true, json!(false))]);
    assert_eq!(refused_by(&gate, "b", &event("t", "1")), Some("refuses".into()));
}

#[test]
fn what_is_logged_is_bounded_in_time_and_says_how_much_was_not() {
    let mut said = Said::default();
    let start = Instant::now();
    assert_eq!(said.now(start), Some(0));
    assert_eq!(said.now(start + Duration::from_millis(1)), None);
    assert_eq!(said.now(start + Duration::from_millis(2)), None);
    assert_eq!(said.now(start + SCHEMA_LOG_INTERVAL), Some(2));
    assert_eq!(said.now(start + SCHEMA_LOG_INTERVAL * 2), Some(0));
}
