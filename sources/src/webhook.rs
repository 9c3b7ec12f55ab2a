//! WebhookSource: turns any POST to a path of the ingress into an event.
//!
//! `type`, `source`, `subject` and `id` are each the first of a list of [`Pick`]s that yields a text that is not
//! empty: a header, a JSON pointer into the body, or a constant. When none does:
//! - `type` and `source` that were configured are missing, and the request is refused (400); when nothing was
//!   configured they are `dev.heddle.webhook` and `/apis/v1/namespaces/<ns>/webhooksources/<name>`;
//! - `subject` is left out;
//! - `id` is a new UUID. A sender that repeats a request then makes a second event; take the id from the header that
//!   numbers deliveries where there is one.
//!
//! The body is the data, byte for byte, with the request's content type (guessed when there is none: JSON when it is
//! one JSON value, else `application/octet-stream`); an empty body is no data. Only the picked headers are kept.
//!
//! A POST that already is a CloudEvent is wrapped like any other, so that its sender cannot choose the type and source
//! that the configuration fixes; [`WhenCloudEvent::Pass`] lets it pass as it is instead, and refuses an invalid one.

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue};
use schemas::codec::http as codec;
use schemas::event::Event;
use schemas::limits::Limits;
use schemas::names::ResourceName;
use uuid::Uuid;

mod desk;
mod error;
mod pick;

pub(crate) use desk::Webhook;
pub use desk::Webhooks;
pub use error::WebhookError;
pub use pick::Pick;

use crate::ping::rfc3339;
use crate::secret::Secret;
use crate::wrap::with_data;
use broker::Timestamp;

/// The `type` of its events when none is configured.
pub const TYPE: &str = "dev.heddle.webhook";

/// What a WebhookSource listens to and makes of it.
#[derive(Clone, Debug, Default)]
pub struct WebhookSpec {
    /// The path on the ingress, from the first slash on.
    pub path: String,
    /// Where `type` comes from; empty for the default.
    pub ty: Vec<Pick>,
    /// Where `source` comes from; empty for the default.
    pub source: Vec<Pick>,
    /// Where `subject` comes from; empty for none.
    pub subject: Vec<Pick>,
    /// Where `id` comes from; empty for a new UUID.
    pub id: Vec<Pick>,
    /// What the sender must show; `None` lets everyone in.
    pub auth: Option<WebhookAuth>,
    /// What to do with a POST that is a CloudEvent already.
    pub when_cloud_event: WhenCloudEvent,
}

/// What a sender must show.
#[derive(Clone, Debug)]
pub enum WebhookAuth {
    /// `Authorization: Bearer <token>`.
    Bearer(Secret),
    /// A secret in a header of its own.
    Header {
        /// The header.
        name: HeaderName,
        /// The secret.
        value: Secret,
    },
}

/// What to do with a POST that is a CloudEvent already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhenCloudEvent {
    /// It is wrapped like any other request.
    #[default]
    Wrap,
    /// It passes as it is; one that is invalid, or a batch, is refused.
    Pass,
}

/// When a request came, and the id that it gets if nothing in it is picked.
#[derive(Clone, Copy, Debug)]
pub struct Arrival {
    /// The `time` of the event.
    pub at: Timestamp,
    /// The `id`, if no other is found.
    pub id: Uuid,
}

impl WebhookSpec {
    /// The event of one request. Pure: the same request makes the same event.
    ///
    /// # Errors
    /// [`WebhookError`] for a request that this webhook does not take.
    pub fn event(
        &self,
        name: &ResourceName,
        headers: &HeaderMap,
        body: &Bytes,
        arrival: Arrival,
        limits: &Limits,
    ) -> Result<Event, WebhookError> {
        self.check_auth(headers)?;
        if body.len() > limits.event_bytes_max {
            return Err(WebhookError::TooLarge {
                bytes: body.len(),
                bytes_max: limits.event_bytes_max,
            });
        }
        let event = if self.when_cloud_event == WhenCloudEvent::Pass && codec::claims_event(headers) {
            passed(headers, body, limits)?
        } else {
            self.wrapped(name, headers, body, arrival)?
        };
        if event.size() > limits.event_bytes_max {
            return Err(WebhookError::TooLarge {
                bytes: event.size(),
                bytes_max: limits.event_bytes_max,
            });
        }
        Ok(event)
    }

    /// Whether the sender shows what this webhook asks for.
    ///
    /// # Errors
    /// [`WebhookError::Unauthorized`] names the header to set.
    pub fn check_auth(&self, headers: &HeaderMap) -> Result<(), WebhookError> {
        let (name, given, wanted) = match &self.auth {
            None => return Ok(()),
            Some(WebhookAuth::Bearer(token)) => {
                let given = headers.get(AUTHORIZATION).map(HeaderValue::as_bytes);
                (&AUTHORIZATION, given.and_then(bearer), token)
            }
            Some(WebhookAuth::Header { name, value }) => {
                (name, headers.get(name).map(HeaderValue::as_bytes), value)
            }
        };
        let is_right = given.is_some_and(|given| wanted.matches(given));
        if is_right {
            Ok(())
        } else {
            Err(WebhookError::Unauthorized { header: name.clone() })
        }
    }

    fn wrapped(
        &self,
        name: &ResourceName,
        headers: &HeaderMap,
        body: &Bytes,
        arrival: Arrival,
    ) -> Result<Event, WebhookError> {
        let body_json = pick::Body::new(body);
        let pick = |picks: &[Pick]| pick::first(picks, headers, &body_json);
        let required = |attribute: &'static str, picks: &[Pick], default: &dyn Fn() -> String| {
            if picks.is_empty() {
                return Ok(default());
            }
            pick(picks).ok_or_else(|| WebhookError::Missing {
                attribute,
                tried: pick::describe(picks),
            })
        };
        let ty = required("type", &self.ty, &|| TYPE.to_owned())?;
        let source = required("source", &self.source, &|| default_source(name))?;
        let id = pick(&self.id).unwrap_or_else(|| arrival.id.to_string());
        let mut builder = Event::builder()
            .id(&id)
            .source(&source)
            .ty(&ty)
            .time(&rfc3339(arrival.at));
        if let Some(subject) = pick(&self.subject) {
            builder = builder.subject(&subject);
        }
        let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let data = (!body.is_empty()).then(|| body.clone());
        Ok(with_data(builder, content_type, data)?)
    }
}

fn default_source(name: &ResourceName) -> String {
    format!(
        "/apis/v1/namespaces/{}/webhooksources/{}",
        name.namespace(),
        name.name()
    )
}

fn passed(headers: &HeaderMap, body: &Bytes, limits: &Limits) -> Result<Event, WebhookError> {
    match codec::decode(headers, body.clone(), limits)? {
        schemas::codec::Decoded::One(event) => Ok(event),
        schemas::codec::Decoded::Batch(_) => Err(WebhookError::Batch),
    }
}

/// The token of a `Bearer` authorization; the scheme's case does not matter (RFC 9110, 11.1).
fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = value.split_at_checked(7)?;
    scheme
        .eq_ignore_ascii_case(b"bearer ")
        .then(|| token.trim_ascii())
}

#[cfg(test)]
mod tests;
