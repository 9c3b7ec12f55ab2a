use std::time::Duration;

use serde_json::json;

use super::*;

fn name(name: &str) -> ResourceName {
    ResourceName::new("default", name).unwrap()
}

fn rule(rule_name: &str, ty: &str, mode: RuleMode, schema: serde_json::Value) -> SchemaRule {
    SchemaRule {
        name: name(rule_name),
        brokers: vec![name("b")],
        ty: Some(Wildcard::from(ty.to_owned())),
        data_schema: None,
        mode,
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
    let Verdict::Refused(mismatch) = gate.check(&name(broker), event) else {
        return None;
    };
    assert!(!mismatch.misfits.is_empty());
    Some(mismatch.schema.name().to_owned())
}

#[test]
fn a_schema_is_put_to_the_types_and_brokers_that_it_is_for() {
    let number = json!({"type": "number"});
    let gate = SchemaGate::new(vec![
        rule("exact", "order.placed", RuleMode::Reject, number.clone()),
        rule("wild", "invoice.*", RuleMode::Reject, number),
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
        let mut rule = rule("by-uri", "*", RuleMode::Reject, json!(false));
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
    let warns = rule("warns", "t", RuleMode::Warn, json!(false));
    let gate = SchemaGate::new(vec![warns.clone()]);
    assert_eq!(refused_by(&gate, "b", &event("t", "1")), None);
    assert_eq!(gate.counts()[0].failed, 1);
    let gate = SchemaGate::new(vec![warns, rule("refuses", "*", RuleMode::Reject, json!(false))]);
    assert_eq!(refused_by(&gate, "b", &event("t", "1")), Some("refuses".into()));
}

#[test]
fn one_that_quarantines_keeps_the_event_unless_one_refuses_it() {
    let quarantines = rule(
        "quarantines",
        "t",
        RuleMode::Quarantine,
        json!({"type": "number"}),
    );
    let gate = SchemaGate::new(vec![quarantines.clone()]);
    assert_eq!(gate.check(&name("b"), &event("t", "1")), Verdict::Fits);
    let Verdict::Quarantined(mismatch) = gate.check(&name("b"), &event("t", "\"secret\"")) else {
        panic!("it does not fit");
    };
    let failure = mismatch.failure();
    assert_eq!(failure.destination, "schema:default/quarantines");
    assert!(
        failure.message.contains("/data") && !failure.message.contains("secret"),
        "{failure:?}"
    );
    for refuses_first in [false, true] {
        let mut rules = vec![
            quarantines.clone(),
            rule("refuses", "*", RuleMode::Reject, json!(false)),
        ];
        if refuses_first {
            rules.reverse();
        }
        let gate = SchemaGate::new(rules);
        assert_eq!(
            refused_by(&gate, "b", &event("t", "\"x\"")),
            Some("refuses".into())
        );
    }
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
