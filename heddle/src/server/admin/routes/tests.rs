use std::collections::BTreeMap;

use axum::body::Body;
use http::{Method, Request, StatusCode};
use serde_json::Value;
use tower::ServiceExt;

use super::super::openapi;
use super::super::tests::Mesh;
use super::*;
use crate::server::guard::Guard;

/// Path to methods, as `Allow` lists them.
type Paths = BTreeMap<String, String>;

fn described() -> Paths {
    let document: Value = serde_json::from_str(openapi::DOCUMENT).expect("the description is JSON");
    let paths = document["paths"].as_object().expect("it has paths");
    let methods = |item: &Value| {
        let has = |method: &str| {
            item.get(method.to_lowercase())
                .is_some()
                .then_some(method.to_owned())
        };
        let with_head = |method: String| {
            if method == "GET" {
                "GET, HEAD".to_owned()
            } else {
                method
            }
        };
        let found = ["GET", "POST", "PUT", "PATCH", "DELETE"]
            .into_iter()
            .filter_map(has);
        found.map(with_head).collect::<Vec<_>>().join(", ")
    };
    paths
        .iter()
        .map(|(path, item)| (path.clone(), methods(item)))
        .collect()
}

fn routes() -> Vec<Route> {
    open().into_iter().chain(guarded()).collect()
}

#[test]
fn the_description_has_every_route_with_its_methods_and_no_other() {
    let routed: Paths = routes()
        .into_iter()
        .map(|route| (route.path.to_owned(), route.allow.to_owned()))
        .collect();
    assert_eq!(described(), routed);
}

#[test]
fn every_reference_in_the_description_leads_somewhere() {
    let document: Value = serde_json::from_str(openapi::DOCUMENT).expect("the description is JSON");
    let mut open = vec![&document];
    let mut count = 0;
    while let Some(value) = open.pop() {
        match value {
            Value::Object(members) => {
                if let Some(Value::String(reference)) = members.get("$ref") {
                    let pointer = reference.strip_prefix('#').expect("references are local");
                    assert!(document.pointer(pointer).is_some(), "{reference}");
                    count += 1;
                }
                open.extend(members.values());
            }
            Value::Array(elements) => open.extend(elements),
            _ => {}
        }
    }
    assert!(count > 10, "the description uses references: {count}");
}

#[tokio::test]
async fn every_route_answers_other_methods_with_the_ones_it_has() {
    let mesh = Mesh::start(Guard::Open).await;
    for route in routes() {
        let path = route.path.replace(['{', '}'], "");
        let request = Request::builder().method(Method::PATCH).uri(&path);
        let request = request.body(Body::empty()).expect("a request");
        let answer = mesh.router.clone().oneshot(request).await.expect("an answer");
        assert_eq!(
            (answer.status(), answer.headers()["allow"].to_str().ok()),
            (StatusCode::METHOD_NOT_ALLOWED, Some(route.allow)),
            "{path}"
        );
    }
}
