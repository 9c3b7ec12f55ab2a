//! The names of Heddle's metrics that are read here.

/// Events that brokers stored since the process started.
pub(crate) const STORED: &str = "heddle_broker_stored_total";
