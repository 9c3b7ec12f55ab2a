//! What a configuration comes to: plain data with every reference followed, every value looked up and every default filled in.
//!
//! It knows nothing of the dispatcher, the sources or the broker; the wiring translates. `Debug` of anything here shows no secret.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, HeaderValue};
use jiff::Timestamp;
use schemas::filter::{Filter, Wildcard};
use schemas::names::ResourceName;
use schemas::resources::delivery::{BackoffPolicy, DeliveryFormat};
use schemas::resources::endpoint::Pace;
use schemas::resources::kafka_source::{InitialOffset, KeyType, Ordering};
use schemas::resources::order::{AfterLastAttempt, DeliveryOrder};
use schemas::resources::schema::SchemaMode;
use schemas::resources::trigger::Start;
use schemas::resources::value::Secret;
use schemas::resources::webhook_source::{CloudEvents, EventRules};
use schemas::validation::DataSchema;
use schemas::yaml::Place;
use url::Url;

/// Everything that is to run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Plan {
    /// The brokers.
    pub(crate) brokers: Vec<Broker>,
    /// The triggers; each one's broker is among the brokers.
    pub(crate) triggers: Vec<Trigger>,
    /// The sources; a sink that is a broker is among the brokers.
    pub(crate) sources: Vec<Source>,
    /// The endpoints, used or not.
    pub(crate) endpoints: Vec<Endpoint>,
    /// The schemas that data is held to.
    pub(crate) schemas: Vec<Schema>,
    /// What is said about types of events.
    pub(crate) event_types: Vec<EventType>,
}

/// A schema for the data of some events.
#[derive(Clone, Debug)]
pub(crate) struct Schema {
    /// Its name.
    pub(crate) name: ResourceName,
    /// The brokers at whose doors it stands.
    pub(crate) brokers: Vec<ResourceName>,
    /// The types that it is for; none: all.
    pub(crate) ty: Option<Wildcard>,
    /// The `dataschema` that it is for; none: all.
    pub(crate) data_schema: Option<String>,
    /// What becomes of what does not fit.
    pub(crate) mode: SchemaMode,
    /// The schema.
    pub(crate) schema: Arc<DataSchema>,
}

/// What is said about a type of events.
#[derive(Clone, Debug)]
pub(crate) struct EventType {
    /// The resource's name.
    pub(crate) name: ResourceName,
    /// The broker that has them; none: any of the namespace.
    pub(crate) broker: Option<ResourceName>,
    /// The type.
    pub(crate) ty: String,
    /// Where they come from.
    pub(crate) source: Option<String>,
    /// A URI that names the schema of their data.
    pub(crate) schema: Option<String>,
    /// In words.
    pub(crate) description: Option<String>,
}

/// A broker.
#[derive(Clone, Debug)]
pub(crate) struct Broker {
    /// Its name.
    pub(crate) name: ResourceName,
    /// Where it is written.
    pub(crate) place: Place,
    /// For how long an event of the same source and id is not stored again; none: as often as it comes.
    pub(crate) dedupe: Option<Duration>,
    /// After how long an event expires that one of its triggers has not settled; none: never.
    pub(crate) retain_unsettled: Option<Duration>,
    /// After how long a dead letter leaves the store; none: never.
    pub(crate) dead_letter_retention: Option<Duration>,
}

/// A trigger.
#[derive(Clone, Debug)]
pub(crate) struct Trigger {
    /// Its name.
    pub(crate) name: ResourceName,
    /// Where it is written.
    pub(crate) place: Place,
    /// The broker whose events it takes.
    pub(crate) broker: ResourceName,
    /// Which of them.
    pub(crate) filter: Filter,
    /// Where its conditions are written, in the order of the filter's leaves.
    pub(crate) conditions: Vec<Place>,
    /// Where they go.
    pub(crate) subscriber: Sink,
    /// How: its own delivery, else its broker's, else Knative's default.
    pub(crate) delivery: Delivery,
    /// Where it starts when it is new.
    pub(crate) start: Start,
    /// Which of its events wait for each other.
    pub(crate) order: DeliveryOrder,
    /// What becomes of an event that its subscriber did not take.
    pub(crate) after_last_attempt: AfterLastAttempt,
    /// After how long an event expires that it has not settled; none: as the broker says.
    pub(crate) retain_unsettled: Option<Duration>,
}

