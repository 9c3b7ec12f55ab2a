//! Reads a request's body under an admission permit, so that what is read is bounded over all requests together.

use std::error::Error;

use axum::body::HttpBody;
use broker::{Admission, Overloaded, Permit};
use bytes::{Bytes, BytesMut};
use http::header::EXPECT;
use http::{HeaderMap, Request};
use http_body_util::{BodyExt, Limited};

use super::problem::{Kind, Problem};
use crate::limits;

/// A body and its share of the admission budget, to be given on with the events made of it.
#[derive(Debug)]
pub(crate) struct Admitted {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) permit: Permit,
}

/// A body as hyper has it, or as tests make it.
pub(crate) trait RequestBody:
    HttpBody<Data = Bytes, Error: Error + Send + Sync + 'static> + Unpin + Send
{
}

impl<B: HttpBody<Data = Bytes, Error: Error + Send + Sync + 'static> + Unpin + Send> RequestBody for B {}

/// Reads the body of `request`, at most `bytes_max` of it.
///
/// A body that declares its length is admitted before a byte of it is read; one of unknown length piece by piece.
///
/// # Errors
/// 413 over the limit, 429 when the budget has no room, 408 when the body does not come, 400 when it breaks off.
pub(crate) async fn read(
    request: Request<impl RequestBody>,
    bytes_max: usize,
    admission: &Admission,
) -> Result<Admitted, Problem> {
    let (parts, body) = request.into_parts();
    let headers = parts.headers;
    let head_bytes = header_bytes(&headers);
    let reading = async {
        match body.size_hint().exact() {
            Some(length) => read_declared(body, &headers, length, head_bytes, bytes_max, admission).await,
            None => read_growing(body, head_bytes, bytes_max, admission).await,
        }
    };
    let (body, permit) = tokio::time::timeout(limits::BODY_READ_TIMEOUT, reading)
        .await
        .unwrap_or_else(|_| {
            let seconds = limits::BODY_READ_TIMEOUT.as_secs();
            Err(Problem::new(
                Kind::Timeout,
                format!("the body was not there within {seconds} s"),
            ))
        })?;
    Ok(Admitted {
        headers,
        body,
        permit,
    })
}

async fn read_declared(
    body: impl RequestBody,
    headers: &HeaderMap,
    length: u64,
    head_bytes: usize,
    bytes_max: usize,
    admission: &Admission,
) -> Result<(Bytes, Permit), Problem> {
    let length = usize::try_from(length).ok().filter(|&length| length <= bytes_max);
    let admitted = length
        .ok_or_else(|| too_large(bytes_max))
        .and_then(|length| admission.try_admit(length + head_bytes).map_err(overloaded));
    let permit = match admitted {
        Ok(permit) => permit,
        Err(refusal) => {
            // Most clients read no answer before they have sent everything, unless they asked whether to begin.
            if !headers.contains_key(EXPECT) {
                discard(body).await;
            }
            return Err(refusal);
        }
    };
    Ok((read_whole(body).await?, permit))
}

/// A body that may be read without asking. Most come in one piece, which is given on as it is.
async fn read_whole(mut body: impl RequestBody) -> Result<Bytes, Problem> {
    let (mut first, mut all) = (Bytes::new(), BytesMut::new());
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|error| broken_off(&error))?.into_data() else {
            continue;
        };
        if first.is_empty() {
            first = data;
        } else {
            if all.is_empty() {
                // What is declared is admitted: the room that the rest takes is asked for once.
                let rest = usize::try_from(body.size_hint().lower()).unwrap_or(0);
                all.reserve(first.len() + data.len() + rest);
                all.extend_from_slice(&first);
            }
            all.extend_from_slice(&data);
        }
    }
    Ok(if all.is_empty() { first } else { all.freeze() })
}

async fn read_growing(
    mut body: impl RequestBody,
    head_bytes: usize,
    bytes_max: usize,
    admission: &Admission,
) -> Result<(Bytes, Permit), Problem> {
    let mut permit = match admission.try_admit(head_bytes + limits::BODY_ADMIT_STEP_BYTES) {
        Ok(permit) => permit,
        Err(refusal) => {
            discard(body).await;
            return Err(overloaded(refusal));
        }
    };
    let mut admitted = limits::BODY_ADMIT_STEP_BYTES;
    let mut read = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|error| broken_off(&error))?.into_data() else {
            continue;
        };
        if read.len() + data.len() > bytes_max {
            discard(body).await;
            return Err(too_large(bytes_max));
        }
        while read.len() + data.len() > admitted {
            match admission.try_admit(limits::BODY_ADMIT_STEP_BYTES) {
                Ok(more) => permit.merge(more),
                Err(refusal) => {
                    drop(permit);
                    discard(body).await;
                    return Err(overloaded(refusal));
                }
            }
            admitted += limits::BODY_ADMIT_STEP_BYTES;
        }
        read.extend_from_slice(&data);
    }
    Ok((read.freeze(), permit))
}

/// Reads and forgets what is still to come, within a limit, for as long as it keeps coming: the answer is known and
/// must not wait for a sender that stalls.
async fn discard(body: impl RequestBody) {
    let mut rest = Limited::new(body, limits::BODY_DISCARD_BYTES_MAX);
    while let Ok(Some(Ok(_))) = tokio::time::timeout(limits::BODY_DISCARD_STALL, rest.frame()).await {}
}

fn header_bytes(headers: &HeaderMap) -> usize {
    headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len())
        .sum()
}

fn too_large(bytes_max: usize) -> Problem {
    Problem::new(
        Kind::TooLarge,
        format!("the body is over the limit of {bytes_max} bytes"),
    )
}

fn overloaded(overloaded: Overloaded) -> Problem {
    let mut problem = Problem::new(Kind::Overloaded, overloaded.to_string());
    problem.retry_after_seconds = Some(overloaded.retry_after_seconds);
    problem
}

fn broken_off(error: &impl Error) -> Problem {
    Problem::new(Kind::Invalid, format!("the body broke off: {error}"))
}

#[cfg(test)]
mod tests;
