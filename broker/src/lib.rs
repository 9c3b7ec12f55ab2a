//! Joins words and bytes: ingest, subscriptions and their settlement, dead letters.
//!
//! Owns the rule that 202 means durable, the seam behind which an engine keeps events ([`engine`]), and the
//! embedded engine that keeps them in the journal ([`embedded`]).
//!
//! What must hold:
//! - Nobody is told "accepted" before the engine confirmed that the event is durable.
//! - An event that matched is delivered, dead-lettered, or still waiting; settlement is a durable record.
//! - A reply, or a dead letter, is stored together with the settlement of its cause or not at all.
//! - Memory is bounded by limits, not by backlog and not by the number of subscriptions.
//!
//! What it never does: speak HTTP, know an endpoint, change a byte of an event.

pub mod admission;
pub mod claim;
pub mod clock;
pub mod embedded;
pub mod engine;
pub mod limits;
pub mod pause;
pub mod schema_gate;
pub mod side;
pub mod tally;

pub use admission::{Admission, Overloaded, Permit};
pub use claim::{
    Claim, DeadLetter, DeadLetterReason, Failure, Outcome, Progress, Reply, Settlement, Settler, Step,
    Unsettled,
};
pub use clock::{Clock, SystemClock, Timestamp, WallClock};
pub use engine::{
    Accepted, AppendError, Batch, Engine, Matcher, Order, Position, Quarantined, SourceState, Start, Stored,
    SubscribeError, Subscription, SubscriptionId, SubscriptionSpec, SubscriptionStatus,
};
pub use pause::{Pause, PausedBy};
pub use schema_gate::{RuleMode, SchemaCounts, SchemaGate, SchemaMismatch, SchemaRule, Verdict};
pub use side::{BadSideId, Side, SideEnd, SideId, SideInfo, SideKind};
pub use tally::{Rejection, Tally};
