//! Both servers on a disk that fails a sync: producers and probes are told, and nobody is told that all is well.

use broker::embedded::sim::{Operation, SimFs};

use super::*;
use crate::metrics::IngressMetrics;
use crate::server::ingress::{self, Ingress};

/// The ingress in front of a mesh's engine.
fn ingress_of(mesh: &Mesh) -> Ingress {
    let parts = ingress::Parts {
        engine: mesh.engine.clone(),
        admission: Admission::new(1 << 20),
        brokers: [ResourceName::new("default", "default").expect("a legal name")].into(),
        webhooks: ::sources::Webhooks::default(),
        limits: Limits::default(),
        schemas: SchemaGate::default(),
        guard: Guard::Open,
        metrics: IngressMetrics::new(&Metrics::new()),
    };
    Ingress::new(parts)
}

async fn publish(ingress: &Ingress, id: &str) -> (StatusCode, Value) {
    let request = Request::post("/default/default")
        .header("ce-specversion", "1.0")
        .header("ce-id", id)
        .header("ce-source", "/s")
        .header("ce-type", "t")
        .body(Body::empty())
        .expect("a request");
    let answer = ingress.answer(request).await;
    let status = answer.status();
    let body = answer.into_body().collect().await.expect("a body").to_bytes();
    (status, serde_json::from_slice(&body).unwrap_or_default())
}

#[tokio::test]
async fn after_a_failed_sync_producers_get_503_and_readiness_is_red_and_says_why() {
    let disk = SimFs::new();
    let on_disk = disk.clone();
    let mesh = Mesh::with(Guard::Open, |options| options.file_system = Arc::new(on_disk)).await;
    mesh.phase.running();
    let ingress = ingress_of(&mesh);
    assert_eq!(publish(&ingress, "1").await.0, StatusCode::ACCEPTED);
    assert_eq!(mesh.get("/readyz").await.status(), StatusCode::OK);

    disk.fail(Operation::Sync, ".seg", 1);
    for id in ["2", "3"] {
        let (status, problem) = publish(&ingress, id).await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "event {id}: {problem}");
        assert_eq!(problem["status"], 503, "{problem}");
    }
    let (status, readiness) = mesh.json("/readyz").await;
    assert_eq!(
        (status, &readiness["ready"]),
        (StatusCode::SERVICE_UNAVAILABLE, &Value::Bool(false))
    );
    let reasons = readiness["reasons"].to_string();
    assert!(
        reasons.contains("sync"),
        "the reason names what failed: {reasons}"
    );
    assert_eq!(
        mesh.get("/healthz").await.status(),
        StatusCode::OK,
        "a restart on the same disk would not help by itself"
    );
}
