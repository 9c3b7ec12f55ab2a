//! Writes an event as a request: CloudEvents HTTP binding, and the headers that the data plane asks for.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, header};
use schemas::codec::http::{encode_binary, encode_structured};
use schemas::event::{Attribute, Event};

use crate::endpoint::HttpTarget;
use crate::extensions;
use crate::limits::{BINARY_ATTRIBUTES_MAX, BINARY_HEADER_BYTES_MAX, REQUEST_HEADERS};
use crate::spec::Format;

/// The trace that the event belongs to (W3C Trace Context), passed on as it came.
const TRACE: [&str; 2] = ["traceparent", "tracestate"];

/// The request for one attempt.
///
/// The event writes `content-type` and `ce-*` only; everything else comes from the endpoint, whose headers cannot have
/// these names. So neither can overwrite the other.
pub(crate) fn build(target: &HttpTarget, event: &Event, format: Format) -> Request<Bytes> {
    let event = extensions::without_hops(event);
    // A copy has no room, and would be copied again as it grows.
    let mut headers = HeaderMap::with_capacity(REQUEST_HEADERS);
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
        Format::Binary if overflows_headers(&event) => encode_structured(&event, &mut headers),
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

/// Whether the attributes are more than servers in use take as headers. Such an event goes structured, whatever the
/// format (HTTP binding, section 3: a sender chooses the mode; receivers must understand the structured one).
fn overflows_headers(event: &Event) -> bool {
    /// What every attribute takes in the event's head, at least; most events are smaller than so many of them.
    const ATTRIBUTE_BYTES_MIN: usize = 7;
    let head_bytes = event.size() - event.data().map_or(0, Bytes::len);
    if head_bytes < BINARY_ATTRIBUTES_MAX * ATTRIBUTE_BYTES_MIN {
        return false;
    }
    let header_bytes: usize = event.attributes().map(header_bytes).sum();
    header_bytes > BINARY_HEADER_BYTES_MAX || event.attributes().count() > BINARY_ATTRIBUTES_MAX
}

/// The bytes of one line: `ce-name: value`, the value percent-encoded (HTTP binding, section 3.1.3.2).
fn header_bytes(attribute: Attribute<'_>) -> usize {
    const AROUND: usize = "ce-: \r\n".len();
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'%');
    let value = attribute
        .value
        .bytes()
        .map(|byte| if is_plain(byte) { 1 } else { 3 });
    AROUND + attribute.name.len() + value.sum::<usize>()
}

#[cfg(test)]
mod tests;
