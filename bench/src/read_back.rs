//! Reads events back from a broker and compares them, byte for byte, with what was sent.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bytes::{Buf, Bytes, BytesMut};
use http_body_util::{BodyExt, Full};
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::time::timeout;

use crate::event::{Request, Shape, id_of, scheduled};
use crate::yardstick::post::client;

/// How long it may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a broker's stream says of an event.
#[derive(Debug, Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    event: Event<'a>,
}

#[derive(Debug, Deserialize)]
struct Event<'a> {
    id: &'a str,
    #[serde(borrow)]
    data: &'a RawValue,
}

/// Reads the oldest `count` events of a broker of the namespace `default`: each must be one of the first `sent` ids, come once, and have the
/// data that an event of plain shape with this id was sent with.
///
/// # Errors
/// When one is not as it was sent, or they do not come.
pub(crate) async fn check(admin: SocketAddr, broker: &str, count: u64, sent: u64) -> Result<()> {
    timeout(PATIENCE, read(admin, broker, count, sent))
        .await
        .context("events are not told")?
}

async fn read(admin: SocketAddr, broker: &str, count: u64, sent: u64) -> Result<()> {
    let uri = format!("http://{admin}/api/v1/brokers/default/{broker}/tail?from=earliest");
    let request = http::Request::get(uri).body(Full::<Bytes>::default())?;
    let mut answer = client().request(request).await?;
    ensure!(answer.status().is_success(), "the stream: {}", answer.status());
    let (mut buffer, mut seen) = (BytesMut::new(), HashSet::new());
    let mut template = Shape::plain().render();
    while (seen.len() as u64) < count {
        let frame = answer.frame().await.context("the stream ended")??;
        let Ok(data) = frame.into_data() else { continue };
        buffer.extend_from_slice(&data);
        while let Some(end) = buffer.iter().position(|&byte| byte == b'\n') {
            let id = check_line(&buffer[..end], &mut template)?;
            ensure!(
                id < sent && seen.insert(id),
                "event {id:016x} was not sent, or is there twice"
            );
            buffer.advance(end + 1);
        }
    }
    Ok(())
}

/// The id of the event of this line, if it is as it was sent.
fn check_line(line: &[u8], template: &mut Request) -> Result<u64> {
    let said = || String::from_utf8_lossy(line).into_owned();
    let Line { event } = serde_json::from_slice(line).with_context(said)?;
    let data = event.data.get().as_bytes();
    let id = id_of(event.id.as_bytes()).with_context(said)?;
    template.stamp(id, scheduled(data).with_context(said)?);
    ensure!(data == template.data_of_first(), "not as it was sent: {}", said());
    Ok(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_that_was_changed_is_found() {
        let mut template = Shape::plain().render();
        template.stamp(7, 9);
        let data = String::from_utf8(template.data_of_first().to_vec()).expect("text");
        let line = |data: &str| format!(r#"{{"sequence":1,"event":{{"id":"{:016x}","data":{data}}}}}"#, 7);
        let checked = check_line(line(&data).as_bytes(), &mut template);
        assert_eq!(checked.expect("as it was sent"), 7);
        let changed = data.replace("abc", "abd");
        check_line(line(&changed).as_bytes(), &mut template).expect_err("other data");
    }
}
