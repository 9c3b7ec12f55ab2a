//! Looks values up: environment, files, entries of Secrets and ConfigMaps.

use std::collections::{BTreeMap, BTreeSet};

use schemas::names::ResourceName;
use schemas::resources::entries::Entries;
use schemas::resources::value::{Origin, Secret, Value};
use schemas::resources::{Kind, Resource};
use schemas::yaml::Problem;

use super::Resolver;
use crate::config::load::{Loaded, full_path};

/// Where values are found.
pub(super) struct Values<'a> {
    loaded: &'a Loaded,
    entries: BTreeMap<(Kind, &'a ResourceName), &'a Entries>,
    used: BTreeSet<(Kind, ResourceName)>,
}

impl<'a> Values<'a> {
    pub(super) fn new(loaded: &'a Loaded) -> Values<'a> {
        let resources = loaded
            .documents
            .iter()
            .flat_map(|document| &document.decoded.resources);
        let entries = resources.filter_map(|resource| match resource {
            Resource::Entries(entries) => Some((
                (entries.meta.identity.kind, &entries.meta.identity.name),
                &**entries,
            )),
            _ => None,
        });
        Values {
            loaded,
            entries: entries.collect(),
            used: BTreeSet::new(),
        }
    }

    /// Whether a value referred to this Secret or ConfigMap.
    pub(super) fn was_used(&self, kind: Kind, name: &ResourceName) -> bool {
        self.used.contains(&(kind, name.clone()))
    }
}

impl Resolver<'_> {
    /// The text of a value that may be shown, or none and a problem.
    pub(super) fn text(&mut self, value: &Value) -> Option<String> {
        let place = &value.place;
        let problem = match &value.origin {
            Origin::Text(template) => {
                let environment = &self.values.loaded.environment;
                match template.expand(|name| environment.get(name).cloned()) {
                    Ok(text) => return Some(text),
                    Err(unset) => Problem::error(place, unset.to_string())
                        .with_help(format!("set it, or give it a default: ${{{}:-...}}", unset.0)),
                }
            }
            Origin::File(path) => {
                let full = full_path(&place.file, path);
                match self.values.loaded.files.get(&full) {
                    Some(Ok(text)) => return Some(text.clone()),
                    Some(Err(why)) => {
                        Problem::error(place, format!("cannot read the file {}: {why}", full.display()))
                    }
                    None => Problem::error(
                        place,
                        format!("the file {} is not available here", full.display()),
                    ),
                }
            }
            Origin::Entry { kind, name, key } => return self.entry(value, *kind, name, key),
        };
        self.problems.push(problem);
        None
    }

    /// The text of a value that must never be shown.
    pub(super) fn secret(&mut self, value: &Value) -> Option<Secret> {
        self.text(value).map(Secret::new)
    }

    fn entry(&mut self, value: &Value, kind: Kind, name: &ResourceName, key: &str) -> Option<String> {
        if !self
            .catalogue
            .expect(kind, name, &value.place, &mut self.problems)
        {
            return None;
        }
        self.values.used.insert((kind, name.clone()));
        let entries = self.values.entries.get(&(kind, name))?;
        if let Some(text) = entries.get(key) {
            return Some(text.reveal().to_owned());
        }
        let keys: Vec<&str> = entries.entries.iter().map(|(key, _)| key.as_str()).collect();
        let problem = Problem::error(
            &value.place,
            format!("{kind} \"{}\" has no text under the key \"{key}\"", name.name()),
        );
        self.problems.push(problem.with_candidates(key, "it has", &keys));
        None
    }
}
