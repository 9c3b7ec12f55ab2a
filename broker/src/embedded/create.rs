//! New subscriptions.
//!
//! What must hold:
//! - A name has one subscription, and an id is given out once: whoever creates holds `creation` until what is new is
//!   applied.
//! - What a new subscription begins with does not leave by retention meanwhile: that takes the same lock.

use std::collections::HashSet;
use std::sync::Arc;

use journal::Purpose;

use super::records::{FilteredRecord, StateRecord, SubscribedRecord};
use super::streams::BrokerStream;
use super::subscription::Sub;
use super::{Embedded, PositionError};
use crate::limits::SUBSCRIPTIONS_PER_FRAME_MAX;
use crate::{AppendError, Start, SubscribeError, SubscriptionId, SubscriptionSpec};

impl Embedded {
    /// The subscription of that name, made if it is new.
    pub(super) async fn find_or_create(&self, spec: &SubscriptionSpec) -> Result<Arc<Sub>, SubscribeError> {
        let storage = |source| SubscribeError::Storage {
            subscription: spec.name.clone(),
            source,
        };
        let _creation = self.shared.creation.lock().await;
        if let Some(sub) = self.shared.subscription_named(&spec.name) {
            return Ok(sub);
        }
        let Some(broker) = self.shared.streams.by_name(&spec.broker) else {
            return Err(SubscribeError::UnknownBroker {
                broker: spec.broker.clone(),
                subscription: spec.name.clone(),
            });
        };
        let after = self.start_of(spec, &broker).await;
        let after = after.map_err(|source| SubscribeError::Start {
            subscription: spec.name.clone(),
            reason: source.to_string(),
        })?;
        let id = self.shared.next_id().map_err(storage)?;
        let entry = subscribed(spec, id, after).entry();
        self.shared
            .submit(Purpose::Upkeep, [entry], ())
            .durable()
            .await
            .map_err(storage)?;
        let created = self.shared.wait_for(|| self.shared.subscription(id)).await;
        created.ok_or_else(|| storage(AppendError::Closed))
    }

    /// Makes those that are new, with their filters, in a few frames. What cannot be made is left to
    /// [`Self::find_or_create`], which says why.
    pub(super) async fn create_together(&self, specs: &[SubscriptionSpec]) -> Result<(), AppendError> {
        let _creation = self.shared.creation.lock().await;
        let SubscriptionId(first) = self.shared.next_id()?;
        let mut ids = (first..).map(SubscriptionId);
        let (mut records, mut names, mut last) = (Vec::new(), HashSet::new(), None);
        for spec in specs {
            let is_new = self.shared.subscription_named(&spec.name).is_none() && names.insert(&spec.name);
            let Some(broker) = self.shared.streams.by_name(&spec.broker).filter(|_| is_new) else {
                continue;
            };
            let Ok(after) = self.start_of(spec, &broker).await else {
                continue;
            };
            let Some(id) = ids.next() else { break };
            let filtered = FilteredRecord {
                id,
                filter: spec.filter.clone(),
                after,
            };
            records.push([subscribed(spec, id, after), StateRecord::Filtered(filtered)]);
            last = Some(id);
        }
        for together in records.chunks(SUBSCRIPTIONS_PER_FRAME_MAX) {
            let entries = together.iter().flatten().map(StateRecord::entry);
            self.shared.submit(Purpose::Upkeep, entries, ()).durable().await?;
        }
        let Some(last) = last else { return Ok(()) };
        let has_filter = |sub: &Arc<Sub>| !sub.filters().is_empty();
        let created = || self.shared.subscription(last).filter(has_filter);
        let created = self.shared.wait_for(created).await;
        created.map(drop).ok_or(AppendError::Closed)
    }

    /// The sequence after which it begins.
    async fn start_of(&self, spec: &SubscriptionSpec, broker: &BrokerStream) -> Result<u64, PositionError> {
        let start = match spec.start {
            // It may be one that was forgotten with the state that was lost: what it had not settled comes again.
            Start::Latest if !self.shared.lost().is_empty() => {
                let subscription = &spec.name;
                tracing::warn!(%subscription, "starts at the earliest event: state was lost, and it may be known");
                Start::Earliest
            }
            start => start,
        };
        self.shared.before(broker.events, start).await
    }
}

fn subscribed(spec: &SubscriptionSpec, id: SubscriptionId, after: u64) -> StateRecord {
    StateRecord::Subscribed(SubscribedRecord {
        id,
        name: spec.name.clone(),
        broker: spec.broker.clone(),
        after,
    })
}
