//! A sink made ready: checked, its secrets moved from the URL into headers, its slots and its trust resolved.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::uri::{Authority, Parts, Scheme};
use http::{HeaderMap, HeaderName, HeaderValue, Uri, header};
use schemas::names::ResourceName;

use crate::gate::GatePolicy;
use crate::limits;
use crate::slots::{EndpointSlots, Slots};
use crate::spec::{HttpSink, Sender, Sink};
use crate::transport::{Transport, Trust, TrustError, TrustId};

/// What a request asks for, so that an answer may carry an event (data plane specification).
const PREFER: HeaderName = HeaderName::from_static("prefer");
/// Whose trigger a request comes from (Knative).
const KN_NAMESPACE: HeaderName = HeaderName::from_static("kn-namespace");

/// Where deliveries of one trigger at one hop go.
#[derive(Debug)]
pub(crate) struct Endpoint {
    /// The endpoint's name, if it has one.
    pub(crate) name: Option<ResourceName>,
    /// Name, or URL without user information.
    pub(crate) label: Arc<str>,
    pub(crate) target: Target,
    pub(crate) slots: EndpointSlots,
}

#[derive(Debug)]
pub(crate) enum Target {
    Http(Box<HttpTarget>),
    Broker(ResourceName),
    Echo,
}

/// A request's fixed part.
#[derive(Debug)]
pub(crate) struct HttpTarget {
    /// Without user information.
    pub(crate) url: Uri,
    /// The same as text, for failures.
    pub(crate) destination: Arc<str>,
    /// Whether an answer may bring an event.
    pub(crate) takes_replies: bool,
    /// All headers that do not depend on the event.
    pub(crate) headers: HeaderMap,
    pub(crate) trust: TrustId,
    /// The longest one attempt may take here.
    pub(crate) timeout: Option<Duration>,
    /// Whether a request must have a body.
    pub(crate) needs_body: bool,
}

/// A sink that cannot be delivered to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SinkError {
    /// Not an absolute `http` or `https` URL.
    #[error("the URL of {label} is not an absolute http or https URL; write it as https://host/path")]
    Url {
        /// The endpoint's name.
        label: String,
    },
    /// A header that the event or the connection owns.
    #[error("{label} sets the header `{header}`, which is written by heddle for each event; remove it")]
    Header {
        /// The endpoint's name.
        label: String,
        /// The header.
        header: String,
    },
    /// Certificates that cannot be used.
    #[error("{label}: {source}")]
    Trust {
        /// The endpoint's name.
        label: String,
        /// Why.
        source: TrustError,
    },
}

impl Endpoint {
    pub(crate) fn new(
        sink: &Sink,
        trigger: &ResourceName,
        sender: &Sender,
        transport: &dyn Transport,
        slots: &mut Slots,
    ) -> Result<Self, SinkError> {
        // What needs no network does not fail.
        let local = GatePolicy {
            concurrency: limits::ENDPOINT_CONCURRENCY_DEFAULT,
            ..GatePolicy::default()
        };
        Ok(match sink {
            Sink::Http(sink) => Self {
                name: sink.endpoint.clone(),
                label: sink.label.as_str().into(),
                target: Target::Http(Box::new(HttpTarget::new(sink, trigger, sender, transport)?)),
                slots: slots.endpoint(&key(sink), gate(sink)),
            },
            Sink::Broker(name) => Self {
                name: None,
                label: format!("broker {name}").into(),
                target: Target::Broker(name.clone()),
                slots: slots.endpoint(&format!("broker {name}"), local),
            },
            Sink::Echo { name } => Self {
                name: None,
                label: name.as_str().into(),
                target: Target::Echo,
                slots: slots.endpoint(&format!("echo {name}"), local),
            },
        })
    }
}

impl Endpoint {
    pub(crate) fn is_http(&self) -> bool {
        matches!(self.target, Target::Http(_))
    }
}

