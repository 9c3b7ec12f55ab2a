//! Sinks of a plan as the dispatcher takes them, and in words.

use dispatcher::{BreakerPolicy, HttpSink, Rate, Sink};
use http::Uri;
use schemas::resources::endpoint;

use crate::config::plan;

/// For the dispatcher.
pub(super) fn sink(sink: &plan::Sink) -> Sink {
    match sink {
        plan::Sink::Broker(name) => Sink::Broker(name.clone()),
        plan::Sink::Echo(name) => Sink::Echo {
            name: name.to_string(),
        },
        plan::Sink::Http(http) => Sink::Http(http_sink(http)),
    }
}

/// For people: no user information, no headers.
pub(super) fn words(sink: &plan::Sink) -> String {
    match sink {
        plan::Sink::Broker(name) => format!("broker:{name}"),
        plan::Sink::Echo(name) => format!("endpoint:{name}"),
        plan::Sink::Http(http) => http
            .endpoint
            .as_ref()
            .map_or_else(|| http.label.clone(), |name| format!("endpoint:{name}")),
    }
}

fn http_sink(http: &plan::HttpSink) -> HttpSink {
    let url: Uri = http.url.as_str().parse().expect("a checked http URL is a URI");
    let mut sink = HttpSink::new(http.label.clone(), url);
    sink.headers.clone_from(&http.headers);
    sink.ca_certs_pem.clone_from(&http.ca_certs);
    if let Some(concurrency) = http.concurrency {
        sink.concurrency = concurrency as usize;
    }
    sink.endpoint.clone_from(&http.endpoint);
    sink.rate = http.pace.rate.map(|rate| Rate {
        requests: rate.requests,
        per: rate.per,
    });
    sink.breaker = breaker(&http.pace.breaker);
    sink.timeout = http.pace.timeout;
    sink.webhook = http.pace.webhook;
    sink
}

/// What is left out is as the dispatcher does by default; a wait that is given alone stretches or cuts the other.
fn breaker(said: &endpoint::Breaker) -> Option<BreakerPolicy> {
    let default = BreakerPolicy::default();
    let wait_max = said.wait_max.unwrap_or(default.wait_max);
    let wait = said.wait.unwrap_or_else(|| default.wait.min(wait_max));
    said.enabled.then_some(BreakerPolicy {
        failures: said.failures.unwrap_or(default.failures),
        window: said.window.unwrap_or(default.window),
        wait,
        wait_max: wait_max.max(wait),
    })
}
