use http::HeaderValue;

use super::*;

/// Sun, 06 Nov 1994 08:49:37 GMT, the RFC's example.
const NOW: Timestamp = Timestamp(784_111_777_000);

fn check(text: &str, expected: Option<u64>) {
    for status in [StatusCode::TOO_MANY_REQUESTS, StatusCode::SERVICE_UNAVAILABLE] {
        let mut headers = HeaderMap::new();
        headers.insert(header::RETRY_AFTER, HeaderValue::from_str(text).unwrap());
        let wait = retry_after(status, &headers, NOW);
        assert_eq!(
            wait,
            expected.map(Duration::from_secs),
            "{status}, Retry-After: {text}"
        );
    }
}

#[test]
fn seconds_are_read() {
    check("0", Some(0));
    check("120", Some(120));
    check(" 7 ", Some(7));
    check("99999999999999999999999", Some(u64::MAX));
}

#[test]
fn dates_are_read_in_all_three_formats() {
    check("Sun, 06 Nov 1994 08:50:37 GMT", Some(60));
    check("Sunday, 06-Nov-94 08:50:37 GMT", Some(60));
    check("Sun Nov  6 08:50:37 1994", Some(60));
}

#[test]
fn a_date_that_has_passed_is_no_wait() {
    check("Sun, 06 Nov 1994 08:48:37 GMT", Some(0));
}

#[test]
fn a_date_is_compared_with_that_of_the_answer() {
    // The endpoint's clock is a year behind.
    let mut headers = HeaderMap::new();
    headers.insert(
        header::RETRY_AFTER,
        HeaderValue::from_static("Sat, 06 Nov 1993 08:50:37 GMT"),
    );
    let asked = |headers: &HeaderMap| retry_after(StatusCode::SERVICE_UNAVAILABLE, headers, NOW);
    assert_eq!(asked(&headers), Some(Duration::ZERO));
    headers.insert(
        header::DATE,
        HeaderValue::from_static("Sat, 06 Nov 1993 08:49:37 GMT"),
    );
    assert_eq!(asked(&headers), Some(Duration::from_secs(60)));
    headers.insert(header::DATE, HeaderValue::from_static("yesterday"));
    assert_eq!(asked(&headers), Some(Duration::ZERO));
}

#[test]
fn what_cannot_be_read_is_no_wish() {
    for text in [
        "",
        "-1",
        "+1",
        "1.5",
        "soon",
        "1 minute",
        "Sun, 06 Foo 1994 08:50:37 GMT",
        "1994-11-06T08:50:37Z",
    ] {
        check(text, None);
    }
}

#[test]
fn other_answers_are_not_listened_to() {
    let mut headers = HeaderMap::new();
    headers.insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
    for status in [200, 301, 404, 408, 500, 502] {
        assert_eq!(
            retry_after(StatusCode::from_u16(status).unwrap(), &headers, NOW),
            None,
            "{status}"
        );
    }
    assert_eq!(
        retry_after(StatusCode::SERVICE_UNAVAILABLE, &HeaderMap::new(), NOW),
        None
    );
}
