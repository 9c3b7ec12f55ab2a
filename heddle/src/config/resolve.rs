//! Phase two, pure: resources -> a plan, by following what refers to what.
//!
//! All mistakes are found in one pass. What refers to a resource that is itself broken is not reported again.

mod catalogue;
mod delivery;
mod event_types;
mod sinks;
mod sources;
mod values;

use std::collections::BTreeMap;

use schemas::names::ResourceName;
use schemas::resources::broker::Broker;
use schemas::resources::endpoint::Endpoint;
use schemas::resources::trigger::Trigger;
use schemas::resources::{Kind, Loose, Resource};
use schemas::yaml::Problem;

use super::load::Loaded;
use super::plan::{self, Plan};
use super::report::Report;
use catalogue::Catalogue;
use values::Values;

/// What a configuration comes to.
#[derive(Debug)]
pub(crate) struct Resolved {
    /// What is to run; none when the report has an error.
    pub(crate) plan: Option<Plan>,
    /// Everything that is to be said, of both phases.
    pub(crate) report: Report,
}

/// Follows every reference of what was loaded.
pub(crate) fn resolve(loaded: &Loaded) -> Resolved {
    let mut resolver = Resolver::new(loaded);
    let plan = resolver.plan();
    let report = Report::new(loaded, resolver.problems);
    Resolved {
        plan: (!report.has_errors()).then_some(plan),
        report,
    }
}

/// The state of one pass.
struct Resolver<'a> {
    catalogue: Catalogue<'a>,
    values: Values<'a>,
    problems: Vec<Problem>,
    /// Endpoints that were resolved; none for those with mistakes.
    endpoints: BTreeMap<ResourceName, Option<plan::Sink>>,
    /// What each broker's delivery says.
    broker_deliveries: BTreeMap<ResourceName, plan::Delivery>,
}

