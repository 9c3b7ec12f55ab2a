mod failing_disk;

use axum::body::Body;
use broker::embedded::Options;
use broker::{Admission, Batch, Engine, WallClock};
use dispatcher::Dispatcher;
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use schemas::event::Event;
use schemas::limits::Limits;
use schemas::names::ResourceName;
use serde_json::Value;
use tempfile::TempDir;
use tower::ServiceExt;

use super::*;
use crate::config::{load, resolve};
use crate::wiring::Wiring;

const MESH: &str = "
apiVersion: eventing.knative.dev/v1
kind: Broker
metadata: {name: default}
---
apiVersion: heddle.dev/v1
kind: Endpoint
metadata: {name: echo}
spec: {builtin: echo}
---
apiVersion: heddle.dev/v1
kind: Endpoint
metadata: {name: far}
spec: {url: 'http://user:secret@127.0.0.1:1/path'}
---
apiVersion: eventing.knative.dev/v1
kind: Trigger
metadata: {name: echo}
spec:
  broker: default
  subscriber: {ref: {apiVersion: heddle.dev/v1, kind: Endpoint, name: echo}}
---
apiVersion: eventing.knative.dev/v1
kind: Trigger
metadata: {name: far}
spec:
  broker: default
  subscriber: {ref: {apiVersion: heddle.dev/v1, kind: Endpoint, name: far}}
  delivery: {retry: 0}
---
apiVersion: sources.knative.dev/v1
kind: PingSource
metadata: {name: yearly}
spec:
  schedule: '0 0 1 1 *'
  sink: {uri: 'http://127.0.0.1:1/'}
";

/// An admin API over everything that [`MESH`] declares.
pub(super) struct Mesh {
    pub(super) engine: Embedded,
    phase: Phase,
    stop: CancellationToken,
    pub(super) router: Router,
    _dispatcher: Dispatcher,
    _folder: TempDir,
}

impl Mesh {
    pub(super) async fn start(guard: Guard) -> Self {
        Self::with(guard, |_| {}).await
    }

    /// The same, on an engine that is opened in another way.
    async fn with(guard: Guard, change: impl FnOnce(&mut Options)) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut options = Options::new(folder.path());
        options.segment_bytes = 8 << 20;
        change(&mut options);
        let (engine, _) = Embedded::open(options).await.expect("a new data directory");
        let plan = resolve::resolve(&load::from_texts([("mesh.yaml", MESH)]))
            .plan
            .expect("a valid mesh");
        let wiring = Wiring::of(&plan).expect("a valid mesh");
        for broker in &wiring.brokers {
            engine.declare(broker).await.expect("a healthy disk");
        }
        let metrics = Metrics::new();
        metrics.register_engine(engine.clone());
        let dispatcher = Dispatcher::start(
            dispatcher::Options::new(Arc::new(engine.clone())),
            wiring.triggers,
        );
        let dispatcher = dispatcher.await.expect("valid triggers");
        let source_options = ::sources::Options {
            engine: Arc::new(engine.clone()),
            admission: Admission::new(1 << 20),
            clock: Arc::new(WallClock),
            limits: Limits::default(),
            schemas: SchemaGate::default(),
            metrics: metrics.register(::sources::Metrics::register),
            random_seed: 1,
        };
        let (phase, stop) = (Phase::default(), CancellationToken::new());
        let parts = Parts {
            engine: engine.clone(),
            dispatcher: dispatcher.handle(),
            sources: Sources::start(source_options, wiring.sources).expect("valid sources"),
            catalogue: wiring.catalogue,
            schemas: SchemaGate::default(),
            metrics,
            phase: phase.clone(),
            ingress: "http://127.0.0.1:8080".to_owned(),
            guard,
            stop: stop.clone(),
        };
        let router = Admin::new(parts).router();
        Self {
            engine,
            phase,
            stop,
            router,
            _dispatcher: dispatcher,
            _folder: folder,
        }
    }

    async fn store(&self, id: &str, data: &str) {
        let builder = Event::builder()
            .id(id)
            .source("/s")
            .ty("t")
            .data_content_type("application/json");
        let event = builder.json(data.to_owned()).build().expect("a valid event");
        let broker = ResourceName::new("default", "default").expect("a legal name");
        let batch = Batch {
            events: vec![event],
            quarantined: Vec::new(),
            hops: 255,
            source_state: None,
            permit: None,
        };
        self.engine.append(&broker, batch).await.expect("a healthy disk");
    }

    async fn get(&self, path: &str) -> Response {
        let request = Request::get(path).body(Body::empty()).expect("a request");
        self.router
            .clone()
            .oneshot(request)
            .await
            .expect("a router never fails")
    }

    /// Posts a JSON body as a client of the API does.
    pub(super) async fn post(&self, path: &str, body: &str) -> (StatusCode, Value) {
        let request = Request::post(path).header(CONTENT_TYPE, "application/json");
        let request = request.body(Body::from(body.to_owned())).expect("a request");
        let answer = self.router.clone().oneshot(request).await;
        Self::read(path, answer.expect("a router never fails")).await
    }

    pub(super) async fn json(&self, path: &str) -> (StatusCode, Value) {
        Self::read(path, self.get(path).await).await
    }

    /// A document that is no JSON.
    pub(super) async fn text(&self, path: &str) -> String {
        let body = self.get(path).await.into_body().collect().await.expect("a body");
        String::from_utf8(body.to_bytes().to_vec()).expect("text is UTF-8")
    }

    async fn read(path: &str, answer: Response) -> (StatusCode, Value) {
        let status = answer.status();
        let body = answer.into_body().collect().await.expect("a body").to_bytes();
        (
            status,
            serde_json::from_slice(&body).unwrap_or_else(|error| panic!("{path}: {error}: {body:?}")),
        )
    }
}

