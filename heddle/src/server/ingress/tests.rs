use axum::body::Body;
use broker::Start;
use broker::embedded::{Options, TailItem};
use http::header::RETRY_AFTER;
use http_body_util::BodyExt;
use schemas::codec::BATCH_JSON;
use serde_json::Value;
use tempfile::TempDir;

use super::*;
use crate::metrics::Metrics;

/// An ingress on an engine of its own, with the broker `default/default`.
struct Mesh {
    engine: Embedded,
    admission: Admission,
    ingress: Ingress,
    _folder: TempDir,
}

impl Mesh {
    async fn start() -> Self {
        Self::guarded(Guard::Open).await
    }

    async fn guarded(guard: Guard) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut options = Options::new(folder.path());
        options.segment_bytes = 8 << 20;
        let (engine, _) = Embedded::open(options).await.expect("a new data directory");
        let broker = ResourceName::new("default", "default").expect("a legal name");
        let earlier = ResourceName::new("default", "earlier").expect("a legal name");
        for broker in [&broker, &earlier] {
            engine.declare(broker).await.expect("a healthy disk");
        }
        let admission = Admission::new(16 << 20);
        let parts = Parts {
            engine: engine.clone(),
            admission: admission.clone(),
            brokers: BTreeSet::from([broker]),
            webhooks: Webhooks::default(),
            limits: Limits::default(),
            schemas: SchemaGate::default(),
            guard,
            metrics: IngressMetrics::new(&Metrics::new()),
        };
        Self {
            engine,
            admission,
            ingress: Ingress::new(parts),
            _folder: folder,
        }
    }

    async fn send(&self, request: Request<Body>) -> Response {
        self.ingress.answer(request).await
    }

    /// The status and the problem of an answer.
    async fn refused(&self, request: Request<Body>) -> (u16, Value) {
        let answer = self.send(request).await;
        let status = answer.status().as_u16();
        assert_eq!(
            answer.headers()[CONTENT_TYPE],
            "application/problem+json",
            "{status}"
        );
        let body = answer.into_body().collect().await.expect("a body").to_bytes();
        (status, serde_json::from_slice(&body).expect("a problem is JSON"))
    }

    /// The next event that was stored, from the first on.
    async fn first_event(&self) -> Arc<broker::Stored> {
        let broker = ResourceName::new("default", "default").expect("a legal name");
        let mut tail = self
            .engine
            .tail(&broker, Start::Earliest)
            .await
            .expect("a place")
            .expect("the broker is declared");
        match tail.next().await {
            Some(TailItem::Event(stored)) => stored,
            _ => panic!("an event is stored"),
        }
    }

    fn last_sequence(&self) -> u64 {
        self.engine
            .brokers()
            .iter()
            .map(|broker| broker.last_sequence)
            .max()
            .unwrap_or_default()
    }
}

fn binary(path: &str) -> http::request::Builder {
    let event = [
        ("ce-specversion", "1.0"),
        ("ce-id", "1"),
        ("ce-source", "/s"),
        ("ce-type", "t"),
    ];
    let builder = Request::builder().method(Method::POST).uri(path);
    event
        .into_iter()
        .fold(builder, |builder, (name, value)| builder.header(name, value))
}

fn posted(content_type: &str, body: impl Into<Body>) -> Request<Body> {
    let builder = Request::builder().method(Method::POST).uri("/default/default");
    builder
        .header(CONTENT_TYPE, content_type)
        .body(body.into())
        .expect("a request")
}

#[tokio::test]
async fn an_event_is_stored_before_it_is_answered_202() {
    let mesh = Mesh::start().await;
    for path in ["/default/default", "/default/default/"] {
        let before = mesh.last_sequence();
        let answer = mesh.send(binary(path).body(Body::from("{}")).unwrap()).await;
        assert_eq!(answer.status(), StatusCode::ACCEPTED, "{path}");
        assert_eq!(mesh.last_sequence(), before + 1, "{path}");
    }
    assert_eq!(mesh.admission.bytes_free(), 16 << 20, "permits come back");
}

