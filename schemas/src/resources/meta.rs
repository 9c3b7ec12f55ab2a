//! `metadata`: the resource's name, labels and annotations.

use super::Identity;
use super::kinds::Kind;
use crate::names::ResourceName;
use crate::yaml::{Field, Located, Problem, Reader};

/// The namespace of resources that name none.
pub const NAMESPACE_DEFAULT: &str = "default";

/// Annotations that systems write by themselves, about which nothing is said.
const BOOKKEEPING: &[&str] = &["creator", "lastModifier"];

/// Fields of `metadata` that Kubernetes writes, and that a page saved with `kubectl get -o yaml` has.
const KEPT_BY_KUBERNETES: &[&str] = &[
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "finalizers",
    "ownerReferences",
    "managedFields",
    "selfLink",
];

/// What `metadata` says.
#[derive(Clone, Debug)]
pub struct Meta {
    /// Kind, name and where the name stands.
    pub identity: Identity,
    /// Labels: not interpreted, except where a kind says so.
    pub labels: Vec<(Located<String>, Located<String>)>,
    /// Annotations: each kind names those that it understands.
    pub annotations: Vec<(Located<String>, Located<String>)>,
}

impl Meta {
    /// Reads the `metadata` of a document of this kind.
    pub(super) fn decode(document: &Reader<'_>, kind: Kind) -> Option<Meta> {
        document.field("metadata").required().map(|metadata| {
            let namespace = metadata.field("namespace").text();
            let name = metadata.field("name").required().text();
            let labels = strings(&metadata.field("labels"));
            let annotations = strings(&metadata.field("annotations"));
            metadata.refuse("generateName", "give the resource a name of its own");
            metadata.ignore(KEPT_BY_KUBERNETES);
            let name = resource_name(metadata, namespace, name?)?;
            let identity = Identity {
                kind,
                place: name.place,
                name: name.value,
            };
            Some(Meta {
                identity,
                labels,
                annotations,
            })
        })
    }

    /// The value of an annotation.
    pub fn annotation(&self, name: &str) -> Option<&Located<String>> {
        self.annotations
            .iter()
            .find(|(key, _)| key.value == name)
            .map(|(_, value)| value)
    }

    /// The value of a label.
    pub fn label(&self, name: &str) -> Option<&Located<String>> {
        self.labels
            .iter()
            .find(|(key, _)| key.value == name)
            .map(|(_, value)| value)
    }

    /// The resource's namespace.
    pub fn namespace(&self) -> &str {
        self.identity.name.namespace()
    }

    /// Reports the annotations that are not among `understood`: unknown ones of Heddle are errors, Knative's do nothing here.
    /// Those of anyone else are nobody's business.
    pub(super) fn review_annotations(&self, reader: &Reader<'_>, understood: &[&'static str]) {
        for (key, _) in &self.annotations {
            let (domain, word) = key.value.split_once('/').unwrap_or(("", &key.value));
            if understood.contains(&key.value.as_str()) || BOOKKEEPING.contains(&word) {
                continue;
            }
            if domain == "heddle.dev" || domain.ends_with(".heddle.dev") {
                let of_heddle: Vec<&str> = understood
                    .iter()
                    .copied()
                    .filter(|name| name.starts_with("heddle.dev/"))
                    .collect();
                let message = format!("unknown annotation \"{}\" on {}", key.value, self.identity.kind);
                let problem = Problem::error(&key.place, message);
                reader
                    .findings()
                    .add(problem.with_candidates(&key.value, "it may have", &of_heddle));
            } else if domain == "knative.dev" || domain.ends_with(".knative.dev") {
                let message = format!("the annotation \"{}\" does nothing here", key.value);
                reader.findings().add(Problem::notice(&key.place, message));
            }
        }
    }
}

/// The namespace that a document is in, when it can be one, whatever else is wrong with it.
pub(super) fn namespace_of(document: &Field<'_>) -> Option<String> {
    let namespace = document
        .peek(&["metadata", "namespace"])
        .unwrap_or(NAMESPACE_DEFAULT);
    ResourceName::new(namespace, "any")
        .ok()
        .map(|name| name.namespace().to_owned())
}

fn resource_name(
    metadata: &Reader<'_>,
    namespace: Option<Located<String>>,
    name: Located<String>,
) -> Option<Located<ResourceName>> {
    let findings = metadata.findings();
    let in_namespace = namespace
        .as_ref()
        .map_or(NAMESPACE_DEFAULT, |namespace| &namespace.value);
    let mut valid = true;
    if let (Some(namespace), Err(error)) = (&namespace, ResourceName::new(in_namespace, "any")) {
        findings.add(Problem::error(&namespace.place, error.to_string()));
        valid = false;
    }
    if let Err(error) = ResourceName::new(NAMESPACE_DEFAULT, &name.value) {
        findings.add(Problem::error(&name.place, error.to_string()));
        valid = false;
    }
    let full = valid
        .then(|| ResourceName::new(in_namespace, &name.value).ok())
        .flatten()?;
    Some(Located {
        value: full,
        place: name.place,
    })
}

/// A mapping of strings to strings, such as labels.
pub(super) fn strings(field: &Field<'_>) -> Vec<(Located<String>, Located<String>)> {
    field
        .entries()
        .unwrap_or_default()
        .into_iter()
        .filter_map(|(key, value)| Some((key, value.string()?)))
        .collect()
}
