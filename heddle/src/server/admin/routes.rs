//! Every path of the admin API with its methods. The description that the API serves of itself says the same, and a
//! test compares the two.

use axum::Router;
use axum::routing::{MethodRouter, get, post};

use super::{
    Admin, backup, brokers, dead_letters, endpoints, explain, health, held_keys, openapi, position, replays,
    show_metrics, sources, storage, tail, triggers, types,
};
use crate::server::problem::{Kind, Problem};

/// One path.
pub(super) struct Route {
    pub(super) path: &'static str,
    /// The methods it has, as the header `Allow` lists them.
    pub(super) allow: &'static str,
    methods: MethodRouter<Admin>,
}

/// What is open to everyone who reaches the port.
pub(super) fn open() -> Vec<Route> {
    vec![
        read("/healthz", get(health::alive)),
        read("/readyz", get(health::ready)),
    ]
}

/// What asks for the listener's token, if it has one.
pub(super) fn guarded() -> Vec<Route> {
    vec![
        read("/metrics", get(show_metrics)),
        read("/api/v1/openapi.json", get(openapi::show)),
        read("/api/v1/brokers", get(brokers::list)),
        read("/api/v1/brokers/{namespace}/{name}", get(brokers::show)),
        read("/api/v1/brokers/{namespace}/{name}/tail", get(tail::follow)),
        read("/api/v1/triggers", get(triggers::list)),
        read("/api/v1/triggers/{namespace}/{name}", get(triggers::show)),
        write("/api/v1/triggers/{namespace}/{name}/pause", post(position::pause)),
        write(
            "/api/v1/triggers/{namespace}/{name}/resume",
            post(position::resume),
        ),
        write("/api/v1/triggers/{namespace}/{name}/seek", post(position::seek)),
        write(
            "/api/v1/triggers/{namespace}/{name}/forget",
            post(position::forget),
        ),
        write(
            "/api/v1/triggers/{namespace}/{name}/explain",
            post(explain::explain),
        ),
        of(
            "/api/v1/replays",
            "GET, HEAD, POST",
            get(replays::list).post(replays::start),
        ),
        of(
            "/api/v1/replays/{id}",
            "GET, HEAD, DELETE",
            get(replays::show).delete(replays::cancel),
        ),
        read(
            "/api/v1/triggers/{namespace}/{name}/held-keys",
            get(held_keys::list),
        ),
        write(
            "/api/v1/triggers/{namespace}/{name}/release",
            post(held_keys::release),
        ),
        read("/api/v1/sources", get(sources::list)),
        read("/api/v1/sources/{namespace}/{name}", get(sources::show)),
        read("/api/v1/endpoints", get(endpoints::list)),
        read("/api/v1/endpoints/{namespace}/{name}", get(endpoints::show)),
        read("/api/v1/storage", get(storage::show)),
        write("/api/v1/backup", post(backup::make)),
        read("/api/v1/types", get(types::list)),
        read("/api/v1/types/{type}", get(types::show)),
        read("/api/v1/dead-letters", get(dead_letters::list)),
        read("/api/v1/dead-letters/{id}", get(dead_letters::show)),
        write("/api/v1/dead-letters/purge", post(dead_letters::purge)),
        write("/api/v1/dead-letters/redrive", post(dead_letters::redrive)),
    ]
}

/// The routes as a router that answers every other method with 405.
pub(super) fn router(routes: Vec<Route>) -> Router<Admin> {
    routes.into_iter().fold(Router::new(), |router, route| {
        let Route { path, allow, methods } = route;
        let refuse = async move || {
            Problem::new(
                Kind::MethodNotAllowed(allow),
                format!("this path has the methods {allow}"),
            )
        };
        router.route(path, methods.fallback(refuse))
    })
}

/// A path that is read and nothing else.
fn read(path: &'static str, methods: MethodRouter<Admin>) -> Route {
    of(path, "GET, HEAD", methods)
}

/// A command: posted, with a body that is a [`super::write::Change`].
fn write(path: &'static str, methods: MethodRouter<Admin>) -> Route {
    of(path, "POST", methods)
}

/// A path with these methods.
fn of(path: &'static str, allow: &'static str, methods: MethodRouter<Admin>) -> Route {
    Route { path, allow, methods }
}

#[cfg(test)]
mod tests;
