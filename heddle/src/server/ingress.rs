//! The ingress: producers post events to `/{namespace}/{broker}`, webhook senders to the paths of their sources.
//!
//! 202 is answered after the engine confirmed that the events are durable, and by nothing else.

mod answer;
mod hops;

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Instant;

use axum::response::{IntoResponse, Response};
use broker::embedded::Embedded;
use broker::{Admission, Batch, Engine, Quarantined, SchemaGate, Verdict};
use http::header::{ALLOW, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode};
use hyper::body::Incoming;
use hyper::service::{Service, service_fn};
use schemas::codec::{Decoded, http as codec, is_batch};
use schemas::event::Event;
use schemas::limits::Limits;
use schemas::names::ResourceName;
use sources::Webhooks;

use super::body::{self, Admitted, RequestBody};
use super::guard::Guard;
use super::problem::{Kind, Problem};
use crate::metrics::IngressMetrics;
use answer::{append_problem, decode_problem, webhook_problem};

/// What may be sent to a broker's path.
const METHODS: &str = "POST, OPTIONS";

/// How many events of an accepted request were stored before and are not stored again; absent when none.
const DEDUPLICATED: HeaderName = HeaderName::from_static("heddle-deduplicated");

/// What the ingress works with. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Ingress {
    parts: Arc<Parts>,
}

/// See [`Ingress`].
pub(crate) struct Parts {
    pub(crate) engine: Embedded,
    pub(crate) admission: Admission,
    /// The brokers that may be posted to: those of the configuration, not those of earlier ones.
    pub(crate) brokers: BTreeSet<ResourceName>,
    pub(crate) webhooks: Webhooks,
    pub(crate) limits: Limits,
    pub(crate) schemas: SchemaGate,
    pub(crate) guard: Guard,
    pub(crate) metrics: IngressMetrics,
}

/// Whom a path belongs to.
enum Target {
    Broker(ResourceName),
    Webhook(String),
}

/// The events of a message by what the schemas say of them.
struct Sorted {
    events: Vec<Event>,
    /// Where each of them stood in the message.
    places: Vec<usize>,
    quarantined: Vec<Quarantined>,
}

impl Ingress {
    pub(crate) fn new(parts: Parts) -> Self {
        Self {
            parts: Arc::new(parts),
        }
    }

    /// The ingress as what a connection asks. There is nothing to route: every path of two segments may be a broker.
    pub(crate) fn service(
        self,
    ) -> impl Service<Request<Incoming>, Response = Response, Error = Infallible, Future: Send> + Clone {
        service_fn(move |request| {
            let ingress = self.clone();
            async move { Ok(ingress.answer(request).await) }
        })
    }

    /// Answers a request, and counts how.
    pub(crate) async fn answer(&self, request: Request<impl RequestBody>) -> Response {
        let started = Instant::now();
        let response = self.respond(request).await;
        let response = response.unwrap_or_else(IntoResponse::into_response);
        self.parts.metrics.answered(response.status(), started.elapsed());
        response
    }

    async fn respond(&self, request: Request<impl RequestBody>) -> Result<Response, Problem> {
        let target = Target::of(request.uri().path(), &self.parts.webhooks)?;
        match *request.method() {
            Method::OPTIONS => return Ok(webhook_handshake()),
            Method::POST => {}
            _ => {
                return Err(Problem::new(
                    Kind::MethodNotAllowed(METHODS),
                    "post an event to this path",
                ));
            }
        }
        let duplicates = match target {
            Target::Broker(broker) => self.receive(&broker, request).await?,
            Target::Webhook(path) => self.receive_webhook(&path, request).await?,
        };
        let mut response = StatusCode::ACCEPTED.into_response();
        if duplicates > 0 {
            response.headers_mut().insert(DEDUPLICATED, duplicates.into());
        }
        Ok(response)
    }

    /// Answers how many of the events were stored before.
    async fn receive(
        &self,
        broker: &ResourceName,
        request: Request<impl RequestBody>,
    ) -> Result<usize, Problem> {
        let is_known = self.parts.brokers.contains(broker);
        self.parts
            .guard
            .check(request.headers())
            .map_err(|problem| match is_known {
                true => self.rejected(broker, 1, problem),
                false => problem,
            })?;
        if !is_known {
            return Err(answer::unknown_broker(broker));
        }
        answer::check_coding(request.headers()).map_err(|problem| self.rejected(broker, 1, problem))?;
        let bytes_max = self.body_bytes_max(request.headers());
        let admitted = body::read(request, bytes_max, &self.parts.admission)
            .await
            .map_err(|problem| self.rejected(broker, 1, problem))?;
        self.store(broker, admitted).await
    }

    /// Counts what is refused before the engine sees it: a message that cannot be read counts as one.
    fn rejected(&self, broker: &ResourceName, messages: usize, problem: Problem) -> Problem {
        let reason = answer::rejection(problem.kind);
        self.parts.engine.count_rejected(broker, reason, messages as u64);
        problem
    }

