//! Which openings of breakers are logged: an endpoint that flaps must not fill the log.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// An endpoint's openings and closings are logged once in this time.
const PAUSE: Duration = Duration::from_secs(60);

/// What was said of each endpoint. Grows with the endpoints that ever failed, which the configuration bounds.
#[derive(Debug, Default)]
pub(super) struct Breakers(Mutex<HashMap<String, Said>>);

#[derive(Debug)]
struct Said {
    at: Instant,
    /// Openings since that were not logged.
    unsaid: u32,
    /// Whether the last opening was logged, and its closing was not.
    is_open: bool,
}

impl Breakers {
    /// Whether this opening is to be logged: how many before it were not, if so.
    pub(super) fn say(&self, endpoint: &str) -> Option<u32> {
        let now = Instant::now();
        let mut all = self.0.lock();
        let Some(said) = all.get_mut(endpoint) else {
            let said = Said {
                at: now,
                unsaid: 0,
                is_open: true,
            };
            all.insert(endpoint.to_owned(), said);
            return Some(0);
        };
        if now.duration_since(said.at) < PAUSE {
            said.unsaid = said.unsaid.saturating_add(1);
            return None;
        }
        said.at = now;
        said.is_open = true;
        Some(std::mem::take(&mut said.unsaid))
    }

    /// Whether the opening that ends now was logged.
    pub(super) fn was_said(&self, endpoint: &str) -> bool {
        let mut all = self.0.lock();
        all.get_mut(endpoint)
            .is_some_and(|said| std::mem::take(&mut said.is_open))
    }
}

#[cfg(test)]
mod tests;