#[tokio::test]
async fn the_loop_guards_extension_becomes_metadata() {
    let mesh = Mesh::start().await;
    let request = binary("/default/default")
        .header("ce-knativebrokerttl", "7")
        .body(Body::empty())
        .unwrap();
    assert_eq!(mesh.send(request).await.status(), StatusCode::ACCEPTED);
    let stored = mesh.first_event().await;
    assert_eq!(stored.hops, 7);
    assert!(stored.event.attribute("knativebrokerttl").is_none());
    let request = binary("/default/default")
        .header("ce-knativebrokerttl", "0")
        .body(Body::empty())
        .unwrap();
    let (status, problem) = mesh.refused(request).await;
    assert_eq!((status, &problem["at"]), (400, &Value::from("knativebrokerttl")));
}

#[tokio::test]
async fn a_batch_is_all_or_nothing_and_an_empty_one_is_fine() {
    let mesh = Mesh::start().await;
    let good = r#"{"specversion":"1.0","id":"1","source":"/s","type":"t"}"#;
    let bad = r#"{"specversion":"1.0","id":"1","type":"t"}"#;
    assert_eq!(
        mesh.send(posted(BATCH_JSON, "[]")).await.status(),
        StatusCode::ACCEPTED
    );
    let (status, problem) = mesh.refused(posted(BATCH_JSON, format!("[{good},{bad}]"))).await;
    assert_eq!(
        (status, &problem["index"], &problem["at"]),
        (400, &1.into(), &"source".into())
    );
    assert_eq!(mesh.last_sequence(), 0);
    assert_eq!(
        mesh.send(posted(BATCH_JSON, format!("[{good},{good}]")))
            .await
            .status(),
        StatusCode::ACCEPTED
    );
    assert_eq!(mesh.last_sequence(), 2);
}

