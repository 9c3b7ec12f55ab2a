//! The description of the admin API, as OpenAPI 3.1. Written by hand beside this file; a test holds it to the routes.

use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;

/// The whole document.
pub(super) const DOCUMENT: &str = include_str!("openapi.json");

/// Serves it as it is.
pub(super) async fn show() -> Response {
    ([(CONTENT_TYPE, "application/json")], DOCUMENT).into_response()
}
