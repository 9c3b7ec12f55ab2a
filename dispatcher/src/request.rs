//! Writes an event as a request: CloudEvents HTTP binding, and the headers that the data plane asks for.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, header};
use schemas::codec::http::{encode_binary, encode_structured};
use schemas::event::Event;

use crate::endpoint::HttpTarget;
use crate::spec::Format;
use crate::{extensions, limits};

/// The trace that the event belongs to (W3C Trace Context), passed on as it came.
const TRACE: [&str; 2] = ["traceparent", "tracestate"];

/// The request for one attempt.
///
/// The event writes `content-type` and `ce-*` only; everything else comes from the endpoint, whose headers cannot have
/// these names. So neither can overwrite the other.
pub(crate) fn build(target: &HttpTarget, event: &Event, format: Format) -> Request<Bytes> {
    let event = extensions::without_hops(event);
    // A copy has no room, and would be copied again as it grows.
    let mut headers = HeaderMap::with_capacity(limits::REQUEST_HEADERS);
    for (name, value) in &target.headers {
        headers.append(name, value.clone());
    }
    for name in TRACE {
        let value = event
            .attribute(name)
            .and_then(|trace| HeaderValue::from_str(trace.value).ok());
        if let Some(value) = value {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
    let body = match format {
        Format::Binary if target.needs_body && event.data().is_none_or(Bytes::is_empty) => {
            encode_structured(&event, &mut headers)
        }
        Format::Binary => encode_binary(&event, &mut headers),
        Format::Json => encode_structured(&event, &mut headers),
    };
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
    let mut request = Request::new(body);
    *request.method_mut() = Method::POST;
    *request.uri_mut() = target.url.clone();
    *request.headers_mut() = headers;
    request
}

#[cfg(test)]
mod tests;
