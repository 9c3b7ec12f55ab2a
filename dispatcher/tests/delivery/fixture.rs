//! What every test starts with: events, triggers, a dispatcher that remembers what it said.

use std::sync::Arc;
use std::time::Duration;

use broker::{Order, Start};
use dispatcher::{
    BackoffPolicy, Closed, DeadLettered, Delivered, DeliveryPolicy, Dispatcher, HttpSink, Observer, Opened,
    Options, Paused, ReplyStored, RetryScheduled, Sender, Sink, Stopped, TriggerSpec,
};
use http::Uri;
use parking_lot::Mutex;
use schemas::event::{DataForm, Event};
use schemas::filter::Filter;
use schemas::names::ResourceName;

use crate::engine::FakeEngine;

/// Remembers a line for everything that it hears.
#[derive(Debug, Default)]
pub(crate) struct Witness(Mutex<Vec<String>>);

pub(crate) fn name(text: &str) -> ResourceName {
    text.parse().unwrap()
}

pub(crate) fn event(id: &str, ty: &str) -> Event {
    Event::builder()
        .id(id)
        .source("/orders")
        .ty(ty)
        .data_content_type("application/json")
        .data(DataForm::Binary, r#"{"n":1.10}"#)
        .build()
        .unwrap()
}

pub(crate) fn http(url: Uri) -> Sink {
    Sink::Http(HttpSink::new("sink", url))
}

/// A trigger in `default` for every event.
pub(crate) fn trigger(name: &str, subscriber: Sink) -> TriggerSpec {
    TriggerSpec {
        name: format!("default/{name}").parse().unwrap(),
        broker: "default/default".parse().unwrap(),
        filter: Filter::everything(),
        subscriber,
        dead_letter_sink: None,
        delivery: DeliveryPolicy::default(),
        start: Start::Earliest,
        order: Order::Unordered,
        sender: Sender::Trigger,
    }
}

/// The same for events of one type.
pub(crate) fn trigger_for(name: &str, ty: &str, subscriber: Sink) -> TriggerSpec {
    TriggerSpec {
        filter: Filter::Exact("type".to_owned(), ty.to_owned()),
        ..trigger(name, subscriber)
    }
}

/// Retries that follow quickly.
pub(crate) fn retries(retries: u32) -> DeliveryPolicy {
    let delay = Duration::from_millis(1);
    DeliveryPolicy {
        retries,
        backoff: Some(BackoffPolicy::Linear),
        delay,
        ..DeliveryPolicy::default()
    }
}

pub(crate) fn options(engine: &FakeEngine) -> Options {
    Options {
        clock: engine.clock(),
        seed: 1,
        ..Options::new(Arc::new(engine.clone()))
    }
}

pub(crate) async fn start(engine: &FakeEngine, specs: Vec<TriggerSpec>) -> Dispatcher {
    Dispatcher::start(options(engine), specs).await.unwrap()
}

impl Witness {
    pub(crate) fn lines(&self) -> Vec<String> {
        self.0.lock().clone()
    }

    fn say(&self, line: String) {
        self.0.lock().push(line);
    }
}

impl Observer for Witness {
    fn delivered(&self, d: &Delivered<'_>) {
        self.say(format!(
            "{} -> {} {:?} {} attempt {}",
            d.event.id(),
            d.endpoint,
            d.step,
            d.status,
            d.attempt
        ));
    }

    fn retry_scheduled(&self, r: &RetryScheduled<'_>) {
        self.say(format!(
            "{} again after {} at {:?}: {}",
            r.event.id(),
            r.attempts,
            r.next,
            r.failure.message
        ));
    }

    fn dead_lettered(&self, d: &DeadLettered<'_>) {
        self.say(format!("{} dead: {:?}", d.event.id(), d.reason));
    }

    fn reply_stored(&self, r: &ReplyStored<'_>) {
        self.say(format!(
            "reply {} into {} with {} passes",
            r.event.id(),
            r.broker,
            r.hops
        ));
    }

    fn opened(&self, o: &Opened<'_>) {
        self.say(format!("{} is left alone: {}", o.endpoint, o.failure));
    }

    fn closed(&self, c: &Closed<'_>) {
        self.say(format!("{} is there again", c.endpoint));
    }

    fn paused(&self, p: &Paused<'_>) {
        self.say(format!("{} paused: {}", p.trigger, p.reason));
    }

    fn stopped(&self, s: &Stopped<'_>) {
        self.say(format!("{} stopped: {}", s.trigger, s.reason));
    }
}
