//! Events as Protobuf messages (Protobuf event format 1.0): `CloudEvent` and `CloudEventBatch` of `io.cloudevents.v1`.
//!
//! ```text
//! CloudEvent            1 id, 2 source, 3 spec_version, 4 type: string | 5 attributes: map<string, Value>
//!                       6 binary_data: bytes | 7 text_data: string | 8 proto_data: google.protobuf.Any (one of these)
//! Value (one of)        1 ce_boolean: bool | 2 ce_integer: int32 | 3 ce_string | 4 ce_bytes: bytes | 5 ce_uri
//!                       6 ce_uri_ref: string | 7 ce_timestamp: google.protobuf.Timestamp
//! CloudEventBatch       1 events: repeated CloudEvent
//! ```
//!
//! `wire` reads and writes fields, `read` makes events of them, `write` messages of events. What cannot be the same on
//! the other side: the offset of `time` (Protobuf has none), and the `Any` around `proto_data`, which becomes what the
//! format says it is in other modes: bytes with `datacontenttype` `application/protobuf` and the type's URL as `dataschema`.

mod read;
mod wire;
mod write;

use bytes::Bytes;

use super::{DecodeError, check_batch_bytes, check_event_bytes};
use crate::event::Event;
use crate::limits::Limits;

/// The event in one message. Its data shares the input's bytes.
///
/// # Errors
///
/// [`DecodeError`], `at` the attribute at fault.
pub fn decode(bytes: &Bytes, limits: &Limits) -> Result<Event, DecodeError> {
    check_event_bytes(bytes.len(), limits.event_bytes_max)?;
    read::event(bytes, limits)
}

/// The events in one message; an empty message is a batch of none. All are good or none is taken.
///
/// # Errors
///
/// [`DecodeError`] of the first event that is wrong, with its `index`; without one when the batch itself is.
pub fn decode_batch(bytes: &Bytes, limits: &Limits) -> Result<Vec<Event>, DecodeError> {
    check_batch_bytes(bytes.len(), limits.batch_bytes_max)?;
    read::batch(bytes, limits)
}

/// The event as one message.
pub fn encode(event: &Event) -> Bytes {
    let mut out = Vec::with_capacity(event.size() + 64);
    write::event(&mut out, event);
    out.into()
}

/// The events as one message.
pub fn encode_batch(events: &[Event]) -> Bytes {
    let mut out = Vec::with_capacity(events.iter().map(|event| event.size() + 64).sum());
    for event in events {
        let mut one = Vec::with_capacity(event.size() + 64);
        write::event(&mut one, event);
        wire::put_block(&mut out, 1, &one);
    }
    out.into()
}

#[cfg(test)]
mod tests;
