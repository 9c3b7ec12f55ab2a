//! A broker's events as a stream of JSON lines: what comes, and what was missed.

use std::convert::Infallible;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use broker::Start;
use broker::embedded::{Tail, TailItem};
use bytes::Bytes;
use futures_util::stream;
use http::header::CONTENT_TYPE;
use schemas::codec::json;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::query::{Named, Parameters};
use super::{Admin, brokers, position};
use crate::server::problem::Problem;

/// Parameters of the stream.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TailQuery {
    /// `earliest` or `latest`.
    #[serde(default)]
    from: Start,
}

/// A line with an event.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct EventLine {
    sequence: u64,
    /// RFC 3339.
    accepted_at: String,
    event: Box<RawValue>,
}

/// A line about events that could not be shown.
#[derive(Debug, Serialize)]
struct MissedLine {
    missed: Missed,
}

#[derive(Debug, Serialize)]
struct Missed {
    from: u64,
    to: u64,
    reason: String,
}

/// Streams until the reader goes away or heddle stops. A slow reader holds back this stream and nothing else.
pub(super) async fn follow(
    State(admin): State<Admin>,
    Named(broker): Named,
    Parameters(query): Parameters<TailQuery>,
) -> Result<Response, Problem> {
    let tail = admin
        .parts
        .engine
        .tail(&broker, query.from)
        .await
        .map_err(position::problem)?
        .ok_or_else(|| brokers::unknown(&broker))?;
    let stop = admin.parts.stop.clone();
    let lines = stream::unfold((tail, stop), async |(mut tail, stop)| {
        let line = stop.run_until_cancelled(next_line(&mut tail)).await??;
        Some((Ok::<_, Infallible>(line), (tail, stop)))
    });
    Ok(([(CONTENT_TYPE, "application/x-ndjson")], Body::from_stream(lines)).into_response())
}

/// The next line with its line break; `None` at the end.
async fn next_line(tail: &mut Tail) -> Option<Bytes> {
    let line = match tail.next().await? {
        TailItem::Event(stored) => {
            let line = EventLine {
                sequence: stored.position.sequence,
                accepted_at: crate::time::rfc3339(stored.accepted_at),
                event: super::raw(&on_one_line(&json::encode(&stored.event))).ok()?,
            };
            serde_json::to_vec(&line)
        }
        TailItem::Missed { from, to, reason } => serde_json::to_vec(&MissedLine {
            missed: Missed { from, to, reason },
        }),
    };
    let mut line = line.ok()?;
    line.push(b'\n');
    Some(line.into())
}

/// Line breaks between the tokens of a JSON text (inside of them there are none) become spaces.
fn on_one_line(json: &[u8]) -> Vec<u8> {
    json.iter()
        .map(|&byte| if matches!(byte, b'\n' | b'\r') { b' ' } else { byte })
        .collect()
}

#[cfg(test)]
mod tests;
