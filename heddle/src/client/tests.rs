use super::*;

#[test]
fn a_base_is_a_plain_http_url_with_or_without_scheme_and_slash() {
    for (base, expected) in [
        ("http://127.0.0.1:9090", Some("http://127.0.0.1:9090")),
        ("http://127.0.0.1:9090/", Some("http://127.0.0.1:9090")),
        ("localhost:9090", Some("http://localhost:9090")),
        ("https://example.com", None),
        ("ftp://example.com", None),
        ("http://", None),
    ] {
        assert_eq!(check_base(base).ok().as_deref(), expected, "{base}");
    }
}

#[test]
fn a_complaint_is_the_servers_detail_when_there_is_one() {
    let problem = |body: &'static str, content_type: &'static str| {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        Answer {
            status: StatusCode::NOT_FOUND,
            headers,
            body: Bytes::from_static(body.as_bytes()),
            had_token: false,
        }
        .complaint()
    };
    assert_eq!(
        problem(r#"{"title":"t","detail":"d"}"#, "application/problem+json"),
        "d"
    );
    assert_eq!(problem(r#"{"title":"t"}"#, "application/problem+json"), "t");
    assert_eq!(problem("<html>", "text/html"), "it answered 404 Not Found");
}

#[tokio::test]
async fn nobody_listening_is_an_io_failure_that_asks_whether_heddle_runs() {
    let free = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap();
    let client = Client::new(&format!("http://{free}"), None).unwrap();
    let failure = client.get_document("/healthz", Duration::ZERO).await.unwrap_err();
    assert_eq!(failure.exit(), Exit::Io);
    assert!(
        failure.to_string().contains("is heddle running there?"),
        "{failure}"
    );
}