fn names(list: &Value) -> Vec<String> {
    let items = list["items"].as_array().expect("a list has items");
    items
        .iter()
        .map(|item| item["name"].as_str().expect("an item has a name").to_owned())
        .collect()
}

#[tokio::test]
async fn lists_show_what_was_declared_and_what_heddle_made_on_request_alone() {
    let mesh = Mesh::start(Guard::Open).await;
    for (path, expected) in [
        ("/api/v1/brokers", vec!["default"]),
        (
            "/api/v1/brokers?all=true",
            vec!["default", "pingsource.default.yearly"],
        ),
        ("/api/v1/triggers", vec!["echo", "far"]),
        (
            "/api/v1/triggers?all=true",
            vec!["echo", "far", "pingsource.default.yearly"],
        ),
        ("/api/v1/sources", vec!["yearly"]),
        // The pings go to a URL that has no name.
        ("/api/v1/endpoints", vec!["echo", "far", "http://127.0.0.1:1/"]),
    ] {
        let (status, list) = mesh.json(path).await;
        assert_eq!(
            (status, names(&list)),
            (StatusCode::OK, expected.into_iter().map(String::from).collect()),
            "{path}"
        );
    }
}

#[tokio::test]
async fn no_secret_of_an_endpoint_is_shown() {
    let mesh = Mesh::start(Guard::Open).await;
    let (_, endpoint) = mesh.json("/api/v1/endpoints/default/far").await;
    assert_eq!(endpoint["target"], "http://127.0.0.1:1/path");
}

#[tokio::test]
async fn waiting_for_idle_answers_when_all_is_delivered() {
    let mesh = Mesh::start(Guard::Open).await;
    mesh.store("1", "{}").await;
    let (status, trigger) = mesh.json("/api/v1/triggers/default/echo?wait-idle=30s").await;
    assert_eq!(
        (status, &trigger["delivered"], &trigger["idle"]),
        (StatusCode::OK, &1.into(), &true.into()),
        "{trigger}"
    );
}

