//! A text that never shows up in a log or a status.

use std::fmt;

/// A password, token or private key. `Debug` hides it, and there is no `Display`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the call that needs it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Compares in a time that depends on the given text's length only.
    #[must_use]
    pub fn matches(&self, given: &[u8]) -> bool {
        let own = self.0.as_bytes();
        let mut difference = own.len() ^ given.len();
        for (at, byte) in given.iter().enumerate() {
            // A shorter secret is compared with itself over and over; the lengths have decided already.
            let mine = own.get(at % own.len().max(1)).copied().unwrap_or(0);
            difference |= usize::from(mine ^ byte);
        }
        std::hint::black_box(difference) == 0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}
