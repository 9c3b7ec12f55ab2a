//! Heddle between clients that others wrote. What a library sends is what heddle has, byte for byte, and what heddle delivers
//! is what a library reads; where a library does otherwise, `quirks` says so with the paragraph that it breaks.

mod cases;
mod quirks;

use harness::not_run::not_run;
use harness::peer::{Client, Peer};
use harness::{Heddle, Resources, Sink, Trigger};
use serde_json::{Value, json};

use cases::{CASES, Seen};
use quirks::Side;

/// How events lie in a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Binary,
    Structured,
    Batch,
}

impl Mode {
    const ALL: [Self; 3] = [Self::Binary, Self::Structured, Self::Batch];

    fn name(self) -> &'static str {
        match self {
            Self::Binary => "binary",
            Self::Structured => "structured",
            Self::Batch => "batch",
        }
    }
}

/// The modes in which a client's library sends.
fn sends(client: Client) -> &'static [Mode] {
    match client {
        Client::Python | Client::Node => &[Mode::Binary, Mode::Structured],
        Client::EventGrid => &[Mode::Batch],
        Client::Rust => &Mode::ALL,
    }
}

/// The modes that a client's library reads, of those in which heddle delivers.
fn reads(client: Client) -> &'static [Mode] {
    match client {
        // Its reader of events knows the JSON format alone.
        Client::EventGrid => &[Mode::Structured],
        _ => &[Mode::Binary, Mode::Structured],
    }
}

/// A trigger that delivers in this mode.
fn trigger(name: &str, url: &str, mode: Mode) -> Trigger {
    let format = match mode {
        Mode::Binary => "binary",
        _ => "json",
    };
    Trigger::new(name, url).delivery(json!({"retry": 0, "format": format}))
}

async fn what_it_sends_is_what_is_stored(client: Client) {
    let mut peer = match Peer::start(client).await {
        Ok(peer) => peer,
        Err(why) => return not_run(&format!("{} as a producer", client.name()), &why),
    };
    let sink = Sink::start().await;
    let resources =
        Resources::with_default_broker().trigger(trigger("all", &sink.url("/"), Mode::Structured));
    let heddle = Heddle::start(&resources).await;
    let url = heddle.broker("default/default");
    let mut stored = 0;
    for &mode in sends(client) {
        let mut batch = Vec::new();
        for case in CASES {
            let event = case.event(mode.name());
            let what = format!("{} sends {} {mode:?}", client.name(), case.name);
            match quirks::fails(client, Side::Sends, mode, case) {
                Some(why) => {
                    let failed = peer.send(&url, mode.name(), &[event]).await;
                    let error = failed.expect_err(&what);
                    assert!(error.contains(why), "{what}: {error}");
                }
                None if mode == Mode::Batch => batch.push(event),
                None => {
                    assert_eq!(peer.send(&url, mode.name(), &[event]).await, Ok(202), "{what}");
                    stored += 1;
                }
            }
        }
        if !batch.is_empty() {
            let sent = peer.send(&url, "batch", &batch).await;
            assert_eq!(sent, Ok(202), "{} sends a batch", client.name());
            stored += batch.len();
        }
    }
    let mut wrong = Vec::new();
    for request in sink.wait_for(stored).await {
        let seen = Seen::structured(&request.body);
        let (mode, case) = seen.origin();
        let mode = Mode::ALL.into_iter().find(|of| of.name() == mode);
        let mode = mode.expect("the mode in which it was sent");
        // The headers of the binary mode have no types.
        let mut expected = case.seen(mode.name(), mode != Mode::Binary);
        quirks::apply(client, Side::Sends, mode, case, &mut expected);
        seen.compare(&expected, &format!("{} {mode:?}", case.name), &mut wrong);
    }
    assert!(
        wrong.is_empty(),
        "{} sends otherwise:\n{}",
        client.name(),
        wrong.join("\n")
    );
    assert_eq!(sink.count(), stored);
}

