//! Requests by themselves, for the micro benchmarks: what a delivery writes before anything is sent.
//!
//! It opens no connection. No part of the dispatcher's contract, and no one's to build on.

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{Request, Response, Uri};
use schemas::event::Event;
use schemas::names::ResourceName;

use crate::endpoint::{HttpTarget, SinkError};
use crate::spec::{Format, HttpSink, Sender};
use crate::transport::{AnswerBody, Transport, TransportError, Trust, TrustError, TrustId};
use crate::{limits, request};

/// What is known of an endpoint before there is an event for it.
#[derive(Debug)]
pub struct Prepared(HttpTarget);

/// A transport that carries nothing.
struct Nowhere;

impl Prepared {
    /// An endpoint at this URL, for this trigger's events.
    ///
    /// # Errors
    /// When the URL is not an absolute `http` or `https` one.
    pub fn new(url: Uri, trigger: &ResourceName) -> Result<Self, SinkError> {
        let sink = HttpSink {
            label: url.to_string(),
            url,
            headers: Vec::new(),
            ca_certs_pem: None,
            endpoint: None,
            concurrency: limits::ENDPOINT_CONCURRENCY_DEFAULT,
            rate: None,
            breaker: None,
            timeout: None,
            webhook: false,
        };
        HttpTarget::new(&sink, trigger, &Sender::Trigger, &Nowhere).map(Self)
    }

    /// The request of one delivery.
    #[must_use]
    pub fn request(&self, event: &Event, format: Format) -> Request<Bytes> {
        request::build(&self.0, event, format)
    }
}

impl Transport for Nowhere {
    fn trust(&self, _: &Trust) -> Result<TrustId, TrustError> {
        Ok(TrustId(0))
    }

    fn send(
        &self,
        _: TrustId,
        _: Request<Bytes>,
    ) -> BoxFuture<'static, Result<Response<AnswerBody>, TransportError>> {
        let message = "nothing is sent from here".to_owned();
        Box::pin(std::future::ready(Err(TransportError { message })))
    }
}
