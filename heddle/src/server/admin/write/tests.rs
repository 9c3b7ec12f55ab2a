use http::{Method, StatusCode};
use serde::Deserialize;

use super::*;

#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Body1 {
    #[serde(default)]
    reason: String,
}

async fn read_with(content_type: Option<&str>, body: &str) -> Result<Body1, StatusCode> {
    let mut request = Request::new(Body::from(body.to_owned()));
    *request.method_mut() = Method::POST;
    if let Some(content_type) = content_type {
        let value = content_type.parse().expect("a header value");
        request.headers_mut().insert(CONTENT_TYPE, value);
    }
    let read = Change::<Body1>::from_request(request, &()).await;
    read.map(|Change(body)| body)
        .map_err(|problem| problem.kind.status())
}

#[tokio::test]
async fn a_body_is_json_with_known_fields_and_none_stands_for_an_empty_object() {
    for (body, expected) in [
        ("", Ok("")),
        ("{}", Ok("")),
        (r#"{"reason":"later"}"#, Ok("later")),
        (r#"{"reasn":"later"}"#, Err(StatusCode::BAD_REQUEST)),
        ("{", Err(StatusCode::BAD_REQUEST)),
    ] {
        let expected = expected.map(|reason| Body1 {
            reason: reason.to_owned(),
        });
        assert_eq!(
            read_with(Some("application/json"), body).await,
            expected,
            "{body}"
        );
    }
}

#[tokio::test]
async fn what_a_browser_sends_across_sites_unasked_is_refused() {
    for content_type in [
        None,
        Some("text/plain"),
        Some("application/x-www-form-urlencoded"),
        Some("multipart/form-data; boundary=x"),
        Some("text/plain; application/json"),
    ] {
        assert_eq!(
            read_with(content_type, "{}").await,
            Err(StatusCode::UNSUPPORTED_MEDIA_TYPE),
            "{content_type:?}"
        );
    }
    assert!(
        read_with(Some("Application/JSON; charset=utf-8"), "{}")
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn a_body_over_the_limit_is_not_read_to_its_end() {
    let body = " ".repeat(limits::ADMIN_BODY_BYTES_MAX + 1);
    assert_eq!(
        read_with(Some("application/json"), &body).await,
        Err(StatusCode::PAYLOAD_TOO_LARGE)
    );
}
