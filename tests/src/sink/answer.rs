//! What a sink answers: one answer, and the order of many.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use super::Received;
use crate::event::Event;

/// One answer of a sink.
#[derive(Clone, Debug)]
pub struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    pub(super) hangs: bool,
    pub(super) after: Duration,
}

/// Where the next answer comes from.
pub(super) enum Script {
    /// The answers in turn, then the last for ever.
    Turns { ahead: VecDeque<Answer>, last: Answer },
    /// The test's own decision.
    Decides(Box<dyn FnMut(&Received) -> Answer + Send>),
}

impl Answer {
    /// 200 with an empty body.
    pub fn ok() -> Self {
        Self::status(200)
    }

    /// This status with an empty body.
    pub fn status(status: u16) -> Self {
        let status = StatusCode::from_u16(status).expect("the tests use valid statuses");
        Self {
            status,
            headers: HeaderMap::new(),
            body: Bytes::new(),
            hangs: false,
            after: Duration::ZERO,
        }
    }

    /// No answer at all, until the other side gives up.
    pub fn hang() -> Self {
        Self {
            hangs: true,
            ..Self::ok()
        }
    }

    /// 200 with this event in binary mode: a reply.
    pub fn reply(event: &Event) -> Self {
        Self {
            headers: event.binary_headers(),
            body: event.data.clone(),
            ..Self::ok()
        }
    }

    /// This answer, given only after a while.
    #[must_use]
    pub fn after(self, wait: Duration) -> Self {
        Self { after: wait, ..self }
    }

    /// This answer so many times.
    pub fn times(self, count: usize) -> Vec<Self> {
        vec![self; count]
    }

    /// Replaces the status.
    #[must_use]
    pub fn with_status(self, status: u16) -> Self {
        Self {
            status: Self::status(status).status,
            ..self
        }
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        let name = HeaderName::try_from(name).expect("the tests use valid header names");
        self.headers.insert(
            name,
            HeaderValue::try_from(value).expect("the tests use valid header values"),
        );
        self
    }

    /// Replaces the body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }
}

impl Script {
    pub(super) fn turns(answers: impl IntoIterator<Item = Answer>) -> Self {
        let ahead: VecDeque<Answer> = answers.into_iter().collect();
        let last = ahead.back().cloned().unwrap_or_else(Answer::ok);
        Self::Turns { ahead, last }
    }

    pub(super) fn decides(decide: impl FnMut(&Received) -> Answer + Send + 'static) -> Self {
        Self::Decides(Box::new(decide))
    }

    pub(super) fn next(&mut self, request: &Received) -> Answer {
        match self {
            Self::Turns { ahead, last } => ahead.pop_front().unwrap_or_else(|| last.clone()),
            Self::Decides(decide) => decide(request),
        }
    }
}

impl fmt::Debug for Script {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Turns { ahead, last } => write!(formatter, "{} answers, then {}", ahead.len(), last.status),
            Self::Decides(_) => formatter.write_str("decides by the request"),
        }
    }
}
