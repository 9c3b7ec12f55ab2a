//! The journal as its callers see it.
#![expect(clippy::unwrap_used, reason = "a test's helpers fail like the test itself")]

mod backup;
mod basics;
mod closing;
mod concurrency;
mod damage;
mod durability;
mod faults;
mod inspect;
mod opening;
mod processes;
mod retirement;
mod retiring;
mod simulation;
mod space;
mod support;