#[tokio::test]
async fn an_event_that_was_stored_is_accepted_and_said_to_be_and_another_of_its_id_is_409() {
    let mesh = Mesh::start().await;
    let broker = ResourceName::new("default", "default").expect("a legal name");
    mesh.engine
        .set_dedupe(&broker, Some(std::time::Duration::from_secs(60)));
    let batch = |ids: &[(&str, u8)]| {
        let events: Vec<_> = ids
            .iter()
            .map(|(id, data)| {
                format!(r#"{{"specversion":"1.0","id":"{id}","source":"/s","type":"t","data":{data}}}"#)
            })
            .collect();
        let request = Request::post("/default/default").header(CONTENT_TYPE, BATCH_JSON);
        request
            .body(Body::from(format!("[{}]", events.join(","))))
            .expect("a request")
    };
    let first = mesh.send(batch(&[("a", 1), ("b", 1)])).await;
    assert_eq!(
        (first.status(), first.headers().get(DEDUPLICATED)),
        (StatusCode::ACCEPTED, None)
    );
    let again = mesh.send(batch(&[("a", 1), ("c", 1), ("b", 1)])).await;
    assert_eq!(again.status(), StatusCode::ACCEPTED);
    assert_eq!(again.headers()[DEDUPLICATED], "2");
    let (status, problem) = mesh.refused(batch(&[("d", 1), ("c", 2)])).await;
    assert_eq!(status, 409);
    assert_eq!(problem["type"], "urn:heddle:problem:conflict");
    assert_eq!((&problem["index"], &problem["at"]), (&1.into(), &"id".into()));
    let tally = &mesh.engine.tallies()[0].1;
    assert_eq!((tally.received, tally.stored, tally.deduplicated), (7, 3, 2));
    assert_eq!(
        tally.rejected.iter().sum::<u64>(),
        2,
        "a conflict refuses its whole batch"
    );
}

#[tokio::test]
async fn a_batch_may_be_larger_than_one_event() {
    let mesh = Mesh::start().await;
    let event = format!(
        r#"{{"specversion":"1.0","id":"1","source":"/s","type":"t","data":"{}"}}"#,
        "x".repeat(700_000)
    );
    let batch = format!("[{event},{event}]");
    assert_eq!(
        mesh.send(posted("Application/CloudEvents-Batch+JSON", batch))
            .await
            .status(),
        StatusCode::ACCEPTED
    );
}

#[tokio::test]
async fn every_refusal_has_its_status_and_a_problem() {
    let mesh = Mesh::start().await;
    let request = |method: Method, path: &str| {
        Request::builder()
            .method(method)
            .uri(path)
            .body(Body::empty())
            .expect("a request")
    };
    for (what, request, expected) in [
        ("no path", request(Method::POST, "/"), 404),
        ("one segment", request(Method::POST, "/default"), 404),
        ("three segments", request(Method::POST, "/default/default/x"), 404),
        ("no name", request(Method::POST, "/Default/default"), 404),
        (
            "an unknown broker",
            binary("/default/nobody").body(Body::empty()).unwrap(),
            404,
        ),
        (
            "a broker of an earlier configuration",
            binary("/default/earlier").body(Body::empty()).unwrap(),
            404,
        ),
        ("a method", request(Method::GET, "/default/default"), 405),
        ("no event", posted("application/json", "{}"), 400),
        ("a format", posted("application/cloudevents+avro", "x"), 415),
        (
            "a size",
            binary("/default/default")
                .body(Body::from(vec![0; (1 << 20) + 1]))
                .unwrap(),
            413,
        ),
    ] {
        let (status, problem) = mesh.refused(request).await;
        assert_eq!(status, expected, "{what}: {problem}");
        assert_eq!(problem["status"], expected, "{what}: {problem}");
        for member in ["type", "title", "detail"] {
            assert!(
                problem[member].as_str().is_some_and(|text| !text.is_empty()),
                "{what}: {problem}"
            );
        }
    }
    assert_eq!(mesh.last_sequence(), 0);
}

#[tokio::test]
async fn a_producer_that_finds_no_room_is_told_when_to_come_back() {
    let mesh = Mesh::start().await;
    let held = mesh.admission.try_admit(16 << 20).expect("an idle budget");
    let request = || {
        binary("/default/default")
            .body(Body::from("{}"))
            .expect("a request")
    };
    let answer = mesh.send(request()).await;
    assert_eq!(
        (answer.status(), &answer.headers()[RETRY_AFTER]),
        (StatusCode::TOO_MANY_REQUESTS, &"1".parse().unwrap())
    );
    drop(held);
    assert_eq!(mesh.send(request()).await.status(), StatusCode::ACCEPTED);
}

#[tokio::test]
async fn a_closed_engine_is_503_with_retry_after() {
    let mesh = Mesh::start().await;
    mesh.engine.close().await;
    let answer = mesh
        .send(binary("/default/default").body(Body::empty()).unwrap())
        .await;
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(answer.headers().contains_key(RETRY_AFTER));
}

#[tokio::test]
async fn the_webhook_handshake_needs_no_token_and_an_event_does() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, "s3cret").unwrap();
    let mesh = Mesh::guarded(Guard::Bearer(crate::token::Token::read(&file).unwrap())).await;
    let handshake = Request::builder()
        .method(Method::OPTIONS)
        .uri("/default/default")
        .body(Body::empty())
        .unwrap();
    let answer = mesh.send(handshake).await;
    assert_eq!(
        (answer.status(), &answer.headers()[ALLOW]),
        (StatusCode::OK, &"POST, OPTIONS".parse().unwrap())
    );
    assert_eq!(answer.headers()["webhook-allowed-origin"], "*");
    let (status, _) = mesh
        .refused(binary("/default/default").body(Body::empty()).unwrap())
        .await;
    assert_eq!(status, 401);
    let request = binary("/default/default")
        .header("authorization", "Bearer s3cret")
        .body(Body::empty())
        .unwrap();
    assert_eq!(mesh.send(request).await.status(), StatusCode::ACCEPTED);
}

#[test]
fn every_engine_error_has_its_status() {
    use broker::AppendError as Error;
    let broker = ResourceName::new("a", "b").unwrap();
    for (error, status, waits) in [
        (Error::UnknownBroker { broker }, 404, false),
        (
            Error::TooLarge {
                bytes: 2,
                bytes_max: 1,
            },
            413,
            false,
        ),
        (Error::Busy, 429, true),
        (Error::Closed, 503, true),
        (
            Error::Failed {
                reason: "EIO on /secret/path".into(),
            },
            503,
            true,
        ),
        (Error::NoSpace, 507, true),
    ] {
        let what = error.to_string();
        let problem = append_problem(error);
        assert_eq!(problem.kind.status().as_u16(), status, "{what}");
        assert_eq!(problem.retry_after_seconds.is_some(), waits, "{what}");
        assert!(
            !problem.detail.contains("/secret/path"),
            "the cause is for the log: {}",
            problem.detail
        );
    }
}
