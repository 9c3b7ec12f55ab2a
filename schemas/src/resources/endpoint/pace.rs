//! How an endpoint is treated: its rate, how long an attempt may take there, and when it is left alone.

use std::time::Duration;

use crate::limits::{BREAKER_FAILURES_MAX, ENDPOINT_REQUESTS_MAX};
use crate::resources::duration;
use crate::yaml::{Problem, Reader};

/// What an Endpoint says of its treatment. What it leaves out is as the dispatcher does by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pace {
    /// Most requests in a time.
    pub rate: Option<Rate>,
    /// The longest that an attempt may take here; longer than zero. Cuts the `timeout` of a delivery.
    pub timeout: Option<Duration>,
    /// When it is left alone.
    pub breaker: Breaker,
    /// Whether it is a webhook of the CloudEvents specification, where a request has a body.
    pub webhook: bool,
}

/// So many requests in so much time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Requests; at least 1.
    pub requests: u32,
    /// In this time; longer than zero. One second when it is left out.
    pub per: Duration,
}

/// When an endpoint is left alone, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Breaker {
    /// Whether it ever is: when the field is there, unless it says otherwise.
    pub enabled: bool,
    /// Failures in a row.
    pub failures: Option<u32>,
    /// The time in which they fall; longer than zero.
    pub window: Option<Duration>,
    /// From then to the first probe; longer than zero.
    pub wait: Option<Duration>,
    /// The longest time between two probes; longer than zero.
    pub wait_max: Option<Duration>,
}

impl Pace {
    /// The names of its fields.
    pub(super) const FIELDS: [&str; 4] = ["rate", "timeout", "breaker", "webhook"];

    pub(super) fn decode(reader: &Reader<'_>) -> Pace {
        Pace {
            rate: reader.field("rate").map(Rate::decode),
            timeout: duration::decode_positive(&reader.field("timeout")),
            breaker: reader
                .field("breaker")
                .map(|reader| Some(Breaker::decode(reader)))
                .unwrap_or_default(),
            webhook: reader.field("webhook").boolean().unwrap_or(false),
        }
    }
}

impl Rate {
    fn decode(reader: &Reader<'_>) -> Option<Rate> {
        let requests = reader
            .field("requests")
            .required()
            .integer(1..=ENDPOINT_REQUESTS_MAX);
        let per = reader.field("per");
        let per = match per.is_absent() {
            true => Some(Duration::from_secs(1)),
            false => duration::decode_positive(&per),
        };
        Some(Rate {
            requests: u32::try_from(requests?).ok()?,
            per: per?,
        })
    }
}

impl Breaker {
    fn decode(reader: &Reader<'_>) -> Breaker {
        let failures = reader.field("failures").integer(1..=BREAKER_FAILURES_MAX);
        let breaker = Breaker {
            enabled: reader.field("enabled").boolean().unwrap_or(true),
            failures: failures.and_then(|failures| u32::try_from(failures).ok()),
            window: duration::decode_positive(&reader.field("window")),
            wait: duration::decode_positive(&reader.field("wait")),
            wait_max: duration::decode_positive(&reader.field("waitMax")),
        };
        if let (Some(wait), Some(wait_max)) = (breaker.wait, breaker.wait_max)
            && wait_max < wait
        {
            let field = reader.field("waitMax");
            let message = format!("{} must not be shorter than wait", field.path());
            reader.findings().add(Problem::error(&field.place(), message));
        }
        breaker
    }
}

/// What holds when nothing is said of it: never left alone.
impl Default for Breaker {
    fn default() -> Self {
        Self {
            enabled: false,
            failures: None,
            window: None,
            wait: None,
            wait_max: None,
        }
    }
}