#[tokio::test]
async fn what_cannot_be_delivered_is_listed_and_shown_byte_for_byte() {
    let mesh = Mesh::start(Guard::Open).await;
    mesh.store("dead", r#"{"n": 1.10,"z":[ ]}"#).await;
    mesh.json("/api/v1/triggers/default/far?wait-idle=30s").await;
    let (_, list) = mesh.json("/api/v1/dead-letters?trigger=default%2Ffar").await;
    let letter = &list["items"][0];
    assert_eq!(
        (&letter["reason"], &letter["eventId"]),
        (&"retries-exhausted".into(), &"dead".into()),
        "{list}"
    );
    let id = letter["id"].as_str().expect("a letter has an id");
    let answer = mesh.get(&format!("/api/v1/dead-letters/{id}")).await;
    let body = answer.into_body().collect().await.expect("a body").to_bytes();
    let text = String::from_utf8(body.to_vec()).expect("JSON is UTF-8");
    assert!(text.contains(r#"{"n": 1.10,"z":[ ]}"#), "{text}");
    let (_, none) = mesh.json("/api/v1/dead-letters?reason=loop").await;
    assert_eq!(none["items"], serde_json::json!([]));
}

#[tokio::test]
async fn mistakes_in_a_request_are_problems() {
    let mesh = Mesh::start(Guard::Open).await;
    for (path, expected) in [
        ("/", StatusCode::NOT_FOUND),
        ("/api/v1/brokers/default/nobody", StatusCode::NOT_FOUND),
        ("/api/v1/brokers/default/nobody/tail", StatusCode::NOT_FOUND),
        ("/api/v1/triggers/default/nobody", StatusCode::NOT_FOUND),
        ("/api/v1/triggers/Default/nobody", StatusCode::NOT_FOUND),
        ("/api/v1/endpoints/default/nobody", StatusCode::NOT_FOUND),
        ("/api/v1/sources/default/nobody", StatusCode::NOT_FOUND),
        ("/api/v1/dead-letters/1-2-3", StatusCode::NOT_FOUND),
        ("/api/v1/dead-letters?reason=bored", StatusCode::BAD_REQUEST),
        ("/api/v1/dead-letters?colour=red", StatusCode::BAD_REQUEST),
        (
            "/api/v1/triggers/default/echo?wait-idle=soon",
            StatusCode::BAD_REQUEST,
        ),
        (
            "/api/v1/brokers/default/default/tail?from=middle",
            StatusCode::BAD_REQUEST,
        ),
    ] {
        let (status, problem) = mesh.json(path).await;
        assert_eq!(status, expected, "{path}: {problem}");
        assert_eq!(problem["status"], expected.as_u16(), "{path}: {problem}");
    }
    let request = Request::delete("/api/v1/triggers").body(Body::empty()).unwrap();
    let answer = mesh.router.clone().oneshot(request).await.unwrap();
    assert_eq!(
        (answer.status(), &answer.headers()["allow"]),
        (StatusCode::METHOD_NOT_ALLOWED, &"GET, HEAD".parse().unwrap())
    );
}

#[tokio::test]
async fn readiness_follows_the_phase_and_storage() {
    let mesh = Mesh::start(Guard::Open).await;
    assert_eq!(mesh.get("/healthz").await.status(), StatusCode::OK);
    assert_eq!(
        mesh.get("/readyz").await.status(),
        StatusCode::SERVICE_UNAVAILABLE
    );
    mesh.phase.running();
    assert_eq!(mesh.get("/readyz").await.status(), StatusCode::OK);
    mesh.engine.close().await;
    let (status, readiness) = mesh.json("/readyz").await;
    assert_eq!(
        (status, readiness["reasons"].as_array().map(Vec::len)),
        (StatusCode::SERVICE_UNAVAILABLE, Some(1))
    );
}

#[tokio::test]
async fn a_guarded_api_asks_for_its_token_and_probes_stay_open() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, "s3cret").unwrap();
    let mesh = Mesh::start(Guard::Bearer(crate::token::Token::read(&file).unwrap())).await;
    for (path, expected) in [
        ("/healthz", StatusCode::OK),
        ("/readyz", StatusCode::SERVICE_UNAVAILABLE),
        ("/metrics", StatusCode::UNAUTHORIZED),
        ("/api/v1/brokers", StatusCode::UNAUTHORIZED),
        ("/anything", StatusCode::UNAUTHORIZED),
    ] {
        assert_eq!(mesh.get(path).await.status(), expected, "{path}");
    }
}

#[tokio::test]
async fn metrics_are_prometheus_text_and_count_brokers_and_triggers() {
    let mesh = Mesh::start(Guard::Open).await;
    mesh.store("1", "{}").await;
    let answer = mesh.get("/metrics").await;
    assert_eq!(
        answer.headers()[CONTENT_TYPE],
        "text/plain; version=0.0.4; charset=utf-8"
    );
    let body = answer.into_body().collect().await.expect("a body").to_bytes();
    let text = String::from_utf8(body.to_vec()).expect("metrics are text");
    assert!(
        text.contains("# TYPE heddle_broker_events_total counter\n"),
        "{text}"
    );
    assert!(!text.contains("# EOF") && !text.contains("# UNIT"), "{text}");
    assert!(!text.contains("heddle_heddle"), "{text}");
    assert!(
        text.contains("heddle_broker_events_total{broker=\"default/default\"} 1"),
        "{text}"
    );
    assert!(
        text.contains("heddle_trigger_backlog{trigger=\"default/echo\"}"),
        "{text}"
    );
}

#[tokio::test]
async fn a_tail_is_a_line_an_event_and_ends_when_heddle_stops() {
    let mesh = Mesh::start(Guard::Open).await;
    mesh.store("1", "{\n\"n\": 1.10\n}").await;
    let mut body = mesh
        .get("/api/v1/brokers/default/default/tail?from=earliest")
        .await
        .into_body();
    let line = body
        .frame()
        .await
        .expect("a line")
        .expect("without an error")
        .into_data()
        .expect("of data");
    assert_eq!(line.iter().filter(|&&byte| byte == b'\n').count(), 1, "{line:?}");
    let line: Value = serde_json::from_slice(&line).expect("a line is JSON");
    assert_eq!(
        (&line["sequence"], &line["event"]["id"]),
        (&1.into(), &"1".into())
    );
    mesh.stop.cancel();
    assert!(body.frame().await.is_none());
}

#[tokio::test]
async fn a_trigger_is_paused_with_a_reason_shown_everywhere_and_resumed() {
    let mesh = Mesh::start(Guard::Open).await;
    let path = "/api/v1/triggers/default/echo";
    let (status, trigger) = mesh
        .post(&format!("{path}/pause"), r#"{"reason":"repairs"}"#)
        .await;
    assert_eq!(status, StatusCode::OK, "{trigger}");
    mesh.store("1", "{}").await;
    let (_, trigger) = mesh.json(path).await;
    assert_eq!(
        (
            &trigger["paused"]["by"],
            &trigger["paused"]["reason"],
            &trigger["conditions"][0]["reason"]
        ),
        (&"operator".into(), &"repairs".into(), &"Paused".into()),
        "{trigger}"
    );
    let metrics = mesh.text("/metrics").await;
    assert!(
        metrics.contains("heddle_trigger_paused{trigger=\"default/echo\"} 1"),
        "{metrics}"
    );
    let (_, readiness) = mesh.json("/readyz").await;
    assert!(
        readiness["warnings"][0]
            .as_str()
            .is_some_and(|warning| warning.contains("repairs")),
        "{readiness}"
    );

    let (status, trigger) = mesh.post(&format!("{path}/resume"), "").await;
    assert_eq!(
        (status, trigger.get("paused")),
        (StatusCode::OK, None),
        "{trigger}"
    );
    let (_, trigger) = mesh.json(&format!("{path}?wait-idle=30s")).await;
    assert_eq!(trigger["delivered"], 1, "{trigger}");
}

#[tokio::test]
async fn commands_refuse_what_they_do_not_know() {
    let mesh = Mesh::start(Guard::Open).await;
    for (path, body, expected) in [
        (
            "/api/v1/triggers/default/nobody/pause",
            "{}",
            StatusCode::NOT_FOUND,
        ),
        (
            "/api/v1/triggers/default/echo/pause",
            r#"{"why":"x"}"#,
            StatusCode::BAD_REQUEST,
        ),
        (
            "/api/v1/triggers/default/echo/resume",
            r#"{"reason":"x"}"#,
            StatusCode::BAD_REQUEST,
        ),
        (
            "/api/v1/triggers/default/echo/pause",
            "[",
            StatusCode::BAD_REQUEST,
        ),
    ] {
        let (status, problem) = mesh.post(path, body).await;
        assert_eq!(status, expected, "{path} {body}: {problem}");
    }
    let (_, trigger) = mesh.json("/api/v1/triggers/default/echo").await;
    assert_eq!(trigger.get("paused"), None, "{trigger}");
}
