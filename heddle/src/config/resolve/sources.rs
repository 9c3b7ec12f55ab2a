//! Sources of each kind -> what they read and where their events go.

use schemas::resources::Identity;
use schemas::resources::delivery::DeliverySpec;
use schemas::resources::kafka_source::{self, KafkaSource};
use schemas::resources::nats_source::{self, Feed, JetStream, JetStreamStart, NatsSource};
use schemas::resources::ping_source::PingSource;
use schemas::resources::source::SourceSpec;
use schemas::resources::value::Value;
use schemas::resources::webhook_source::{self, WebhookSource};
use schemas::yaml::{Located, Problem};
use sources::{Schedule, ScheduleError};
use url::Url;

use super::Resolver;
use crate::config::plan::{
    Delivery, Kafka, Nats, NatsCredentials, NatsFeed, NatsStart, Ping, Sasl, SaslMechanism, Source,
    SourceKind, Tls, Webhook, WebhookAuth,
};

const MECHANISMS: &[(&str, SaslMechanism)] = &[
    ("PLAIN", SaslMechanism::Plain),
    ("SCRAM-SHA-256", SaslMechanism::ScramSha256),
    ("SCRAM-SHA-512", SaslMechanism::ScramSha512),
];

impl Resolver<'_> {
    pub(super) fn ping_source(&mut self, source: &PingSource) -> Option<Source> {
        self.check_schedule(&source.schedule, source.timezone.as_ref());
        let kind = SourceKind::Ping(Ping {
            schedule: source.schedule.value.clone(),
            timezone: source.timezone.as_ref().map(|timezone| timezone.value.clone()),
            content_type: source.content_type.clone(),
            data: source.data.clone(),
        });
        self.source(&source.meta.identity, &source.spec, None, Some(kind))
    }

    pub(super) fn kafka_source(&mut self, source: &KafkaSource) -> Option<Source> {
        let servers: Vec<_> = source
            .bootstrap_servers
            .iter()
            .map(|server| self.kafka_servers(server))
            .collect();
        let sasl = source.sasl.as_ref().map(|sasl| self.sasl(sasl));
        let tls = source
            .tls
            .as_ref()
            .map(|tls| self.tls(tls.ca_cert.as_ref(), tls.identity.as_ref()));
        let kind = (|| {
            Some(SourceKind::Kafka(Kafka {
                bootstrap_servers: servers.into_iter().collect::<Option<Vec<_>>>()?.concat(),
                topics: source.topics.iter().map(|topic| topic.value.clone()).collect(),
                consumer_group: source.consumer_group.clone(),
                initial_offset: source.initial_offset,
                consumers: source.consumers,
                ordering: source.ordering,
                key_type: source.key_type,
                sasl: all_or_none(sasl)?,
                tls: all_or_none(tls)?,
            }))
        })();
        self.source(
            &source.meta.identity,
            &source.spec,
            source.delivery.as_ref(),
            kind,
        )
    }

    pub(super) fn nats_source(&mut self, source: &NatsSource) -> Option<Source> {
        let servers: Vec<_> = source
            .servers
            .iter()
            .map(|server| self.nats_server(server))
            .collect();
        let credentials = source
            .credentials
            .as_ref()
            .map(|credentials| self.nats_credentials(credentials));
        let tls = source
            .tls
            .as_ref()
            .map(|tls| self.tls(tls.ca_certs.as_ref(), tls.identity.as_ref()));
        let kind = (|| {
            Some(SourceKind::Nats(Nats {
                servers: servers.into_iter().collect::<Option<Vec<_>>>()?,
                feed: nats_feed(&source.feed),
                credentials: all_or_none(credentials)?,
                tls: all_or_none(tls)?,
                event: source.event.clone(),
            }))
        })();
        self.source(&source.meta.identity, &source.spec, None, kind)
    }

    pub(super) fn webhook_source(&mut self, source: &WebhookSource) -> Option<Source> {
        let auth = source.auth.as_ref().map(|auth| match auth {
            webhook_source::WebhookAuth::Bearer(token) => self.secret(token).map(WebhookAuth::Bearer),
            webhook_source::WebhookAuth::Header { name, value } => self
                .secret(value)
                .map(|secret| WebhookAuth::Header(name.clone(), secret)),
        });
        let kind = all_or_none(auth).map(|auth| {
            SourceKind::Webhook(Webhook {
                path: source.path.value.clone(),
                event: source.event.clone(),
                auth,
                cloud_events: source.cloud_events,
            })
        });
        self.source(&source.meta.identity, &source.spec, None, kind)
    }

    fn source(
        &mut self,
        identity: &Identity,
        spec: &SourceSpec,
        delivery: Option<&DeliverySpec>,
        kind: Option<SourceKind>,
    ) -> Option<Source> {
        let sink = self.sink(&spec.sink);
        let delivery = delivery.map_or_else(Delivery::when_unsaid, |delivery| self.delivery(delivery));
        let (name, place) = (identity.name.clone(), identity.place.clone());
        Some(Source {
            name,
            place,
            sink: sink?,
            delivery,
            overrides: spec.overrides.clone(),
            kind: kind?,
        })
    }

    /// Asks the source's own parser, which knows best what it can keep.
    pub(super) fn check_schedule(&mut self, schedule: &Located<String>, timezone: Option<&Located<String>>) {
        let zone = timezone.map(|timezone| timezone.value.as_str());
        let Err(error) = Schedule::parse(&schedule.value, zone) else {
            return;
        };
        let place = match (&error, timezone) {
            (ScheduleError::Zone { .. }, Some(timezone)) => &timezone.place,
            _ => &schedule.place,
        };
        self.problems
            .push(Problem::error(place, format!("{}: {error}", place.path)));
        // A wrong zone hides what else is wrong.
        if matches!(error, ScheduleError::Zone { .. })
            && timezone.is_some()
            && let Err(error) = Schedule::parse(&schedule.value, None)
        {
            let place = &schedule.place;
            self.problems
                .push(Problem::error(place, format!("{}: {error}", place.path)));
        }
    }

    /// One value may name several servers, as a variable of the environment often does.
    fn kafka_servers(&mut self, value: &Value) -> Option<Vec<String>> {
        let text = self.text(value)?;
        let servers: Vec<String> = text.split(',').map(|server| server.trim().to_owned()).collect();
        if servers
            .iter()
            .any(|server| server.is_empty() || server.contains("://"))
        {
            let message = format!("{} must be host:port", value.place.path);
            self.problems.push(
                Problem::error(&value.place, message).with_help("such as 127.0.0.1:9092, without a scheme"),
            );
            return None;
        }
        Some(servers)
    }

    fn sasl(&mut self, sasl: &kafka_source::Sasl) -> Option<Sasl> {
        let user = self.text(&sasl.user);
        let password = self.secret(&sasl.password);
        let mechanism = match &sasl.mechanism {
            Some(value) => self.mechanism(value),
            None => Some(SaslMechanism::Plain),
        };
        Some(Sasl {
            mechanism: mechanism?,
            user: user?,
            password: password?,
        })
    }

    fn mechanism(&mut self, value: &Value) -> Option<SaslMechanism> {
        let text = self.text(value)?;
        let found = MECHANISMS
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(text.trim()));
        if found.is_none() {
            // The text may come from a Secret, so it is not repeated.
            let names: Vec<&str> = MECHANISMS.iter().map(|(name, _)| *name).collect();
            let message = format!(
                "{} names a mechanism that is not available in this version",
                value.place.path
            );
            let help = format!("it can be {}", names.join(", "));
            self.problems
                .push(Problem::error(&value.place, message).with_help(help));
        }
        found.map(|(_, mechanism)| *mechanism)
    }

    fn tls(&mut self, ca_certs: Option<&Value>, identity: Option<&(Value, Value)>) -> Option<Tls> {
        let ca_certs = ca_certs.map(|value| self.ca_certs(value));
        let identity = identity.map(|(cert, key)| {
            let (cert, key) = (self.ca_certs(cert), self.secret(key));
            cert.zip(key)
        });
        Some(Tls {
            ca_certs: all_or_none(ca_certs)?,
            identity: all_or_none(identity)?,
        })
    }

    /// `nats://host:port`, the scheme and the port may be left out.
    fn nats_server(&mut self, value: &Value) -> Option<Url> {
        let text = self.text(value)?;
        let full = if text.contains("://") {
            text
        } else {
            format!("nats://{text}")
        };
        let (why, help) = match Url::parse(&full) {
            Ok(url) if !matches!(url.scheme(), "nats" | "tls" | "ws" | "wss") => (
                format!("its scheme is {}", url.scheme()),
                "write it as nats://host:4222 or tls://host:4222",
            ),
            Ok(url) if !url.username().is_empty() || url.password().is_some() => (
                "it holds credentials".to_owned(),
                "put them under spec.credentials",
            ),
            Ok(url) if url.host_str().is_some_and(|host| !host.is_empty()) => return Some(url),
            Ok(_) => ("it has no host".to_owned(), "write it as nats://host:4222"),
            Err(error) => (error.to_string(), "write it as nats://host:4222"),
        };
        let message = format!("{} is not a NATS URL: {why}", value.place.path);
        self.problems
            .push(Problem::error(&value.place, message).with_help(help));
        None
    }

    fn nats_credentials(&mut self, credentials: &nats_source::Credentials) -> Option<NatsCredentials> {
        match credentials {
            nats_source::Credentials::UserPassword { user, password } => {
                let (user, password) = (self.text(user), self.secret(password));
                Some(NatsCredentials::UserPassword {
                    user: user?,
                    password: password?,
                })
            }
            nats_source::Credentials::Token(token) => self.secret(token).map(NatsCredentials::Token),
            nats_source::Credentials::Creds(creds) => self.secret(creds).map(NatsCredentials::Creds),
        }
    }
}

/// What is not there is fine; what is there and failed is not.
fn all_or_none<T>(read: Option<Option<T>>) -> Option<Option<T>> {
    match read {
        None => Some(None),
        Some(value) => value.map(Some),
    }
}

fn nats_feed(feed: &Feed) -> NatsFeed {
    match feed {
        Feed::Subject { subject, queue_group } => NatsFeed::Subject {
            subject: subject.value.clone(),
            queue_group: queue_group.clone(),
        },
        Feed::JetStream(JetStream {
            stream,
            consumer,
            filter_subject,
            start,
            ack_wait,
            ack_pending_max,
        }) => NatsFeed::JetStream {
            stream: stream.value.clone(),
            consumer: consumer.as_ref().map(|consumer| consumer.value.clone()),
            filter_subject: filter_subject.clone(),
            start: match start {
                JetStreamStart::All => NatsStart::All,
                JetStreamStart::Last => NatsStart::Last,
                JetStreamStart::New => NatsStart::New,
                JetStreamStart::Sequence(sequence) => NatsStart::Sequence(*sequence),
                JetStreamStart::Time(time) => NatsStart::Time(*time),
            },
            ack_wait: *ack_wait,
            ack_pending_max: *ack_pending_max,
        },
    }
}
