//! NatsSource: the messages of a core NATS subject, or of a JetStream stream.
//!
//! - **Core** (`subject`, with or without a queue group): NATS keeps nothing, so this is at most once by nature. What
//!   is published while no source listens is gone, and so is what the client drops when we are slower than the subject
//!   (its buffer is bounded; each notice of that is counted and told).
//! - **JetStream**: a durable pull consumer; each message is acknowledged after its event is durable here, and
//!   acknowledged as "in progress" while it waits for that. Nothing is lost; a crash in between repeats messages.
//!
//! A durable consumer that exists is used as it is; only the filter subject must be the source's own. One that does
//! not exist is made. The connection is repaired by the client library; what it cannot repair ends the run, and the
//! supervisor starts another.
//!
//! Messages that are CloudEvents pass as they are; others are wrapped (see [`message`]).

use std::time::Duration;

use broker::Timestamp;
use futures_util::future::BoxFuture;
use schemas::names::ResourceName;

mod connect;
mod core;
mod jetstream;
pub mod message;
mod pull;

pub use connect::NatsSpecError;

use crate::limits::NATS_ACK_WAIT_MS;
use crate::secret::Secret;
use crate::source::{Session, Source, SourceError};

/// What a NatsSource reads, and how.
#[derive(Clone, Debug)]
pub struct NatsSpec {
    /// URLs (`nats://` or `tls://`) or `host:port`, at least one.
    pub servers: Vec<String>,
    /// How to log in.
    pub auth: NatsAuth,
    /// How to encrypt; `None`: when the server asks for it, with the system's authorities.
    pub tls: Option<NatsTls>,
    /// What to read.
    pub mode: NatsMode,
    /// `type` of wrapped messages; `None`: [`message::TYPE`].
    pub ty: Option<String>,
    /// `source` of wrapped messages; `None`: `nats://<first server>/<subject>`.
    pub source: Option<String>,
    /// `subject` of wrapped messages; `None`: the message's subject.
    pub subject: Option<String>,
}

/// How to log in.
#[derive(Clone, Debug, Default)]
pub enum NatsAuth {
    /// Not at all, or with what the URL says.
    #[default]
    None,
    /// User and password.
    Password {
        /// The user.
        user: String,
        /// The password.
        password: Secret,
    },
    /// A token.
    Token(Secret),
    /// The content of a `.creds` file.
    Credentials(Secret),
}

/// How to encrypt. With it, a connection without TLS is refused.
#[derive(Clone, Debug, Default)]
pub struct NatsTls {
    /// PEM of authorities to trust besides the system's.
    pub ca: Option<String>,
    /// PEM of our certificate chain.
    pub certificate: Option<String>,
    /// PEM of its key.
    pub key: Option<Secret>,
}

/// What to read.
#[derive(Clone, Debug)]
pub enum NatsMode {
    /// A core subject.
    Core {
        /// The subject, wildcards allowed.
        subject: String,
        /// Subscribers of one group share the messages.
        queue_group: Option<String>,
    },
    /// A stream.
    JetStream(JetStreamSpec),
}

/// A stream and the durable consumer on it.
#[derive(Clone, Debug)]
pub struct JetStreamSpec {
    /// The stream; it must exist.
    pub stream: String,
    /// The durable consumer; `None`: `heddle-<namespace>_<name>`.
    pub consumer: Option<String>,
    /// Only messages of this subject, wildcards allowed.
    pub filter_subject: Option<String>,
    /// Where a consumer starts that is made by us.
    pub deliver_from: DeliverFrom,
    /// How long the server waits for an acknowledgement; `None`: 30 s. For a consumer that is made by us.
    pub ack_wait: Option<Duration>,
    /// Messages that may wait for their acknowledgement; `None`: the server's default. For a consumer made by us.
    pub acks_pending_max: Option<u32>,
}

/// Where a new consumer starts in its stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeliverFrom {
    /// At the oldest message.
    #[default]
    All,
    /// At the newest message that is there.
    Last,
    /// At the next message that comes.
    New,
    /// At the message of this sequence.
    Sequence(u64),
    /// At the first message stored at or after this time.
    Time(Timestamp),
}

/// A NatsSource at work.
#[derive(Debug)]
pub(crate) struct NatsSource {
    name: ResourceName,
    spec: NatsSpec,
}

impl NatsSpec {
    /// Checks what can be checked without a connection.
    ///
    /// # Errors
    /// [`NatsSpecError`] for the first setting that cannot work, and what would be right.
    pub fn validate(&self) -> Result<(), NatsSpecError> {
        connect::validate(self)
    }
}

impl JetStreamSpec {
    /// The durable consumer's name. The default is one that no other source has: resource names hold no underscore.
    #[must_use]
    pub fn consumer_name(&self, name: &ResourceName) -> String {
        let default = || format!("heddle-{}_{}", name.namespace(), name.name().replace('.', "__"));
        self.consumer.clone().unwrap_or_else(default)
    }

    fn ack_wait(&self) -> Duration {
        self.ack_wait.unwrap_or(Duration::from_millis(NATS_ACK_WAIT_MS))
    }
}

impl NatsSource {
    pub(crate) fn new(name: ResourceName, spec: NatsSpec) -> Self {
        Self { name, spec }
    }

    async fn read(&self, session: &Session) -> Result<(), SourceError> {
        self.spec
            .validate()
            .map_err(|error| SourceError::outside("reading the configuration", error))?;
        let Some(connection) = connect::connect(&self.spec, &self.name, session).await? else {
            return Ok(());
        };
        let wrapping = message::Wrapping::new(&self.spec);
        match &self.spec.mode {
            NatsMode::Core { subject, queue_group } => {
                core::read(
                    &connection.client,
                    subject,
                    queue_group.as_deref(),
                    &wrapping,
                    session,
                )
                .await
            }
            NatsMode::JetStream(spec) => {
                jetstream::read(&connection, spec, &self.name, &wrapping, session).await
            }
        }
    }
}

impl Source for NatsSource {
    fn run<'a>(&'a self, session: &'a Session) -> BoxFuture<'a, Result<(), SourceError>> {
        Box::pin(self.read(session))
    }
}
