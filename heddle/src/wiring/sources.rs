//! Sources of a plan as the source adapters take them.

use ::sources::nats::JetStreamSpec;
use ::sources::spec::KindName;
use ::sources::{
    DeliverFrom, InitialOffset, KafkaSpec, KeyType, NatsAuth, NatsMode, NatsSpec, NatsTls, Ordering, Pick,
    PingSpec, SaslMechanism, SaslSpec, Schedule, Secret, SourceKind, TlsSpec, WebhookAuth, WebhookSpec,
    WhenCloudEvent,
};
use broker::Timestamp;
use schemas::resources::webhook_source::{CloudEvents, Rule};
use schemas::resources::{kafka_source, value};
use schemas::yaml::{Place, Problem};

use crate::config::plan;

/// One source's settings.
///
/// # Errors
/// What the adapter alone can judge, at the source's place.
pub(super) fn spec(source: &plan::Source) -> Result<SourceKind, Problem> {
    match &source.kind {
        plan::SourceKind::Ping(ping) => ping_spec(ping, &source.place).map(SourceKind::Ping),
        plan::SourceKind::Kafka(kafka) => kafka_spec(kafka, &source.place).map(SourceKind::Kafka),
        plan::SourceKind::Nats(nats) => nats_spec(nats, &source.place).map(SourceKind::Nats),
        plan::SourceKind::Webhook(webhook) => webhook_spec(webhook, &source.place).map(SourceKind::Webhook),
    }
}

/// The kind that a resource of this sort is written with.
pub(super) fn kind_name(kind: &plan::SourceKind) -> KindName {
    match kind {
        plan::SourceKind::Ping(_) => KindName::PingSource,
        plan::SourceKind::Kafka(_) => KindName::KafkaSource,
        plan::SourceKind::Nats(_) => KindName::NatsSource,
        plan::SourceKind::Webhook(_) => KindName::WebhookSource,
    }
}

fn ping_spec(ping: &plan::Ping, place: &Place) -> Result<PingSpec, Problem> {
    let schedule = Schedule::parse(&ping.schedule, ping.timezone.as_deref())
        .map_err(|error| Problem::error(place, error.to_string()))?;
    let data = ping.data.clone().map(Into::into);
    Ok(PingSpec {
        schedule,
        content_type: ping.content_type.clone(),
        data,
    })
}

fn kafka_spec(kafka: &plan::Kafka, place: &Place) -> Result<KafkaSpec, Problem> {
    let spec = KafkaSpec {
        bootstrap_servers: kafka.bootstrap_servers.clone(),
        topics: kafka.topics.clone(),
        consumer_group: kafka.consumer_group.clone(),
        initial_offset: initial_offset(kafka.initial_offset),
        consumers: kafka.consumers,
        ordering: match kafka.ordering {
            kafka_source::Ordering::Ordered => Ordering::Ordered,
            kafka_source::Ordering::Unordered => Ordering::Unordered,
        },
        key_type: key_type(kafka.key_type),
        sasl: kafka.sasl.as_ref().map(sasl),
        tls: kafka.tls.as_ref().map(|tls| {
            let (certificate, key) = identity(tls);
            TlsSpec {
                ca: tls.ca_certs.clone(),
                certificate,
                key,
            }
        }),
    };
    spec.validate()
        .map_err(|error| Problem::error(place, error.to_string()))?;
    Ok(spec)
}

fn initial_offset(offset: kafka_source::InitialOffset) -> InitialOffset {
    match offset {
        kafka_source::InitialOffset::Earliest => InitialOffset::Earliest,
        kafka_source::InitialOffset::Latest => InitialOffset::Latest,
    }
}

fn key_type(key_type: kafka_source::KeyType) -> KeyType {
    match key_type {
        kafka_source::KeyType::String => KeyType::Text,
        kafka_source::KeyType::Int => KeyType::Integer,
        kafka_source::KeyType::Float => KeyType::Float,
        kafka_source::KeyType::ByteArray => KeyType::Bytes,
    }
}

fn sasl(sasl: &plan::Sasl) -> SaslSpec {
    SaslSpec {
        mechanism: match sasl.mechanism {
            plan::SaslMechanism::Plain => SaslMechanism::Plain,
            plan::SaslMechanism::ScramSha256 => SaslMechanism::ScramSha256,
            plan::SaslMechanism::ScramSha512 => SaslMechanism::ScramSha512,
        },
        user: sasl.user.clone(),
        password: secret(&sasl.password),
    }
}