impl<'a> Resolver<'a> {
    fn new(loaded: &'a Loaded) -> Resolver<'a> {
        let mut problems = Vec::new();
        let catalogue = Catalogue::new(loaded, &mut problems);
        let values = Values::new(loaded);
        let (endpoints, broker_deliveries) = Default::default();
        Resolver {
            catalogue,
            values,
            problems,
            endpoints,
            broker_deliveries,
        }
    }

    /// Endpoints come first because everything may refer to them, brokers before the triggers that take their delivery.
    fn plan(&mut self) -> Plan {
        let resources: Vec<&'a Resource> = self.catalogue.resources().collect();
        let mut plan = Plan::default();
        for resource in &resources {
            if let Resource::Endpoint(endpoint) = resource {
                plan.endpoints.extend(self.endpoint(endpoint));
            }
        }
        for resource in &resources {
            if let Resource::Broker(broker) = resource {
                plan.brokers.push(self.broker(broker));
            }
        }
        for resource in &resources {
            match resource {
                Resource::Trigger(trigger) => plan.triggers.extend(self.trigger(trigger)),
                Resource::PingSource(source) => plan.sources.extend(self.ping_source(source)),
                Resource::KafkaSource(source) => plan.sources.extend(self.kafka_source(source)),
                Resource::NatsSource(source) => plan.sources.extend(self.nats_source(source)),
                Resource::WebhookSource(source) => plan.sources.extend(self.webhook_source(source)),
                Resource::Schema(schema) => plan.schemas.extend(self.schema(schema, &plan.brokers)),
                Resource::EventType(event_type) => plan.event_types.extend(self.event_type(event_type)),
                Resource::Broker(_) | Resource::Endpoint(_) | Resource::Entries(_) => {}
            }
        }
        self.check_broken();
        self.check_webhook_paths(&resources);
        self.report_unused_entries(&resources);
        plan
    }

    fn endpoint(&mut self, endpoint: &Endpoint) -> Option<plan::Endpoint> {
        let identity = &endpoint.meta.identity;
        let sink = self.endpoint_sink(&identity.name, &endpoint.address);
        self.endpoints.insert(identity.name.clone(), sink.clone());
        Some(plan::Endpoint {
            name: identity.name.clone(),
            place: identity.place.clone(),
            sink: sink?,
        })
    }

    fn broker(&mut self, broker: &Broker) -> plan::Broker {
        let identity = &broker.meta.identity;
        if let Some(spec) = &broker.delivery {
            let delivery = self.delivery(spec);
            self.broker_deliveries.insert(identity.name.clone(), delivery);
        }
        plan::Broker {
            name: identity.name.clone(),
            place: identity.place.clone(),
            dedupe: broker.dedupe,
            retain_unsettled: broker.retain_unsettled,
            dead_letter_retention: broker.dead_letter_retention,
        }
    }

    fn trigger(&mut self, trigger: &Trigger) -> Option<plan::Trigger> {
        let identity = &trigger.meta.identity;
        let broker = &trigger.broker;
        let broker_exists =
            self.catalogue
                .expect(Kind::Broker, &broker.value, &broker.place, &mut self.problems);
        let subscriber = self.sink(&trigger.subscriber);
        let delivery = self.trigger_delivery(trigger);
        self.check_order(trigger, &delivery);
        broker_exists.then_some(())?;
        Some(plan::Trigger {
            name: identity.name.clone(),
            place: identity.place.clone(),
            broker: broker.value.clone(),
            filter: trigger.filter.clone(),
            conditions: trigger.conditions.clone(),
            subscriber: subscriber?,
            delivery,
            start: trigger.start,
            order: trigger.order,
            after_last_attempt: trigger.after_last_attempt.value,
            retain_unsettled: trigger.retain_unsettled,
        })
    }

    /// What resources with mistakes refer to, so that those mistakes too are reported now and not after the next attempt.
    fn check_broken(&mut self) {
        let broken: Vec<_> = self.catalogue.broken().collect();
        for loose in broken.into_iter().flat_map(|broken| &broken.loose) {
            match loose {
                Loose::Broker(broker) => {
                    self.catalogue
                        .expect(Kind::Broker, &broker.value, &broker.place, &mut self.problems);
                }
                Loose::Destination(destination) => {
                    self.sink(destination);
                }
                Loose::Value(value) => {
                    self.text(value);
                }
                Loose::Schedule(schedule, timezone) => self.check_schedule(schedule, timezone.as_ref()),
            }
        }
    }

    /// Two webhooks of one path, or a webhook where a broker is posted to.
    fn check_webhook_paths(&mut self, resources: &[&'a Resource]) {
        let mut owners: BTreeMap<String, String> = BTreeMap::new();
        for resource in resources {
            if let Resource::Broker(broker) = resource {
                let name = &broker.meta.identity.name;
                owners.insert(format!("/{name}"), format!("Broker \"{name}\""));
            }
        }
        for resource in resources {
            let Resource::WebhookSource(source) = resource else {
                continue;
            };
            let path = &source.path;
            let own = format!("WebhookSource \"{}\"", source.meta.identity.name);
            if let Some(owner) = owners.get(&path.value) {
                let message = format!("the path \"{}\" is taken by {owner}", path.value);
                self.problems
                    .push(Problem::error(&path.place, message).with_help("choose another path"));
            } else {
                owners.insert(path.value.clone(), own);
            }
        }
    }

    /// A Secret or ConfigMap that nothing refers to does nothing, like all other resources of Kubernetes.
    fn report_unused_entries(&mut self, resources: &[&'a Resource]) {
        for resource in resources {
            let Resource::Entries(entries) = resource else {
                continue;
            };
            let identity = &entries.meta.identity;
            if !self.values.was_used(identity.kind, &identity.name) {
                let message = format!(
                    "{} \"{}\" does nothing here: nothing refers to it",
                    identity.kind,
                    identity.name.name()
                );
                self.problems.push(Problem::warning(&identity.place, message));
            }
        }
    }
}
