use serde_json::Value;

use super::*;

#[test]
fn the_fields_that_scripts_read_have_their_names() {
    let status = SubscriptionStatus {
        delivered: 7,
        dead_letter_sink: 2,
        dead_lettered: 1,
        ready: 3,
        ..Default::default()
    };
    let view = TriggerView {
        kind: "Trigger",
        namespace: "default".into(),
        name: "echo".into(),
        broker: ResourceName::new("default", "default").unwrap(),
        subscriber: Some("default/echo".into()),
        dead_letter_sink: None,
        ready: true,
        idle: status.is_idle(),
        counts: Counts::of(&status),
        paused: None,
        retain_unsettled: None,
        last_error: None,
        held_keys: Vec::new(),
        conditions: vec![Condition::ready()],
    };
    let json = serde_json::to_value(view).unwrap();
    for (field, expected) in [
        ("delivered", Value::from(7)),
        ("sentToDeadLetterSink", Value::from(2)),
        ("deadLettered", Value::from(1)),
        ("pending", Value::from(3)),
        ("retries", Value::from(0)),
        ("waitingRetry", Value::from(0)),
        ("behindKey", Value::from(0)),
        ("parkedKeys", Value::from(0)),
        ("blockedKeys", Value::from(0)),
        ("inFlight", Value::from(0)),
        ("backlog", Value::from(0)),
        ("idle", Value::from(false)),
        ("broker", Value::from("default/default")),
        ("subscriber", Value::from("default/echo")),
        ("ready", Value::from(true)),
    ] {
        assert_eq!(json.get(field), Some(&expected), "{field}: {json}");
    }
    assert_eq!(
        json["conditions"][0],
        serde_json::json!({"type": "Ready", "status": "True"})
    );
}

#[test]
fn a_wait_is_a_duration_within_reason() {
    assert_eq!(parse_wait("30s").unwrap(), Duration::from_secs(30));
    assert_eq!(parse_wait("30000ms").unwrap(), Duration::from_secs(30));
    assert_eq!(parse_wait("900h").unwrap(), limits::WAIT_IDLE_MAX);
    assert_eq!(parse_wait("long").unwrap_err().at.as_deref(), Some("wait-idle"));
}
