//! One attempt over HTTP: sends the event, reads the answer up to a cap, judges it.

use std::time::Duration;

use broker::{Clock, Failure};
use bytes::{Bytes, BytesMut};
use http::{Response, StatusCode};
use http_body_util::BodyExt;
use schemas::codec::http::claims_event;
use schemas::event::Event;
use tokio::time::{Instant, timeout_at};

use crate::endpoint::HttpTarget;
use crate::limits::{self, Limits};
use crate::outcome::{Blame, Outcome, Verdict, verdict};
use crate::retry_after::retry_after;
use crate::spec::DeliveryPolicy;
use crate::transport::{AnswerBody, Transport};
use crate::{reply, request};

/// What an attempt needs besides the event.
pub(crate) struct Exchange<'a> {
    pub(crate) transport: &'a dyn Transport,
    pub(crate) clock: &'a dyn Clock,
    pub(crate) limits: &'a Limits,
    pub(crate) target: &'a HttpTarget,
    pub(crate) policy: &'a DeliveryPolicy,
}

/// Why a body was not read to its end.
enum Unread {
    OverCap,
    TooLate,
    Broken(String),
}

impl Exchange<'_> {
    /// Makes the attempt. Never takes longer than the timeout and [`limits::DRAIN_WAIT`].
    pub(crate) async fn run(&self, event: &Event) -> Outcome {
        let now = Instant::now();
        let deadline = now
            .checked_add(self.timeout())
            .unwrap_or_else(|| now + limits::TIMEOUT_MAX);
        let request = request::build(self.target, event, self.policy.format);
        match timeout_at(deadline, self.transport.send(self.target.trust, request)).await {
            Err(_elapsed) => self.failed(None, Bytes::new(), self.late(), Blame::Timeout),
            Ok(Err(error)) => self.failed(None, Bytes::new(), error.message, Blame::Network),
            Ok(Ok(response)) => self.judge(response, deadline).await,
        }
    }

    async fn judge(&self, response: Response<AnswerBody>, deadline: Instant) -> Outcome {
        let status = response.status();
        match verdict(status) {
            Verdict::Success
                if self.target.takes_replies
                    && status == StatusCode::OK
                    && claims_event(response.headers()) =>
            {
                self.reply(response, deadline).await
            }
            Verdict::Success => {
                drain(response.into_body(), 0, deadline).await;
                Outcome::Delivered {
                    status: status.as_u16(),
                    reply: None,
                }
            }
            Verdict::Retry => {
                let retry_after = retry_after(status, response.headers(), self.clock.now());
                let failure = self.refused(response, deadline).await;
                Outcome::Transient {
                    failure,
                    retry_after,
                    blame: Blame::Endpoint,
                }
            }
            Verdict::Gone => Outcome::Gone {
                failure: self.refused(response, deadline).await,
            },
            Verdict::Refused => Outcome::Permanent {
                failure: self.refused(response, deadline).await,
                blame: Blame::Endpoint,
            },
        }
    }

    async fn reply(&self, response: Response<AnswerBody>, deadline: Instant) -> Outcome {
        let (head, body) = response.into_parts();
        let status = Some(head.status);
        match read(body, self.limits.reply_bytes_max, deadline).await {
            Ok(body) => match reply::read(&head.headers, body.clone(), &self.limits.event) {
                Ok(event) => Outcome::Delivered {
                    status: head.status.as_u16(),
                    reply: Some(event),
                },
                Err(wrong) => self.failed(status, body, format!("answered 200 with {wrong}"), Blame::Reply),
            },
            Err((Unread::OverCap, start)) => {
                let cap = self.limits.reply_bytes_max;
                let message = format!("answered 200 with an event of more than {cap} bytes");
                self.failed(status, start, message, Blame::Reply)
            }
            Err((Unread::TooLate, start)) => self.failed(status, start, self.late(), Blame::Timeout),
            Err((Unread::Broken(error), start)) => {
                let message = format!("broke off in the middle of its answer: {error}");
                self.failed(status, start, message, Blame::Network)
            }
        }
    }

    async fn refused(&self, response: Response<AnswerBody>, deadline: Instant) -> Failure {
        let status = response.status();
        let location = response
            .headers()
            .get(http::header::LOCATION)
            .and_then(|to| to.to_str().ok());
        let message = match location {
            Some(to) if status.is_redirection() => {
                format!("answered {status} to {to}; redirects are not followed")
            }
            _ => format!("answered {status}"),
        };
        let kept = drain(
            response.into_body(),
            broker::limits::FAILURE_DATA_BYTES_MAX,
            deadline,
        )
        .await;
        self.failure(Some(status), kept, message)
    }

    fn late(&self) -> String {
        format!("did not answer within {} s", self.timeout().as_secs_f64())
    }

    /// The shorter of what the policy gives an attempt and what the endpoint is given.
    fn timeout(&self) -> Duration {
        let endpoint = self.target.timeout.unwrap_or(self.policy.timeout);
        self.policy.timeout.min(endpoint)
    }

    fn failed(&self, status: Option<StatusCode>, data: Bytes, message: String, blame: Blame) -> Outcome {
        Outcome::Transient {
            failure: self.failure(status, data, message),
            retry_after: None,
            blame,
        }
    }

    fn failure(&self, status: Option<StatusCode>, mut data: Bytes, message: String) -> Failure {
        data.truncate(broker::limits::FAILURE_DATA_BYTES_MAX);
        Failure {
            destination: self.target.destination.to_string(),
            code: status.map(|status| status.as_u16()),
            data: data.to_vec(),
            message: message.chars().take(limits::MESSAGE_CHARS_MAX).collect(),
        }
    }
}

/// The whole body, or why not, with what was read of it.
async fn read(mut body: AnswerBody, cap: usize, deadline: Instant) -> Result<Bytes, (Unread, Bytes)> {
    let mut whole = BytesMut::new();
    loop {
        let frame = match timeout_at(deadline, body.frame()).await {
            Err(_elapsed) => return Err((Unread::TooLate, whole.freeze())),
            Ok(None) => return Ok(whole.freeze()),
            Ok(Some(Err(error))) => return Err((Unread::Broken(error.message), whole.freeze())),
            Ok(Some(Ok(frame))) => frame,
        };
        let Ok(data) = frame.into_data() else { continue };
        if whole.len() + data.len() > cap {
            return Err((Unread::OverCap, whole.freeze()));
        }
        whole.extend_from_slice(&data);
    }
}

/// The start of a body that decides nothing. Reads on for a while, so that the connection can be used again; an
/// endpoint that is slow with it, or breaks off, has answered all the same.
async fn drain(mut body: AnswerBody, keep: usize, deadline: Instant) -> Bytes {
    let deadline = deadline.min(Instant::now() + limits::DRAIN_WAIT);
    let mut kept = BytesMut::new();
    let mut seen = 0;
    while seen < limits::DRAIN_BYTES_MAX
        && !http_body::Body::is_end_stream(&body)
        && let Ok(Some(Ok(frame))) = timeout_at(deadline, body.frame()).await
    {
        let Ok(data) = frame.into_data() else { continue };
        seen += data.len();
        kept.extend_from_slice(&data[..data.len().min(keep - kept.len())]);
    }
    kept.freeze()
}

#[cfg(test)]
mod tests;
