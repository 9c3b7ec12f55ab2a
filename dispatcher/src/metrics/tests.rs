use prometheus_client::encoding::text::encode;

use super::*;
use crate::testing::name;

#[test]
fn every_family_shows_under_the_registrys_prefix() {
    let mut registry = Registry::with_prefix("heddle");
    let trigger = Metrics::register(&mut registry).trigger(&name("default/echo"));
    trigger.attempt(
        &Outcome::Delivered {
            status: 200,
            reply: None,
        },
        Duration::from_millis(3),
    );
    trigger.dead_letter(DeadLetterReason::Refused);
    trigger.retries.inc();
    let mut text = String::new();
    encode(&mut text, &registry).unwrap();
    for line in [
        r#"heddle_delivery_attempts_total{trigger="default/echo",result="delivered",blame="none"} 1"#,
        r#"heddle_delivery_duration_seconds_count{trigger="default/echo"} 1"#,
        r#"heddle_deliveries_in_flight{trigger="default/echo"} 0"#,
        r#"heddle_delivered_total{trigger="default/echo"} 0"#,
        r#"heddle_dead_letter_sink_delivered_total{trigger="default/echo"} 0"#,
        r#"heddle_delivery_retries_total{trigger="default/echo"} 1"#,
        r#"heddle_dead_letters_total{trigger="default/echo",reason="refused"} 1"#,
        r#"heddle_replies_stored_total{trigger="default/echo"} 0"#,
        r#"heddle_settle_errors_total{trigger="default/echo"} 0"#,
        r#"heddle_triggers_stopped{trigger="default/echo"} 0"#,
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
}