impl HttpTarget {
    pub(crate) fn new(
        sink: &HttpSink,
        trigger: &ResourceName,
        sender: &Sender,
        transport: &dyn Transport,
    ) -> Result<Self, SinkError> {
        let (url, basic) = without_user(&sink.url).ok_or_else(|| SinkError::Url {
            label: sink.label.clone(),
        })?;
        let mut headers = HeaderMap::with_capacity(16);
        headers.insert(
            header::USER_AGENT,
            HeaderValue::from_static(concat!("heddle/", env!("CARGO_PKG_VERSION"))),
        );
        if let Some(basic) = basic {
            headers.insert(header::AUTHORIZATION, basic);
        }
        for (name, value) in &sink.headers {
            if is_ours(name) {
                return Err(SinkError::Header {
                    label: sink.label.clone(),
                    header: name.to_string(),
                });
            }
            headers.insert(name, value.clone());
        }
        let takes_replies = *sender == Sender::Trigger;
        if takes_replies {
            headers.insert(PREFER, HeaderValue::from_static("reply"));
        }
        let sender = match sender {
            Sender::Trigger => trigger,
            Sender::Source(source) => source,
        };
        let namespace = HeaderValue::from_str(sender.namespace()).expect("a namespace is a DNS label");
        headers.insert(KN_NAMESPACE, namespace);
        let trust = match (&sink.ca_certs_pem, url.scheme() == Some(&Scheme::HTTPS)) {
            (_, false) => Trust::Plaintext,
            (None, true) => Trust::SystemRoots,
            (Some(pem), true) => Trust::WithCaCerts(pem.clone()),
        };
        let trust = transport.trust(&trust).map_err(|source| SinkError::Trust {
            label: sink.label.clone(),
            source,
        })?;
        Ok(Self {
            destination: shown(&url).into(),
            url,
            takes_replies,
            headers,
            trust,
            timeout: sink.timeout,
            needs_body: sink.webhook,
        })
    }
}

fn gate(sink: &HttpSink) -> GatePolicy {
    GatePolicy {
        concurrency: sink.concurrency,
        rate: sink.rate,
        breaker: sink.breaker,
        slow_start: true,
    }
}

/// Triggers that name the same endpoint share its slots.
fn key(sink: &HttpSink) -> String {
    if let Some(name) = &sink.endpoint {
        return format!("endpoint {name}");
    }
    let scheme = sink.url.scheme_str().unwrap_or_default();
    let port = sink
        .url
        .port_u16()
        .map(|port| port.to_string())
        .unwrap_or_default();
    format!(
        "{} {scheme}://{}:{port}",
        sink.label,
        sink.url.host().unwrap_or_default()
    )
}

/// Headers that are written for each event or each connection.
fn is_ours(name: &HeaderName) -> bool {
    [
        header::CONTENT_TYPE,
        header::CONTENT_LENGTH,
        header::TRANSFER_ENCODING,
        header::CONNECTION,
        header::UPGRADE,
    ]
    .contains(name)
        || [PREFER, KN_NAMESPACE].contains(name)
        || ["traceparent", "tracestate", "keep-alive", "te", "trailer"].contains(&name.as_str())
        || name.as_str().starts_with("ce-")
}

/// The URL without user information, and that as a header. `None` for anything but absolute `http` and `https`.
fn without_user(url: &Uri) -> Option<(Uri, Option<HeaderValue>)> {
    let mut parts: Parts = url.clone().into_parts();
    if ![Some(&Scheme::HTTP), Some(&Scheme::HTTPS)].contains(&parts.scheme.as_ref()) {
        return None;
    }
    let authority = parts.authority.take()?;
    let (user, host) = match authority.as_str().rsplit_once('@') {
        Some((user, host)) => (Some(user), host),
        None => (None, authority.as_str()),
    };
    if authority.host().is_empty() {
        return None;
    }
    parts.authority = Some(host.parse::<Authority>().ok()?);
    let basic = match user {
        Some(user) => Some(basic(user)?),
        None => None,
    };
    Some((Uri::from_parts(parts).ok()?, basic))
}

/// Parts of the names of query parameters whose values are not shown.
const SECRET_PARAMETERS: [&str; 7] = ["token", "secret", "key", "passw", "auth", "sig", "code"];

/// A URL for people and for `knativeerrordest`: webhooks carry access tokens in the query (CloudEvents webhooks, 3.2),
/// and those are masked.
fn shown(url: &Uri) -> String {
    let scheme = url.scheme_str().unwrap_or_default();
    let authority = url.authority().map_or("", Authority::as_str);
    let mut shown = format!("{scheme}://{authority}{}", url.path());
    let parameters = url.query().into_iter().flat_map(|query| query.split('&'));
    for (parameter, mark) in parameters.zip(std::iter::once('?').chain(std::iter::repeat('&'))) {
        shown.push(mark);
        match parameter.split_once('=') {
            Some((name, _)) if is_secret(name) => {
                shown.push_str(name);
                shown.push_str("=***");
            }
            _ => shown.push_str(parameter),
        }
    }
    shown
}

fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    SECRET_PARAMETERS.iter().any(|part| name.contains(part))
}

/// `user:password` as in the URL, percent-decoded (RFC 7617).
fn basic(user: &str) -> Option<HeaderValue> {
    let (name, password) = user.split_once(':').unwrap_or((user, ""));
    let mut decoded = percent_encoding::percent_decode_str(name).collect::<Vec<u8>>();
    decoded.push(b':');
    decoded.extend(percent_encoding::percent_decode_str(password));
    let mut value = HeaderValue::from_str(&format!("Basic {}", STANDARD.encode(decoded))).ok()?;
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
mod tests;
