//! What committed records change about side subscriptions.

use std::collections::VecDeque;

use crate::embedded::records::{SideRecord, SideSpec};
use crate::embedded::shared::Shared;
use crate::embedded::subscription::Sub;
use crate::embedded::view::{Counters, SubscriptionState};
use crate::{SideEnd, SideKind, SubscriptionId, Timestamp};

impl Shared {
    /// Applies one step in the life of a side subscription. The caller holds the gate.
    pub(in crate::embedded) fn apply_side(&self, record: &SideRecord) {
        match record {
            SideRecord::Started(spec) => self.apply_started(spec),
            SideRecord::Extended { id, until } => {
                if let Some(sub) = self.subscription(*id) {
                    sub.apply_until(*until);
                }
            }
            SideRecord::Ended { id, how, at } => self.apply_ended(*id, *how, *at),
        }
        self.announce_sides();
    }

    fn apply_started(&self, spec: &SideSpec) {
        let Some(trigger) = self.subscription(spec.of) else {
            return;
        };
        if spec.kind == SideKind::Redrive {
            trigger.apply_redrive_stream(spec.stream);
        }
        let before = spec.from.saturating_sub(1);
        let state = SubscriptionState {
            name: trigger.name.clone(),
            broker: trigger.broker.name.clone(),
            accounted: (before > 0).then_some((1, before)).into_iter().collect(),
            filters: vec![(before, spec.filter.clone())],
            counters: Counters::default(),
            paused: None,
            side: Some(spec.clone()),
            redrive_stream: None,
            ended: VecDeque::new(),
        };
        self.add_subscription(spec.id, &state);
        if let Some(sub) = self.subscription(spec.id) {
            sub.mark_dirty();
        }
    }

    fn apply_ended(&self, id: SubscriptionId, how: SideEnd, at: Timestamp) {
        let Some(sub) = self.subscription(id) else {
            return;
        };
        sub.apply_end(how, at);
        self.remove_subscription(&sub);
    }

    /// A trigger's pause holds what runs beside it; so does its end.
    pub(in crate::embedded) fn wake_beside(&self, trigger: &Sub) {
        for sub in self.sides() {
            if sub
                .side
                .as_ref()
                .is_some_and(|side| side.trigger.id == trigger.id)
            {
                sub.woken.notify_one();
            }
        }
    }
}