    /// A webhook has a token of its own: who posts here is no producer of the mesh.
    async fn receive_webhook(
        &self,
        path: &str,
        request: Request<impl RequestBody>,
    ) -> Result<usize, Problem> {
        let webhooks = &self.parts.webhooks;
        webhooks
            .authorize(path, request.headers())
            .map_err(webhook_problem)?;
        answer::check_coding(request.headers())?;
        let bytes_max = self.parts.limits.event_bytes_max;
        let Admitted {
            headers,
            body,
            permit,
        } = body::read(request, bytes_max, &self.parts.admission).await?;
        // The source takes a permit for the event that it makes.
        drop(permit);
        let accepted = self.parts.webhooks.accept(path, &headers, body).await;
        Ok(accepted.map_err(webhook_problem)?.duplicates)
    }

    /// Decodes and appends; the events are durable when this returns `Ok`, with how many of them were so before.
    async fn store(&self, broker: &ResourceName, admitted: Admitted) -> Result<usize, Problem> {
        let Admitted {
            headers,
            body,
            permit,
        } = admitted;
        let decoded = codec::decode(&headers, body, &self.parts.limits)
            .map_err(|error| self.rejected(broker, 1, decode_problem(error)))?;
        self.parts.metrics.bare_percents(codec::bare_percents(&headers));
        let is_batch = matches!(decoded, Decoded::Batch(_));
        let mut events = match decoded {
            Decoded::One(event) => vec![event],
            Decoded::Batch(events) => events,
        };
        if events.is_empty() {
            return Ok(0);
        }
        let count = events.len();
        let hops =
            hops::take(&mut events, is_batch).map_err(|problem| self.rejected(broker, count, problem))?;
        let Sorted {
            events,
            places,
            quarantined,
        } = self
            .check_data(broker, events, is_batch)
            .map_err(|problem| self.rejected(broker, count, problem))?;
        let stored = events.len();
        let batch = Batch {
            events,
            quarantined,
            hops,
            source_state: None,
            permit: Some(permit),
        };
        let accepted = self.parts.engine.append(broker, batch).await;
        let accepted = accepted.map_err(|error| {
            let mut problem = append_problem(error);
            problem.index = problem.index.filter(|_| is_batch);
            problem.index = problem.index.and_then(|index| places.get(index).copied());
            problem
        })?;
        self.parts.metrics.accepted(broker, stored - accepted.duplicates);
        Ok(accepted.duplicates)
    }

    /// Holds the data to the schemas of the configuration. On this thread: as many are under way as there are workers, and
    /// what one takes in memory is bounded by the event's size.
    fn check_data(
        &self,
        broker: &ResourceName,
        events: Vec<Event>,
        is_batch: bool,
    ) -> Result<Sorted, Problem> {
        let mut sorted = Sorted {
            events: Vec::with_capacity(events.len()),
            places: Vec::with_capacity(events.len()),
            quarantined: Vec::new(),
        };
        for (index, event) in events.into_iter().enumerate() {
            match self.parts.schemas.check(broker, &event) {
                Verdict::Fits => {
                    sorted.events.push(event);
                    sorted.places.push(index);
                }
                Verdict::Quarantined(mismatch) => sorted.quarantined.push(Quarantined { event, mismatch }),
                Verdict::Refused(mismatch) => {
                    let mut problem = Problem::misfit(mismatch);
                    problem.index = is_batch.then_some(index);
                    return Err(problem);
                }
            }
        }
        Ok(sorted)
    }

    fn body_bytes_max(&self, headers: &HeaderMap) -> usize {
        let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let is_batch = content_type.is_some_and(|content_type| is_batch(content_type.trim()));
        if is_batch {
            self.parts.limits.batch_bytes_max
        } else {
            self.parts.limits.event_bytes_max
        }
    }
}

impl Target {
    fn of(path: &str, webhooks: &Webhooks) -> Result<Self, Problem> {
        if webhooks.listens(path) {
            Ok(Self::Webhook(path.to_owned()))
        } else {
            broker_of(path).map(Self::Broker)
        }
    }
}

/// The broker that a path names: two segments, with or without a slash at the end.
fn broker_of(path: &str) -> Result<ResourceName, Problem> {
    let trimmed = path.strip_prefix('/').unwrap_or(path);
    let trimmed = trimmed.strip_suffix('/').unwrap_or(trimmed);
    match trimmed.split_once('/') {
        Some((namespace, name)) if !name.contains('/') => ResourceName::new(namespace, name)
            .map_err(|error| Problem::new(Kind::NotFound, error.to_string())),
        _ => Err(Problem::new(
            Kind::NotFound,
            "events are posted to /NAMESPACE/BROKER, such as /default/default",
        )),
    }
}

/// The answer to the validation request of the CloudEvents webhook specification (section 4): any origin, any rate.
fn webhook_handshake() -> Response {
    let mut response = StatusCode::OK.into_response();
    let headers = response.headers_mut();
    headers.insert(ALLOW, HeaderValue::from_static(METHODS));
    headers.insert("webhook-allowed-origin", HeaderValue::from_static("*"));
    headers.insert("webhook-allowed-rate", HeaderValue::from_static("*"));
    response
}

#[cfg(test)]
mod tests;
