//! The rules by which things leave that nobody has settled. A person wrote each of them; without one nothing expires.
//!
//! They are configuration and replaced whole. What they did is a record like any other, so that nothing depends on them
//! when the state is read back. Where they are carried out: an event that is over age is settled instead of handed
//! out ([`super::attach`]), and retention looks for those that nobody asks for and for old dead letters
//! ([`super::retention`]).

use std::collections::BTreeMap;
use std::time::Duration;

use schemas::names::ResourceName;

use super::Embedded;
use super::shared::Shared;
use super::subscription::Sub;
use crate::clock::Timestamp;
use crate::{Claim, Settlement};

/// After how long things leave. What is not named stays for ever.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExpiryRules {
    /// By trigger: an event that was accepted longer ago than this and is not settled for the trigger expires.
    pub triggers: BTreeMap<ResourceName, Duration>,
    /// The same by broker, for those of its triggers that have no rule of their own, also where they are not
    /// configured any more.
    pub brokers: BTreeMap<ResourceName, Duration>,
    /// By broker: a dead letter that was stored longer ago than this leaves the store.
    pub dead_letters: BTreeMap<ResourceName, Duration>,
}

impl ExpiryRules {
    /// How old an unsettled event of a trigger may be; `None`: any age.
    #[must_use]
    pub fn unsettled(&self, trigger: &ResourceName, broker: &ResourceName) -> Option<Duration> {
        let found = self.triggers.get(trigger).or_else(|| self.brokers.get(broker));
        found.copied()
    }
}

impl Embedded {
    /// Puts these rules in the place of those before.
    pub fn set_expiry(&self, rules: ExpiryRules) {
        self.shared.expiry.store(rules.into());
    }
}

impl Shared {
    /// How old an event may be that is not settled for a subscription. What runs beside a trigger was asked for by
    /// somebody who wants old events: nothing expires there.
    pub(crate) fn unsettled_limit(&self, sub: &Sub) -> Option<Duration> {
        match sub.side {
            Some(_) => None,
            None => self.expiry.load().unsettled(&sub.name, &sub.broker.name),
        }
    }

    /// A claim that is about to be handed out, unless its event is over age: then it expires instead, and its key goes on
    /// as after any settlement.
    pub(crate) async fn unless_over_age(&self, sub: &Sub, claim: Claim) -> Option<Claim> {
        let stored = claim.stored();
        if !self.is_over_age(sub, stored.accepted_at) {
            return Some(claim);
        }
        let (subscription, sequence) = (&sub.name, stored.position.sequence);
        tracing::debug!(%subscription, sequence, "an event expires: it was not settled in the time that it had");
        if let Err(unsettled) = claim.settle(Settlement::Expired).await {
            tracing::debug!(%subscription, sequence, error = %unsettled.error, "its expiry could not be recorded");
        }
        None
    }

    fn is_over_age(&self, sub: &Sub, accepted_at: Timestamp) -> bool {
        let limit = self.unsettled_limit(sub);
        limit.is_some_and(|limit| self.clock.now().until(accepted_at) > limit)
    }
}
