//! Reads a JetStream stream through a durable pull consumer; acknowledges after the append.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use async_nats::datetime::DateTime;
use async_nats::jetstream::consumer::pull::Config;
use async_nats::jetstream::consumer::{AckPolicy, Consumer, DeliverPolicy};
use async_nats::jetstream::context::ConsumerInfoErrorKind;
use async_nats::jetstream::stream::Stream;
use async_nats::jetstream::{self, AckKind, Message};
use broker::Timestamp;
use schemas::names::ResourceName;
use tokio::sync::Notify;

use super::connect::Connection;
use super::message::{Stored, Wrapping};
use super::pull::{Pull, PullError};
use super::{DeliverFrom, JetStreamSpec};
use crate::limits::{
    BATCH_BYTES_MAX, BATCH_EVENTS_MAX, NATS_MESSAGE_OVERHEAD_BYTES, NATS_PULL_BYTES_MAX,
    NATS_PULL_MESSAGES_MAX,
};
use crate::source::{Session, SourceError};

/// Messages on their way from the server to the engine.
struct Flow<'a> {
    session: &'a Session,
    wrapping: &'a Wrapping,
    pull: Pull,
    reconnected: Arc<Notify>,
    /// Received, not yet taken to be stored.
    waiting: VecDeque<Message>,
    waiting_bytes: usize,
    /// Time between two signs of life for messages that wait.
    progress_every: Duration,
}

/// The durable consumer is another one than this source needs.
#[derive(Debug, thiserror::Error)]
#[error(
    "the durable consumer `{consumer}` of stream `{stream}` reads {found}, but the source wants {wanted}; delete it or \
     name another one"
)]
struct OtherConsumer {
    consumer: String,
    stream: String,
    found: String,
    wanted: String,
}

/// The consumer acknowledges by itself what was only handed out.
#[derive(Debug, thiserror::Error)]
#[error(
    "the consumer `{consumer}` of stream `{stream}` has the acknowledgement policy {policy:?}, which gives messages up before \
     they are stored; name another consumer, or make this one with explicit acknowledgement"
)]
struct ImplicitAcks {
    consumer: String,
    stream: String,
    policy: AckPolicy,
}

/// Stores and acknowledges what comes until told to stop.
pub(super) async fn read(
    connection: &Connection,
    spec: &JetStreamSpec,
    name: &ResourceName,
    wrapping: &Wrapping,
    session: &Session,
) -> Result<(), SourceError> {
    let client = &connection.client;
    let pull_bytes = (client.max_payload() + NATS_MESSAGE_OVERHEAD_BYTES).max(NATS_PULL_BYTES_MAX);
    let context = jetstream::new(client.clone());
    let stream = context
        .get_stream(&spec.stream)
        .await
        .map_err(|error| SourceError::outside(format!("opening the stream `{}`", spec.stream), error))?;
    let consumer = consumer(&stream, spec, &spec.consumer_name(name)).await?;
    let ack_wait = consumer.cached_info().config.ack_wait.max(Duration::from_secs(1));
    let pull = Pull::open(client, context, consumer, pull_bytes)
        .await
        .map_err(reading)?;
    session.status.running();
    let flow = Flow {
        session,
        wrapping,
        pull,
        reconnected: Arc::clone(&connection.reconnected),
        waiting: VecDeque::new(),
        waiting_bytes: 0,
        progress_every: ack_wait / 3,
    };
    flow.run().await
}

/// The durable consumer, made when it does not exist.
async fn consumer(
    stream: &Stream,
    spec: &JetStreamSpec,
    name: &str,
) -> Result<Consumer<Config>, SourceError> {
    let doing = || format!("opening the consumer `{name}` of stream `{}`", spec.stream);
    let found = match stream.consumer_info(name).await {
        Ok(_) => stream
            .get_consumer::<Config>(name)
            .await
            .map_err(|error| SourceError::outside(doing(), error))?,
        Err(error) if error.kind() == ConsumerInfoErrorKind::NotFound => {
            let config = config(spec, name).map_err(|error| SourceError::outside(doing(), error))?;
            stream
                .create_consumer(config)
                .await
                .map_err(|error| SourceError::outside(doing(), error))?
        }
        Err(error) => return Err(SourceError::outside(doing(), error)),
    };
    let filters = &found.cached_info().config;
    if filters.ack_policy != AckPolicy::Explicit {
        let unsafe_policy = ImplicitAcks {
            consumer: name.to_owned(),
            stream: spec.stream.clone(),
            policy: filters.ack_policy,
        };
        return Err(SourceError::outside(doing(), unsafe_policy));
    }
    let mut has: Vec<&str> = filters.filter_subjects.iter().map(String::as_str).collect();
    has.extend(Some(filters.filter_subject.as_str()).filter(|subject| !subject.is_empty()));
    let wants: Vec<&str> = spec.filter_subject.as_deref().into_iter().collect();
    if has != wants {
        let shown = |subjects: &[&str]| {
            if subjects.is_empty() {
                "all subjects".to_owned()
            } else {
                format!("`{}`", subjects.join("`, `"))
            }
        };
        let other = OtherConsumer {
            consumer: name.to_owned(),
            stream: spec.stream.clone(),
            found: shown(&has),
            wanted: shown(&wants),
        };
        return Err(SourceError::outside(doing(), other));
    }
    Ok(found)
}

