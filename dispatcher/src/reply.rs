//! Replies: reading one from an answer, and how many passes it has left.

use broker::{Reply, Stored};
use bytes::Bytes;
use http::HeaderMap;
use schemas::codec::Decoded;
use schemas::codec::http::decode;
use schemas::event::Event;
use schemas::limits::Limits;
use schemas::names::ResourceName;

use crate::extensions;

/// An event that goes on into a broker, or one that may not.
#[derive(Clone, Debug)]
pub(crate) enum Onward {
    /// To be stored.
    Store(Reply),
    /// It has made all its passes.
    Looped(Event),
}

/// The event in an answer that claims to be one.
///
/// # Errors
/// In words, completing "answered 200 with ...".
pub(crate) fn read(headers: &HeaderMap, body: Bytes, limits: &Limits) -> Result<Event, String> {
    match decode(headers, body, limits) {
        Ok(Decoded::One(event)) => Ok(event),
        Ok(Decoded::Batch(events)) => Err(format!(
            "a batch of {} events; a reply is one event",
            events.len()
        )),
        Err(error) => Err(format!("an event that is invalid: {error}")),
    }
}

/// Sends an event on with one pass less than its cause. A count that it brought itself counts when it is lower; the
/// attribute is taken off, because passes are metadata.
pub(crate) fn onward(cause: &Stored, broker: &ResourceName, event: &Event) -> Onward {
    let left = cause.hops.saturating_sub(1);
    let hops = own_hops(event).map_or(left, |own| own.min(left));
    let event = extensions::without_hops(event);
    if hops == 0 {
        return Onward::Looped(event);
    }
    Onward::Store(Reply {
        broker: broker.clone(),
        event,
        hops,
    })
}

/// What a reply says itself; nothing when that is no number.
fn own_hops(event: &Event) -> Option<u8> {
    let own = event.attribute(extensions::HOPS)?.value.parse::<i64>().ok()?;
    Some(u8::try_from(own.clamp(0, i64::from(u8::MAX))).unwrap_or(u8::MAX))
}
