//! Asks a durable consumer for messages, one request at a time.
//!
//! By hand on the client's pull request, because its streams ask for more while they are being emptied: on a stop,
//! what the server sent on that request would wait for its acknowledgement to time out. Here, nothing is asked for
//! while the last request runs, so that a stop can hand back all that has come.
//!
//! Each request has its own reply subject under one subscription; statuses of older ones are not listened to.

use std::time::Duration;

use async_nats::jetstream::consumer::Consumer;
use async_nats::jetstream::consumer::pull::{BatchConfig, Config};
use async_nats::jetstream::{Context, Message};
use async_nats::{Client, StatusCode, Subject, Subscriber};
use futures_util::StreamExt;

use crate::limits::{NATS_PULL_EXPIRES_MS, NATS_PULL_HEARTBEAT_MS, NATS_PULL_MESSAGES_MAX};

const EXPIRES: Duration = Duration::from_millis(NATS_PULL_EXPIRES_MS);
const HEARTBEAT: Duration = Duration::from_millis(NATS_PULL_HEARTBEAT_MS);

/// A consumer that is being asked.
pub(super) struct Pull {
    consumer: Consumer<Config>,
    context: Context,
    subscriber: Subscriber,
    inbox: String,
    bytes: usize,
    /// Number of the last request.
    request: u64,
    /// What is left of it; `None` when it has ended.
    open: Option<Open>,
}

#[derive(Clone, Copy)]
struct Open {
    messages_left: usize,
    messages_seen: usize,
}

/// Why no more messages come.
#[derive(Debug, thiserror::Error)]
pub(super) enum PullError {
    #[error("the connection was closed")]
    Closed,
    #[error("the server answers {status}: {description}")]
    Refused { status: StatusCode, description: String },
    #[error("{0}")]
    Client(#[from] async_nats::Error),
}

impl Pull {
    /// Subscribes to the answers. `bytes` must be more than the largest message.
    pub(super) async fn open(
        client: &Client,
        context: Context,
        consumer: Consumer<Config>,
        bytes: usize,
    ) -> Result<Self, PullError> {
        let inbox = client.new_inbox();
        let subscriber = client
            .subscribe(format!("{inbox}.*"))
            .await
            .map_err(|error| PullError::Client(error.into()))?;
        Ok(Self {
            consumer,
            context,
            subscriber,
            inbox,
            bytes,
            request: 0,
            open: None,
        })
    }

    /// The next message; asks for more when the last request has ended. `None` when there was not even a sign of life;
    /// the next call asks anew. Cancel safe.
    pub(super) async fn next(&mut self) -> Result<Option<Message>, PullError> {
        loop {
            if self.open.is_none() {
                self.ask().await?;
            }
            let Ok(next) = tokio::time::timeout(HEARTBEAT * 2 + HEARTBEAT / 2, self.subscriber.next()).await
            else {
                self.open = None;
                return Ok(None);
            };
            if let Some(message) = self.sort(next)? {
                return Ok(Some(message));
            }
        }
    }

    /// A message that is here already. Asks for nothing.
    pub(super) fn next_ready(&mut self) -> Result<Option<Message>, PullError> {
        while let Some(next) = futures_util::FutureExt::now_or_never(self.subscriber.next()) {
            if let Some(message) = self.sort(next)? {
                return Ok(Some(message));
            }
        }
        Ok(None)
    }

    /// Forgets the request: the connection is a new one, and the server knows nothing of it.
    pub(super) fn forget(&mut self) {
        self.open = None;
    }

    /// Takes nothing more in, and answers what has come already.
    pub(super) async fn close(&mut self) -> Result<Vec<Message>, PullError> {
        self.subscriber
            .unsubscribe()
            .await
            .map_err(|error| PullError::Client(error.into()))?;
        let mut left = Vec::new();
        while let Some(message) = self.subscriber.next().await {
            if message.status.is_none() {
                left.push(Message {
                    message,
                    context: self.context.clone(),
                });
            }
        }
        Ok(left)
    }

    /// Returns when the server has read everything that was sent before.
    pub(super) async fn confirm(&self) -> Result<(), PullError> {
        self.consumer
            .get_info()
            .await
            .map(drop)
            .map_err(|error| PullError::Client(error.into()))
    }

    async fn ask(&mut self) -> Result<(), PullError> {
        self.request += 1;
        let request = BatchConfig {
            batch: NATS_PULL_MESSAGES_MAX,
            expires: Some(EXPIRES),
            max_bytes: self.bytes,
            idle_heartbeat: HEARTBEAT,
            ..BatchConfig::default()
        };
        let reply = Subject::from(format!("{}.{}", self.inbox, self.request));
        self.consumer
            .request_batch(request, reply)
            .await
            .map_err(|error| PullError::Client(error.into()))?;
        self.open = Some(Open {
            messages_left: NATS_PULL_MESSAGES_MAX,
            messages_seen: 0,
        });
        Ok(())
    }

    fn sort(&mut self, next: Option<async_nats::Message>) -> Result<Option<Message>, PullError> {
        let message = next.ok_or(PullError::Closed)?;
        let Some(status) = message.status else {
            self.open = self.open.and_then(Open::less_one);
            return Ok(Some(Message {
                message,
                context: self.context.clone(),
            }));
        };
        let is_old = message.subject.rsplit('.').next() != Some(self.request.to_string().as_str());
        let Some(open) = self.open.filter(|_| !is_old) else {
            return Ok(None);
        };
        let description = message.description.unwrap_or_default();
        let has_ended = match status {
            StatusCode::IDLE_HEARTBEAT => return Ok(None),
            StatusCode::NOT_FOUND | StatusCode::TIMEOUT => true,
            StatusCode::REQUEST_TERMINATED => open.was_served(&description),
            _ => false,
        };
        if !has_ended {
            return Err(PullError::Refused { status, description });
        }
        self.open = None;
        Ok(None)
    }
}

impl Open {
    fn less_one(self) -> Option<Self> {
        let (left, seen) = (self.messages_left - 1, self.messages_seen + 1);
        (left > 0).then_some(Self {
            messages_left: left,
            messages_seen: seen,
        })
    }

    /// Whether a request that was terminated had done its work, or the server will serve the next one. That the first
    /// message did not fit would repeat for ever.
    fn was_served(self, description: &str) -> bool {
        match description {
            "Message Size Exceeds MaxBytes" => self.messages_seen > 0,
            "Batch Completed" | "Leadership Change" | "Server Shutdown" => true,
            _ => false,
        }
    }
}
