//! The yardsticks that are servers: each does the least that its job can be done with, on plain hyper, in a process of
//! its own, with as many workers as Heddle has.

pub(crate) mod discard;
pub(crate) mod fsync;
mod http1;
pub(crate) mod post;
pub(crate) mod relay;
pub(crate) mod sink;
