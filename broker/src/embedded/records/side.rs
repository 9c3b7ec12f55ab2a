//! What the state stream says of side subscriptions, and what is kept of them.

use schemas::filter::Filter;
use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::{SideEnd, SideId, SideKind, SubscriptionId};

/// One step in the life of a side subscription.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum SideRecord {
    Started(SideSpec),
    /// More was appended to the stream that it reads.
    Extended {
        id: SubscriptionId,
        until: u64,
    },
    Ended {
        id: SubscriptionId,
        how: SideEnd,
        at: Timestamp,
    },
}

/// A side subscription as it was started.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct SideSpec {
    pub(crate) id: SubscriptionId,
    pub(crate) kind: SideKind,
    /// The trigger's own subscription.
    pub(crate) of: SubscriptionId,
    /// The stream that it reads: the broker's events, or copies of the trigger's dead letters.
    pub(crate) stream: u64,
    pub(crate) from: u64,
    pub(crate) until: u64,
    /// Deliveries a second.
    pub(crate) rate: Option<u32>,
    /// The trigger's filter when it was started.
    pub(crate) filter: Filter,
    pub(crate) at: Timestamp,
}

impl SideSpec {
    pub(crate) fn name(&self) -> SideId {
        SideId {
            kind: self.kind,
            subscription: self.id,
        }
    }
}