fn config(spec: &JetStreamSpec, name: &str) -> Result<Config, async_nats::Error> {
    let mut config = Config {
        durable_name: Some(name.to_owned()),
        ack_policy: AckPolicy::Explicit,
        ack_wait: spec.ack_wait(),
        filter_subject: spec.filter_subject.clone().unwrap_or_default(),
        ..Config::default()
    };
    if let Some(most) = spec.acks_pending_max {
        config.max_ack_pending = i64::from(most);
    }
    config.deliver_policy = match spec.deliver_from {
        DeliverFrom::All => DeliverPolicy::All,
        DeliverFrom::Last => DeliverPolicy::Last,
        DeliverFrom::New => DeliverPolicy::New,
        DeliverFrom::Sequence(start_sequence) => DeliverPolicy::ByStartSequence { start_sequence },
        DeliverFrom::Time(at) => DeliverPolicy::ByStartTime {
            start_time: date_time(at)?,
        },
    };
    Ok(config)
}

fn reading(error: PullError) -> SourceError {
    SourceError::outside("reading messages", error)
}

fn date_time(at: Timestamp) -> Result<DateTime, async_nats::Error> {
    async_nats::datetime::from_nanos(i128::from(at.0) * 1_000_000)
}

impl Flow<'_> {
    async fn run(mut self) -> Result<(), SourceError> {
        while !self.session.stop.is_cancelled() {
            if self.waiting.is_empty() {
                self.wait_for_one().await?;
            }
            while !self.is_full() {
                let Some(message) = self.pull.next_ready().map_err(reading)? else {
                    break;
                };
                self.receive(Some(message));
            }
            self.store().await?;
        }
        self.give_back().await
    }

    async fn wait_for_one(&mut self) -> Result<(), SourceError> {
        tokio::select! {
            biased;
            () = self.session.stop.cancelled() => {}
            () = self.reconnected.notified() => self.pull.forget(),
            next = self.pull.next() => self.receive(next.map_err(reading)?),
        }
        Ok(())
    }

    fn is_full(&self) -> bool {
        self.waiting.len() >= NATS_PULL_MESSAGES_MAX || self.waiting_bytes >= NATS_PULL_BYTES_MAX
    }

    /// Takes in what the server sent. What is asked for anew is the source's state, not its end.
    fn receive(&mut self, next: Option<Message>) {
        match next {
            Some(message) => {
                self.session.status.running();
                self.waiting_bytes += message.length;
                self.waiting.push_back(message);
            }
            None => self
                .session
                .status
                .failing("JetStream has not been heard of for some time"),
        }
    }

    /// Stores one batch of what waits and acknowledges it. Meanwhile more is received, and all that waits is kept
    /// from being sent again.
    async fn store(&mut self) -> Result<(), SourceError> {
        let mut batch = Vec::new();
        let (mut events, mut bytes) = (Vec::new(), 0);
        while let Some(message) = self
            .waiting
            .pop_front_if(|_| events.len() < BATCH_EVENTS_MAX && bytes < BATCH_BYTES_MAX)
        {
            bytes += message.length;
            events.push(
                self.wrapping
                    .event(&message, stored(&message).as_ref(), self.session)?,
            );
            batch.push(message);
        }
        if batch.is_empty() {
            return Ok(());
        }
        self.waiting_bytes -= bytes;
        let session = self.session;
        let mut storing = pin!(session.intake.store(events, None));
        let mut progress = tokio::time::interval(self.progress_every);
        progress.reset();
        loop {
            let full = self.is_full();
            tokio::select! {
                biased;
                outcome = &mut storing => {
                    outcome?;
                    break;
                }
                _ = progress.tick() => self.acknowledge(batch.iter().chain(&self.waiting).collect(), AckKind::Progress).await?,
                next = self.pull.next(), if !full => self.receive(next.map_err(reading)?),
            }
        }
        self.acknowledge(batch.iter().collect(), AckKind::Ack).await
    }

    /// What was received and not stored goes back at once instead of after the time for its acknowledgement. Then a
    /// question and its answer, so that the server has read all acknowledgements before the connection is closed.
    async fn give_back(mut self) -> Result<(), SourceError> {
        self.waiting.extend(self.pull.close().await.map_err(reading)?);
        self.acknowledge(self.waiting.iter().collect(), AckKind::Nak(None))
            .await?;
        self.pull
            .confirm()
            .await
            .map_err(|error| SourceError::outside("acknowledging", error))
    }

    async fn acknowledge(&self, messages: Vec<&Message>, kind: AckKind) -> Result<(), SourceError> {
        for message in messages {
            let sent = message.ack_with(kind).await;
            sent.map_err(|error| SourceError::outside("acknowledging", error))?;
        }
        Ok(())
    }
}

/// Where JetStream says the message lies.
fn stored(message: &Message) -> Option<Stored> {
    let info = message.info().ok()?;
    let ms = info.published.unix_timestamp_nanos() / 1_000_000;
    let at = Timestamp(u64::try_from(ms).ok()?);
    Some(Stored {
        id: format!("{}:{}", info.stream, info.stream_sequence),
        at,
    })
}
