//! The journal as its callers see it.
#![expect(clippy::unwrap_used, reason = "a test's helpers fail like the test itself")]

mod basics;
mod concurrency;
mod damage;
mod durability;
mod faults;
mod processes;
mod retirement;
mod retiring;
mod simulation;
mod space;
mod support;