fn nats_spec(nats: &plan::Nats, place: &Place) -> Result<NatsSpec, Problem> {
    let spec = NatsSpec {
        servers: nats.servers.iter().map(ToString::to_string).collect(),
        auth: match &nats.credentials {
            None => NatsAuth::None,
            Some(plan::NatsCredentials::UserPassword { user, password }) => NatsAuth::Password {
                user: user.clone(),
                password: secret(password),
            },
            Some(plan::NatsCredentials::Token(token)) => NatsAuth::Token(secret(token)),
            Some(plan::NatsCredentials::Creds(creds)) => NatsAuth::Credentials(secret(creds)),
        },
        tls: nats.tls.as_ref().map(|tls| {
            let (certificate, key) = identity(tls);
            NatsTls {
                ca: tls.ca_certs.clone(),
                certificate,
                key,
            }
        }),
        mode: nats_mode(&nats.feed),
        ty: nats.event.ty.clone(),
        source: nats.event.source.clone(),
        subject: nats.event.subject.clone(),
    };
    spec.validate()
        .map_err(|error| Problem::error(place, error.to_string()))?;
    Ok(spec)
}

fn nats_mode(feed: &plan::NatsFeed) -> NatsMode {
    match feed {
        plan::NatsFeed::Subject { subject, queue_group } => NatsMode::Core {
            subject: subject.clone(),
            queue_group: queue_group.clone(),
        },
        plan::NatsFeed::JetStream {
            stream,
            consumer,
            filter_subject,
            start,
            ack_wait,
            ack_pending_max,
        } => NatsMode::JetStream(JetStreamSpec {
            stream: stream.clone(),
            consumer: consumer.clone(),
            filter_subject: filter_subject.clone(),
            deliver_from: deliver_from(start),
            ack_wait: *ack_wait,
            acks_pending_max: *ack_pending_max,
        }),
    }
}

fn deliver_from(start: &plan::NatsStart) -> DeliverFrom {
    match start {
        plan::NatsStart::All => DeliverFrom::All,
        plan::NatsStart::Last => DeliverFrom::Last,
        plan::NatsStart::New => DeliverFrom::New,
        plan::NatsStart::Sequence(sequence) => DeliverFrom::Sequence(*sequence),
        // Times before 1970 are before every message.
        plan::NatsStart::Time(time) => {
            DeliverFrom::Time(Timestamp(u64::try_from(time.as_millisecond()).unwrap_or(0)))
        }
    }
}

fn webhook_spec(webhook: &plan::Webhook, place: &Place) -> Result<WebhookSpec, Problem> {
    let picks = |rules: &[Rule]| {
        rules
            .iter()
            .map(|rule| pick(rule, place))
            .collect::<Result<Vec<_>, _>>()
    };
    Ok(WebhookSpec {
        path: webhook.path.clone(),
        ty: picks(&webhook.event.ty)?,
        source: picks(&webhook.event.source)?,
        subject: picks(&webhook.event.subject)?,
        id: picks(&webhook.event.id)?,
        auth: webhook.auth.as_ref().map(webhook_auth),
        when_cloud_event: match webhook.cloud_events {
            CloudEvents::Wrap => WhenCloudEvent::Wrap,
            CloudEvents::Pass => WhenCloudEvent::Pass,
        },
    })
}

fn webhook_auth(auth: &plan::WebhookAuth) -> WebhookAuth {
    match auth {
        plan::WebhookAuth::Bearer(token) => WebhookAuth::Bearer(secret(token)),
        plan::WebhookAuth::Header(name, value) => WebhookAuth::Header {
            name: name.clone(),
            value: secret(value),
        },
    }
}

fn pick(rule: &Rule, place: &Place) -> Result<Pick, Problem> {
    match rule {
        Rule::Header(name) => Ok(Pick::Header(name.clone())),
        Rule::Pointer(pointer) => {
            Pick::pointer(pointer).map_err(|error| Problem::error(place, error.to_string()))
        }
        Rule::Constant(text) => Ok(Pick::Constant(text.clone())),
    }
}

fn identity(tls: &plan::Tls) -> (Option<String>, Option<Secret>) {
    match &tls.identity {
        None => (None, None),
        Some((certificate, key)) => (Some(certificate.clone()), Some(secret(key))),
    }
}

fn secret(value: &value::Secret) -> Secret {
    Secret::new(value.reveal())
}
