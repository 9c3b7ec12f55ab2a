//! Requests that change something: their bodies, and what keeps a foreign web page from sending one.
//!
//! A body is a JSON object with known fields only; none at all stands for `{}`. Its `Content-Type` must be
//! `application/json`, also without a body: a browser asks before it sends such a request across sites, and this API
//! never agrees. Forms and plain text, which browsers send unasked, are refused.

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use bytes::Bytes;
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::DeserializeOwned;

use crate::limits;
use crate::server::problem::{Kind, Problem};

/// The body of a write, checked.
pub(super) struct Change<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Change<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        check_content_type(&parts.headers)?;
        let body = read(body).await?;
        let body = if body.is_empty() { b"{}".as_slice() } else { &body };
        serde_json::from_slice(body)
            .map(Self)
            .map_err(|error| Problem::new(Kind::Invalid, format!("the body is not as it should be: {error}")))
    }
}

fn check_content_type(headers: &HeaderMap) -> Result<(), Problem> {
    let found = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media_type = found
        .and_then(|value| value.split(';').next())
        .unwrap_or_default();
    if media_type.trim().eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    Err(Problem::new(
        Kind::UnsupportedFormat,
        "send the header `Content-Type: application/json`, also without a body",
    ))
}

async fn read(body: Body) -> Result<Bytes, Problem> {
    let bytes_max = limits::ADMIN_BODY_BYTES_MAX;
    let reading = Limited::new(body, bytes_max).collect();
    let read = tokio::time::timeout(limits::BODY_READ_TIMEOUT, reading).await;
    match read {
        Ok(Ok(read)) => Ok(read.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Problem::new(
            Kind::TooLarge,
            format!("the body is over the limit of {bytes_max} bytes"),
        )),
        Ok(Err(error)) => Err(Problem::new(
            Kind::Invalid,
            format!("the body broke off: {error}"),
        )),
        Err(_) => Err(Problem::new(
            Kind::Timeout,
            format!(
                "the body was not there within {} s",
                limits::BODY_READ_TIMEOUT.as_secs()
            ),
        )),
    }
}

#[cfg(test)]
mod tests;
