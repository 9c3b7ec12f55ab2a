//! The steps of a start: check, subscribe, index, assemble. Only subscribing touches the engine.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use broker::{Engine, Subscription, SubscriptionSpec};
use fastrand::Rng;
use futures_util::future::try_join_all;
use parking_lot::Mutex;
use schemas::names::ResourceName;
use tokio::sync::Semaphore;

use super::{Options, StartError};
use crate::endpoint::Endpoint;
use crate::index::TriggerIndex;
use crate::limits::PARKED_CLAIMS_MAX;
use crate::slots::Slots;
use crate::spec::TriggerSpec;
use crate::trigger::{Ready, Shared, Trigger};

/// Checks and resolves everything that needs no engine.
pub(super) fn prepare(options: &Options, specs: Vec<TriggerSpec>) -> Result<Vec<Ready>, StartError> {
    let mut slots = Slots::new(options.limits.in_flight_max, Arc::clone(&options.clock));
    let mut names = HashSet::new();
    let mut prepared = Vec::with_capacity(specs.len());
    for spec in specs {
        if !names.insert(spec.name.clone()) {
            return Err(StartError::Duplicate { trigger: spec.name });
        }
        let refuse = |source| StartError::Sink {
            trigger: spec.name.clone(),
            source,
        };
        let mut endpoint =
            |sink| Endpoint::new(sink, &spec.name, &spec.sender, &*options.transport, &mut slots);
        let subscriber = endpoint(&spec.subscriber).map_err(refuse)?;
        let dead_letter_sink = spec
            .dead_letter_sink
            .as_ref()
            .map(endpoint)
            .transpose()
            .map_err(refuse)?;
        prepared.push(Ready {
            spec,
            subscriber,
            dead_letter_sink,
        });
    }
    Ok(prepared)
}

/// Subscribes all triggers, new ones made together. The answers have the triggers' order.
pub(super) async fn subscribe(
    engine: &dyn Engine,
    prepared: &[Ready],
) -> Result<Vec<Arc<dyn Subscription>>, StartError> {
    let subscription = |Ready { spec, .. }: &Ready| SubscriptionSpec {
        name: spec.name.clone(),
        broker: spec.broker.clone(),
        start: spec.start,
        filter: spec.filter.clone(),
        order: spec.order,
    };
    let specs: Vec<_> = prepared.iter().map(subscription).collect();
    engine.create(&specs).await.map_err(StartError::Create)?;
    try_join_all(specs.into_iter().map(async |spec| {
        let trigger = spec.name.clone();
        let subscribed = engine.subscribe(spec).await;
        subscribed.map_err(|source| StartError::Subscribe { trigger, source })
    }))
    .await
}

/// All filters, filed under the subscriptions' ids.
pub(super) fn index(prepared: &[Ready], subscriptions: &[Arc<dyn Subscription>]) -> TriggerIndex {
    let triggers = prepared.iter().zip(subscriptions);
    TriggerIndex::new(triggers.map(|(Ready { spec, .. }, subscription)| {
        (subscription.id(), spec.broker.clone(), spec.filter.clone())
    }))
}

/// Everything that the tasks need.
pub(super) fn assemble(
    options: Options,
    prepared: Vec<Ready>,
    subscriptions: Vec<Arc<dyn Subscription>>,
) -> BTreeMap<ResourceName, Arc<Trigger>> {
    let shared = Arc::new(Shared {
        clock: options.clock,
        transport: options.transport,
        observer: options.observer,
        limits: options.limits,
        schemas: options.schemas,
        random: Mutex::new(Rng::with_seed(options.seed)),
        parking: Arc::new(Semaphore::new(PARKED_CLAIMS_MAX)),
        metrics: options.metrics.clone(),
    });
    let triggers = prepared
        .into_iter()
        .zip(subscriptions)
        .map(|(ready, subscription)| {
            for endpoint in std::iter::once(&ready.subscriber).chain(&ready.dead_letter_sink) {
                options.metrics.endpoint(&endpoint.label);
            }
            let name = ready.spec.name.clone();
            let metrics = options.metrics.trigger(&name);
            (
                name,
                Arc::new(Trigger::new(ready, subscription, metrics, Arc::clone(&shared))),
            )
        });
    triggers.collect()
}
