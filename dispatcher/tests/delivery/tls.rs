//! https endpoints: a private authority is believed where it was named, and nowhere else.

use std::sync::Arc;

use dispatcher::{HttpSink, Sink};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::TlsAcceptor;

use crate::engine::{FakeEngine, Settled};
use crate::fixture::{event, start, trigger};
use crate::sink::{TestSink, status};

/// An authority of its own: its certificate in PEM, and a server that has one from it for `host`.
fn authority(host: &str, protocols: &[&str]) -> (String, TlsAcceptor) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec![host.to_owned()]).unwrap();
    let certificate = params.signed_by(&key, &issuer).unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    config.alpn_protocols = protocols
        .iter()
        .map(|protocol| protocol.as_bytes().to_vec())
        .collect();
    (issuer.pem(), TlsAcceptor::from(Arc::new(config)))
}

fn to(sink: &TestSink, ca_certs_pem: Option<String>) -> Sink {
    let url = format!("https://localhost:{}/in", sink.port).parse().unwrap();
    Sink::Http(HttpSink {
        ca_certs_pem,
        ..HttpSink::new("sink", url)
    })
}

#[tokio::test]
async fn cacerts_are_believed_over_http_1_and_2() {
    for (protocols, version) in [
        (&[][..], "HTTP/1.1"),
        (&["http/1.1"][..], "HTTP/1.1"),
        (&["h2"][..], "HTTP/2.0"),
    ] {
        let (pem, acceptor) = authority("localhost", protocols);
        let (engine, sink) = (FakeEngine::new(), TestSink::tls(acceptor, status(200)).await);
        let _dispatcher = start(&engine, vec![trigger("t", to(&sink, Some(pem)))]).await;
        engine.publish(event("1", "order.placed")).await;
        let log = engine.settled("default/t", 1).await;
        assert!(
            matches!(log[0], Settled::Delivered { .. }),
            "{protocols:?}: {log:?}"
        );
        let request = sink.received().pop().unwrap();
        assert_eq!(format!("{:?}", request.version), version);
        assert_eq!(
            (request.header("ce-id"), request.header("content-length")),
            ("1", "10")
        );
    }
}

#[tokio::test]
async fn a_server_that_nobody_vouches_for_gets_nothing() {
    let (pem, acceptor) = authority("localhost", &[]);
    let (other, _) = authority("localhost", &[]);
    let (misnamed_pem, misnamed) = authority("elsewhere", &[]);
    let sink = TestSink::tls(acceptor, status(200)).await;
    let wrong_name = TestSink::tls(misnamed, status(200)).await;
    for (name, subscriber) in [
        ("system", to(&sink, None)),
        ("other", to(&sink, Some(other))),
        ("misnamed", to(&wrong_name, Some(misnamed_pem))),
    ] {
        let engine = FakeEngine::new();
        let _dispatcher = start(&engine, vec![trigger(name, subscriber)]).await;
        engine.publish(event("1", "order.placed")).await;
        let log = engine.settled(&format!("default/{name}"), 1).await;
        let failure = log[0].failure();
        assert_eq!(failure.code, None, "{name}: {failure:?}");
        assert!(
            failure.message.contains("certificate"),
            "{name}: {}",
            failure.message
        );
    }
    assert!(sink.received().is_empty() && wrong_name.received().is_empty());
    assert!(pem.contains("BEGIN CERTIFICATE"));
}
