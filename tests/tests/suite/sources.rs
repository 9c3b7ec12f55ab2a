//! Every source with its real server: what its events look like, and that its position moves only after they are kept.

mod kafka;
mod nats;
mod ping;
mod webhook;
