//! KafkaSource (`sources.knative.dev/v1`, `v1beta1`): the records of topics as events.

use super::delivery::DeliverySpec;
use super::meta::Meta;
use super::scope::Scope;
use super::source::SourceSpec;
use super::value::Value;
use crate::limits::KAFKA_CONSUMERS_MAX;
use crate::yaml::{Field, Located, Problem, Reader};

const KEY_TYPE: &str = "kafkasources.sources.knative.dev/key-type";

/// A source that reads Kafka.
#[derive(Clone, Debug)]
pub struct KafkaSource {
    /// Its name, labels and annotations.
    pub meta: Meta,
    /// `host:port` of the brokers to start from; at least one.
    pub bootstrap_servers: Vec<Value>,
    /// Topics to read; at least one.
    pub topics: Vec<Located<String>>,
    /// Consumer group; none: `knative-kafka-source-NAMESPACE.NAME`, which stays the same over restarts.
    pub consumer_group: Option<String>,
    /// Where a group starts that has no committed offset.
    pub initial_offset: InitialOffset,
    /// How many consumers share the group in this process.
    pub consumers: u32,
    /// Whether records of a partition wait for each other.
    pub ordering: Ordering,
    /// How the record's key is read.
    pub key_type: KeyType,
    /// Credentials; none when `enable` is not true.
    pub sasl: Option<Sasl>,
    /// Encryption; none when `enable` is not true.
    pub tls: Option<Tls>,
    /// How events are delivered to a sink that is no broker.
    pub delivery: Option<DeliverySpec>,
    /// Where its events go.
    pub spec: SourceSpec,
}

/// Where a consumer group starts that has no committed offset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum InitialOffset {
    /// With the oldest record.
    Earliest,
    /// With the first record that comes.
    #[default]
    Latest,
}

/// Whether records of a partition wait for each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ordering {
    /// They do.
    #[default]
    Ordered,
    /// They do not.
    Unordered,
}

/// How a record's key becomes the attributes `key` and `partitionkey`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeyType {
    /// UTF-8 text.
    #[default]
    String,
    /// A big-endian integer of 4 or 8 bytes.
    Int,
    /// A big-endian IEEE 754 number of 4 or 8 bytes.
    Float,
    /// Bytes, shown as base64.
    ByteArray,
}

/// `net.sasl`, when it is enabled.
#[derive(Clone, Debug)]
pub struct Sasl {
    /// User name.
    pub user: Value,
    /// Password.
    pub password: Value,
    /// Mechanism: `PLAIN`, `SCRAM-SHA-256` or `SCRAM-SHA-512`, once it is looked up. None: `PLAIN`.
    pub mechanism: Option<Value>,
}

/// `net.tls`, when it is enabled.
#[derive(Clone, Debug)]
pub struct Tls {
    /// PEM of the client's certificate and of its key.
    pub identity: Option<(Value, Value)>,
    /// PEM of the certificates that the server's may be signed by. None: the system's.
    pub ca_cert: Option<Value>,
}

impl KafkaSource {
    pub(super) fn decode(document: &Reader<'_>, meta: Option<Meta>, scope: &Scope) -> Option<KafkaSource> {
        if let Some(meta) = &meta {
            meta.review_annotations(document, &[]);
        }
        let key_type = meta
            .as_ref()
            .map(|meta| key_type(document, meta))
            .unwrap_or_default();
        document.field("spec").required().map(|reader| {
            let spec = SourceSpec::read(reader, scope);
            let servers_field = reader.field("bootstrapServers");
            let bootstrap_servers = servers_field.list(|item| Value::decode(item, scope));
            let topics_field = reader.field("topics");
            let topics = topics_field.list(Field::text);
            let consumer_group = reader.field("consumerGroup").text().map(|text| text.value);
            let initial_offset = reader.field("initialOffset").one_of(&[
                ("earliest", InitialOffset::Earliest),
                ("latest", InitialOffset::Latest),
            ]);
            let consumers = reader
                .field("consumers")
                .integer(1..=KAFKA_CONSUMERS_MAX)
                .and_then(|count| count.try_into().ok());
            let ordering = reader
                .field("ordering")
                .one_of(&[("ordered", Ordering::Ordered), ("unordered", Ordering::Unordered)]);
            let net = reader.field("net").map(|net| {
                let sasl = net.field("sasl").map(|sasl| read_sasl(sasl, scope));
                Some((sasl, net.field("tls").map(|tls| read_tls(tls, scope))))
            });
            let delivery = DeliverySpec::decode(&reader.field("delivery"), scope);
            let complete = [
                (&servers_field, bootstrap_servers.is_empty()),
                (&topics_field, topics.is_empty()),
            ]
            .map(|(field, empty)| is_filled(field, empty));
            let (sasl, tls) = net.unwrap_or_default();
            complete.iter().all(|filled| *filled).then_some(())?;
            Some(KafkaSource {
                bootstrap_servers,
                topics,
                consumer_group,
                initial_offset: initial_offset.unwrap_or_default(),
                consumers: consumers.unwrap_or(1),
                ordering: ordering.unwrap_or_default(),
                key_type,
                sasl,
                tls,
                delivery,
                spec: spec?,
                meta: meta?,
            })
        })
    }
}

fn read_sasl(reader: &Reader<'_>, scope: &Scope) -> Option<Sasl> {
    let enabled = reader.field("enable").boolean().unwrap_or(false);
    let needed = |name| {
        if enabled {
            reader.field(name).required()
        } else {
            reader.field(name)
        }
    };
    let user = Value::decode(&needed("user"), scope);
    let password = Value::decode_secret(needed("password"), scope);
    let mechanism = Value::decode(&reader.field("type"), scope);
    for token_based in ["tokenProvider", "roleARN"] {
        reader.refuse(token_based, "use a user and a password with PLAIN or SCRAM");
    }
    enabled.then(|| {
        Some(Sasl {
            user: user?,
            password: password?,
            mechanism,
        })
    })?
}

fn read_tls(reader: &Reader<'_>, scope: &Scope) -> Option<Tls> {
    let enabled = reader.field("enable").boolean().unwrap_or(false);
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
    let ca_cert = Value::decode(&reader.field("caCert"), scope);
    enabled.then(|| Tls {
        identity: cert.zip(key),
        ca_cert,
    })
}

/// Whether a list that must not be empty is not; complains when it is.
fn is_filled(field: &Field<'_>, empty: bool) -> bool {
    let absent = field.clone().required().is_absent();
    if !absent && field.items().is_some_and(|items| items.is_empty()) {
        field.error(format!("{} must not be empty", field.path()));
    }
    !empty
}

fn key_type(document: &Reader<'_>, meta: &Meta) -> KeyType {
    const CHOICES: &[(&str, KeyType)] = &[
        ("string", KeyType::String),
        ("int", KeyType::Int),
        ("float", KeyType::Float),
        ("byte-array", KeyType::ByteArray),
    ];
    let Some(text) = meta.label(KEY_TYPE) else {
        return KeyType::default();
    };
    if let Some((_, found)) = CHOICES.iter().find(|(name, _)| *name == text.value) {
        return *found;
    }
    let problem = Problem::error(&text.place, format!("{KEY_TYPE} cannot be \"{}\"", text.value));
    let names: Vec<&str> = CHOICES.iter().map(|(name, _)| *name).collect();
    document
        .findings()
        .add(problem.with_candidates(&text.value, "it can be", &names));
    KeyType::default()
}
