//! Triggers: matching, delivery, retry, replies and dead-lettering.
//!
//! [`Dispatcher::start`] takes validated [`TriggerSpec`]s, subscribes each to its broker's engine and delivers every
//! event that matches to its subscriber. The way of one claim, one module a station:
//!
//! 1. [`index`] matches events for all triggers of a broker at once;
//! 2. `worker` takes a claim, then a slot of the endpoint it goes to (`slots`), when its `gate` is open (concurrency, `rate`,
//!    `breaker`);
//! 3. `exchange` makes one attempt over a [`Transport`]: `request` writes the event, `reply` reads what came back;
//! 4. [`outcome`] judges the answer: delivered, transient or permanent, and whose fault;
//! 5. `next` decides without any I/O what becomes of the event; `delivery` settles the claim with it and `telling` says so.
//!
//! What must hold:
//! - A claim is one attempt at one hop (the subscriber or the dead letter sink). It ends in a settlement that the
//!   engine stored, or it is dropped and comes again. An event is never forgotten here.
//! - A reply is stored together with the settlement of its cause; if it cannot be stored the delivery is retried.
//! - An endpoint that hangs holds its own slots and no one else's; every endpoint keeps one slot that the others
//!   cannot take. Waiting for one uses no attempt.
//! - Redirects are never followed, answers are read up to a cap, secrets of endpoints are in no message.
//!
//! What it never does: keep an event's fate in memory only, or change a byte of an event beyond the extensions named
//! in [`extensions`].

pub mod backoff;
pub mod breaker;
mod delivery;
pub mod dispatcher;
mod door;
mod endpoint;
mod exchange;
pub mod extensions;
mod gate;
mod health;
pub mod index;
pub mod limits;
pub mod metrics;
mod next;
pub mod observer;
pub mod outcome;
mod pace;
#[doc(hidden)]
pub mod probe;
pub mod rate;
mod reply;
mod request;
pub mod retry_after;
mod sides;
mod slots;
pub mod spec;
pub mod status;
mod telling;
#[cfg(test)]
mod testing;
pub mod transport;
mod trigger;
mod worker;

pub use breaker::BreakerPolicy;
pub use dispatcher::{Dispatcher, Drained, Handle, Options, StartError, StillRunning};
pub use limits::Limits;
pub use metrics::Metrics;
pub use observer::{
    Closed, DeadLettered, Delivered, Observer, Opened, Parked, Paused, ReplyStored, RetryScheduled, Silent,
    Stopped,
};
pub use rate::Rate;
pub use spec::{
    AfterLastAttempt, BackoffPolicy, DeliveryPolicy, Format, HttpSink, Sender, Sink, TriggerSpec,
};
pub use status::{EndpointState, EndpointStatus, LastError, TriggerStatus};
pub use transport::client::{HttpOptions, HttpTransport};
pub use transport::{Transport, Trust};
