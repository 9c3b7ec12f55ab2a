//! A transport that answers from a script, for tests under paused time: sockets and paused time do not mix.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use dispatcher::transport::{AnswerBody, TransportError, TrustError, TrustId};
use dispatcher::{Transport, Trust};
use futures_util::future::BoxFuture;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use parking_lot::Mutex;
use tokio::time::Instant;

/// What an endpoint does with its n-th request.
#[derive(Clone, Debug)]
pub(crate) enum Does {
    Answers(u16, Vec<(&'static str, String)>),
    AnswersAfter(Duration, u16),
    Hangs,
}

type Behaviour = dyn Fn(&Request<Bytes>, usize) -> Does + Send + Sync;

/// Answers by host name; remembers when each host was asked.
#[derive(Clone)]
pub(crate) struct Script {
    behaviour: Arc<Behaviour>,
    asked: Arc<Mutex<Vec<(String, Instant)>>>,
    counts: Arc<Mutex<HashMap<String, usize>>>,
    /// Ids of the events, in the order in which they were sent.
    told: Arc<Mutex<Vec<String>>>,
}

impl Script {
    pub(crate) fn new(behaviour: impl Fn(&str, usize) -> Does + Send + Sync + 'static) -> Self {
        Self {
            behaviour: Arc::new(move |request: &Request<Bytes>, n| behaviour(host(request), n)),
            asked: Arc::default(),
            counts: Arc::default(),
            told: Arc::default(),
        }
    }

    /// One whose endpoints decide by the request.
    pub(crate) fn telling(behaviour: impl Fn(&Request<Bytes>) -> Does + Send + Sync + 'static) -> Self {
        Self {
            behaviour: Arc::new(move |request: &Request<Bytes>, _| behaviour(request)),
            ..Self::new(|_, _| Does::Hangs)
        }
    }

    /// Looks at the ids of the events that were sent in binary mode, in order.
    pub(crate) fn told<T>(&self, look: impl FnOnce(&[String]) -> T) -> T {
        look(&self.told.lock())
    }

    /// When a host was asked.
    pub(crate) fn asked(&self, host: &str) -> Vec<Instant> {
        self.asked
            .lock()
            .iter()
            .filter(|(asked, _)| asked == host)
            .map(|(_, at)| *at)
            .collect()
    }

    /// The time between one request and the next.
    pub(crate) fn gaps(&self, host: &str) -> Vec<Duration> {
        self.asked(host)
            .windows(2)
            .map(|pair| pair[1] - pair[0])
            .collect()
    }
}

impl Transport for Script {
    fn trust(&self, _trust: &Trust) -> Result<TrustId, TrustError> {
        Ok(TrustId(0))
    }

    fn send(
        &self,
        _trust: TrustId,
        request: Request<Bytes>,
    ) -> BoxFuture<'static, Result<Response<AnswerBody>, TransportError>> {
        let host = host(&request).to_owned();
        let number = {
            let mut counts = self.counts.lock();
            let count = counts.entry(host.clone()).or_insert(0);
            *count += 1;
            *count - 1
        };
        self.asked.lock().push((host, Instant::now()));
        if let Some(id) = request.headers().get("ce-id") {
            self.told.lock().push(id.to_str().unwrap().to_owned());
        }
        let does = (self.behaviour)(&request, number);
        Box::pin(async move {
            let (status, headers) = match does {
                Does::Answers(status, headers) => (status, headers),
                Does::AnswersAfter(wait, status) => {
                    tokio::time::sleep(wait).await;
                    (status, Vec::new())
                }
                Does::Hangs => std::future::pending().await,
            };
            let mut response = Response::builder().status(status);
            for (name, value) in headers {
                response = response.header(name, value);
            }
            let empty = Full::default().map_err(|never| match never {}).boxed_unsync();
            Ok(response.body(empty).unwrap())
        })
    }
}

fn host(request: &Request<Bytes>) -> &str {
    request.uri().host().unwrap()
}
