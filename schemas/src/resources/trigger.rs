//! Trigger (`eventing.knative.dev/v1`): which events of a broker go to which subscriber.

use std::time::Duration;

use super::broker::{RETAIN_UNSETTLED, duration_of};
use super::delivery::DeliverySpec;
use super::destination::Destination;
use super::filters;
use super::meta::Meta;
use super::order::{AFTER_LAST_ATTEMPT, AfterLastAttempt, Chosen, DeliveryOrder, KAFKA_ORDER, ORDER};
use super::scope::{Loose, Scope};
use crate::filter::Filter;
use crate::limits::{EXPIRY_MAX, EXPIRY_MIN};
use crate::names::ResourceName;
use crate::yaml::{Located, Place, Problem, Reader};

const START: &str = "heddle.dev/start";

/// A trigger.
#[derive(Clone, Debug)]
pub struct Trigger {
    /// Its name, labels and annotations.
    pub meta: Meta,
    /// The broker whose events it takes, in its own namespace.
    pub broker: Located<ResourceName>,
    /// Which events it takes.
    pub filter: Filter,
    /// Where each condition of the filter is written: those that have none inside, in the filter's order.
    pub conditions: Vec<Place>,
    /// Where they go.
    pub subscriber: Destination,
    /// How they are delivered; none: as the broker says.
    pub delivery: Option<DeliverySpec>,
    /// Where it starts when it is new.
    pub start: Start,
    /// Which of its events wait for each other.
    pub order: DeliveryOrder,
    /// What becomes of an event that its subscriber did not take.
    pub after_last_attempt: Chosen<AfterLastAttempt>,
    /// After how long an event expires that it has not settled; none: as the broker says.
    pub retain_unsettled: Option<Duration>,
}

/// Where a new trigger starts to read its broker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Start {
    /// With the oldest event that is still stored.
    Earliest,
    /// With the first event that comes after it.
    #[default]
    Latest,
    /// With the first event that was accepted at this time or later, in milliseconds since 1970.
    At(u64),
}

impl Trigger {
    pub(super) fn decode(document: &Reader<'_>, meta: Option<Meta>, scope: &Scope) -> Option<Trigger> {
        if let Some(meta) = &meta {
            meta.review_annotations(
                document,
                &[START, KAFKA_ORDER, ORDER, AFTER_LAST_ATTEMPT, RETAIN_UNSETTLED],
            );
        }
        let start = meta
            .as_ref()
            .map(|meta| start(document, meta))
            .unwrap_or_default();
        let order = meta
            .as_ref()
            .map(|meta| DeliveryOrder::decode(document, meta))
            .unwrap_or_default();
        let after_last_attempt = meta
            .as_ref()
            .map(|meta| AfterLastAttempt::decode(document, meta, order))
            .unwrap_or_default();
        let range = EXPIRY_MIN..=EXPIRY_MAX;
        let retain_unsettled = duration_of(document, meta.as_ref(), RETAIN_UNSETTLED, range);
        document.field("spec").required().map(|spec| {
            spec.refuse("brokerRef", "name a broker of the same namespace in spec.broker");
            let broker_name = match spec.present(&["brokerRef"]).is_empty() {
                true => spec.field("broker").required().text(),
                false => spec.field("broker").text(),
            };
            let broker = broker_name.and_then(|name| broker_of(spec, scope, name));
            let filter = filters::decode(spec);
            let subscriber = Destination::decode(&spec.field("subscriber").required(), scope);
            let delivery = DeliverySpec::decode(&spec.field("delivery"), scope);
            let (broker, filter, subscriber) = (broker?, filter?, subscriber?);
            Some(Trigger {
                broker,
                filter: filter.filter,
                conditions: filter.places,
                subscriber,
                delivery,
                start,
                order,
                after_last_attempt,
                retain_unsettled,
                meta: meta?,
            })
        })
    }
}

/// The broker of this name in the namespace of the resource; who has all resources looks whether it is there.
pub(super) fn broker_of(
    spec: &Reader<'_>,
    scope: &Scope,
    name: Located<String>,
) -> Option<Located<ResourceName>> {
    match ResourceName::new(scope.namespace()?, &name.value) {
        Ok(full) => {
            let broker = Located {
                value: full,
                place: name.place,
            };
            scope.refers_to(Loose::Broker(broker.clone()));
            Some(broker)
        }
        Err(error) => {
            spec.findings()
                .add(Problem::error(&name.place, error.to_string()));
            None
        }
    }
}

fn start(document: &Reader<'_>, meta: &Meta) -> Start {
    let Some(text) = meta.annotation(START) else {
        return Start::default();
    };
    match text.value.as_str() {
        "earliest" => Start::Earliest,
        "latest" => Start::Latest,
        other if at(other).is_some() => at(other).unwrap_or_default(),
        other => {
            let message = format!("{START} cannot be \"{other}\"");
            let problem = Problem::error(&text.place, message);
            document.findings().add(problem.with_candidates(
                other,
                "it can be",
                &["earliest", "latest", "a time such as 2026-01-31T12:00:00Z"],
            ));
            Start::default()
        }
    }
}

/// A time (RFC 3339) as a start.
fn at(text: &str) -> Option<Start> {
    let time: jiff::Timestamp = text.parse().ok()?;
    u64::try_from(time.as_millisecond()).ok().map(Start::At)
}
