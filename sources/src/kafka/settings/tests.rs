//! Which settings reach librdkafka, and which are refused.

use super::super::{InitialOffset, KeyType, Ordering};
use super::*;
use crate::secret::Secret;
use crate::testing::name;

fn spec() -> KafkaSpec {
    KafkaSpec {
        bootstrap_servers: vec!["a:9092".into(), "b:9092".into()],
        topics: vec!["orders".into()],
        consumer_group: None,
        initial_offset: InitialOffset::Latest,
        consumers: 1,
        ordering: Ordering::Ordered,
        key_type: KeyType::Text,
        sasl: None,
        tls: None,
    }
}

fn sasl(mechanism: SaslMechanism) -> Option<SaslSpec> {
    Some(SaslSpec {
        mechanism,
        user: "u".into(),
        password: Secret::new("p"),
    })
}

#[test]
fn offsets_move_by_our_hand_only_and_the_group_is_stable() {
    let config = client_config(&spec(), &name("shop/in.take"));
    for (setting, wanted) in [
        ("bootstrap.servers", "a:9092,b:9092"),
        ("group.id", "knative-kafka-source-shop.in.take"),
        ("enable.auto.commit", "false"),
        ("enable.auto.offset.store", "false"),
        ("security.protocol", "plaintext"),
    ] {
        assert_eq!(config.get(setting), Some(wanted), "{setting}");
    }
}

#[test]
fn a_login_without_tls_works_in_every_build() {
    let spec = KafkaSpec {
        sasl: sasl(SaslMechanism::Plain),
        ..spec()
    };
    assert_eq!(validate(&spec), Ok(()));
    let config = client_config(&spec, &name("shop/intake"));
    assert_eq!(config.get("security.protocol"), Some("sasl_plaintext"));
    assert_eq!(config.get("sasl.mechanism"), Some("PLAIN"));
    assert_eq!(config.get("sasl.password"), Some("p"));
}

#[test]
fn what_cannot_work_is_refused_before_it_is_tried() {
    let half = TlsSpec {
        certificate: Some("pem".into()),
        ..TlsSpec::default()
    };
    let topic = "a/b".to_owned();
    for (spec, wanted) in [
        (
            KafkaSpec {
                bootstrap_servers: vec![],
                ..spec()
            },
            KafkaSpecError::NoServers,
        ),
        (
            KafkaSpec {
                topics: vec![],
                ..spec()
            },
            KafkaSpecError::NoTopics,
        ),
        (
            KafkaSpec {
                topics: vec![topic.clone()],
                ..spec()
            },
            KafkaSpecError::Topic(topic),
        ),
        (
            KafkaSpec {
                consumers: 0,
                ..spec()
            },
            KafkaSpecError::Consumers(0),
        ),
        (
            KafkaSpec {
                consumers: 65,
                ..spec()
            },
            KafkaSpecError::Consumers(65),
        ),
        (
            KafkaSpec {
                tls: Some(half),
                ..spec()
            },
            if HAS_TLS {
                KafkaSpecError::HalfCertificate
            } else {
                KafkaSpecError::NoTls
            },
        ),
    ] {
        assert_eq!(validate(&spec), Err(wanted));
    }
    let scram = validate(&KafkaSpec {
        sasl: sasl(SaslMechanism::ScramSha512),
        ..spec()
    });
    let wanted = if HAS_TLS {
        Ok(())
    } else {
        Err(KafkaSpecError::NoScram("SCRAM-SHA-512"))
    };
    assert_eq!(scram, wanted);
}
