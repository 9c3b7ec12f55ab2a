//! Redrives of dead letters.

use std::time::Duration;

use harness::{Answer, Heddle, Resources, Sink, Trigger};

use super::*;

/// A heddle whose trigger `t` has made dead letters of these events, of which the last five are of type `rare`, and the
/// endpoint, which works from now on.
async fn with_letters(count: u32) -> (Heddle, Sink) {
    let endpoint = Sink::answering([Answer::status(422)]).await;
    let resources = Resources::with_default_broker().trigger(Trigger::new("t", &endpoint.url("/")));
    let heddle = Heddle::start(&resources).await;
    send(&heddle, 1..=count - 5, "usual").await;
    send(&heddle, count - 4..=count, "rare").await;
    heddle.idle_trigger("t").await;
    assert_eq!(counted(&heddle, "dead_lettered_total").await, f64::from(count));
    endpoint.answer([]);
    (heddle, endpoint)
}

/// What came after the first attempts.
fn redriven(endpoint: &Sink, letters: u32) -> Vec<Received> {
    endpoint.received().split_off(letters as usize)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redrive_delivers_what_was_selected_as_it_came_at_its_rate_beside_live_events() {
    const LETTERS: u32 = 25;
    let (heddle, endpoint) = with_letters(LETTERS).await;
    let selection = "dead-letters redrive --trigger default/t --type usual --rate 10";
    let plan = done(&heddle, &format!("{selection} --dry-run")).await;
    assert_eq!(plan, "20 dead letters would be redriven\n");
    assert_eq!(
        (endpoint.count(), heddle.dead_letters().await.len()),
        (25, 25),
        "a dry run changes nothing"
    );
    let said = done(&heddle, selection).await;
    assert_eq!(said, "20 dead letters are redriven\n");
    assert_eq!(
        heddle.dead_letters().await.len(),
        5,
        "they left the store with the command"
    );

    send(&heddle, 101..=110, "live").await;
    let is_live = |request: &Received| request.attribute("type") == "live";
    let all_live = |received: &[Received]| received.iter().filter(|request| is_live(request)).count() == 10;
    endpoint.wait_until("live events come", PATIENCE, all_live).await;
    assert_eq!(
        only_one(&heddle).await["state"],
        "running",
        "they did not wait for the redrive"
    );
    let redrive = ended(&heddle).await;
    assert_eq!(
        (redrive["kind"].as_str(), redrive["delivered"].as_u64()),
        (Some("Redrive"), Some(20)),
        "{redrive}"
    );

    let came: Vec<Received> = redriven(&endpoint, LETTERS)
        .into_iter()
        .filter(|request| !is_live(request))
        .collect();
    assert_eq!(ids(&came, |_| true), (1..=20).collect::<Vec<_>>(), "once each");
    let (first, last) = (came[0].at, came[came.len() - 1].at);
    assert!(
        last - first >= Duration::from_millis(1_800),
        "20 at 10 a second took {:?}",
        last - first
    );
    for request in &came {
        let event = numbered(id_of(request), "usual");
        assert_eq!(request.body, event.data, "byte for byte");
        assert_eq!(request.attribute("note"), "ä \"%\"");
        assert_eq!(
            request.attributes(),
            ["id", "note", "source", "specversion", "type"],
            "nothing is added"
        );
    }
    heddle.idle_trigger("t").await;
    for (name, count) in [
        ("delivered_total", 10.0),
        ("redriven_total", 20.0),
        ("replayed_total", 0.0),
        ("dead_lettered_total", 25.0),
        ("dead_letters_redriven_total", 20.0),
    ] {
        assert_eq!(counted(&heddle, name).await, count, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redrive_goes_on_after_kill_nine_and_what_fails_again_is_a_letter_again() {
    const LETTERS: u32 = 30;
    let (mut heddle, endpoint) = with_letters(LETTERS).await;
    done(&heddle, "dead-letters redrive --all --rate 15/s").await;
    endpoint.wait_for(LETTERS as usize + 8).await;
    heddle.kill();
    let before_kill = ids(&redriven(&endpoint, LETTERS), |_| true);
    assert!(before_kill.len() < 25, "it was in the middle: {before_kill:?}");
    // Those of type `rare`, which come last, fail again.
    let refuses = Sink::deciding(|request| match request.attribute("type") == "rare" {
        true => Answer::status(422),
        false => Answer::status(200),
    })
    .await;
    let resources = Resources::with_default_broker().trigger(Trigger::new("t", &refuses.url("/")));
    heddle.reconfigure(&resources);
    heddle.restart().await;
    let redrive = ended(&heddle).await;
    heddle.idle_trigger("t").await;
    let came = ids(&redriven(&endpoint, LETTERS), |_| true)
        .into_iter()
        .chain(ids(&refuses.received(), |_| true));
    assert_eq!(came.collect::<BTreeSet<_>>(), (1..=LETTERS).collect());
    let letters = heddle.dead_letters().await;
    assert_eq!(letters.len(), 5, "{redrive}: {letters:?}");
    for letter in letters {
        assert_eq!(letter["eventType"], "rare", "{letter}");
        assert_eq!(
            letter["replay"], redrive["id"],
            "it says where it comes from: {letter}"
        );
    }
    assert_eq!(counted(&heddle, "redriven_total").await, 25.0);
    assert_eq!(counted(&heddle, "delivered_total").await, 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redrive_for_a_trigger_that_is_gone_is_an_error_and_its_letters_stay() {
    const LETTERS: u32 = 6;
    let (mut heddle, endpoint) = with_letters(LETTERS).await;
    heddle.terminate().await;
    heddle.reconfigure(&Resources::with_default_broker());
    heddle.restart().await;
    for words in [
        "dead-letters redrive --trigger default/t",
        "dead-letters redrive --all",
        "dead-letters redrive --all --dry-run",
        "replay --trigger t --from earliest",
    ] {
        let refused = command(&heddle, words).await;
        assert_eq!(refused.code, Some(64), "{words}: {refused:?}");
        assert!(
            refused.stderr.contains("default/t") && refused.stderr.contains("configuration"),
            "{words}: {refused:?}"
        );
    }
    done(&heddle, "trigger forget t").await;
    let forgotten = command(&heddle, "dead-letters redrive --all").await;
    assert_ne!(forgotten.code, Some(0), "{forgotten:?}");
    assert!(forgotten.stderr.contains("default/t"), "{forgotten:?}");
    assert_eq!(heddle.dead_letters().await.len(), LETTERS as usize);
    assert_eq!(endpoint.count(), LETTERS as usize, "nothing is delivered");
    let purged = done(&heddle, "dead-letters purge --trigger default/t").await;
    assert_eq!(purged, format!("{LETTERS} dead letters are removed\n"));
}
