//! What happens to events, told to whoever wants to show it. Called after the settlement is stored.

use std::time::Duration;

use broker::{DeadLetterReason, Failure, Step, Timestamp};
use schemas::event::Event;
use schemas::names::ResourceName;

/// Hears of every settlement. Called on delivering tasks: an implementation must be quick and must not block.
pub trait Observer: Send + Sync + 'static {
    /// An event was taken by its subscriber, or by the dead letter sink in its place.
    fn delivered(&self, _delivered: &Delivered<'_>) {}
    /// An attempt failed and another will follow, at the same hop or at the dead letter sink.
    fn retry_scheduled(&self, _retry: &RetryScheduled<'_>) {}
    /// An event had its last attempt and waits for a person, and its key with it.
    fn parked(&self, _parked: &Parked<'_>) {}
    /// An event, or a reply that ran out of passes, went to the dead-letter store.
    fn dead_lettered(&self, _dead_lettered: &DeadLettered<'_>) {}
    /// A reply or a forwarded event was stored together with the settlement of its cause.
    fn reply_stored(&self, _reply: &ReplyStored<'_>) {}
    /// An endpoint failed so often that it is left alone for a while: its breaker is open.
    fn opened(&self, _opened: &Opened<'_>) {}
    /// An endpoint whose breaker was open has answered.
    fn closed(&self, _closed: &Closed<'_>) {}
    /// A subscriber said that it is gone for good, and its trigger is paused.
    fn paused(&self, _paused: &Paused<'_>) {}
    /// A trigger delivers no more until a restart.
    fn stopped(&self, _stopped: &Stopped<'_>) {}
}

/// Hears and says nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Observer for Silent {}

/// An event that was taken.
#[derive(Clone, Copy, Debug)]
pub struct Delivered<'a> {
    /// Whose event.
    pub trigger: &'a ResourceName,
    /// The event as the broker keeps it.
    pub event: &'a Event,
    /// Name of the endpoint, or its URL without user information.
    pub endpoint: &'a str,
    /// Which hop took it.
    pub step: Step,
    /// HTTP status; 202 for a broker of this process, as if it had been posted there.
    pub status: u16,
    /// Which attempt at this hop it was, from 1.
    pub attempt: u32,
    /// From the start of the attempt to the end of the answer.
    pub took: Duration,
}

/// A failed attempt that is not the end.
#[derive(Clone, Copy, Debug)]
pub struct RetryScheduled<'a> {
    /// Whose event.
    pub trigger: &'a ResourceName,
    /// The event as the broker keeps it.
    pub event: &'a Event,
    /// Name of the endpoint that failed.
    pub endpoint: &'a str,
    /// What went wrong.
    pub failure: &'a Failure,
    /// The hop that comes next.
    pub next: Step,
    /// Attempts made at the hop that failed.
    pub attempts: u32,
    /// Not before this time.
    pub at: Timestamp,
    /// The wait until then.
    pub wait: Duration,
    /// The attempt was the last that the policy has: it is tried on because its key may not go on without it.
    pub is_past_last: bool,
}

/// An event that waits for a person.
#[derive(Clone, Copy, Debug)]
pub struct Parked<'a> {
    /// Whose event.
    pub trigger: &'a ResourceName,
    /// The event as the broker keeps it.
    pub event: &'a Event,
    /// What went wrong last.
    pub failure: &'a Failure,
    /// Attempts made.
    pub attempts: u32,
}

/// An event in the dead-letter store.
#[derive(Clone, Copy, Debug)]
pub struct DeadLettered<'a> {
    /// Whose event.
    pub trigger: &'a ResourceName,
    /// The event that is in the store: the original, or the reply that looped.
    pub event: &'a Event,
    /// Why.
    pub reason: DeadLetterReason,
    /// The failure that ended it, if one did.
    pub failure: Option<&'a Failure>,
}

/// An event that came out of a delivery.
#[derive(Clone, Copy, Debug)]
pub struct ReplyStored<'a> {
    /// Whose delivery.
    pub trigger: &'a ResourceName,
    /// Where it is stored.
    pub broker: &'a ResourceName,
    /// The event.
    pub event: &'a Event,
    /// Passes that it may still make.
    pub hops: u8,
}

/// An endpoint that is left alone.
#[derive(Clone, Copy, Debug)]
pub struct Opened<'a> {
    /// Name of the endpoint, or its URL without user information.
    pub endpoint: &'a str,
    /// The failure that opened it, in words.
    pub failure: &'a str,
    /// When it is tried again.
    pub until: Timestamp,
}

/// An endpoint that is there again.
#[derive(Clone, Copy, Debug)]
pub struct Closed<'a> {
    /// Name of the endpoint, or its URL without user information.
    pub endpoint: &'a str,
    /// How long it was left alone.
    pub after: Duration,
}

/// A trigger that was paused because of what its subscriber answered.
#[derive(Clone, Copy, Debug)]
pub struct Paused<'a> {
    /// Which.
    pub trigger: &'a ResourceName,
    /// Why, in words.
    pub reason: &'a str,
}

/// A trigger that stopped.
#[derive(Clone, Copy, Debug)]
pub struct Stopped<'a> {
    /// Which.
    pub trigger: &'a ResourceName,
    /// Why, in words.
    pub reason: &'a str,
}
