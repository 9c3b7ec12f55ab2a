//! Reads a JetStream stream through a durable pull consumer; acknowledges after the append.

use std::collections::VecDeque;
use std::pin::pin;
use std::time::Duration;

use async_nats::Client;
use async_nats::datetime::DateTime;
use async_nats::jetstream::consumer::pull::{Config, MessagesError, MessagesErrorKind, Stream as Pulled};
use async_nats::jetstream::consumer::{AckPolicy, Consumer, DeliverPolicy};
use async_nats::jetstream::context::ConsumerInfoErrorKind;
use async_nats::jetstream::stream::Stream;
use async_nats::jetstream::{self, AckKind, Message};
use broker::Timestamp;
use futures_util::StreamExt;
use schemas::names::ResourceName;

use super::message::{Stored, Wrapping};
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
    pulled: Pulled,
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

/// Stores and acknowledges what comes until told to stop.
pub(super) async fn read(
    client: Client,
    spec: &JetStreamSpec,
    name: &ResourceName,
    wrapping: &Wrapping,
    session: &Session,
) -> Result<(), SourceError> {
    let pull_bytes = (client.max_payload() + NATS_MESSAGE_OVERHEAD_BYTES).max(NATS_PULL_BYTES_MAX);
    let context = jetstream::new(client.clone());
    let stream = context
        .get_stream(&spec.stream)
        .await
        .map_err(|error| SourceError::outside(format!("opening the stream `{}`", spec.stream), error))?;
    let consumer = consumer(&stream, spec, &spec.consumer_name(name)).await?;
    let ack_wait = consumer.cached_info().config.ack_wait.max(Duration::from_secs(1));
    let pulled = consumer
        .stream()
        .max_messages_per_batch(NATS_PULL_MESSAGES_MAX)
        .max_bytes_per_batch(pull_bytes)
        .heartbeat(Duration::from_secs(5))
        .expires(Duration::from_secs(30))
        .messages()
        .await
        .map_err(|error| SourceError::outside("asking for messages", error))?;
    session.status.running();
    let flow = Flow {
        session,
        wrapping,
        pulled,
        waiting: VecDeque::new(),
        waiting_bytes: 0,
        progress_every: ack_wait / 3,
    };
    flow.run().await?;
    // Acknowledgements are on their way only; after this they have arrived.
    client
        .flush()
        .await
        .map_err(|error| SourceError::outside("acknowledging", error))
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

fn date_time(at: Timestamp) -> Result<DateTime, async_nats::Error> {
    async_nats::datetime::from_nanos(i128::from(at.0) * 1_000_000)
}

impl Flow<'_> {
    async fn run(mut self) -> Result<(), SourceError> {
        loop {
            if self.waiting.is_empty() {
                match self.session.stop.run_until_cancelled(self.pulled.next()).await {
                    None => return self.give_back().await,
                    Some(next) => self.receive(next)?,
                }
            }
            while !self.is_full() {
                let Some(next) = futures_util::FutureExt::now_or_never(self.pulled.next()) else {
                    break;
                };
                self.receive(next)?;
            }
            self.store().await?;
            if self.session.stop.is_cancelled() {
                return self.give_back().await;
            }
        }
    }

    fn is_full(&self) -> bool {
        self.waiting.len() >= NATS_PULL_MESSAGES_MAX || self.waiting_bytes >= NATS_PULL_BYTES_MAX
    }

    /// Takes in what the server sent. What the client repairs by itself is the source's state, not its end.
    fn receive(&mut self, next: Option<Result<Message, MessagesError>>) -> Result<(), SourceError> {
        match next {
            Some(Ok(message)) => {
                self.session.status.running();
                self.waiting_bytes += message.length;
                self.waiting.push_back(message);
                Ok(())
            }
            Some(Err(error)) if error.kind() == MessagesErrorKind::MissingHeartbeat => {
                self.session
                    .status
                    .failing("JetStream has not been heard of for some time");
                Ok(())
            }
            Some(Err(error)) => Err(SourceError::outside("reading messages", error)),
            None => Err(SourceError::outside(
                "reading messages",
                "the server ended the consumer",
            )),
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
                next = self.pulled.next(), if !full => self.receive(next)?,
            }
        }
        self.acknowledge(batch.iter().collect(), AckKind::Ack).await
    }

    /// What was received and not stored goes back at once instead of after the time for its acknowledgement.
    async fn give_back(&self) -> Result<(), SourceError> {
        self.acknowledge(self.waiting.iter().collect(), AckKind::Nak(None))
            .await
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
