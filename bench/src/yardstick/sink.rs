//! Where events are delivered to: plain hyper on one thread. It answers 200 with no body, counts, sums the fingerprints of
//! what came, and tells from the time in an event's data how long it took to get here.
//!
//! Paths: `/stats` and `/reset` are for the bench, `/hang` never answers, `/slow` answers after a second, `/flap` fails
//! every other half second. What goes to these is not counted. All others are endpoints in good health.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::time::sleep;

use super::http1::{Answer, answer, body, serve};
use crate::clock;
use crate::event::{fingerprint, id_of, scheduled};
use crate::histogram::{Latencies, Percentiles};

/// How long the slow endpoint takes.
const SLOW: Duration = Duration::from_secs(1);
/// How long the flapping one is well, or not.
const FLAP_NANOS: u64 = 500_000_000;

/// What came since the last reset.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Received {
    /// Events.
    pub(crate) count: u64,
    /// The sum of their fingerprints.
    pub(crate) fingerprints: u64,
    /// When the last came, by [`clock::now`].
    pub(crate) last: u64,
    /// Of those that say for when they were scheduled.
    pub(crate) latency_ms: Percentiles,
}

#[derive(Debug)]
struct State {
    received: Received,
    latencies: Latencies,
}

/// # Errors
/// When it cannot listen.
pub(crate) async fn run() -> Result<()> {
    let state = Arc::new(Mutex::new(State::new()?));
    serve(move |request| take(request, Arc::clone(&state))).await
}

async fn take(request: Request<Incoming>, state: Arc<Mutex<State>>) -> Answer {
    let id = request.headers().get("ce-id").and_then(|id| id_of(id.as_bytes()));
    let path = request.uri().path().to_owned();
    let Some(data) = body(request).await else {
        return answer(StatusCode::BAD_REQUEST);
    };
    match path.as_str() {
        "/stats" => state.lock().told(),
        "/reset" => state.lock().reset(),
        "/hang" => pending().await,
        "/slow" => {
            sleep(SLOW).await;
            answer(StatusCode::OK)
        }
        "/flap" if (clock::now() / FLAP_NANOS).is_multiple_of(2) => answer(StatusCode::SERVICE_UNAVAILABLE),
        "/flap" => answer(StatusCode::OK),
        _ => match id {
            Some(id) => {
                state.lock().count(id, &data);
                answer(StatusCode::OK)
            }
            None => answer(StatusCode::BAD_REQUEST),
        },
    }
}

impl State {
    fn new() -> Result<Self> {
        Ok(Self {
            received: Received::default(),
            latencies: Latencies::new()?,
        })
    }

    fn count(&mut self, id: u64, data: &[u8]) {
        let now = clock::now();
        self.received.count += 1;
        self.received.fingerprints = self.received.fingerprints.wrapping_add(fingerprint(id, data));
        self.received.last = now;
        if let Some(at @ 1..) = scheduled(data) {
            self.latencies.record(now.saturating_sub(at));
        }
    }

    fn told(&self) -> Answer {
        let received = Received {
            latency_ms: self.latencies.percentiles(),
            ..self.received
        };
        let json = serde_json::to_vec(&received).unwrap_or_default();
        Answer::new(Full::new(Bytes::from(json)))
    }

    fn reset(&mut self) -> Answer {
        match Self::new() {
            Ok(fresh) => {
                *self = fresh;
                answer(StatusCode::OK)
            }
            Err(_) => answer(StatusCode::INTERNAL_SERVER_ERROR),
        }
    }
}
