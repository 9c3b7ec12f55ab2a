//! NatsSource (`heddle.dev/v1`): the messages of a subject or of a JetStream stream as events.
//!
//! Messages that are CloudEvents (NATS binding, binary or structured) pass as they are; others are wrapped with what `event`
//! says. A core subject (`subject`) has no memory: what comes while Heddle is away is gone. A stream (`jetstream`) is read
//! through a durable consumer and acknowledged only after the event is stored.

use std::time::Duration;

use jiff::Timestamp;

use super::duration;
use super::meta::Meta;
use super::scope::Scope;
use super::source::SourceSpec;
use super::value::Value;
use crate::limits::NATS_ACKS_PENDING_MAX;
use crate::yaml::{Field, Located, Reader};

/// A source that reads NATS.
#[derive(Clone, Debug)]
pub struct NatsSource {
    /// Its name, labels and annotations.
    pub meta: Meta,
    /// `nats://` or `tls://` URLs of the servers; at least one.
    pub servers: Vec<Value>,
    /// What is read.
    pub feed: Feed,
    /// How to log in.
    pub credentials: Option<Credentials>,
    /// How to encrypt; none: as the server asks, with the system's certificates.
    pub tls: Option<Tls>,
    /// Attributes of messages that are no CloudEvents.
    pub event: Wrapping,
    /// Where its events go.
    pub spec: SourceSpec,
}

/// What is read.
#[derive(Clone, Debug)]
pub enum Feed {
    /// A core subject.
    Subject {
        /// The subject, wildcards allowed.
        subject: Located<String>,
        /// Subscribers of one group share the messages.
        queue_group: Option<String>,
    },
    /// A JetStream stream.
    JetStream(JetStream),
}

/// `jetstream`: a durable pull consumer on a stream.
#[derive(Clone, Debug)]
pub struct JetStream {
    /// The stream.
    pub stream: Located<String>,
    /// The durable consumer; none: `heddle-NAMESPACE_NAME`. It is made when it does not exist, with what follows.
    pub consumer: Option<Located<String>>,
    /// Only messages of this subject.
    pub filter_subject: Option<String>,
    /// Where a new consumer starts.
    pub start: JetStreamStart,
    /// How long the server waits for an acknowledgement before it sends a message again; none: 30 s.
    pub ack_wait: Option<Duration>,
    /// Most messages that wait for their acknowledgement; none: 1,000.
    pub ack_pending_max: Option<u32>,
}

/// Where a new consumer starts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum JetStreamStart {
    /// With the oldest message of the stream.
    #[default]
    All,
    /// With the newest message that is there.
    Last,
    /// With the first message that comes.
    New,
    /// With the message of this sequence.
    Sequence(u64),
    /// With the first message stored at or after this instant.
    Time(Timestamp),
}

/// `credentials`: one way to log in.
#[derive(Clone, Debug)]
pub enum Credentials {
    /// `user` and `password`.
    UserPassword {
        /// User name.
        user: Value,
        /// Password.
        password: Value,
    },
    /// `token`.
    Token(Value),
    /// `credsFile`: the content of a `.creds` file with a JWT and an NKey seed.
    Creds(Value),
}

/// `tls`: encryption is required when it is there.
#[derive(Clone, Debug, Default)]
pub struct Tls {
    /// PEM of the certificates that the server's may be signed by, besides the system's.
    pub ca_certs: Option<Value>,
    /// PEM of the client's certificate and of its key.
    pub identity: Option<(Value, Value)>,
}

/// `event`: attributes of messages that are no CloudEvents. What is left out has a default that the source documents.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wrapping {
    /// Its type.
    pub ty: Option<String>,
    /// Its source.
    pub source: Option<String>,
    /// Its subject.
    pub subject: Option<String>,
}

impl NatsSource {
    pub(super) fn decode(document: &Reader<'_>, meta: Option<Meta>, scope: &Scope) -> Option<NatsSource> {
        if let Some(meta) = &meta {
            meta.review_annotations(document, &[]);
        }
        document.field("spec").required().map(|reader| {
            let spec = SourceSpec::read(reader, scope);
            let servers = servers(reader, scope);
            let feed = feed(reader);
            let credentials = reader
                .field("credentials")
                .map(|reader| read_credentials(reader, scope));
            let tls = reader.field("tls").map(|reader| Some(read_tls(reader, scope)));
            let event = reader.field("event").map(|reader| {
                let constant = |name| reader.field(name).text().map(|text| text.value);
                Some(Wrapping {
                    ty: constant("type"),
                    source: constant("source"),
                    subject: constant("subject"),
                })
            });
            let event = event.unwrap_or_default();
            Some(NatsSource {
                servers: servers?,
                feed: feed?,
                credentials,
                tls,
                event,
                spec: spec?,
                meta: meta?,
            })
        })
    }
}

