//! Small makers for unit tests.

use broker::{Clock, Failure, Position, Stored, Timestamp};
use schemas::event::{DataForm, Event, EventBuilder};
use schemas::names::ResourceName;
use tokio::time::Instant;

/// A clock that goes with tokio's, so that it can be paused.
#[derive(Debug)]
pub(crate) struct TokioClock(Instant);

impl TokioClock {
    pub(crate) fn new() -> Self {
        Self(Instant::now())
    }
}

impl Clock for TokioClock {
    fn now(&self) -> Timestamp {
        Timestamp(1_000_000).after(self.0.elapsed())
    }
}

/// An event with the four required attributes and a little JSON.
pub(crate) fn event() -> Event {
    builder().build().unwrap()
}

pub(crate) fn builder() -> EventBuilder {
    Event::builder()
        .id("1")
        .source("/orders")
        .ty("order.placed")
        .data_content_type("application/json")
        .data(DataForm::Binary, r#"{"n":1.10}"#)
}

pub(crate) fn stored(event: Event, hops: u8) -> Stored {
    Stored::new(
        event,
        Position {
            stream: 1,
            sequence: 1,
        },
        hops,
        Timestamp(0),
    )
}

pub(crate) fn name(text: &str) -> ResourceName {
    text.parse().unwrap()
}

/// A failure as an endpoint's answer leaves it.
pub(crate) fn failure(code: Option<u16>) -> Failure {
    Failure {
        destination: "http://sink/".to_owned(),
        code,
        data: b"no".to_vec(),
        message: "failed".to_owned(),
    }
}
