//! The built-in echo endpoint: hands events to whoever prints them.

use std::fmt;

use schemas::event::Event;
use schemas::names::ResourceName;

/// Prints events for people. The answer to the event is always 200 with an empty body.
pub trait EchoPrinter: Send + Sync + fmt::Debug + 'static {
    /// Prints one event. Must not block for long: it runs on the delivering task.
    fn print(&self, endpoint: &str, trigger: &ResourceName, event: &Event);
}

/// Prints nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoEcho;

impl EchoPrinter for NoEcho {
    fn print(&self, _endpoint: &str, _trigger: &ResourceName, _event: &Event) {}
}
