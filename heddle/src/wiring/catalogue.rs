//! A plan in the words that the admin API shows.

use super::sinks;
use crate::config::plan::{self, Plan};
use crate::server::admin::{Catalogue, EndpointEntry, EventTypeEntry, SourceEntry, TriggerEntry};

/// All that the plan declares.
pub(super) fn of(plan: &Plan) -> Catalogue {
    let triggers = plan.triggers.iter().map(|trigger| {
        let entry = TriggerEntry {
            subscriber: sinks::words(&trigger.subscriber),
            dead_letter_sink: trigger.delivery.dead_letter_sink.as_ref().map(sinks::words),
            filter: trigger.filter.clone(),
            conditions: trigger.conditions.clone(),
        };
        (trigger.name.clone(), entry)
    });
    let sources = plan.sources.iter().map(|source| {
        let kind = super::sources::kind_name(&source.kind).as_str();
        (
            (kind, source.name.clone()),
            SourceEntry {
                sink: sinks::words(&source.sink),
            },
        )
    });
    let endpoints = plan.endpoints.iter().map(|endpoint| {
        (
            endpoint.name.clone(),
            EndpointEntry {
                target: target(&endpoint.sink),
            },
        )
    });
    let event_types = plan.event_types.iter().map(|event_type| EventTypeEntry {
        name: event_type.name.clone(),
        broker: event_type.broker.clone(),
        ty: event_type.ty.clone(),
        source: event_type.source.clone(),
        schema: event_type.schema.clone(),
        description: event_type.description.clone(),
    });
    Catalogue {
        brokers: plan.brokers.iter().map(|broker| broker.name.clone()).collect(),
        triggers: triggers.collect(),
        sources: sources.collect(),
        endpoints: endpoints.collect(),
        event_types: event_types.collect(),
        implicit: Default::default(),
    }
}

/// Where an endpoint leads: what a name stands for is shown here and nowhere else.
fn target(sink: &plan::Sink) -> String {
    match sink {
        plan::Sink::Echo(_) => "builtin:echo".to_owned(),
        plan::Sink::Broker(name) => format!("broker:{name}"),
        plan::Sink::Http(http) => {
            let mut shown = http.url.clone();
            shown.set_query(None);
            shown.set_fragment(None);
            // A URL with a host, which an http URL has, takes both.
            let _ = shown.set_username("");
            let _ = shown.set_password(None);
            shown.into()
        }
    }
}