/// How hard to try.
#[derive(Clone, Debug)]
pub(crate) struct Delivery {
    /// Attempts after the first.
    pub(crate) retry: u32,
    /// How the wait grows; none: exponentially.
    pub(crate) backoff_policy: Option<BackoffPolicy>,
    /// The wait that grows. Zero: none.
    pub(crate) backoff_delay: Duration,
    /// The longest one attempt may take.
    pub(crate) timeout: Duration,
    /// The longest wait that a receiver may ask for. Zero: it is not heeded.
    pub(crate) retry_after_max: Duration,
    /// How events are put on the wire.
    pub(crate) format: DeliveryFormat,
    /// Where events go after the last attempt; none: only to the dead-letter store.
    pub(crate) dead_letter_sink: Option<Sink>,
}

/// Where events go.
#[derive(Clone, Debug)]
pub(crate) enum Sink {
    /// Into a broker of the plan.
    Broker(ResourceName),
    /// By POST to a server.
    Http(Box<HttpSink>),
    /// To the built-in printer; the name is its endpoint's.
    Echo(ResourceName),
}

/// A server. `Debug` shows the label only: URL and headers may hold secrets.
#[derive(Clone)]
pub(crate) struct HttpSink {
    /// For people and metrics: the endpoint's name, or the URL without user, query and fragment.
    pub(crate) label: String,
    /// The endpoint it comes from; none when the URL was given in place. Sinks of one endpoint share its connections.
    pub(crate) endpoint: Option<ResourceName>,
    /// Absolute, `http` or `https`.
    pub(crate) url: Url,
    /// Headers of every request.
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    /// PEM certificates to trust besides the system's.
    pub(crate) ca_certs: Option<String>,
    /// Most requests at once.
    pub(crate) concurrency: Option<u32>,
    /// Rate, timeout, breaker.
    pub(crate) pace: Pace,
}

/// An endpoint.
#[derive(Clone, Debug)]
pub(crate) struct Endpoint {
    /// Its name.
    pub(crate) name: ResourceName,
    /// Where it is written.
    pub(crate) place: Place,
    /// What it is; never a broker.
    pub(crate) sink: Sink,
}

/// A source.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    /// Its name; unique among the sources of its kind.
    pub(crate) name: ResourceName,
    /// Where it is written.
    pub(crate) place: Place,
    /// Where its events go.
    pub(crate) sink: Sink,
    /// How they are delivered when the sink is no broker.
    pub(crate) delivery: Delivery,
    /// Extensions set on each event, in place of what it had.
    pub(crate) overrides: Vec<(String, String)>,
    /// What it reads.
    pub(crate) kind: SourceKind,
}

/// What a source reads.
#[derive(Clone, Debug)]
pub(crate) enum SourceKind {
    /// A schedule.
    Ping(Ping),
    /// Kafka topics.
    Kafka(Kafka),
    /// A NATS subject or stream.
    Nats(Nats),
    /// What is posted to a path.
    Webhook(Webhook),
}

/// What a PingSource does.
#[derive(Clone, Debug)]
pub(crate) struct Ping {
    /// Cron expression of five or six fields, or a nickname; the source's own parser takes it.
    pub(crate) schedule: String,
    /// IANA time zone; none: UTC.
    pub(crate) timezone: Option<String>,
    /// Content type of the data.
    pub(crate) content_type: Option<String>,
    /// The data.
    pub(crate) data: Option<Vec<u8>>,
}

