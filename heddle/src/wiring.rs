//! What a node is made of: a plan in the terms of the parts that carry it out. Pure; nothing is started here.

mod catalogue;
mod implicit;
mod sinks;
mod sources;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::time::Duration;

use ::sources::SourceSpec;
use broker::embedded::ExpiryRules;
use broker::{Order, RuleMode, SchemaGate, SchemaRule, Start, Step, Timestamp};
use dispatcher::{AfterLastAttempt, BackoffPolicy, DeliveryPolicy, Format, Sender, Sink, TriggerSpec};
use schemas::names::ResourceName;
use schemas::resources::delivery;
use schemas::resources::order;
use schemas::resources::schema::SchemaMode;
use schemas::resources::trigger;
use schemas::yaml::Problem;

use crate::config::plan::{self, Plan};
use crate::server::admin::Catalogue;

/// Everything a node starts.
#[derive(Debug, Default)]
pub(crate) struct Wiring {
    /// Brokers to declare, those that heddle makes for itself included.
    pub(crate) brokers: BTreeSet<ResourceName>,
    /// For how long each of them stores an event of the same source and id once; those that do.
    pub(crate) dedupe: BTreeMap<ResourceName, Duration>,
    /// After how long things expire.
    pub(crate) expiry: ExpiryRules,
    pub(crate) triggers: Vec<TriggerSpec>,
    pub(crate) sources: Vec<SourceSpec>,
    /// What data is held to at the brokers' doors.
    pub(crate) schemas: SchemaGate,
    /// The hops of triggers at which events are printed.
    pub(crate) echoes: HashSet<(ResourceName, Step)>,
    /// The same in words, for the admin API.
    pub(crate) catalogue: Catalogue,
}

impl Wiring {
    /// Translates a plan.
    ///
    /// # Errors
    /// What only the parts themselves can judge, such as a schedule that never ticks; at its place.
    pub(crate) fn of(plan: &Plan) -> Result<Self, Vec<Problem>> {
        let mut wiring = Self {
            catalogue: catalogue::of(plan),
            schemas: SchemaGate::new(plan.schemas.iter().filter_map(schema_rule).collect()),
            ..Self::default()
        };
        wiring
            .brokers
            .extend(plan.brokers.iter().map(|broker| broker.name.clone()));
        for broker in &plan.brokers {
            let window = broker.dedupe.map(|window| (broker.name.clone(), window));
            wiring.dedupe.extend(window);
        }
        wiring.expiry = expiry_rules(plan);
        for trigger in &plan.triggers {
            wiring.add(trigger_spec(trigger));
        }
        let mut problems = implicit::check(plan);
        for source in &plan.sources {
            match sources::spec(source) {
                Ok(kind) => wiring.add_source(source, kind),
                Err(problem) => problems.push(problem),
            }
        }
        if problems.is_empty() {
            Ok(wiring)
        } else {
            Err(problems)
        }
    }

    fn add(&mut self, trigger: TriggerSpec) {
        let sinks = [
            (Step::Subscriber, Some(&trigger.subscriber)),
            (Step::DeadLetterSink, trigger.dead_letter_sink.as_ref()),
        ];
        for (step, sink) in sinks {
            if matches!(sink, Some(Sink::Echo { .. })) {
                self.echoes.insert((trigger.name.clone(), step));
            }
        }
        self.triggers.push(trigger);
    }

    /// A source stores into its sink when that is a broker, else into a broker of its own with one trigger.
    fn add_source(&mut self, source: &plan::Source, kind: ::sources::SourceKind) {
        let target = match &source.sink {
            plan::Sink::Broker(broker) => broker.clone(),
            plan::Sink::Http(_) | plan::Sink::Echo(_) => {
                let name = implicit::name(kind.name(), &source.name);
                self.brokers.insert(name.clone());
                self.catalogue.implicit.insert(name.clone());
                self.add(implicit::trigger(&name, source));
                name
            }
        };
        let overrides = source.overrides.clone();
        self.sources.push(SourceSpec {
            name: source.name.clone(),
            target,
            overrides,
            kind,
        });
    }
}

/// A schema that is off has no door to stand at.
fn schema_rule(schema: &plan::Schema) -> Option<SchemaRule> {
    let mode = match schema.mode {
        SchemaMode::Off => return None,
        SchemaMode::Warn => RuleMode::Warn,
        SchemaMode::Quarantine => RuleMode::Quarantine,
        SchemaMode::Reject => RuleMode::Reject,
    };
    Some(SchemaRule {
        name: schema.name.clone(),
        brokers: schema.brokers.clone(),
        ty: schema.ty.clone(),
        data_schema: schema.data_schema.clone(),
        mode,
        schema: schema.schema.clone(),
    })
}

/// The rules by which things leave that nobody has settled.
fn expiry_rules(plan: &Plan) -> ExpiryRules {
    let mut rules = ExpiryRules::default();
    for broker in &plan.brokers {
        let of = |age: Option<Duration>| age.map(|age| (broker.name.clone(), age));
        rules.brokers.extend(of(broker.retain_unsettled));
        rules.dead_letters.extend(of(broker.dead_letter_retention));
    }
    for trigger in &plan.triggers {
        let own = trigger.retain_unsettled.map(|age| (trigger.name.clone(), age));
        rules.triggers.extend(own);
    }
    rules
}

fn trigger_spec(trigger: &plan::Trigger) -> TriggerSpec {
    TriggerSpec {
        name: trigger.name.clone(),
        broker: trigger.broker.clone(),
        filter: trigger.filter.clone(),
        subscriber: sinks::sink(&trigger.subscriber),
        dead_letter_sink: trigger.delivery.dead_letter_sink.as_ref().map(sinks::sink),
        delivery: DeliveryPolicy {
            after_last_attempt: match trigger.after_last_attempt {
                order::AfterLastAttempt::SkipToDeadLetter => AfterLastAttempt::SkipToDeadLetter,
                order::AfterLastAttempt::Park => AfterLastAttempt::Park,
                order::AfterLastAttempt::Block => AfterLastAttempt::Block,
            },
            ..delivery_policy(&trigger.delivery)
        },
        start: match trigger.start {
            trigger::Start::Earliest => Start::Earliest,
            trigger::Start::Latest => Start::Latest,
            trigger::Start::At(millis) => Start::At(Timestamp(millis)),
        },
        order: match trigger.order {
            order::DeliveryOrder::Unordered => Order::Unordered,
            order::DeliveryOrder::Ordered => Order::ByKey,
        },
        sender: Sender::Trigger,
    }
}

fn delivery_policy(delivery: &plan::Delivery) -> DeliveryPolicy {
    DeliveryPolicy {
        retries: delivery.retry,
        backoff: delivery.backoff_policy.map(|policy| match policy {
            delivery::BackoffPolicy::Linear => BackoffPolicy::Linear,
            delivery::BackoffPolicy::Exponential => BackoffPolicy::Exponential,
        }),
        delay: delivery.backoff_delay,
        timeout: delivery.timeout,
        retry_after_max: delivery.retry_after_max,
        format: match delivery.format {
            delivery::DeliveryFormat::Binary => Format::Binary,
            delivery::DeliveryFormat::Json => Format::Json,
        },
        after_last_attempt: AfterLastAttempt::SkipToDeadLetter,
    }
}

#[cfg(test)]
mod tests;
