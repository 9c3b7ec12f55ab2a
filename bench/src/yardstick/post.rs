//! A bare hyper-util client that posts events: what delivery costs without anything to deliver from.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Result, ensure};
use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use crate::cli::PostArgs;
use crate::clock;
use crate::event::{Shape, id_text};
use crate::usage::Usage;

/// Printed when all is posted.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Posted {
    /// From the first request to the last answer.
    pub(crate) seconds: f64,
    /// Of this process, in that time.
    pub(crate) cpu_seconds: f64,
    /// The sum of the fingerprints of what was posted.
    pub(crate) fingerprints: u64,
}

/// A pooled client for plain HTTP.
pub(crate) type HttpClient = Client<HttpConnector, Full<Bytes>>;

/// A client with TCP_NODELAY and as many idle connections as it has use for.
pub(crate) fn client() -> HttpClient {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    Client::builder(TokioExecutor::new()).build(connector)
}

/// # Errors
/// When an event is not taken.
pub(crate) async fn run(args: PostArgs) -> Result<()> {
    let (client, next) = (client(), Arc::new(AtomicU64::new(0)));
    let uri: http::Uri = format!("http://{}/", args.to).parse()?;
    let (began, before) = (clock::now(), Usage::own()?);
    let mut tasks = JoinSet::new();
    for _ in 0..args.in_flight {
        tasks.spawn(post(client.clone(), uri.clone(), Arc::clone(&next), args.count));
    }
    let mut fingerprints = 0_u64;
    while let Some(posted) = tasks.join_next().await {
        fingerprints = fingerprints.wrapping_add(posted??);
    }
    let posted = Posted {
        seconds: clock::between(began, clock::now()).as_secs_f64(),
        cpu_seconds: Usage::own()?.since(before).cpu_seconds,
        fingerprints,
    };
    println!("{}", serde_json::to_string(&posted)?);
    Ok(())
}

async fn post(client: HttpClient, uri: http::Uri, next: Arc<AtomicU64>, count: u64) -> Result<u64> {
    let mut template = Shape::plain().render();
    let mut fingerprints = 0_u64;
    loop {
        let id = next.fetch_add(1, Ordering::Relaxed);
        if id >= count {
            return Ok(fingerprints);
        }
        let (_, fingerprint) = template.stamp(id, 0);
        fingerprints = fingerprints.wrapping_add(fingerprint);
        send(
            &client,
            &uri,
            &id_text(id),
            Bytes::copy_from_slice(template.data_of_first()),
        )
        .await?;
    }
}

/// Posts one event in binary mode, with all of its attributes.
pub(super) async fn send(client: &HttpClient, uri: &http::Uri, id: &str, data: Bytes) -> Result<()> {
    let request = Request::post(uri.clone())
        .header("ce-specversion", "1.0")
        .header("ce-id", id)
        .header("ce-source", "/bench/producer")
        .header("ce-type", "com.example.order.created")
        .header("ce-subject", "orders/4711")
        .header("ce-time", "2026-11-23T12:00:00.123456Z")
        .header("ce-dataschema", "https://example.com/schemas/order.json")
        .header("ce-partitionkey", "customer-7")
        .header("content-type", "application/json")
        .body(Full::new(data))?;
    let answer = client.request(request).await?;
    let status = answer.status();
    answer.into_body().collect().await?;
    ensure!(status.is_success(), "the sink answered {status}");
    Ok(())
}
