//! The transport seam: what carries a request to an endpoint and its answer back.
//!
//! The contract, for every transport:
//! - `trust` is called once per sink before the first `send` and does everything that can fail for good; sinks of
//!   equal trust share what they can (connections, TLS sessions).
//! - `send` resolves when the head of the answer is there; the body is read by the caller, who also bounds the time:
//!   dropping the future, or the body, gives the exchange up.
//! - Redirects are not followed, nothing is retried once a byte of the request may have reached the endpoint, except
//!   on a connection that had been kept idle and was closed before any answer.

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{Request, Response};
use http_body_util::combinators::UnsyncBoxBody;

pub mod client;
mod connection;
mod roots;

/// The body of an answer, as it comes in.
pub type AnswerBody = UnsyncBoxBody<Bytes, TransportError>;

/// What carries requests. See the module's header for the contract.
pub trait Transport: Send + Sync + 'static {
    /// Prepares for endpoints of this trust.
    ///
    /// # Errors
    /// When the certificates cannot be used.
    fn trust(&self, trust: &Trust) -> Result<TrustId, TrustError>;

    /// Sends one request. The URI is absolute and carries no user information.
    fn send(
        &self,
        trust: TrustId,
        request: Request<Bytes>,
    ) -> BoxFuture<'static, Result<Response<AnswerBody>, TransportError>>;
}

/// Whose word counts for an endpoint's identity.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Trust {
    /// Nobody is asked: `http`.
    Plaintext,
    /// The system's root certificates.
    SystemRoots,
    /// The system's root certificates and these, in PEM.
    WithCaCerts(String),
}

/// Names what [`Transport::trust`] prepared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TrustId(pub usize);

/// Certificates that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrustError {
    /// Not PEM, or a certificate that cannot be read.
    #[error(
        "CACerts cannot be used: {detail}; give one or more certificates in PEM, each between its BEGIN and END lines"
    )]
    Unusable {
        /// What is wrong.
        detail: String,
    },
    /// The TLS library refuses its own configuration.
    #[error("TLS cannot be set up: {detail}")]
    Tls {
        /// What is wrong.
        detail: String,
    },
}

/// An exchange that came to no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct TransportError {
    /// In words, for people: what happened, with its causes.
    pub message: String,
}

impl TransportError {
    /// From an error and its causes, without repeating what a cause says in the words of its parent.
    pub fn from_chain(error: &(dyn std::error::Error + 'static)) -> Self {
        let mut message = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            let text = error.to_string();
            if !message.contains(&text) {
                message.push_str(": ");
                message.push_str(&text);
            }
            cause = error.source();
        }
        Self { message }
    }
}
