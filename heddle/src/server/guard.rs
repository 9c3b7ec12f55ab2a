//! Who may use a listener: everyone, or who sends its bearer token.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::HeaderMap;
use http::header::AUTHORIZATION;

use super::problem::{Kind, Problem};
use crate::token::Token;

/// The rule of one listener.
#[derive(Clone, Debug)]
pub(crate) enum Guard {
    /// Whoever reaches the port.
    Open,
    /// Whoever sends this token.
    Bearer(Token),
}

impl Guard {
    /// Whether a request with these headers may pass.
    ///
    /// # Errors
    /// 401.
    pub(crate) fn check(&self, headers: &HeaderMap) -> Result<(), Problem> {
        match self {
            Self::Open => Ok(()),
            Self::Bearer(token) if token.is_in(headers.get(AUTHORIZATION)) => Ok(()),
            Self::Bearer(_) => Err(Problem::new(
                Kind::Unauthorized,
                "send the header `Authorization: Bearer TOKEN` with the token of this listener",
            )),
        }
    }
}

/// The guard as a layer in front of a whole router.
pub(crate) async fn layer(State(guard): State<Guard>, request: Request, next: Next) -> Response {
    match guard.check(request.headers()) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}
