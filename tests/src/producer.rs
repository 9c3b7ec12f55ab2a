//! A producer: keep-alive HTTP connections to one broker's ingress.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

use crate::event::Event;

/// Posts events to one URL over pooled connections. Clones share the connections.
#[derive(Clone, Debug)]
pub struct Producer {
    client: Client<HttpConnector, Full<Bytes>>,
    url: String,
}

/// An answer, read to its end.
#[derive(Clone, Debug)]
pub struct Answered {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

/// No answer: the connection could not be made or broke.
#[derive(Debug)]
pub struct Unanswered(String);

impl Producer {
    /// A producer with connections of its own.
    pub fn new(url: impl Into<String>) -> Self {
        Self::connecting(url.into(), false)
    }

    /// The same over HTTP/2 with prior knowledge.
    pub fn over_http2(&self) -> Self {
        Self::connecting(self.url.clone(), true)
    }

    /// Posts in binary mode; panics when there is no answer.
    pub async fn binary(&self, event: &Event) -> Answered {
        self.post(event.binary_headers(), event.data.clone()).await
    }

    /// Posts an event in the JSON format; panics when there is no answer.
    pub async fn structured(&self, event: impl Into<Bytes>) -> Answered {
        self.post(content_type("application/cloudevents+json"), event.into())
            .await
    }

    /// Posts a batch in the JSON batch format; panics when there is no answer.
    pub async fn batch(&self, events: impl Into<Bytes>) -> Answered {
        self.post(content_type("application/cloudevents-batch+json"), events.into())
            .await
    }

    /// Posts these headers and this body; panics when there is no answer.
    pub async fn post(&self, headers: HeaderMap, body: Bytes) -> Answered {
        self.request(Method::POST, headers, body).await
    }

    /// Any request; panics when there is no answer.
    pub async fn request(&self, method: Method, headers: HeaderMap, body: Bytes) -> Answered {
        let answered = self.try_request(method, headers, body).await;
        answered.unwrap_or_else(|Unanswered(why)| panic!("{} does not answer: {why}", self.url))
    }

    fn connecting(url: String, http2: bool) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new())
            .http2_only(http2)
            .build(connector);
        Self { client, url }
    }

    /// Any request.
    pub async fn try_request(
        &self,
        method: Method,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Answered, Unanswered> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method;
        *request.uri_mut() = self.url.parse().expect("the tests use valid URLs");
        *request.headers_mut() = headers;
        let response = self
            .client
            .request(request)
            .await
            .map_err(|error| Unanswered(format!("{error:?}")))?;
        let (parts, body) = response.into_parts();
        let body = body
            .collect()
            .await
            .map_err(|error| Unanswered(format!("{error:?}")))?;
        Ok(Answered {
            status: parts.status,
            headers: parts.headers,
            body: body.to_bytes(),
        })
    }

    /// Posts in binary mode and expects 202.
    pub async fn accepted(&self, event: &Event) {
        let answered = self.binary(event).await;
        assert_eq!(
            answered.status,
            StatusCode::ACCEPTED,
            "event {}: {answered:?}",
            event.id
        );
    }
}

impl Answered {
    /// A header as text; empty when it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap_or("(not text)"))
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("not JSON ({error}): {self:?}"))
    }
}

/// Gets a URL; panics when there is no answer.
pub async fn get(url: &str) -> Answered {
    Producer::new(url)
        .request(Method::GET, HeaderMap::new(), Bytes::new())
        .await
}

/// Headers with this content type alone.
pub fn content_type(media_type: &'static str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_static(media_type));
    headers
}
