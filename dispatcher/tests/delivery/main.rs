//! The dispatcher against an engine in memory, the embedded one, and endpoints of this process.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on shows where it stood")]

mod brokers;
mod dead_letters;
mod embedded;
mod engine;
mod fixture;
mod isolation;
mod misbehaviour;
mod replies;
mod requests;
mod retries;
mod script;
mod settling;
mod shutdown;
mod sink;
mod tls;
