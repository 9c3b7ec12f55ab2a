//! Reads the body and answers 202: what HTTP alone costs.

use anyhow::Result;
use http::{Request, StatusCode};
use hyper::body::Incoming;

use super::http1::{Answer, answer, body, serve};

/// # Errors
/// When it cannot listen.
pub(crate) async fn run() -> Result<()> {
    serve(discard).await
}

async fn discard(request: Request<Incoming>) -> Answer {
    match body(request).await {
        Some(_) => answer(StatusCode::ACCEPTED),
        None => answer(StatusCode::BAD_REQUEST),
    }
}
