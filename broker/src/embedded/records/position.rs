//! What the state stream says of commands on a subscription's place.

use serde::{Deserialize, Serialize};

use crate::{Pause, SubscriptionId};

/// A subscription hands out nothing, or hands out again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PausedRecord {
    pub(crate) id: SubscriptionId,
    pub(crate) pause: Option<Pause>,
}

/// A subscription goes on somewhere else. Nothing of it was in anybody's hands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SoughtRecord {
    pub(crate) id: SubscriptionId,
    /// It gets what comes after this sequence, all of it, and nothing else.
    pub(crate) after: u64,
    /// Events that it would still have got and does not get now.
    pub(crate) skipped: u64,
}

/// Subscriptions are no more: a trigger's own, and those beside it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ForgottenRecord {
    pub(crate) ids: Vec<SubscriptionId>,
}
