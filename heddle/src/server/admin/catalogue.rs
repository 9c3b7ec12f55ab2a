//! What the configuration declares, in the words in which it is shown. The running parts add their state to it.

use std::collections::{BTreeMap, BTreeSet};

use schemas::filter::Filter;
use schemas::names::ResourceName;
use schemas::yaml::Place;

/// All that is declared, by name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Catalogue {
    pub(crate) brokers: BTreeSet<ResourceName>,
    pub(crate) triggers: BTreeMap<ResourceName, TriggerEntry>,
    pub(crate) sources: BTreeMap<(&'static str, ResourceName), SourceEntry>,
    pub(crate) endpoints: BTreeMap<ResourceName, EndpointEntry>,
    pub(crate) event_types: Vec<EventTypeEntry>,
    /// Brokers and triggers that heddle made for sources whose sink is no broker; shown on request alone.
    pub(crate) implicit: BTreeSet<ResourceName>,
}

/// A trigger in words.
#[derive(Clone, Debug)]
pub(crate) struct TriggerEntry {
    /// The subscriber: an endpoint's or broker's name, or a URL without user information.
    pub(crate) subscriber: String,
    pub(crate) dead_letter_sink: Option<String>,
    /// Which events it gets, and where each condition of that is written.
    pub(crate) filter: Filter,
    pub(crate) conditions: Vec<Place>,
}

/// A source in words.
#[derive(Clone, Debug)]
pub(crate) struct SourceEntry {
    /// Where its events go, as [`TriggerEntry::subscriber`].
    pub(crate) sink: String,
}

/// An endpoint in words.
#[derive(Clone, Debug)]
pub(crate) struct EndpointEntry {
    /// Its URL without user information, or `builtin:echo`.
    pub(crate) target: String,
}

/// What is said about a type of events.
#[derive(Clone, Debug)]
pub(crate) struct EventTypeEntry {
    /// The resource's name.
    pub(crate) name: ResourceName,
    /// The broker that it is about; none: each of its namespace.
    pub(crate) broker: Option<ResourceName>,
    pub(crate) ty: String,
    pub(crate) source: Option<String>,
    pub(crate) schema: Option<String>,
    pub(crate) description: Option<String>,
}
