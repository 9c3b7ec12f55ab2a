//! What the black-box suites share: the process under test, real servers, scripted endpoints, producers.
//!
//! Everything here is written for tests: a broken expectation panics with what was awaited and what was seen instead.
//! Every process that is started is owned by a value whose drop ends it by its id and reaps it, also while a test
//! panics. Nothing here builds anything: `heddle` and the servers must be there already (`make test` sees to it).

pub mod config;
pub mod event;
pub mod heddle;
pub mod isolated;
pub mod judge;
pub mod load;
pub mod metrics;
pub mod not_run;
pub mod peer;
pub mod process;
pub mod producer;
pub mod repository;
pub mod rude;
pub mod servers;
pub mod sink;
pub mod wait;
pub mod yaml;

pub use config::{Resources, Trigger};
pub use event::Event;
pub use heddle::{Cli, Heddle};
pub use metrics::Metrics;
pub use producer::{Answered, Producer};
pub use sink::{Answer, Received, Sink};
pub use wait::{PATIENCE, RETRY_PATIENCE, eventually, eventually_async};
