//! Paths and query parameters of the admin API, with mistakes told as problems.

use axum::extract::{FromRequestParts, Path, Query};
use http::request::Parts;
use schemas::names::ResourceName;
use serde::de::DeserializeOwned;

use crate::server::problem::{Kind, Problem};

/// `{namespace}/{name}` of the path.
pub(super) struct Named(pub(super) ResourceName);

/// The query; unknown parameters and wrong values are refused.
pub(super) struct Parameters<T>(pub(super) T);

impl<S: Send + Sync> FromRequestParts<S> for Named {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Path((namespace, name)) = Path::<(String, String)>::from_request_parts(parts, state)
            .await
            .map_err(|error| Problem::new(Kind::NotFound, error.body_text()))?;
        ResourceName::new(&namespace, &name)
            .map(Self)
            .map_err(|error| Problem::new(Kind::NotFound, error.to_string()))
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Parameters<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        Query::<T>::from_request_parts(parts, state)
            .await
            .map(|Query(parameters)| Self(parameters))
            .map_err(|error| Problem::new(Kind::Invalid, error.body_text()))
    }
}
