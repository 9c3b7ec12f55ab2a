//! Destination: where events go, by reference or by URI (`duck.knative.dev/v1`).
//!
//! `ref` or `uri` is needed. A `uri` alone is absolute; beside a `ref` it is relative and is resolved against the ref's address.

use std::fmt;

use super::kinds::Kind;
use super::scope::{Loose, Scope};
use super::value::Value;
use crate::names::ResourceName;
use crate::yaml::{Field, Located, Place, Problem, Reader, nearest};

/// Where events go.
#[derive(Clone, Debug)]
pub struct Destination {
    /// Where the destination stands.
    pub place: Place,
    /// What is named.
    pub target: Target,
    /// PEM certificates that the receiver's certificate may be signed by, besides the system's.
    pub ca_certs: Option<Value>,
}

/// What a destination names.
#[derive(Clone, Debug)]
pub enum Target {
    /// An absolute `http` or `https` URI; checked when its variables are known.
    Uri(Value),
    /// A resource.
    Ref {
        /// Which resource.
        reference: Reference,
        /// A path, perhaps with a query, resolved against the resource's address.
        path: Option<Located<String>>,
    },
}

/// A resource that can receive events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// Its kind.
    pub kind: ReferenceKind,
    /// Its name.
    pub name: ResourceName,
    /// Where the name stands.
    pub place: Place,
}

/// The kinds of resources that can receive events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReferenceKind {
    /// A broker.
    Broker,
    /// An endpoint.
    Endpoint,
    /// A Service of Kubernetes or Knative; the endpoint of the same name stands for it.
    Service,
}

const REFERENCES: &[(&str, &str, ReferenceKind)] = &[
    ("Broker", "eventing.knative.dev/v1", ReferenceKind::Broker),
    ("Endpoint", "heddle.dev/v1", ReferenceKind::Endpoint),
    ("Service", "v1", ReferenceKind::Service),
    ("Service", "serving.knative.dev/v1", ReferenceKind::Service),
];

impl Destination {
    /// Reads a destination of a resource in `namespace`, when that is known.
    pub(super) fn decode(field: &Field<'_>, scope: &Scope) -> Option<Destination> {
        field.map(|reader| Destination::read(reader, scope))
    }

    /// Reads the fields of a destination out of a mapping.
    fn read(reader: &Reader<'_>, scope: &Scope) -> Option<Destination> {
        let reference_field = reader.field("ref");
        let reference = reference_field.map(|reference| Reference::read(reference, scope));
        let uri_field = reader.field("uri");
        let ca_certs = Value::decode(&reader.field("CACerts"), scope);
        let audience = reader.field("audience");
        if audience.text().is_some() {
            let message = format!(
                "{} is ignored: this version sends no OIDC tokens",
                audience.path()
            );
            reader
                .findings()
                .add(Problem::warning(&audience.name_place(), message));
        }
        let target = match (reference_field.is_absent(), uri_field.is_absent()) {
            (true, true) => {
                let message = format!("{} needs a ref or a uri", reader.path());
                reader.findings().add(Problem::error(&reader.place(), message));
                None
            }
            (true, false) => Value::decode(&uri_field, scope).map(Target::Uri),
            (false, true) => reference.map(|reference| Target::Ref {
                reference,
                path: None,
            }),
            (false, false) => {
                let path = relative_uri(&uri_field);
                reference.zip(path).map(|(reference, path)| Target::Ref {
                    reference,
                    path: Some(path),
                })
            }
        };
        let destination = Destination {
            place: reader.place(),
            target: target?,
            ca_certs,
        };
        scope.refers_to(Loose::Destination(Box::new(destination.clone())));
        Some(destination)
    }
}

impl Reference {
    fn read(reader: &Reader<'_>, scope: &Scope) -> Option<Reference> {
        let api_version = reader.field("apiVersion").required().text();
        let kind_field = reader.field("kind").required();
        let kind = kind_field.text();
        let name = reader.field("name").required().text();
        let own_namespace = reader.field("namespace").text();
        for alpha in ["group", "address"] {
            reader.refuse(alpha, "name the resource by apiVersion, kind and name");
        }
        if let (Some(own), Some(parent)) = (&own_namespace, scope.namespace())
            && own.value != parent
        {
            let message = format!(
                "{} must be the namespace of the resource itself, \"{parent}\"",
                own.place.path
            );
            reader.findings().add(Problem::error(&own.place, message));
        }
        let kind = kind.and_then(|kind| reference_kind(reader, api_version.as_ref(), &kind));
        let (kind, name) = (kind?, name?);
        match ResourceName::new(scope.namespace()?, &name.value) {
            Ok(full) => Some(Reference {
                kind,
                name: full,
                place: name.place,
            }),
            Err(error) => {
                reader
                    .findings()
                    .add(Problem::error(&name.place, error.to_string()));
                None
            }
        }
    }
}

impl ReferenceKind {
    /// The kind that serves the reference.
    pub fn served_by(self) -> Kind {
        match self {
            ReferenceKind::Broker => Kind::Broker,
            ReferenceKind::Endpoint | ReferenceKind::Service => Kind::Endpoint,
        }
    }
}

impl fmt::Display for ReferenceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            ReferenceKind::Broker => "Broker",
            ReferenceKind::Endpoint => "Endpoint",
            ReferenceKind::Service => "Service",
        })
    }
}

/// The kind that is meant, when its `apiVersion` is known too.
fn reference_kind(
    reader: &Reader<'_>,
    api_version: Option<&Located<String>>,
    kind: &Located<String>,
) -> Option<ReferenceKind> {
    let of_name: Vec<_> = REFERENCES
        .iter()
        .filter(|(name, ..)| *name == kind.value)
        .collect();
    if of_name.is_empty() {
        let message = format!("{}: a {} cannot receive events here", kind.place.path, kind.value);
        let problem = Problem::error(&kind.place, message);
        let names = ["Broker", "Endpoint", "Service"];
        let problem = if nearest(&kind.value, &names).is_some() {
            problem.with_candidates(&kind.value, "a ref may name", &names)
        } else {
            problem.with_help(format!(
                "name an Endpoint here and add it, with the URL where the {} listens; a ref may name: {}",
                kind.value,
                names.join(", ")
            ))
        };
        reader.findings().add(problem);
        return None;
    }
    let api_version = api_version?;
    let found = of_name
        .iter()
        .find(|(_, version, _)| *version == api_version.value);
    if found.is_none() {
        let versions: Vec<&str> = of_name.iter().map(|(_, version, _)| *version).collect();
        let message = format!(
            "{} is not known under apiVersion \"{}\"",
            kind.value, api_version.value
        );
        let help = format!("write apiVersion: {}", versions.join(" or "));
        reader
            .findings()
            .add(Problem::error(&api_version.place, message).with_help(help));
    }
    found.map(|(.., kind)| *kind)
}

/// The `uri` beside a `ref`.
fn relative_uri(field: &Field<'_>) -> Option<Located<String>> {
    let text = field.text()?;
    if url::Url::parse(&text.value).is_ok() || text.value.starts_with("//") {
        let message = format!(
            "{} must be relative when there is a ref: \"{}\"",
            field.path(),
            text.value
        );
        field.error_with_help(
            message,
            "keep the ref and a path such as /orders, or the uri alone",
        );
        return None;
    }
    Some(text)
}
