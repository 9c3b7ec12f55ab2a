//! Sinks of a plan as the dispatcher takes them, and in words.

use dispatcher::{HttpSink, Sink};
use http::Uri;

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
    sink
}
