//! Which resources there are, by kind and name.

use std::collections::BTreeMap;

use schemas::names::ResourceName;
use schemas::resources::{Broken, Identity, Kind, Resource};
use schemas::yaml::{Place, Problem, nearest};

use crate::config::load::Loaded;

/// All resources that were written, those with mistakes too.
pub(super) struct Catalogue<'a> {
    resources: Vec<&'a Resource>,
    broken: Vec<&'a Broken>,
    known: BTreeMap<(Kind, ResourceName), Place>,
}

impl<'a> Catalogue<'a> {
    /// Registers everything; the second of two with one kind and name is reported.
    pub(super) fn new(loaded: &'a Loaded, problems: &mut Vec<Problem>) -> Catalogue<'a> {
        let mut catalogue = Catalogue {
            resources: Vec::new(),
            broken: Vec::new(),
            known: BTreeMap::new(),
        };
        for document in &loaded.documents {
            for resource in &document.decoded.resources {
                catalogue.register(resource.identity(), problems);
                catalogue.resources.push(resource);
            }
            for broken in &document.decoded.broken {
                if let Some(identity) = &broken.identity {
                    catalogue.register(identity, problems);
                }
                catalogue.broken.push(broken);
            }
        }
        catalogue
    }

    /// The resources that could not be read.
    pub(super) fn broken(&self) -> impl Iterator<Item = &'a Broken> {
        self.broken.iter().copied()
    }

    /// The resources, in the order they were read.
    pub(super) fn resources(&self) -> impl Iterator<Item = &'a Resource> {
        self.resources.iter().copied()
    }

    /// Whether a resource of this kind and name was written, with or without mistakes.
    pub(super) fn has(&self, kind: Kind, name: &ResourceName) -> bool {
        self.known.contains_key(&(kind, name.clone()))
    }

    /// The same, and complains at `place` when it was not: with the nearest name, or with a resource to paste.
    pub(super) fn expect(
        &self,
        kind: Kind,
        name: &ResourceName,
        place: &Place,
        problems: &mut Vec<Problem>,
    ) -> bool {
        let has = self.has(kind, name);
        if !has {
            let message = format!(
                "there is no {kind} \"{}\" in namespace \"{}\"",
                name.name(),
                name.namespace()
            );
            problems.push(Problem::error(place, message).with_help(self.advice(kind, name)));
        }
        has
    }

    /// What to do about a missing resource.
    pub(super) fn advice(&self, kind: Kind, name: &ResourceName) -> String {
        let of_kind = || {
            self.known
                .keys()
                .filter(|(known, _)| *known == kind)
                .map(|(_, name)| name)
        };
        let near: Vec<&str> = of_kind()
            .filter(|known| known.namespace() == name.namespace())
            .map(ResourceName::name)
            .collect();
        if let Some(near) = nearest(name.name(), &near) {
            return format!("did you mean \"{near}\"?");
        }
        if let Some(elsewhere) = of_kind().find(|known| known.name() == name.name()) {
            let namespace = elsewhere.namespace();
            return format!(
                "there is one in namespace \"{namespace}\"; a reference stays in its own namespace"
            );
        }
        snippet(kind, name)
    }

    fn register(&mut self, identity: &Identity, problems: &mut Vec<Problem>) {
        let key = (identity.kind, identity.name.clone());
        if let Some(first) = self.known.get(&key) {
            let Identity { kind, name, place } = identity;
            let message = format!(
                "{kind} \"{name}\" is written twice, first in {}:{}",
                first.file, first.mark.line
            );
            problems.push(Problem::error(place, message).with_help("rename one of them or take it out"));
        } else {
            self.known.insert(key, identity.place.clone());
        }
    }
}

/// The missing resource, ready to paste.
fn snippet(kind: Kind, name: &ResourceName) -> String {
    let (version, body) = match kind {
        Kind::Broker => ("eventing.knative.dev/v1", "".to_owned()),
        Kind::Endpoint => (
            "heddle.dev/v1",
            format!(
                "\nspec:\n  url: http://127.0.0.1:8081 # where {} listens",
                name.name()
            ),
        ),
        Kind::Secret => ("v1", "\nstringData: {}".to_owned()),
        Kind::ConfigMap => ("v1", "\ndata: {}".to_owned()),
        _ => return format!("add a {kind} of this name"),
    };
    let (name, namespace) = (name.name(), name.namespace());
    format!(
        "add this:\n---\napiVersion: {version}\nkind: {kind}\nmetadata:\n  name: {name}\n  namespace: {namespace}{body}"
    )
}
