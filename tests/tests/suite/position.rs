//! A trigger's position by command, on a real process: pause, seek and forget, across `kill -9`.

use harness::{Cli, Event, Heddle, Resources, Sink, Trigger};

async fn command(heddle: &Heddle, arguments: &[&str]) -> Cli {
    let arguments: Vec<_> = arguments
        .iter()
        .copied()
        .chain(["--admin", heddle.admin()])
        .collect();
    heddle.cli(&arguments).await
}

async fn done(heddle: &Heddle, arguments: &[&str]) -> String {
    let cli = command(heddle, arguments).await;
    assert_eq!(cli.code, Some(0), "{arguments:?}: {cli:?}");
    cli.stdout
}

async fn send(heddle: &Heddle, ids: std::ops::RangeInclusive<u32>) {
    let producer = heddle.producer("default/default");
    for id in ids {
        producer.accepted(&Event::new(id.to_string())).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_outlives_kill_nine_and_loses_nothing() {
    let sink = Sink::start().await;
    let resources = Resources::with_default_broker().trigger(Trigger::new("t", &sink.url("/")));
    let mut heddle = Heddle::start(&resources).await;
    done(&heddle, &["trigger", "pause", "t", "--reason", "repairs"]).await;
    send(&heddle, 1..=3).await;
    heddle.kill();
    heddle.restart().await;
    let shown = done(&heddle, &["get", "triggers"]).await;
    assert!(shown.contains("Paused") && shown.contains("repairs"), "{shown}");
    assert_eq!(sink.count(), 0);
    done(&heddle, &["trigger", "resume", "t"]).await;
    heddle.idle_trigger("t").await;
    let mut ids = sink.ids();
    ids.sort();
    assert_eq!(ids, ["1", "2", "3"], "once each, in whatever order");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seek_back_delivers_again_unmarked_and_forward_counts_what_it_skips() {
    let sink = Sink::start().await;
    let resources = Resources::with_default_broker().trigger(Trigger::new("t", &sink.url("/")));
    let mut heddle = Heddle::start(&resources).await;
    send(&heddle, 1..=4).await;
    heddle.idle_trigger("t").await;
    let plan = done(&heddle, &["trigger", "seek", "t", "--to", "3", "--dry-run"]).await;
    assert!(plan.contains("2 events"), "{plan}");
    done(&heddle, &["trigger", "seek", "t", "--to", "3"]).await;
    heddle.idle_trigger("t").await;
    let mut ids = sink.ids();
    ids.sort();
    assert_eq!(ids, ["1", "2", "3", "3", "4", "4"]);
    done(&heddle, &["trigger", "pause", "t"]).await;
    send(&heddle, 5..=7).await;
    done(&heddle, &["trigger", "seek", "t", "--to", "latest"]).await;
    heddle.kill();
    heddle.restart().await;
    done(&heddle, &["trigger", "resume", "t"]).await;
    let trigger = heddle.idle_trigger("t").await;
    assert_eq!(
        (&trigger["delivered"], &trigger["skipped"]),
        (&6.into(), &3.into()),
        "{trigger}"
    );
    assert_eq!(sink.count(), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_trigger_that_left_the_configuration_can_be_forgotten() {
    let sink = Sink::start().await;
    let resources = Resources::with_default_broker().trigger(Trigger::new("t", &sink.url("/")));
    let mut heddle = Heddle::start(&resources).await;
    let refused = command(&heddle, &["trigger", "forget", "t"]).await;
    assert_eq!(refused.code, Some(64), "{refused:?}");
    assert!(refused.stderr.contains("configuration"), "{refused:?}");
    heddle.terminate().await;
    heddle.reconfigure(&Resources::with_default_broker());
    heddle.restart().await;
    assert!(
        heddle
            .process()
            .stderr()
            .contains("heddle trigger forget default/t")
    );
    done(&heddle, &["trigger", "forget", "t"]).await;
    heddle.kill();
    heddle.restart().await;
    assert_eq!(done(&heddle, &["get", "triggers"]).await, "no triggers\n");
}
