use super::*;
use crate::testing::name;
use crate::transport::client::HttpTransport;

fn sink(url: &str) -> HttpSink {
    HttpSink::new("sink", url.parse().unwrap())
}

fn target(sink: &HttpSink) -> Result<HttpTarget, SinkError> {
    HttpTarget::new(
        sink,
        &name("shop/orders"),
        &Sender::Trigger,
        &HttpTransport::default(),
    )
}

#[test]
fn user_information_becomes_basic_authorization_and_no_secret_is_shown() {
    let target = target(&sink(
        "http://us%65r:p%40ss:w@host:8080/path?q=1&access_token=s3cret&X-Sig=abc",
    ))
    .unwrap();
    assert_eq!(
        target.url,
        "http://host:8080/path?q=1&access_token=s3cret&X-Sig=abc"
    );
    assert_eq!(
        &*target.destination,
        "http://host:8080/path?q=1&access_token=***&X-Sig=***"
    );
    let authorization = &target.headers[header::AUTHORIZATION];
    assert_eq!(
        authorization,
        &format!("Basic {}", STANDARD.encode("user:p@ss:w"))
    );
    assert!(authorization.is_sensitive());
}

#[test]
fn a_configured_authorization_wins_over_user_information() {
    let mut sink = sink("http://user@host/");
    sink.headers
        .push((header::AUTHORIZATION, HeaderValue::from_static("Bearer t")));
    assert_eq!(target(&sink).unwrap().headers[header::AUTHORIZATION], "Bearer t");
}

#[test]
fn only_absolute_http_urls_are_endpoints() {
    for url in ["/path", "host:80", "ftp://host/"] {
        assert!(matches!(target(&sink(url)), Err(SinkError::Url { .. })), "{url}");
    }
}

#[test]
fn an_address_in_brackets_is_a_host() {
    let target = target(&sink("http://user:p@[::1]:8080/in")).unwrap();
    assert_eq!(target.url, "http://[::1]:8080/in");
}

#[test]
fn headers_that_are_written_for_each_event_cannot_be_configured() {
    for header in [
        "ce-id",
        "ce-anything",
        "content-type",
        "content-length",
        "prefer",
        "kn-namespace",
        "traceparent",
    ] {
        let mut sink = sink("http://host/");
        sink.headers
            .push((HeaderName::from_static(header), HeaderValue::from_static("x")));
        let error = target(&sink).unwrap_err();
        assert_eq!(
            error,
            SinkError::Header {
                label: "sink".to_owned(),
                header: header.to_owned()
            }
        );
    }
}

#[test]
fn a_header_given_twice_is_sent_once_with_the_last_value() {
    let mut sink = sink("http://host/");
    for value in ["a", "b"] {
        sink.headers
            .push((HeaderName::from_static("x-key"), HeaderValue::from_static(value)));
    }
    assert_eq!(
        target(&sink)
            .unwrap()
            .headers
            .get_all("x-key")
            .iter()
            .collect::<Vec<_>>(),
        ["b"]
    );
}

#[test]
fn certificates_that_cannot_be_read_stop_the_start() {
    let no_certificate = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for pem in ["", "not a certificate", no_certificate] {
        let sink = HttpSink {
            ca_certs_pem: Some(pem.to_owned()),
            ..sink("https://host/")
        };
        assert!(matches!(target(&sink), Err(SinkError::Trust { .. })), "{pem:?}");
    }
}

#[test]
fn debug_output_shows_no_secret() {
    let mut sink = sink("http://user:secret@host/?token=secret");
    sink.headers.push((
        HeaderName::from_static("x-key"),
        HeaderValue::from_static("secret"),
    ));
    assert!(!format!("{:?}", Sink::Http(sink)).contains("secret"));
}
