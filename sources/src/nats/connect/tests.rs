//! Which specifications are refused before a connection is tried, and that a login never shows.

use super::*;
use crate::secret::Secret;

fn spec(server: &str, subject: &str) -> NatsSpec {
    NatsSpec {
        servers: vec![server.to_owned()],
        auth: NatsAuth::None,
        tls: None,
        mode: NatsMode::Core {
            subject: subject.to_owned(),
            queue_group: None,
        },
        ty: None,
        source: None,
        subject: None,
    }
}

#[test]
fn subjects_and_servers_are_checked() {
    for (server, subject, legal) in [
        ("nats://localhost:4222", "orders", true),
        ("localhost:4222", "orders.*.new.>", true),
        ("tls://u:p@nats.example", ">", true),
        ("http://localhost", "orders", false),
        ("localhost", "", false),
        ("localhost", "a..b", false),
        ("localhost", "a b", false),
        ("localhost", "a.>.b", false),
    ] {
        assert_eq!(
            validate(&spec(server, subject)).is_ok(),
            legal,
            "{server} {subject}"
        );
    }
    assert_eq!(
        validate(&NatsSpec {
            servers: vec![],
            ..spec("", "a")
        }),
        Err(NatsSpecError::NoServers)
    );
}

#[test]
fn a_login_in_a_url_does_not_show() {
    let error = validate(&spec("http://user:hunter2@host", "a"))
        .expect_err("not a NATS URL")
        .to_string();
    assert!(
        error.contains("http://host") && !error.contains("hunter2"),
        "{error}"
    );
    assert_eq!(
        authority(&spec("nats://user:hunter2@host:4333", "a")),
        "host:4333"
    );
}

#[test]
fn half_a_certificate_and_a_pem_without_one_are_refused() {
    let with = |tls: NatsTls| {
        validate(&NatsSpec {
            tls: Some(tls),
            ..spec("localhost", "a")
        })
    };
    let no_key = NatsTls {
        certificate: Some("x".into()),
        ..NatsTls::default()
    };
    assert_eq!(with(no_key), Err(NatsSpecError::HalfCertificate));
    let no_pem = NatsTls {
        ca: Some("x".into()),
        ..NatsTls::default()
    };
    assert!(matches!(
        with(no_pem),
        Err(NatsSpecError::Pem {
            what: "authority's certificate",
            ..
        })
    ));
}

#[test]
fn credentials_that_cannot_be_read_are_refused_without_showing_them() {
    let auth = NatsAuth::Credentials(Secret::new("hunter2"));
    let error = validate(&NatsSpec {
        auth,
        ..spec("localhost", "a")
    })
    .expect_err("no credentials");
    assert!(!format!("{error:?} {error}").contains("hunter2"), "{error}");
}

#[test]
fn pauses_between_connections_double_to_a_cap() {
    let pauses: Vec<u128> = [1, 2, 3, 100, usize::MAX]
        .map(|attempt| reconnect_pause(attempt).as_millis())
        .into();
    assert_eq!(pauses, [250, 500, 1_000, 30_000, 30_000]);
}
