//! A source whose sink is no broker: a broker and a trigger of its own carry its events there, with the same durability
//! and retries as everything else.

use ::sources::spec::KindName;
use broker::{Order, Start};
use dispatcher::{Sender, TriggerSpec};
use schemas::filter::Filter;
use schemas::limits::NAME_BYTES_MAX;
use schemas::names::ResourceName;
use schemas::yaml::Problem;

use super::{delivery_policy, sinks};
use crate::config::plan::{self, Plan};

/// The namespace of what heddle makes for itself; refused to everyone else by [`check`].
const NAMESPACE: &str = "heddle-implicit";

/// Refuses resources in the namespace that heddle keeps for itself.
pub(super) fn check(plan: &Plan) -> Vec<Problem> {
    let brokers = plan.brokers.iter().map(|broker| (&broker.name, &broker.place));
    let triggers = plan
        .triggers
        .iter()
        .map(|trigger| (&trigger.name, &trigger.place));
    let sources = plan.sources.iter().map(|source| (&source.name, &source.place));
    let endpoints = plan
        .endpoints
        .iter()
        .map(|endpoint| (&endpoint.name, &endpoint.place));
    let all = brokers.chain(triggers).chain(sources).chain(endpoints);
    let problem = |(_, place)| {
        Problem::error(place, format!("the namespace \"{NAMESPACE}\" is heddle's own"))
            .with_help("choose another namespace")
    };
    all.filter(|(name, _)| name.namespace() == NAMESPACE)
        .map(problem)
        .collect()
}

/// The broker's and the trigger's name, the same after every start.
pub(super) fn name(kind: KindName, source: &ResourceName) -> ResourceName {
    let kind = kind.as_str().to_ascii_lowercase();
    let readable = format!("{kind}.{}.{}", source.namespace(), source.name());
    let name = if readable.len() <= NAME_BYTES_MAX {
        readable
    } else {
        format!("{kind}.{:016x}", fnv1a(&readable))
    };
    ResourceName::new(NAMESPACE, &name).expect("labels joined with dots are a name")
}

/// Everything that comes goes to the source's sink. From the earliest event on: nothing else fills the broker.
pub(super) fn trigger(name: &ResourceName, source: &plan::Source) -> TriggerSpec {
    TriggerSpec {
        name: name.clone(),
        broker: name.clone(),
        filter: Filter::everything(),
        subscriber: sinks::sink(&source.sink),
        dead_letter_sink: source.delivery.dead_letter_sink.as_ref().map(sinks::sink),
        delivery: delivery_policy(&source.delivery),
        start: Start::Earliest,
        order: Order::Unordered,
        sender: Sender::Source(source.name.clone()),
    }
}

/// FNV-1a, 64 bits: small, and the same for ever.
fn fnv1a(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
