//! Events as JSON (JSON event format 1.0, and 0.3's where an event says so), alone and in batches.
//!
//! Reading is one pass over borrowed input: attributes go from the text into the event's head, and `data` that is JSON
//! stays a slice of the input, byte for byte. Writing copies that slice back; no JSON value is ever parsed and printed.

mod read;
mod write;

use bytes::Bytes;
use serde_json::value::RawValue;

use super::{DecodeError, check_batch_bytes, check_event_bytes};
use crate::event::Event;
use crate::limits::Limits;

/// The event in one JSON object. JSON data shares the input's bytes.
///
/// # Errors
///
/// [`DecodeError`], `at` the member at fault.
pub fn decode(bytes: &Bytes, limits: &Limits) -> Result<Event, DecodeError> {
    check_event_bytes(bytes.len(), limits.event_bytes_max)?;
    read::event(bytes, limits)
}

/// The events in one JSON array; `[]` is a batch of none. All are good or none is taken.
///
/// # Errors
///
/// [`DecodeError`] of the first event that is wrong, with its `index`; without one when the batch itself is.
pub fn decode_batch(bytes: &Bytes, limits: &Limits) -> Result<Vec<Event>, DecodeError> {
    check_batch_bytes(bytes.len(), limits.batch_bytes_max)?;
    read::batch(bytes, limits)
}

/// The event as one JSON object.
///
/// Data leaves as it came: JSON as it stands, text as a string, base64 as base64. A message body is put in as JSON when
/// the event declares a JSON content type and the body is one valid JSON value, else as base64.
pub fn encode(event: &Event) -> Bytes {
    let mut out = Vec::with_capacity(write::capacity(event));
    write::event(&mut out, event);
    out.into()
}

/// The events as one JSON array.
pub fn encode_batch(events: &[Event]) -> Bytes {
    let capacity = events.iter().map(write::capacity).sum::<usize>();
    let mut out = Vec::with_capacity(capacity + 2);
    out.push(b'[');
    for (at, event) in events.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        write::event(&mut out, event);
    }
    out.push(b']');
    out.into()
}

/// Whether the bytes are one JSON value, blanks around it allowed.
fn is_value(bytes: &[u8]) -> bool {
    serde_json::from_slice::<&RawValue>(bytes).is_ok()
}

#[cfg(test)]
mod tests;