/// What a KafkaSource reads.
#[derive(Clone, Debug)]
pub(crate) struct Kafka {
    /// `host:port`, at least one.
    pub(crate) bootstrap_servers: Vec<String>,
    /// At least one.
    pub(crate) topics: Vec<String>,
    /// The consumer group; none: the source's default.
    pub(crate) consumer_group: Option<String>,
    /// Where a new group starts.
    pub(crate) initial_offset: InitialOffset,
    /// Consumers in this process.
    pub(crate) consumers: u32,
    /// Whether records of a partition wait for each other.
    pub(crate) ordering: Ordering,
    /// How keys are read.
    pub(crate) key_type: KeyType,
    /// Credentials.
    pub(crate) sasl: Option<Sasl>,
    /// Encryption.
    pub(crate) tls: Option<Tls>,
}

/// How to log in to Kafka.
#[derive(Clone, Debug)]
pub(crate) struct Sasl {
    /// The mechanism.
    pub(crate) mechanism: SaslMechanism,
    /// User name.
    pub(crate) user: String,
    /// Password.
    pub(crate) password: Secret,
}

/// How to prove to Kafka who one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SaslMechanism {
    /// `PLAIN`
    Plain,
    /// `SCRAM-SHA-256`
    ScramSha256,
    /// `SCRAM-SHA-512`
    ScramSha512,
}

/// How to encrypt towards Kafka or NATS.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tls {
    /// PEM certificates to trust.
    pub(crate) ca_certs: Option<String>,
    /// The client's certificate and key, PEM.
    pub(crate) identity: Option<(String, Secret)>,
}

/// What a NatsSource reads.
#[derive(Clone, Debug)]
pub(crate) struct Nats {
    /// Servers, at least one, without credentials in them.
    pub(crate) servers: Vec<Url>,
    /// Subject or stream.
    pub(crate) feed: NatsFeed,
    /// How to log in.
    pub(crate) credentials: Option<NatsCredentials>,
    /// Encryption; none: as the server asks.
    pub(crate) tls: Option<Tls>,
    /// Attributes of messages that are no CloudEvents: type, source and subject, each none for the source's default.
    pub(crate) event: schemas::resources::nats_source::Wrapping,
}

/// What is read from NATS.
#[derive(Clone, Debug)]
pub(crate) enum NatsFeed {
    /// A core subject.
    Subject {
        /// The subject.
        subject: String,
        /// The queue group.
        queue_group: Option<String>,
    },
    /// A durable consumer on a stream.
    JetStream {
        /// The stream.
        stream: String,
        /// The durable consumer; none: the source's default.
        consumer: Option<String>,
        /// Only this subject.
        filter_subject: Option<String>,
        /// Where a new consumer starts.
        start: NatsStart,
        /// Until a message comes again; none: the source's default.
        ack_wait: Option<Duration>,
        /// Most unacknowledged messages; none: the source's default.
        ack_pending_max: Option<u32>,
    },
}

/// Where a new consumer starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NatsStart {
    /// With the oldest message.
    All,
    /// With the newest.
    Last,
    /// With the next to come.
    New,
    /// With this sequence.
    Sequence(u64),
    /// With the first at or after this instant.
    Time(Timestamp),
}

/// How to log in to NATS.
#[derive(Clone, Debug)]
pub(crate) enum NatsCredentials {
    /// User and password.
    UserPassword {
        /// User name.
        user: String,
        /// Password.
        password: Secret,
    },
    /// A token.
    Token(Secret),
    /// The text of a `.creds` file.
    Creds(Secret),
}

/// What a WebhookSource takes.
#[derive(Clone, Debug)]
pub(crate) struct Webhook {
    /// The path on the ingress; no broker and no other webhook has it.
    pub(crate) path: String,
    /// How attributes are found.
    pub(crate) event: EventRules,
    /// What a request must show.
    pub(crate) auth: Option<WebhookAuth>,
    /// What becomes of a request that is a CloudEvent already.
    pub(crate) cloud_events: CloudEvents,
}

/// What a request to a webhook must show.
#[derive(Clone, Debug)]
pub(crate) enum WebhookAuth {
    /// `Authorization: Bearer TOKEN`.
    Bearer(Secret),
    /// A shared secret in a header.
    Header(HeaderName, Secret),
}

impl fmt::Debug for HttpSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("HttpSink").field(&self.label).finish()
    }
}
