//! What the dispatcher is told: triggers with everything resolved. The configuration has checked the words; what is
//! checked here again are the things that would make a wrong request.

use std::fmt;
use std::time::Duration;

use broker::{Order, Start};
use http::{HeaderName, HeaderValue, Uri};
use schemas::filter::Filter;
use schemas::names::ResourceName;

use crate::breaker::BreakerPolicy;
use crate::limits;
use crate::rate::Rate;

/// One trigger: which events of a broker go where, and how.
#[derive(Clone, Debug)]
pub struct TriggerSpec {
    /// Identity of the subscription.
    pub name: ResourceName,
    /// The broker it reads.
    pub broker: ResourceName,
    /// Which events it wants.
    pub filter: Filter,
    /// Where they go.
    pub subscriber: Sink,
    /// Where an event goes that the subscriber did not take; without one, the built-in dead-letter store.
    pub dead_letter_sink: Option<Sink>,
    /// How they are delivered, to the subscriber and to the dead letter sink alike.
    pub delivery: DeliveryPolicy,
    /// Where the subscription starts when it is new.
    pub start: Start,
    /// Which of its events wait for each other.
    pub order: Order,
    /// On whose behalf its requests are made.
    pub sender: Sender,
}

/// On whose behalf requests are made, which decides what an answer may bring.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Sender {
    /// A trigger's own: an answer may carry a reply, which goes into the broker.
    #[default]
    Trigger,
    /// A source that sends to a sink without a broker in between: it asks for no reply and takes none.
    Source(ResourceName),
}

/// Where an event can go.
#[derive(Clone, Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "there are two a trigger, made once at the start"
)]
pub enum Sink {
    /// A POST to an endpoint.
    Http(HttpSink),
    /// Into a broker of this process, stored with the settlement of its cause, with one pass less.
    Broker(ResourceName),
    /// Answered by heddle itself with 200 and an empty body; the [`Observer`](crate::Observer) may print it.
    Echo {
        /// Name of the endpoint, for people.
        name: String,
    },
}

/// An endpoint that takes events over HTTP. `Debug` shows the label only: URL and headers may hold secrets.
#[derive(Clone)]
pub struct HttpSink {
    /// Name of the endpoint, or its URL without user information. For people and for metrics.
    pub label: String,
    /// Absolute `http` or `https` URL. User information becomes an `Authorization: Basic` header.
    pub url: Uri,
    /// Headers to send with each request, besides the event's own.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Certificates (PEM) to trust besides the system's roots.
    pub ca_certs_pem: Option<String>,
    /// The endpoint's name. Sinks of one name share what is limited: requests at once, rate, breaker. Without one, sinks
    /// of the same label and server do.
    pub endpoint: Option<ResourceName>,
    /// Most requests at once. At least 1.
    pub concurrency: usize,
    /// Most requests in a time.
    pub rate: Option<Rate>,
    /// When it is left alone; `None`: never.
    pub breaker: Option<BreakerPolicy>,
    /// The longest one attempt may take here; cuts [`DeliveryPolicy::timeout`].
    pub timeout: Option<Duration>,
    /// Whether it is a webhook of the CloudEvents specification, where every request has a body: an event without data
    /// goes there structured (HTTP webhook 1.0, section 2.1).
    pub webhook: bool,
}

/// How events are delivered: Knative's `delivery`, resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryPolicy {
    /// Attempts after the first.
    pub retries: u32,
    /// How the wait grows. Without one a `delay` grows exponentially.
    pub backoff: Option<BackoffPolicy>,
    /// Unit of the wait. Zero: the next attempt follows at once.
    pub delay: Duration,
    /// What one attempt may take, the body of a reply included.
    pub timeout: Duration,
    /// Longest `Retry-After` that is honoured; zero ignores the header.
    pub retry_after_max: Duration,
    /// How the event is written.
    pub format: Format,
    /// What becomes of an event whose last attempt at the subscriber failed, or that it refused.
    pub after_last_attempt: AfterLastAttempt,
}

/// What becomes of an event that its subscriber did not take. All but the first are for ordered triggers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AfterLastAttempt {
    /// To the dead letter sink, or to the store without one; then the next of its key has its turn.
    #[default]
    SkipToDeadLetter,
    /// It waits for a person, and its key with it.
    Park,
    /// It is tried on at the policy's longest wait, for ever, and its key waits for it.
    Block,
}

/// How the wait before the n-th retry grows (n = 1 for the first).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackoffPolicy {
    /// `delay * n`
    Linear,
    /// `delay * 2^n`
    Exponential,
}

/// Content mode of the CloudEvents HTTP binding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// Attributes as `ce-` headers, data as the body.
    #[default]
    Binary,
    /// One `application/cloudevents+json` document.
    Json,
}

// === impl HttpSink ===

impl HttpSink {
    /// An endpoint with no headers of its own, the system's roots, the default concurrency and breaker, no rate.
    #[must_use]
    pub fn new(label: impl Into<String>, url: Uri) -> Self {
        Self {
            label: label.into(),
            url,
            headers: Vec::new(),
            ca_certs_pem: None,
            endpoint: None,
            concurrency: limits::ENDPOINT_CONCURRENCY_DEFAULT,
            rate: None,
            breaker: Some(BreakerPolicy::default()),
            timeout: None,
            webhook: false,
        }
    }
}

impl fmt::Debug for HttpSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpSink")
            .field("label", &self.label)
            .finish_non_exhaustive()
    }
}

// === impl DeliveryPolicy ===

impl Default for DeliveryPolicy {
    /// No retries, as Knative without `delivery`.
    fn default() -> Self {
        Self {
            retries: 0,
            backoff: None,
            delay: Duration::ZERO,
            timeout: limits::ATTEMPT_TIMEOUT,
            retry_after_max: limits::RETRY_AFTER_MAX,
            format: Format::Binary,
            after_last_attempt: AfterLastAttempt::SkipToDeadLetter,
        }
    }
}