async fn what_is_delivered_is_what_it_reads(client: Client) {
    let peer = match Peer::start(client).await {
        Ok(peer) => peer,
        Err(why) => return not_run(&format!("{} as a sink", client.name()), &why),
    };
    let mut resources = Resources::with_default_broker();
    for &mode in reads(client) {
        let url = peer.sink(&format!("/{}", mode.name()));
        resources = resources.trigger(trigger(mode.name(), &url, mode));
    }
    let heddle = Heddle::start(&resources).await;
    let producer = heddle.producer("default/default");
    for case in CASES {
        let answer = producer.structured(case.structured("ours")).await;
        assert_eq!(answer.status.as_u16(), 202, "{}: {answer:?}", case.name);
    }
    let requests = peer.received(CASES.len() * reads(client).len()).await;
    let mut wrong = Vec::new();
    for &mode in reads(client) {
        let path = format!("/{}", mode.name());
        let requests = requests.iter().filter(|request| request["path"] == path.as_str());
        let (read, unread): (Vec<&Value>, Vec<&Value>) =
            requests.partition(|request| request.get("event").is_some());
        for request in read {
            let seen = Seen::told(&request["event"]);
            let (_, case) = seen.origin();
            let mut expected = case.seen("ours", mode != Mode::Binary);
            quirks::apply(client, Side::Reads, mode, case, &mut expected);
            seen.compare(&expected, &format!("{} {mode:?}", case.name), &mut wrong);
        }
        let mut fails: Vec<&str> = CASES
            .iter()
            .filter_map(|case| quirks::fails(client, Side::Reads, mode, case))
            .collect();
        for request in unread {
            let error = request["error"].to_string();
            match fails.iter().position(|why| error.contains(why)) {
                Some(at) => drop(fails.swap_remove(at)),
                None => wrong.push(format!("{mode:?}: {error}")),
            }
        }
        wrong.extend(
            fails
                .into_iter()
                .map(|why| format!("{mode:?}: nothing failed with {why}")),
        );
    }
    assert!(
        wrong.is_empty(),
        "{} reads otherwise:\n{}",
        client.name(),
        wrong.join("\n")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_python_library_sends_is_what_is_stored() {
    what_it_sends_is_what_is_stored(Client::Python).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_event_grid_library_sends_is_what_is_stored() {
    what_it_sends_is_what_is_stored(Client::EventGrid).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_node_library_sends_is_what_is_stored() {
    what_it_sends_is_what_is_stored(Client::Node).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_rust_library_sends_is_what_is_stored() {
    what_it_sends_is_what_is_stored(Client::Rust).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_delivered_is_what_the_python_library_reads() {
    what_is_delivered_is_what_it_reads(Client::Python).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_delivered_is_what_the_event_grid_library_reads() {
    what_is_delivered_is_what_it_reads(Client::EventGrid).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_delivered_is_what_the_node_library_reads() {
    what_is_delivered_is_what_it_reads(Client::Node).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_delivered_is_what_the_rust_library_reads() {
    what_is_delivered_is_what_it_reads(Client::Rust).await;
}

/// An event that every library can send and read in every mode, through heddle from each to each.
#[tokio::test(flavor = "multi_thread")]
async fn an_event_of_each_library_reaches_each_other_one() {
    let mut peers = Vec::new();
    for client in Client::ALL {
        match Peer::start(client).await {
            Ok(peer) => peers.push((client, peer)),
            Err(why) => not_run(&format!("{} among the others", client.name()), &why),
        }
    }
    let mut resources = Resources::with_default_broker();
    for (number, (client, peer)) in peers.iter().enumerate() {
        for &mode in reads(*client) {
            let name = format!("{}-{number}", mode.name());
            resources = resources.trigger(trigger(&name, &peer.sink("/"), mode));
        }
    }
    let heddle = Heddle::start(&resources).await;
    let url = heddle.broker("default/default");
    let case = &CASES[0];
    let mut sent = 0;
    for (client, peer) in &mut peers {
        for &mode in sends(*client) {
            let answer = peer
                .send(&url, mode.name(), &[case.event(&format!("{client:?}"))])
                .await;
            assert_eq!(answer, Ok(202), "{} sends {mode:?}", client.name());
            sent += 1;
        }
    }
    let mut wrong = Vec::new();
    for (client, peer) in &peers {
        for request in peer.received(sent * reads(*client).len()).await {
            let seen = Seen::told(&request["event"]);
            let (sender, case) = seen.origin();
            let expected = case.seen(sender, true);
            seen.compare(&expected, &format!("{} reads it", client.name()), &mut wrong);
        }
    }
    assert!(wrong.is_empty(), "changed on its way:\n{}", wrong.join("\n"));
}
