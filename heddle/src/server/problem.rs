//! What a client is told when a request fails: a closed set of problems, each with its status (RFC 9457).

use axum::response::{IntoResponse, Response};
use broker::{AppendError, SchemaMismatch};
use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use schemas::validation::Misfit;
use serde::Serialize;

/// A failed request. `detail` is for the person at the other end; the cause of an inner failure is logged, not sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) kind: Kind,
    pub(crate) detail: String,
    /// The attribute, header or JSON path that is wrong.
    pub(crate) at: Option<String>,
    /// Which event of a batch is wrong, from 0.
    pub(crate) index: Option<usize>,
    /// The first few things that are wrong with the data, when a schema says so.
    pub(crate) errors: Vec<Misfit>,
    /// What to ask the client to wait, when waiting helps.
    pub(crate) retry_after_seconds: Option<u32>,
}

/// The problems that can happen. Keep in the order of their statuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The request is not an event, or not a valid one, or a parameter is wrong.
    Invalid,
    /// The event's data does not fit a schema of the configuration.
    Schema,
    /// A bearer token is missing or wrong.
    Unauthorized,
    /// Nothing has this name.
    NotFound,
    /// The path has other methods, listed here.
    MethodNotAllowed(&'static str),
    /// The body did not arrive in time.
    Timeout,
    /// It does not go with how things are: the same source and id were stored with another content, for one.
    Conflict,
    /// The event or batch is over a limit.
    TooLarge,
    /// The event format is none that heddle reads.
    UnsupportedFormat,
    /// The budget of bytes on their way to the disk is used up.
    Overloaded,
    /// A bug, or storage that cannot be read.
    Internal,
    /// Nothing is accepted now: the process is stopping, or storage has failed.
    Unavailable,
    /// The disk is full.
    NoSpace,
}

/// The body, as RFC 9457 names its members.
#[derive(Debug, Serialize)]
struct Body<'a> {
    r#type: String,
    title: &'static str,
    status: u16,
    detail: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<usize>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<ErrorBody<'a>>,
}

/// One thing that is wrong.
#[derive(Debug, Serialize)]
struct ErrorBody<'a> {
    at: &'a str,
    detail: &'a str,
}

impl Problem {
    pub(crate) fn new(kind: Kind, detail: impl Into<String>) -> Self {
        let retry_after_seconds = kind.retry_after_seconds();
        Self {
            kind,
            detail: detail.into(),
            at: None,
            index: None,
            errors: Vec::new(),
            retry_after_seconds,
        }
    }

    /// Something that was to be stored was not.
    pub(crate) fn not_stored(error: AppendError) -> Self {
        let kind = match &error {
            AppendError::UnknownBroker { .. } => Kind::NotFound,
            AppendError::Conflict { .. } => Kind::Conflict,
            AppendError::TooLarge { .. } => Kind::TooLarge,
            AppendError::Busy => Kind::Overloaded,
            AppendError::NoSpace => Kind::NoSpace,
            AppendError::Failed { .. } | AppendError::Closed => Kind::Unavailable,
        };
        if let AppendError::Failed { reason } = &error {
            // What the operating system said is for the log.
            tracing::debug!(%reason, "a request was refused because storage has failed");
            return Self::new(
                kind,
                "storage has failed and acknowledges nothing until a restart",
            );
        }
        Self::new(kind, error.to_string())
    }

    /// An event whose data does not fit.
    pub(crate) fn misfit(mismatch: SchemaMismatch) -> Self {
        let mut problem = Self::new(Kind::Schema, mismatch.to_string());
        problem.at = mismatch.misfits.first().map(|misfit| misfit.at.clone());
        problem.errors = mismatch.misfits;
        problem
    }

    /// Names the attribute, header or JSON path.
    #[must_use]
    pub(crate) fn at(mut self, at: impl Into<String>) -> Self {
        self.at = Some(at.into());
        self
    }
}

impl Kind {
    pub(crate) fn status(self) -> StatusCode {
        match self {
            Self::Invalid | Self::Schema => StatusCode::BAD_REQUEST,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::Timeout => StatusCode::REQUEST_TIMEOUT,
            Self::Conflict => StatusCode::CONFLICT,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedFormat => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Overloaded => StatusCode::TOO_MANY_REQUESTS,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::NoSpace => StatusCode::INSUFFICIENT_STORAGE,
        }
    }

    /// The last part of the problem's `type`; never changes once released.
    fn name(self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::Schema => "schema",
            Self::Unauthorized => "unauthorized",
            Self::NotFound => "not-found",
            Self::MethodNotAllowed(_) => "method-not-allowed",
            Self::Timeout => "timeout",
            Self::Conflict => "conflict",
            Self::TooLarge => "too-large",
            Self::UnsupportedFormat => "unsupported-format",
            Self::Overloaded => "overloaded",
            Self::Internal => "internal",
            Self::Unavailable => "unavailable",
            Self::NoSpace => "no-space",
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::Invalid => "The request is not valid",
            Self::Schema => "The data does not fit the schema",
            Self::Unauthorized => "A bearer token is needed",
            Self::NotFound => "There is nothing of this name",
            Self::MethodNotAllowed(_) => "This method does nothing here",
            Self::Timeout => "The request did not arrive in time",
            Self::Conflict => "This does not go with how things are",
            Self::TooLarge => "The request is over a limit",
            Self::UnsupportedFormat => "This event format is not supported",
            Self::Overloaded => "Too much is waiting to be stored",
            Self::Internal => "Heddle failed",
            Self::Unavailable => "Nothing is accepted now",
            Self::NoSpace => "The disk is full",
        }
    }

    fn retry_after_seconds(self) -> Option<u32> {
        match self {
            Self::Overloaded => Some(1),
            Self::Unavailable => Some(5),
            Self::NoSpace => Some(30),
            Self::Invalid
            | Self::Schema
            | Self::Unauthorized
            | Self::NotFound
            | Self::MethodNotAllowed(_)
            | Self::Timeout
            | Self::Conflict
            | Self::TooLarge
            | Self::UnsupportedFormat
            | Self::Internal => None,
        }
    }
}

impl<'a> From<&'a Misfit> for ErrorBody<'a> {
    fn from(misfit: &'a Misfit) -> Self {
        Self {
            at: &misfit.at,
            detail: &misfit.message,
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.kind.status();
        let body = Body {
            r#type: format!("urn:heddle:problem:{}", self.kind.name()),
            title: self.kind.title(),
            status: status.as_u16(),
            detail: &self.detail,
            at: self.at.as_deref(),
            index: self.index,
            errors: self.errors.iter().map(ErrorBody::from).collect(),
        };
        let body = serde_json::to_vec(&body).expect("strings and numbers are always JSON");
        let mut response = (status, Bytes::from(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = self.retry_after_seconds {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        match self.kind {
            Kind::MethodNotAllowed(methods) => {
                headers.insert(ALLOW, HeaderValue::from_static(methods));
            }
            Kind::Unauthorized => {
                headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            _ => {}
        }
        response
    }
}
