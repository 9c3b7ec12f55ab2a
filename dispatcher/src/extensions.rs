//! The extensions that the dispatcher adds to events or takes off, all of them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use broker::Failure;
use schemas::event::{Event, InvalidEvent, Value};

/// The URL that did not take the event, without user information.
pub const ERROR_DESTINATION: &str = "knativeerrordest";
/// HTTP status of the last answer; left out when there was none.
pub const ERROR_CODE: &str = "knativeerrorcode";
/// The first bytes of the last answer's body in base64; left out when there were none.
pub const ERROR_DATA: &str = "knativeerrordata";
/// What [`with_error`] sets, in the order in which it does.
pub const ERROR_EXTENSIONS: [&str; 3] = [ERROR_DESTINATION, ERROR_CODE, ERROR_DATA];
/// The replay that an event comes from; on replayed events only.
pub const REPLAY: &str = "heddlereplay";
/// Passes that an event may still make. Metadata of the record here; taken off wherever it shows up as an attribute.
pub const HOPS: &str = "knativebrokerttl";

/// The event as the dead letter sink gets it: the original with the error extensions of its last failure, and none of
/// an earlier one.
///
/// # Errors
/// When a value cannot be an attribute; does not happen for a destination that is a URL.
pub fn with_error(event: &Event, failure: &Failure) -> Result<Event, InvalidEvent> {
    let data = STANDARD.encode(&failure.data);
    let mut added = vec![(ERROR_DESTINATION, Value::String(&failure.destination))];
    if let Some(code) = failure.code {
        added.push((ERROR_CODE, Value::Integer(i32::from(code))));
    }
    if !data.is_empty() {
        added.push((ERROR_DATA, Value::String(&data)));
    }
    event
        .without(&[ERROR_DESTINATION, ERROR_CODE, ERROR_DATA])
        .with(&added)
}

/// The event with the mark of a replay, in place of that of an earlier one.
///
/// # Errors
/// When the id cannot be an attribute; does not happen for the id of a replay.
pub fn with_replay(event: &Event, id: &str) -> Result<Event, InvalidEvent> {
    event.without(&[REPLAY]).with(&[(REPLAY, Value::String(id))])
}

/// The event without a loop guard's attribute; the same handle when it carries none.
#[must_use]
pub fn without_hops(event: &Event) -> Event {
    if event.attribute(HOPS).is_some() {
        event.without(&[HOPS])
    } else {
        event.clone()
    }
}

#[cfg(test)]
mod tests;