fn servers(reader: &Reader<'_>, scope: &Scope) -> Option<Vec<Value>> {
    let url = Value::decode(&reader.field("url"), scope);
    let servers_field = reader.field("servers");
    let servers = servers_field.list(|item| Value::decode(item, scope));
    match reader.exactly_one(&["url", "servers"])? {
        "url" => url.map(|url| vec![url]),
        _ => {
            if servers_field.items().is_some_and(|items| items.is_empty()) {
                servers_field.error(format!("{} must not be empty", servers_field.path()));
            }
            (!servers.is_empty()).then_some(servers)
        }
    }
}

fn feed(reader: &Reader<'_>) -> Option<Feed> {
    let subject = reader.field("subject").text();
    let queue_group_field = reader.field("queueGroup");
    let queue_group = queue_group_field.text().map(|text| text.value);
    let jetstream = reader.field("jetstream").map(read_jetstream);
    match reader.exactly_one(&["subject", "jetstream"])? {
        "subject" => Some(Feed::Subject {
            subject: subject?,
            queue_group,
        }),
        _ => {
            if !queue_group_field.is_absent() {
                let message = format!(
                    "{} goes with subject, not with jetstream",
                    queue_group_field.path()
                );
                queue_group_field.error_with_help(
                    message,
                    "processes that share a durable consumer share its messages",
                );
            }
            jetstream.map(Feed::JetStream)
        }
    }
}

fn read_jetstream(reader: &Reader<'_>) -> Option<JetStream> {
    let stream = reader.field("stream").required().text();
    let consumer = reader.field("consumer").text();
    let filter_subject = reader.field("filterSubject").text().map(|text| text.value);
    let start = start(reader);
    let ack_wait = duration::decode_positive(&reader.field("ackWait"));
    let ack_pending_max = reader
        .field("maxAckPending")
        .integer(1..=NATS_ACKS_PENDING_MAX)
        .and_then(|most| most.try_into().ok());
    Some(JetStream {
        stream: stream?,
        consumer,
        filter_subject,
        start,
        ack_wait,
        ack_pending_max,
    })
}

fn start(reader: &Reader<'_>) -> JetStreamStart {
    let policy = reader
        .field("deliverPolicy")
        .one_of(&[
            ("all", JetStreamStart::ALL),
            ("last", JetStreamStart::LAST),
            ("new", JetStreamStart::NEW),
        ])
        .cloned();
    let sequence = reader
        .field("startSequence")
        .integer(1..=i64::MAX)
        .and_then(|sequence| sequence.try_into().ok());
    let time = timestamp(&reader.field("startTime"));
    let ways = ["deliverPolicy", "startSequence", "startTime"];
    if !reader.present(&ways).is_empty() {
        reader.exactly_one(&ways);
    }
    let exact = sequence
        .map(JetStreamStart::Sequence)
        .or_else(|| time.map(JetStreamStart::Time));
    exact.or(policy).unwrap_or_default()
}

impl JetStreamStart {
    const ALL: &JetStreamStart = &JetStreamStart::All;
    const LAST: &JetStreamStart = &JetStreamStart::Last;
    const NEW: &JetStreamStart = &JetStreamStart::New;
}

fn timestamp(field: &Field<'_>) -> Option<Timestamp> {
    let text = field.text()?;
    let time = text.value.parse().ok();
    if time.is_none() {
        let message = format!("{} is not an RFC 3339 time: \"{}\"", field.path(), text.value);
        field.error_with_help(message, "write it as 2026-01-31T12:00:00Z");
    }
    time
}

fn read_credentials(reader: &Reader<'_>, scope: &Scope) -> Option<Credentials> {
    let user = Value::decode(&reader.field("user"), scope);
    let mut password_field = reader.field("password");
    if !reader.present(&["user"]).is_empty() {
        password_field = password_field.required();
    }
    let password_is_absent = password_field.is_absent();
    let password = Value::decode_secret(password_field, scope);
    let token = Value::decode_secret(reader.field("token"), scope);
    let creds = Value::decode_path(&reader.field("credsFile"), scope);
    match reader.exactly_one(&["user", "token", "credsFile"])? {
        "user" => Some(Credentials::UserPassword {
            user: user?,
            password: password?,
        }),
        _ if !password_is_absent => {
            reader
                .field("password")
                .error(format!("{}.password goes with user", reader.path()));
            None
        }
        "token" => token.map(Credentials::Token),
        _ => creds.map(Credentials::Creds),
    }
}

fn read_tls(reader: &Reader<'_>, scope: &Scope) -> Tls {
    let pair = reader.present(&["cert", "key"]);
    let needed = |name| {
        if pair.is_empty() {
            reader.field(name)
        } else {
            reader.field(name).required()
        }
    };
    let cert = Value::decode(&needed("cert"), scope);
    let key = Value::decode_secret(needed("key"), scope);
    Tls {
        ca_certs: Value::decode(&reader.field("caCerts"), scope),
        identity: cert.zip(key),
    }
}
