//! One event on its way: posted, put off while the broker is busy, accepted or refused.

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use super::bounded;
use crate::client::Client;
use crate::exit::{Exit, Failure, Outcome};
use crate::limits;

/// How one event ended.
#[derive(Debug)]
pub(super) enum Delivered {
    /// 2xx.
    Accepted { put_off: u32 },
    /// The broker will not have this event; another may be fine.
    Refused { complaint: String, put_off: u32 },
}

/// Posts until the event is accepted or refused.
///
/// # Errors
/// A [`Failure`] that every other event would meet as well: nobody answers, a token is missing, the broker is
/// unknown, or it stays busy.
pub(super) async fn deliver(
    client: &Client,
    path: &str,
    (headers, body): (HeaderMap, Bytes),
) -> Outcome<Delivered> {
    for put_off in 0..limits::SEND_ATTEMPTS_MAX {
        let answer = client.post(path, headers.clone(), body.clone()).await?;
        match answer.status {
            status if status.is_success() => return Ok(Delivered::Accepted { put_off }),
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                tokio::time::sleep(bounded(answer.retry_after())).await;
            }
            StatusCode::UNAUTHORIZED | StatusCode::NOT_FOUND => return Err(answer.failure(client.base())),
            status if status.is_client_error() => {
                return Ok(Delivered::Refused {
                    complaint: answer.complaint(),
                    put_off,
                });
            }
            _ => return Err(answer.failure(client.base())),
        }
    }
    Err(Failure::new(
        Exit::Io,
        format!(
            "{} stays busy: gave up after {} attempts",
            client.base(),
            limits::SEND_ATTEMPTS_MAX
        ),
    ))
}
