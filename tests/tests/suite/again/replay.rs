//! Replays.

use harness::{Heddle, Resources, Sink, Trigger};
use serde_json::json;

use super::*;

fn is_marked(request: &Received) -> bool {
    request.headers.contains_key("ce-heddlereplay")
}

fn is_live(request: &Received) -> bool {
    !is_marked(request)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_delivers_exactly_what_was_selected_marked_beside_live_events_and_counted_apart() {
    let (sink, other) = (Sink::start().await, Sink::start().await);
    let wants = json!({"type": "wanted"});
    let resources = Resources::with_default_broker()
        .trigger(Trigger::new("t", &sink.url("/")).attributes(wants))
        .trigger(Trigger::new("other", &other.url("/")));
    let heddle = Heddle::start(&resources).await;
    // Positions 1 to 40, of which the odd ones match.
    for id in 1..=40 {
        send(&heddle, id..=id, if id % 2 == 1 { "wanted" } else { "not" }).await;
    }
    heddle.idle_trigger("t").await;
    heddle.idle_trigger("other").await;
    let before = sink.received();
    let selection = "replay --trigger t --from 11 --to 30 --rate 5/s";
    let plan = done(&heddle, &format!("{selection} --dry-run")).await;
    assert!(plan.starts_with("10 events"), "{plan}");
    assert_eq!(sink.count(), 20, "a dry run delivers nothing");
    done(&heddle, selection).await;

    sink.wait_for(21).await;
    send(&heddle, 41..=60, "wanted").await;
    let all_live = |received: &[Received]| ids(received, is_live).len() == 40;
    sink.wait_until("live events come", PATIENCE, all_live).await;
    assert_eq!(
        only_one(&heddle).await["state"],
        "running",
        "they did not wait for the replay"
    );

    let replay = ended(&heddle).await;
    assert_eq!(
        (&replay["state"], &replay["delivered"]),
        (&json!("finished"), &json!(10)),
        "{replay}"
    );
    heddle.idle_trigger("t").await;
    let received = sink.received();
    let odd = |range: RangeInclusive<u32>| range.filter(|id| id % 2 == 1).collect::<Vec<_>>();
    assert_eq!(
        ids(&received, is_marked),
        odd(11..=30),
        "what was selected, once each"
    );
    let live: Vec<u32> = odd(1..=40).into_iter().chain(41..=60).collect();
    assert_eq!(ids(&received, is_live), live, "what is live, once each");
    for marked in received.iter().filter(|request| is_marked(request)) {
        assert_eq!(
            marked.attribute("heddlereplay"),
            replay["id"].as_str().expect("an id")
        );
        let first = before.iter().find(|first| id_of(first) == id_of(marked));
        let first = first.expect("it was delivered before");
        assert_eq!(marked.body, first.body);
        let without_mark = marked
            .attributes()
            .into_iter()
            .filter(|name| name != "heddlereplay");
        assert_eq!(without_mark.collect::<Vec<_>>(), first.attributes());
        assert_eq!(marked.attribute("note"), first.attribute("note"));
    }
    assert_eq!(
        ids(&other.received(), is_marked),
        [0; 0],
        "it is for its trigger alone"
    );
    assert_eq!(other.count(), 60);
    assert_eq!(
        (
            counted(&heddle, "delivered_total").await,
            counted(&heddle, "replayed_total").await
        ),
        (40.0, 10.0)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_replay_delivers_nothing_more_also_after_kill_nine() {
    let sink = Sink::start().await;
    let resources = Resources::with_default_broker().trigger(Trigger::new("t", &sink.url("/")));
    let mut heddle = Heddle::start(&resources).await;
    send(&heddle, 1..=50, "wanted").await;
    heddle.idle_trigger("t").await;
    done(&heddle, "replay --trigger t --from earliest --rate 10/s").await;
    sink.wait_for(53).await;
    let id = only_one(&heddle).await["id"].as_str().expect("an id").to_owned();
    let said = done(&heddle, &format!("replay cancel {id}")).await;
    assert!(said.contains("cancelled"), "{said}");
    heddle.idle_trigger("t").await;
    let replay = only_one(&heddle).await;
    assert_eq!(replay["state"], "cancelled", "{replay}");
    assert_eq!(replay["inFlight"], 0, "{replay}");
    let at_cancel = ids(&sink.received(), is_marked);
    assert!(
        (3..50).contains(&at_cancel.len()),
        "it was in the middle: {at_cancel:?}"
    );
    let again = done(&heddle, &format!("replay cancel {id}")).await;
    assert!(
        again.contains("cancelled"),
        "to cancel twice is no mistake: {again}"
    );

    heddle.kill();
    heddle.restart().await;
    // Had it gone on, its events would come before this one is through: ten a second, against a round trip.
    send(&heddle, 51..=70, "wanted").await;
    heddle.idle_trigger("t").await;
    assert_eq!(only_one(&heddle).await["state"], "cancelled");
    let received = sink.received();
    assert_eq!(ids(&received, is_marked), at_cancel, "nothing more comes");
    assert_eq!(ids(&received, is_live), (1..=70).collect::<Vec<_>>());
    let unknown = command(&heddle, "replay cancel replay-4711").await;
    assert_ne!(unknown.code, Some(0));
    assert!(unknown.stderr.contains("replay-4711"), "{unknown:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_in_the_middle_of_a_load_and_of_two_kills_delivers_each_selected_event_and_no_other() {
    let sink = Sink::start().await;
    let resources = Resources::with_default_broker().trigger(Trigger::new("t", &sink.url("/")));
    let mut heddle = Heddle::start(&resources).await;
    send(&heddle, 1..=60, "wanted").await;
    heddle.idle_trigger("t").await;
    done(&heddle, "replay --trigger t --from 21 --to 50 --rate 20/s").await;
    for (marked_by_then, live) in [(5, 61..=80), (15, 81..=100)] {
        let come = |received: &[Received]| distinct(&ids(received, is_marked)).len() >= marked_by_then;
        sink.wait_until("the replay goes on", PATIENCE, come).await;
        send(&heddle, live, "wanted").await;
        heddle.kill();
        heddle.restart().await;
    }
    let replay = ended(&heddle).await;
    assert_eq!(replay["state"], "finished", "{replay}");
    heddle.idle_trigger("t").await;
    let received = sink.received();
    assert_eq!(distinct(&ids(&received, is_marked)), (21..=50).collect());
    assert_eq!(distinct(&ids(&received, is_live)), (1..=100).collect());
    assert_eq!(
        (
            counted(&heddle, "delivered_total").await,
            counted(&heddle, "replayed_total").await
        ),
        (100.0, 30.0),
        "a repetition after a crash is counted once"
    );
}
