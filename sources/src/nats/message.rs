//! From one NATS message to one event.
//!
//! A message that is a CloudEvent (NATS protocol binding, binary or structured mode) passes as it is. Any other is
//! wrapped: type `dev.heddle.nats.message`, source `nats://<first server>/<subject>` (no login in it), subject the
//! NATS subject, `natsheader<name>` for each header, by the same rules as Kafka's headers. The id is
//! `<stream>:<sequence>` from JetStream, else the header `Nats-Msg-Id`, else a new UUID; the time is when JetStream
//! stored it, else when it came.
//!
//! A message that claims to be a CloudEvent and is not valid, or is over a limit, is treated as a Kafka record is
//! (`heddleinvalid`, `heddleomitted`).

use async_nats::{HeaderMap, Message};
use broker::Timestamp;
use schemas::codec::nats as codec;
use schemas::codec::{DecodeError, Reason};
use schemas::event::{Event, InvalidEvent};
use schemas::limits::Limits;
use uuid::Uuid;

use super::{NatsSpec, connect};
use crate::extensions::NATS_HEADER_PREFIX;
use crate::payload;
use crate::ping::rfc3339;
use crate::source::Session;
use crate::wrap::{Carried, Wrap};

/// The `type` of a wrapped message, unless the source names another.
pub const TYPE: &str = "dev.heddle.nats.message";

/// The header with a message's own id.
const MESSAGE_ID: &str = "Nats-Msg-Id";

/// How messages that are no CloudEvents are wrapped.
#[derive(Clone, Debug)]
pub(super) struct Wrapping {
    authority: String,
    ty: Option<String>,
    source: Option<String>,
    subject: Option<String>,
}

/// Where a message lies in its stream.
#[derive(Clone, Debug)]
pub(super) struct Stored {
    /// `<stream>:<sequence>`
    pub(super) id: String,
    pub(super) at: Timestamp,
}

impl Wrapping {
    pub(super) fn new(spec: &NatsSpec) -> Self {
        Self {
            authority: connect::authority(spec),
            ty: spec.ty.clone(),
            source: spec.source.clone(),
            subject: spec.subject.clone(),
        }
    }

    /// The event of one message, with the source's overrides; counts and tells what was wrong with it.
    ///
    /// # Errors
    /// [`InvalidEvent`] never for what a message holds, only for what the source is configured to put into it.
    pub(super) fn event(
        &self,
        message: &Message,
        stored: Option<&Stored>,
        session: &Session,
    ) -> Result<Event, InvalidEvent> {
        let mistake = match decode(message, &session.limits) {
            Ok(Some(event)) => return session.intake.overridden(event),
            Ok(None) => None,
            Err(error) if error.reason == Reason::TooLarge => None,
            Err(error) => Some(error.to_string()),
        };
        let now = session.clock.now();
        let mut wrap = self.wrap(message, stored, now);
        if let Some(mistake) = &mistake {
            wrap.invalid(mistake);
            session.metrics.invalid.inc();
            let subject = &message.subject;
            session.status.notice(&format!(
                "a message of {subject} is no valid CloudEvent and was wrapped: {mistake}"
            ));
        }
        let wrapped = wrap.build(&session.limits)?;
        if wrapped.omitted {
            session.metrics.omitted.inc();
            let subject = &message.subject;
            session.status.notice(&format!(
                "a message of {subject} is over the limits and was stored without a part"
            ));
        }
        session.intake.overridden(wrapped.event)
    }

    fn wrap(&self, message: &Message, stored: Option<&Stored>, now: Timestamp) -> Wrap {
        let headers = message.headers.as_ref();
        let own_id = || {
            headers
                .and_then(|headers| text(headers, MESSAGE_ID))
                .filter(|id| !id.is_empty())
        };
        let id = stored
            .map(|stored| stored.id.clone())
            .or_else(own_id)
            .unwrap_or_else(|| Uuid::new_v4().to_string());
        let source = || format!("nats://{}/{}", self.authority, percent_encoded(&message.subject));
        let source = self.source.clone().unwrap_or_else(source);
        let subject = self
            .subject
            .clone()
            .unwrap_or_else(|| message.subject.to_string());
        let ty = self.ty.clone().unwrap_or_else(|| TYPE.to_owned());
        let mut wrap = Wrap::new(ty, id, source, subject);
        wrap.time = Some(rfc3339(stored.map_or(now, |stored| stored.at)));
        wrap.data = Some(message.payload.clone());
        for (name, values) in headers.into_iter().flat_map(HeaderMap::iter) {
            let name: &str = name.as_ref();
            let Some(value) = values.last() else { continue };
            if name.eq_ignore_ascii_case("content-type") {
                wrap.content_type = Some(value.as_str().to_owned());
            }
            let part = payload::name_part(name);
            if !part.is_empty() {
                wrap.extension(
                    &format!("{NATS_HEADER_PREFIX}{part}"),
                    Carried::of(value.as_str().as_bytes()),
                );
            }
        }
        wrap
    }
}

fn decode(message: &Message, limits: &Limits) -> Result<Option<Event>, DecodeError> {
    let headers = message.headers.iter().flat_map(HeaderMap::iter);
    let pairs =
        headers.flat_map(|(name, values)| values.iter().map(move |value| (name.as_ref(), value.as_str())));
    codec::decode(pairs, message.payload.clone(), limits)
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    let value = headers.get(name)?.as_str();
    payload::as_text(value.as_bytes()).map(str::to_owned)
}

/// A subject as one path segment of a URI (RFC 3986, 3.3).
fn percent_encoded(subject: &str) -> String {
    let mut text = String::with_capacity(subject.len());
    for byte in subject.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@".contains(&byte) {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}

#[cfg(test)]
mod tests;
